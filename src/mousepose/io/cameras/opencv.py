"""Cameras as OpenCV's samples, ROS and stereo scripts save them, in YAML or XML.

    %YAML:1.0
    ---
    image_width: 1152
    image_height: 1024
    camera_matrix: !!opencv-matrix        # or cameraMatrix, K, M, mtx, intrinsic_matrix
       rows: 3
       cols: 3
       dt: d
       data: [ ... ]
    distortion_coefficients: ...          # or distCoeffs, D, dist
    rotation: ...                         # or R, rvec: world -> camera; 3x3 or axis times angle
    translation: ...                      # or T, tvec

Several cameras have a number behind the keys (`M1 D1 M2 D2`, `camera_matrix_1` ...); an `R` and
`T` without number then belong to the second camera seen from the first, as `stereoCalibrate` gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.camera_checks import array_problem, find_problems, rotation_problem
from mousepose.io.cameras.faults import Faults
from mousepose.io.cameras.storage import format_xml, format_yaml, is_xml, parse_xml, parse_yaml
from mousepose.io.cameras.text import MM_PER_UNIT, units_assumed, write_text
from mousepose.types import Floats

#: field -> its spellings, without case and punctuation
_SPELLINGS = {
    "matrix": ("cameramatrix", "intrinsicmatrix", "intrinsics", "matrix", "mtx", "k", "m"),
    "distortion": (
        "distortioncoefficients", "distortioncoeffs", "distcoeffs", "distcoeff", "distortions",
        "distortion", "dist", "d",
    ),
    "width": ("imagewidth", "width"),
    "height": ("imageheight", "height"),
    "size": ("imagesize", "size", "resolution"),
    "rotation": ("rotation", "rotationmatrix", "rotationvector", "rvec", "r"),
    "translation": ("translation", "translationvector", "tvec", "t"),
    "name": ("cameraname", "name"),
    "model": ("distortionmodel", "fisheyemodel"),
    "floor_plane": ("floorplane",),
    "units": ("units",),
    "source": ("source",),
}  # fmt: skip
_FIELD = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
#: stereoRectify's rectifying rotations: no pose, although R with a number.
_NO_POSE = re.compile(r"^R_?\d+$", re.IGNORECASE)
#: Coefficients that some files list one by one; K1 may also be the first camera's matrix.
_TERMS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_FISHEYE = {"fisheye", "equidistant", "kannalabrandt", "kannalabrandt4"}
_SHARED = ("width", "height", "size", "model", "floor_plane", "units", "source")
_SHOWN = {"matrix": "camera_matrix", "distortion": "distortion_coefficients", "size": "image_size"}

Fields = dict[str, Any]


def read_opencv(path: Path, text: str, size: tuple[int, int] | None) -> list[Camera]:
    """Return the cameras of an OpenCV or ROS document; `size` stands in where it states none.

    Raises `FileError` where it is cut or nested wrongly, `CameraError` with all that is wrong.
    """
    document = parse_xml(path, text) if is_xml(text) else parse_yaml(path, text)
    faults = Faults(path)
    tables = _tables(document, faults)
    faults.raise_if_any()
    cameras = [_camera(path, name, table, size, faults) for name, table in tables.items()]
    found = [camera for camera in cameras if camera is not None]
    faults.add_repeated("camera", [camera.name for camera in found])
    faults.raise_if_any()
    return found


def _tables(document: Fields, faults: Faults) -> dict[str, Fields]:
    """Return the fields of each camera by its name in the file."""
    numbered: dict[int, Fields] = {}
    terms: dict[str, float] = {}
    for key, value in document.items():
        word = re.sub(r"[^a-z0-9]", "", key.lower())
        stem = word.rstrip("0123456789")
        digits = word[len(stem) :]
        field = _FIELD.get(stem)
        if word in _TERMS and isinstance(value, int | float):
            terms[word] = float(value)
            continue
        if field is None or _NO_POSE.match(key):
            continue
        table = numbered.setdefault(int(digits) if digits else -1, {})
        if field in table:
            faults.add(key, "key", f"a second {field} of one camera, expected one")
        table[field] = value
    common = numbered.pop(-1, {})
    if terms:
        last = max(map(_TERMS.index, terms)) + 1
        count = next(allowed for allowed in (4, 5, 8) if allowed >= last)
        common.setdefault("distortion", [terms.get(word, 0.0) for word in _TERMS[:count]])
    if "matrix" in common:
        numbered = {-1: common}
    cameras = {number: table for number, table in sorted(numbered.items()) if "matrix" in table}
    if not cameras:
        faults.add("camera_matrix", "key", "missing, expected a 3x3 matrix under this name")
    shared = {field: common[field] for field in _SHARED if field in common}
    # stereoCalibrate's R and T take the first camera's frame to the second's
    if len(cameras) == 2 and {"rotation", "translation"} <= common.keys():
        pose = {field: common[field] for field in ("rotation", "translation")}
        last = max(cameras)
        cameras[last] = pose | cameras[last]
    return {
        "cam_0" if number < 0 else f"cam_{number}": shared | table
        for number, table in cameras.items()
    }


def _camera(
    path: Path, name: str, table: Fields, size: tuple[int, int] | None, faults: Faults
) -> Camera | None:
    """Return one camera, or None after its faults were added."""
    before = len(faults.found)
    fields: Fields = {
        "matrix": _array(table["matrix"]),
        "distortion": _lens(_array(table.get("distortion", []))),
        "size": _size(table, size),
        "name": table.get("name", name),
        "model": "fisheye" if _is_fisheye(table.get("model", "")) else "pinhole",
        "floor_plane": None,
    }
    plane = table.get("floor_plane")
    if plane is not None:
        fields["floor_plane"] = np.ravel(_array(plane))
    if fields["size"] is None:
        del fields["size"]
        faults.add(name, "image_size", "missing, expected image_width and image_height (px)")
    fields["T_camera_world"], unit = _pose(name, table, faults), table.get("units")
    for field, problem in find_problems(**fields).items():
        faults.add(name, _SHOWN.get(field, field), problem)
    if unit is not None and unit not in list(MM_PER_UNIT):
        faults.add(name, "units", f"{unit!r}, expected one of {', '.join(MM_PER_UNIT)}")
    if len(faults.found) > before:
        return None
    source = str(table.get("source", path.name))
    has_length = "translation" in table or plane is not None
    if unit is None and has_length:
        source = units_assumed(source)
    scale = MM_PER_UNIT[unit or "mm"]
    fields["T_camera_world"][:3, 3] *= scale
    if plane is not None:
        fields["floor_plane"] = fields["floor_plane"] * (1, 1, 1, scale)
    return Camera(**fields, source=source)


def _array(value: Any) -> Any:
    """Return an `!!opencv-matrix` as an array of its shape, anything else as it is."""
    if not (isinstance(value, dict) and "data" in value):
        return value
    try:
        data = np.asarray(value["data"], np.float64).ravel()
        sizes = value["sizes"] if "sizes" in value else [value["rows"], value["cols"]]
        shape = [int(length) for length in np.ravel(sizes)]
    except (KeyError, TypeError, ValueError):
        return "a matrix without rows, cols and numbers"
    if min(shape) < 1 or math.prod(shape) != len(data):
        return f"{len(data)} numbers for {' x '.join(map(str, shape))}"
    return data.reshape(shape)


def _lens(value: Any) -> Any:
    """Return coefficients as a vector; zeros that our lens model lacks (thin prism) are cut."""
    if array_problem(value, (-1, -1)) and array_problem(value, (-1,)):
        return value
    terms = np.ravel(np.asarray(value, np.float64))
    return terms[:8] if len(terms) in {12, 14} and not terms[8:].any() else terms


def _size(table: Fields, size: tuple[int, int] | None) -> Any:
    if "width" in table and "height" in table:
        return table["width"], table["height"]
    stated = table.get("size")
    return size if stated is None else _flat(_array(stated))


def _flat(value: Any) -> Any:
    return value.ravel() if isinstance(value, np.ndarray) else value


def _is_fisheye(value: Any) -> bool:
    if isinstance(value, str):
        return re.sub(r"[^a-z0-9]", "", value.lower()) in _FISHEYE
    return bool(value)


def _pose(name: str, table: Fields, faults: Faults) -> Floats:
    """Return T_camera_world (4, 4) in the file's unit; the world is the camera where none is."""
    transform = np.eye(4)
    given = [key for key in ("rotation", "translation") if key in table]
    if len(given) == 1:
        missing = "translation" if given == ["rotation"] else "rotation"
        faults.add(name, missing, f"missing, expected beside {given[0]}")
    if len(given) < 2:
        return transform
    turn, shift = (_array(table[key]) for key in ("rotation", "translation"))
    flat = _flat(turn)
    if not array_problem(flat, (3,)):
        transform[:3, :3] = rotation.exp(flat)
    elif problem := rotation_problem(turn):
        faults.add(name, "rotation", problem)
    else:
        transform[:3, :3] = turn
    if problem := array_problem(_flat(shift), (3,)):
        faults.add(name, "translation", problem)
    else:
        transform[:3, 3] = _flat(shift)
    return transform


