"""How exactly `calibrate cage` finds a camera: simulated cages, corners clicked 2 px off.

    python benchmarks/doors_cage.py [--repeats 3]

A home cage (370 x 210 x 150 mm) and an open field (400 x 400 mm) that fill images of 640 x 480 to
1920 x 1080, seen from the side (8 to 22 degrees above the floor), aslant (25 to 60) and from above
(75 to 90). Lenses nobody knows have k1 of 0.05 and a principal point 1 % of the width off (1 SD),
which the calibration is not told; a field of view is 5 % off. The error of the scale is that of mm
per pixel, root mean square over the floor; views that are refused count as refused, not as errors.

    calibrate.cage_scale_percent       median, lens known, 4 corners of the floor
    calibrate.cage_scale_p90_percent   90th percentile of the same
    ... the same with _field_of_view, _unknown (floor and rim, nothing known) and
    _unknown_floor (4 corners of the floor, nothing known), and what is refused or does not pass
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from common import Measured, arguments, run

from mousepose.calibrate.cage import VIEW_SD, calibrate_cage
from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box, millimetres_per_pixel
from mousepose.errors import MouseposeError
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera

CLICK_PX = 2.0
REPEATS = 3
BEND_SD, CENTRE_SHARE = 0.05, 0.01
BOXES = (Box(370, 210, 150), Box(400, 400, 300))
SIZES = ((640, 480), (1280, 1024), (1920, 1080))
VIEWS = {"side": (8.0, 22.0), "aslant": (25.0, 60.0), "above": (75.0, 89.9)}
#: What is known -> the name of its figures, and how many corners are clicked.
KNOWN = {
    "lens": ("", 4),
    "field of view": ("_field_of_view", 4),
    "nothing, floor and rim": ("_unknown", 8),
    "nothing, floor only": ("_unknown_floor", 4),
}


@dataclass(frozen=True)
class Found:
    """Errors of one calibration: scale (%), focal length (%), tilt (degrees); whether it passed."""

    scale: float
    focal: float
    tilt: float
    passed: bool


def camera_before(
    random: np.random.Generator, box: Box, view: str, size: tuple[int, int], true_lens: bool
) -> Camera:
    """Return a camera so near that the cage just fits into its image."""
    focal = size[0] / 2 / np.tan(np.deg2rad(random.uniform(40, 75)) / 2)
    elevation, azimuth = random.uniform(*VIEWS[view]), random.uniform(0, 360)
    aim = (box.length / 2, box.width / 2, (box.height or 0) / 3)
    centre = random.normal(0, CENTRE_SHARE * size[0], 2) * (not true_lens)
    bend = random.normal(0, BEND_SD) * (not true_lens)
    for distance in np.arange(250.0, 4000.0, 20.0):
        camera = watching_camera(
            aim, distance_mm=float(distance), azimuth_deg=azimuth, elevation_deg=elevation,
            focal_px=focal, size=size,
        )  # fmt: skip
        matrix = camera.matrix.copy()
        matrix[:2, 2] += centre
        camera = replace(camera, matrix=matrix, distortion=np.array([bend, 0, 0, 0, 0]))
        seen = camera.project(box.corners(CORNER_NAMES))
        if ((seen > 8) & (seen < np.array(size) - 9)).all():
            return camera
    raise AssertionError("the cage fits into no image")


def found_by(random: np.random.Generator, box: Box, camera: Camera, known: str) -> Found | None:
    """Return the errors of the calibration of one view, None where it is refused."""
    names = CORNER_NAMES[: KNOWN[known][1]]
    clicked = camera.project(box.corners(names)) + random.normal(0, CLICK_PX, (len(names), 2))
    focal = float(camera.matrix[0, 0])
    given: dict[str, Any] = {}
    if known == "lens":
        given = {"intrinsics": camera}
    elif known == "field of view":
        given = {"focal_px": focal * np.exp(random.normal(0, VIEW_SD)), "focal_sd": VIEW_SD}
    try:
        result = calibrate_cage(dict(zip(names, clicked, strict=True)), box, camera.size, **given)
    except MouseposeError:
        return None
    floor = camera.project(box.floor_places())
    have, want = (millimetres_per_pixel(each, floor) for each in (result.camera, camera))
    here, there = result.camera.floor_in_camera, camera.floor_in_camera
    assert here is not None and there is not None
    return Found(
        100 * float(np.sqrt(np.nanmean(np.log(have / want) ** 2))),
        100 * abs(float(np.log(result.camera.matrix[0, 0] / focal))),
        float(np.degrees(np.arccos(np.clip(here[:3] @ there[:3], -1, 1)))),
        result.passed,
    )


def results(repeats: int) -> dict[tuple[str, str], list[Found | None]]:
    """Return what was found, by what is known and by view."""
    random = np.random.default_rng(0)
    found: dict[tuple[str, str], list[Found | None]] = {}
    for known in KNOWN:
        for view in VIEWS:
            for box in BOXES:
                for size in SIZES:
                    for _ in range(repeats):
                        camera = camera_before(random, box, view, size, known == "lens")
                        one = found_by(random, box, camera, known)
                        found.setdefault((known, view), []).append(one)
    return found


def figures(repeats: int = REPEATS) -> dict[str, float]:
    """Return medians and 90th percentiles (%) of errors, and shares refused or not passed."""
    return _figures(results(repeats))


def _figures(found: dict[tuple[str, str], list[Found | None]]) -> dict[str, float]:
    told = {}
    for known, (name, _) in KNOWN.items():
        tried = [one for (which, _), ones in found.items() if which == known for one in ones]
        made = [one for one in tried if one is not None]
        scale = [one.scale for one in made]
        passed = [one.scale for one in made if one.passed]
        begin = f"calibrate.cage{name}_"
        told[f"{begin}scale_percent"] = float(np.median(scale))
        told[f"{begin}scale_p90_percent"] = float(np.quantile(scale, 0.9))
        told[f"{begin}passed_scale_p90_percent"] = float(np.quantile(passed, 0.9))
        told[f"{begin}focal_percent"] = float(np.median([one.focal for one in made]))
        told[f"{begin}refused_percent"] = 100 * (1 - len(made) / len(tried))
        told[f"{begin}passed_percent"] = 100 * len(passed) / len(tried)
    return told


def measure(options: argparse.Namespace) -> Measured:
    """Measure every view; a row for each."""
    columns = (
        "known", "view", "refused %", "passed %", "scale %", "p90", "of passed", "focal %",
        "p90", "tilt", "p90",
    )  # fmt: skip
    measured = Measured("A camera from a cage, corners clicked 2 px off", columns)
    found = results(options.repeats)
    for (known, view), tried in found.items():
        made = [one for one in tried if one is not None]
        table = np.array([[one.scale, one.focal, one.tilt] for one in made]).reshape(-1, 3)
        passed = [one.scale for one in made if one.passed]
        if not made:
            measured.add_row(known, view, 100.0)
            continue
        middle, most = np.median(table, axis=0), np.quantile(table, 0.9, axis=0)
        measured.add_row(
            known, view, 100 * (1 - len(made) / len(tried)), 100 * len(passed) / len(tried),
            float(middle[0]), float(most[0]),
            float(np.quantile(passed, 0.9)) if passed else float("nan"),
            float(middle[1]), float(most[1]), float(middle[2]), float(most[2]),
        )  # fmt: skip
    measured.add_figures("", _figures(found))
    measured.ran_on.append(f"{sum(map(len, found.values()))} simulated views")
    return measured


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="views of each kind")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
