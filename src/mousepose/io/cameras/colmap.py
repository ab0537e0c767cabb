"""The text model of COLMAP: `cameras.txt` and, beside it, `images.txt`, one camera an image.

    # cameras.txt: CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]
    1 OPENCV 1152 1024 900.5 910.0 570.6 500.5 -0.16 0.94 -0.001 -0.004
    # images.txt: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of POINTS2D[]
    1 0.99 0.01 0.02 0.03 1.0 2.0 300.0 1 side.png

In COLMAP's pixels the centre of the top-left one is (0.5, 0.5); here it is (0, 0). Its world has
no unit, so mm are assumed; files of our own state unit and floor in comments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mousepose.errors import CameraError, FileError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.camera_checks import find_problems
from mousepose.io.cameras.faults import Faults
from mousepose.io.cameras.text import is_number, read_text, rows_of_text, units_assumed, write_text
from mousepose.types import Floats

CAMERAS, IMAGES = "cameras.txt", "images.txt"
#: The image points of a reconstruction make `images.txt` much larger than what is read of it.
_LARGEST_IMAGES_BYTES = 200_000_000
#: COLMAP has half pixels where we have whole ones.
_PIXEL_SHIFT = 0.5
#: A quaternion in a file may have lost digits, but not its length.
_UNIT_TOLERANCE = 1e-3
_UNITS_COMMENT, _FLOOR_COMMENT = "# units: mm", "# floor_plane:"
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}


class _Model(NamedTuple):
    """How a COLMAP model lists its parameters: f or fx fy, then cx cy, then `lens` terms."""

    focals: int
    lens: tuple[str, ...]
    model: str = "pinhole"


_MODELS = {
    "SIMPLE_PINHOLE": _Model(1, ()),
    "PINHOLE": _Model(2, ()),
    "SIMPLE_RADIAL": _Model(1, ("k1",)),
    "RADIAL": _Model(1, ("k1", "k2")),
    "OPENCV": _Model(2, ("k1", "k2", "p1", "p2")),
    "FULL_OPENCV": _Model(2, ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")),
    "OPENCV_FISHEYE": _Model(2, ("k1", "k2", "k3", "k4"), "fisheye"),
}
_PINHOLE_TERMS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


def is_colmap(text: str) -> bool:
    """Tell whether the first row of `text` is one of `cameras.txt`: a number, then a model."""
    rows = rows_of_text(text)
    if not rows or len(rows[0][1]) < 4:
        return False
    words = rows[0][1]
    return is_number(words[0]) and words[1].isupper() and not is_number(words[1])


def read_colmap(path: Path, text: str, size: tuple[int, int] | None = None) -> list[Camera]:
    """Return a camera for each image of `images.txt` beside `path`, or for each of `cameras.txt`.

    Raises `CameraError` with all that is wrong, `FileError` for rows of the wrong length. `size`
    is not needed: COLMAP always states it.
    """
    faults = Faults(path)
    lenses = {number: fields for number, fields in _read_cameras(path, text, faults)}
    faults.raise_if_any()
    images = path.with_name(IMAGES)
    source, floor = path.name, None
    if not images.exists():
        named = {f"cam_{number}": (number, np.eye(4)) for number in lenses}
    else:
        poses = read_text(images, _LARGEST_IMAGES_BYTES)
        floor = _floor(poses)
        source = path.name if _UNITS_COMMENT in poses else units_assumed(path.name)
        faults = Faults(images)
        named = _read_images(images, poses, lenses, faults)
        faults.raise_if_any()
    return [
        Camera(**lenses[number], T_camera_world=pose, name=name, floor_plane=floor, source=source)
        for name, (number, pose) in named.items()
    ]


def write_colmap(path: Path, cameras: Sequence[Camera]) -> None:
    """Write `cameras.txt`, `images.txt` and an empty `points3D.txt` into the folder `path`.

    Raises `CameraError` for a camera with skew, which no model of COLMAP has.
    """
    skewed = [camera.name for camera in cameras if camera.matrix[0, 1]]
    if skewed:
        raise CameraError(f"{path}: COLMAP knows no skew, which these have: {', '.join(skewed)}")
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"{path}: is no folder and cannot be made: {error.strerror}") from error
    lines = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"]
    views = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of POINTS2D[]"]
    views.append(_UNITS_COMMENT)
    if (plane := cameras[0].floor_plane) is not None:
        views.append(f"{_FLOOR_COMMENT} {' '.join(map(repr, plane.tolist()))}")
    for number, camera in enumerate(cameras, start=1):
        model, parameters = _parameters(camera)
        numbers = " ".join(map(repr, parameters))
        lines.append(f"{number} {model} {camera.size[0]} {camera.size[1]} {numbers}")
        pose = [*rotation.to_quaternion(camera.rotation).tolist(), *camera.translation.tolist()]
        views += [f"{number} {' '.join(map(repr, pose))} {number} {camera.name}", ""]
    write_text(path / CAMERAS, "\n".join(lines) + "\n")
    write_text(path / IMAGES, "\n".join(views) + "\n")
    write_text(path / "points3D.txt", "# POINT3D_ID X Y Z R G B ERROR TRACK[]\n")


def _read_cameras(path: Path, text: str, faults: Faults) -> list[tuple[int, dict[str, Any]]]:
    """Return (CAMERA_ID, fields of a `Camera`) of every row."""
    found = []
    for number, words in rows_of_text(text):
        if len(words) < 5 or not words[0].isdecimal() or not all(map(is_number, words[2:])):
            expected = "CAMERA_ID MODEL WIDTH HEIGHT PARAMS"
            raise FileError(f"{path}: line {number}: expected {expected}, got {words[:5]}")
        table, values = f"line {number}", [float(word) for word in words[4:]]
        if words[1] not in _MODELS:
            faults.add(table, "MODEL", f"{words[1]!r}, expected one of {', '.join(_MODELS)}")
            continue
        model = _MODELS[words[1]]
        count = model.focals + 2 + len(model.lens)
        if len(values) != count:
            faults.add(table, words[1], f"has {len(values)} parameters, expected {count}")
            continue
        fields = _fields(model, values, (float(words[2]), float(words[3])))
        for field, problem in find_problems(**fields).items():
            faults.add(table, field, problem)
        found.append((int(words[0]), fields))
    ids = [camera for camera, _ in found]
    faults.add_repeated("CAMERA_ID", [str(camera) for camera in ids])
    if not found and not faults.found:
        faults.add("file", "rows", "none, expected one for each camera")
    return found


def _fields(model: _Model, values: list[float], size: tuple[float, float]) -> dict[str, Any]:
    focals, (x, y) = values[: model.focals], values[model.focals : model.focals + 2]
    terms = dict(zip(model.lens, values[model.focals + 2 :], strict=True))
    lens = list(terms.values())
    if terms and model.model == "pinhole":
        count = 8 if "k3" in terms else 4
        lens = [terms.get(term, 0.0) for term in _PINHOLE_TERMS[:count]]
    matrix = [
        [focals[0], 0.0, x - _PIXEL_SHIFT],
        [0.0, focals[-1], y - _PIXEL_SHIFT],
        [0.0, 0.0, 1.0],
    ]
    return {
        "matrix": matrix,
        "distortion": np.array(lens),
        "size": size,
        "model": model.model,
    }


def _parameters(camera: Camera) -> tuple[str, list[float]]:
    """Return the COLMAP model of a camera and its parameters."""
    matrix, lens = camera.matrix, camera.distortion.tolist()
    parameters = [matrix[0, 0], matrix[1, 1]]
    parameters += [matrix[0, 2] + _PIXEL_SHIFT, matrix[1, 2] + _PIXEL_SHIFT]
    if camera.model == "fisheye":
        name, lens = "OPENCV_FISHEYE", lens or [0.0] * 4
    elif not any(lens):
        name, lens = "PINHOLE", []
    elif not any(lens[4:]):
        name, lens = "OPENCV", lens[:4]
    else:
        name, lens = "FULL_OPENCV", [*lens, 0.0, 0.0, 0.0][:8]
    return name, [float(value) for value in (*parameters, *lens)]


def _read_images(
    path: Path, text: str, lenses: dict[int, dict[str, Any]], faults: Faults
) -> dict[str, tuple[int, Floats]]:
    """Return image name -> (CAMERA_ID, T_camera_world), in the order of the file."""
    rows = []
    # every image has a second line, its points, which may be empty
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        words = line.split(maxsplit=9)
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 10 or not all(map(is_number, words[:9])):
            expected = "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
            raise FileError(f"{path}: line {number}: expected {expected}, got {words[:10]}")
        next(lines, None)
        camera = int(float(words[8]))
        if camera not in lenses:
            known = ", ".join(map(str, lenses))
            faults.add(f"line {number}", "CAMERA_ID", f"{camera}, but {CAMERAS} has {known}")
        values = np.array([float(word) for word in words[1:8]])
        rows.append((words[9].strip(), camera, _pose(f"line {number}", values, faults)))
    if not rows and not faults.found:
        faults.add("file", "rows", "none, expected one for each image")
    names = [Path(name).stem if _is_image(name) else name for name, _, _ in rows]
    if len(set(names)) < len(names):
        names = [name for name, _, _ in rows]
    faults.add_repeated("NAME", names)
    return {name: (camera, pose) for name, (_, camera, pose) in zip(names, rows, strict=True)}


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in _IMAGE_SUFFIXES


def _pose(table: str, values: Floats, faults: Faults) -> Floats:
    """Return T_camera_world (4, 4) of QW QX QY QZ TX TY TZ."""
    transform = np.eye(4)
    length = np.linalg.norm(values[:4])
    if not abs(length - 1) < _UNIT_TOLERANCE:
        faults.add(table, "QW QX QY QZ", f"has length {length:.4g}, expected 1: no rotation")
        return transform
    transform[:3, :3] = rotation.from_quaternion(values[:4])
    transform[:3, 3] = values[4:]
    problem = find_problems(T_camera_world=transform).get("T_camera_world")
    if problem:
        faults.add(table, "TX TY TZ", problem)
    return transform


def _floor(text: str) -> Floats | None:
    """Return the floor plane that a comment of ours states."""
    for line in text.splitlines():
        if line.startswith(_FLOOR_COMMENT):
            words = line.removeprefix(_FLOOR_COMMENT).split()
            if len(words) == 4 and all(map(is_number, words)):
                return np.array([float(word) for word in words])
    return None
