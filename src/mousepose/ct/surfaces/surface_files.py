"""Surfaces as PLY, OBJ, STL and GLB files, in mm; GLB in metres, as its standard has it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.ct.scans.scan_errors import library, reading
from mousepose.ct.types import Surface
from mousepose.errors import FileError, InputError

FORMATS = ("ply", "obj", "stl", "glb")
#: A surface of a mouse with a million faces has some 60 MB as text.
_MAX_BYTES = 512 * 2**20
_MM_PER_METRE = 1000.0


def write_surface(surface: Surface, path: str | Path) -> None:
    """Write a surface in the format that `path` ends in: .ply and .stl binary, .obj, .glb.

    Places keep seven digits. Raises `InputError` on another ending or a surface without faces.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InputError(f"{path}: expected a name that ends in .{', .'.join(FORMATS)}")
    if not len(surface.faces):
        raise InputError(f"{path}: the surface has no faces")
    trimesh = library("writing surfaces", "trimesh")
    scale = 1 / _MM_PER_METRE if kind == "glb" else 1.0
    mesh = trimesh.Trimesh(surface.vertices * scale, surface.faces, process=False)
    data = mesh.export(file_type=kind, **({"digits": 6} if kind == "obj" else {}))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def read_surface(path: str | Path) -> Surface:
    """Return the surface in a PLY, OBJ, STL or GLB file, told by its content; several are joined.

    The corners of an STL, which has no vertices, are merged where they are equal. Raises
    `FileError` on what is no triangle mesh.
    """
    path = Path(path)
    trimesh = library("reading surfaces", "trimesh")
    with reading(path, "mesh"):
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(
                f"{path} has {path.stat().st_size >> 20} MiB; expected a mesh of a mouse"
            )
        data = path.read_bytes()
        kind = _format(path, data)
        # From memory, so that a file cannot name other files to be read.
        loaded = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
        mesh = loaded.to_mesh()
        vertices = np.array(mesh.vertices, dtype=np.float64)
        faces = np.array(mesh.faces, dtype=np.int64)
        if kind.startswith("stl"):
            vertices, merged = np.unique(vertices, axis=0, return_inverse=True)
            faces = merged.reshape(-1)[faces]
        if not np.isfinite(vertices).all():
            raise FileError(f"{path} has vertices that are no numbers")
        if not len(faces):
            raise FileError(f"{path} holds no faces")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise FileError(f"{path}: faces name vertices outside 0-{len(vertices) - 1}")
        return Surface(vertices * (_MM_PER_METRE if kind == "glb" else 1.0), faces)


def _format(path: Path, data: bytes) -> str:
    if data[:3] == b"ply":
        _check_ply(path, data)
        return "ply"
    if data[:4] == b"glTF":
        return "glb"
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count and count:
        return "stl"
    if data.lstrip()[:5] == b"solid" and b"facet" in data[:2000]:
        return "stl_ascii"
    if re.search(rb"^v\s", data[:100_000], re.MULTILINE) and b"\nf" in data:
        return "obj"
    raise FileError(f"{path} is no mesh; expected PLY, OBJ, STL or GLB")


def _check_ply(path: Path, data: bytes) -> None:
    """Raise `FileError` where a header claims more than the file can hold."""
    head = data[: data.find(b"end_header")] if b"end_header" in data[:100_000] else b""
    claimed = sum(int(count) for count in re.findall(rb"element\s+\w+\s+(\d{1,18})", head))
    if not 0 < claimed <= len(data):
        raise FileError(f"{path}: its header claims {claimed} elements; the file is damaged")
