"""`mousepose view`: results in the browser, in space and time."""

from __future__ import annotations

import threading
import webbrowser
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

  mousepose view out --video cage.mp4

  mousepose view poses.parquet --camera camera.toml --video top.mp4 --video side.mp4

  mousepose view ours.parquet truth.parquet --no-open --port 9000

On a server: mousepose view out --no-open there, ssh -L 8080:localhost:8080 SERVER here, and then
http://localhost:8080 in the browser here. Only --host lets other machines in. Ctrl-C ends it.
"""


def view(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT...",
            help="Poses (.parquet), or folders of mousepose reconstruct; several are compared.",
        ),
    ],
    video: Videos = None,
    camera: FitCamera = None,
    gait: GaitFolder = None,
    behaviour: Bouts = None,
    body: FitBody = None,
    animal: OneAnimal = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets every machine in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = 8080,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in this machine's browser.")
    ] = True,
    debug: Debug = False,
) -> None:
    """Show results in a browser: the mouse in space, its video, plots, bouts, worst frames."""
    with told(debug):
        from mousepose.body.body_file import load_body
        from mousepose.view.viewer import ViewJob
        from mousepose.view.viewer import view as show

        job = ViewJob(
            tuple(results), tuple(video or ()), camera,
            None if body is None else load_body(body), gait, behaviour, animal, host, port,
        )  # fmt: skip

        def ready(address: str) -> None:
            typer.echo(f"{address} (Ctrl-C ends it)")
            if open_browser:
                webbrowser.open(address)

        stop = threading.Event()
        try:
            show(job, ready, stop)
        except KeyboardInterrupt:
            typer.echo("ended")
