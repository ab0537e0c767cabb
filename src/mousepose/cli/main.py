"""The program `mousepose`: its commands, and options that belong to none of them."""

from __future__ import annotations

from typing import Annotated

import typer

from mousepose import __version__
from mousepose.cli.demo import demo
from mousepose.cli.reconstruct import EXAMPLES, reconstruct

app = typer.Typer(
    name="mousepose",
    help="Metric 3D pose of laboratory mice from the 2D keypoints of one camera or more.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=EXAMPLES)(reconstruct)
app.command()(demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mousepose {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


main.__doc__ = app.info.help
