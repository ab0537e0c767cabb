"""How good a guessed camera is: real motion of a mouse, seen by cameras that were never there.

    python benchmarks/doors_guess.py [--repeats 2]

`stac_mouse_mocap`: 3600 frames of a mouse that wanders over about 140 x 120 mm, 34 tracked marks in
space (1.35 times life size, so shrunk; its floor, which is tilted in the data, is fitted to the
paws). Cameras at 20 to 85 degrees above the floor see it with 2 px of noise. The body length that
the guess is told is the mean of the truth. Where the marks ride is a first guess by their names.

    guess.lens.*            focal length and lens known
    guess.field_of_view.*   the field of view 5 % off
    guess.typical.*         nothing known: a typical camera
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import REPOSITORY, CannotMeasure, Measured, arguments, folder, run

from mousepose.calibrate.cage_geometry import millimetres_per_pixel
from mousepose.calibrate.guess import guess_camera
from mousepose.errors import MouseposeError
from mousepose.fit.config import Scale
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Floats, Keypoints2D

MARKS_FILE = REPOSITORY / "tools" / "stac_first_guess.toml"
LIFE_SIZE = 1 / 1.35
Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # the set has y down
PAWS = ("Forepaw_L", "Forepaw_R", "MTP_L", "MTP_R")
PAW_HEIGHT = 1.5
ELEVATIONS = (20.0, 30.0, 40.0, 55.0, 70.0, 85.0)
SIZE, FOCAL, DISTANCE, NOISE_PX = (1280, 1024), 1050.0, 400.0, 2.0


def motion(path: Path) -> tuple[Floats, tuple[str, ...]]:
    """Return the marks (T, K, 3) mm over the floor z = 0, and their names."""
    file = path / "mouse_mocap_3600.npz"
    if not file.exists():
        raise CannotMeasure(f"{file} is not there")
    with np.load(file) as data:
        points = data["points3d"].astype(np.float64) * LIFE_SIZE @ Z_UP.T
        names = tuple(str(name) for name in data["keypoint_names"])
    paws = points[:, [names.index(name) for name in PAWS]].reshape(-1, 3)
    level = _floor_of(paws)
    points = points @ level.T
    height = np.median((paws @ level.T).reshape(len(points), -1, 3)[..., 2].min(axis=1))
    middle = [*points[..., :2].mean(axis=(0, 1)), height - PAW_HEIGHT]
    return points - middle, names


def _floor_of(paws: Floats) -> Floats:
    """Return the rotation (3, 3) that lays the floor under paws (N, 3) level; paws seldom sink."""
    columns = np.column_stack([paws[:, :2], np.ones(len(paws))])
    weight = np.ones(len(paws))
    for _ in range(50):
        root = np.sqrt(weight)
        slope = np.linalg.lstsq(columns * root[:, None], paws[:, 2] * root, rcond=None)[0]
        over = paws[:, 2] - columns @ slope
        weight = np.where(over > 0, 0.15, 1.0) / (1 + (over / 2) ** 2)
    normal = np.array([-slope[0], -slope[1], 1.0])
    normal /= np.linalg.norm(normal)
    right = np.cross([0.0, 1.0, 0.0], normal)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(normal, right), normal])


def seen_by(camera: Camera, points: Floats, names: tuple[str, ...], seed: int) -> Keypoints2D:
    """Return what a tracker tells of the marks in the camera's image."""
    xy = camera.project(points)
    xy = xy + np.random.default_rng(seed).normal(0, NOISE_PX, xy.shape)
    inside = ((xy > 0) & (xy < np.array(camera.size) - 1)).all(axis=-1)
    times = np.arange(len(points))
    return Keypoints2D(
        xy=np.where(inside[..., None], xy, np.nan)[:, None],
        confidence=inside[:, None].astype(np.float64),
        times=times / 30.0,
        frame_numbers=times,
        keypoint_names=names,
    )


def errors(
    camera: Camera, points: Floats, keypoints: Keypoints2D, given: dict[str, Any]
) -> list[float] | None:
    """Return errors of tilt (degrees), scale and focal length (%), and the three as stated."""
    ends = [keypoints.keypoint_names.index(name) for name in ("Nose", "TTI")]
    length = np.linalg.norm(points[:, ends[0]] - points[:, ends[1]], axis=1).mean()
    try:
        found = guess_camera(
            keypoints, SIZE, keypoint_map=str(MARKS_FILE), scale=Scale.body_length(length), **given
        )
    except MouseposeError:
        return None
    floor = camera.project(points.mean(axis=1) * [1, 1, 0])
    have, want = (millimetres_per_pixel(each, floor) for each in (found.camera, camera))
    here, there = found.camera.floor_in_camera, camera.floor_in_camera
    assert here is not None and there is not None
    off = found.uncertainty
    return [
        float(np.degrees(np.arccos(np.clip(here[:3] @ there[:3], -1, 1)))),
        100 * float(np.sqrt(np.nanmean(np.log(have / want) ** 2))),
        100 * abs(float(np.log(found.camera.matrix[0, 0] / FOCAL))),
        off.tilt_degrees,
        off.scale_percent,
        off.focal_percent,
    ]


def measure(options: argparse.Namespace) -> Measured:
    """Guess every camera three times, each time told less."""
    columns = ("known", "from", "refused", "tilt", "stated", "scale %", "stated", "focal %",
               "stated")  # fmt: skip
    measured = Measured("A camera guessed from a mouse (medians; stated: 1 SD)", columns)
    points, names = motion(folder(options.data, "stac_mouse_mocap"))
    random = np.random.default_rng(0)
    found: dict[str, list[list[float] | None]] = {"lens": [], "field_of_view": [], "typical": []}
    for elevation in ELEVATIONS:
        for repeat in range(options.repeats):
            camera = watching_camera(
                distance_mm=DISTANCE, azimuth_deg=random.uniform(0, 360), focal_px=FOCAL,
                elevation_deg=elevation, size=SIZE,
            )  # fmt: skip
            keypoints = seen_by(camera, points, names, repeat)
            told = {
                "lens": {"intrinsics": camera}, "typical": {},
                "field_of_view": {"focal_px": FOCAL * np.exp(random.choice([-0.05, 0.05]))},
            }  # fmt: skip
            for known, given in told.items():
                found[known].append(errors(camera, points, keypoints, given))
        for known, tried in found.items():
            made = [one for one in tried[-options.repeats :] if one is not None]
            cells = np.median(made, axis=0)[[0, 3, 1, 4, 2, 5]] if made else np.full(6, np.nan)
            refused = options.repeats - len(made)
            measured.add_row(known, f"{elevation:.0f} degrees", refused, *map(float, cells))
    for known, tried in found.items():
        made = [one for one in tried if one is not None]
        middle, most = np.median(made, axis=0), np.quantile(made, 0.9, axis=0)
        table = {}
        for index, name in enumerate(("tilt_degrees", "scale_percent", "focal_percent")):
            table |= {name: middle[index], f"{name}_p90": most[index]}
            table |= {f"stated_{name}": middle[index + 3]}
        table["refused_percent"] = 100 * (1 - len(made) / len(tried))
        measured.add_figures(f"guess.{known}", table)
    measured.ran_on.append(f"stac_mouse_mocap ({len(points)} frames)")
    return measured


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=2, help="cameras at each elevation")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
