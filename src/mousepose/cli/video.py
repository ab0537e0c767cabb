"""`mousepose video`: what there is to know of a video before work is spent on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, told

if TYPE_CHECKING:
    from mousepose.run.video_check import VideoCheck

app = typer.Typer(
    help="Look at videos before work is spent on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXAMPLES = """
Examples:

  mousepose video check cage.mp4

  mousepose video check *.mkv --json > videos.json

Every frame is decoded once. Exit code 3: at least one video is bad.
"""

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILES...", help="Videos or folders of images.", show_default=False),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second of a folder of images.", min=0.001)
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback()
def video() -> None:
    """Look at videos before work is spent on them."""


@app.command(epilog=EXAMPLES)
def check(files: Files, fps: Fps = None, as_json: Json = False, debug: Debug = False) -> None:
    """Tell frames, times, size, damage, changes of light, bumps of the camera; give a verdict."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.video_check import check_videos

        with ProgressReport() as progress:
            found = check_videos(files, progress, fps)
        if as_json:
            typer.echo(json.dumps([each.to_dict() for each in found], indent=2))
        else:
            _print(found)
        if any(each.verdict == "bad" for each in found):
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def _print(found: list[VideoCheck]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table("video", "verdict", "frames", "fps", "s", "size", "damaged", box=SIMPLE)
    table.columns[0].overflow = "fold"
    for each in found:
        known = not each.error
        rate = "-" if each.fps is None else f"{each.fps:.5g}"
        table.add_row(
            Path(each.path).name,
            each.verdict,
            f"{each.frames:,}" * known,
            (rate + " varies" * each.variable_rate) * known,
            f"{each.duration:,.1f}" * known,
            f"{each.size[0]} x {each.size[1]}" * known,
            f"{each.damaged + each.missing:,}" * known,
        )
    Console().print(table)
    for each in found:
        for line in _lines(each):
            typer.echo(line)


def _lines(found: VideoCheck) -> list[str]:
    """Return what the table has no room for."""
    if found.error:
        return [found.error]
    low, usual, high = found.light
    about = [f"{found.codec} {found.pixel_format}".strip()]
    if found.key_interval is not None:
        about.append(f"a key frame every {found.key_interval:g}")
    if found.rotation:
        about.append(f"turned by {found.rotation}°")
    about.append(f"mean grey {usual:.0f} ({low:.0f} to {high:.0f})")
    return [f"{found.path}: {', '.join(about)}", *(f"  {note}" for note in found.notes)]
