"""`mousepose train`: a keypoint network from rendered and labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from mousepose.run.train_detector import TrainedDetector
    from mousepose.run.train_model import Trained

EXAMPLES = """
Examples:

  mousepose train rendered -o model.onnx --minutes 60

  mousepose train rendered --labelled labels/CollectedData_me.csv,view=top -o model.onnx

  mousepose train frames --kind detector -o detector.onnx --minutes 20

  mousepose train rendered --labelled mouse.slp,view=side,pictures=mouse.mp4 --labelled-share 0.5
  -o model.onnx --checkpoint run.npz

A labelled set is PATH[,view=top|side|bottom][,keypoints=MAP][,pictures=DIR or VIDEO]
[,region=X0:Y0:X1:Y1][,mirrored=yes][,frames=FROM:TO][,share=NUMBER]. Whole recordings of it are
held out.
Beside the model go its learning curves: MODEL.curves.png and MODEL.training.json.
"""

#: Figures that are shown, with the heads of their columns.
_SHOWN = {
    "points": "points",
    "median_percent": "median %",
    "pck10": "within 10 %",
    "pck20": "within 20 %",
    "swaps_percent": "swaps %",
    "auroc": "AUROC",
    "found_percent": "found %",
    "false_percent": "false %",
    "overlap": "overlap",
}

Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SAMPLES...", help="Folders of rendered samples.", show_default=False),
]
Labelled = Annotated[
    list[str] | None,
    typer.Option(metavar="SET", help="A labelled set, see below. Repeat for several."),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The network to write (.onnx).", show_default=False)
]
Kind = Annotated[
    Literal["keypoints", "detector"],
    typer.Option(help="What to train: the detector learns from folders of frames."),
]
Minutes = Annotated[
    float | None,
    typer.Option(help="Train for so long, by the clock.", show_default="60, without --steps"),
]
Steps = Annotated[int | None, typer.Option(help="Train for so many steps instead.", min=1)]
Batch = Annotated[int, typer.Option(help="Pictures in a step.", min=2)]
Rate = Annotated[float, typer.Option("--learning-rate", help="The highest learning rate.")]
Share = Annotated[
    float, typer.Option("--labelled-share", help="Share of labelled pictures in a step.", min=0,
                        max=1)
]  # fmt: skip
HeldOut = Annotated[
    float, typer.Option(help="Share of a set's recordings that only measure.", min=0, max=0.9)
]
Threads = Annotated[int, typer.Option(help="Threads of the processor.", min=1)]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What computes.")]
Checkpoint = Annotated[
    Path | None,
    typer.Option(help="Where to keep the state; a run that was stopped goes on from there."),
]
Licence = Annotated[str, typer.Option(help="Licence of the network, noted in its file.")]
Seed = Annotated[int, typer.Option(help="Of everything that is drawn.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def train(
    output: Output,
    samples: Folders = None,
    labelled: Labelled = None,
    kind: Kind = "keypoints",
    minutes: Minutes = None,
    steps: Steps = None,
    batch: Batch = 64,
    learning_rate: Rate = 2e-3,
    labelled_share: Share = 0.3,
    held_out: HeldOut = 0.25,
    threads: Threads = 1,
    device: Device = "auto",
    checkpoint: Checkpoint = None,
    licence: Licence = "not told",
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Train a network on rendered samples and labelled pictures, and calibrate it."""
    with told(debug, goes_on=checkpoint is not None):
        from mousepose.extras import needed

        if kind == "detector" and labelled:
            raise UsageError("--labelled: the detector learns from folders of frames alone")
        if minutes is not None and steps is not None:
            raise UsageError("--minutes and --steps: one of them ends the run")
        if output.suffix != ".onnx":
            raise UsageError(f"-o {output}: expected a name that ends in .onnx")
        needed("train", "training", "torch", "onnx")
        from mousepose import __version__
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.training import draw_curves
        from mousepose.run.train_detector import train_detector
        from mousepose.run.train_labelled import LabelledSet
        from mousepose.run.train_model import train_keypoints
        from mousepose.run.train_sources import open_sources
        from mousepose.train.loop import TrainOptions

        options = TrainOptions(
            steps=steps,
            minutes=(60.0 if minutes is None else minutes) if steps is None else None,
            batch=batch,
            learning_rate=learning_rate,
            threads=threads,
            device=device,
            seed=seed,
        )
        sets = [LabelledSet.parsed(text) for text in labelled or []]
        data = open_sources(
            samples or [],
            sets,
            labelled_share=labelled_share,
            held_out=held_out,
            kind="frames" if kind == "detector" else "crops",
        )
        about = {"version": __version__, "licence": licence}
        run = train_detector if kind == "detector" else train_keypoints
        with ProgressReport() as progress:
            done = run(data, output, options, checkpoint=checkpoint, about=about, progress=progress)
        curves = output.with_suffix(".curves.png")
        draw_curves(done.history, curves)
        print_trained(done)
        for path in (output, output.with_suffix(".training.json"), curves):
            typer.echo(f"wrote {path}")


def print_trained(done: Trained | TrainedDetector) -> None:
    """Print what a network learnt from and how good it is on what was held out."""
    from rich.console import Console
    from rich.table import Table

    for source in done.trained_on:
        typer.echo(f"learnt from {source}")
    table = Table(title="held out", title_justify="left", box=None)
    shown = [key for key in _SHOWN if any(key in figures for figures in done.figures.values())]
    for column in ("set", *(_SHOWN[key] for key in shown)):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, figures in done.figures.items():
        table.add_row(name, *(f"{figures[key]:.3g}" if key in figures else "-" for key in shown))
    Console().print(table)
