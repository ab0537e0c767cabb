"""Options of the commands that show a result with what lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Videos = Annotated[
    list[Path] | None,
    typer.Option(
        "--video", help="Video of the (first) result, to draw on. Repeat, one for each camera."
    ),
]
FitCamera = Annotated[
    Path | None,
    typer.Option(
        "--camera", help="Camera file of the fit; left out, camera.toml beside the result."
    ),
]
GaitFolder = Annotated[
    Path | None,
    typer.Option("--gait", help="Folder of mousepose gait; left out, gait beside the result."),
]
Bouts = Annotated[
    Path | None,
    typer.Option(
        "--behaviour",
        help="Table of bouts: behaviour, start_s, stop_s; left out, behaviour.csv beside it.",
    ),
]
FitBody = Annotated[
    Path | None, typer.Option("--body", help="The body of the fit, if another one.")
]
OneAnimal = Annotated[
    str | None, typer.Option("--animal", help="Which animal of a file with several.")
]
