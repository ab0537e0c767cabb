"""The door to camera files: the reader is chosen by what a file holds, not by its name.

anipose's `calibration.toml` (anipose.py), OpenCV's YAML and XML (opencv.py), COLMAP's text model
(colmap.py) and the bare matrix of `intrinsics.txt` (matrix.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mousepose.errors import CameraError, FileError
from mousepose.geometry.camera import Camera
from mousepose.io.cameras.anipose import read_anipose, write_anipose
from mousepose.io.cameras.colmap import CAMERAS, IMAGES, is_colmap, read_colmap, write_colmap
from mousepose.io.cameras.matrix import is_matrix, read_matrix, write_matrix
from mousepose.io.cameras.opencv import read_opencv, write_opencv
from mousepose.io.cameras.storage import is_xml, is_yaml
from mousepose.io.cameras.text import read_text
from mousepose.types import Floats

Format = Literal["anipose", "opencv", "colmap", "matrix"]
Reader = Callable[[Path, str, tuple[int, int] | None], list[Camera]]

#: What a text looks like -> its reader; a calibration TOML is what looks like none of them.
_READERS: tuple[tuple[Callable[[str], bool], Reader], ...] = (
    (is_colmap, read_colmap),
    (is_matrix, read_matrix),
    (is_xml, read_opencv),
    (is_yaml, read_opencv),
)
_WRITERS: dict[Format, Callable[[Path, Sequence[Camera]], None]] = {
    "anipose": write_anipose,
    "opencv": write_opencv,
    "colmap": write_colmap,
    "matrix": write_matrix,
}
_FORMAT_OF_SUFFIX: dict[str, Format] = {
    ".yaml": "opencv",
    ".yml": "opencv",
    ".xml": "opencv",
    ".txt": "matrix",
}


def read_cameras(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> list[Camera]:
    """Return the cameras of a file, or of COLMAP's folder, in its order, in mm.

    `size` (width, height) px stands in where the file states none; without it the size belonging
    to a bare matrix is guessed from its principal point, and `Camera.source` says so. Raises
    `FileError` when the file cannot be read or is of no known layout, and one `CameraError` that
    names table, key and expectation of everything in it that is wrong.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / CAMERAS).exists():
            raise FileError(f"{path}: cannot be read: a folder without a {CAMERAS} of COLMAP")
        path /= CAMERAS
    text = read_text(path)
    reader = next((read for looks_so, read in _READERS if looks_so(text)), read_anipose)
    if reader is read_matrix and path.name == IMAGES:
        raise FileError(f"{path}: holds poses only; give the {CAMERAS} beside it, or their folder")
    return reader(path, text, size)


def write_cameras(
    path: str | os.PathLike[str], cameras: Sequence[Camera], format: Format | None = None
) -> None:
    """Write cameras in mm; a file appears whole or not at all.

    `format` None goes by the suffix: .yaml, .yml and .xml are OpenCV's, .txt is a bare matrix,
    all others anipose's calibration file. "colmap" writes a folder. Raises `CameraError` when
    there are no cameras, two have one name, their floor planes differ (a file has one world), or
    the format would lose a part of them.
    """
    path = Path(path)
    names = [camera.name for camera in cameras]
    if not names or len(set(names)) < len(names):
        raise CameraError(f"{path}: expected cameras of different names, got {names}")
    planes = [camera.floor_plane for camera in cameras]
    if not all(_same_plane(plane, planes[0]) for plane in planes):
        raise CameraError(f"{path}: expected the same floor_plane in all cameras, got {planes}")
    if format is None:
        format = _FORMAT_OF_SUFFIX.get(path.suffix.lower(), "anipose")
    if format not in _WRITERS:
        raise CameraError(f"unknown camera format {format!r}; known: {', '.join(_WRITERS)}")
    _WRITERS[format](path, cameras)


def _same_plane(plane: Floats | None, other: Floats | None) -> bool:
    if plane is None or other is None:
        return plane is other
    return np.array_equal(plane, other)
