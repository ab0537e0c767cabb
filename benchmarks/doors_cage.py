"""How exactly `calibrate cage` finds a camera: simulated cages, corners clicked 2 px off.

A home cage (370 x 210 x 150 mm) and an open field (400 x 400 mm) seen from 20 to 80 degrees above
the floor, in images of 640 x 480 to 1920 x 1080. The error of the scale is that of mm per pixel on
the floor, mean over the floor; views that are refused count as refused, not as errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mousepose.calibrate.cage import calibrate_cage
from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box, millimetres_per_pixel
from mousepose.errors import MouseposeError
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Floats

CLICK_PX = 2.0
REPEATS = 3
BOXES = (Box(370, 210, 150), Box(400, 400, 300))
SIZES = ((640, 480), (1280, 1024), (1920, 1080))
ELEVATIONS = (20.0, 35.0, 50.0, 65.0, 80.0)


def views() -> Iterator[tuple[Box, Camera]]:
    """Yield cages and cameras whose image the cage fills to about half."""
    random = np.random.default_rng(0)
    for box in BOXES:
        for size in SIZES:
            for elevation in ELEVATIONS:
                focal = size[0] * random.uniform(0.7, 1.2)
                yield box, watching_camera(
                    (box.length / 2, box.width / 2, 0.0), elevation_deg=elevation, size=size,
                    distance_mm=2.2 * focal / size[0] * max(box.length, 1.3 * box.width),
                    azimuth_deg=random.uniform(-110, -70), focal_px=focal,
                )  # fmt: skip


def scale_errors(known_lens: bool) -> tuple[Floats, int, int]:
    """Return errors of the scale (%), and how many views were refused of how many."""
    random = np.random.default_rng(1)
    names = CORNER_NAMES[:4] if known_lens else CORNER_NAMES
    errors: list[float] = []
    refused = tried = 0
    for box, camera in views():
        lens = replace(camera, T_camera_world=np.eye(4), floor_plane=None)
        seen = camera.project(box.corners(names))
        floor = camera.project(box.floor_places())
        for _ in range(REPEATS):
            clicked = seen + random.normal(0, CLICK_PX, seen.shape)
            inside = ((clicked > 0) & (clicked < np.array(camera.size) - 1)).all(axis=1)
            corners = {n: c.tolist() for n, c, i in zip(names, clicked, inside, strict=True) if i}
            tried += 1
            try:
                found = calibrate_cage(
                    corners, box, camera.size, intrinsics=lens if known_lens else None
                )  # fmt: skip
            except MouseposeError:
                refused += 1
                continue
            have, want = (millimetres_per_pixel(c, floor) for c in (found.camera, camera))
            errors.append(100 * abs(float(np.nanmean(have / want)) - 1))
    return np.array(errors), refused, tried


def figures() -> dict[str, float]:
    """Return medians and 90th percentiles (%) of the error of the scale, and shares refused."""
    found = {}
    for word, known in (("", True), ("unknown_lens_", False)):
        errors, refused, tried = scale_errors(known)
        found[f"calibrate.cage_{word}scale_percent"] = float(np.median(errors))
        found[f"calibrate.cage_{word}scale_p90_percent"] = float(np.quantile(errors, 0.9))
        found[f"calibrate.cage_{word}refused_percent"] = 100 * refused / tried
    return found
