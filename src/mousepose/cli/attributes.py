"""`mousepose attributes`: what 2D, 3D, angles and gait tell of age, genotype, sex or treatment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import UsageError, told
from mousepose.cli.gait import Debug, Plots, Up, numbers

if TYPE_CHECKING:
    from mousepose.run.attributes import AttributeOutcome

EXAMPLES = """
Examples:

  mousepose attributes cohort.csv --attribute genotype -o genotype

  mousepose attributes cohort.toml --attribute age --attribute sex --confounder cage -o out

  mousepose attributes cohort.csv --attribute age --cut 52 -o old-or-young

  mousepose attributes strides.csv --attribute drug --features gait='stride_*' -o drug

The table has a row for each recording: its animal, files of poses (3D) and keypoints (2D), cage,
camera, and the attributes. With --features its own columns are the measures.
"""

Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE", help="The cohort: .csv, .parquet or .toml, a row for each recording.",
        show_default=False,
    ),
]  # fmt: skip
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="The folder to write into.", show_default=False)
]
Attribute = Annotated[
    list[str],
    typer.Option(metavar="COLUMN", help="What to predict; may be repeated.", show_default=False),
]
Sets = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES", help="Among 2d,3d,angles,gait; default: all that there are files for."
    ),
]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="NAME=COLUMNS",
        help="Measures in the table itself, as gait=stride_*,swing_s; may be repeated.",
    ),
]
Confounder = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="To be checked; default: cage and camera, if there."),
]
Cut = Annotated[
    list[float] | None,
    typer.Option(metavar="NUMBER", help="Part a number into classes here; may be repeated."),
]
Crossover = Annotated[
    bool,
    typer.Option("--crossover", help="Animals were recorded under several values each."),
]
AnimalColumn = Annotated[str, typer.Option(metavar="COLUMN", help="Where the animals' names are.")]
PoolBy = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Pool by this too (a recording); animals stay whole."),
]
Folds = Annotated[int, typer.Option(help="Parts into which the animals are split.", min=2)]
Repeats = Annotated[int, typer.Option(help="How often they are split anew.", min=1)]
Permutations = Annotated[int, typer.Option(help="How often labels are shuffled.", min=0)]
Bootstraps = Annotated[int, typer.Option(help="How often animals are drawn again.", min=100)]
Segment = Annotated[float, typer.Option(metavar="S", help="Length of a segment, s.", min=0.1)]
LeastSegments = Annotated[int, typer.Option(help="An animal with fewer is left out.", min=1)]
Seed = Annotated[int, typer.Option(help="What all that is random starts from.", min=0)]


def attributes(
    table: Table,
    output: Folder,
    attribute: Attribute,
    sets: Sets = None,
    features: Measures = None,
    confounder: Confounder = None,
    cut: Cut = None,
    crossover: Crossover = False,
    animal: AnimalColumn = "animal",
    pool_by: PoolBy = None,
    up: Up = None,
    folds: Folds = 5,
    repeats: Repeats = 5,
    permutations: Permutations = 200,
    bootstraps: Bootstraps = 2000,
    segment: Segment = 2.0,
    least_segments: LeastSegments = 5,
    seed: Seed = 0,
    plots: Plots = True,
    debug: Debug = False,
) -> None:
    """Compare what 2D keypoints, 3D keypoints, joint angles and gait tell of animals.

    No animal is in training and test; n is that of animals.
    """
    with told(debug):
        from mousepose.analysis.attributes.config import AttributeConfig, SegmentConfig
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.attributes import AttributesJob, predict_attributes

        if sets is not None and features:
            raise UsageError("--sets and --features exclude each other: the one reads files")
        job = AttributesJob(
            table,
            tuple(dict.fromkeys(attribute)),
            () if sets is None else tuple(sets.split(",")),
            measures(features or []),
            tuple(cut or ()),
            crossover,
            None if confounder is None else tuple(confounder),
            animal,
            pool_by,
            None if up is None else numbers("--up", up, 3),  # type: ignore[arg-type]
            AttributeConfig(folds, repeats, permutations, bootstraps, seed=seed),
            SegmentConfig(segment, least_segments=least_segments),
        )
        with ProgressReport() as progress:
            found = predict_attributes(job, progress)
        for name, outcome in found.items():
            folder = output if len(found) == 1 else output / name
            _write(folder, outcome, plots)


def measures(options: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the columns by set of "NAME=COLUMN,COLUMN". Raises `UsageError`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in options:
        name, equals, columns = text.partition("=")
        if not equals or not name or not all(columns.split(",")) or name in {*found, "all"}:
            raise UsageError(
                f"--features: expected NAME=COLUMN,COLUMN with a name of its own, got {text!r}"
            )
        found[name] = tuple(columns.split(","))
    return found


def _write(folder: Path, outcome: AttributeOutcome, plots: bool) -> None:
    from mousepose.report.attributes import draw_attribute, words
    from mousepose.report.attributes_page import difference_words, verdict, write_report
    from mousepose.run.attributes_write import write_attribute

    written = write_attribute(folder, outcome)
    pictures = draw_attribute(folder, outcome.comparison) if plots else []
    written += [*pictures, *write_report(folder, outcome, pictures)]
    found = outcome.comparison
    measure = "R2" if found.task.is_number else "AUC"
    typer.echo(f"{found.task.attribute}: n = {len(found.task.animals)} animals")
    for row in found.sets.to_dict("records"):
        typer.echo(
            f"  {words(row['features']):<14} {measure} {row['score']:.2f} "
            f"({row['low']:.2f} to {row['high']:.2f})"
            + (f", shuffled {row['shuffled']:.2f}, p {row['p']:.3g}" if "p" in row else "")
        )
    typer.echo(verdict(found).replace("**", ""))
    if len(found.differences):
        typer.echo(difference_words(found).replace("**", ""))
    if outcome.left_out:
        typer.echo(f"left out, see the report: {', '.join(outcome.left_out)}", err=True)
    typer.echo("wrote " + ", ".join(map(str, written)))
