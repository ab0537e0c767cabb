"""Effect sizes: truth held by their intervals; corrections as in their papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mousepose.analysis.statistics.effect_size import (
    detectable,
    hedges_g,
    hedges_g_paired,
    noncentral_interval,
    small_sample,
)
from mousepose.analysis.statistics.multiple import benjamini_hochberg, holm
from mousepose.analysis.statistics.permutation import permute_doses, permute_groups, permute_signs


def test_g_of_known_groups_is_unbiased_and_its_interval_holds_it() -> None:
    random = np.random.default_rng(0)
    sizes = [hedges_g(random.normal(0.8, 1, 5), random.normal(0, 1, 6)) for _ in range(200)]
    g = np.array([size.g for size in sizes])
    assert g.mean() == pytest.approx(0.8, abs=4 * g.std() / 14)
    held = np.mean([size.low < 0.8 < size.high for size in sizes])
    assert held == pytest.approx(0.95, abs=0.045)


def test_g_of_the_same_animals_is_in_the_same_unit() -> None:
    random = np.random.default_rng(1)
    sizes = []
    for _ in range(150):
        animal = random.normal(0, 0.8, 8)
        sizes.append(hedges_g_paired(*(animal + random.normal(m, 0.6, 8) for m in (1.0, 0.0))))
    assert np.mean([size.g for size in sizes]) == pytest.approx(1.0, abs=0.16)
    assert np.mean([size.low < 1.0 < size.high for size in sizes]) > 0.9


def test_small_sample_factor_is_that_of_hedges() -> None:
    for free in (3, 8, 30):
        assert small_sample(free) == pytest.approx(1 - 3 / (4 * free - 1), abs=0.005)


@given(st.floats(-8, 8), st.integers(2, 60))
@settings(max_examples=20)
def test_interval_of_noncentrality_is_that_of_its_definition(t: float, free: int) -> None:
    low, high = noncentral_interval(t, free, 0.9)
    assert low < high
    mirrored = noncentral_interval(-t, free, 0.9)
    assert mirrored == (pytest.approx(-high, abs=1e-6), pytest.approx(-low, abs=1e-6))
    assert stats.nct.cdf(t, free, low) == pytest.approx(0.95, abs=1e-3)


def test_detectable_effect_is_found_as_often_as_said() -> None:
    random = np.random.default_rng(2)
    truth = detectable(np.sqrt(2 / 6), 10)
    p = stats.ttest_ind(
        random.normal(truth, 1, (6, 4000)), random.normal(0, 1, (6, 4000))
    ).pvalue  # fmt: skip
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0]])
def test_too_little_has_no_size(values: list[float]) -> None:
    own = np.array(values)
    assert np.isnan(hedges_g(own, own).g)
    assert np.isnan(hedges_g_paired(own, own).g)


def test_corrections_are_those_of_the_books() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, np.nan, 0.04, 0.04, 0.02])
    assert np.isnan(holm(np.full(2, np.nan))).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrections_keep_order_and_never_help(values: list[float]) -> None:
    p = np.array(values)
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert (corrected >= p - 1e-12).all()
        assert (corrected <= 1).all()
        assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_permutations_of_few_animals_are_all_tried() -> None:
    is_group = np.array([True] * 3 + [False] * 3)
    found = permute_groups(np.array([5.0, 6.0, 7.0, 1.0, 2.0, 3.0]), is_group, 99, 0)
    assert found == (pytest.approx(0.1), pytest.approx(0.1))
    found = permute_signs(np.array([1.0, 2.0, 0.5, 3.0]), 99, 0)
    assert found == (pytest.approx(2 / 16), pytest.approx(2 / 16))
    assert np.isnan(permute_groups(np.arange(3.0), np.array([True, False, False]), 99, 0).p)
    assert np.isnan(permute_signs(np.ones(1), 99, 0).p)


def test_permutations_find_nothing_where_nothing_is() -> None:
    random = np.random.default_rng(3)
    is_group = np.arange(12) % 2 == 0
    p = [permute_groups(random.normal(size=12), is_group, 199, 1).p for _ in range(200)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.045)
    doses = np.repeat([0.0, 1.0, 3.0], 4)
    p = [permute_doses(random.normal(size=12), doses, 199, 1).p for _ in range(200)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.045)
