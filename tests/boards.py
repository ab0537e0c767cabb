"""Boards whose place is known and cameras that see them: what the tests of calibration share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.calibrate.board_pattern import board_image
from mousepose.calibrate.board_views import BoardViews
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.simulate.board import BoardRenderer
from mousepose.types import Floats

CHARUCO = Board("charuco", 6, 8, 24.0, 18.0)
#: 10 x 7 squares look the same after no turn, 8 x 6 after half a turn, 7 x 7 after a quarter.
TELLING, HALF, QUARTER = (
    Board("checkerboard", columns, rows, 20.0) for columns, rows in ((10, 7), (8, 6), (7, 7))
)
SIZE = (640, 512)
LENSES = {
    "none": ("pinhole", []),
    "four": ("pinhole", [-0.22, 0.08, 6e-4, -5e-4]),
    "five": ("pinhole", [-0.16, 0.94, -1e-3, -4e-3, -2.7]),
    "fisheye": ("fisheye", [-0.02, 0.01, -0.006, 0.001]),
}
#: How far away a board is held, mm.
DISTANCE = 480.0
_PIXELS_PER_MM, _MARGIN = 5.0, 12.0


def make_camera(lens: str = "four", focal: float = 520.0, name: str = "cam_0") -> Camera:
    """Return a camera at the world's origin whose axis is not quite the image centre."""
    model, terms = LENSES[lens]
    matrix = [[focal, 0, 316.0], [0, focal * 1.001, 259.0], [0, 0, 1]]
    return Camera(matrix, terms, np.eye(4), SIZE, name, model)


def make_rig(count: int = 3, lens: str = "four") -> list[Camera]:
    """Return cameras side by side that look at a place `DISTANCE` before the first, the world."""
    target = np.array([0, 0, DISTANCE])
    cameras = []
    for index in range(count):
        model, terms = LENSES[lens]
        turn = rotation.exp([0.1 * (index % 2), 0.5 * index, 0.05 * index])
        transform = np.eye(4)
        transform[:3, :3], transform[:3, 3] = turn, target - turn @ target
        matrix = make_camera(lens, 520.0 + 10 * index).matrix
        cameras.append(Camera(matrix, terms, transform, SIZE, f"cam_{index}", model))
    return cameras


def held(board: Board, frames: int, seed: int = 0, tilt: float = 0.4, turn: float = 0.25) -> Floats:
    """Return T_world_board (F, 4, 4) of a board held before `make_rig`, each time differently.

    `turn` rad is how far it is turned to the side where the cameras stand.
    """
    random = np.random.default_rng(seed)
    transforms = np.tile(np.eye(4), (frames, 1, 1))
    for transform in transforms:
        axes = rotation.exp([0, -turn, 0]) @ rotation.exp(random.normal(0, tilt, 3))
        place = random.uniform((-90, -70, DISTANCE - 140), (90, 70, DISTANCE + 90))
        transform[:3, :3] = axes
        transform[:3, 3] = place - axes @ board.points.mean(axis=0)
    return transforms


def see(
    board: Board,
    cameras: Sequence[Camera],
    T_world_board: Floats,
    *,
    noise: float = 0.1,
    seed: int = 0,
    turned: bool = False,
) -> BoardViews:
    """Return what the cameras see of a board, with noise (px); `turned`: in orders that it allows.

    A checkerboard is seen as a whole or not at all.
    """
    random = np.random.default_rng(seed)
    frames = len(T_world_board)
    pixels = np.full((len(cameras), frames, len(board.points), 2), np.nan)
    for index, camera in enumerate(cameras):
        for frame, transform in enumerate(T_world_board):
            world = board.points @ transform[:3, :3].T + transform[:3, 3]
            if transform[:3, 2] @ (transform[:3, 3] - camera.position) < 0:
                continue  # its back
            image = camera.project(world)
            image[~((image >= 0) & (image < camera.size)).all(axis=1)] = np.nan
            seen = np.isfinite(image[:, 0])
            if seen.sum() < 10 or not (board.has_markers or seen.all()):
                continue
            if turned:
                image = image[board.turns[random.integers(len(board.turns))]]
            pixels[index, frame] = image + random.normal(0, noise, image.shape)
    sharp = np.where(np.isfinite(pixels[..., 0]).any(axis=-1), 2.5, np.nan)
    views = BoardViews(
        board,
        tuple(camera.name for camera in cameras),
        tuple(camera.size for camera in cameras),
        np.arange(frames),
        pixels,
        sharp,
        frames,
    )
    return views.only(views.seen.any(axis=0))


def renderer(camera: Camera, board: Board) -> BoardRenderer:
    """Return what takes pictures of a board with a camera."""
    image = board_image(board, _PIXELS_PER_MM, _MARGIN)
    return BoardRenderer(camera, image, _PIXELS_PER_MM, _MARGIN)


def film(
    folder: Path, camera: Camera, board: Board, T_world_board: Floats, **faults: float
) -> Path:
    """Write the images that a camera takes of a board into a folder; the frames are its numbers."""
    from PIL import Image

    folder.mkdir()
    take = renderer(camera, board)
    for frame, transform in enumerate(T_world_board):
        image = take(camera.T_camera_world @ transform, seed=frame, **faults)
        Image.fromarray(image).save(folder / f"{frame}.png")
    return folder
