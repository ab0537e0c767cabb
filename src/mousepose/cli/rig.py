"""`mousepose rig`: how accurate a recording would be that is only planned yet."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from rich.table import Table

    from mousepose.geometry.camera import Camera
    from mousepose.report.rig import RigAccuracy
    from mousepose.report.rig_picture import RigResult
    from mousepose.simulate.rig import Rig

EXAMPLES = """
Examples:

  mousepose rig

  mousepose rig --camera camera.toml --noise 3 --keypoints superanimal27

  mousepose rig --field-of-view 60 --size 1280x1024 --distance 400 --elevation 15,30,60,90

  mousepose rig --cameras 1,2,4 --noise 2,4 -o rig.png --json

A camera file that knows its floor is taken as it stands, unless --distance, --elevation or
--cameras is given; of any other only the lens is taken. Several values, with commas, are all
tried. The simulated mouse walks as the model can: real mice also groom, rear and curl up, and
real trackers make mistakes that are no noise, so take the figures as the best to hope for.
"""
#: Settings that are tried in one call, at most: each takes some seconds.
MOST_SETTINGS = 24
#: What is planned where nothing is said.
_VIEW_DEG, _DISTANCE_MM, _ELEVATION_DEG = 60.0, 500.0, 30.0
#: The parts that the table of several settings has, and their headings.
_COLUMNS = {
    "all": "all",
    "trunk": "trunk",
    "knees and elbows": "knees,\nelbows",
    "feet seen": "feet\nseen",
    "feet not seen": "feet\nhidden",
}
#: Characters across where the output is no terminal.
_WIDTH = 120
#: Below this share of keypoints a rig deserves a word.
_FEW = 0.5
#: Below this elevation (degrees) the floor gives no scale.
_FLAT_DEG = 10.0
T = TypeVar("T")

CameraFile = Annotated[
    Path | None, typer.Option("--camera", metavar="FILE", help="A camera file.", show_default=False)
]
Focal = Annotated[
    float | None,
    typer.Option(metavar="PX", help="Focal length, in the place of a file.", show_default=False),
]
View = Annotated[
    float | None,
    typer.Option(metavar="DEG", help="Or the horizontal field of view.", show_default="60"),
]
Size = Annotated[str, typer.Option(metavar="WxH", help="Size of the image, px.")]
Distance = Annotated[
    str | None, typer.Option(metavar="MM,...", help="Camera to mouse.", show_default="500")
]
Elevation = Annotated[
    str | None,
    typer.Option(
        metavar="DEG,...",
        help="Above the horizon: 0 from the side, 90 from above, below 0 through a glass floor.",
        show_default="30",
    ),
]
Count = Annotated[
    str | None,
    typer.Option("--cameras", metavar="N,...", help="Cameras around.", show_default="1"),
]
Noise = Annotated[
    str, typer.Option(metavar="PX,...", help="Error of the tracker, 1 SD along x and along y.")
]
Hidden = Annotated[
    str, typer.Option("--hidden-feet", metavar="SHARE,...", help="How often a paw is hidden, 0-1.")
]
Fps = Annotated[str, typer.Option("--fps", metavar="N,...", help="Frames per second.")]
Marks = Annotated[
    list[str] | None,
    typer.Option(
        "--keypoints",
        metavar="MAP",
        help="Keypoint map; repeat to compare.",
        show_default="dataset22",
    ),
]
ScaleFrom = Annotated[
    Literal["floor", "body-length"], typer.Option("--scale", help="What gives one camera's scale.")
]
Mice = Annotated[int, typer.Option(help="Mice of different size and shape that walk.", min=1)]
Seconds = Annotated[float, typer.Option(help="How long each walks, s.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PNG", help="Draw the errors, too.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in the place of the table.")]
Seed = Annotated[int, typer.Option(help="Another seed is other mice.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def rig(
    camera: CameraFile = None,
    focal: Focal = None,
    field_of_view: View = None,
    size: Size = "1280x1024",
    distance: Distance = None,
    elevation: Elevation = None,
    cameras: Count = None,
    noise: Noise = "2",
    hidden_feet: Hidden = "0.3",
    fps: Fps = "60",
    keypoints: Marks = None,
    scale: ScaleFrom = "floor",
    mice: Mice = 2,
    seconds: Seconds = 4.0,
    output: Output = None,
    as_json: Json = False,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Tell how accurate a planned recording would be: cameras, noise, keypoints."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.errors import FileError
        from mousepose.report.rig import measure_rig
        from mousepose.report.rig_picture import RigResult, plot_rigs

        if output is not None and not output.parent.is_dir():
            raise FileError(f"{output}: the folder {output.parent} does not exist; make it first")
        given = _given(camera, focal, field_of_view, size)
        stands = _stands(given, distance, elevation, cameras)
        others: dict[str, Sequence[float | str]] = {
            "noise (px)": _values("--noise", noise, float),
            "hidden feet": _values("--hidden-feet", hidden_feet, float),
            "frames per second": _values("--fps", fps, float),
            "keypoints": keypoints or ["dataset22"],
        }
        planned = _planned(stands, others)
        results = []
        with ProgressReport() as progress:
            total = mice * len(planned)
            for number, (setting, one) in enumerate(planned):
                found = measure_rig(
                    one,
                    scale=scale,
                    mice=mice,
                    seconds=seconds,
                    seed=seed,
                    progress=lambda mouse, _, before=mice * number: progress(  # type: ignore[misc]
                        "simulated mice", before + mouse, total
                    ),
                )
                results.append(RigResult(setting, found))
            progress("simulated mice", total, total)
        if output is not None:
            plot_rigs(results, output)
        if as_json:
            shown = [{"setting": r.setting} | r.accuracy.figures() for r in results]
            typer.echo(json.dumps(shown, indent=1))
        else:
            _print([one for _, one in planned], results, scale)
        if output is not None:
            typer.echo(f"wrote {output}", err=as_json)


def _given(file: Path | None, focal: float | None, view: float | None, size: str) -> list[Camera]:
    """Return the cameras of the file, or one lens."""
    from mousepose.calibrate.guess_lens import focal_of_view
    from mousepose.geometry.camera import pinhole
    from mousepose.io import read_cameras

    named = {"--camera": file, "--focal": focal, "--field-of-view": view}
    told_of = [name for name, value in named.items() if value is not None]
    if len(told_of) > 1:
        raise UsageError(f"{' and '.join(told_of)}: one of them gives the lens, choose it")
    if file is not None:
        return list(read_cameras(file))
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise UsageError(f"--size: expected WIDTHxHEIGHT in px, as 1280x1024, got {size!r}")
    if focal is None:
        focal = focal_of_view(int(width), _VIEW_DEG if view is None else view)
    elif not 10 <= focal <= 1e6:
        raise UsageError(f"--focal: expected 10 px or more, got {focal:g}")
    return [pinhole((int(width), int(height)), focal)]


def _stands(
    given: list[Camera], distance: str | None, elevation: str | None, count: str | None
) -> list[tuple[dict[str, float | str], tuple[Camera, ...]]]:
    """Return every placing of the cameras that was asked for, with what tells it apart."""
    from mousepose.simulate.rig import cameras_around, cameras_on_floor

    knows_floor = any(camera.floor_plane is not None for camera in given)
    if distance is elevation is count is None and knows_floor:
        return [({}, cameras_on_floor(given))]
    if len(given) > 1:
        raise UsageError(
            f"the camera file has {len(given)} cameras: it must know the floor (floor_plane), and "
            "--distance, --elevation and --cameras are for a file of one camera"
        )
    asked = itertools.product(
        _values("--distance", distance or f"{_DISTANCE_MM:g}", float),
        _values("--elevation", elevation or f"{_ELEVATION_DEG:g}", float),
        _values("--cameras", count or "1", int),
    )
    return [
        (
            {"distance (mm)": far, "elevation (degrees)": high, "cameras": many},
            cameras_around(given[0], many, far, high),
        )
        for far, high, many in asked
    ]


def _planned(
    stands: list[tuple[dict[str, float | str], tuple[Camera, ...]]],
    others: Mapping[str, Sequence[float | str]],
) -> list[tuple[dict[str, float | str], Rig]]:
    """Return every setting, with only what differs between them, and its rig."""
    from mousepose.simulate.rig import Rig

    found = []
    for (setting, cameras), (noise, hidden, fps, marks) in itertools.product(
        stands, itertools.product(*others.values())
    ):
        rest = dict(zip(others, (noise, hidden, fps, marks), strict=True))
        one = Rig(cameras, str(marks), float(noise), float(hidden), float(fps))
        found.append((setting | rest, one))
    if len(found) > MOST_SETTINGS:
        raise UsageError(
            f"{len(found)} settings: at most {MOST_SETTINGS} are tried at once; give fewer values"
        )
    differ = [key for key in found[0][0] if len({str(setting[key]) for setting, _ in found}) > 1]
    return [({key: setting[key] for key in differ}, one) for setting, one in found]


def _values(option: str, text: str, kind: Callable[[str], T]) -> list[T]:
    """Return the values of "15,30,60"."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        example = "1,2,4" if kind is int else "15,30,60"
        raise UsageError(
            f"{option}: expected numbers with commas between, as {example}, got {text!r}"
        ) from None


