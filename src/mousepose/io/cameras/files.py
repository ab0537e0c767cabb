"""Camera files: the anipose `calibration.toml`, and a bare 3x3 matrix as text (`intrinsics.txt`).

A calibration file has one table a camera, in any order of keys, and `[metadata]`:

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
import os
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import CameraError, FileError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.camera_checks import array_problem, find_problems, rotation_problem
from mousepose.io.atomic import atomic_path
from mousepose.types import Floats

#: A camera file has a few kB; what is larger is another file.
LARGEST_FILE_BYTES = 1_000_000

_MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}
_CAMERA_KEYS = (
    "name", "size", "matrix", "distortions", "rotation", "translation", "T_camera_world", "fisheye",
)  # fmt: skip
_METADATA_KEYS = ("units", "floor_plane", "source")
_KEY_OF_FIELD = {"distortion": "distortions", "model": "fisheye"}

Table = dict[str, Any]


def read_cameras(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> list[Camera]:
    """Return the cameras of a file, in its order, in mm.

    `size` (width, height) px stands in where the file states none; without it the size belonging
    to a bare matrix is guessed from its principal point, and `Camera.source` says so. Raises
    `FileError` when the file cannot be read or is of neither layout, and one `CameraError` that
    names table, key and expectation of everything in it that is wrong.
    """
    path = Path(path)
    text = _read_text(path)
    if _starts_with_number(text):
        return [_read_bare_matrix(path, text, size)]
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(
            f"{path}: neither a calibration TOML ({str(error)[:120]}) nor a text file of 3 rows of "
            "3 numbers"
        ) from error
    return _read_document(path, document, size)


def write_cameras(path: str | os.PathLike[str], cameras: Sequence[Camera]) -> None:
    """Write cameras as an anipose calibration file in mm; it appears whole or not at all.

    A pinhole without distortion gets the zeros that anipose expects. Raises `CameraError` when
    there are none, two have one name, or their floor planes differ: a file has one world.
    """
    path = Path(path)
    names = [camera.name for camera in cameras]
    if not names or len(set(names)) < len(names):
        raise CameraError(f"{path}: expected cameras of different names, got {names}")
    planes = [camera.floor_plane for camera in cameras]
    if not all(_same_plane(plane, planes[0]) for plane in planes):
        raise CameraError(f"{path}: expected the same floor_plane in all cameras, got {planes}")
    blocks = [_camera_block(index, camera) for index, camera in enumerate(cameras)]
    text = "\n".join([*blocks, _metadata_block(cameras)])
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


class _Problems:
    """Collects what is wrong with a file, to be told at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[str] = []

    def add(self, table: str, key: str, problem: str) -> None:
        self.found.append(f"[{table}] {key}: {problem}")

    def add_misspelt(self, table: str, keys: Sequence[str], known: Sequence[str]) -> None:
        """Add keys that look like a known one: unread, a misspelt lens would be no lens."""
        for key in keys:
            near = get_close_matches(key, known, n=1, cutoff=0.75)
            if key not in known and near:
                self.add(table, key, f"unknown key, expected {near[0]!r}?")

    def raise_if_any(self) -> None:
        if len(self.found) == 1:
            raise CameraError(f"{self.path}: {self.found[0]}")
        if self.found:
            listed = "\n  ".join(self.found)
            raise CameraError(f"{self.path}: {len(self.found)} problems:\n  {listed}")


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) > LARGEST_FILE_BYTES:
        raise FileError(f"{path}: larger than {LARGEST_FILE_BYTES} bytes, so no camera file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: byte {error.start} is not UTF-8, so no camera file") from error
    if not text.strip():
        raise FileError(f"{path}: is empty, expected a calibration TOML or 3 rows of 3 numbers")
    return text


def _rows_of_text(text: str) -> list[tuple[int, list[str]]]:
    """Return (line number, words) of every line that holds more than a comment."""
    rows = [line.partition("#")[0].split() for line in text.splitlines()]
    return [(number, words) for number, words in enumerate(rows, start=1) if words]


def _starts_with_number(text: str) -> bool:
    rows = _rows_of_text(text)
    return bool(rows) and "=" not in rows[0][1] and _is_number(rows[0][1][0])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_bare_matrix(path: Path, text: str, size: tuple[int, int] | None) -> Camera:
    rows = _rows_of_text(text)
    for number, words in rows:
        if len(words) != 3 or not all(map(_is_number, words)):
            raise FileError(f"{path}: line {number}: expected 3 numbers, got {words[:4]}")
    matrix = np.array([[float(word) for word in words] for _, words in rows])
    problems = _Problems(path)
    for field, problem in find_problems(matrix=matrix).items():
        problems.add("file", field, problem)
    problems.raise_if_any()
    source = path.name
    if size is None:
        size = (round(2 * matrix[0, 2]), round(2 * matrix[1, 2]))
        source += " (image size guessed from the principal point)"
    return Camera(matrix, np.zeros(0), np.eye(4), size, source=source)


