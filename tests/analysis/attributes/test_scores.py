"""Scores agree with their definitions, whatever the weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import Predictions
from mousepose.analysis.attributes.scores import (
    balanced_accuracy,
    confusion,
    interval,
    once,
    ordered_share,
    r_squared,
    redrawn,
    roc_curve,
    score_of,
)
from mousepose.analysis.attributes.task import Task, task_of
from mousepose.errors import InputError


def task(values: object) -> Task:
    """Return a task of one sample for each animal."""
    table = pd.DataFrame({"value": values})
    return task_of(table.assign(animal=[f"m{i}" for i in table.index]), "value")


def one_model(guess: np.ndarray) -> Predictions:
    """Return predictions as if one model had made them all."""
    return Predictions(guess[None], np.zeros((1, len(guess)), np.int64), [])


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_area_is_the_share_of_pairs_in_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = ["a", "b", *random.choice(["a", "b"], 8)]
    own = task(labels)
    score = random.integers(0, 5, 10).astype(float)
    guess = np.column_stack([-score, score])
    pairs = [
        (score[i] > score[j]) + 0.5 * (score[i] == score[j])
        for i in range(10) for j in range(10) if labels[i] == "b" and labels[j] == "a"
    ]  # fmt: skip
    found = score_of(own, one_model(guess), once(own))[0]
    assert found == pytest.approx(np.mean(pairs))
    rates = roc_curve(own, one_model(guess), 1)
    assert trapezoid(rates[1], rates[0]) == pytest.approx(found, abs=0.01)
    assert (np.diff(rates[1]) > -1e-9).all()
    assert (rates[1][0], rates[1][-1]) == (0, pytest.approx(1))
    backwards = score_of(own, one_model(-guess), once(own))[0]
    assert found + backwards == pytest.approx(1)


def test_a_weight_of_two_is_an_animal_twice() -> None:
    random = np.random.default_rng(0)
    labels, score = np.array(list("abab" * 3)), random.normal(size=12)
    weight = random.integers(0, 3, 12)
    own, again = task(labels), task(np.repeat(labels, weight))
    guess = np.column_stack([-score, score])
    found = score_of(own, one_model(guess), weight[None].astype(float))[0]
    twice = score_of(again, one_model(np.repeat(guess, weight, axis=0)), once(again))[0]
    assert found == pytest.approx(twice)
    number = task(np.arange(12.0))
    squared = r_squared(number, guess[None, :, :1], weight[None].astype(float))[0]
    true = np.repeat(np.arange(12.0), weight)
    error = ((true - np.repeat(guess[:, 0], weight)) ** 2).sum()
    assert squared == pytest.approx(1 - error / ((true - true.mean()) ** 2).sum())


def test_models_of_different_folds_are_not_compared() -> None:
    """Each fold is in perfect order; a shift between folds would spoil a pooled area."""
    own = task(list("abab"))
    guess = np.column_stack([[-1.0, -2, -11, -12], [1.0, 2, 11, 12]])
    found = Predictions(guess[None], np.array([[0, 0, 1, 1]]), [])
    assert score_of(own, found, once(own))[0] == 1
    assert score_of(own, one_model(guess), once(own))[0] == 0.75


def test_pairs_within_a_cage_only() -> None:
    own = task(list("abab"))
    guess = np.column_stack([[-1.0, -2, -12, -11], [1.0, 2, 12, 11]])
    cage = np.array([0, 0, 1, 1])
    pairs = (cage[:, None] == cage)[None]
    assert ordered_share(own, guess[None], once(own), pairs)[0] == 0.5
    assert np.isnan(ordered_share(own, guess[None], once(own), pairs & False)[0])


def test_the_confusion_counts_every_sample_once() -> None:
    own = task(["a", "b", "c", "a"])
    guess = np.array([[3.0, 1, 2], [1, 2, 3], [1, 2, 3], [3, 1, 2]])
    counts = confusion(own, guess[None])
    assert np.array_equal(counts, [[2, 0, 0], [0, 0, 1], [0, 0, 1]])
    assert balanced_accuracy(own, guess[None]) == pytest.approx(2 / 3)
    assert confusion(own, np.stack([guess, -guess])).sum() == 4


def test_samples_of_one_animal_are_drawn_together() -> None:
    table = pd.DataFrame({"animal": list("aabbccdd"), "value": list("xyxyxyxy")})
    own = task_of(table, "value", crossover=True)
    counts = redrawn(own, AttributeConfig(bootstraps=200))
    assert np.array_equal(counts[:, ::2], counts[:, 1::2])
    assert (counts.sum(axis=1) == 8).all()


def test_an_interval_holds_the_middle() -> None:
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    assert np.isnan(interval(np.array([1.0, np.nan, np.nan]), 0.9)).all()


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Scores of animals are normal, so the true area is known: it is held in about 95 % of sets."""
    random = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 20)
    own = task(labels)
    draws = redrawn(own, AttributeConfig(bootstraps=400))
    held = 0
    for _ in range(60):
        score = random.normal(size=40) + (labels == "b")
        guess = one_model(np.column_stack([-score, score]))
        low, high = interval(score_of(own, guess, draws), 0.95)
        held += low < 0.7602 < high  # the normal distribution at 1 / sqrt(2)
    assert 52 <= held <= 60


@pytest.mark.parametrize(
    "wrong", [{"folds": 1}, {"repeats": 0}, {"permutations": -1}, {"bootstraps": 3}, {"level": 1}]
)
def test_senseless_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        AttributeConfig(**wrong)  # type: ignore[arg-type]
