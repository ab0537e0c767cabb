"""Meshes frame by frame: the skin of the body, in files of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motions import moving_sequence
from mousepose.body.default import default_body
from mousepose.errors import InputError
from mousepose.io import read_obj, write_mesh_frames, write_ply


def read_ply(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices and faces of a binary PLY, as its header tells."""
    header, data = path.read_bytes().split(b"end_header\n", 1)
    vertices, faces = (
        int(line.split()[2]) for line in header.decode().splitlines() if line.startswith("element")
    )
    points = np.frombuffer(data, "<f4", 3 * vertices).reshape(-1, 3)
    corners = np.frombuffer(data[12 * vertices :], [("n", "u1"), ("v", "<i4", 3)], faces)
    assert (corners["n"] == 3).all()
    assert len(data) == 12 * vertices + 13 * faces
    return points, corners["v"]


def test_a_mesh_for_each_frame_with_a_pose(tmp_path: Path) -> None:
    sequence, body = moving_sequence(5, first_frame=7, lost=(2,)), default_body()
    written, missing = write_mesh_frames(tmp_path / "m.ply", [sequence[:2], sequence[2:]])
    assert [path.name for path in written] == [f"m_{n:06d}.ply" for n in (7, 8, 10, 11)]
    assert missing == 1
    points, faces = read_ply(written[2])
    np.testing.assert_allclose(points, body.vertices(sequence[3].pose)[0], atol=1e-4)
    assert body.mesh is not None
    np.testing.assert_array_equal(faces, body.mesh.faces)


def test_one_frame_is_the_very_file(tmp_path: Path) -> None:
    sequence, body = moving_sequence(3), default_body()
    written, _ = write_mesh_frames(tmp_path / "m.obj", [sequence[1:2]], coat=True)
    assert written == [tmp_path / "m.obj"] == list(tmp_path.iterdir())
    points, _ = read_obj(tmp_path / "m.obj")
    np.testing.assert_allclose(points, body.vertices(sequence[1].pose, coat=True)[0], atol=1e-6)


def test_a_ply_is_read_by_another(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="another reader of PLY")
    corners = np.random.default_rng(0).normal(0, 50, (4, 3))
    write_ply(tmp_path / "a.ply", corners, np.array([[0, 1, 2], [1, 2, 3]]))
    mesh = trimesh.load(tmp_path / "a.ply", process=False)
    np.testing.assert_allclose(mesh.vertices, corners, atol=1e-4)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [1, 2, 3]])


def test_what_makes_no_mesh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ends in .obj or .ply"):
        write_mesh_frames(tmp_path / "m.stl", [moving_sequence(1)])
    with pytest.raises(InputError, match="no frame has a pose"):
        write_mesh_frames(tmp_path / "m.ply", [moving_sequence(2, lost=(0, 1))])
    with pytest.raises(InputError, match="has no skin"):
        write_mesh_frames(tmp_path / "m.ply", [moving_sequence(1)], default_body().with_mesh(None))
    assert not list(tmp_path.iterdir())