def _read_document(path: Path, document: Table, size: tuple[int, int] | None) -> list[Camera]:
    problems = _Problems(path)
    metadata = document.pop("metadata", {})
    tables = {name: table for name, table in document.items() if isinstance(table, dict)}
    for name in document.keys() - tables.keys():
        problems.add(name, "value", "outside of any table, expected [cam_0] ... and [metadata]")
    if not tables:
        problems.add("cam_0", "table", "missing, expected one table for each camera")
    shared = _read_metadata(path, metadata, problems)
    cameras = [_read_camera(name, tables[name], shared, size, problems) for name in tables]
    names = [camera.name for camera in cameras if camera is not None]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add("cam_*", "name", f"{name!r} names several cameras, expected one")
    problems.raise_if_any()
    return [camera for camera in cameras if camera is not None]


def _read_metadata(path: Path, metadata: Any, problems: _Problems) -> Table:
    """Return what all cameras of a file share: mm_per_unit, floor_plane (mm) and source."""
    if not isinstance(metadata, dict):
        problems.add("metadata", "value", "expected a table")
        metadata = {}
    problems.add_misspelt("metadata", list(metadata), _METADATA_KEYS)
    units, plane = metadata.get("units"), metadata.get("floor_plane")
    source = metadata.get("source", path.name)
    if not isinstance(source, str):
        problems.add("metadata", "source", f"expected a text, got {source!r}")
    if units is None:
        source = f"{source} (units not stated: mm assumed)"
    elif units not in list(_MM_PER_UNIT):
        problems.add("metadata", "units", f"{units!r}, expected one of {', '.join(_MM_PER_UNIT)}")
        units = None
    mm_per_unit = _MM_PER_UNIT[units or "mm"]
    plane_problem = find_problems(floor_plane=plane).get("floor_plane")
    if plane_problem:
        problems.add("metadata", "floor_plane", plane_problem)
        plane = None
    elif plane is not None:
        plane = np.array(plane, np.float64) * (1, 1, 1, mm_per_unit)
    return {"mm_per_unit": mm_per_unit, "floor_plane": plane, "source": source}


def _read_camera(
    name: str, table: Table, shared: Table, size: tuple[int, int] | None, problems: _Problems
) -> Camera | None:
    """Return the camera of one table, or None after its problems were added."""
    before = len(problems.found)
    problems.add_misspelt(name, list(table), _CAMERA_KEYS)
    fisheye = table.get("fisheye", False)
    if not isinstance(fisheye, bool):
        problems.add(name, "fisheye", f"{fisheye!r}, expected true or false")
    transform = _read_transform(name, table, problems)
    fields: Table = {
        "distortion": table.get("distortions", []),
        "T_camera_world": np.eye(4) if transform is None else transform,
        "name": table.get("name", name),
        "model": "fisheye" if fisheye is True else "pinhole",
    }
    for key, value in (("matrix", table.get("matrix")), ("size", table.get("size", size))):
        if value is None:
            problems.add(name, key, "missing, expected " + _EXPECTED[key])
        else:
            fields[key] = value
    for field, problem in find_problems(**fields).items():
        problems.add(name, _KEY_OF_FIELD.get(field, field), problem)
    if len(problems.found) > before:
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


def _read_transform(name: str, table: Table, problems: _Problems) -> Any:
    """Return T_camera_world (4, 4) in the file's unit, or None (no pose, or problems added)."""
    pose_keys: tuple[str, ...] = ("rotation", "translation")
    given = [key for key in pose_keys if key in table]
    if "T_camera_world" in table:
        for key in given:
            problems.add(name, key, "given beside T_camera_world, expected only one of the two")
        return table["T_camera_world"]
    if not given:
        return None  # the camera's frame is the world
    before = len(problems.found)
    for key in set(pose_keys) - set(given):
        problems.add(name, key, f"missing, expected {_EXPECTED[key]} beside {given[0]}")
    turn, shift = table.get("rotation", [0, 0, 0]), table.get("translation", [0, 0, 0])
    is_vector = not array_problem(turn, (3,))
    problem = "" if is_vector else rotation_problem(turn)
    if problem:
        problems.add(name, "rotation", f"{problem}; expected {_EXPECTED['rotation']}")
    problem = array_problem(shift, (3,))
    if problem:
        problems.add(name, "translation", problem)
    if len(problems.found) > before:
        return None
    transform = np.eye(4)
    transform[:3, :3] = rotation.exp(turn) if is_vector else turn
    transform[:3, 3] = shift
    return transform


def _same_plane(plane: Floats | None, other: Floats | None) -> bool:
    if plane is None or other is None:
        return plane is other
    return np.array_equal(plane, other)


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
