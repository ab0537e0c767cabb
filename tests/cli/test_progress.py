"""Progress is a bar for people and lines of JSON for programs."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from mousepose.cli.progress import ProgressReport


def test_programs_read_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReport() as progress:
        progress("reading", 50, 0)
        for done in range(0, 101, 10):
            progress("solving", done, 100)
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [line["stage"] for line in lines] == ["reading", "solving", "solving"]
    assert lines[0]["total"] is None
    assert (lines[-1]["done"], lines[-1]["total"]) == (100, 100)
    assert lines[-1]["frames_per_second"] > 0
    assert lines[-1]["seconds_left"] == 0


def test_frames_found_done_do_not_count_as_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 10.0])
    monkeypatch.setattr("mousepose.cli.progress.time.monotonic", lambda: next(now))
    with ProgressReport() as progress:
        progress("solving", 9000, 10_000)
        progress("solving", 9500, 10_000)
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert last["frames_per_second"] == 50
    assert last["seconds_left"] == 10


def test_people_see_a_bar() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with ProgressReport(console) as progress:
        progress("reading", 50, 0)
        progress("solving", 30, 100)
        progress("solving", 60, 100)
    assert "solving" in stream.getvalue()
    assert "60 of 100 frames" in stream.getvalue()
