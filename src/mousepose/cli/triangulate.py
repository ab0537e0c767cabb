"""`mousepose triangulate`: points in space from the 2D keypoints of several cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, UsageError, told

if TYPE_CHECKING:
    from mousepose.geometry.camera import Camera
    from mousepose.run.triangulate_sources import ViewSource

EXAMPLES = """
Examples:

  mousepose triangulate side.h5 top.h5 --camera rig.toml -o points.parquet --plots pictures

  mousepose triangulate cam1.csv cam2.csv cam3.csv --camera calibration.toml --fps 30 -o pose_3d.csv

  mousepose triangulate DATASET/multiview/keypoints.csv --self-calibrate -o points.parquet

  mousepose triangulate side.h5 top.h5 --self-calibrate --camera lenses.toml --body-length 92
  --fps 60 -o points.parquet --save-cameras rig.toml

  mousepose triangulate side.h5 top.h5 --self-calibrate --size 1280x1024 --field-of-view 62
  --fps 60 -o points.parquet

A .csv is anipose's pose_3d.csv, a .parquet holds covariances too; --to names other formats, as
`mousepose convert --list` shows them. The cameras file is anipose's calibration.toml.

Exit code 3: the cameras found from the mouse are not good enough (--force writes them), or most
points do not fit the cameras.
"""

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="KEYPOINTS...",
        help="Keypoints of any known tracker, a file for each camera; or a multi-view table "
        "(FRAME, <NAME>_X, <NAME>_Y) or its folder.",
        show_default=False,
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The file of points to write.", show_default=False)
]
Cameras = Annotated[
    list[Path] | None,
    typer.Option(
        "--camera",
        "--cameras",
        help="Camera file. Repeat for several.",
        show_default="beside the table",
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--camera-name", help="Use only this camera of the files. Repeat for several."),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="FORMAT", help="Format.", show_default="by the file's ending"),
]
SelfCalibrate = Annotated[
    bool,
    typer.Option(
        "--self-calibrate",
        help="Find where the cameras stand from the mouse; --camera then gives their lenses only.",
    ),
]
SaveCameras = Annotated[
    Path | None,
    typer.Option(help="Where to write the cameras found.", show_default="OUTPUT_cameras.toml"),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size", metavar="WIDTHxHEIGHT",
        help="Image size in px, where no camera file tells; once for all or for each.",
    ),
]  # fmt: skip
View = Annotated[
    float | None,
    typer.Option(
        "--field-of-view", metavar="DEG", help="Horizontal, where no file tells.", show_default="60"
    ),
]
Map = Annotated[
    str | None,
    typer.Option(
        "--keypoints", metavar="MAP", help="Keypoint map.", show_default="the best shipped one"
    ),
]
BodyLength = Annotated[
    float | None,
    typer.Option(help="Scale: mm from snout to tail base, straight, as on average.", min=0),
]
Weight = Annotated[float | None, typer.Option(help="Scale: the animal's weight in g.", min=0)]
Bone = Annotated[
    str | None, typer.Option(metavar="NAME=MM", help="Scale: a bone's length, LEFT_KNEE=15.7.")
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
AnimalName = Annotated[str | None, typer.Option(help="Which animal of a file with several.")]
ViewPattern = Annotated[
    str | None,
    typer.Option(help="Regular expression with groups (?P<view>) and (?P<moment>) for pictures."),
]
PixelSigma = Annotated[
    float,
    typer.Option(help="px, standard deviation of a keypoint of confidence 1, to begin with."),
]
MinConfidence = Annotated[
    float, typer.Option(help="Keypoints below count as not seen.", min=0, max=1)
]
Plots = Annotated[Path | None, typer.Option(help="Draw errors and points into this folder.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all figures into this file.")]
Force = Annotated[bool, typer.Option("--force", help="Go on with cameras that are not good.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def triangulate(
    inputs: Files,
    output: Output,
    camera: Cameras = None,
    camera_name: Names = None,
    to: To = None,
    self_calibrate: SelfCalibrate = False,
    save_cameras: SaveCameras = None,
    size: Sizes = None,
    field_of_view: View = None,
    keypoints: Map = None,
    body_length: BodyLength = None,
    weight: Weight = None,
    bone: Bone = None,
    fps: Fps = None,
    animal: AnimalName = None,
    view_pattern: ViewPattern = None,
    pixel_sigma: PixelSigma = 2.0,
    min_confidence: MinConfidence = 0.1,
    plots: Plots = None,
    json: Json = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Turn the 2D keypoints of several cameras into points in space, wrong views left out."""
    with told(debug):
        from mousepose.cli.options import chosen_scale
        from mousepose.cli.progress import ProgressReport
        from mousepose.cli.triangulate_tables import print_calibration, print_result, write_figures
        from mousepose.run.triangulate import TriangulateJob, run_triangulation
        from mousepose.run.triangulate_calibrate import calibrate_views
        from mousepose.run.triangulate_sources import cameras_of, open_views

        scale = chosen_scale(body_length, weight, bone, False, None)
        _check_options(output, self_calibrate, save_cameras, size, field_of_view, scale.kind)
        source = open_views(inputs, fps=fps, animal=animal, view_pattern=view_pattern)
        if source.told:
            typer.echo(f"guessed: {source.told}")
        lenses, focal_sd = _cameras(
            source, camera, camera_name, self_calibrate, size, field_of_view
        )
        ordered, assumed = cameras_of(source, lenses)
        if assumed:
            typer.echo(f"WARNING: {assumed}")
        found = None
        with ProgressReport() as progress:
            if self_calibrate:
                found = calibrate_views(
                    source, ordered, focal_sd=focal_sd, keypoint_map=keypoints, scale=scale,
                    pixel_sigma=pixel_sigma, min_confidence=min_confidence, progress=progress,
                )  # fmt: skip
        if found is not None:
            ordered = list(found.cameras)
            print_calibration(found, focal_sd)
            if not (found.good or force):
                typer.echo("nothing is written: these cameras are not good enough (--force)")
                raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)
        source_of_scale = "cameras" if found is None else f"the mouse: {found.scale_from}"
        job = TriangulateJob(
            source, tuple(ordered), output, to, pixel_sigma, min_confidence, source_of_scale
        )
        with ProgressReport() as progress:
            done = run_triangulation(job, progress)
        print_result(done)
        written = [*done.paths]
        if found is not None:
            written.append(_save(save_cameras or _beside(output), ordered))
        if json is not None:
            written.append(write_figures(json, done, found))
        if plots is not None:
            from mousepose.report.triangulation import plot_triangulation

            plots.mkdir(parents=True, exist_ok=True)
            written.append(plots / "triangulation.png")
            plot_triangulation(done.report, done.first, ordered, written[-1])
        for path in written:
            typer.echo(f"wrote {path}")
        if done.disagreeing > 0.5 or done.strangers:
            who = f", least those of {', '.join(done.strangers)}" if done.strangers else ""
            typer.echo(
                f"WARNING: views do not agree ({done.disagreeing:.0%} of the points{who}): are the "
                "cameras in the order of the files, and the files of the same moments?"
            )
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def _check_options(
    output: Path,
    self_calibrate: bool,
    save_cameras: Path | None,
    size: list[str] | None,
    field_of_view: float | None,
    scale: str,
) -> None:
    """Raise `UsageError` for options that mean nothing together."""
    if not output.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: the folder is not there; make it first")
    given = {
        "--save-cameras": save_cameras is not None,
        "--size": bool(size),
        "--field-of-view": field_of_view is not None,
        "--body-length, --weight or --bone": scale != "none",
    }
    idle = [name for name, is_given in given.items() if is_given]
    if idle and not self_calibrate:
        raise UsageError(
            f"{' and '.join(idle)}: only with --self-calibrate; else the camera file tells all"
        )


