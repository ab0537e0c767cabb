"""Body files: what is written comes back; what is no body file is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from mousepose.body.body_file import load_body, load_skin, write_body
from mousepose.body.model import BodyModel
from mousepose.errors import FileError
from mousepose.types import Pose


@pytest.fixture(scope="module")
def fleshed(skinned: BodyModel) -> BodyModel:
    """The test body with fur, one build and one bulge."""
    mesh = skinned.mesh
    assert mesh is not None
    random = np.random.default_rng(2)
    count, joints = mesh.weights.shape
    return skinned.with_mesh(
        replace(
            mesh,
            coat=random.random(count),
            builds=random.normal(size=(1, count, 3)),
            build_names=("stout",),
            bulges=random.normal(size=(2, count, 3)),
            drivers=random.normal(size=(2, joints, 3)),
        )
    )


def test_what_is_written_comes_back(
    fleshed: BodyModel, make_pose: Callable[..., Pose], tmp_path: Path
) -> None:
    write_body(tmp_path / "body.npz", fleshed)
    back = load_body(tmp_path / "body.npz")
    pose = make_pose(fleshed, 3)
    np.testing.assert_array_equal(back.joints(pose), fleshed.joints(pose))
    np.testing.assert_array_equal(back.keypoints_of(pose), fleshed.keypoints_of(pose))
    np.testing.assert_allclose(
        back.vertices(pose, [1.5], coat=True), fleshed.vertices(pose, [1.5], coat=True), atol=1e-3
    )
    assert (back.name, back.skeleton, back.free.tolist()) == (
        fleshed.name, fleshed.skeleton, fleshed.free.tolist(),
    )  # fmt: skip
    np.testing.assert_allclose(load_skin(tmp_path / "body.npz").coat, fleshed.mesh.coat, atol=1e-6)


def test_a_body_without_a_skin_has_none_again(body: BodyModel, tmp_path: Path) -> None:
    write_body(tmp_path / "body.npz", body.with_mesh(None))
    assert load_body(tmp_path / "body.npz").mesh is None
    with pytest.raises(FileError, match="holds no skin"):
        load_skin(tmp_path / "body.npz")


def test_other_files_are_told(fleshed: BodyModel, tmp_path: Path) -> None:
    path = tmp_path / "body.npz"
    write_body(path, fleshed)
    whole = path.read_bytes()
    for name, content in (
        ("cut.npz", whole[: len(whole) // 2]),
        ("text.npz", b"no zip at all"),
        ("empty.npz", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match=name):
            load_body(tmp_path / name)
    np.savez(tmp_path / "other.npz", header=np.array('{"format": "mousepose prior 2"}'))
    with pytest.raises(FileError, match="mousepose body 1"):
        load_body(tmp_path / "other.npz")
    with pytest.raises(FileError, match=r"absent\.npz"):
        load_body(tmp_path / "absent.npz")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "bomb.npz", "w", ZIP_DEFLATED) as archive:
        archive.writestr("rest.npy", bytes(201_000_000))
    with pytest.raises(FileError, match="unpacks to 201,000,000 bytes"):
        load_body(tmp_path / "bomb.npz")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "objects.npz",
        header=np.array('{"format": "mousepose body 1"}'),
        rest=np.array([{}], dtype=object),
    )
    with pytest.raises(FileError, match=r"objects\.npz"):
        load_body(tmp_path / "objects.npz")