def _print(planned: Sequence[Rig], results: Sequence[RigResult], scale: str) -> None:
    from rich.console import Console

    from mousepose.report.rig_picture import shown

    table = _parts_table(planned[0], results[0]) if len(results) == 1 else _table(results)
    width = None if sys.stdout.isatty() else _WIDTH
    Console(width=width).print(table)
    for one, result in zip(planned, results, strict=True):
        found = result.accuracy
        named = ", ".join(f"{key} {shown(value)}" for key, value in result.setting.items())
        for note in _notes(one, found, scale):
            typer.echo(f"{named or 'this rig'}: {note}")
    if len(results) == 1:
        found = results[0].accuracy
        typer.echo(
            f"stride length off by {found.stride_mm:.1f} mm on average; "
            f"{found.in_view:.0%} of the keypoints given; {found.frames} frames"
        )


def _notes(one: Rig, found: RigAccuracy, scale: str) -> list[str]:
    """Return what to know, or to change, of a setting."""
    if found.trouble:
        return [f"not reconstructed: {found.trouble}"]
    notes = []
    if found.in_view < _FEW:
        notes.append(
            f"only {found.in_view:.0%} of the keypoints are in view; stand farther away or take a "
            "wider lens"
        )
    if scale == "floor" and len(one.cameras) == 1 and abs(one.elevation_deg) < _FLAT_DEG:
        notes.append(
            "seen from the side, the floor hardly shows how far away it is; measure the mouse and "
            "try --scale body-length"
        )
    return notes


