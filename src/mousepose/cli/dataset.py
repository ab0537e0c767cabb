"""`mousepose dataset`: the Mouse Pose Analysis Dataset read, checked, shown, converted; a twin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, UsageError, told

if TYPE_CHECKING:
    from mousepose.dataset.dataset import MousePoseDataset

app = typer.Typer(
    help="The Mouse Pose Analysis Dataset: read, check, show, convert; or make a twin of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INFO_EXAMPLES = """
Examples:

  mousepose dataset info mouse_pose_dataset

  mousepose dataset info mouse_pose_dataset --features

  mousepose dataset info video_frames.tfrecord --behaviour my/label --records-per-clip 12
"""
VALIDATE_EXAMPLES = """
Examples:

  mousepose dataset validate mouse_pose_dataset

  mousepose dataset validate mouse_pose_dataset --no-pictures --no-scans --json report.json

Exit code 3: a rule is broken. Swapped sides are a suspicion and break none.
"""
SHOW_EXAMPLES = """
Examples:

  mousepose dataset show mouse_pose_dataset -o pictures

  mousepose dataset show mouse_pose_dataset -o pictures --scan 20190729_M19
"""
CONVERT_EXAMPLES = """
Examples:

  mousepose dataset convert mouse_pose_dataset --to coco -o coco

  mousepose dataset convert mouse_pose_dataset --to yolo -o yolo
  --split train=0.7,validation=0.2,test=0.1

  mousepose dataset convert mouse_pose_dataset --to nifti -o scans

Formats: coco, deeplabcut, lightning-pose, sleap, yolo, parquet; nifti for the scans. Parts hold
whole clips.
"""
TWIN_EXAMPLES = """
Examples:

  mousepose dataset twin -o twin

  mousepose dataset twin -o small --clips 14 --moments 6 --scans 0 --image-scale 0.5
"""

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="The data set's folder, or its TFRecord file.", show_default=False
    ),
]
Image = Annotated[
    str | None, typer.Option("--image", help="Feature with the picture.", show_default="guessed")
]
Behaviour = Annotated[
    str | None,
    typer.Option("--behaviour", help="Feature with the behaviour.", show_default="guessed"),
]
Clip = Annotated[
    str | None, typer.Option("--clip", help="Feature with the clip.", show_default="guessed")
]
Frame = Annotated[
    str | None,
    typer.Option("--frame", help="Feature with the number in the clip.", show_default="guessed"),
]
PerClip = Annotated[
    int | None, typer.Option(help="So many records in a row are a clip, if no feature says.", min=1)
]
ViewPattern = Annotated[
    str | None,
    typer.Option(help="Regular expression with groups (?P<view>) and (?P<moment>) for pictures."),
]
SkipFaults = Annotated[
    bool, typer.Option("--skip-faults", help="Leave damaged records out; they are counted.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The new folder to write.", show_default=False)
]
Pictures = Annotated[bool, typer.Option(help="Decode every picture.")]
Scans = Annotated[bool, typer.Option(help="Read every scan.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all of it into this file.")]
Listed = Annotated[bool, typer.Option("--features", help="List the features of the records.")]
Scan = Annotated[list[str] | None, typer.Option(help="Draw this scan alone. Repeat for several.")]
To = Annotated[str, typer.Option("--to", metavar="FORMAT", show_default=False, help="See below.")]
Split = Annotated[
    str | None, typer.Option(metavar="NAME=SHARE,...", help="Split by clip, as train=0.8,test=0.2.")
]
Seed = Annotated[int, typer.Option(help="Which of many equal splits or twins.", min=0)]
Clips = Annotated[int, typer.Option(help="Clips of 12 frames.", min=0)]
Moments = Annotated[int, typer.Option(help="Moments in three views.", min=0)]
ScanCount = Annotated[int, typer.Option("--scans", help="CT scans; they need pydicom.", min=0)]
Voxel = Annotated[float, typer.Option("--scan-voxel", metavar="MM", help="Voxels of the scans.")]
Scale = Annotated[float, typer.Option(help="Size of the frames; 1 is 864 x 648 px.")]
Noise = Annotated[float, typer.Option("--noise", metavar="PX", help="SD of labels' places.")]
Shards = Annotated[int, typer.Option(help="Files that share the frames.", min=1)]
Calibration = Annotated[bool, typer.Option(help="Tell the cameras of the views, or do not.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=INFO_EXAMPLES)
def info(
    folder: Folder,
    image: Image = None,
    behaviour: Behaviour = None,
    clip: Clip = None,
    frame: Frame = None,
    records_per_clip: PerClip = None,
    view_pattern: ViewPattern = None,
    features: Listed = False,
    skip_faults: SkipFaults = False,
    debug: Debug = False,
) -> None:
    """Count what is there beside what is published, and say what was guessed."""
    with told(debug):
        from mousepose.cli.dataset_tables import print_features, print_files, print_summary
        from mousepose.cli.progress import ProgressReport
        from mousepose.dataset.summary import summarise
        from mousepose.run.dataset_files import describe_files

        roles = _roles(image, behaviour, clip, frame)
        with (
            _opened(folder, roles, records_per_clip, view_pattern, skip_faults) as dataset,
            ProgressReport() as progress,
        ):
            summary = summarise(dataset, progress)
            files = describe_files(dataset)
        print_files(files)
        print_summary(summary)
        if features:
            print_features(summary)


@app.command(epilog=VALIDATE_EXAMPLES)
def validate(
    folder: Folder,
    image: Image = None,
    behaviour: Behaviour = None,
    clip: Clip = None,
    frame: Frame = None,
    records_per_clip: PerClip = None,
    view_pattern: ViewPattern = None,
    pictures: Pictures = True,
    scans: Scans = True,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Check every rule of the data set; each that is broken is told with the record's number."""
    with told(debug):
        from mousepose.cli.dataset_tables import print_validation, write_validation
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.dataset_scans import validate_dataset

        roles = _roles(image, behaviour, clip, frame)
        with (
            _opened(folder, roles, records_per_clip, view_pattern, True) as dataset,
            ProgressReport() as progress,
        ):
            found = validate_dataset(dataset, pictures=pictures, scans=scans, progress=progress)
        print_validation(found)
        if json is not None:
            write_validation(json, found)
            typer.echo(f"wrote {json}")
        if not found.good:
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


