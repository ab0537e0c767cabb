from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mousepose.errors import FileError, InputError
from mousepose.io import read_obj, write_keypoint_text, write_obj
from mousepose.io.poses import mesh

VERTICES = np.array([[0, 0, 0], [100, 0, 0], [0, 50, 0], [0, 0, -25.5]])
FACES = np.array([[0, 1, 2], [0, 3, 1]])


@given(
    st_numpy.arrays(np.float64, (5, 3), elements=st.floats(-1000, 1000)),
    st_numpy.arrays(np.int64, (4, 3), elements=st.integers(0, 4)),
    st.sampled_from(list(mesh.MM_PER_UNIT)),
)
def test_a_mesh_comes_back(
    tmp_path: Path, vertices: np.ndarray, faces: np.ndarray, unit: str
) -> None:
    write_obj(tmp_path / "mouse.obj", vertices, faces, unit=unit)
    again, triangles = read_obj(tmp_path / "mouse.obj", unit=unit)
    np.testing.assert_allclose(again, vertices, atol=0.6e-6 * mesh.MM_PER_UNIT[unit])
    np.testing.assert_array_equal(triangles, faces)


def test_lines_are_those_of_the_published_code(tmp_path: Path) -> None:
    write_obj(tmp_path / "mouse.obj", VERTICES, FACES, unit="dm")
    assert (tmp_path / "mouse.obj").read_bytes() == (
        b"v 0.000000 0.000000 0.000000\nv 1.000000 0.000000 0.000000\n"
        b"v 0.000000 0.500000 0.000000\nv 0.000000 0.000000 -0.255000\n"
        b"f 1 2 3\nf 1 4 2\n"
    )
    points = np.array([[1, -20, 300], [np.nan] * 3])
    write_keypoint_text(tmp_path / "0.keypoint.txt", ["Root", "LeftHip"], points, unit="dm")
    assert (tmp_path / "0.keypoint.txt").read_bytes() == (
        b"Root 0.010000 -0.200000 3.000000\nLeftHip nan nan nan\n"
    )


def test_other_ways_to_write_the_same_mesh(tmp_path: Path) -> None:
    text = (
        "# a square\nmtllib a.mtl\no square\nv 0 0 0 1.0\nv 1 0 0 0.5 0.5 0.5\nv 1 1 0\nv 0 1 0\n"
        "vt 0 0\nvn 0 0 1\ns off\nusemtl a\n\nf 1/1/1 2/1/1 3//1 4\nf -4 -3 -2\n"
    )
    (tmp_path / "square.obj").write_text(text)
    vertices, faces = read_obj(tmp_path / "square.obj", unit="cm")
    assert vertices.tolist() == [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 vertices and 0 faces"),
        ("v 0 0 0\n", "1 vertices and 0 faces"),
        ("v 0 0\nf 1 1 1\n", "line 1: a vertex needs three numbers"),
        ("v 0 0 x\n", "line 1: could not convert"),
        ("v 0 0 nan\n", "line 1: a vertex needs three finite"),
        ("v 0 0 0\nf 1 1\n", "line 2: a face needs three"),
        ("v 0 0 0\nf 0 1 1\n", "line 2: a face needs three or more vertices counted from 1"),
        ("v 0 0 0\nf 1 1 -2\n", "line 2: a face counts back"),
        ("v 0 0 0\nf 1 1 2\n", "names vertex 2, but there are 1"),
        ("v 0 0 0\nf 1 1 99999999999999999999\n", "line 2"),
    ],
)
def test_bad_meshes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(FileError, match=message):
        read_obj(tmp_path / "bad.obj")


@given(st.binary(max_size=100))
def test_garbage_is_refused(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "garbage.obj"
    path.write_bytes(b"v 0 0 0\nf 1 1 1\n" + garbage)
    try:
        vertices, _ = read_obj(path)
    except FileError as error:
        assert str(path) in str(error)
    else:
        assert len(vertices) > 0


def test_a_file_too_large_for_a_mesh_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_obj(tmp_path / "mouse.obj", VERTICES, FACES)
    monkeypatch.setattr(mesh, "MAX_BYTES", 10)
    with pytest.raises(FileError, match="expected a mesh of a mouse"):
        read_obj(tmp_path / "mouse.obj")
    with pytest.raises(FileError, match="cannot be read"):
        read_obj(tmp_path / "missing.obj")


def test_what_is_no_mesh_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "mouse.obj"
    for vertices, faces in (
        (VERTICES[:, :2], FACES),
        (VERTICES, FACES[0]),
        (VERTICES, FACES + 2),
        (VERTICES, FACES - 1),
    ):
        with pytest.raises(InputError, match="expected shape|outside"):
            write_obj(path, vertices, faces)
    with pytest.raises(InputError, match="unknown unit of length 'inch'"):
        write_obj(path, VERTICES, FACES, unit="inch")
    with pytest.raises(InputError, match=r"expected shape \(1, 3\)"):
        write_keypoint_text(path, ["NOSE"], VERTICES)
    with pytest.raises(InputError, match="without spaces"):
        write_keypoint_text(path, ["LEFT EAR"], VERTICES[:1])
    assert not path.exists()
