"""Laws of shape statistics: what was planted comes back, and what is noise is told as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ct.skins import capsule_mouse
from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.ct.statistics.statistics import filled, principal_components, shape_curves, told_by
from mousepose.ct.statistics.statistics_body import learn_body
from mousepose.ct.statistics.statistics_factors import known_factors
from mousepose.ct.statistics.statistics_keypoints import learn_keypoints
from mousepose.ct.statistics.statistics_regression import Animals, read_animals, regress
from mousepose.errors import FileError, InputError, ModelError
from mousepose.types import Floats


def planted(animals: int, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Floats]:
    """Scores (N, 3) with SD 3, 2 and 1, and measures (N, 30) that they make."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(30, 3)))[0].T
    scores = random.normal(size=(animals, 3)) * [3.0, 2.0, 1.0]
    return scores, scores @ directions + random.normal(0, noise, (animals, 30)) + 7.0


def animals_of(body: BodyModel, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Shape coefficients (N, S) drawn from the body's shape space, and bone lengths (N, J)."""
    shape = np.random.default_rng(seed).normal(
        0, body.shape_space.sd, (count, len(body.shape_space))
    )
    lengths = np.linalg.norm(body.bone_vectors, axis=1) * body.bone_scale(shape)
    return shape, lengths


@given(st.integers(3, 12), st.integers(2, 9), st.integers(0, 99))
def test_all_components_rebuild_all_animals(count: int, measures: int, seed: int) -> None:
    data = np.random.default_rng(seed).normal(size=(count, measures))
    found = principal_components(data)
    assert len(found.sd) == min(count - 1, measures)
    np.testing.assert_allclose(found.rebuild(found.scores), data, atol=1e-9)
    np.testing.assert_allclose(found.project(data), found.scores, atol=1e-9)
    np.testing.assert_allclose(
        found.directions @ found.directions.T, np.eye(len(found.sd)), atol=1e-9
    )
    assert found.share.sum() == pytest.approx(1)
    assert (np.diff(found.sd) <= 1e-12).all()


def test_planted_factors_are_told_by_the_components() -> None:
    scores, data = planted(40, noise=0.1)
    found = principal_components(data, 3)
    assert told_by(found.scores, scores).min() > 0.99
    nothing = np.random.default_rng(1).normal(size=(40, 1))
    assert told_by(found.scores, nothing)[0] < 0.6


def test_unknown_measures_are_told_by_the_others() -> None:
    _, data = planted(30, noise=0.02)
    cut = data.copy()
    cut[::3, 25:] = np.nan
    np.testing.assert_allclose(filled(cut, 3), data, atol=0.2)
    assert np.abs(data[::3, 25:] - data[:, 25:].mean(axis=0)).max() > 1.0
    np.testing.assert_array_equal(filled(data, 3), data)
    cut[:, 4] = np.nan
    with pytest.raises(InputError, match=r"\[4\] are known of no animal"):
        filled(cut, 3)


def test_curves_show_how_many_factors_there_are() -> None:
    _, data = planted(40, noise=0.05)
    curves = shape_curves(data, 6)
    assert (np.diff(curves.compactness) > 0).all()
    assert curves.compactness[2] > 0.98
    assert curves.compactness[-1] <= 1
    drop = curves.generalisation[:-1] / curves.generalisation[1:]
    assert drop[1] > 3  # the third component still tells animals that were left out
    assert drop[2:].max() < 1.1  # a fourth does not
    assert (curves.specificity > 0.05).all()
    with pytest.raises(InputError, match="4 or more"):
        shape_curves(data[:3], 2)


def test_generalisation_is_that_of_an_animal_left_out() -> None:
    _, data = planted(8, noise=0.3)
    found = shape_curves(data, 2).generalisation[1]
    each = []
    for index in range(8):
        others = principal_components(np.delete(data, index, axis=0), 2)
        rebuilt = others.rebuild(others.project(data[index]))
        each.append(np.sqrt(((rebuilt - data[index]) ** 2).mean()))
    assert found == pytest.approx(np.mean(each))


def test_size_and_limb_factors_come_back() -> None:
    body = default_body()
    shape, lengths = animals_of(body, 20)
    found = learn_body(body, lengths, shapes=1)
    for index, name in enumerate(body.shape_space.names):
        assert abs(np.corrcoef(found.shape[:, index], shape[:, index])[0, 1]) > 0.999, name
    assert told_by(found.bones.scores[:, :6], shape).min() > 0.99
    assert found.body.shape_space.names[0] == "size"
    assert found.body.shape_space.n_scans == 20
    np.testing.assert_allclose(found.body.shape_space.sd[:6], shape.std(axis=0), rtol=0.1)


def test_noise_does_not_drown_the_size() -> None:
    body = default_body()
    shape, lengths = animals_of(body, 20, seed=3)
    noisy = lengths + np.random.default_rng(0).normal(0, 0.25, lengths.shape)
    found = learn_body(body, np.where(lengths > 0, noisy, 0.0))
    assert np.corrcoef(found.shape[:, 0], shape[:, 0])[0, 1] > 0.95


def test_a_bone_that_is_measured_well_tells_more() -> None:
    body = default_body()
    shape, lengths = animals_of(body, 20, seed=5)
    random, names = np.random.default_rng(1), body.skeleton.joint_names
    sd = np.where([name.endswith("_HIP") for name in names], 0.02, 0.3)
    noisy = lengths + random.normal(0, sd, lengths.shape)
    noisy[:, 0] = 0
    basis = body.shape_space.basis[:, 1:]
    logs = np.log(noisy[:, 1:] / np.linalg.norm(body.bone_vectors, axis=1)[1:])
    plain = np.linalg.lstsq(basis.T, (logs - logs.mean(axis=0)).T, rcond=None)[0]
    found = learn_body(body, noisy).shape
    told = abs(np.corrcoef(found[:, 0], shape[:, 0])[0, 1])
    assert told > max(abs(np.corrcoef(plain[0], shape[:, 0])[0, 1]), 0.99)


def test_a_length_said_to_be_unsure_moves_little() -> None:
    body = default_body()
    _, lengths = animals_of(body, 12)
    wrong, sd = lengths.copy(), np.full(lengths.shape, 0.1)
    limb = [body.skeleton.index(name) for name in ("LEFT_KNEE", "LEFT_HIND_PAW")]
    wrong[3, limb] *= 1.5
    sd[3, limb] = 5.0
    right = learn_body(body, lengths).shape[:, :6]
    told = learn_body(body, wrong, bone_sd=sd).shape[:, :6]
    trusted = learn_body(body, wrong).shape[:, :6]
    assert np.abs(told - right).max() < 0.01 < np.abs(trusted - right).max()
    for bad in (sd[:, 1:], -sd):
        with pytest.raises(InputError, match="positive SD"):
            learn_body(body, lengths, bone_sd=bad)


def test_a_tail_that_no_scan_shows_is_as_long_as_the_animals_are_large() -> None:
    body = default_body()
    _, lengths = animals_of(body, 10)
    lengths *= 1.1
    lengths[:, -2:] = np.nan
    learned = learn_body(body, lengths).body
    grown = np.linalg.norm(learned.bone_vectors, axis=1)[-2:]
    np.testing.assert_allclose(
        grown / np.linalg.norm(body.bone_vectors, axis=1)[-2:], 1.1, atol=0.05
    )


def test_factors_come_back_from_measures_of_which_half_are_missing() -> None:
    random = np.random.default_rng(0)
    loadings = random.normal(size=(2, 12))
    scores = random.normal(size=(60, 2)) * [1.0, 0.5]
    measures = 3.0 + scores @ loadings + random.normal(0, 0.05, (60, 12))
    measures[random.uniform(size=measures.shape) < 0.5] = np.nan
    found = known_factors(measures, loadings, np.ones(2), np.full(12, 0.02))
    for k in range(2):
        assert np.corrcoef(found.scores[:, k], scores[:, k])[0, 1] > 0.99
    centred = 3.0 + scores.mean(axis=0) @ loadings
    np.testing.assert_allclose(found.mean, centred, atol=0.1)
    np.testing.assert_allclose(found.noise, 0.05, atol=0.03)
    np.testing.assert_allclose(found.sd, scores.std(axis=0), rtol=0.2)


def test_a_learned_body_makes_its_animals_again() -> None:
    body = default_body()
    random = np.random.default_rng(2)
    shape, lengths = animals_of(body, 15)
    odd = np.exp(np.outer(random.normal(0, 0.05, 15), np.eye(20)[11]))  # snouts vary on their own
    lengths = 1.1 * lengths * odd
    found = learn_body(body, lengths, shapes=3)
    learned = found.body
    again = np.linalg.norm(learned.bone_vectors, axis=1) * learned.bone_scale(found.shape)
    np.testing.assert_allclose(again[:, 1:], lengths[:, 1:], rtol=2e-3)
    np.testing.assert_allclose(
        np.log(np.linalg.norm(learned.bone_vectors, axis=1)[1:]),
        np.log(lengths[:, 1:]).mean(axis=0), atol=1e-9,
    )  # fmt: skip


def test_cut_tails_are_as_long_as_those_of_animals_alike() -> None:
    body = default_body()
    body = body.with_shape_space(
        replace(body.shape_space, sd=np.array([0.1, 0.01, 0.01, 0.01, 0.01, 0.01]))
    )
    shape, lengths = animals_of(body, 20)
    cut = lengths.copy()
    cut[::4, -2:] = np.nan
    found = learn_body(body, cut)
    assert np.corrcoef(found.shape[:, 0], shape[:, 0])[0, 1] > 0.98


def test_planted_builds_come_back() -> None:
    body = capsule_mouse()
    assert body.mesh is not None
    rest, normals = body.mesh.vertices, body.mesh.normals
    shape, lengths = animals_of(body, 12)
    fat = np.random.default_rng(4).normal(0, 1, 12)
    skins = rest + 0.5 * fat[:, None, None] * normals + 0.2 * normals
    found = learn_body(body, lengths, skins, builds=2)
    assert abs(np.corrcoef(found.build[:, 0], fat)[0, 1]) > 0.999
    mesh = found.body.mesh
    assert mesh is not None
    assert mesh.build_names == ("build 1", "build 2")
    np.testing.assert_allclose(found.build[:, 0].std(ddof=1), 1)
    first = found.skins
    assert first is not None
    np.testing.assert_allclose(first.rebuild(first.scores), skins.reshape(12, -1), atol=1e-6)
    with pytest.raises(ModelError, match="rest vertices of the body's skin"):
        learn_body(body, lengths, skins[:, :10])


def test_a_symmetric_skin_stays_so() -> None:
    half = capsule_mouse()
    assert half.mesh is not None
    mirror, count = np.array([1.0, -1.0, 1.0]), len(half.mesh.vertices)
    mesh = Mesh(
        np.concatenate([half.mesh.vertices, half.mesh.vertices * mirror]),
        np.concatenate([half.mesh.faces, half.mesh.faces[:, ::-1] + count]),
        np.concatenate([half.mesh.weights, half.mesh.weights[:, list(half.skeleton.mirror)]]),
    )
    body = half.with_mesh(mesh)
    skins = mesh.vertices + np.random.default_rng(0).normal(0, 0.3, (6, 2 * count, 3))
    found = learn_body(body, animals_of(body, 6)[1], skins, builds=2).body.mesh
    assert found is not None
    for array in (found.vertices, *found.builds):
        np.testing.assert_allclose(array[count:], array[:count] * mirror, atol=1e-6)


def test_lengths_that_are_none_are_refused() -> None:
    body = default_body()
    _, lengths = animals_of(body, 5)
    with pytest.raises(InputError, match="3 animals or more"):
        learn_body(body, lengths[:2])
    lengths[2, 5] = -1
    with pytest.raises(InputError, match="must be positive"):
        learn_body(body, lengths)


# Weight, sex and age ----------------------------------------------------------------------------


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "animals.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_by_its_names(tmp_path: Path) -> None:
    path = table(tmp_path, "scan,sex,weight_g,notes\na,F,20\nb,male,30,old\nc,,NA\n")
    animals = read_animals(path).of(["c", "b", "a", "d"])
    np.testing.assert_allclose(animals.columns["sex"], [np.nan, 1, -1, np.nan])
    np.testing.assert_allclose(np.exp(animals.columns["weight_g"]), [np.nan, 30, 20, np.nan])
    assert set(animals.columns) == {"sex", "weight_g"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scan,sex,weight_g\na,x,-3\nb,f,heavy\n", "line 2: weight_g.*line 2: sex 'x'.*line 3"),
        ("scan,sex\na,f\na,m\n", "line 3: scan 'a' is twice"),
        ("name,weight\na,20\n", "expected a column 'scan'"),
        ("", "the first line has nothing"),
        ("scan,sex\n", "no animal under"),
        ('scan,sex\n"a,f\n', "no table"),
    ],
)
def test_a_bad_table_tells_every_bad_cell(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_animals(table(tmp_path, text))


def test_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_animals(tmp_path / "none.csv")
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00scan")
    with pytest.raises(FileError, match="no table"):
        read_animals(path)


def test_planted_slopes_come_back() -> None:
    random = np.random.default_rng(0)
    weight, sex = random.uniform(18, 35, 40), random.choice([-1.0, 1.0], 40)
    columns = {"weight_g": np.log(weight), "sex": sex, "age_days": np.full(40, np.nan)}
    animals = Animals(tuple(map(str, range(40))), columns)
    size = np.log(weight / 25) / 3 + 0.01 * sex
    other = random.normal(0, 1, 40)
    found = regress(np.stack([size, other], axis=1), animals)
    assert found.names == ("weight_g", "sex")
    np.testing.assert_allclose(found.slope[:, 0], [1 / 3, 0.01], atol=0.005)
    assert found.held_out_r2[0] > 0.99
    assert found.held_out_r2[1] < 0.2
    heavy = found.predict(weight_g=50, sex="male") - found.predict(weight_g=25, sex="m")
    assert heavy[0] == pytest.approx(np.log(2) / 3, abs=0.01)
    np.testing.assert_allclose(found.predict(), found.mean)
    for name, value in (("age_days", 3), ("weight_g", -1), ("sex", "x")):
        with pytest.raises(InputError, match=name):
            found.predict(**{name: value})
    with pytest.raises(InputError, match="4 or more"):
        regress(np.zeros((3, 1)), animals.of(["1", "2", "3"]))
    with pytest.raises(InputError, match="expected coefficients"):
        regress(np.zeros((3, 1)), animals)


# Keypoints --------------------------------------------------------------------------------------


def test_keypoints_are_told_by_skin_and_joints() -> None:
    body = capsule_mouse()
    found = learn_keypoints(body)
    assert len(found.names) == 22
    total = np.asarray(found.vertex_weights.sum(axis=1)).ravel() + found.joint_weights.sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-9)
    assert np.median(found.error) < 0.1
    pose = body.rest_pose()
    told = found.keypoints(body.vertices(pose), body.joints(pose))
    assert np.linalg.norm(told - body.keypoints_of(pose), axis=1).max() < 1.5
    moved = found.keypoints(body.vertices(pose)[None] + 9.0, body.joints(pose)[None] + 9.0)
    np.testing.assert_allclose(moved, told[None] + 9.0, atol=1e-9)
    with pytest.raises(ModelError, match="no skin"):
        learn_keypoints(body.with_mesh(None))
