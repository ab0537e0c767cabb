"""`mousepose behaviour`: train a classifier on clips, apply it to long recordings, score it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from mousepose.analysis.behaviour.scores import Scores

app = typer.Typer(
    help="Tell behaviours from poses or keypoints: train, apply, score.", no_args_is_help=True
)

TRAIN_EXAMPLES = """
Examples:

  mousepose behaviour train clips.csv -o model.npz --report report

  mousepose behaviour train mouse_pose_dataset -o model.npz --animals animals.csv

  mousepose behaviour train clips.csv -o model.npz --use angles --method rocket

clips.csv has a row for each labelled clip: path, behaviour, animal; start_s and stop_s cut it out
of a long recording. Scores are those on animals that were left out.
"""
APPLY_EXAMPLES = """
Examples:

  mousepose behaviour apply model.npz poses.parquet -o behaviour

  mousepose behaviour apply model.npz cage1.parquet cage2.parquet -o behaviour --format boris

The folder gets bouts, time budgets, the chances through time, and an ethogram.
"""
SCORE_EXAMPLES = """
Examples:

  mousepose behaviour score model.npz others.csv -o scores

Animals on which the classifier was trained are refused.
"""
MOSEQ_EXAMPLES = """
Examples:

  mousepose behaviour moseq cage1.parquet cage2.parquet -o moseq
"""

Clips = Annotated[
    Path,
    typer.Argument(
        metavar="CLIPS", help="A table of clips (.csv, .parquet), or the data set's folder.",
        show_default=False,
    ),
]  # fmt: skip
Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A classifier (.npz) of `train`.", show_default=False),
]
Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="POSES...", help="Poses, 3D points or 2D keypoints of any known format.",
        show_default=False,
    ),
]  # fmt: skip
Target = Annotated[
    Path, typer.Option("--output", "-o", help="The classifier to write (.npz).", show_default=False)
]
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="The folder to write into.", show_default=False)
]
Use = Annotated[
    Literal["2d", "3d", "angles", "all"] | None,
    typer.Option(help="What to look at; default: all that the clips have."),
]
MethodName = Annotated[
    Literal["boosting", "rocket"],
    typer.Option(help="Boosting on features, or MultiRocket on series (slower)."),
]
WindowLength = Annotated[float, typer.Option(help="Length of a window, s.", min=0.05, max=60)]
Rate = Annotated[
    float | None, typer.Option(help="Frames per second to work at; default: the clips'.", min=1)
]
CameraView = Annotated[
    Literal["above", "side"], typer.Option(help="How the camera of 2D keypoints looks.")
]
Folds = Annotated[int, typer.Option(help="Parts of the animals, each left out once.", min=2)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same classifier.", min=0)]
Animals = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="For a data set: a table with the columns clip, animal."),
]
Report = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Write scores and pictures there.")
]
Up = Annotated[
    str | None, typer.Option(metavar="X,Y,Z", help="Where up is in the axes of 3D points.")
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file has no times.", min=0.001)
]
Animal = Annotated[str | None, typer.Option(help="Which animal, where the file has several.")]
Image = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="2D keypoints of the same frames, for `--use all` of both."),
]
Start = Annotated[
    float, typer.Option(help="A bout begins at this chance.", min=0.5, max=1)
]  # fmt: skip
Stop = Annotated[float, typer.Option(help="... and ends below this one.", min=0, max=1)]
Shortest = Annotated[float, typer.Option(help="Shorter bouts (s) are left out.", min=0)]
Pause = Annotated[float, typer.Option(help="Pauses up to this (s) part no bout.", min=0)]
Format = Annotated[
    list[str] | None,
    typer.Option("--format", help="csv, boris or nwb, besides Parquet; may be repeated."),
]
Plots = Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=TRAIN_EXAMPLES)
def train(
    clips: Clips,
    output: Target,
    use: Use = None,
    method: MethodName = "boosting",
    window: WindowLength = 0.5,
    rate: Rate = None,
    view: CameraView = "above",
    folds: Folds = 5,
    seed: Seed = 0,
    animals: Animals = None,
    up: Up = None,
    report: Report = None,
    debug: Debug = False,
) -> None:
    """Train a classifier on labelled clips, and say how good it is on animals left out."""
    with told(debug):
        from mousepose.analysis.behaviour.cross_validate import train_behaviour
        from mousepose.analysis.behaviour.model_file import save_behaviour
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.behaviour_clips import ClipOptions, labelled_clips

        if output.suffix != ".npz":
            raise UsageError(f"--output: expected a name that ends in .npz, got {output}")
        options = ClipOptions(_kinds(use), window, rate, view, _up(up))
        with ProgressReport() as progress:
            data = labelled_clips(clips, options, animals, progress)
            model, checked = train_behaviour(data, method, folds, seed, progress)
        save_behaviour(output, model)
        kinds = " and ".join(model.layout.kinds)
        typer.echo(
            f"{len(data):,} windows of {model.length} frames at {model.rate:.4g}/s, of "
            f"{model.notes['clips']:,} clips; looked at {kinds}"
        )
        if not data.animals_known:
            typer.echo(
                "no animals are told: whole clips were left out, and an animal may have been in "
                "training and test at once: the scores may be too good (see --animals)",
                err=True,
            )
        _print(checked.scores)
        written = [output, *_written(report, checked.scores)]
        typer.echo("wrote " + ", ".join(map(str, written)))


@app.command(epilog=APPLY_EXAMPLES)
def apply(
    model: Model,
    poses: Sources,
    output: Folder,
    start: Start = 0.6,
    stop: Stop = 0.4,
    shortest: Shortest = 0.25,
    pause: Pause = 0.25,
    format: Format = None,
    fps: Fps = None,
    animal: Animal = None,
    image: Image = None,
    up: Up = None,
    plots: Plots = True,
    debug: Debug = False,
) -> None:
    """Find the bouts of each behaviour in recordings, however long."""
    with told(debug):
        from mousepose.analysis.behaviour.bouts import BoutConfig
        from mousepose.analysis.behaviour.model_file import load_behaviour
        from mousepose.cli.progress import ProgressReport
        from mousepose.io.bouts import FORMATS
        from mousepose.run.behaviour_apply import (
            BehaviourFiles,
            behaviour_of,
            budget_of,
            joined_bouts,
            write_behaviour,
        )
        from mousepose.run.behaviour_points import Recording

        if image is not None and len(poses) > 1:
            raise UsageError("--image goes with one recording: apply to one at a time")
        formats = tuple(format or ("csv",))
        strange = [name for name in formats if name not in FORMATS]
        if strange:
            raise UsageError(f"--format: expected {', '.join(FORMATS)}, got {strange[0]!r}")
        classifier, config = load_behaviour(model), BoutConfig(start, stop, shortest, pause)
        found = []
        with ProgressReport() as progress:
            for path in poses:
                recording = Recording(path, image, fps, animal, _up(up))
                found.append(behaviour_of(recording, classifier, config, progress=progress))
        written = write_behaviour(found, BehaviourFiles(output, formats))
        if plots:
            from mousepose.report.behaviour import draw_behaviour

            written += draw_behaviour(output, found)
        for one in found:
            typer.echo(f"{one.recording}: {len(one.bouts):,} bouts")
            if one.missing:
                lost = f"{len(one.missing)} of {len(classifier.layout.parts)}"
                typer.echo(f"  {lost} keypoints are not there: {', '.join(one.missing)}", err=True)
        for row in budget_of(joined_bouts(found)).itertuples(index=False):
            typer.echo(
                f"  {row.recording}  {row.behaviour}: {row.total_s:.1f} s in {row.bouts} bouts"
            )
        typer.echo("wrote " + ", ".join(map(str, written)))


@app.command(epilog=SCORE_EXAMPLES)
def score(
    model: Model,
    clips: Clips,
    output: Folder,
    animals: Animals = None,
    up: Up = None,
    debug: Debug = False,
) -> None:
    """Score a classifier on labelled clips of animals that it has not seen."""
    with told(debug):
        from mousepose.analysis.behaviour.cross_validate import score_model
        from mousepose.analysis.behaviour.model_file import load_behaviour
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.behaviour_clips import ClipOptions, labelled_clips

        classifier = load_behaviour(model)
        with ProgressReport() as progress:
            options = ClipOptions.like(classifier, _up(up))
            data = labelled_clips(clips, options, animals, progress)
        scores = score_model(classifier, data)
        _print(scores)
        typer.echo("wrote " + ", ".join(map(str, _written(output, scores))))


@app.command(epilog=MOSEQ_EXAMPLES)
def moseq(
    poses: Sources,
    output: Folder,
    fps: Fps = None,
    animal: Animal = None,
    debug: Debug = False,
) -> None:
    """Write recordings as keypoint-MoSeq loads them."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.io.moseq import export_moseq

        with ProgressReport() as progress:
            done = export_moseq(poses, output, fps=fps, animal=animal, progress=progress)
        typer.echo(f"in keypoint-MoSeq: load_keypoints({str(output)!r}, {done.format!r})")
        typer.echo("wrote " + ", ".join(map(str, done.written)))


