"""Laws of the animated mesh: the skin read back is the body's skin, in every pose and program."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motions import moving_sequence
from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.errors import FileError, InputError
from mousepose.geometry import rotation
from mousepose.io import read_glb, write_glb
from mousepose.io.mesh.node_tree import NodeTree, places, upright

#: Single precision of metres a metre from the origin, ten times.
EXACT_MM = 1e-3


@pytest.mark.parametrize("coat", [False, True])
def test_the_skin_read_back_is_that_of_the_body(tmp_path: Path, coat: bool) -> None:
    sequence, body = moving_sequence(12), default_body()
    size = write_glb(tmp_path / "a.glb", [sequence[:5], sequence[5:]], coat=coat)
    mesh = read_glb(tmp_path / "a.glb")
    assert (size.frames, size.left_out, len(mesh)) == (12, 0, 12)
    np.testing.assert_allclose(mesh.times, sequence.times, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, body.mesh.faces)
    for key in (0, 4, 5, 11):
        skin = body.vertices(sequence[key].pose, coat=coat)[0]
        np.testing.assert_allclose(mesh.vertices(key) @ mesh.turn, skin, atol=EXACT_MM)


def test_every_joint_is_a_node_in_its_place(tmp_path: Path) -> None:
    sequence, body = moving_sequence(4), default_body()
    write_glb(tmp_path / "a.glb", [sequence])
    mesh = read_glb(tmp_path / "a.glb")
    nodes = [mesh.node_names.index(name) for name in body.skeleton.joint_names]
    joints = body.joints(sequence.pose)
    for key in range(4):
        np.testing.assert_allclose(mesh.nodes(key)[nodes] @ mesh.turn, joints[key], atol=EXACT_MM)


def test_the_tree_turns_as_the_body_does() -> None:
    sequence, body = moving_sequence(6), default_body()
    tree = NodeTree.of(body, sequence.pose.shape)
    turns = rotation.exp(tree.turns(sequence.pose))
    _, points = places(tree.parents, tree.offsets, turns, sequence.pose.root_translation)
    np.testing.assert_allclose(points[:, tree.joints], body.joints(sequence.pose), atol=1e-9)
    assert len(set(tree.names)) == len(tree)
    assert all(parent < node for node, parent in enumerate(tree.parents))


@settings(max_examples=50)
@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_up_becomes_y(up: tuple[float, float, float]) -> None:
    turn = upright(np.array(up))
    np.testing.assert_allclose(turn @ up / np.linalg.norm(up), [0, 1, 0], atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_camera_frame_is_turned_about_x() -> None:
    np.testing.assert_allclose(upright(np.array([0.0, -1, 0])), np.diag([1.0, -1, -1]), atol=1e-12)
    np.testing.assert_allclose(upright(np.array([0.0, 1, 0])), np.eye(3), atol=1e-12)


def test_frames_without_a_pose_have_no_key(tmp_path: Path) -> None:
    sequence = moving_sequence(8, lost=(0, 3))
    size = write_glb(tmp_path / "a.glb", [sequence])
    mesh = read_glb(tmp_path / "a.glb")
    assert (size.frames, size.left_out) == (6, 2)
    np.testing.assert_allclose(mesh.times * 50, [0, 1, 3, 4, 5, 6], atol=1e-4)
    assert mesh.about["start_s"] == sequence.times[1]
    assert mesh.about["frames_without_estimate"] == 2
    with pytest.raises(InputError, match="no frame has a pose"):
        write_glb(tmp_path / "b.glb", [sequence[:1]])
    assert not (tmp_path / "b.glb").exists()


def test_pieces_do_not_show(tmp_path: Path) -> None:
    sequence = moving_sequence(9)
    write_glb(tmp_path / "a.glb", [sequence])
    write_glb(tmp_path / "b.glb", [sequence[:2], sequence[2:7], sequence[7:]])
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_quaternions_never_leap(tmp_path: Path) -> None:
    # A turn of 720 degrees passes through the sign change of its quaternion twice.
    sequence = moving_sequence(40)
    spin = np.zeros((40, 3))
    spin[:, 2] = np.linspace(0, 4 * np.pi, 40)
    wrapped = rotation.log(rotation.exp(spin))
    write_glb(
        tmp_path / "a.glb", [replace(sequence, pose=replace(sequence.pose, root_rotation=wrapped))]
    )
    keys = read_glb(tmp_path / "a.glb")._keys[1, "rotation"]
    assert (np.sum(keys[1:] * keys[:-1], axis=1) > 0.9).all()


def test_more_than_four_bones_a_vertex_are_kept(tmp_path: Path) -> None:
    body = default_body()
    assert body.mesh is not None
    random = np.random.default_rng(1)
    weights = random.random((50, len(body.rest))) * (random.random((50, len(body.rest))) < 0.3)
    weights[:, 0] += 0.1
    weights /= weights.sum(axis=1, keepdims=True)
    mesh = Mesh(body.mesh.vertices[:50], np.array([[0, 1, 2]]), weights)
    many = body.with_mesh(mesh)
    sequence = moving_sequence(3)
    write_glb(tmp_path / "a.glb", [sequence], many)
    found = read_glb(tmp_path / "a.glb")
    skin = many.vertices(sequence[1].pose)[0]
    np.testing.assert_allclose(found.vertices(1) @ found.turn, skin, atol=EXACT_MM)


def test_others_open_it(tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", [moving_sequence(3)])
    body = default_body()
    assert body.mesh is not None
    pygltflib = pytest.importorskip("pygltflib", reason="another reader of glTF")
    gltf = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    joints = [gltf.nodes[node].name for node in gltf.skins[0].joints[: len(body.rest)]]
    assert joints == [f"{name}_flesh" for name in body.skeleton.joint_names]
    paths = {channel.target.path for channel in gltf.animations[0].channels}
    assert paths == {"translation", "rotation", "weights"}
    trimesh = pytest.importorskip("trimesh", reason="another reader of glTF")
    (rest,) = trimesh.load(tmp_path / "a.glb", process=False).geometry.values()
    np.testing.assert_allclose(rest.vertices * 1000, body.mesh.vertices, atol=EXACT_MM)


def test_another_body_and_none_are_refused(tmp_path: Path) -> None:
    sequence = moving_sequence(2)
    with pytest.raises(InputError, match="has no skin"):
        write_glb(tmp_path / "a.glb", [sequence], default_body().with_mesh(None))
    with pytest.raises(InputError, match="fitted with another body"):
        write_glb(tmp_path / "a.glb", [replace(sequence, provenance={"body": "rat"})])
    with pytest.raises(InputError, match="up: expected three numbers"):
        write_glb(tmp_path / "a.glb", [sequence], up=(0, 0, 0))
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.binary(min_size=1, max_size=6), st.booleans())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: float, damage: bytes, cut: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.glb"
    if not whole.exists():
        write_glb(whole, [moving_sequence(2)])
    content = whole.read_bytes()
    # The description of the file comes first; most damage should meet it.
    start = int(place**3 * len(content))
    rest = b"" if cut else content[start + len(damage) :]
    path = folder / "damaged.glb"
    path.write_bytes(content[:start] + damage + rest)
    try:
        assert read_glb(path).vertices(0).shape[1] == 3
    except FileError as error:
        assert "damaged.glb" in str(error)


def test_a_hostile_tree_ends(tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", [moving_sequence(2)])
    content = (tmp_path / "a.glb").read_bytes()
    (size,) = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + size])
    document["nodes"][2]["children"] = [1]  # its own parent
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<5I", 0x46546C67, 2, len(content) - size + len(text), len(text), 0x4E4F534A)
    (tmp_path / "b.glb").write_bytes(head + text + content[20 + size :])
    with pytest.raises(FileError, match="no tree"):
        read_glb(tmp_path / "b.glb")
