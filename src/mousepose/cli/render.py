"""`mousepose render`: synthetic pictures of mice with their keypoints, to train on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import UsageError, told

EXAMPLES = """
Examples:

  mousepose render -o crops --count 2000 --sheet crops.png

  mousepose render -o crops --count 100000 --seed 1 --workers 2

  mousepose render -o dark-top --count 5000 --views top,oblique --coats black=3,agouti

  mousepose render -o frames --kind frames --count 20000 --sheet frames.png

Stopped, the same command goes on; a higher count adds to what is there. Views are top, oblique,
side and bottom, coats albino, black, agouti and piebald, each with its weight (1 if not given).
"""


class Kind(StrEnum):
    """What a sample is."""

    crops = "crops"
    frames = "frames"


def render(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    count: Annotated[
        int, typer.Option(min=1, help="Samples to make, rounded up to whole shards of 250.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other samples.")] = 0,
    kind: Annotated[
        Kind, typer.Option(help="Crops about one mouse, or whole frames with boxes.")
    ] = Kind.crops,
    views: Annotated[
        str | None, typer.Option(help="Views with weights, such as top=2,side.")
    ] = None,
    coats: Annotated[
        str | None, typer.Option(help="Coats with weights, such as albino,black=2.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to render with.")] = 1,
    sheet: Annotated[
        Path | None, typer.Option(help="Also draw some samples with their keypoints (PNG).")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Render mice in cages and open fields, with every keypoint, for training."""
    with told(debug, goes_on=True):
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.samples_sheet import draw_sheet
        from mousepose.run.render import RenderJob, render_samples
        from mousepose.train.render.config import RenderConfig

        usual = RenderConfig()
        config = RenderConfig(
            views=_weights("--views", views) or usual.views,
            coats=_weights("--coats", coats) or usual.coats,
        )
        job = RenderJob(output, count, seed, kind.value, config)
        with ProgressReport() as progress:
            folder = render_samples(job, workers=workers, on_progress=progress)
        typer.echo(f"{output}: {len(folder):,} {kind.value} of {folder.size} x {folder.size} px")
        if sheet is not None:
            draw_sheet(sheet, folder)
            typer.echo(f"{sheet}")


def _weights(option: str, text: str | None) -> dict[str, float]:
    """Return names and weights of a text such as "top=2,side"."""
    weights = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        name, _, weight = part.partition("=")
        try:
            weights[name.strip()] = float(weight) if weight.strip() else 1.0
        except ValueError:
            raise UsageError(f"{option}: expected NAME or NAME=WEIGHT, got {part!r}") from None
    return weights