def _kinds(use: str | None) -> Any:
    """Return the kinds of `--use`, None where the clips decide."""
    kinds = {"2d": ("keypoints2d",), "3d": ("keypoints3d",), "angles": ("angles",)}
    return None if use in (None, "all") else kinds[str(use)]


def _up(text: str | None) -> Any:
    from mousepose.cli.gait import numbers

    return None if text is None else numbers("--up", text, 3)


def _written(folder: Path | None, scores: Scores) -> list[Path]:
    """Write scores and pictures into a folder, where one is wanted; return the paths."""
    if folder is None:
        return []
    from mousepose.report.behaviour import draw_scores
    from mousepose.run.behaviour_scores import write_scores

    return [*write_scores(folder, scores), *draw_scores(folder, scores)]


def _print(scores: Scores) -> None:
    low, high = scores.interval
    among = f"{scores.animals} {scores.groups_are}"
    between = f" (95 % interval over {among}: {low:.1%} to {high:.1%})" if low >= 0 else ""
    typer.echo(
        f"{scores.accuracy:.1%} of {scores.confusion.sum():,} clips right{between}; always saying "
        f"the most frequent: {scores.most_frequent:.1%}"
    )
    for row in scores.table().itertuples(index=False):
        typer.echo(
            f"  {row.behaviour}: precision {row.precision:.2f}, recall {row.recall:.2f}, "
            f"{row.clips:,} clips"
        )
    typer.echo(f"calibration error {scores.calibration_error:.3f}")
