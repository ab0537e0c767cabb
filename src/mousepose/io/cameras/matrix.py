"""The bare matrix of a camera: three rows of three numbers, as the dataset's `intrinsics.txt`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mousepose.errors import CameraError, FileError
from mousepose.geometry.camera import Camera
from mousepose.geometry.camera_checks import find_problems
from mousepose.io.cameras.faults import Faults
from mousepose.io.cameras.text import is_number, rows_of_text, write_text

_SIZE_COMMENT = re.compile(r"^# image size (\d{1,6}) (\d{1,6})$", re.MULTILINE)


def is_matrix(text: str) -> bool:
    """Tell whether the first row of `text` starts with a number, and assigns nothing."""
    rows = rows_of_text(text)
    return bool(rows) and "=" not in rows[0][1] and is_number(rows[0][1][0])


def read_matrix(path: Path, text: str, size: tuple[int, int] | None) -> list[Camera]:
    """Return the camera of a bare matrix, which holds no image size but in a comment of ours.

    `Camera.source` says where the size had to be guessed.
    """
    rows = rows_of_text(text)
    for number, words in rows:
        if len(words) != 3 or not all(map(is_number, words)):
            raise FileError(f"{path}: line {number}: expected 3 numbers, got {words[:4]}")
    matrix = np.array([[float(word) for word in words] for _, words in rows])
    faults = Faults(path)
    for field, problem in find_problems(matrix=matrix).items():
        faults.add("file", field, problem)
    faults.raise_if_any()
    source = path.name
    stated = _SIZE_COMMENT.search(text)
    if size is None and stated:
        size = (int(stated[1]), int(stated[2]))
    if size is None:
        size = (round(2 * matrix[0, 2]), round(2 * matrix[1, 2]))
        source += " (image size guessed from the principal point)"
    return [Camera(matrix, np.zeros(0), np.eye(4), size, source=source)]


def write_matrix(path: Path, cameras: Sequence[Camera]) -> None:
    """Write the matrix of one camera, its image size as a comment.

    Raises `CameraError` for more cameras than one, and where lens, pose or floor would be lost.
    """
    if len(cameras) != 1:
        raise CameraError(f"{path}: a bare matrix holds one camera, got {len(cameras)}")
    (camera,) = cameras
    held = {
        "distortion": camera.distortion.any() or camera.model == "fisheye",
        "pose": not np.array_equal(camera.T_camera_world, np.eye(4)),
        "floor_plane": camera.floor_plane is not None,
    }
    lost = [name for name, there in held.items() if there]
    if lost:
        raise CameraError(
            f"{path}: a bare matrix would lose the {', '.join(lost)} of {camera.name!r}; write a "
            "calibration TOML instead"
        )
    rows = "\n".join(" ".join(map(repr, row)) for row in camera.matrix.tolist())
    write_text(path, f"# image size {camera.size[0]} {camera.size[1]}\n{rows}\n")
