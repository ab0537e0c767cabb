"""Trees are scikit-learn's, chances hold, nothing leaks, and files give back what was saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.behaviour.acts import ACTS, cohort

from mousepose.analysis.behaviour import boosting
from mousepose.analysis.behaviour.boosting import BoostedTrees, train_trees
from mousepose.analysis.behaviour.chances import chances_of, fit_temperature
from mousepose.analysis.behaviour.classifier import BehaviourModel, train_head
from mousepose.analysis.behaviour.cross_validate import (
    cross_validate,
    score_model,
    train_behaviour,
)
from mousepose.analysis.behaviour.model_file import load_behaviour, save_behaviour
from mousepose.analysis.folds import check_no_leak
from mousepose.errors import FileError, InputError, ModelError

pytest.importorskip("sklearn", reason="classifiers are trained with scikit-learn")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Grow few trees: the doll's acts are plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(boosting.SETTINGS, "max_iter", 10)
        yield


@pytest.fixture(scope="module")
def model(quick: None) -> BehaviourModel:
    """Return a classifier of the doll's acts."""
    return train_behaviour(cohort(), folds=2)[0]


@pytest.mark.parametrize("classes", [2, 3])
def test_trees_are_those_of_scikit_learn(classes: int) -> None:
    """Every taken-over tree gives what the library gives, with unknown numbers too."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    features = random.normal(size=(120, 4)).astype(np.float32)
    labels = np.digitize(features[:, 0] + 0.3 * features[:, 1], [-0.4, 0.4][: classes - 1])
    features[random.random(features.shape) < 0.1] = np.nan
    trees = train_trees(features, labels, classes, np.ones(120), seed=1)
    library = HistGradientBoostingClassifier(random_state=1, **boosting.SETTINGS)
    library.fit(features, labels, sample_weight=np.ones(120))
    new = random.normal(size=(50, 4)).astype(np.float32)
    new[random.random(new.shape) < 0.2] = np.nan
    np.testing.assert_allclose(chances_of(trees.scores(new)), library.predict_proba(new), atol=1e-9)


def test_a_feature_that_is_known_nowhere_is_never_asked_for() -> None:
    features = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int64)
    features[:, 1] = np.nan  # a limb that no clip shows
    trees = train_trees(features, labels, 2, np.ones(60), seed=0)
    assert 1 not in trees.feature
    assert (trees.scores(features).argmax(axis=1) == labels).mean() > 0.9


def test_acts_are_told_apart_and_shuffled_ones_are_not() -> None:
    data = cohort()
    assert cross_validate(data, folds=2).scores.accuracy > 0.95
    worth = [cross_validate(data.shuffled(seed), folds=2).scores.accuracy for seed in range(2)]
    assert np.mean(worth) < 0.66  # a third by chance; 18 clips


def test_a_planted_leak_is_caught(model: BehaviourModel) -> None:
    data = cohort(animals=2)  # two of the six animals that it was trained on
    with pytest.raises(InputError, match="in training and test at once: mouse 0"):
        score_model(model, data)
    with pytest.raises(InputError, match="at once"):
        check_no_leak(data.animals, data.animals)


def test_animals_never_cross_folds() -> None:
    data = cohort()
    fold = cross_validate(data, folds=3).fold
    for animal in np.unique(data.animals):
        assert len(np.unique(fold[data.animals == animal])) == 1


def test_one_class_or_too_few_animals_are_told() -> None:
    data = cohort(animals=3)
    with pytest.raises(InputError, match="nothing to tell apart"):
        cross_validate(data.chosen(data.labels == "still"), folds=2)
    with pytest.raises(InputError, match="3 animals cannot be parted into 5"):
        cross_validate(data, folds=5)


def test_long_clips_count_no_more_than_short_ones() -> None:
    data = cohort(animals=2)
    short = data.clips == "0 still"
    rows = np.flatnonzero(~short | (np.cumsum(short) == 1))
    weights = data.chosen(rows).weights()
    clips = data.clips[rows]
    sums = [weights[clips == clip].sum() for clip in np.unique(clips)]
    np.testing.assert_allclose(sums, sums[0])


def test_chances_hold_on_data_of_known_chance() -> None:
    """Scores that are twice too sure are found to be so, and then seven in ten are seven in ten."""
    random = np.random.default_rng(0)
    truth = 1.5 * random.normal(size=(20_000, 3))
    chances = chances_of(truth)
    labels = (random.random((len(truth), 1)) > chances.cumsum(axis=1)).sum(axis=1)
    temperature = fit_temperature(2.0 * truth, labels)
    assert temperature == pytest.approx(2.0, rel=0.05)
    said = chances_of(2.0 * truth, temperature).max(axis=1)
    right = chances_of(truth).argmax(axis=1) == labels
    for low in (0.4, 0.6, 0.8):
        chosen = (said > low) & (said < low + 0.2)
        assert right[chosen].mean() == pytest.approx(said[chosen].mean(), abs=0.02)


def test_ten_clips_without_error_give_no_certainty() -> None:
    scores = np.eye(2)[np.arange(10) % 2] * 5.0
    temperature = fit_temperature(scores, np.arange(10) % 2)
    assert 0.9 < chances_of(scores, temperature).max() < 0.97


def test_a_file_gives_back_the_same_chances(model: BehaviourModel, tmp_path: Path) -> None:
    data = cohort(animals=1)
    save_behaviour(tmp_path / "model.npz", model)
    again = load_behaviour(tmp_path / "model.npz")
    np.testing.assert_array_equal(model.chances(data.windows), again.chances(data.windows))
    assert again.classes == ACTS
    assert again.animals == model.animals
    assert json.dumps(dict(again.notes)) == json.dumps(dict(model.notes))


def test_a_model_file_holds_no_objects(model: BehaviourModel, tmp_path: Path) -> None:
    save_behaviour(tmp_path / "model.npz", model)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "biufU" for name in file.files)


@settings(max_examples=30)
@given(st.data())
def test_damaged_files_end_in_one_error(
    model: BehaviourModel, tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "model.npz"
    save_behaviour(path, model)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        found = load_behaviour(path)
    except FileError:
        return
    assert np.isfinite(found.chances(cohort(animals=1).windows)).all()


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", header=np.array(json.dumps({"format": "x"})))
    with pytest.raises(FileError, match="expected 'mousepose behaviour 1'"):
        load_behaviour(tmp_path / "other.npz")
    with pytest.raises(FileError, match="no such file"):
        load_behaviour(tmp_path / "none.npz")


def test_trees_that_go_round_in_circles_are_refused() -> None:
    node, good = np.array([0, -1, -1]), np.array([1, 0, 0])
    nodes = (node, np.zeros(3), good, good + 1, np.zeros(3, bool), np.zeros(3))
    place = np.array([0])
    scores = BoostedTrees(*nodes, place, place, np.zeros(2)).scores(np.ones((1, 1), np.float32))
    assert (scores == 0).all()
    with pytest.raises(ModelError, match="points back"):
        BoostedTrees(
            node, np.zeros(3), np.array([0, 0, 0]), np.array([2, 0, 0]), np.zeros(3, bool),
            np.zeros(3), np.array([0]), np.array([0]), np.zeros(2),
        )  # fmt: skip


def test_windows_of_other_channels_are_refused(model: BehaviourModel) -> None:
    with pytest.raises(InputError, match="takes windows of 12 frames of angles"):
        model.chances(cohort(animals=1, kinds=("keypoints3d",)).windows)


def test_a_class_without_a_window_is_told() -> None:
    data = cohort(animals=1)
    with pytest.raises(InputError, match="shows: flying"):
        train_head(data, ("bobbing", "flying", "going", "still"), "boosting", 0)
