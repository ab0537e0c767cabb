"""From a table of recordings to what is told of animals; what cannot be used is named."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analysis.attributes.cohorts import QUICK, animals, measures
from tests.analysis.walkers import points

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.errors import FileError, InputError, MouseposeError
from mousepose.io import write_dlc_csv, write_sequence
from mousepose.run.attributes import AttributesJob, predict_attributes
from mousepose.run.attributes_cohort import chosen_columns, joined_values, read_cohort
from mousepose.run.attributes_write import write_attribute
from mousepose.types import Keypoints2D, Keypoints3D

FEW = replace(QUICK, folds=3)
SHORT = SegmentConfig(seconds=1.0, least_segments=3)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with recordings of 6 mice, of which large ones are "ko", and their table."""
    folder = tmp_path_factory.mktemp("cohort")
    source, random = points(), np.random.default_rng(0)
    rows = []
    for number in range(6):
        large = number % 2
        xyz = (1 + 0.1 * large) * source.xyz + random.normal(0, 0.3, source.xyz.shape)
        write_sequence(
            folder / f"m{number}.parquet", Keypoints3D(xyz, source.times, source.keypoint_names)
        )
        # From above, and from so high that all mice are alike in the image.
        flat = 3 * source.xyz[:, None, :, :2] + 400
        flat = flat + random.normal(0, 1, flat.shape)
        known = np.ones(flat.shape[:-1])
        seen = Keypoints2D(
            flat, known, source.times, np.arange(len(source.times)), source.keypoint_names
        )
        write_dlc_csv(folder / f"m{number}.csv", seen)
        rows.append({
            "animal": f"m{number}", "poses": f"m{number}.parquet", "keypoints": f"m{number}.csv",
            "fps": 60, "genotype": "ko" if large else "wt", "cage": f"c{number // 2}",
        })  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder


def job(source: Path, *attributes: str, **more: object) -> AttributesJob:
    asked = AttributesJob(source, attributes or ("genotype",), config=QUICK, segments=SHORT)
    return replace(asked, **more)  # type: ignore[arg-type]


def table_of(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def test_a_cohort_of_files_is_compared_on_all_sets(recorded: Path, tmp_path: Path) -> None:
    outcome = predict_attributes(job(recorded / "cohort.csv", config=FEW))["genotype"]
    scores = outcome.comparison.sets.set_index("features")["score"]
    assert list(scores.index) == ["2d", "3d", "angles", "gait", "all"]
    assert scores["3d"] == 1  # size in mm
    assert scores["2d"] < 1  # the image hides it
    assert outcome.segments["3d"] == 6 * 5
    assert set(outcome.confounders["confounder"]) == {"cage"}
    names = {path.name for path in write_attribute(tmp_path / "out", outcome)}
    assert {"comparison.csv", "predictions.parquet", "features.csv", "confounders.csv"} <= names
    told = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert (
        told.query("features == '3d'")["true"] == told.query("features == '3d'")["predicted"]
    ).all()
    assert told.groupby(["features", "sample"]).size().max() == 1


def test_a_toml_table_is_the_same_cohort(recorded: Path) -> None:
    rows = pd.read_csv(recorded / "cohort.csv").to_dict("records")
    text = "\n".join(
        "[[recording]]\n" + "\n".join(f"{key} = {str(value)!r}" for key, value in row.items())
        for row in rows
    )
    (recorded / "cohort.toml").write_text(text, encoding="utf-8")
    one, other = (
        predict_attributes(job(recorded / name, sets=("angles",), config=FEW))["genotype"]
        for name in ("cohort.csv", "cohort.toml")
    )
    assert one.comparison.sets.equals(other.comparison.sets)


def test_measures_of_the_table_itself_are_pooled_by_animal(tmp_path: Path) -> None:
    cohort = animals(16).loc[np.repeat(animals(16).index, 6)].reset_index(drop=True)
    table = pd.concat([cohort, measures(cohort["genotype"], 3)], axis=1)
    source = table_of(tmp_path, table.rename(columns={"animal": "mouse"}))
    asked = job(source, animal="mouse", features={"x": ("x[012]",), "rest": ("x3", "x4")})
    outcome = predict_attributes(asked)["genotype"]
    assert outcome.comparison.sets["score"][0] > 0.95
    assert outcome.comparison.sets["animals"][0] == 16
    assert outcome.segments == {"x": 96, "rest": 96}
    assert outcome.features["x"].shape == (16, 6)


def test_animals_under_several_conditions_stay_whole(tmp_path: Path) -> None:
    cohort = animals(8)
    rows = cohort.loc[np.repeat(cohort.index, 20)].reset_index(drop=True)
    rows["dose"] = np.tile(np.repeat(["none", "some"], 10), 8)
    rows["day"] = np.tile(np.repeat([1, 2, 3, 4], 5), 8)
    rows = pd.concat([rows, measures(rows["dose"], 2)], axis=1)
    source = table_of(tmp_path, rows)
    asked = job(source, "dose", features={"x": ("x?",)}, confounders=())
    with pytest.raises(InputError, match=r"m00 has several values of dose.*--crossover"):
        predict_attributes(asked)
    both = predict_attributes(replace(asked, crossover=True))["dose"]
    assert len(both.samples) == 16
    assert both.comparison.task.crossover
    found = both.comparison.predictions["x"]
    for animal in range(8):
        own = both.comparison.task.animal == animal
        assert (found.fold[:, own] == found.fold[:, own][:, :1]).all()
    days = predict_attributes(replace(asked, crossover=True, pool_by="day"))["dose"]
    assert len(days.samples) == 32
    assert "m00, 1, none" in days.samples.index


def test_animals_with_too_few_segments_are_left_out_by_name(tmp_path: Path) -> None:
    cohort = animals(16).loc[np.repeat(animals(16).index, 6)].reset_index(drop=True).iloc[4:]
    source = table_of(tmp_path, pd.concat([cohort, measures(cohort["genotype"], 3)], axis=1))
    outcome = predict_attributes(job(source, features={"x": ("x?",)}))["genotype"]
    assert outcome.left_out == {"m00": "fewer than 3 segments of x"}
    assert outcome.comparison.sets["animals"][0] == 15
    with pytest.raises(InputError, match="too few segments"):
        predict_attributes(
            job(source, features={"x": ("x?",)}, segments=SegmentConfig(least_segments=9))
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"animal": "mouse"}, "no column 'mouse' with the animals' names"),
        ({"features": {"x": ("y*",)}}, r"no column matches 'y\*'; the table has: animal"),
        ({"features": {"x": ("cage",)}}, "'cage' holds no numbers"),
        ({"confounders": ("room",)}, "no column 'room' to check"),
        ({"pool_by": "day"}, "no column 'day' to pool by"),
        ({"features": {}}, "no column 'poses' or 'keypoints' of files"),
        ({"features": {}, "sets": ("4d",)}, "unknown set of features '4d'; known: 2d, 3d"),
        ({"features": {}, "sets": ("gait",)}, "features 'gait' need a column 'poses'"),
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    cohort = animals(12)
    table = pd.concat([cohort, measures(cohort["genotype"], 3)], axis=1)
    asked = job(table_of(tmp_path, table), features={"x": ("x?",)})
    with pytest.raises(InputError, match=message):
        predict_attributes(replace(asked, **change))  # type: ignore[arg-type]


