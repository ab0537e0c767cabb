"""The report says how many animals there were, and says a null result as plainly as another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.attributes.cohorts import QUICK, animals, measures

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.report.attributes import draw_attribute
from mousepose.report.attributes_page import difference_words, page_of, report_text, write_report
from mousepose.run.attributes import AttributeOutcome, AttributesJob, predict_attributes


def outcome(folder: Path, attribute: str, strength: float, **more: object) -> AttributeOutcome:
    """Return what is found of a made-up cohort of 24 animals."""
    cohort = animals(24).assign(dose=lambda table: np.arange(len(table)) % 3)
    parts = {
        name: measures(cohort[attribute], k, seed).add_prefix(f"{name}_")
        for seed, (name, k) in enumerate((("2d", 0.0), ("3d", strength)))
    }
    table = pd.concat([cohort, *parts.values()], axis=1)
    table.to_csv(folder / "table.csv", index=False)
    asked = AttributesJob(
        folder / "table.csv", (attribute,), features={"2d": ("2d_*",), "3d": ("3d_*",)},
        config=replace(QUICK, permutations=19, repeats=1), segments=SegmentConfig(least_segments=1),
    )  # fmt: skip
    return predict_attributes(replace(asked, **more))[attribute]  # type: ignore[arg-type]


def test_what_is_told_is_said_with_the_number_of_animals(tmp_path: Path) -> None:
    found = outcome(tmp_path, "genotype", 4)
    pictures = draw_attribute(tmp_path, found.comparison)
    assert [path.name for path in pictures] == ["comparison.png", "roc.png", "confusion.png"]
    assert all(path.stat().st_size > 5000 for path in pictures)
    text = report_text(found, [path.name for path in pictures])
    assert "**n = 24 animals** (12 ko, 12 wt)" in text
    assert "**genotype is told by 3D keypoints" in text
    assert "**3D keypoints tell more than 2D keypoints: +" in text
    assert "| cage | 6 |" in text
    written = write_report(tmp_path, found, pictures)
    page = written[1].read_text(encoding="utf-8")
    assert page.count("<table>") == 3
    assert '<img alt="roc.png" src="roc.png">' in page


def test_a_null_result_is_said_plainly(tmp_path: Path) -> None:
    found = outcome(tmp_path, "genotype", 0)
    text = report_text(found, [])
    assert "**No set of features tells genotype better than chance.**" in text
    assert "a weak effect is not excluded" in text
    assert "the interval holds 0" in difference_words(found.comparison)


def test_a_number_and_several_classes_have_their_pictures(tmp_path: Path) -> None:
    found = outcome(tmp_path, "age", 30.0, config=QUICK)
    names = [path.name for path in draw_attribute(tmp_path, found.comparison)]
    assert names == ["comparison.png", "predicted.png"]
    assert "age 5" in report_text(found, names)
    three = outcome(tmp_path, "dose", 3.0, config=QUICK)
    assert len(draw_attribute(tmp_path, three.comparison)) == 3


def test_too_few_shuffles_and_none_are_said(tmp_path: Path) -> None:
    few = outcome(tmp_path, "genotype", 0, config=replace(QUICK, permutations=2))
    assert "2 shuffles are too few" in report_text(few, [])
    none = outcome(tmp_path, "genotype", 0, config=QUICK)
    assert "nothing can be said of chance" in report_text(none, [])
    assert draw_attribute(tmp_path, none.comparison)


def test_a_cage_that_is_the_attribute_is_a_warning(tmp_path: Path) -> None:
    cohort = animals(24).assign(room=lambda table: table["genotype"])
    table = pd.concat([cohort, measures(cohort["genotype"], 1)], axis=1)
    table.to_csv(tmp_path / "t.csv", index=False)
    asked = AttributesJob(
        tmp_path / "t.csv", ("genotype",), features={"x": ("x?",)}, confounders=("room",),
        config=QUICK, segments=SegmentConfig(least_segments=1),
    )  # fmt: skip
    text = report_text(predict_attributes(asked)["genotype"], [])
    assert "**room and the attribute cannot be told apart**" in text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b', "a|b"])
def test_names_in_a_report_are_only_names(name: str) -> None:
    page = page_of(
        f"# {name}\n\n| a |\n| --- |\n| {name.replace('|', chr(92) + '|')} |\n\n* {name}\n"
    )
    assert "<script>" not in page
    assert page.count("<td>") == 1
