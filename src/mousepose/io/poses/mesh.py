"""Meshes and keypoints as the published code writes them: `.obj` and `.keypoint.txt`.

Both are lines of names and numbers with six digits after the point. The published code (Hu et al.
2023) measures in decimetres: give ``unit="dm"`` for files that take its files' place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.types import Floats, Ints, require

#: Millimetres in one unit.
MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}
#: A mesh of a mouse has some thousand vertices; a file this large is none.
MAX_BYTES = 256 * 2**20


def _mm_per(unit: str) -> float:
    if unit not in MM_PER_UNIT:
        raise UnknownNameError.of("unit of length", unit, MM_PER_UNIT)
    return MM_PER_UNIT[unit]


def write_obj(path: str | Path, vertices: Floats, faces: Ints, *, unit: str = "mm") -> None:
    """Write a mesh of `vertices` (V, 3) mm and triangles `faces` (F, 3) in the given unit.

    Raises `InputError` on other shapes and on faces whose vertex is not there.
    """
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces)
    for name, array in (("vertices", vertices), ("faces", faces)):
        require(
            array.ndim == 2 and array.shape[1] == 3,
            f"{name}: expected shape (any, 3), got {array.shape}",
        )
    require(
        faces.size == 0 or (faces.min() >= 0 and faces.max() < len(vertices)),
        f"faces name vertices outside 0-{len(vertices) - 1}",
    )
    # One format for the whole mesh: a hundred times quicker than one for each line.
    text = "v %f %f %f\n" * len(vertices) % tuple((vertices / _mm_per(unit)).ravel())
    text += "f %d %d %d\n" * len(faces) % tuple((faces + 1).ravel())
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_keypoint_text(
    path: str | Path, names: Sequence[str], points: Floats, *, unit: str = "mm"
) -> None:
    """Write one pose's `points` (K, 3) mm as lines `NAME x y z` in the given unit.

    A point that is not known is written as nan. Raises `InputError` on other shapes and on names
    with spaces, which no reader of this format could tell from numbers.
    """
    points = np.asarray(points, dtype=np.float64)
    require(
        points.shape == (len(names), 3),
        f"points: expected shape ({len(names)}, 3), got {points.shape}",
    )
    for name in names:
        require(name.split() == [name], f"keypoint {name!r}: a name without spaces is needed")
    scaled = points / _mm_per(unit)
    rows = ("{} {:f} {:f} {:f}\n".format(*row) for row in zip(names, *scaled.T, strict=True))
    with atomic_path(path) as temporary:
        temporary.write_text("".join(rows), encoding="utf-8", newline="\n")


def read_keypoint_text(path: str | Path, *, unit: str = "mm") -> tuple[tuple[str, ...], Floats]:
    """Return the names and the points (K, 3) mm of one pose that `write_keypoint_text` wrote.

    Raises `FileError` with the line on what is no such file.
    """
    path = Path(path)
    points: dict[str, list[float]] = {}
    for number, line in _lines(path):
        words = line.split()
        if not words:
            continue
        try:
            name, *numbers = words
            x, y, z = (float(word) for word in numbers)
        except ValueError as error:
            raise FileError(
                f"{path}, line {number}: expected a name and three numbers, got "
                f"{line[:60].rstrip()!r}"
            ) from error
        if name in points:
            raise FileError(f"{path}, line {number}: {name} comes twice")
        points[name] = [x, y, z]
    if not points:
        raise FileError(f"{path} holds no keypoints; expected lines of a name and three numbers")
    return tuple(points), np.array(list(points.values())) * _mm_per(unit)


def read_obj(path: str | Path, *, unit: str = "mm") -> tuple[Floats, Ints]:
    """Return the vertices (V, 3) mm and triangles (F, 3) of an OBJ file in the given unit.

    Polygons become fans of triangles; textures, normals, groups and materials are passed over.
    Raises `FileError` with the line on what is no mesh.
    """
    path = Path(path)
    vertices: list[list[float]] = []
    faces: list[list[int]] = []
    for number, line in _lines(path):
        words = line.split()
        try:
            if words[:1] == ["v"]:
                vertices.append(_vertex(words[1:]))
            elif words[:1] == ["f"]:
                faces += _fan(words[1:], len(vertices))
        except ValueError as error:
            raise FileError(
                f"{path}, line {number}: {error}; got {line[:60].rstrip()!r}"
            ) from error
    if not vertices or not faces:
        raise FileError(f"{path}: {len(vertices)} vertices and {len(faces)} faces make no mesh")
    triangles = np.array(faces, dtype=np.int64)
    if triangles.max() >= len(vertices):
        raise FileError(
            f"{path}: a face names vertex {triangles.max() + 1}, but there are {len(vertices)}; "
            "the file may be cut"
        )
    return np.array(vertices) * _mm_per(unit), triangles


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileError(f"{path} has {size / 2**20:.0f} MiB; expected a mesh of a mouse")
        with path.open(encoding="utf-8") as stream:
            yield from enumerate(stream, start=1)
    except (OSError, UnicodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error


def _vertex(words: Sequence[str]) -> list[float]:
    # After x, y and z some programs write a weight or a colour.
    if len(words) < 3:
        raise InputError("a vertex needs three numbers")
    point = [float(word) for word in words[:3]]
    if not np.isfinite(point).all():
        raise InputError("a vertex needs three finite numbers")
    return point


def _fan(words: Sequence[str], vertices: int) -> list[list[int]]:
    """Return the triangles of one polygon; a word is `vertex/texture/normal`, counted from 1."""
    corners = [int(word.split("/")[0]) for word in words]
    if len(corners) < 3 or not all(0 < abs(corner) < MAX_BYTES for corner in corners):
        raise InputError("a face needs three or more vertices counted from 1")
    # A negative number counts back from the last vertex so far.
    corners = [corner - 1 if corner > 0 else vertices + corner for corner in corners]
    if min(corners) < 0:
        raise InputError("a face counts back beyond the first vertex")
    return [[corners[0], *pair] for pair in zip(corners[1:], corners[2:], strict=False)]