def _cameras(
    source: ViewSource,
    files: list[Path] | None,
    names: list[str] | None,
    self_calibrate: bool,
    size: list[str] | None,
    field_of_view: float | None,
) -> tuple[list[Camera], float]:
    """Return the cameras, or their lenses, and how sure the focal lengths are, as a share."""
    from mousepose.cli.options import chosen_cameras
    from mousepose.run.triangulate_calibrate import STATED_SD, USUAL_SD, guessed_lenses

    if files and (size or field_of_view):
        raise UsageError("--camera tells the lenses: leave out --size and --field-of-view")
    if not files and source.calibration is not None and not self_calibrate:
        typer.echo(f"cameras: {source.calibration}")
        files = [source.calibration]
    if files:
        return chosen_cameras(files, names), 0.0
    if not self_calibrate:
        raise UsageError(
            "--camera FILE is missing: where the cameras stand. Get it by `mousepose calibrate "
            "board`, from anipose's calibration.toml, or from the mouse itself: --self-calibrate"
        )
    sd = USUAL_SD if field_of_view is None else STATED_SD
    return guessed_lenses(source, [_size(text) for text in size or ()], field_of_view), sd


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--size: expected WIDTHxHEIGHT in px, as 1280x1024, got {text!r}")
    return int(width), int(height)


def _beside(output: Path) -> Path:
    return output.with_name(f"{output.name.split('.')[0]}_cameras.toml")


def _save(path: Path, cameras: list[Camera]) -> Path:
    from mousepose.io import write_cameras

    write_cameras(path, cameras)
    return path
