"""What is to be predicted is a class or a number of each animal, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.analysis.attributes.cohorts import animals

from mousepose.analysis.attributes.task import task_of
from mousepose.errors import InputError


def test_words_are_classes_and_many_numbers_a_scale() -> None:
    cohort = animals(20)
    assert task_of(cohort, "genotype").classes == ("ko", "wt")
    age = task_of(cohort, "age")
    assert age.is_number
    assert np.array_equal(age.target[:, 0], cohort["age"])


def test_few_numbers_are_classes_in_their_order() -> None:
    cohort = animals(20).assign(dose=[10, 0, 1, 3] * 5)
    assert task_of(cohort, "dose").classes == ("0", "1", "3", "10")


def test_cuts_part_a_number() -> None:
    cohort = animals(20)
    task = task_of(cohort, "age", cuts=(60, 20))
    assert task.classes == ("below 20", "20 to 60", "60 and above")
    ages = cohort["age"].to_numpy()
    assert np.array_equal(task.kind, np.digitize(ages, [20, 60]))


def test_quarters_of_a_scale_are_even() -> None:
    counts = np.bincount(task_of(animals(40), "age").kind)
    assert list(counts) == [10, 10, 10, 10]


@pytest.mark.parametrize(
    ("change", "attribute", "message"),
    [
        ({"genotype": "wt"}, "genotype", "all 12 animals have the same value, wt"),
        ({"animal": ["m0", "m0", *map(str, range(10))]}, "genotype", "m0 has several values"),
        ({"genotype": [None] + ["wt", "ko"] * 5 + ["wt"]}, "genotype", "first in row 1"),
        ({"animal": [*"abcdefghijk", None]}, "genotype", "animal: no value in 1 of 12 rows"),
        ({"age": [np.inf, *range(11)]}, "age", "finite"),
        ({}, "weight", "no column 'weight'; it has: animal, genotype"),
    ],
)
def test_what_cannot_be_predicted_is_refused(
    change: dict[str, object], attribute: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        task_of(animals(12).assign(**change), attribute)


def test_words_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="only numbers can be cut"):
        task_of(animals(12), "genotype", cuts=(1,))
