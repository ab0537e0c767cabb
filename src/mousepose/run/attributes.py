"""The comparison of sets of features by how well they tell an attribute, from table to tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousepose.analysis.attributes.compare import Comparison, compare
from mousepose.analysis.attributes.config import AttributeConfig, SegmentConfig
from mousepose.analysis.attributes.confounders import check_confounders
from mousepose.analysis.attributes.pool import common_samples, pooled
from mousepose.analysis.attributes.task import task_of
from mousepose.errors import InputError
from mousepose.run.attributes_cohort import chosen_columns, joined_values, read_cohort
from mousepose.run.attributes_segments import cohort_segments, sets_of
from mousepose.types import Progress

if TYPE_CHECKING:
    import pandas as pd

#: Columns that are looked at as confounders where a table has them.
CONFOUNDERS = ("cage", "camera")


@dataclass(frozen=True, eq=False)
class AttributesJob:
    """What is asked: which attributes of the animals in the table `source`, from which features.

    `sets` are names among `SETS`, by default all of which there are files. `features` names columns
    of the table itself instead, whose rows are then segments or strides. `cuts` part a number into
    classes; with `crossover` animals may have several values. `confounders` are columns, by
    default "cage" and "camera" where they are there. `animal` is the column of the animals' names;
    with `pool_by` (a column, such as the recording's name) segments are pooled by it rather than
    by animal, which stays whole in all folds.
    """

    source: Path
    attributes: tuple[str, ...]
    sets: tuple[str, ...] = ()
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()
    crossover: bool = False
    confounders: tuple[str, ...] | None = None
    animal: str = "animal"
    pool_by: str | None = None
    up: tuple[float, float, float] | None = None
    config: AttributeConfig = field(default_factory=AttributeConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)


@dataclass(frozen=True, eq=False)
class AttributeOutcome:
    """What was found of one attribute.

    `samples` are animals (under `crossover`: of one value of the attribute), with their features
    by set. `segments` is how many segments or strides each set has, `left_out` why samples are not
    among them.
    """

    comparison: Comparison
    confounders: pd.DataFrame
    samples: pd.DataFrame
    features: Mapping[str, pd.DataFrame]
    segments: Mapping[str, int]
    left_out: Mapping[str, str]
    job: AttributesJob


def predict_attributes(
    job: AttributesJob, progress: Progress | None = None
) -> dict[str, AttributeOutcome]:
    """Return what was found of each attribute.

    Raises `InputError` on a table, a recording or a cohort that cannot be used, `FileError` on
    files that are none.
    """
    table = read_cohort(job.source)
    if job.animal not in table:
        raise InputError(
            f"{job.source}: no column {job.animal!r} with the animals' names; it has: "
            f"{', '.join(map(str, table))} (another column: --animal)"
        )
    table = table.assign(animal=_names(table[job.animal]))
    for name in job.attributes:
        # Told before the recordings are read, which takes long.
        task_of(table, name, job.cuts, job.crossover)
    if job.features:
        segments = {
            name: table[chosen_columns(table, patterns)].assign(row=table.index)
            for name, patterns in job.features.items()
        }
    else:
        sets = sets_of(table, job.sets)
        segments = cohort_segments(table, sets, job.segments, job.up, progress)
    return {name: _outcome(job, table, segments, name, progress) for name in job.attributes}


def _names(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return names as text: a number without its ".0"."""
    from pandas.api.types import is_float_dtype

    words = values.astype(str)
    words = words.str.removesuffix(".0") if is_float_dtype(values) else words
    return words.where(values.notna())


def _outcome(
    job: AttributesJob,
    table: pd.DataFrame,
    segments: Mapping[str, pd.DataFrame],
    attribute: str,
    progress: Progress | None,
) -> AttributeOutcome:
    sample = _sample_names(job, table, attribute)
    confounders = _confounders(job, table)
    columns = dict.fromkeys(["animal", attribute, *confounders])
    samples = joined_values(table, sample, list(columns))
    least = job.segments.least_segments
    features = {
        name: pooled(own.drop(columns="row"), own["row"].map(sample), least)
        for name, own in segments.items()
    }
    samples, left_out = common_samples(features, samples, least)
    features = {name: own.loc[samples.index] for name, own in features.items()}
    task = task_of(samples, attribute, job.cuts, job.crossover)
    found = compare(features, task, job.config, progress)
    checked = check_confounders(found, features, samples, confounders, job.config)
    counts = {
        name: int(own["row"].map(sample).isin(samples.index).sum())
        for name, own in segments.items()
    }
    return AttributeOutcome(found, checked, samples, features, counts, left_out, job)


def _sample_names(job: AttributesJob, table: pd.DataFrame, attribute: str) -> pd.Series[str]:
    """Return the name of the sample to which each row belongs."""
    name = table["animal"]
    if job.pool_by is not None:
        if job.pool_by not in table:
            raise InputError(
                f"no column {job.pool_by!r} to pool by; the table has: {', '.join(map(str, table))}"
            )
        name = name + ", " + _names(table[job.pool_by])
    if job.crossover:
        name = name + ", " + _names(table[attribute])
    return name


def _confounders(job: AttributesJob, table: Any) -> list[str]:
    wanted = job.confounders
    if wanted is None:
        return [name for name in CONFOUNDERS if name in table]
    missing = [name for name in wanted if name not in table]
    if missing:
        raise InputError(
            f"no column {missing[0]!r} to check as a confounder; the table has: "
            f"{', '.join(map(str, table))}"
        )
    return list(wanted)