def _parts_table(one: Rig, result: RigResult) -> Table:
    from rich.table import Table

    many = len(one.cameras)
    title = (
        f"{many} camera{'s' if many > 1 else ''}, {one.distance_mm:.0f} mm away, "
        f"{one.elevation_deg:.0f}° above the horizon, {one.keypoints}, {one.noise_px:g} px"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("root-aligned\nmm", "in place\nmm", "truth in the\n90 % region"):
        table.add_column(name, justify="right")
    for part, found in result.accuracy.parts.items():
        if found.points:
            numbers = f"{found.root:.1f}", f"{found.place:.1f}", f"{found.in_90_region:.0%}"
            table.add_row(part, *numbers)
    return table


def _table(results: Sequence[RigResult]) -> Table:
    from rich.table import Table

    from mousepose.report.rig_picture import shown

    table = Table(
        title="Mean error in mm, root-aligned but for the last column", title_justify="left"
    )
    for name in results[0].setting:
        table.add_column(name.replace(" (", "\n("), justify="right", no_wrap=True)
    for name in ("keypoints\ngiven", *_COLUMNS.values(), "in 90 %\nregion", "stride\nlength"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("all, in\nplace", justify="right", no_wrap=True)
    for result in results:
        found, every = result.accuracy, result.accuracy.parts["all"]
        numbers = [found.parts[part].root for part in _COLUMNS]
        table.add_row(
            *map(shown, result.setting.values()),
            f"{found.in_view:.0%}",
            *(_millimetres(number) for number in numbers),
            f"{every.in_90_region:.0%}" if every.points else "-",
            _millimetres(found.stride_mm),
            _millimetres(every.place),
        )
    return table


def _millimetres(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
