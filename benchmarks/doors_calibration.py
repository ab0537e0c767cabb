"""Cameras calibrated from pictures of a board, against the truth and against aniposelib.

    python benchmarks/doors_calibration.py

Four cameras around a cage take pictures of a ChArUco board (8 x 11 squares of 24 mm, as that of
homecage_4cam) with their lenses, blur and noise. Every fourth frame is kept back; both programs get
the same corners of the others.

    calibrate.board_px                 corners from their triangulated places, rms, frames kept
                                       back, cameras of mousepose
    calibrate.aniposelib_px            the same, cameras of aniposelib; left out where it is absent
    calibrate.board_focal_percent      largest error of a focal length of mousepose
    calibrate.board_distance_percent   largest error of a distance between two of its cameras
    calibrate.aniposelib_focal_percent, calibrate.aniposelib_distance_percent   of aniposelib

The figures of the cage are those of doors_cage.py.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from common import Measured, arguments, run

from mousepose.calibrate.board import Board
from mousepose.calibrate.board_calibration import calibrate_views
from mousepose.calibrate.board_detect import Detector
from mousepose.calibrate.board_pattern import board_image
from mousepose.calibrate.board_views import BoardViews
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate import triangulate
from mousepose.io import read_cameras
from mousepose.simulate.board import BoardRenderer
from mousepose.types import Floats

BOARD = Board("charuco", 8, 11, 24.0, 18.75, "4x4_1000")
#: What aniposelib needs besides itself, and does not say before it is needed.
ANIPOSELIB = ("aniposelib", "jax", "toml")
SIZE = (640, 512)
PLACES = {
    "front": (560, 0, 380), "left": (0, 560, 400), "back": (-520, 80, 420), "top": (60, -40, 800),
}  # fmt: skip
LOOKED_AT = np.array([0.0, 0.0, 80.0])
FRAMES, KEPT_BACK_OF = 40, 4
BLUR_PX, NOISE = 0.8, 3.0
PIXELS_PER_MM, MARGIN_MM = 4.0, 12.0


def figures() -> dict[str, float]:
    """Return the figures of calibration by name."""
    found = board_figures()
    if find_spec("doors_cage") is not None:
        found |= import_module("doors_cage").figures()
    return found


def board_figures() -> dict[str, float]:
    """Return the figures of both programs on the same corners."""
    true = rig()
    views = photograph(true)
    kept_back = np.arange(FRAMES) % KEPT_BACK_OF == KEPT_BACK_OF - 1
    train = views.only(np.flatnonzero(~kept_back))
    kept = views.pixels[:, kept_back]
    ours = calibrate_views(train).cameras
    found = {"calibrate.board_px": error_px(ours, kept)} | _named("board", errors(ours, true))
    missing = [name for name in ANIPOSELIB if find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} not installed: aniposelib left out", file=sys.stderr)
        return found
    theirs = with_aniposelib(train)
    found["calibrate.aniposelib_px"] = error_px(theirs, kept)
    return found | _named("aniposelib", errors(theirs, true))


def rig() -> list[Camera]:
    """Return the four cameras in the world of the cage, z up."""
    cameras = []
    for index, (name, place) in enumerate(PLACES.items()):
        position = np.array(place, np.float64)
        forward = LOOKED_AT - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        transform = np.eye(4)
        transform[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        transform[:3, 3] = -transform[:3, :3] @ position
        focal = 525.0 + 7 * index
        matrix = [[focal, 0, 316 + 2 * index], [0, focal, 259 - index], [0, 0, 1]]
        lens = [-0.22 + 0.03 * index, 0.08, 6e-4, -5e-4]
        cameras.append(Camera(matrix, lens, transform, SIZE, name))
    return cameras


def hold(cameras: Sequence[Camera], seed: int = 3) -> Floats:
    """Return T_world_board (F, 4, 4): held towards two cameras at a time, tilted, turned, moved."""
    random = np.random.default_rng(seed)
    transforms = np.tile(np.eye(4), (FRAMES, 1, 1))
    for transform in transforms:
        place = LOOKED_AT + random.uniform(-110, 110, 3)
        first, second = random.choice(len(cameras), 2, replace=False)
        towards = (cameras[first].position + cameras[second].position) / 2 - place
        towards /= np.linalg.norm(towards)
        axis = np.cross([0.0, 0.0, 1.0], towards)
        angle = np.arctan2(np.linalg.norm(axis), towards[2])
        # the print looks along -z of the board
        facing = rotation.exp(axis / np.linalg.norm(axis) * angle) @ np.diag([1.0, -1.0, -1.0])
        about = rotation.exp([0, 0, random.uniform(-1, 1)])
        transform[:3, :3] = rotation.exp(random.normal(0, 0.35, 3)) @ facing @ about
        transform[:3, 3] = place - transform[:3, :3] @ BOARD.points.mean(axis=0)
    return transforms


def photograph(cameras: Sequence[Camera]) -> BoardViews:
    """Return the corners found in pictures that the cameras take of the board."""
    print_ = board_image(BOARD, PIXELS_PER_MM, MARGIN_MM)
    pixels = np.full((len(cameras), FRAMES, len(BOARD.points), 2), np.nan)
    widths = np.full((len(cameras), FRAMES), np.nan)
    detect = Detector(BOARD)
    for index, camera in enumerate(cameras):
        take = BoardRenderer(camera, print_, PIXELS_PER_MM, MARGIN_MM)
        for frame, transform in enumerate(hold(cameras)):
            seen_from = camera.T_camera_world @ transform
            if seen_from[:3, 2] @ seen_from[:3, 3] < 0:
                continue  # its back
            found = detect(take(seen_from, blur_px=BLUR_PX, noise=NOISE, seed=frame))
            if found is not None:
                pixels[index, frame], widths[index, frame] = found
    names = tuple(camera.name for camera in cameras)
    sizes = tuple(camera.size for camera in cameras)
    return BoardViews(BOARD, names, sizes, np.arange(FRAMES), pixels, widths, FRAMES)


def error_px(cameras: Sequence[Camera], pixels: Floats) -> float:
    """Return the rms distance (px) of pixels (C, F, P, 2) from their triangulated places."""
    found = triangulate(cameras, pixels)
    known = np.isfinite(found.reprojection_error)
    weight = found.n_views[known]
    return float(np.sqrt((found.reprojection_error[known] ** 2 * weight).sum() / weight.sum()))


def errors(found: Sequence[Camera], true: Sequence[Camera]) -> dict[str, float]:
    """Return the largest errors of focal lengths and of distances between cameras, in percent."""
    focal = [
        100 * np.abs(np.diag(a.matrix)[:2] / np.diag(b.matrix)[:2] - 1).max()
        for a, b in zip(found, true, strict=True)
    ]
    distance = [
        100 * abs(_distance(found[i], found[j]) / _distance(true[i], true[j]) - 1)
        for i, j in combinations(range(len(true)), 2)
    ]
    return {"focal_percent": float(max(focal)), "distance_percent": float(max(distance))}


def _distance(one: Camera, other: Camera) -> float:
    return float(np.linalg.norm(one.position - other.position))


def _named(who: str, found: dict[str, float]) -> dict[str, float]:
    return {f"calibrate.{who}_{name}": value for name, value in found.items()}


def with_aniposelib(views: BoardViews) -> list[Camera]:
    """Return the cameras that aniposelib finds from the same corners, through its own file."""
    boards, cameras = import_module("aniposelib.boards"), import_module("aniposelib.cameras")
    board = boards.CharucoBoard(
        BOARD.columns, BOARD.rows, square_length=BOARD.square_mm, marker_length=BOARD.marker_mm,
        marker_bits=4, dict_size=1000,
    )  # fmt: skip
    group = cameras.CameraGroup.from_names(list(views.names))
    for camera, size in zip(group.cameras, views.sizes, strict=True):
        camera.set_size(size)
    with tempfile.TemporaryDirectory() as room, contextlib.redirect_stdout(io.StringIO()):
        rows = [board.fill_points_rows(_rows(views, index)) for index in range(len(views.names))]
        group.calibrate_rows(rows, board, verbose=False)
        path = Path(room) / "calibration.toml"
        group.dump(str(path))
        return read_cameras(path)


def _rows(views: BoardViews, index: int) -> list[dict[str, Any]]:
    """Return one camera's corners as aniposelib lists them."""
    rows = []
    for number, corners in zip(views.frame_numbers, views.pixels[index], strict=True):
        seen = np.isfinite(corners[:, 0])
        if seen.any():
            rows.append({
                "framenum": int(number),
                "corners": corners[seen].astype(np.float32)[:, None],
                "ids": np.flatnonzero(seen).astype(np.int32)[:, None],
            })  # fmt: skip
    return rows


def measure(_: argparse.Namespace) -> Measured:
    """Measure both programs, and the cage."""
    measured = Measured("Calibration", ("figure", "value"))
    found = figures()
    for name, value in found.items():
        measured.add_row(name, value)
    measured.add_figures("", found)
    measured.ran_on.append(f"rendered pictures, {FRAMES} frames of {len(PLACES)} cameras")
    return measured


if __name__ == "__main__":
    sys.exit(run(arguments(__doc__), measure))
