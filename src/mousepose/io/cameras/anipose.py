"""The anipose `calibration.toml`: one table a camera, in any order of keys, and `[metadata]`.

[cam_0]
name = "side"
size = [1152, 1024]                   # width, height, px
matrix = [[...], [...], [0, 0, 1]]    # px
distortions = [k1, k2, p1, p2, k3]    # 0, 4, 5 or 8 terms; with fisheye = true 0 or 4
rotation = [x, y, z]                  # world -> camera: axis times angle, rad, or a 3x3 matrix
translation = [x, y, z]               # in `units`; or both as one 4x4 T_camera_world

[metadata]
units = "mm"                          # or cm, dm, m; of translation and floor_plane
floor_plane = [a, b, c, d]            # a x + b y + c z + d = 0, normal into the free space
source = "charuco board, 2024-05-01"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.camera_checks import array_problem, find_problems, rotation_problem
from mousepose.io.cameras.faults import Faults
from mousepose.io.cameras.text import MM_PER_UNIT, units_assumed, write_text

_CAMERA_KEYS = (
    "name", "size", "matrix", "distortions", "rotation", "translation", "T_camera_world", "fisheye",
)  # fmt: skip
_METADATA_KEYS = ("units", "floor_plane", "source")
_KEY_OF_FIELD = {"distortion": "distortions", "model": "fisheye"}

Table = dict[str, Any]


def read_anipose(path: Path, text: str, size: tuple[int, int] | None) -> list[Camera]:
    """Return the cameras of a calibration TOML; `size` stands in where it states none."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(
            f"{path}: neither a calibration TOML ({str(error)[:120]}), an OpenCV YAML or XML, a "
            "cameras.txt of COLMAP, nor a text file of 3 rows of 3 numbers"
        ) from error
    return _read_document(path, document, size)


def write_anipose(path: Path, cameras: Sequence[Camera]) -> None:
    """Write a calibration TOML in mm. A pinhole without distortion gets anipose's zeros."""
    blocks = [_camera_block(index, camera) for index, camera in enumerate(cameras)]
    write_text(path, "\n".join([*blocks, _metadata_block(cameras)]))


def _read_document(path: Path, document: Table, size: tuple[int, int] | None) -> list[Camera]:
    faults = Faults(path)
    metadata = document.pop("metadata", {})
    tables = {name: table for name, table in document.items() if isinstance(table, dict)}
    for name in document.keys() - tables.keys():
        faults.add(name, "value", "outside of any table, expected [cam_0] ... and [metadata]")
    if not tables:
        faults.add("cam_0", "table", "missing, expected one table for each camera")
    shared = _read_metadata(path, metadata, faults)
    cameras = [_read_camera(name, tables[name], shared, size, faults) for name in tables]
    names = [camera.name for camera in cameras if camera is not None]
    faults.add_repeated("cam_*", names)
    faults.raise_if_any()
    return [camera for camera in cameras if camera is not None]


def _read_metadata(path: Path, metadata: Any, faults: Faults) -> Table:
    """Return what all cameras of a file share: mm_per_unit, floor_plane (mm) and source."""
    if not isinstance(metadata, dict):
        faults.add("metadata", "value", "expected a table")
        metadata = {}
    faults.add_misspelt("metadata", list(metadata), _METADATA_KEYS)
    units, plane = metadata.get("units"), metadata.get("floor_plane")
    source = metadata.get("source", path.name)
    if not isinstance(source, str):
        faults.add("metadata", "source", f"expected a text, got {source!r}")
    if units is None:
        source = units_assumed(source)
    elif units not in list(MM_PER_UNIT):
        faults.add("metadata", "units", f"{units!r}, expected one of {', '.join(MM_PER_UNIT)}")
        units = None
    mm_per_unit = MM_PER_UNIT[units or "mm"]
    plane_problem = find_problems(floor_plane=plane).get("floor_plane")
    if plane_problem:
        faults.add("metadata", "floor_plane", plane_problem)
        plane = None
    elif plane is not None:
        plane = np.array(plane, np.float64) * (1, 1, 1, mm_per_unit)
    return {"mm_per_unit": mm_per_unit, "floor_plane": plane, "source": source}