def write_opencv(path: Path, cameras: Sequence[Camera]) -> None:
    """Write XML where `path` ends in .xml, else YAML, in mm; several cameras get numbered keys.

    A lens without terms gets zeros, which mean the same to every reader.
    """
    form = format_xml if path.suffix.lower() == ".xml" else format_yaml
    write_text(path, form(_document_of(cameras)))


def _document_of(cameras: Sequence[Camera]) -> Fields:
    document: Fields = {"units": "mm"}
    sources = dict.fromkeys(camera.source for camera in cameras if camera.source)
    if sources:
        document["source"] = "; ".join(sources)
    if cameras[0].floor_plane is not None:
        document["floor_plane"] = cameras[0].floor_plane[None]
    for number, camera in enumerate(cameras, start=1):
        end = f"_{number}" if len(cameras) > 1 else ""
        lens = camera.distortion
        if len(lens) == 0:
            lens = np.zeros(4 if camera.model == "fisheye" else 5)
        document |= {
            f"camera_name{end}": camera.name,
            f"image_width{end}": camera.size[0],
            f"image_height{end}": camera.size[1],
            f"camera_matrix{end}": camera.matrix,
            f"distortion_model{end}": "fisheye" if camera.model == "fisheye" else "pinhole",
            f"distortion_coefficients{end}": lens[None],
            f"rotation{end}": camera.rotation,
            f"translation{end}": camera.translation[:, None],
        }
    return document
