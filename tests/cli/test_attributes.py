"""`mousepose attributes` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from tests.analysis.attributes.cohorts import animals, measures
from typer.testing import CliRunner

from mousepose.cli.attributes import attributes

app = typer.Typer()
app.command()(attributes)
QUICK = ("--permutations", "3", "--repeats", "1", "--bootstraps", "100", "--folds", "3")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    cohort = animals(12).loc[np.repeat(animals(12).index, 5)].reset_index(drop=True)
    cohort = pd.concat([cohort, measures(cohort["genotype"], 3)], axis=1)
    cohort.to_csv(tmp_path / "strides.csv", index=False)
    return tmp_path / "strides.csv"


def test_it_writes_tables_pictures_and_reports(table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    result = CliRunner().invoke(
        app,
        [str(table), "--attribute", "genotype", "--attribute", "age", "--features", "one=x0,x1",
         "--features", "two=x[2-5]", "-o", str(folder), *QUICK],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "genotype: n = 12 animals" in result.output
    assert "age: n = 12 animals" in result.output
    names = {path.name for path in (folder / "genotype").iterdir()}
    assert {"report.md", "report.html", "comparison.png", "roc.png", "comparison.parquet"} <= names
    assert (folder / "age" / "predicted.png").exists()


def test_the_same_command_gives_the_same_figures(table: Path, tmp_path: Path) -> None:
    tables = []
    for name in ("one", "two"):
        arguments = [str(table), "--attribute", "genotype", "--features", "x=x?", "--no-plots"]
        result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / name), *QUICK])
        assert result.exit_code == 0, result.output
        tables.append((tmp_path / name / "comparison.csv").read_bytes())
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--features", "x"], 2, "NAME=COLUMN,COLUMN"),
        (["--features", "all=x0"], 2, "a name of its own"),
        (["--features", "x=x?", "--sets", "2d"], 2, "exclude each other"),
        (["--features", "x=x?", "--folds", "20"], 1, "12 animals are fewer than 20 folds"),
        (["--features", "x=x?", "--cut", "3"], 1, "only numbers can be cut"),
        ([], 1, "no column 'poses' or 'keypoints'"),
    ],
)
def test_what_is_wrong_is_one_line(
    table: Path, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    arguments = [str(table), "--attribute", "genotype", "-o", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output