def _read_camera(
    name: str, table: Table, shared: Table, size: tuple[int, int] | None, faults: Faults
) -> Camera | None:
    """Return the camera of one table, or None after its problems were added."""
    before = len(faults.found)
    faults.add_misspelt(name, list(table), _CAMERA_KEYS)
    fisheye = table.get("fisheye", False)
    if not isinstance(fisheye, bool):
        faults.add(name, "fisheye", f"{fisheye!r}, expected true or false")
    transform = _read_transform(name, table, faults)
    fields: Table = {
        "distortion": table.get("distortions", []),
        "T_camera_world": np.eye(4) if transform is None else transform,
        "name": table.get("name", name),
        "model": "fisheye" if fisheye is True else "pinhole",
    }
    for key, value in (("matrix", table.get("matrix")), ("size", table.get("size", size))):
        if value is None:
            faults.add(name, key, "missing, expected " + _EXPECTED[key])
        else:
            fields[key] = value
    for field, problem in find_problems(**fields).items():
        faults.add(name, _KEY_OF_FIELD.get(field, field), problem)
    if len(faults.found) > before:
        return None
    fields["T_camera_world"] = np.array(fields["T_camera_world"], np.float64)
    fields["T_camera_world"][:3, 3] *= shared["mm_per_unit"]
    return Camera(**fields, floor_plane=shared["floor_plane"], source=shared["source"])


_EXPECTED = {
    "matrix": "3 rows of 3 numbers (px)",
    "size": "[width, height] of the image (px)",
    "rotation": "[x, y, z] (axis times angle, rad) or 3 rows of 3 numbers",
    "translation": "[x, y, z]",
}


def _read_transform(name: str, table: Table, faults: Faults) -> Any:
    """Return T_camera_world (4, 4) in the file's unit, or None (no pose, or problems added)."""
    pose_keys: tuple[str, ...] = ("rotation", "translation")
    given = [key for key in pose_keys if key in table]
    if "T_camera_world" in table:
        for key in given:
            faults.add(name, key, "given beside T_camera_world, expected only one of the two")
        return table["T_camera_world"]
    if not given:
        return None  # the camera's frame is the world
    before = len(faults.found)
    for key in set(pose_keys) - set(given):
        faults.add(name, key, f"missing, expected {_EXPECTED[key]} beside {given[0]}")
    turn, shift = table.get("rotation", [0, 0, 0]), table.get("translation", [0, 0, 0])
    is_vector = not array_problem(turn, (3,))
    problem = "" if is_vector else rotation_problem(turn)
    if problem:
        faults.add(name, "rotation", f"{problem}; expected {_EXPECTED['rotation']}")
    problem = array_problem(shift, (3,))
    if problem:
        faults.add(name, "translation", problem)
    if len(faults.found) > before:
        return None
    transform = np.eye(4)
    transform[:3, :3] = rotation.exp(turn) if is_vector else turn
    transform[:3, 3] = shift
    return transform


def _camera_block(index: int, camera: Camera) -> str:
    distortion = camera.distortion
    if len(distortion) == 0:
        distortion = np.zeros(4 if camera.model == "fisheye" else 5)
    lines = [
        f"[cam_{index}]",
        f"name = {_quoted(camera.name)}",
        f"size = {list(camera.size)}",
        f"matrix = {camera.matrix.tolist()}",
        f"distortions = {distortion.tolist()}",
        f"rotation = {rotation.log(camera.rotation).tolist()}",
        f"translation = {camera.translation.tolist()}",
        f"fisheye = {'true' if camera.model == 'fisheye' else 'false'}",
    ]
    return "\n".join(lines) + "\n"


def _metadata_block(cameras: Sequence[Camera]) -> str:
    sources = dict.fromkeys(camera.source for camera in cameras if camera.source)
    lines = ["[metadata]", 'units = "mm"']
    if cameras[0].floor_plane is not None:
        lines.append(f"floor_plane = {cameras[0].floor_plane.tolist()}")
    if sources:
        lines.append(f"source = {_quoted('; '.join(sources))}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
