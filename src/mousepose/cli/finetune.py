"""`mousepose finetune`: frames to label, or labels from the 3D fit; train on, tell the change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import ExitCode, UsageError, told

if TYPE_CHECKING:
    from mousepose.run.finetune import Finetuned

app = typer.Typer(
    help="A keypoint network for your own camera, from some 50 labelled frames.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PICK_EXAMPLES = """
Examples:

  mousepose finetune pick cage.mp4 -o to_label --frames 50 --view top

The folder is a DeepLabCut project (or SLEAP labels) with the network's own guess. Correct it there.
"""
TRAIN_EXAMPLES = """
Examples:

  mousepose finetune train --labelled to_label,view=top -o mine.onnx

  mousepose finetune train rendered learnt --model older.onnx -o mine.onnx

A labelled set is written as for mousepose train. Rendered samples keep the network good at the
rest: without SAMPLES some are rendered first. Exit code 3: another set got worse by more than 1 %
of the body's length.
"""

PSEUDO_EXAMPLES = """
Examples:

  mousepose finetune pseudo cage.mp4 -o learnt --view top

  mousepose finetune pseudo cage.mp4 -o learnt --camera cage.toml --body-length 88

The folder holds samples that are labelled where the fit is sure: give it to mousepose finetune
train, with rendered ones, so that nothing else is forgotten. Do not measure a network on them.
"""

Model = Annotated[
    Path | None,
    typer.Option(help="The network to start from (.onnx, its weights beside it).",
                 show_default="the one that ships"),
]  # fmt: skip
View = Annotated[
    Literal["top", "side", "bottom"] | None, typer.Option(help="How the mouse is seen.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=PICK_EXAMPLES)
def pick(
    video: Annotated[Path, typer.Argument(help="A video of one camera that stands still.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new project's folder.")],
    model: Model = None,
    frames: Annotated[int, typer.Option(help="How many frames to label.", min=2)] = 50,
    view: View = None,
    project: Annotated[
        Literal["deeplabcut", "sleap"], typer.Option(help="The program to label with.")
    ] = "deeplabcut",
    debug: Debug = False,
) -> None:
    """Pick the frames of a video that are worth labelling: doubtful ones, no two alike."""
    with told(debug):
        from mousepose.extras import needed

        if project == "sleap":
            needed("formats", "writing SLEAP labels", "sleap_io")
        from mousepose.cli.progress import ProgressReport
        from mousepose.detect.shipped import shipped_model
        from mousepose.run.finetune_pick import pick_frames

        with ProgressReport() as progress:
            done = pick_frames(
                video, model or shipped_model(), output, frames,
                view=view, project=project, progress=progress,
            )  # fmt: skip
        typer.echo(
            f"picked {len(done.frames)} frames, {done.frames[0]} to {done.frames[-1]}: mean "
            f"confidence {done.confidence:.2f}, of all {done.confidence_of_all:.2f}"
        )
        typer.echo(f"wrote {done.folder}")


@app.command(epilog=PSEUDO_EXAMPLES)
def pseudo(
    video: Annotated[Path, typer.Argument(help="A video of one mouse, without any label.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder of samples.")],
    model: Model = None,
    frames: Annotated[int, typer.Option(help="At most so many samples.", min=2)] = 500,
    view: View = None,
    camera: Annotated[
        Path | None, typer.Option(help="Its file; guessed from the mouse without one.")
    ] = None,
    body_length: Annotated[
        float | None, typer.Option(help="Snout to tail base in mm.", min=1)
    ] = None,
    spread: Annotated[
        float, typer.Option(help="Most that a label may be unsure, % of the body.", min=0.1)
    ] = 8.0,
    licence: Annotated[str, typer.Option(help="Licence of the video's pictures.")] = "not told",
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    debug: Debug = False,
) -> None:
    """Label a video by its own 3D fit through time: what to learn from without a person."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.detect.shipped import shipped_model
        from mousepose.fit.config import Scale
        from mousepose.io import read_cameras
        from mousepose.run.finetune_labels import Limits
        from mousepose.run.finetune_pseudo import PseudoJob, write_pseudo_labels

        job = PseudoJob(
            video, output, model or shipped_model(), frames, view,
            None if camera is None else read_cameras(camera)[0],
            Scale.none() if body_length is None else Scale.body_length(body_length),
            limits=Limits(spread=spread), seed=seed, licence=licence,
        )  # fmt: skip
        with ProgressReport() as progress:
            done = write_pseudo_labels(job, progress)
        typer.echo(
            f"mouse seen in {done.seen:,} frames, {done.kept:,} of them good enough; "
            f"{done.samples:,} samples with {done.points:.1f} labels each"
        )
        typer.echo(
            f"{done.learnt:.0%} of the labels are new to the network; its sure points are "
            f"{done.misfit:.1f} % of the body's length from the fit"
        )
        typer.echo(f"wrote {done.folder}")


@app.command(epilog=TRAIN_EXAMPLES)
def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="The new network (.onnx).")],
    model: Model = None,
    samples: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SAMPLES...", help="Folders of samples: rendered, or of pseudo."),
    ] = None,
    labelled: Annotated[
        list[str] | None, typer.Option(metavar="SET", help="A labelled set. Repeat for several.")
    ] = None,
    rendered: Annotated[
        int, typer.Option(help="Samples to render where no SAMPLES are given.", min=250)
    ] = 2000,
    minutes: Annotated[float, typer.Option(help="Train for so long.", min=0.01)] = 8.0,
    labelled_share: Annotated[
        float, typer.Option(help="Share of labelled pictures in a step.", min=0.05, max=1)
    ] = 0.5,
    threads: Annotated[int, typer.Option(help="Threads of the processor.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    debug: Debug = False,
) -> None:
    """Train a network on with labelled frames, and tell what is better and what is worse."""
    with told(debug):
        from mousepose.extras import needed

        if output.suffix != ".onnx":
            raise UsageError(f"-o {output}: expected a name that ends in .onnx")
        needed("train", "training", "torch", "onnx")
        from mousepose import __version__
        from mousepose.cli.progress import ProgressReport
        from mousepose.detect.shipped import shipped_model
        from mousepose.run.finetune import finetune, with_rendered
        from mousepose.run.train_labelled import LabelledSet
        from mousepose.train.loop import TrainOptions

        sets = [LabelledSet.parsed(text) for text in labelled or []]
        options = TrainOptions(
            minutes=minutes, batch=32, learning_rate=5e-4, threads=threads, seed=seed
        )
        start = model or shipped_model()
        about = {"version": __version__, "started_from": start.name}
        with (
            ProgressReport() as progress,
            with_rendered(samples or [], sets, rendered, seed, progress) as folders,
        ):
            done = finetune(
                start, sets, folders, output, options, labelled_share=labelled_share,
                about=about, progress=progress,
            )  # fmt: skip
        _print(done)
        typer.echo(f"wrote {output}")
        if done.worse:
            typer.echo(f"got worse: {', '.join(done.worse)}", err=True)
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def _print(done: Finetuned) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="held out, before and after", title_justify="left", box=None)
    for column in ("set", "points", "median %", "", "within 10 %", ""):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, before in done.before.items():
        after = done.after[name]
        cells = [f"{side[key]:.3g}" for key in ("median_percent", "pck10")
                 for side in (before, after)]  # fmt: skip
        table.add_row(name, f"{before['points']:.0f}", *cells)
    Console().print(table)
