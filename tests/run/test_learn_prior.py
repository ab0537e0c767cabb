"""Learning a prior from files: known poses in, a prior file out; what is refused, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.gaussians import GaussianMixture
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.mixture import PositionMixture
from mousepose.body.prior import PosePrior, load_prior, prior_notes
from mousepose.body.published import load_gmm
from mousepose.errors import FileError, InputError
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.learn import LearnConfig, Learned, to_prior
from mousepose.fit.learn_evidence import angle_mirror
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.geometry import rotation
from mousepose.io import write_sequence
from mousepose.method import reconstruct
from mousepose.report.prior import plot_prior
from mousepose.run.learn_prior import LearnedPrior, PriorPlan, learn_prior
from mousepose.run.learn_prior_held_out import Candidate, choose, learn_body, split_poses
from mousepose.run.learn_prior_input import choose_poses, mark, read_recordings
from mousepose.simulate import watching_camera
from mousepose.types import Floats, Keypoints2D, Keypoints3D

QUICK = LearnConfig(iterations=2)
POSES = 28


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def marks() -> KeypointMap:
    return load_keypoint_map("dannce22")


@pytest.fixture(scope="module")
def xyz(marks: KeypointMap) -> Floats:
    """Marks (T, 22, 3) of poses drawn from the shipped prior, wherever in a cage."""
    setup = Setup.of(watching_camera(), keypoint_map=marks)
    arrays = body_arrays(setup, Animal.typical(setup))
    random = np.random.default_rng(0)
    turn = rotation.exp(random.uniform(-3, 3, (POSES, 1)) * [0.0, 0.0, 1.0])
    z = 0.7 * random.standard_normal((POSES, arrays.basis.shape[2]))
    place = random.uniform(-100, 100, (POSES, 3))
    moved = terms.motion(arrays, PoseArrays(turn, place, z))
    points = terms.mark_points(arrays, moved)[0]
    return points + random.normal(0, 0.5, points.shape)


def save(path: Path, xyz: Floats, names: tuple[str, ...], **more: Any) -> Path:
    np.savez(path, points3d_mm=xyz, keypoint_names=np.array(names), **more)
    return path


@pytest.fixture(scope="module")
def file(xyz: Floats, marks: KeypointMap, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("poses") / "poses.npz", xyz, marks.names)


def learned(file: Path, marks: KeypointMap, **plan: Any) -> LearnedPrior:
    settings = {"folds": 2, "most": 1, "settings": QUICK, **plan}
    return learn_prior([file], marks, PriorPlan(**settings), quiet)


@pytest.fixture(scope="module")
def tree(file: Path, marks: KeypointMap) -> LearnedPrior:
    return learned(file, marks, licence="CC0", source="drawn poses")


@pytest.fixture(scope="module")
def found(file: Path, marks: KeypointMap) -> Learned:
    one = mark(read_recordings(file), marks, default_body())
    return learn_body(default_body(), one.marks, one.landmarks, one.recordings[0].xyz, QUICK)[0]


@pytest.fixture
def mixed(found: Learned) -> PosePrior:
    """A prior of two components that are mirror images."""
    mirror = angle_mirror(default_body())
    mean = found.mean + np.random.default_rng(0).normal(0, 0.1, len(found.mean))
    covariances = np.stack([found.covariance, mirror.of_matrices(found.covariance)])
    mixture = GaussianMixture(
        np.array([0.5, 0.5]), np.stack([mean, mirror.of_points(mean)]), covariances,
        np.array([1, 0]),
    )  # fmt: skip
    return to_prior(found, QUICK, "two", 80.0, mixture)


def test_a_prior_survives_its_file_with_its_provenance(tree: LearnedPrior, tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    tree.save(path)
    again, first = load_prior(path), tree.result
    assert isinstance(first, PosePrior)
    assert again.components is None
    for name in ("mean", "basis", "acceleration", "inflation"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    notes = prior_notes(path)
    assert notes["licence"] == "CC0"
    assert again.source == "drawn poses"
    assert len(notes["inputs"][0]["sha256"]) == 64
    assert notes["split"].startswith("by time")
    assert notes["chosen"]["components"] == 1
    assert "shipped prior" in notes["calibration"]  # nothing moved in time


def test_components_survive_their_file(mixed: PosePrior, tmp_path: Path) -> None:
    mixed.save(tmp_path / "prior.npz")
    again = load_prior(tmp_path / "prior.npz")
    assert again.components is not None
    assert mixed.components is not None
    for name in ("weights", "means", "bases"):
        have, want = getattr(again.components, name), getattr(mixed.components, name)
        np.testing.assert_array_equal(have, want)


def test_the_fit_takes_the_moments_of_a_mixture(mixed: PosePrior) -> None:
    assert mixed.components is not None
    weights, means = mixed.components.weights, mixed.components.means
    np.testing.assert_allclose(np.tensordot(weights, means, 1), mixed.mean, atol=1e-9)
    apart = (means - mixed.mean).reshape(len(weights), -1)
    flat = mixed.components.bases.reshape(len(weights), apart.shape[1], -1)
    second = np.einsum("k,kir,kjr->ij", weights, flat, flat)
    second += np.einsum("k,ki,kj->ij", weights, apart, apart)
    whole = mixed.basis.reshape(apart.shape[1], -1)
    np.testing.assert_allclose(second, whole @ whole.T, atol=1e-9)
    assert mixed.component(1).components is None


def test_the_picture_is_drawn_whole(tree: LearnedPrior, tmp_path: Path) -> None:
    plot_prior(tmp_path / "prior.png", tree)
    assert (tmp_path / "prior.png").stat().st_size > 20_000


def test_mirrored_poses_teach_the_same_prior(
    xyz: Floats, found: Learned, marks: KeypointMap, tmp_path: Path
) -> None:
    swapped = [name[:-1] + {"L": "R", "R": "L"}.get(name[-1], name[-1]) for name in marks.names]
    order = [marks.names.index(name) for name in swapped]
    mirrored = save(tmp_path / "a.npz", xyz[:, order] * [1.0, -1.0, 1.0], marks.names)
    one = mark(read_recordings(mirrored), marks, default_body())
    points = one.recordings[0].xyz
    other = learn_body(default_body(), one.marks, one.landmarks, points, QUICK)[0]
    np.testing.assert_allclose(other.mean, found.mean, atol=1e-6)
    np.testing.assert_allclose(other.covariance, found.covariance, atol=1e-6)


def test_the_learned_prior_is_used_by_the_fit(
    tree: LearnedPrior, xyz: Floats, marks: KeypointMap, tmp_path: Path
) -> None:
    path = tmp_path / "prior.npz"
    tree.save(path)
    camera = watching_camera(distance_mm=900.0)
    frames = np.arange(4)
    seen = Keypoints2D(
        camera.project(xyz[:4])[:, None], np.ones((4, 1, 22)), np.arange(4.0), frames, marks.names
    )
    found = reconstruct(
        seen, camera, keypoint_map=tree.keypoint_map, prior=load_prior(path),
        scale=Scale.body_length(78.0), config=FitConfig(temporal=False),
    )  # fmt: skip
    assert found.provenance["prior"] == "drawn poses"
    assert np.isfinite(found.keypoints).all()


def test_the_published_kind_is_read_as_the_published_files_are(
    file: Path, marks: KeypointMap, tmp_path: Path
) -> None:
    found = learned(file, marks, kind="published")
    path = tmp_path / "mixture.pbtxt"
    found.save(path)
    again, first = load_gmm(path), found.result
    assert isinstance(first, PositionMixture)
    np.testing.assert_allclose(again.means, first.means, atol=1e-12)
    np.testing.assert_allclose(again.factors, first.factors, rtol=1e-6, atol=1e-6)
    assert "sha256" in path.read_text(encoding="utf-8").split("number_of_components")[0]
    with pytest.raises(FileError, match="--published-gmm"):
        load_prior(path)
    with pytest.raises(InputError, match=r"\.pbtxt"):
        found.save(tmp_path / "mixture.npz")


def test_points_of_every_reader_and_frame_rates_are_taken(
    xyz: Floats, marks: KeypointMap, tmp_path: Path
) -> None:
    points = Keypoints3D(xyz, np.arange(POSES) / 50, marks.names)
    write_sequence(tmp_path / "poses.parquet", points)
    timed = read_recordings(tmp_path / "poses.parquet")[0]
    np.testing.assert_allclose(timed.xyz, xyz)
    assert timed.times is not None
    np.testing.assert_allclose(np.diff(timed.times), 0.02)
    plain = save(tmp_path / "plain.npz", xyz, marks.names)
    assert read_recordings(plain)[0].times is None
    rated = read_recordings(plain, fps=10.0)[0].times
    assert rated is not None
    np.testing.assert_allclose(rated[:2], [0.0, 0.1])
    np.testing.assert_allclose(read_recordings(plain, unit="cm")[0].xyz, 10 * xyz)


def test_neighbours_are_never_on_both_sides(
    xyz: Floats, marks: KeypointMap, tmp_path: Path
) -> None:
    one = read_recordings(save(tmp_path / "a.npz", xyz, marks.names), fps=4.0)
    marked = mark(one, marks, default_body())
    for train, test in split_poses(choose_poses(marked, default_body(), 100), marked, 4).folds:
        assert np.abs(train[:, None] - test).min() >= 4  # a second
        assert len(test) == POSES / 4
    both = mark([*one, *one], marks, default_body())
    poses = choose_poses(both, default_body(), 100)
    for train, test in split_poses(poses, both, 4).folds:
        assert not set(poses.recording[train]) & set(poses.recording[test])


def test_more_components_must_be_better_by_more_than_chance() -> None:
    one = Candidate("full", 1, np.array([10.0, 12.0, 9.0, 11.0]), 13.0)
    chance = Candidate("full", 2, one.by_fold + [1.0, -0.9, 0.5, -0.5], 16.0)
    sure = Candidate("full", 3, one.by_fold + [1.0, 1.2, 0.9, 1.1], 16.0)
    assert choose([one, chance]) is one
    assert choose([one, chance, sure]) is sure


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x / 10, r"in cm: give --unit cm"),
        (lambda x: x / 1000, r"in m: give --unit m"),
        (lambda x: x * 7.3, r"8\.\d+ times as long as a mouse's"),
        (lambda x: x * [1, -1, 1], "left and right are swapped"),
        (lambda x: x[:10], "10 different poses can be used, at least 24"),
        (lambda x: np.full_like(x, np.nan), "of 28 frames 28 lack"),
        (lambda x: np.repeat(x[:1], 50, axis=0), "1 different poses .* 49 repeat"),
    ],
)
def test_what_would_teach_a_wrong_prior_is_refused(
    spoil: Any, message: str, xyz: Floats, marks: KeypointMap, tmp_path: Path
) -> None:
    file = save(tmp_path / "bad.npz", spoil(xyz), marks.names)
    with pytest.raises(InputError, match=message):
        learned(file, marks)


def test_frames_without_points_are_left_out_and_counted(
    xyz: Floats, marks: KeypointMap, tmp_path: Path
) -> None:
    holed = xyz.copy()
    holed[3:6] = np.nan
    one = read_recordings(save(tmp_path / "holes.npz", holed, marks.names))
    poses = choose_poses(mark(one, marks, default_body()), default_body(), 100)
    assert len(poses) == POSES - 3
    assert poses.unusable == 3


def test_a_map_without_limbs_is_refused_with_their_names(xyz: Floats, tmp_path: Path) -> None:
    homecage = load_keypoint_map("homecage15")
    file = save(tmp_path / "home.npz", xyz[:, : len(homecage)], homecage.names)
    with pytest.raises(InputError, match="nothing on left fore limb .*right hind limb"):
        learned(file, homecage)
    with pytest.raises(InputError, match="knows none of the keypoints"):
        learned(save(tmp_path / "odd.npz", xyz[:, :2], ("foo", "bar")), homecage)


def test_files_that_are_none_are_refused(tmp_path: Path, xyz: Floats) -> None:
    garbage = tmp_path / "garbage.npz"
    for content in (b"PK\x03\x04 no archive", b"nothing of the kind", b""):
        garbage.write_bytes(content)
        with pytest.raises(FileError, match=r"garbage\.npz"):
            read_recordings(garbage)
    np.savez(garbage, something=xyz)
    with pytest.raises(FileError, match=r"points3d_mm \(T, K, 3\)"):
        read_recordings(garbage)
    np.savez(garbage, points3d_mm=xyz, keypoint_names=np.array(["A"]))
    with pytest.raises(FileError, match=r"expected points3d_mm \(T, 1, 3\)"):
        read_recordings(garbage)
    with pytest.raises(FileError, match="is a folder"):
        read_recordings(tmp_path)
    with pytest.raises(FileError, match="cannot be read"):
        read_recordings(tmp_path / "none.npz")


def test_a_plan_out_of_range_is_refused() -> None:
    out_of_range: list[dict[str, Any]] = [
        {"folds": 1},
        {"poses": 5},
        {"most": 0},
        {"components": 9},
    ]
    for wrong in out_of_range:
        with pytest.raises(InputError, match=next(iter(wrong))):
            PriorPlan(**wrong)
