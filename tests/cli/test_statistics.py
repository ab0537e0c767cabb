"""`mousepose statistics` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from tests.analysis.statistics.tables import strides
from typer.testing import CliRunner

from mousepose.cli.statistics import statistics

app = typer.Typer()
app.command()(statistics)


def ran(folder: Path, *options: str) -> tuple[int, str]:
    strides(6, each=12).to_csv(folder / "s.csv", index=False)
    given = [str(folder / "s.csv"), "--animal", "mouse", "-o", str(folder / "out"), *options]
    result = CliRunner().invoke(app, [*given, "--permutations", "99"])
    return result.exit_code, result.output


def test_it_tells_animals_and_writes_tables_and_pictures(tmp_path: Path) -> None:
    code, output = ran(
        tmp_path, "--group", "treatment", "--reference", "vehicle", "--covariate", "speed",
        "--match-speed", "speed", "--strata", "2",
    )  # fmt: skip
    assert code == 0, output
    assert "6 animals, 72 rows; the unit is the animal" in output
    assert "overlap by" in output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"effects.csv", "animals.parquet", "table.md", "forest.png", "speed.png"}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--group", "treatmen"], 1, "did you mean 'treatment'"),
        (["--group", "treatment", "--where", "mouse"], 2, "COLUMN=VALUE"),
        (["--group", "treatment", "--where", "treatment=drug"], 1, "one group only"),
        (["--group", "treatment", "--trend"], 1, "needs numbers"),
        (["--group", "treatment", "--trend", "--reference", "drug"], 2, "no reference"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, options: list[str], code: int, words: str
) -> None:  # fmt: skip
    found, output = ran(tmp_path, *options)
    assert found == code
    assert words in output
    assert "Traceback" not in output
