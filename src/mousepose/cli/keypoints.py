"""`mousepose keypoints`: which map fits a tracker's file, new maps, offsets learned from video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import ExitCode, UsageError, told
from mousepose.cli.keypoints_predict import EXAMPLES as PREDICT_EXAMPLES
from mousepose.cli.keypoints_predict import predict

if TYPE_CHECKING:
    from mousepose.body.keypoint_check import NameCheck
    from mousepose.types import Keypoints2D

#: Frames that `check` looks at.
CHECKED_FRAMES = 20_000
#: Frames of which `learn-offsets` chooses; more would only cost memory.
SAMPLED_FRAMES = 8_000
_READ_AT_ONCE = 6_000

app = typer.Typer(
    help="Keypoints out of videos; keypoint maps: where a tracker's marks sit on the body.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CHECK_EXAMPLES = """
Examples:

  mousepose keypoints check mouse.csv

  mousepose keypoints check mouse.csv --keypoints superanimal27

  mousepose keypoints check mouse.csv --keypoints my.toml

Exit code 3: fewer columns are keypoints of the map than a pose needs.
"""
NEW_EXAMPLES = """
Examples:

  mousepose keypoints new mouse.csv -o my.toml

  mousepose keypoints new side.csv --side right -o my.toml
"""
SHOW_EXAMPLES = """
Examples:

  mousepose keypoints show superanimal27

  mousepose keypoints show my.toml --plot my.png
"""
LEARN_EXAMPLES = """
Examples:

  mousepose keypoints learn-offsets mouse.csv --camera camera.toml --keypoints my.toml --fps 30
  --body-length 90 -o learned.toml --plots plots

  mousepose keypoints learn-offsets side.h5 top.h5 --camera rig.toml --keypoints my.toml --fps 60
  -o learned.toml

Exit code 3: the recording decides nothing, or held-out frames fit no better; no map is written
unless --force is given.
"""

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="2D keypoints of any known tracker.", show_default=False),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Keypoints of any known tracker, a file for each camera.",
        show_default=False,
    ),
]
AnyMap = Annotated[
    str | None,
    typer.Option(
        "--keypoints",
        metavar="MAP",
        help="A shipped map or a TOML file.",
        show_default="the best shipped one",
    ),
]
TheMap = Annotated[
    str,
    typer.Option(
        "--keypoints", metavar="MAP", help="The first guess: a shipped map or a TOML file.",
        show_default=False,
    ),
]  # fmt: skip
MapName = Annotated[
    str, typer.Argument(metavar="MAP", help="A shipped map or a TOML file.", show_default=False)
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The TOML file to write.", show_default=False)
]
Side = Annotated[
    Literal["left", "right"] | None,
    typer.Option(
        help="Side of limbs whose names say none.", show_default="the one that the camera sees"
    ),
]
AnimalName = Annotated[str | None, typer.Option(help="Which animal of a file with several.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the marks on the body into this PNG.")]
Cameras = Annotated[
    list[Path],
    typer.Option("--camera", help="Camera file. Repeat for several files.", show_default=False),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--camera-name", help="Use only this camera of the files. Repeat for several."),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
BodyLength = Annotated[
    float | None,
    typer.Option(help="Scale: mm from snout to tail base, straight, as on average.", min=0),
]
Weight = Annotated[float | None, typer.Option(help="Scale: the animal's weight in g.", min=0)]
Bone = Annotated[
    str | None, typer.Option(metavar="NAME=MM", help="Scale: a bone's length, LEFT_KNEE=15.7.")
]
Floor = Annotated[bool, typer.Option("--floor", help="Scale: the camera file's floor plane.")]
CameraHeight = Annotated[
    float | None, typer.Option(help="Scale: mm from the floor to the camera.", min=0)
]
GuessSd = Annotated[
    float, typer.Option(metavar="MM", help="How far the first guess may be off, 1 SD.", min=0.1)
]
PixelSigma = Annotated[
    float, typer.Option(help="px, standard deviation of a keypoint of confidence 1.")
]
Frames = Annotated[int, typer.Option(help="Frames that are learned from.", min=40)]
Plots = Annotated[Path | None, typer.Option(help="Draw the result into this folder.")]
Force = Annotated[bool, typer.Option("--force", help="Write the map even where it is no better.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a file that is there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


app.command(epilog=PREDICT_EXAMPLES)(predict)


@app.command(epilog=CHECK_EXAMPLES)
def check(
    file: File, keypoints: AnyMap = None, animal: AnimalName = None, debug: Debug = False
) -> None:
    """Tell which keypoints of a file are known, what stays unseen, and what looks wrong."""
    with told(debug):
        from mousepose.body.keypoint_check import enough
        from mousepose.cli.keypoint_tables import print_check, print_tracks
        from mousepose.fit.config import FitConfig

        seen, found = _checked(file, keypoints, animal)
        needed = found.match.keypoint_map.needed(FitConfig.min_keypoints)
        print_check(found, needed)
        if found.match.mapped:
            print_tracks(seen, found.match.keypoint_map, limited=len(seen) == CHECKED_FRAMES)
        if not enough(found, needed):
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


@app.command(name="list")
def list_maps() -> None:
    """List the keypoint maps that come with mousepose."""
    from mousepose.cli.keypoint_tables import print_maps

    print_maps()


@app.command(epilog=SHOW_EXAMPLES)
def show(name: MapName, plot: Plot = None, debug: Debug = False) -> None:
    """Show a map: every keypoint's bone, offset, slack and where these come from."""
    with told(debug):
        from mousepose.body.keypoint_map import load_keypoint_map
        from mousepose.cli.keypoint_tables import print_map

        keypoint_map = load_keypoint_map(name)
        print_map(keypoint_map)
        if plot is not None:
            from mousepose.report.offsets import plot_keypoint_map

            plot_keypoint_map(keypoint_map, plot)
            typer.echo(f"wrote {plot}")