def test_files_that_are_lost_are_named_all_at_once(recorded: Path) -> None:
    table = pd.read_csv(recorded / "cohort.csv")
    table.loc[1, "poses"] = "gone.parquet"
    table.loc[2, "keypoints"] = None
    table.to_csv(recorded / "lost.csv", index=False)
    with pytest.raises(InputError, match=r"row 3 has no keypoints.*gone\.parquet is not there"):
        read_cohort(recorded / "lost.csv")


def test_a_recording_that_cannot_be_used_is_named(recorded: Path) -> None:
    table = pd.read_csv(recorded / "cohort.csv").assign(fps=2.0)
    table.to_csv(recorded / "slow.csv", index=False)
    with pytest.raises(InputError, match=r"row 1 \(animal m0\): 2 frames/s is too slow"):
        predict_attributes(job(recorded / "slow.csv", sets=("2d",)))
    table.assign(fps="fast").to_csv(recorded / "slow.csv", index=False)
    with pytest.raises(InputError, match=r"row 1 \(animal m0\): fps: expected a number"):
        predict_attributes(job(recorded / "slow.csv", sets=("2d",)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "a", "ends in .csv, .parquet or .toml"),
        ("t.toml", "recording = 3", r"\[\[recording\]\]"),
        ("t.toml", "recording = [", "cannot be read as a table"),
        ("t.csv", "", "cannot be read as a table"),
        ("t.csv", "animal,x\n", "no rows"),
        ("t.parquet", "PAR1", "cannot be read as a table"),
    ],
)
def test_tables_that_are_none_are_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_cohort(path)
    with pytest.raises(FileError, match="no such file"):
        read_cohort(tmp_path / f"other{path.suffix if path.suffix != '.txt' else '.csv'}")


def test_columns_are_chosen_once_and_in_order() -> None:
    table = pd.DataFrame({"swing_s": [1.0], "swing_mm": [2.0], "word": ["w"]})
    assert chosen_columns(table, ["swing_mm", "swing_*"]) == ["swing_mm", "swing_s"]


def test_several_values_of_a_sample_are_joined() -> None:
    table = pd.DataFrame({"camera": ["a", "b", "a", None], "weight": [20.0, 20.0, 31.0, 31.0]})
    found = joined_values(table, pd.Series(["m1", "m1", "m2", "m2"]), ["camera", "weight"])
    assert list(found["camera"]) == ["a + b", "a"]
    assert list(found["weight"]) == [20, 31]
    assert found["weight"].dtype == float


@given(st.sampled_from([".csv", ".toml", ".parquet"]), st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_a_table_or_refused(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(MouseposeError):
        assert len(read_cohort(path))
