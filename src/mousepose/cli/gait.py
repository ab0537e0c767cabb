"""`mousepose gait`: strides, rhythm and bouts of locomotion from poses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from mousepose.run.gait import GaitOutcome

EXAMPLES = """
Examples:

  mousepose gait poses.parquet -o gait

  mousepose gait poses.parquet -o gait --belt-speed 250

  mousepose gait points3d.csv -o gait --fps 100 --up 0,0,1

The folder gets strides, bouts and rhythm (Parquet and csv) and pictures. The belt's speed is
positive where it runs from nose to tail; so is the rim's of a wheel.
"""

Source = Annotated[
    Path,
    typer.Argument(
        metavar="POSES", help="Poses (.parquet) or 3D points of any known format.",
        show_default=False,
    ),
]  # fmt: skip
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="The folder to write into.", show_default=False)
]
BeltSpeed = Annotated[
    float | None,
    typer.Option(metavar="MM_S", help="Speed of a treadmill's belt or a wheel's rim, mm/s."),
]
BeltDirection = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y", help="Where the belt runs to above the floor; default: to the tail."
    ),
]
Up = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,Z",
        help="Where up is in the file's axes; default: z in a world's frame, else from the paws.",
    ),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file has no times.", min=0.001)
]
Animal = Annotated[str | None, typer.Option(help="Which animal, where the file has several.")]
Plots = Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def gait(
    poses: Source,
    output: Folder,
    belt_speed: BeltSpeed = None,
    belt_direction: BeltDirection = None,
    up: Up = None,
    fps: Fps = None,
    animal: Animal = None,
    plots: Plots = True,
    debug: Debug = False,
) -> None:
    """Measure gait: stride by stride from the paws, and by the rhythm of the whole body."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.gait import GaitJob, analyse_file, write_gait

        belt = None if belt_direction is None else numbers("--belt-direction", belt_direction, 2)
        upwards = None if up is None else numbers("--up", up, 3)
        job = GaitJob(
            poses, upwards, belt_speed, belt, fps, animal  # type: ignore[arg-type]
        )  # fmt: skip
        with ProgressReport() as progress:
            outcome = analyse_file(job, progress)
        written = write_gait(output, outcome.gait)
        if plots and len(outcome.gait.bouts):
            from mousepose.report.gait import draw_gait

            written += draw_gait(output, outcome.gait)
        _print(outcome, belt_speed)
        typer.echo("wrote " + ", ".join(map(str, written)))


def numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    """Return the numbers of an option such as "0,0,1". Raises `UsageError`."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != count or not any(found):
        raise UsageError(
            f"{option}: expected {count} numbers with commas between, not all 0, got {text!r}"
        )
    return found


def _print(outcome: GaitOutcome, belt_speed: float | None) -> None:
    gait = outcome.gait
    typer.echo(f"{outcome.frames:,} frames at {outcome.rate:.4g}/s; {outcome.floor}")
    if not len(gait.bouts):
        hint = "" if belt_speed is not None else "; on a treadmill or wheel say --belt-speed"
        typer.echo(f"no locomotion was found: the tables are empty{hint}", err=True)
        return
    bouts = gait.bouts
    typer.echo(
        f"{len(bouts):,} bouts of locomotion, {bouts['duration_s'].sum():.1f} s, "
        f"{bouts['distance_mm'].sum() / 1000:.2f} m"
    )
    missing = [limb for limb in LIMBS_IN_WORDS if limb not in outcome.limbs]
    proxies = [f"{limb} ({own})" for limb, own in outcome.limbs.items() if "PAW" not in own]
    if missing:
        typer.echo(f"no point of: {', '.join(missing)}; their columns are empty")
    if proxies:
        typer.echo(f"paw not known, read off another point: {', '.join(proxies)}")
    good = gait.strides[gait.strides["quality"] == "good"]
    typer.echo(f"{len(gait.strides):,} strides from paws, {len(good):,} of them good")
    usable = gait.strides[gait.strides["quality"].isin(("good", "no paw"))]
    for name, column, unit in (
        ("stride length", "stride_length_mm", "mm"),
        ("stride frequency", "stride_frequency_hz", "Hz"),
    ):
        # On a curve the outer paws go farther: each limb counts alike.
        by_paws = usable.groupby("limb")[column].median().mean()
        by_rhythm = gait.rhythm[column].median()
        typer.echo(
            f"{name}: {_number(by_paws)} {unit} by paws, {_number(by_rhythm)} {unit} by rhythm"
        )
    if outcome.ahead < _FORWARD:
        hint = "" if belt_speed is not None else "; on a treadmill or wheel say --belt-speed"
        typer.echo(f"the animal moves sideways or backwards as it seems: see --up{hint}", err=True)


#: An animal that walks goes where it heads: the mean cosine is above this.
_FORWARD = 0.6
#: The limbs as the tables name them.
LIMBS_IN_WORDS = ("left fore", "right fore", "left hind", "right hind")


def _number(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:.3g}"