@app.command(epilog=SHOW_EXAMPLES)
def show(
    folder: Folder,
    output: Output,
    image: Image = None,
    behaviour: Behaviour = None,
    clip: Clip = None,
    frame: Frame = None,
    records_per_clip: PerClip = None,
    view_pattern: ViewPattern = None,
    scan: Scan = None,
    skip_faults: SkipFaults = False,
    debug: Debug = False,
) -> None:
    """Draw contact sheets, where keypoints lie, the views and the scans into a folder."""
    with told(debug):
        from mousepose.report.dataset_sheets import draw_dataset

        roles = _roles(image, behaviour, clip, frame)
        with _opened(folder, roles, records_per_clip, view_pattern, skip_faults) as dataset:
            for path in draw_dataset(dataset, output, scan):
                typer.echo(f"wrote {path}")


@app.command(epilog=CONVERT_EXAMPLES)
def convert(
    folder: Folder,
    output: Output,
    to: To,
    image: Image = None,
    behaviour: Behaviour = None,
    clip: Clip = None,
    frame: Frame = None,
    records_per_clip: PerClip = None,
    split: Split = None,
    seed: Seed = 0,
    skip_faults: SkipFaults = False,
    debug: Debug = False,
) -> None:
    """Write the frames, pictures with labels, for another program; or the scans as NIfTI."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.dataset_convert import TARGETS, convert_dataset

        shares = None if split is None else _shares(split)
        roles = _roles(image, behaviour, clip, frame)
        with (
            _opened(folder, roles, records_per_clip, None, skip_faults) as dataset,
            ProgressReport() as progress,
        ):
            done = convert_dataset(
                dataset, output, to, fractions=shares, seed=seed, progress=progress
            )
        parts = ", ".join(f"{count:,} {part}" for part, count in done.parts.items())
        what = "scans" if to == "nifti" else "frames"
        typer.echo(f"{done.written:,} {what} as {TARGETS[to].title}{': ' * bool(parts)}{parts}")
        typer.echo(f"wrote {done.path}")


@app.command(epilog=TWIN_EXAMPLES)
def twin(
    output: Output,
    clips: Clips = 455,
    moments: Moments = 36,
    scans: ScanCount = 80,
    scan_voxel: Voxel = 0.5,
    image_scale: Scale = 1.0,
    noise: Noise = 0.0,
    shards: Shards = 1,
    calibration: Calibration = True,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Make a synthetic twin of the data set: its layout, with mice whose truth is known."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.dataset_twin import TwinOptions, make_twin

        options = TwinOptions(
            clips=clips,
            moments=moments,
            scans=scans,
            scan_voxel_mm=scan_voxel,
            image_scale=image_scale,
            noise_px=noise,
            shards=shards,
            calibration=calibration,
            seed=seed,
        )
        with ProgressReport() as progress:
            made = make_twin(output, options, progress)
        typer.echo(f"wrote {made}")
        typer.echo(f"look at it: mousepose dataset show {made} -o pictures")


def _opened(
    folder: Path,
    features: dict[str, str],
    records_per_clip: int | None,
    view_pattern: str | None,
    skip_faults: bool,
) -> MousePoseDataset:
    from mousepose.dataset.dataset import MousePoseDataset

    return MousePoseDataset(
        folder,
        features=features,
        records_per_clip=records_per_clip,
        skip_faults=skip_faults,
        view_pattern=view_pattern,
    )


def _roles(
    image: str | None, behaviour: str | None, clip: str | None, frame: str | None
) -> dict[str, str]:
    given = {"image": image, "behaviour": behaviour, "clip": clip, "frame": frame}
    return {role: name for role, name in given.items() if name is not None}


def _shares(text: str) -> dict[str, float]:
    """Return the parts of `train=0.8,test=0.2`. Raises `UsageError`."""
    shares = {}
    for piece in text.split(","):
        name, _, share = piece.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise UsageError(f"--split {text}: expected NAME=SHARE,..., got {piece!r}") from None
    return shares
