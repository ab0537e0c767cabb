"""`mousepose convert`: any file of keypoints or poses into any format of the same kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import told

if TYPE_CHECKING:
    from mousepose.io.conversion import Conversion

EXAMPLES = """
Examples:

  mousepose convert mouse.csv -o mouse.parquet --fps 30

  mousepose convert poses.parquet -o poses.nc

  mousepose convert poses.parquet -o poses.csv --to dlc-csv

  mousepose convert two_mice.h5 -o mouse2.analysis.h5 --animal mouse2

  mousepose convert --list

The ending of OUTPUT tells the format unless --to names one. All animals are written: into one file
where the format holds several, else into one file for each.
"""

Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="INPUT", help="A file of 2D keypoints or of 3D poses.", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write, or a folder.", show_default=False),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="FORMAT", help="The format to write; --list shows all."),
]
AnimalName = Annotated[str | None, typer.Option(help="Write only this animal.")]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
Dims = Annotated[
    Literal["singular", "plural"],
    typer.Option(help="Dimensions' names in a netCDF: plural for movement up to 0.16."),
]
List = Annotated[bool, typer.Option("--list", help="Show the formats and stop.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def convert(
    source: Source = None,
    output: Output = None,
    to: To = None,
    animal: AnimalName = None,
    fps: Fps = None,
    dims: Dims = "singular",
    list_formats: List = False,
    debug: Debug = False,
) -> None:
    """Write a file of keypoints or poses in another format, 2D to 2D and 3D to 3D."""
    with told(debug):
        if list_formats:
            _print_formats()
            return
        from mousepose.cli.progress import ProgressReport
        from mousepose.errors import InputError
        from mousepose.io.conversion import convert as convert_file

        if source is None or output is None:
            raise InputError(
                "give the file to read and the file to write, as in: mousepose convert mouse.csv "
                "-o mouse.parquet; --list shows the formats"
            )
        with ProgressReport() as progress:
            done = convert_file(
                source, output, to=to, animal=animal, fps=fps, dims=dims, progress=progress
            )
        for line in _lines(done):
            typer.echo(line)


def _lines(done: Conversion) -> list[str]:
    """Return what was done in words."""
    animals = done.animals[0] if len(done.animals) == 1 else f"{len(done.animals)} animals"
    lines = [f"{done.frames:,} frames of {animals}, {done.kind}, as {done.format.title}"]
    if done.left_out:
        lines.append(f"left out, the format cannot hold it: {', '.join(done.left_out)}")
    if not done.timed and "times" in done.format.holds:
        lines.append("no times: the source has none; give the frame rate with --fps")
    shown = list(done.written)
    if len(shown) > 6:
        lines.append(f"wrote {shown[0]} ... {shown[-1]}, {len(shown):,} files")
    else:
        lines += [f"wrote {path}" for path in shown]
    return lines


def _print_formats() -> None:
    from rich.console import Console
    from rich.table import Table

    from mousepose.io.keypoints.registry import READERS
    from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
    from mousepose.io.poses.registry import POINT_READERS, WRITERS

    console = Console()
    for title, writers in (("2D keypoints, out", KEYPOINT_WRITERS), ("3D points, out", WRITERS)):
        table = Table(title=title, title_justify="left", box=None)
        for column in ("--to", "what", "ends in", "holds besides names and points"):
            table.add_column(column, no_wrap=column != "holds besides names and points")
        for name, writer in writers.items():
            ending = writer.ending + (" *" if writer.default else "")
            table.add_row(name, writer.title, ending, ", ".join(sorted(writer.holds)))
        console.print(table)
        console.print()
    console.print("* the format where none is named")
    for title, names in (
        ("2D keypoints, in", [reader.name for reader in READERS]),
        ("3D points, in", [reader.name for reader in POINT_READERS]),
    ):
        console.print(f"{title}: {', '.join(names)}", highlight=False)
