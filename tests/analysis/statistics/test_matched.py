"""Speed matching: equal speed is equal, no overlap is said, time budgets add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.analysis.statistics.tables import strides

from mousepose.analysis.statistics.budget import time_budget
from mousepose.analysis.statistics.compare import compare_groups
from mousepose.analysis.statistics.matched import speed_matched, speed_profile
from mousepose.analysis.statistics.plan import Plan
from mousepose.errors import InputError

PLAN = Plan("treatment", "mouse", "vehicle", permutations=99)
LENGTH = "stride_length_mm"


def test_an_effect_that_is_all_speed_vanishes_at_equal_speed() -> None:
    table = strides(12, sd=0.5, each=60)
    table.loc[table["treatment"] == "drug", "speed_mm_s"] += 60
    table.loc[table["treatment"] == "drug", LENGTH] += 6
    plain = compare_groups(table, [LENGTH], PLAN).iloc[0]
    matched = speed_matched(table, [LENGTH], PLAN, "speed")
    row, overlap = matched.effects.iloc[0], matched.overlap.iloc[0]
    assert plain["effect"] == pytest.approx(8.0, abs=2.5)
    assert plain["p"] < 0.001
    assert row["low"] < 0.0 < row["high"]
    assert row["adjusted_for"] == "speed_mm_s, in 5 strata"
    assert abs(overlap["speed_difference_in_strata"]) < 5 < abs(overlap["speed_difference"])
    assert 20 < overlap["overlap_percent"] < 70
    assert overlap["kept_group_percent"] < 99
    assert set(matched.strata["animals_group"]) <= set(range(2, 7))


def test_a_curved_dependence_on_speed_is_no_effect() -> None:
    table = strides(12, sd=0.3, each=80)
    table.loc[table["treatment"] == "drug", "speed_mm_s"] += 60
    table[LENGTH] = 1e-3 * table["speed_mm_s"] ** 2 + np.random.default_rng(1).normal(
        size=len(table)
    )
    straight = compare_groups(table, [LENGTH], replace(PLAN, covariates=("speed_mm_s",)))
    strata = speed_matched(table, [LENGTH], PLAN, "speed_mm_s", strata=8).effects
    assert abs(strata["effect"].iloc[0]) < 0.5 * abs(straight["effect"].iloc[0]) + 0.2


def test_equal_groups_overlap_whole() -> None:
    table = strides(8, each=200)
    both = pd.concat([
        table.assign(treatment="vehicle"),
        table.assign(treatment="drug", mouse=table["mouse"] + "b"),
    ])  # fmt: skip
    matched = speed_matched(both.reset_index(drop=True), [LENGTH], PLAN, "speed_mm_s")
    assert matched.overlap["overlap_percent"].iloc[0] == pytest.approx(100)
    assert matched.overlap["kept_group_percent"].iloc[0] == pytest.approx(95, abs=1)
    assert matched.effects["effect"].iloc[0] == pytest.approx(0.0, abs=1e-6)


def test_groups_that_share_no_speed_are_an_empty_row() -> None:
    table = strides(8)
    table.loc[table["treatment"] == "drug", "speed_mm_s"] += 1000
    matched = speed_matched(table, [LENGTH], PLAN, "speed_mm_s")
    assert np.isnan(matched.effects["p"].iloc[0])
    assert "share no speed" in matched.effects["note"].iloc[0]
    assert matched.overlap["overlap_percent"].iloc[0] == 0


def test_a_trend_cannot_be_matched() -> None:
    with pytest.raises(InputError, match="no two groups"):
        speed_matched(strides(), [LENGTH], replace(PLAN, trend=True, reference=None), "speed_mm_s")


def test_the_profile_follows_the_speed() -> None:
    profile = speed_profile(strides(8, sd=0.1, each=100), LENGTH, PLAN, "speed")
    assert set(profile["group"]) == {"drug", "vehicle"}
    slope = np.polyfit(profile["speed"], profile["mean"], 1)[0]
    assert slope == pytest.approx(0.1, abs=0.02)


def test_time_budgets_add_up() -> None:
    table = pd.DataFrame({
        "recording": ["a", "a", "a", "b", "b"], "mouse": [1, 1, 1, 2, 2],
        "behaviour": ["walk", "rest", "walk", "rest", None],
        "duration_s": [1.0, 6.0, 3.0, 2.0, 6.0],
    })  # fmt: skip
    found = time_budget(table, "behaviour", "recording", "duration").set_index("recording")
    assert list(found["walk_percent"]) == [40, 0]
    assert list(found["rest_percent"]) == [60, 25]
    assert found.loc["a", "walk_bout_s"] == 2.0
    assert np.isnan(found.loc["b", "walk_bout_s"])
    assert list(found["mouse"]) == [1, 2]
    frames = time_budget(table, "behaviour", "recording")
    assert frames["walk_percent"].iloc[0] == pytest.approx(200 / 3)


def test_numbered_behaviours_are_in_the_order_of_their_numbers() -> None:
    table = pd.DataFrame({"recording": "a", "label": [f"cluster {k}" for k in (10, 2, 1)]})
    found = time_budget(table, "label", "recording")
    assert list(found.columns[1:]) == [
        "cluster 1_percent",
        "cluster 2_percent",
        "cluster 10_percent",
    ]


def test_a_negative_duration_is_named() -> None:
    table = pd.DataFrame({"recording": ["a", "a"], "label": ["x", "y"], "time_s": [1.0, -2.0]})
    with pytest.raises(InputError, match="row 1 holds -2.0"):
        time_budget(table, "label", "recording", "time_s")
