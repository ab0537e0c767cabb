"""`mousepose report` and `mousepose view`: what they write and what they say when they cannot."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

import results
from mousepose.cli.report import report
from mousepose.cli.view import view

result_folder = results.result_folder
app = Typer()
app.command()(report)
app.command()(view)


def told(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return found.exit_code, found.stdout, found.stderr


def test_a_report_is_written_beside_its_result_or_where_told(
    result_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "mine.html"
    code, out, err = told("report", result_folder, "-o", output)
    assert code == 0 and f"{output}: " in out and " MB" in out
    assert "warning: 7% of the frames have no pose" in err
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("command", ["report", "view"])
def test_a_file_that_is_none_is_one_line(command: str, tmp_path: Path) -> None:
    code, _, err = told(command, tmp_path / "none.parquet")
    assert code == 1 and err.strip().splitlines()[-1].startswith("error: ")
    assert "no such file" in err


def test_a_port_in_use_is_one_line(result_folder: Path) -> None:
    pytest.importorskip("viser", reason="the viewer needs viser: pip install 'mousepose[view]'")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, _, err = told("view", result_folder, "--no-open", "--port", port)
    assert code == 1 and f"port {port} at 127.0.0.1 is in use" in err


def test_the_viewer_is_told_what_was_asked_for(
    result_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("viser", reason="the viewer needs viser: pip install 'mousepose[view]'")
    seen = []

    def show(job: object, ready: Callable[[str], None], stop: object) -> None:
        seen.append(job)
        ready("http://localhost:1")
        raise KeyboardInterrupt

    monkeypatch.setattr("mousepose.view.viewer.view", show)
    monkeypatch.setattr("webbrowser.open", seen.append)
    code, out, _ = told("view", result_folder, "--port", 0)
    assert code == 0 and "http://localhost:1" in out and "ended" in out
    assert seen[0].host == "127.0.0.1" and seen[0].port == 0  # type: ignore[attr-defined]
    assert seen[1] == "http://localhost:1"
