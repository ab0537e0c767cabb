"""`mousepose gait` and `mousepose kinematics` as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from tests.analysis.walkers import points, still
from typer.testing import CliRunner

from mousepose.cli.gait import gait
from mousepose.cli.kinematics import kinematics
from mousepose.io import write_sequence

app = typer.Typer()
app.command()(gait)
app.command()(kinematics)


def test_gait_writes_tables_and_pictures(tmp_path: Path) -> None:
    write_sequence(tmp_path / "points.parquet", points())
    folder = tmp_path / "gait"
    result = CliRunner().invoke(
        app, ["gait", str(tmp_path / "points.parquet"), "-o", str(folder), "--up", "0,0,1"]
    )
    assert result.exit_code == 0, result.output
    assert "stride length: 55" in result.output
    assert {p.name for p in folder.iterdir()} >= {"strides.parquet", "gait-diagram.png"}


def test_no_locomotion_is_said_with_a_hint(tmp_path: Path) -> None:
    write_sequence(tmp_path / "points.parquet", still())
    result = CliRunner().invoke(
        app, ["gait", str(tmp_path / "points.parquet"), "-o", str(tmp_path / "g"), "--up", "0,0,1"]
    )
    assert result.exit_code == 0
    assert "no locomotion" in result.output
    assert "--belt-speed" in result.output


@pytest.mark.parametrize("up", ["0,0", "a,b,c", "0,0,0"])
def test_a_direction_that_is_none_is_wrong_usage(tmp_path: Path, up: str) -> None:
    result = CliRunner().invoke(
        app, ["kinematics", "none.csv", "-o", str(tmp_path / "k.csv"), "--up", up]
    )
    assert result.exit_code == 2
    assert "--up" in result.output


def test_kinematics_tells_its_bandwidth(tmp_path: Path) -> None:
    write_sequence(tmp_path / "points.parquet", points())
    target = tmp_path / "k.parquet"
    result = CliRunner().invoke(
        app, ["kinematics", str(tmp_path / "points.parquet"), "-o", str(target)]
    )
    assert result.exit_code == 0, result.output
    assert "Hz" in result.output
    assert target.exists()
