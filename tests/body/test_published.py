"""The published files: read as they are, and wrong ones refused with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.body import published
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, MouseposeError
from mousepose.geometry import rotation
from mousepose.skeleton import PUBLISHED_SKELETON

Find = Callable[[str], Path]
GMMS = ("both_gmm_mixture_5_fixed_r0.100000.pbtxt", "gmm_mixture_5.pbtxt")

#: A skeleton in the layout of the published file: joint j stands at (j, 2 j, 3 j) centimetres.
SKELETON = "# a comment\n" + "\n".join(
    f"{name.lower()},{j},{max(parent, 0)},{j / 10},{j / 5},{j * 3 / 10}"
    for j, (name, parent) in enumerate(
        zip(PUBLISHED_SKELETON.joint_names, PUBLISHED_SKELETON.parents, strict=True)
    )
)
COLUMNS = [f"{name}-{axis}" for name in PUBLISHED_SKELETON.joint_names for axis in "xyz"]
GMM = "\n".join(
    ["number_of_components: 2", "number_of_dimensions: 54"]
    + [f'column_names: "{name}"' for name in COLUMNS]
    + ["mixing_proportions: 0.25", "mixing_proportions: 0.75"]
    + ["means: 1.5"] * 108
    + [f"precisions: {value}" for value in np.tile(4 * np.eye(54).ravel(), 2)]
)


@pytest.fixture
def folder(shared_data: Find) -> Path:
    return shared_data("google_mouse_pose_analysis")


@pytest.fixture
def model(folder: Path) -> BodyModel:
    return published.load_published(folder)


def test_the_zero_pose_is_the_published_rest(model: BodyModel) -> None:
    assert model.mesh is not None
    assert model.mesh.vertices.shape == (5208, 3)
    pose = model.rest_pose()
    np.testing.assert_allclose(model.joints(pose), model.rest, atol=1e-12)
    np.testing.assert_allclose(model.vertices(pose), model.mesh.vertices, atol=1e-9)
    np.testing.assert_allclose(model.rest[0], [18.3547, 34.672, 10.4557])
    assert 80 < model.body_length < 100


def test_both_namings_of_the_skeleton_agree(folder: Path) -> None:
    first, second = (published.load_skeleton(folder / name) for name in published.SKELETON_FILES)
    np.testing.assert_allclose(first, second)
    third = published.load_skeleton(folder / "test_mouse_skeleton.csv")
    np.testing.assert_allclose(first, third)


def test_the_ears_stand_left_and_right_of_the_head(model: BodyModel) -> None:
    points = dict(zip(model.keypoints.names, model.keypoints_of(model.rest_pose()), strict=True))
    assert len(points) == 20
    for side, sign in (("LEFT", 1), ("RIGHT", -1)):
        away = points[f"{side}_EAR"] - points["NOSE"]
        assert sign * away[0] > 5  # the published left is +x
        assert away[1] > 5  # and forward is -y
        assert away[2] > 5


def test_shape_components_keep_their_bone_lengths(folder: Path) -> None:
    shape = published.load_shape(folder / published.SHAPE_FILE)
    space = shape.shape_space()
    assert len(space) == 4
    parents = np.maximum(PUBLISHED_SKELETON.parents, 0)

    def lengths(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints - joints[parents], axis=-1)[1:]

    for one in np.eye(4):
        exact = lengths(shape.rest(one))
        scaled = lengths(shape.mean) * np.exp(space.log_scale(one))[1:]
        np.testing.assert_allclose(scaled, exact, rtol=0.03)


def test_pose_components_are_zyx_euler_angles(folder: Path) -> None:
    poses = published.load_pose_pca(folder / "pca_bone_config_world.csv")
    assert poses.components.shape == (14, 18, 3)
    weights = np.random.default_rng(0).normal(0, 0.3, (5, 14))
    vectors = poses.joint_rotation(weights)
    np.testing.assert_allclose(vectors[:, 0], 0, atol=1e-12)
    angles = poses.mean + np.einsum("bn,nja->bja", weights, poses.components)
    about = [rotation.exp(angles[..., [axis]] * np.eye(3)[axis]) for axis in range(3)]
    expected = about[2] @ about[1] @ about[0]
    np.testing.assert_allclose(rotation.exp(vectors), expected, atol=1e-12)


@pytest.mark.parametrize("name", GMMS)
def test_the_mixture_likes_a_mouse_in_its_own_frame_only(folder: Path, name: str) -> None:
    mixture = published.load_gmm(folder / name)
    rest = published.load_skeleton(folder / "test_mouse_skeleton.csv")
    assert np.exp(mixture.log_weights).sum() == pytest.approx(1, abs=1e-6)
    likelihood = mixture.log_likelihood(rest)
    for mirror in ([-1, 1, 1], [1, -1, 1], [1, 1, -1]):
        assert likelihood > mixture.log_likelihood(rest * mirror) + 20
    means = mixture.means.reshape(-1, 18, 3)
    np.testing.assert_allclose(mixture.normalise(means), mixture.means, atol=0.01)


def test_the_likelihood_of_the_test_skeleton_is_above_the_published_bound(folder: Path) -> None:
    mixture = published.load_gmm(folder / "gmm_mixture_5.pbtxt")
    rest = published.load_skeleton(folder / "test_mouse_skeleton.csv")
    assert 4 < mixture.log_likelihood(rest) < 5  # the published test asks for more than 4


def test_a_folder_with_a_skeleton_only_is_a_body_without_skin(tmp_path: Path) -> None:
    (tmp_path / published.SKELETON_FILES[0]).write_text(SKELETON)
    model = published.load_published(tmp_path)
    assert model.mesh is None
    assert model.shape_space.names == ("size",)
    np.testing.assert_allclose(model.rest[3], [30, 60, 90])
    with pytest.raises(FileError, match="found neither"):
        published.load_published(tmp_path / "absent")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("nose,11,10", "nose,11", "skeleton.csv:13: expected name, 11, parent"),
        ("nose,11,10", "nose,11,3", "NOSE hangs on the wrong parent"),
        ("nose,11", "snoutish,11", "skeleton.csv:13: unknown keypoint 'snoutish'"),
        ("nose,11", "neck,11", "18 joints once each"),
        ("0.1,0.2", "0.1,nan", "skeleton.csv:3: expected a number, got 'nan'"),
        ("\nright_fore_paw", "\n#right_fore_paw", "18 joints once each"),
    ],
)
def test_a_wrong_skeleton_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "skeleton.csv"
    assert old in SKELETON
    path.write_text(SKELETON.replace(old, new, 1))
    with pytest.raises(FileError, match=complaint):
        published.load_skeleton(path)


def test_a_mixture_is_read_from_its_text(tmp_path: Path) -> None:
    path = tmp_path / "gmm.pbtxt"
    path.write_text(GMM)
    mixture = published.load_gmm(path)
    np.testing.assert_allclose(np.exp(mixture.log_weights), [0.25, 0.75])
    np.testing.assert_allclose(mixture.factors[1], 2 * np.eye(54))
    np.testing.assert_allclose(mixture.means, 1.5)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("means: 1.5\n", "", "expected 108 x means, got 107"),
        ("means: 1.5", "means: a", "means: expected a number"),
        ("means: 1.5", "means", "gmm.pbtxt:59: expected 'name: value'"),
        ("0.25", "-0.25", "mixing_proportions above 0"),
        ("precisions: 4.0", "precisions: -4.0", "not positive definite"),
        ("NECK-x", "NECK-y", "expected columns"),
    ],
)
def test_a_wrong_mixture_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "gmm.pbtxt"
    assert old in GMM
    path.write_text(GMM.replace(old, new, 1))
    with pytest.raises(FileError, match=complaint):
        published.load_gmm(path)
    path.write_text(GMM[: len(GMM) // 2])
    with pytest.raises(FileError, match=r"gmm\.pbtxt"):
        published.load_gmm(path)


def test_a_wrong_skin_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "skin.obj"
    path.write_text("# skin\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2/2 3/3\n")
    vertices, faces = published.load_obj(path)
    assert vertices.shape == (3, 3)
    assert faces.tolist() == [[0, 1, 2]]
    for line, complaint in (
        ("f 1 2 4", "outside 1..3"),
        ("f 1 2", "skin.obj:1: expected three"),
        ("v 1 2 x", "skin.obj:1: expected a number"),
    ):
        path.write_text(f"{line}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
        if line.startswith("v"):
            path.write_text(line)
        with pytest.raises(FileError, match=complaint):
            published.load_obj(path)
    path.write_text("")
    with pytest.raises(FileError, match="expected vertices"):
        published.load_obj(path)


@given(content=st.binary(max_size=100))
def test_garbage_never_gets_past_our_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(content)
    for load in (
        published.load_skeleton,
        published.load_shape,
        published.load_pose_pca,
        published.load_gmm,
        published.load_obj,
    ):
        with pytest.raises(MouseposeError):
            load(path)
