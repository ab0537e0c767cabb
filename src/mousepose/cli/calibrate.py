"""`mousepose calibrate`: cameras from videos of a board, from a known cage, from a good guess."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.calibrate_cage import CAGE_EXAMPLES, GUESS_EXAMPLES, cage, guess
from mousepose.cli.failures import ExitCode, UsageError, told

if TYPE_CHECKING:
    from mousepose.calibrate.board import Board
    from mousepose.calibrate.board_calibration import BoardCalibration

#: Width and height of the paper that most printers hold, mm.
A4 = (210.0, 297.0)

app = typer.Typer(
    help="Calibrate cameras: from a board, from a cage of known size, or from a good guess.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(epilog=CAGE_EXAMPLES)(cage)
app.command(epilog=GUESS_EXAMPLES)(guess)

BOARD_EXAMPLES = """
Examples:

  mousepose calibrate board board.mp4 --board charuco --columns 8 --rows 11 --square 24 --marker
  18.75 -o camera.toml

  mousepose calibrate board side.mp4 top.mp4 --board checkerboard --columns 10 --rows 7 --square 20
  --floor-frame 0 -o rig.toml

Several inputs are the cameras of one rig; their frames of one number are of one time. Exit code 3:
the calibration is not good enough, and no camera file is written unless --force is given.
"""
PRINT_EXAMPLES = """
Example:

  mousepose calibrate print-board --board charuco --columns 8 --rows 11 --square 24 --marker 18
  -o board.svg
"""

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO...",
        help="A video or a folder of images of the board; one for each camera.",
        show_default=False,
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="The camera file to write: .toml (anipose), .yaml or .xml (OpenCV).",
        show_default=False,
    ),
]
Sheet = Annotated[
    Path, typer.Option("--output", "-o", help="The .svg or .png to write.", show_default=False)
]
KindOfBoard = Annotated[
    Literal["charuco", "checkerboard", "aruco-grid"], typer.Option("--board", help="Its kind.")
]
Columns = Annotated[
    int, typer.Option(help="Squares (or markers) across, not inner corners.", show_default=False)
]
Rows = Annotated[int, typer.Option(help="Squares (or markers) down.", show_default=False)]
Square = Annotated[
    float,
    typer.Option(
        metavar="MM",
        help="Side of a square; for aruco-grid from one marker to the next.",
        show_default=False,
    ),
]
Marker = Annotated[
    float | None, typer.Option(metavar="MM", help="Side of a marker, where the board has some.")
]
Dictionary = Annotated[str, typer.Option(help="The family of its markers, as 5x5_250.")]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", help="Name of a camera, in the order of the inputs. Repeat for each."),
]
Fisheye = Annotated[bool, typer.Option("--fisheye", help="The lens is a fisheye.")]
Distortion = Annotated[
    Literal["auto", "0", "4", "5", "8"],
    typer.Option(help="Distortion terms; auto takes as many as lower the error in views left out."),
]
Intrinsics = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Take lenses from this camera file; seek only places."),
]
FloorFrame = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="In frame N the board lies on the floor: gives the floor and a world with z up.",
    ),
]
Thickness = Annotated[
    float, typer.Option(metavar="MM", help="How far the print lies above the floor then.", min=0)
]
Frames = Annotated[int, typer.Option(help="Frames looked at in each input, spread evenly.", min=10)]
Plots = Annotated[
    Path | None, typer.Option(help="Folder of the pictures.", show_default="OUTPUT-plots")
]
Force = Annotated[
    bool, typer.Option("--force", help="Write the camera file although it is not good enough.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=BOARD_EXAMPLES)
def board(
    inputs: Inputs,
    output: Output,
    columns: Columns,
    rows: Rows,
    square: Square,
    kind: KindOfBoard = "charuco",
    marker: Marker = None,
    dictionary: Dictionary = "4x4_1000",
    name: Names = None,
    fisheye: Fisheye = False,
    distortion: Distortion = "auto",
    intrinsics: Intrinsics = None,
    floor_frame: FloorFrame = None,
    board_thickness: Thickness = 0.0,
    frames: Frames = 200,
    plots: Plots = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Calibrate one camera, or a rig, from videos of a printed board."""
    with told(debug):
        from mousepose.calibrate.board_calibration import calibrate_board
        from mousepose.cli.calibrate_summary import draw, print_summary
        from mousepose.cli.progress import ProgressReport
        from mousepose.io import read_cameras, write_cameras

        chosen = _board(kind, columns, rows, square, marker, dictionary)
        folder = plots or output.with_name(f"{output.stem}-plots")
        _check_folder(output)
        _check_folder(folder)
        with ProgressReport() as progress:
            found: BoardCalibration = calibrate_board(
                inputs,
                chosen,
                names=name,
                model="fisheye" if fisheye else "pinhole",
                terms=None if distortion == "auto" else int(distortion),
                known=None if intrinsics is None else read_cameras(intrinsics),
                floor_frame=floor_frame,
                thickness_mm=board_thickness,
                frames=frames,
                progress=progress,
            )
            progress("drawing", 0, 0)
            written = draw(found, folder)
        print_summary(found)
        if found.passed or force:
            write_cameras(output, found.cameras)
            written.insert(0, output)
        typer.echo("wrote " + ", ".join(map(str, written)))
        if not found.passed:
            told_so = "written all the same" if force else f"{output} was not written"
            typer.echo(f"this calibration did not pass; {told_so}", err=True)
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


@app.command("print-board", epilog=PRINT_EXAMPLES)
def print_board(
    output: Sheet,
    columns: Columns,
    rows: Rows,
    square: Square,
    kind: KindOfBoard = "charuco",
    marker: Marker = None,
    dictionary: Dictionary = "4x4_1000",
    debug: Debug = False,
) -> None:
    """Write a board to print, in its true size."""
    with told(debug):
        from mousepose.report.board_sheet import write_board_sheet

        chosen = _board(kind, columns, rows, square, marker, dictionary)
        width, height = write_board_sheet(output, chosen)
        typer.echo(f"wrote {output}: {chosen}, on {width:.0f} x {height:.0f} mm")
        if min(width, height) > A4[0] or max(width, height) > A4[1]:
            typer.echo(
                "that is larger than A4: take larger paper, or --square and --marker smaller"
            )
        typer.echo(
            "print it at 100 %, glue it on something flat, and measure several squares at once"
        )


def _check_folder(path: Path) -> None:
    """Raise `InputError` before any work is done where nothing can be written at `path`."""
    from mousepose.errors import InputError

    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")


def _board(
    kind: Literal["charuco", "checkerboard", "aruco-grid"],
    columns: int,
    rows: int,
    square: float,
    marker: float | None,
    dictionary: str,
) -> Board:
    from mousepose.calibrate.board import Board

    if kind != "checkerboard" and marker is None:
        raise UsageError(f"--marker: a {kind} board has markers; give the side of one in mm")
    return Board(kind, columns, rows, square, marker, dictionary)
