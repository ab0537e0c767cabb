"""`mousepose statistics`: groups of animals compared, from strides, bouts or any table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from mousepose.run.statistics import StatisticsOutcome

EXAMPLES = """
Examples:

  mousepose statistics strides.parquet --group treatment --animal mouse_id --reference vehicle
  --covariate speed -o out

  mousepose statistics gait_*/ --about mice.csv --group genotype --animal mouse --by limb
  --covariate speed --match-speed speed -o out

  mousepose statistics bouts.csv --group dose --trend --animal mouse --budget behaviour
  --duration duration_s -o out

The unit is the animal: strides of one animal are no independent evidence. mice.csv has a row for
each animal or source (file or folder), with a column that the tables have too.
"""

Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="STRIDES...",
        help="Tables (.parquet, .csv), or folders that mousepose gait wrote.",
        show_default=False,
    ),
]  # fmt: skip
Group = Annotated[
    str, typer.Option(metavar="COLUMN", help="What is compared.", show_default=False)
]  # fmt: skip
Animal = Annotated[
    str, typer.Option(metavar="COLUMN", help="Which animal a row is of.", show_default=False)
]
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="The folder to write into.", show_default=False)
]
Reference = Annotated[
    str | None,
    typer.Option(metavar="GROUP", help="The group others are compared with; default: the first."),
]
Covariate = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="What is held equal, speed say; may be given again."),
]
Match = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Compare also within strata of this speed."),
]
Strata = Annotated[int, typer.Option(help="Strata of speed to match in.", min=1, max=50)]
Measure = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN", help="What is measured; may be given again; default: all numbers."
    ),
]
Circular = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="A phase from 0 to 1; default: those called phase_..."),
]
Recording = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="Which recording a row is of; default: its file, where several."
    ),
]
About = Annotated[
    Path | None, typer.Option(help="A table that tells of each animal, or each source.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=VALUE,...", help='Keep these rows; default: "quality=good" where it is.'
    ),
]
By = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Compare each value of this by itself.")
]
Trend = Annotated[bool, typer.Option("--trend", help="The group is a number: test its slope.")]
Budget = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Compare the share of time of each of these behaviours."),
]
Duration = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="How long each row's behaviour lasts; default: all alike."),
]
Confidence = Annotated[
    float, typer.Option(help="How often intervals hold the truth.", min=0.5, max=0.9999)
]
Permutations = Annotated[
    int, typer.Option(help="Relabellings drawn where not all are tried.", min=99, max=10**6)
]
Seed = Annotated[int, typer.Option(help="The same seed draws the same relabellings.")]
Plots = Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def statistics(
    tables: Sources,
    group: Group,
    animal: Animal,
    output: Folder,
    reference: Reference = None,
    covariate: Covariate = None,
    match_speed: Match = None,
    strata: Strata = 5,
    measure: Measure = None,
    circular: Circular = None,
    recording: Recording = None,
    about: About = None,
    where: Where = None,
    by: By = None,
    trend: Trend = False,
    budget: Budget = None,
    duration: Duration = None,
    confidence: Confidence = 0.95,
    permutations: Permutations = 9999,
    seed: Seed = 0,
    plots: Plots = True,
    debug: Debug = False,
) -> None:
    """Compare groups of animals: mixed models, effect sizes, permutations, tables and pictures."""
    with told(debug):
        from mousepose.analysis.statistics.plan import Plan
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.statistics_table import write_paper_table
        from mousepose.run.statistics import StatisticsJob, compare_files, write_statistics

        if trend and reference is not None:
            raise UsageError("--trend and --reference: a trend has no reference group")
        plan = Plan(
            group, animal, reference, tuple(covariate or ()), recording, tuple(circular or ()),
            trend, confidence, permutations, seed,
        )  # fmt: skip
        job = StatisticsJob(
            tables, plan, tuple(measure or ()), about, dict(map(_choice, where or ())), by,
            match_speed, strata, budget, duration,
        )  # fmt: skip
        with ProgressReport() as progress:
            outcome = compare_files(job, progress)
        written = write_statistics(output, outcome)
        written += write_paper_table(output, outcome.effects, confidence)
        if plots:
            from mousepose.report.statistics import draw_statistics

            written += draw_statistics(output, outcome)
        _print(outcome)
        typer.echo("wrote " + ", ".join(map(str, written)))


def _choice(text: str) -> tuple[str, tuple[str, ...]]:
    """Return column and values of "COLUMN=VALUE,VALUE". Raises `UsageError`."""
    column, equals, values = text.partition("=")
    if not (column and equals and values):
        raise UsageError(f"--where: expected COLUMN=VALUE, as limb=left hind, got {text!r}")
    return column.strip(), tuple(value.strip() for value in values.split(","))


def _print(outcome: StatisticsOutcome) -> None:
    from mousepose.report.statistics_table import paper_table

    for note in outcome.notes:
        typer.echo(note)
    number = outcome.animals["animal"].nunique()
    typer.echo(f"{number} animals, {outcome.rows:,} rows; the unit is the animal")
    main = outcome.main
    table = paper_table(main, outcome.plan.confidence)
    short = ["measure", "group", "n animals", "difference", "p", "p (Holm)", "note"]
    interval = f"{100 * outcome.plan.confidence:g} % interval"
    short.insert(4, interval)
    typer.echo(table[[name for name in short if name in table]].to_string(index=False))
    found = int((main["p_holm"] < 1 - outcome.plan.confidence).sum())
    tested = int(main["p"].notna().sum())
    typer.echo(f"{found} of {tested} comparisons stand after Holm's correction")
    if outcome.matched is not None:
        for row in outcome.matched.overlap.to_dict("records"):
            typer.echo(
                f"speeds of {row['group']} and {row['reference']} overlap by "
                f"{row['overlap_percent']:.0f} %; {row['strata']} strata hold "
                f"{row['kept_group_percent']:.0f} % and {row['kept_reference_percent']:.0f} % of "
                "the rows"
            )
