"""Laws of comparisons: the animal is the unit, truth is found, order and units do not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.analysis.statistics.tables import strides

from mousepose.analysis.statistics.compare import COLUMNS, compare_groups
from mousepose.analysis.statistics.plan import Plan
from mousepose.errors import InputError, UnknownNameError

PLAN = Plan("treatment", "mouse", "vehicle", permutations=499)
LENGTH = "stride_length_mm"
NUMBERS = ["effect", "low", "high", "df", "p", "hedges_g", "p_permutation", "detectable"]


def compared(table: pd.DataFrame, plan: Plan = PLAN, measure: str = LENGTH) -> pd.Series:
    effects = compare_groups(table, [measure], plan)
    assert tuple(effects.columns) == COLUMNS
    assert len(effects) == 1
    return effects.iloc[0]


def test_one_stride_of_each_animal_is_a_t_test() -> None:
    table = strides(14, each=1, effect=4.0)
    row = compared(table)
    one, other = (table[table["treatment"] == g][LENGTH] for g in ("drug", "vehicle"))
    expected = stats.ttest_ind(one, other)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert row["t"] == pytest.approx(expected.statistic, rel=1e-9)
    assert row["df"] == 12
    low, high = expected.confidence_interval()
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))


def test_equally_many_strides_are_a_t_test_of_the_animals_means() -> None:
    table = strides(10)
    means = table.groupby(["treatment", "mouse"])[LENGTH].mean()
    expected = stats.ttest_ind(means["drug"], means["vehicle"])
    row = compared(table)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-3)
    assert row["df"] == pytest.approx(8, abs=0.01)
    assert (row["animals_group"], row["animals_reference"], row["rows"]) == (5, 5, 300)


def test_equally_many_strides_in_both_groups_are_a_paired_t_test() -> None:
    random = np.random.default_rng(1)
    table = strides(8, crossed=True)
    kind = table["mouse"] + table["treatment"]
    table[LENGTH] += kind.map({k: 2 * random.normal() for k in kind.unique()})
    means = table.groupby(["mouse", "treatment"])[LENGTH].mean().unstack()
    row = compared(table)
    assert row["p"] == pytest.approx(
        stats.ttest_rel(means["drug"], means["vehicle"]).pvalue, rel=1e-2
    )
    assert row["df"] == pytest.approx(7, abs=0.05)
    assert row["design"] == "within animals"


def test_more_strides_make_no_more_evidence() -> None:
    few, many = compared(strides(6, each=40, seed=5)), compared(strides(6, each=200, seed=5))
    assert many["df"] <= 4.0
    assert many["p"] > 0.05 * few["p"]
    table = strides(6, each=20, seed=5)
    copies = pd.concat([table] * 60, ignore_index=True)
    p = compared(copies)["p"]
    assert p > 0.5 * compared(table)["p"]
    one, other = (copies[copies["treatment"] == g][LENGTH] for g in ("drug", "vehicle"))
    assert stats.ttest_ind(one, other).pvalue < 0.05 < p  # strides as units would claim an effect


def test_strides_claim_effects_where_the_animals_show_none() -> None:
    claimed, found = [], []
    for seed in range(30):
        table = strides(6, each=20, seed=seed).drop(columns="speed_mm_s")
        drug = table["treatment"] == "drug"
        table.loc[drug, LENGTH] -= 2.0  # what the drug's speed adds
        found.append(compared(table)["p"] < 0.05)
        claimed.append(stats.ttest_ind(table[drug][LENGTH], table[~drug][LENGTH]).pvalue < 0.05)
    assert np.mean(found) < 0.17  # of 30, five or more have a chance of 1.6 %
    assert np.mean(claimed) > 0.4


def test_a_known_effect_is_found_at_equal_speed() -> None:
    plan = replace(PLAN, covariates=("speed",))
    rows = [compared(strides(8, effect=5.0, seed=k, each=12), plan) for k in range(20)]
    effects = np.array([row["effect"] for row in rows])
    held = np.mean([row["low"] < 5.0 < row["high"] for row in rows])
    error = effects.std(ddof=1) / np.sqrt(len(rows))
    assert abs(effects.mean() - 5.0) < 3 * error
    assert held >= 0.8
    assert rows[0]["adjusted_for"] == "speed_mm_s"
    plain = np.mean([compared(strides(8, 5.0, seed=k))["effect"] for k in range(8)])
    assert plain == pytest.approx(7.0, abs=2.5)  # the drug also makes them faster


def test_order_of_rows_and_names_of_animals_do_not_matter() -> None:
    table = strides(7)
    plan = replace(PLAN, covariates=("speed_mm_s",))
    shuffled = table.sample(frac=1.0, random_state=3)
    np.testing.assert_allclose(
        compared(shuffled, plan)[NUMBERS].astype(float),
        compared(table, plan)[NUMBERS].astype(float), rtol=1e-5,
    )  # fmt: skip
    numbered = table.assign(mouse=table["mouse"].str[1:].astype(float))
    assert compared(numbered, plan)["p"] == pytest.approx(compared(table, plan)["p"], rel=1e-5)


@given(st.floats(1e-4, 1e4), st.floats(-1e3, 1e3))
@settings(max_examples=4)
def test_units_do_not_matter(factor: float, shift: float) -> None:
    table = strides(6, each=10)
    other = table.assign(**{LENGTH: factor * table[LENGTH] + shift})
    own, changed = compared(table), compared(other)
    for name in ("p", "df", "p_permutation", "hedges_g", "standardized"):
        assert changed[name] == pytest.approx(own[name], rel=1e-3)
    for name in ("effect", "low", "high", "detectable"):
        assert changed[name] == pytest.approx(factor * own[name], rel=1e-3, abs=1e-6 * factor)


def test_groups_swapped_turn_the_sign() -> None:
    own = compared(strides(7))
    other = compared(strides(7), replace(PLAN, reference="drug"))
    for name in ("effect", "hedges_g", "t"):
        assert other[name] == pytest.approx(-own[name], rel=1e-6)
    assert other["p"] == pytest.approx(own["p"], rel=1e-6)


@given(st.floats(0.0, 1.0))
@settings(max_examples=3)
def test_phases_have_no_beginning(shift: float) -> None:
    table = strides(8, each=15)
    plan = replace(PLAN, circular=("phase_left_fore",))
    own = compared(table, plan, "phase_left_fore")
    turned = table.assign(phase_left_fore=(table["phase_left_fore"] + shift) % 1.0)
    other = compared(turned, plan, "phase_left_fore")
    assert own["effect"] == pytest.approx(0.04, abs=0.02)
    for name in ("effect", "low", "p"):
        assert other[name] == pytest.approx(own[name], rel=1e-4)
    moved = (other["mean_group"] - own["mean_group"] - shift + 0.5) % 1.0 - 0.5
    assert moved == pytest.approx(0.0, abs=1e-9)


def test_phases_that_lie_all_round_are_not_compared() -> None:
    table = strides(8)
    table["phase_left_fore"] = np.random.default_rng(0).random(len(table))
    row = compared(table, replace(PLAN, circular=("phase_left_fore",)), "phase_left_fore")
    assert np.isnan(row["p"])
    assert "all round" in row["note"]


def test_recordings_of_one_animal_are_one_animal() -> None:
    random = np.random.default_rng(2)
    table = strides(6, each=60)
    table["day"] = np.arange(len(table)) // 10 % 6
    table[LENGTH] += (table["mouse"] + table["day"].astype(str)).map(
        lambda _, seen={}: seen.setdefault(_, 4 * random.normal())
    )
    row = compared(table, replace(PLAN, recording="day"))
    assert row["df"] <= 4.0
    assert np.isfinite(row["p"])


def test_a_trend_with_one_row_of_each_animal_is_a_regression() -> None:
    random = np.random.default_rng(4)
    dose = np.repeat([0.0, 1.0, 3.0, 6.0], 6)
    table = pd.DataFrame({"dose": dose, "mouse": np.arange(24), "share": 20 - dose})
    table["share"] += random.normal(size=24)
    row = compared(table, Plan("dose", "mouse", trend=True, permutations=499), "share")
    expected = stats.linregress(dose, table["share"])
    assert row["effect"] == pytest.approx(expected.slope)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-6)
    assert row["p_permutation"] == pytest.approx(1 / 500)


def test_many_measures_are_corrected_together() -> None:
    table = strides(8, effect=9.0)
    for k in range(9):
        table[f"noise_{k}"] = np.random.default_rng(k).normal(size=len(table))
    effects = compare_groups(table, [LENGTH, *(f"noise_{k}" for k in range(9))], PLAN)
    assert effects["p_holm"].iloc[0] == pytest.approx(min(1.0, 10 * effects["p"].iloc[0]), rel=1e-6)
    assert (effects["p_bh"] <= effects["p_holm"] + 1e-12).all()


# What cannot be compared -------------------------------------------------------------------------


def test_one_group_only_is_said() -> None:
    with pytest.raises(InputError, match="one group only"):
        compare_groups(
            strides().query("treatment == 'drug'"), [LENGTH], replace(PLAN, reference=None)
        )


def test_a_number_is_no_group() -> None:
    with pytest.raises(InputError, match="300 groups.*--trend"):
        compare_groups(strides(), [LENGTH], Plan("speed_mm_s", "mouse"))


def test_a_missing_column_tells_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'treatment'"):
        compare_groups(strides(), [LENGTH], replace(PLAN, group="treatmnt"))
    with pytest.raises(UnknownNameError, match="stride_length_mm"):
        compare_groups(strides(), ["stride_lengt"], PLAN)
    with pytest.raises(UnknownNameError, match="known: drug, vehicle"):
        compare_groups(strides(), [LENGTH], replace(PLAN, reference="saline"))


def test_one_animal_in_a_group_is_an_empty_row_with_its_reason() -> None:
    table = strides(6)
    row = compared(table[(table["treatment"] == "drug") | (table["mouse"] == "m0")])
    assert np.isnan(row["p"])
    assert "one animal in vehicle" in row["note"]
    assert row["mean_reference"] == pytest.approx(table[table["mouse"] == "m0"][LENGTH].mean())


def test_a_third_group_of_one_animal_spoils_only_its_own_row() -> None:
    table = strides(8)
    table.loc[table["mouse"] == "m7", "treatment"] = "other"
    effects = compare_groups(table, [LENGTH], PLAN).set_index("group")
    assert np.isfinite(effects.loc["drug", "p"])
    assert np.isnan(effects.loc["other", "p"])
    assert "one animal in other" in effects.loc["other", "note"]


def test_a_covariate_that_does_not_vary_is_left_out_and_named() -> None:
    table = strides(6).assign(weight_g=25.0)
    row = compared(table, replace(PLAN, covariates=("weight_g",)))
    assert row["p"] == pytest.approx(compared(strides(6))["p"])
    assert "weight_g" in row["note"]


def test_a_covariate_that_copies_the_group_leaves_the_effect() -> None:
    table = strides(6)
    table["batch"] = (table["treatment"] == "drug").astype(float)
    row = compared(table, replace(PLAN, covariates=("batch",)))
    assert "batch" in row["note"]


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "no number"), (7.0, "does not vary"), ("x", "no number")]
)
def test_a_measure_without_information_is_an_empty_row(value: object, words: str) -> None:
    row = compared(strides(6).assign(bad=value), measure="bad")
    assert np.isnan(row["p"])
    assert words in row["note"]


def test_rows_with_gaps_are_left_out() -> None:
    table = strides(8)
    holed = table.copy()
    holed.loc[::7, LENGTH] = np.nan
    holed.loc[1::7, "treatment"] = None
    holed.loc[2::7, "speed_mm_s"] = np.inf
    plan = replace(PLAN, covariates=("speed_mm_s",))
    place = np.arange(len(table)) % 7
    own, clean = compared(holed, plan), compared(table[place > 2], plan)
    assert own["p"] == pytest.approx(clean["p"], rel=1e-6)
    assert own["rows"] == (place > 2).sum()


def test_a_table_with_nothing_known_is_said() -> None:
    with pytest.raises(InputError, match="treatment is empty"):
        compare_groups(strides().assign(treatment=None), [LENGTH], replace(PLAN, reference=None))


def test_too_many_groups_for_the_animals_are_an_empty_row() -> None:
    table = strides(4)
    plan = replace(PLAN, covariates=("age", "weight"))
    table["age"] = table["mouse"].map({"m0": 1.0, "m1": 2.0, "m2": 4.0, "m3": 3.0})
    table["weight"] = table["mouse"].map({"m0": 5.0, "m1": 2.0, "m2": 3.0, "m3": 8.0})
    row = compared(table, plan)
    assert np.isnan(row["p"])
    assert "too few animals" in row["note"]
