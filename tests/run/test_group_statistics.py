"""From files to tables of effects: files are joined, rows chosen, and errors told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.statistics.tables import strides

from mousepose.analysis.statistics.plan import Plan
from mousepose.errors import FileError, InputError
from mousepose.run.statistics import StatisticsJob, compare_files, write_statistics
from mousepose.run.statistics_input import read_tables

PLAN = Plan("treatment", "mouse", "vehicle", permutations=99)


def job_of(folder: Path, **changes: object) -> StatisticsJob:
    strides(6, each=12).to_csv(folder / "all.csv", index=False)
    job = StatisticsJob([folder / "all.csv"], PLAN, measures=("stride_length_mm",))
    return replace(job, **changes)


def test_folders_of_gait_are_joined_with_what_is_known_of_them(tmp_path: Path) -> None:
    table = strides(6, each=12)
    own = table.drop(columns=["mouse", "treatment"])
    about = []
    for mouse, rows in table.groupby("mouse"):
        (tmp_path / f"gait_{mouse}").mkdir()
        own.loc[rows.index].to_parquet(tmp_path / f"gait_{mouse}" / "strides.parquet")
        about.append({
            "source": f"gait_{mouse}", "mouse": mouse, "treatment": rows["treatment"].iloc[0]
        })  # fmt: skip
    pd.DataFrame(about).to_csv(tmp_path / "mice.csv", index=False)
    folders = sorted(tmp_path.glob("gait_*"))
    job = job_of(tmp_path, sources=folders, about=tmp_path / "mice.csv")
    found, whole = compare_files(job), compare_files(job_of(tmp_path))
    assert found.effects["p"].iloc[0] == pytest.approx(whole.effects["p"].iloc[0], rel=1e-5)
    with pytest.raises(InputError, match="no row for source gait_m5"):
        pd.DataFrame(about[:5]).to_csv(tmp_path / "mice.csv", index=False)
        compare_files(job)
    with pytest.raises(InputError, match="more than one row"):
        pd.DataFrame([*about, about[0]]).to_csv(tmp_path / "mice.csv", index=False)
        compare_files(job)


def test_covariates_make_a_second_comparison_and_matching_a_third(tmp_path: Path) -> None:
    plan = replace(PLAN, covariates=("speed",))
    outcome = compare_files(job_of(tmp_path, plan=plan, match="speed", strata=2))
    assert list(outcome.effects["adjusted_for"]) == [
        "", "speed_mm_s", "speed_mm_s, in 2 strata"
    ]  # fmt: skip
    assert list(outcome.main["adjusted_for"]) == ["speed_mm_s"]
    written = write_statistics(tmp_path / "out", outcome)
    assert {path.name for path in written} >= {"effects.csv", "overlap.parquet", "strata.csv"}
    back = pd.read_parquet(tmp_path / "out" / "effects.parquet")
    pd.testing.assert_frame_equal(back, outcome.effects)


def test_good_strides_are_taken_and_limbs_held_equal(tmp_path: Path) -> None:
    table = strides(6, each=24)
    table["limb"] = np.where(np.arange(len(table)) % 4 < 2, "left hind", "left fore")
    table["quality"] = np.where(np.arange(len(table)) % 8 == 0, "hidden", "good")
    table.loc[table["quality"] == "hidden", "stride_length_mm"] = 1e6
    table.loc[table["limb"] == "left hind", "stride_length_mm"] += 30
    table.to_csv(tmp_path / "limbs.csv", index=False)
    job = job_of(tmp_path, sources=[tmp_path / "limbs.csv"])
    outcome = compare_files(job)
    assert outcome.effects["adjusted_for"].iloc[0] == "limb"
    assert outcome.effects["residual_sd"].iloc[0] < 10
    assert "126 of 144 rows: quality good" in outcome.notes
    each = compare_files(replace(job, by="limb"))
    assert list(each.effects["measure"]) == [
        "left fore: stride_length_mm", "left hind: stride_length_mm"
    ]  # fmt: skip
    with pytest.raises(InputError, match="there are left fore, left hind"):
        compare_files(replace(job, where={"limb": ("tail",)}))


def test_all_numbers_are_measures_and_phases_are_circular(tmp_path: Path) -> None:
    outcome = compare_files(job_of(tmp_path, measures=()))
    assert outcome.measures == ["speed_mm_s", "stride_length_mm", "phase_left_fore"]
    assert outcome.plan.circular == ("phase_left_fore",)


def test_bouts_become_shares_of_time(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mouse = np.repeat(np.arange(8), 20)
    walks = random.random(160) < np.where(mouse % 2, 0.7, 0.3)
    pd.DataFrame({
        "mouse": mouse, "dose": mouse % 2, "behaviour": np.where(walks, "walk", "rest"),
        "duration_s": 1.0,
    }).to_csv(tmp_path / "bouts.csv", index=False)  # fmt: skip
    job = StatisticsJob(
        [tmp_path / "bouts.csv"], Plan("dose", "mouse", trend=True, permutations=99),
        ("walk_percent", "rest_percent"), budget="behaviour", duration="duration_s",
    )  # fmt: skip
    effects = compare_files(job).effects
    assert effects["effect"].iloc[0] == pytest.approx(-effects["effect"].iloc[1])
    assert effects["effect"].iloc[0] == pytest.approx(40, abs=15)


def test_a_budget_of_animals_in_both_groups_asks_for_recordings(tmp_path: Path) -> None:
    table = strides(4, each=12, crossed=True).assign(behaviour="walk")
    table.loc[np.random.default_rng(0).random(len(table)) < 0.4, "behaviour"] = "rest"
    table.to_csv(tmp_path / "crossed.csv", index=False)
    job = job_of(tmp_path, sources=[tmp_path / "crossed.csv"], budget="behaviour", measures=())
    with pytest.raises(InputError, match="treatment changes within a 'mouse'.*--recording"):
        compare_files(job)
    table["session"] = table["mouse"] + table["treatment"]
    table.to_csv(tmp_path / "crossed.csv", index=False)
    found = compare_files(replace(job, plan=replace(PLAN, recording="session")))
    assert set(found.effects["design"]) == {"within animals"}


def test_files_that_are_no_tables_are_told(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("treatment,mouse\n")
    (tmp_path / "a.txt").write_text("x")
    for name, words in (
        ("bad.parquet", "no readable parquet"), ("empty.csv", "no readable csv"),
        ("a.txt", "expected a table"), ("none.csv", "no such file"), (".", "without strides"),
    ):  # fmt: skip
        with pytest.raises(FileError, match=words):
            read_tables([tmp_path / name])
    with pytest.raises(InputError, match="nothing to compare"):
        read_tables([tmp_path / "header.csv"])
