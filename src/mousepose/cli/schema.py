"""`mousepose config-schema`: what a file of settings may hold, for editors that check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import told

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write into this file.", show_default=False),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def config_schema(output: Output = None, debug: Debug = False) -> None:
    """Show the JSON Schema of the file that `reconstruct --config` reads."""
    with told(debug):
        from mousepose.atomic import atomic_path
        from mousepose.cli.config import config_schema as schema

        if output is None:
            typer.echo(schema(), nl=False)
            return
        with atomic_path(output) as temporary:
            temporary.write_text(schema(), encoding="utf-8")
        typer.echo(f"wrote {output}")
