"""`mousepose report`: a result as one HTML file to read, send and print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import told
from mousepose.cli.gait import Debug
from mousepose.cli.result_options import (
    Bouts,
    FitBody,
    FitCamera,
    GaitFolder,
    OneAnimal,
    Videos,
)

EXAMPLES = """
Examples:

  mousepose report out

  mousepose report poses.parquet -o report.html --video cage.mp4 --camera camera.toml

  mousepose report two.parquet --animal mouse2 --gait gait --behaviour bouts.csv

The file holds all it shows: it opens without a network, and prints. Camera, keypoints, and tables
of gait and behaviour that lie beside the result are found by themselves.
"""


def report(
    result: Annotated[
        Path,
        typer.Argument(
            metavar="RESULT", help="Poses (.parquet), or the folder of mousepose reconstruct."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The HTML file to write; left out, report.html beside the result.",
        ),
    ] = None,
    video: Videos = None,
    camera: FitCamera = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            help="Keypoints of the fit, for residuals; left out, *.keypoints.parquet beside it."
        ),
    ] = None,
    gait: GaitFolder = None,
    behaviour: Bouts = None,
    body: FitBody = None,
    animal: OneAnimal = None,
    clip: Annotated[
        float, typer.Option(min=0.1, max=10, help="Length of the best and worst clips, s.")
    ] = 1.0,
    debug: Debug = False,
) -> None:
    """Write one HTML file: what was run, how good it is, clips to play, gait, behaviour, advice."""
    with told(debug):
        from mousepose.body.body_file import load_body
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.page import PageJob, write_report
        from mousepose.run.report_result import result_path

        source = result_path(result)
        target = output or source.with_name("report.html")
        job = PageJob(
            source, target, tuple(video or ()), camera,
            None if body is None else load_body(body), gait, behaviour, keypoints, animal, clip,
        )  # fmt: skip
        with ProgressReport() as progress:
            outcome = write_report(job, progress)
        for warning in outcome.warnings:
            typer.echo(f"warning: {warning}", err=True)
        typer.echo(f"{target}: {outcome.bytes / 1e6:.1f} MB")
