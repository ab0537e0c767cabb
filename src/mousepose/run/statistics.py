"""From files of strides or bouts to tables of effects: what `mousepose statistics` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.analysis.statistics.animals import cell_means
from mousepose.analysis.statistics.budget import time_budget
from mousepose.analysis.statistics.compare import as_effects, checked, compare_groups, known_values
from mousepose.analysis.statistics.matched import SpeedMatched, speed_matched
from mousepose.analysis.statistics.plan import Plan, levels_of, named_column, usable_rows
from mousepose.errors import InputError
from mousepose.run.statistics_input import SOURCE, measures_in, phases_in, read_tables
from mousepose.run.tables import write_tables
from mousepose.types import Progress

if TYPE_CHECKING:
    import pandas as pd

#: Rows of strides that are taken unless `where` says otherwise.
_USUAL = {"quality": ("good",)}
_LIMB = "limb"


@dataclass(frozen=True)
class StatisticsJob:
    """What is to be compared, and of which rows.

    `where` keeps rows whose column has one of some values; `by` compares each value of a column by
    itself; `match` names the speed at which groups are matched in `strata`. `budget` names a
    column of behaviours: then the measures are the share of time of each, by the rows' `duration`.
    """

    sources: Sequence[Path]
    plan: Plan
    measures: Sequence[str] = ()
    about: Path | None = None
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by: str | None = None
    match: str | None = None
    strata: int = 5
    budget: str | None = None
    duration: str | None = None


@dataclass(frozen=True, eq=False)
class StatisticsOutcome:
    """What was found.

    `effects` holds every comparison (`adjusted_for` tells them apart), `animals` the mean of each
    animal in each group, `matched` what the speed matching says, if it was asked for. `parts` are
    the rows by value of `by` ("" where there is none), for pictures; `plan` has its names in full.
    `speed` is the column by which speeds were matched, else the first covariate that is a number.
    """

    effects: pd.DataFrame
    animals: pd.DataFrame
    matched: SpeedMatched | None
    parts: dict[str, pd.DataFrame]
    measures: list[str]
    plan: Plan
    rows: int
    notes: list[str]
    speed: str | None

    @property
    def main(self) -> pd.DataFrame:
        """The comparison that adjusts for all covariates, as pictures and the table show it."""
        last = list(dict.fromkeys(self.effects["adjusted_for"]))
        plain = [words for words in last if "strata" not in words]
        own: pd.DataFrame = self.effects[self.effects["adjusted_for"] == plain[-1]]
        return own


def compare_files(job: StatisticsJob, progress: Progress | None = None) -> StatisticsOutcome:
    """Return the comparison of groups over the rows of files of any table.

    Raises `FileError` on a file that is none and `InputError` where the table cannot be compared.
    """
    table = read_tables(job.sources, job.about)
    notes: list[str] = []
    table = _chosen(table, job, notes)
    plan = checked(table, job.plan)
    if plan.recording is None and table[SOURCE].nunique() > 1:
        plan = replace(plan, recording=SOURCE)
    if job.budget is not None:
        table, plan = _budget(table, plan, job)
    plan = _with_limbs(table, plan, job, notes)
    roles = [*plan.columns, *([job.by] if job.by else [])]
    chosen = [named_column(table, name, "a measure") for name in job.measures]
    measures = chosen or measures_in(table, roles)
    phases = phases_in(table, measures)
    if _LIMB in plan.covariates and not chosen and len(phases) < len(measures):
        measures = [name for name in measures if name not in phases]  # each limb's are others
    plan = replace(plan, circular=tuple(sorted({*plan.circular, *phases})))
    parts = _parts(table, job.by)
    levels = levels_of(usable_rows(table, plan), plan)
    plan = replace(plan, reference=None if plan.trend else levels[0])
    blocks = _blocks(parts, measures, plan, progress)
    matched = None
    if job.match is not None:
        matched = _matched(parts, measures, plan, job)
        blocks.append(matched.effects)
    effects = _stacked(blocks)
    animals = _animals(parts, measures, plan)
    speed = named_column(table, job.match, "--match-speed") if job.match else None
    speed = speed or next(iter(_numbers(table, plan)), None)
    return StatisticsOutcome(
        effects, animals, matched, parts, measures, plan, len(table), notes, speed
    )


def write_statistics(folder: Path, outcome: StatisticsOutcome) -> list[Path]:
    """Write effects, animals and, where speeds were matched, overlap and strata into a folder.

    Each as .parquet and .csv; the folder is made where it is not there. Returns the paths.
    """
    tables = {"effects": outcome.effects, "animals": outcome.animals}
    if outcome.matched is not None:
        tables |= {"overlap": outcome.matched.overlap, "strata": outcome.matched.strata}
    return write_tables(folder, tables)


def _chosen(table: pd.DataFrame, job: StatisticsJob, notes: list[str]) -> pd.DataFrame:
    """Return the rows that are asked for, and note how many they are."""
    usual = {name: values for name, values in _USUAL.items() if name in table.columns}
    for asked, values in (usual | dict(job.where)).items():
        name = named_column(table, asked, "--where")
        words = table[name].astype(str)
        kept = table[words.isin([str(value) for value in values])]
        if not len(kept):
            raise InputError(
                f"no row has {name} {' or '.join(map(str, values))}; there are "
                f"{', '.join(sorted(words.unique())[:10])}"
            )
        if len(kept) < len(table):
            told = f"{len(kept):,} of {len(table):,} rows: {name} {' or '.join(map(str, values))}"
            notes.append(told)
        table = kept.reset_index(drop=True)
    return table


def _budget(
    table: pd.DataFrame, plan: Plan, job: StatisticsJob
) -> tuple[pd.DataFrame, Plan]:  # fmt: skip
    """Return the shares of time of each recording, each of one group and one animal."""
    unit = plan.recording or plan.animal
    budget = time_budget(table, str(job.budget), unit, job.duration)
    lost = [name for name in plan.columns if name not in budget.columns]
    if lost:
        raise InputError(
            f"{', '.join(lost)} changes within a {unit!r}: name the column that tells recordings "
            "of one animal apart (--recording)"
        )
    return budget, replace(plan, recording=None)


def _with_limbs(
    table: pd.DataFrame, plan: Plan, job: StatisticsJob, notes: list[str]
) -> Plan:  # fmt: skip
    """Return the plan with the limb as a covariate, where rows are of several limbs."""
    known = _LIMB in table.columns and table[_LIMB].nunique() > 1
    if not known or _LIMB in {job.by, *plan.columns}:
        return plan
    notes.append("limbs are adjusted for, and phases left out; --by limb compares each by itself")
    return replace(plan, covariates=(_LIMB, *plan.covariates))


def _parts(table: pd.DataFrame, by: str | None) -> dict[str, pd.DataFrame]:
    if by is None:
        return {"": table}
    name = named_column(table, by, "--by")
    return {str(value): rows for value, rows in table.groupby(name, sort=True)}


def part_name(part: str, measure: str) -> str:
    """Return how tables and pictures call a measure of a part of the rows."""
    return f"{part}: {measure}" if part else measure


def _blocks(
    parts: dict[str, pd.DataFrame], measures: list[str], plan: Plan, progress: Progress | None
) -> list[pd.DataFrame]:
    """Return the effects without the covariates that are numbers, then with them."""
    numbers = _numbers(next(iter(parts.values())), plan)
    words = tuple(name for name in plan.covariates if name not in numbers)
    plans = [replace(plan, covariates=words), plan] if numbers else [plan]
    blocks = []
    for turn, own in enumerate(plans):
        rows = []
        for count, (part, inside) in enumerate(parts.items()):
            for number, measure in enumerate(measures):
                if measure in own.covariates:
                    continue
                found = compare_groups(inside, [measure], own)
                found["measure"] = part_name(part, measure)
                rows += found.to_dict("records")
                if progress is not None:
                    done = (turn * len(parts) + count) * len(measures) + number + 1
                    progress("comparing", done, len(plans) * len(parts) * len(measures))
        blocks.append(as_effects(rows))
    return blocks


def _matched(
    parts: dict[str, pd.DataFrame], measures: list[str], plan: Plan, job: StatisticsJob
) -> SpeedMatched:
    """Return the speed-matched comparison of all parts."""
    effects: list[pd.DataFrame] = []
    overlap: list[pd.DataFrame] = []
    strata: list[pd.DataFrame] = []
    for part, inside in parts.items():
        speed = named_column(inside, str(job.match), "--match-speed")
        others = [name for name in measures if name != speed]
        found = speed_matched(inside, others, plan, speed, job.strata)
        for table, kept in ((found.effects, effects), (found.strata, strata)):
            if len(table):
                names = [part_name(part, name) for name in table["measure"]]
                kept.append(table.assign(measure=names))
        overlap.append(found.overlap.assign(part=part) if part else found.overlap)
    rows = [row for table in effects for row in table.to_dict("records")]
    return SpeedMatched(as_effects(rows), _stacked(overlap), _stacked(strata))


def _animals(parts: dict[str, pd.DataFrame], measures: list[str], plan: Plan) -> pd.DataFrame:
    """Return the mean and the number of rows of each animal in each group, by measure."""
    found = []
    for part, inside in parts.items():
        usable = usable_rows(inside, plan)
        for measure in measures:
            rows, centre, _ = known_values(usable, measure, plan)
            cells = cell_means(rows, rows[measure].to_numpy(float), plan)
            if measure in plan.circular:
                cells["value"] = (cells["value"] + centre) % 1.0
            cells.insert(0, "measure", part_name(part, measure))
            found.append(cells)
    return _stacked(found)


def _numbers(table: pd.DataFrame, plan: Plan) -> list[str]:
    """Return the covariates that are numbers."""
    import pandas as pd

    return [name for name in plan.covariates if pd.api.types.is_numeric_dtype(table[name])]


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of the same columns as one."""
    import pandas as pd

    filled = [table.dropna(axis=1, how="all") for table in tables if len(table)]
    if not filled:
        return tables[0] if tables else pd.DataFrame()
    return pd.concat(filled, ignore_index=True).reindex(columns=tables[0].columns)
