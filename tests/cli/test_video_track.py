"""`mousepose video check` and `mousepose track`, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import videos
from mousepose.cli.track import track
from mousepose.cli.video import app as video_app

RUNNER = CliRunner()
TRACK = typer.Typer()
TRACK.command()(track)


def test_the_check_prints_a_table_and_gives_exit_codes(tmp_path: Path) -> None:
    good = videos.write(tmp_path / "good.mp4", numbers=[7] * 30)
    done = RUNNER.invoke(video_app, ["check", str(good)])
    assert done.exit_code == 0
    assert "good.mp4" in done.stdout
    (tmp_path / "bad.mp4").write_bytes(b"")
    done = RUNNER.invoke(video_app, ["check", str(good), str(tmp_path / "bad.mp4"), "--json"])
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert [each["verdict"] for each in told] == ["good", "bad"]
    assert told[0]["frames"] == 30


def test_a_video_without_a_mouse_says_so(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", numbers=[7] * 40)
    output = tmp_path / "boxes.parquet"
    overlay = tmp_path / "overlay.mp4"
    done = RUNNER.invoke(TRACK, [str(path), "-o", str(output), "--overlay", str(overlay)])
    assert done.exit_code == 0, done.output
    assert "absent in 100.0%" in done.stdout
    assert "no mouse was found" in done.stderr
    assert output.exists()
    assert overlay.exists()


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [("none.mp4", "a.parquet", "no such file"), ("none.mp4", "a.csv", "written as Parquet")],
)
def test_errors_are_one_line(tmp_path: Path, name: str, output: str, message: str) -> None:
    done = RUNNER.invoke(TRACK, [str(tmp_path / name), "-o", str(tmp_path / output)])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output
