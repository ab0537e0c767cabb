"""`mousepose overlay`: what it writes, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

import results
from mousepose.cli.overlay import overlay
from mousepose.video import open_video
from results import FRAMES, write_video

result_folder = results.result_folder
app = Typer()
app.command()(overlay)


def told(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return found.exit_code, found.stdout, found.stderr


def test_a_film_is_written_and_told_of(result_folder: Path, tmp_path: Path) -> None:
    video, out = write_video(tmp_path / "side.mp4", FRAMES), tmp_path / "out.mp4"
    code, said, err = told(
        video, result_folder, "-o", out, "--turntable", "--start", "1s", "--stop", 40,
        "--draw", "silhouette, skeleton",
    )  # fmt: skip
    assert code == 0 and f"{out}: 10 frames of 480 x 240 px by " in said
    assert '"stage": "drawing"' in err
    with open_video(out) as film:
        assert len(film) == 10 and film.size == (480, 240)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--start", "soon"), 2, "--start: expected the number of a frame or a time"),
        (("--stop", "-3"), 2, "--stop: expected a frame or a time from 0 on"),
        (("--start", "nans"), 2, "--start: expected a frame or a time from 0 on"),
        (("--draw", "tail"), 1, "unknown part to draw 'tail'"),
        (("--camera-name", "top"), 1, "unknown camera 'top'; known: side"),
        (("--camera", "none.toml"), 1, "none.toml"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: tuple[str, ...], code: int, message: str, result_folder: Path, tmp_path: Path
) -> None:
    video, out = write_video(tmp_path / "side.mp4", FRAMES), tmp_path / "out.mp4"
    got, _, err = told(video, result_folder, "-o", out, *arguments)
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert got == code and len(lines) == 1 and message in lines[0]
    assert not out.exists()


def test_poses_that_end_early_are_a_warning(result_folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES + 5)
    code, _, err = told(video, result_folder, "-o", tmp_path / "out.mp4", "--start", FRAMES)
    assert code == 0 and "warning: side.mp4 has 155 frames, the result 150" in err
