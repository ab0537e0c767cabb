"""Tables and pictures of a comparison hold what was found, whatever that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tests.analysis.statistics.tables import strides

from mousepose.analysis.statistics.plan import Plan
from mousepose.report.statistics import draw_statistics
from mousepose.report.statistics_table import (
    in_words,
    number,
    p_value,
    paper_table,
    write_paper_table,
)
from mousepose.run.statistics import StatisticsJob, StatisticsOutcome, compare_files

PLAN = Plan("treatment", "mouse", "vehicle", ("speed_mm_s",), permutations=99)


def outcome_of(folder: Path, table: pd.DataFrame, plan: Plan = PLAN) -> StatisticsOutcome:
    table.to_csv(folder / "t.csv", index=False)
    return compare_files(StatisticsJob([folder / "t.csv"], plan))


def test_a_comparison_has_all_pictures(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, strides(6, each=12))
    drawn = draw_statistics(tmp_path, outcome)
    assert [path.name for path in drawn] == ["forest.png", "animals.png", "speed.png"]
    assert all(path.stat().st_size > 5000 for path in drawn)


def test_what_could_not_be_tested_is_drawn_without_a_forest(tmp_path: Path) -> None:
    table = strides(6, each=12)
    table = table[(table["treatment"] == "drug") | (table["mouse"] == "m0")]
    outcome = outcome_of(tmp_path, table, replace(PLAN, covariates=()))
    assert [path.name for path in draw_statistics(tmp_path, outcome)] == ["animals.png"]
    text = paper_table(outcome.effects)
    assert (text["p"] == "").all()
    assert text["note"].str.contains("one animal").all()


def test_a_trend_is_drawn_by_dose(tmp_path: Path) -> None:
    table = strides(8, each=8)
    table["dose"] = table["mouse"].str[1:].astype(int) % 4
    outcome = outcome_of(tmp_path, table, Plan("dose", "mouse", trend=True, permutations=99))
    assert [path.name for path in draw_statistics(tmp_path, outcome)] == [
        "forest.png", "animals.png"
    ]  # fmt: skip


def test_the_table_of_a_paper_counts_animals(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, strides(6, each=12))
    table = paper_table(outcome.effects)
    assert set(table["n animals"]) == {"3 v 3"}
    write_paper_table(tmp_path, outcome.effects, 0.95)
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(outcome.effects) + 2
    assert len({line.count("|") for line in lines}) == 1
    assert list(pd.read_csv(tmp_path / "table.csv")["measure"]) == list(table["measure"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (1234.5, "1234"), (-0.04567, "\N{MINUS SIGN}0.0457"), (float("nan"), "")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_names_and_p_values_are_as_papers_want_them() -> None:
    assert in_words("left hind: stride_length_mm") == "left hind: stride length (mm)"
    assert in_words("swing_speed_mm_s") == "swing speed (mm/s)"
    assert [p_value(p) for p in (0.0004, 0.0123, 0.5)] == ["< 0.001", "0.012", "0.50"]
