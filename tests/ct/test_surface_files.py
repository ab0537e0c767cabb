"""Surfaces written and read again in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ct.test_surface_measure import CUBE, moved
from mousepose.ct.surfaces.surface_files import FORMATS, read_surface, write_surface
from mousepose.ct.surfaces.surface_measure import measured
from mousepose.ct.types import Surface
from mousepose.errors import FileError, InputError

pytest.importorskip("trimesh", reason="surface files need trimesh")

MOUSE = moved(Surface(CUBE.vertices * [20.0, 25.0, 90.0], CUBE.faces), [-10.123456, 3.25, 7])


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_written_is_read_again(tmp_path: Path, kind: str) -> None:
    write_surface(MOUSE, tmp_path / f"a.{kind}")
    # Another name: the content tells the format.
    again = read_surface((tmp_path / f"a.{kind}").rename(tmp_path / "b"))
    assert again.faces.shape == MOUSE.faces.shape
    np.testing.assert_allclose(again.vertices[again.faces], MOUSE.vertices[MOUSE.faces], atol=2e-5)
    assert measured(again).watertight
    assert measured(again).volume_mm3 == pytest.approx(45_000, rel=1e-5)
    assert len(again.vertices) == 8


def test_glb_is_in_metres(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    write_surface(MOUSE, tmp_path / "a.glb")
    extents = trimesh.load_scene(tmp_path / "a.glb").extents
    np.testing.assert_allclose(extents, [0.02, 0.025, 0.09], rtol=1e-5)


def test_ply_and_stl_are_binary(tmp_path: Path) -> None:
    write_surface(MOUSE, tmp_path / "a.ply")
    write_surface(MOUSE, tmp_path / "a.stl")
    assert b"format binary_little_endian" in (tmp_path / "a.ply").read_bytes()[:100]
    assert (tmp_path / "a.stl").stat().st_size == 84 + 50 * 12


def test_other_endings_and_empty_surfaces_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.ply, \.obj"):
        write_surface(MOUSE, tmp_path / "a.vtk")
    with pytest.raises(InputError, match="no faces"):
        write_surface(Surface(MOUSE.vertices, MOUSE.faces[:0]), tmp_path / "a.ply")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"frame,x,y\n",
        b"ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\n",
        b"v 0 0 0\nv 1 0 0\nv 0 1 nan\nf 1 2 3\n",
        b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n",
        b"v 0 0 0\nv 1 0 0\nv 0 1 0\n",
        b"glTF\x02\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7fJSON",
        b"solid x\nfacet normal\nendsolid",
    ],
)
def test_what_is_no_mesh_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.ply"):
        read_surface(tmp_path / "a.ply")


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_are_read_or_told_but_never_crash(tmp_path: Path, kind: str) -> None:
    write_surface(MOUSE, tmp_path / f"a.{kind}")
    data, rng = (tmp_path / f"a.{kind}").read_bytes(), np.random.default_rng(4)
    for case in range(60):
        changed = bytearray(data[: rng.integers(1, len(data))] if case % 2 else data)
        for place in rng.integers(0, len(changed), 3):
            changed[place] ^= 1 << rng.integers(8)
        (tmp_path / "b").write_bytes(changed)
        try:
            read_surface(tmp_path / "b")
        except FileError as error:
            assert str(tmp_path / "b") in str(error)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read_surface(tmp_path / "none.ply")
