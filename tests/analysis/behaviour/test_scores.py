"""Scores follow from counts, and intervals know that clips of one animal go together."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.analysis.behaviour.scores import interval_over, reliability, score_chances
from mousepose.errors import InputError

CLASSES = ("eating", "resting", "walking")


def test_counts_give_the_scores() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    said = np.array([0, 0, 1, 1, 1, 0])
    chances = np.full((6, 3), 0.1)
    chances[np.arange(6), said] = 0.8
    scores = score_chances(chances, truth, CLASSES, np.array(list("aabbcc")))
    np.testing.assert_array_equal(scores.confusion, [[2, 1, 0], [0, 2, 0], [1, 0, 0]])
    np.testing.assert_allclose(scores.precision[:2], [2 / 3, 2 / 3])
    assert np.isnan(scores.precision[2])  # nothing was ever taken for it
    np.testing.assert_allclose(scores.recall, [2 / 3, 1, 0])
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.balanced_accuracy == pytest.approx(5 / 9)
    assert scores.most_frequent == 0.5
    assert scores.calibration_error == pytest.approx(0.8 - 4 / 6)
    assert scores.animals == 3
    assert scores.log_loss == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)
    assert list(scores.table()["clips"]) == [3, 2, 1]


def test_an_interval_over_animals_is_wider_than_over_clips() -> None:
    right = np.repeat([1, 1, 1, 0, 0, 1], 50)
    by_animal = interval_over(right, np.repeat(np.arange(6), 50), 0)
    by_clip = interval_over(right, np.arange(300), 0)
    assert np.ptp(by_animal) > 3 * np.ptp(by_clip)
    assert np.isnan(interval_over(right, np.zeros(300), 0)).all()


def test_reliability_counts_every_clip_once() -> None:
    chance = np.linspace(0, 1, 101)
    table = reliability(chance, np.ones(101, bool))
    assert table["clips"].sum() == 101
    assert (table["right"] == 1).all()


def test_what_is_no_chance_is_told() -> None:
    with pytest.raises(InputError, match="no clips"):
        score_chances(np.zeros((0, 3)), np.zeros(0, int), CLASSES, np.zeros(0))
    with pytest.raises(InputError, match="sum in each row is 1"):
        score_chances(np.full((2, 3), 0.5), np.array([0, 1]), CLASSES, np.zeros(2))
