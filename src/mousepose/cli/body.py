"""`mousepose body`: the statistical body model that the fit uses, from CT scans to a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import told

app = typer.Typer(
    help="Body models: skin, skeleton and shapes of mice, built from CT scans.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SHOW_EXAMPLES = """
Examples:

  mousepose body show

  mousepose body show body.npz --coat -o body.png

  mousepose body show google_mouse_pose_analysis
"""

BodyFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[BODY]",
        help="A body file, or a folder of the published model's files; the default body if left "
        "out.",
        show_default=False,
    ),
]
Picture = Annotated[Path, typer.Option("--output", "-o", help="The picture to draw.")]
Coat = Annotated[bool, typer.Option("--coat", help="Draw the fur over the skin.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=SHOW_EXAMPLES)
def show(
    body: BodyFile = None, output: Picture = Path("body.png"), coat: Coat = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Draw a body from six sides and in typical postures, and print its measures."""
    with told(debug):
        from mousepose.body.body_file import load_body
        from mousepose.body.default import default_body
        from mousepose.cli.body_tables import print_body
        from mousepose.report.body_picture import plot_body

        model = default_body() if body is None else load_body(body)
        print_body(model)
        plot_body(output, model, coat=coat)
        typer.echo(f"wrote {output}")