@app.command(epilog=NEW_EXAMPLES)
def new(
    file: File,
    output: Output,
    keypoints: AnyMap = None,
    side: Side = None,
    animal: AnimalName = None,
    replace: Replace = False,
    debug: Debug = False,
) -> None:
    """Write a first map for a file's own keypoints, ready to be edited."""
    with told(debug):
        from mousepose.body.keypoint_check import starting_map
        from mousepose.body.keypoint_map import write_keypoint_map
        from mousepose.cli.keypoint_tables import NEW_HEADER, to_be_placed

        if output.exists() and not replace:
            raise UsageError(f"{output} is there already; give --replace to write over it")
        _, found = _checked(file, keypoints, animal, side or "")
        keypoint_map, comments = starting_map(found, f"Columns of {file.name}")
        left = [c for c in found.columns if c not in keypoint_map.names]
        write_keypoint_map(
            output, keypoint_map, header=NEW_HEADER, comments=comments, footer=to_be_placed(left)
        )
        guessed = sum("CHECK" in comment for comment in comments.values())
        typer.echo(f"wrote {output}: {len(keypoint_map)} of {len(found.columns)} columns")
        if guessed:
            typer.echo(f"{guessed} of them rest on a guess: look for CHECK in the file")
        if left:
            typer.echo(f"their names say no part of a mouse, see the file's end: {', '.join(left)}")
        typer.echo(f"look at it: mousepose keypoints show {output} --plot marks.png")


@app.command(epilog=LEARN_EXAMPLES)
def learn_offsets(
    inputs: Files,
    camera: Cameras,
    keypoints: TheMap,
    output: Output,
    camera_name: Names = None,
    fps: Fps = None,
    animal: AnimalName = None,
    body_length: BodyLength = None,
    weight: Weight = None,
    bone: Bone = None,
    floor: Floor = False,
    camera_height: CameraHeight = None,
    guess_sd: GuessSd = 4.0,
    pixel_sigma: PixelSigma = 2.0,
    frames: Frames = 100,
    plots: Plots = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Learn where marks sit on the body from the tracked video itself, with its quality said."""
    with told(debug):
        from mousepose.body.keypoint_map import load_keypoint_map, write_keypoint_map
        from mousepose.cli.keypoint_tables import print_learned
        from mousepose.cli.options import chosen_cameras, chosen_scale
        from mousepose.cli.progress import ProgressReport
        from mousepose.fit.config import FitConfig
        from mousepose.fit.observe import check_axes
        from mousepose.fit.offsets import OffsetConfig, learn_offsets
        from mousepose.fit.setup import Setup
        from mousepose.run.image import check_image
        from mousepose.run.keypoint_files import KeypointFiles
        from mousepose.run.sampling import spread_frames

        if not output.absolute().parent.is_dir():
            raise UsageError(f"--output {output}: the folder is not there; make it first")
        scale = chosen_scale(body_length, weight, bone, floor, camera_height)
        guess = load_keypoint_map(keypoints)
        config = FitConfig(
            pixel_sigma=pixel_sigma, min_keypoints=guess.needed(FitConfig.min_keypoints)
        )
        cameras = chosen_cameras(camera, camera_name)
        setup = Setup.of(cameras, keypoint_map=guess, scale=scale, config=config)
        with ProgressReport() as progress:
            files = KeypointFiles(tuple(inputs), fps, animal)
            seen = spread_frames(files.chunks(_READ_AT_ONCE), SAMPLED_FRAMES, progress)
            strange = check_axes(seen, setup) or check_image(seen, cameras, config.min_confidence)
            source = ", ".join(path.name for path in inputs)
            wanted = OffsetConfig(guess_sd=guess_sd, frames=frames)
            found = learn_offsets(seen, setup, wanted, source=source, progress=progress)
        print_learned(found)
        if strange:
            typer.echo(f"WARNING: {strange}")
        if plots is not None:
            from mousepose.report.offsets import plot_learned_offsets

            plots.mkdir(parents=True, exist_ok=True)
            plot_learned_offsets(found, plots / "offsets.png")
            typer.echo(f"wrote {plots / 'offsets.png'}")
        if not (found.better or force):
            typer.echo(f"{output} is not written: keep the first guess, or give --force")
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)
        write_keypoint_map(output, found.keypoint_map)
        typer.echo(f"wrote {output}")


def _checked(
    file: Path, keypoints: str | None, animal: str | None, side: str = ""
) -> tuple[Keypoints2D, NameCheck]:
    """Return a file's first frames and how its columns meet a map."""
    from mousepose.body.keypoint_check import check_names
    from mousepose.body.keypoint_tracks import seen_side
    from mousepose.run.sampling import first_frames_of

    seen = first_frames_of(file, CHECKED_FRAMES, animal)
    found = check_names(seen.keypoint_names, keypoints, side)
    if not side and found.match.selection is not None:
        side = seen_side(seen, found.match.keypoint_map)
        found = check_names(seen.keypoint_names, keypoints, side)
    return seen, found
