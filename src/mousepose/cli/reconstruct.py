"""`mousepose reconstruct`: videos or 2D keypoints in, a table of 3D poses out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mousepose.cli.failures import ExitCode, told

#: Options that say what to do with the settings and are none themselves.
NO_SETTINGS = frozenset({"config", "write_config", "dry_run", "debug"})
_BY_DEFAULT = ("DEFAULT", "DEFAULT_MAP")

EXAMPLES = """
Examples:

  mousepose reconstruct cage.mp4 -o out --view top --body-length 90

  mousepose reconstruct mouse.csv --camera camera.toml --fps 30 --body-length 90 -o mouse.parquet

  mousepose reconstruct side.h5 top.h5 --camera rig.toml --fps 60 -o mouse.parquet --plots plots

  mousepose reconstruct two_mice.slp --all-animals --camera camera.toml --weight 24
  --keypoints homecage15 -o poses.nc

  mousepose reconstruct mouse.csv --camera camera.toml --fps 30 --weight 24 -o mouse.parquet
  --write-config run.toml

  mousepose reconstruct --config run.toml --weight 26 --dry-run

An interrupted run goes on where it stopped when the same command is given again. Exit code 3: the
poses are written, but most of them do not agree with the keypoints.
"""

Inputs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUT...",
        help="Videos, or keypoints of any known tracker (mousepose convert --list), one a camera.",
        show_default=False,
    ),
]
Cameras = Annotated[
    list[Path] | None,
    typer.Option(
        "--camera",
        help="Camera file: calibration TOML, OpenCV, COLMAP, 3x3 matrix. Repeat for several.",
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--camera-name", help="Use only this camera of the files. Repeat for several."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write; its ending tells the format, .parquet holds all. Of a video: or a "
        "folder, for poses, keypoints, pictures and overlay.",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option(metavar="FORMAT", help="The format to write; mousepose convert --list shows all."),
]
Keypoints = Annotated[
    str | None,
    typer.Option(
        metavar="MAP",
        help="Keypoint map of the tracker: a shipped one or a TOML file.",
        show_default="dataset22",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Of a video: another keypoint network (.onnx).",
        show_default="the shipped one",
    ),
]
View = Annotated[
    Literal["top", "side", "bottom"] | None,
    typer.Option(help="Of a video: how the camera sees mice, where you know it."),
]
Animals = Annotated[int, typer.Option(help="Of a video: how many mice are in the cage.", min=1)]
Overlay = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Of a video: write it with the poses drawn on it, .mp4."),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
AnimalName = Annotated[str | None, typer.Option(help="Which animal of a file with several.")]
AllAnimals = Annotated[
    bool, typer.Option("--all-animals/--no-all-animals", help="Every animal of the file.")
]
BodyLength = Annotated[
    float | None,
    typer.Option(help="Scale: mm from snout to tail base, straight, as on average.", min=0),
]
Weight = Annotated[float | None, typer.Option(help="Scale: the animal's weight in g.", min=0)]
Bone = Annotated[
    str | None, typer.Option(metavar="NAME=MM", help="Scale: a bone's length, LEFT_KNEE=15.7.")
]
Floor = Annotated[
    bool, typer.Option("--floor/--no-floor", help="Scale: the camera file's floor plane.")
]
CameraHeight = Annotated[
    float | None, typer.Option(help="Scale: mm from the floor to the camera.", min=0)
]
Body = Annotated[
    Path | None,
    typer.Option(
        help="Another body: a file of mousepose body build, or a folder of "
        "google/mouse-pose-analysis."
    ),
]
Alone = Annotated[
    bool,
    typer.Option(
        "--frame-by-frame/--no-frame-by-frame", help="Solve every frame alone, without time."
    ),
]
Plots = Annotated[Path | None, typer.Option(help="Draw pictures into this folder.")]
Obj = Annotated[Path | None, typer.Option(help="Write the skin (.obj) into this folder.")]
Frames = Annotated[
    str, typer.Option(metavar="FROM:TO", help="Frame numbers for --obj, TO not included.")
]
Resume = Annotated[bool, typer.Option(help="Go on with an interrupted run of this command.")]
Chunk = Annotated[int, typer.Option(help="Frames solved and written at once.", min=1)]
Report = Annotated[
    Literal["skeleton", "marks"],
    typer.Option(help="Write the 22 dataset keypoints, or the tracker's own marks."),
]
PixelSigma = Annotated[
    float, typer.Option(help="px, standard deviation of a keypoint of confidence 1.")
]
MinConfidence = Annotated[float, typer.Option(help="Keypoints below it count as not seen.")]
Prior = Annotated[
    Literal["learned", "isotropic", "published"], typer.Option(help="How mice are said to bend.")
]
PriorFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A prior of mousepose learn-prior instead of the shipped."),
]
PublishedGmm = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The mixture of --prior published: the gmm file of google/mouse-pose-analysis.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Take settings from this TOML file; flags outrank it."),
]
WriteConfig = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the settings into this TOML file and stop."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check the files, tell what would be done and stop.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def reconstruct(
    context: typer.Context,
    inputs: Inputs = None,
    camera: Cameras = None,
    output: Output = None,
    to: To = None,
    camera_name: Names = None,
    keypoints: Keypoints = None,
    model: Model = None,
    view: View = None,
    animals: Animals = 1,
    overlay: Overlay = None,
    fps: Fps = None,
    animal: AnimalName = None,
    all_animals: AllAnimals = False,
    body_length: BodyLength = None,
    weight: Weight = None,
    bone: Bone = None,
    floor: Floor = False,
    camera_height: CameraHeight = None,
    body: Body = None,
    frame_by_frame: Alone = False,
    plots: Plots = None,
    obj: Obj = None,
    frames: Frames = "0:10",
    resume: Resume = True,
    chunk: Chunk = 6000,
    report: Report = "skeleton",
    pixel_sigma: PixelSigma = 2.0,
    min_confidence: MinConfidence = 0.1,
    prior: Prior = "learned",
    prior_file: PriorFile = None,
    published_gmm: PublishedGmm = None,
    config: Config = None,
    write_config: WriteConfig = None,
    dry_run: DryRun = False,
    debug: Debug = False,
) -> None:
    """Reconstruct the 3D pose of mice in every frame, in mm, with its uncertainty."""
    with told(debug, goes_on=True):
        from mousepose.cli import config as files_of_settings
        from mousepose.cli.from_video import from_videos, write_overlay
        from mousepose.cli.plan import make_plan, plan_lines, refuse_overwriting

        settings = files_of_settings.settings_of(config, _given(context))
        if write_config is not None:
            refuse_overwriting(write_config, settings)
            files_of_settings.write_config(write_config, settings)
            typer.echo(f"wrote {write_config}; nothing was reconstructed")
            return
        settings, videos = from_videos(settings, dry_run)
        plan = make_plan(settings)
        if dry_run:
            for line in plan_lines(plan):
                typer.echo(line)
            typer.echo("nothing was reconstructed: --dry-run")
            return
        from mousepose.cli.execution import carry_out

        passed = carry_out(plan)
        write_overlay(plan, videos)
        if not passed:
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def _given(context: typer.Context) -> dict[str, Any]:
    """Return the settings that stand on the command line itself, by their names."""
    found = {}
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        by_hand = source is not None and source.name not in _BY_DEFAULT
        if by_hand and name not in NO_SETTINGS:
            found[name] = value
    return found
