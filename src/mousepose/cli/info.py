"""`mousepose info`: what any file holds that mousepose reads or writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mousepose.cli.failures import told

EXAMPLES = """
Examples:

  mousepose info poses.parquet

  mousepose info mouse.csv --fps 30

  mousepose info camera.toml --json
"""

#: Names that stand on one line; more are counted.
_LISTED = 40
#: Numbers that are shown; of more their count is.
_MOST_NUMBERS = 16
#: Fields whose keys are names out of the file.
_OF_NAMES = frozenset({"animals", "cameras", "keypoint_maps", "keypoints", "seen_least"})

Source = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Poses, tracked keypoints, cameras or a keypoint map.",
        show_default=False,
    ),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.", min=0)
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def info(file: Source, fps: Fps = None, as_json: Json = False, debug: Debug = False) -> None:
    """Tell what a file holds: frames, animals, keypoints, units, scale, cameras, provenance."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.about import about

        with ProgressReport() as progress:
            found = about(file, fps, progress)
        if as_json:
            typer.echo(json.dumps(found, indent=2))
            return
        for line in lines(found):
            typer.echo(line)


def lines(found: Mapping[str, Any], indent: str = "", named: bool = False) -> Iterator[str]:
    """Yield plain data as lines of text: fields with their values, what is nested moved in.

    `named` tells that the keys are names out of the file, which are shown as they are.
    """
    for key, value in found.items():
        shown = key if named else key.replace("_", " ")
        if not isinstance(value, Mapping):
            yield f"{indent}{shown}: {_shown(value)}"
        elif value:
            yield f"{indent}{shown}:"
            yield from lines(value, indent + "  ", named=not named and key in _OF_NAMES)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return _listed(value)
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _listed(values: list[Any]) -> str:
    count = _numbers(values)
    if count > _MOST_NUMBERS:
        return f"{count:,} numbers"
    if values and isinstance(values[0], list):
        return " ".join(f"[{_shown(row)}]" for row in values)
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(_shown(item) for item in values[:_LISTED]) + more or "none"


def _numbers(value: object) -> int:
    """Return how many numbers are in lists of lists."""
    if isinstance(value, list):
        return sum(_numbers(item) for item in value)
    return int(isinstance(value, int | float))
