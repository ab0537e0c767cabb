"""Laws of the folds: animals stay whole, classes are spread, a leak is caught."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.analysis.folds import check_no_leak, grouped_folds
from mousepose.errors import InputError


def cohort(animals: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give animals with 1 to 9 rows each, of two classes by turns."""
    rows = np.random.default_rng(seed).integers(1, 10, animals)
    groups = np.repeat([f"m{number}" for number in range(animals)], rows)
    return groups, np.repeat(np.where(np.arange(animals) % 2, "old", "young"), rows)


@given(st.integers(8, 40), st.integers(2, 4), st.integers(0, 1000))
def test_every_row_is_tested_once_and_no_animal_twice(animals: int, folds: int, seed: int) -> None:
    groups, labels = cohort(animals, seed)
    found = grouped_folds(groups, labels, folds, seed)
    tested = np.concatenate([test for _, test in found])
    assert np.array_equal(np.sort(tested), np.arange(len(groups)))
    for train, test in found:
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(groups)))
        check_no_leak(groups[train], groups[test])
        assert set(labels[train]) == {"old", "young"}


@given(st.integers(0, 1000))
def test_classes_are_even_in_every_fold(seed: int) -> None:
    groups = np.arange(20)
    labels = np.array(["a"] * 10 + ["b"] * 10)
    for _, test in grouped_folds(groups, labels, 5, seed):
        assert (labels[test] == "a").sum() == (labels[test] == "b").sum() == 2


def test_uneven_classes_and_many_labels_in_one_animal_are_spread() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, 24, 4000)
    labels = np.where(random.random(4000) < 0.1 + groups / 40, "rare", "common")
    overall = (labels == "rare").mean()
    for _, test in grouped_folds(groups, labels, 4, 1):
        assert abs((labels[test] == "rare").mean() - overall) < 0.12
        assert abs(len(test) / 4000 - 0.25) < 0.08


def test_the_same_seed_gives_the_same_folds_and_another_others() -> None:
    groups, labels = cohort(20, 3)
    first, again = (grouped_folds(groups, labels, 4, 5) for _ in range(2))
    other = grouped_folds(groups, labels, 4, 6)
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one[1], two[1]) for one, two in zip(first, other, strict=True))


def test_the_order_of_the_rows_does_not_matter() -> None:
    groups, labels = cohort(15, 4)
    turned = np.random.default_rng(1).permutation(len(groups))
    straight = grouped_folds(groups, labels, 3, 2)
    mixed = grouped_folds(groups[turned], labels[turned], 3, 2)
    for (_, one), (_, two) in zip(straight, mixed, strict=True):
        assert set(groups[one]) == set(groups[turned][two])


def test_a_leak_is_caught_and_named() -> None:
    groups, labels = cohort(12, 0)
    train, test = grouped_folds(groups, labels, 3, 0)[0]
    planted = np.append(test, train[0])
    with pytest.raises(InputError, match=rf"training and test at once: {groups[train[0]]};"):
        check_no_leak(groups[train], groups[planted])


def test_a_class_in_two_animals_is_in_every_training() -> None:
    groups = np.repeat(np.arange(6), 4)
    labels = np.where(np.arange(24) % 4 == 0, "common", "other")
    labels[[1, 5]] = "rare"
    for train, _ in grouped_folds(groups, labels, 2, 0):
        assert set(labels[train]) == {"common", "other", "rare"}


@pytest.mark.parametrize(
    ("groups", "labels", "folds", "message"),
    [
        (["a", "b", "c"], [0, 1, 0], 5, "3 animals cannot be parted into 5 folds"),
        (["a", "b", "c"], [1, 1, 1], 2, "the same label, 1"),
        (["a", "b", "c"], ["x", "x", "y"], 2, "the label y was seen in c only"),
        (["a", "b"], ["x", "y", "y"], 2, r"shapes \(2,\) and \(3,\)"),
        ([], [], 2, "for every row"),
        (["a", "b"], ["x", "y"], 1, "two folds or more, got 1"),
        (["a", "b"], [0.0, np.nan], 2, "row 1 .* has no label"),
        (np.array(["a", None], dtype=object), [0, 1], 2, "row 1 .* has no group"),
        ([0, 0, 1, 1], ["x", "y", "x", "y"], 3, "2 animals cannot"),
    ],
)
def test_what_cannot_be_split_is_refused(
    groups: list[object], labels: list[object], folds: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        grouped_folds(groups, labels, folds, 0)


def test_the_groups_can_have_another_name() -> None:
    with pytest.raises(InputError, match="1 cages cannot"):
        grouped_folds(["a", "a"], [0, 1], 2, 0, "cages")
    with pytest.raises(InputError, match="cages in training"):
        check_no_leak(["a"], ["a"], "cages")
