"""The same speed in both groups: strides compared within strata of speed, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.statistics.compare import (
    COLUMNS,
    as_effects,
    checked,
    compare_groups,
    known_values,
)
from mousepose.analysis.statistics.plan import Plan, levels_of, named_column, usable_rows
from mousepose.errors import InputError
from mousepose.types import Floats

if TYPE_CHECKING:
    import pandas as pd

#: The share of strides at either end of a group's speeds that is not matched.
_END = 0.025
#: A stratum has at least so many strides and animals of each group.
_FEWEST_STRIDES, _FEWEST_ANIMALS = 5, 2
_STRATUM = "speed stratum"
_OVERLAP_BINS = 20


@dataclass(frozen=True, eq=False)
class SpeedMatched:
    """What a speed-matched comparison gives.

    `effects` is as `compare_groups` gives it, of matched strides only; `overlap` has a row for each
    group (how much of the speeds is shared, how many strides were kept), `strata` one for each
    measure, group and stratum.
    """

    effects: pd.DataFrame
    overlap: pd.DataFrame
    strata: pd.DataFrame


def speed_matched(
    table: pd.DataFrame, measures: Sequence[str], plan: Plan, speed: str, strata: int = 5
) -> SpeedMatched:
    """Compare groups at equal speed: within strata of the speeds that both groups walk.

    The speeds from the higher of the groups' 2.5 % to the lower of their 97.5 % (each animal counts
    alike) are cut into `strata` of equally many strides; those without 5 strides of 2 animals in
    each group are left out. Effects are common to the strata, and the rest of the speed within
    them is adjusted for linearly. Raises `InputError` as `compare_groups` does, and for a trend.
    """
    import pandas as pd

    if plan.trend:
        raise InputError("a trend has no two groups to match: adjust for the speed as a covariate")
    plan = checked(table, plan)
    speed = named_column(table, speed, "the speed")
    names = [named_column(table, name, "a measure") for name in measures]
    plan = replace(plan, covariates=tuple(x for x in plan.covariates if x != speed))
    table = usable_rows(table, replace(plan, covariates=(*plan.covariates, speed)))
    levels = levels_of(table, plan)
    plan = replace(plan, reference=levels[0])
    effects: list[Mapping[Any, Any]] = []
    overlap, inside = [], []
    for group in levels[1:]:
        pair = table[table[plan.group].isin([group, levels[0]])]
        edges = _edges(pair, plan, speed, strata)
        matched = _in_strata(pair, plan, speed, edges)
        overlap.append(_overlap(pair, matched, plan, speed, group, levels[0]))
        kept = matched[_STRATUM].nunique()
        words = f"{speed}, in {kept} strata"
        if not kept:
            effects += [_nothing(name, group, levels[0], words, plan) for name in names]
            continue
        own = replace(plan, covariates=(*plan.covariates, speed, _STRATUM))
        found = compare_groups(matched, names, own)
        found["adjusted_for"] = ", ".join([*plan.covariates, words])
        effects += found.to_dict("records")
        inside += [_by_stratum(matched, name, plan, speed, group) for name in names]
    empty = pd.DataFrame()
    return SpeedMatched(
        as_effects(effects),
        pd.DataFrame(overlap),
        pd.concat(inside, ignore_index=True) if inside else empty,
    )


def speed_profile(
    table: pd.DataFrame, measure: str, plan: Plan, speed: str, bins: int = 6
) -> pd.DataFrame:
    """Return a measure against speed for each group: mean over animals and its standard error.

    The bins hold equally many strides of all groups together. Bins with one animal have no error;
    phases are given about their mean.
    """
    plan = checked(table, plan)
    speed = named_column(table, speed, "the speed")
    rows = usable_rows(table, replace(plan, covariates=(speed,)))
    rows, centre, _ = known_values(rows, named_column(table, measure, "a measure"), plan)
    edges = np.unique(np.quantile(rows[speed], np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, rows[speed], side="right") - 1, 0, len(edges) - 2)
    rows = rows.assign(bin=place)
    of_animals = rows.groupby([plan.group, "bin", plan.animal])[[measure, speed]].mean()
    groups = of_animals.groupby(level=[0, 1])
    found = groups.mean()
    found["error"] = groups[measure].std(ddof=1) / np.sqrt(groups[measure].size())
    found["animals"] = groups[measure].size()
    found[measure] += centre
    names = {plan.group: "group", measure: "mean", speed: "speed"}
    profile: pd.DataFrame = found.reset_index().rename(columns=names)
    return profile[["group", "bin", "speed", "mean", "error", "animals"]]


def _edges(pair: pd.DataFrame, plan: Plan, speed: str, strata: int) -> Floats:
    """Return the ends (S + 1,) of the strata; none where the groups' speeds do not meet."""
    weight = _weight(pair, plan)
    ends = []
    for _, rows in pair.groupby(plan.group):
        ends.append(_quantiles(rows[speed].to_numpy(), np.asarray(weight[rows.index]), _END))
    low, high = max(end[0] for end in ends), min(end[1] for end in ends)
    if not low < high:
        return np.empty(0)
    inside = pair[pair[speed].between(low, high)][speed]
    middle = np.quantile(inside, np.linspace(0, 1, strata + 1)[1:-1]) if len(inside) else []
    return np.unique([low, *middle, high])


def _weight(pair: pd.DataFrame, plan: Plan) -> pd.Series[float]:
    """Return weights by which each animal counts alike within its group."""
    size = pair.groupby([plan.group, plan.animal])[plan.animal].transform("size")
    return 1.0 / size


def _quantiles(values: Floats, weight: Floats, end: float) -> tuple[float, float]:
    """Return the weighted quantiles at `end` from both sides."""
    order = np.argsort(values)
    share = np.cumsum(weight[order]) - weight[order] / 2
    share /= weight.sum()
    low, high = np.interp([end, 1 - end], share, values[order])
    return float(low), float(high)


def _in_strata(pair: pd.DataFrame, plan: Plan, speed: str, edges: Floats) -> pd.DataFrame:
    """Return the strides of strata in which both groups are well enough known."""
    if len(edges) < 2:
        return pair.iloc[:0].assign(**{_STRATUM: ""})
    inside = pair[pair[speed].between(edges[0], edges[-1])]
    place = np.clip(np.searchsorted(edges, inside[speed], side="right") - 1, 0, len(edges) - 2)
    inside = inside.assign(**{_STRATUM: [f"{edges[k]:.6g} to {edges[k + 1]:.6g}" for k in place]})
    kept = []
    for name, rows in inside.groupby(_STRATUM):
        groups = rows.groupby(plan.group)[plan.animal]
        if len(groups) == 2 and (groups.nunique() >= _FEWEST_ANIMALS).all():
            kept += [name] if (groups.size() >= _FEWEST_STRIDES).all() else []
    found: pd.DataFrame = inside[inside[_STRATUM].isin(kept)]
    return found


def _overlap(
    pair: pd.DataFrame, matched: pd.DataFrame, plan: Plan, speed: str, group: str, reference: str
) -> dict[str, Any]:
    """Return how much of their speeds two groups share, and what was kept."""
    bins = np.linspace(pair[speed].min(), pair[speed].max(), _OVERLAP_BINS + 1)
    weight = _weight(pair, plan)
    row: dict[str, Any] = {"group": group, "reference": reference}
    shares = []
    for role, name in (("group", group), ("reference", reference)):
        rows = pair[pair[plan.group] == name]
        own = weight[rows.index].to_numpy()
        share, _ = np.histogram(rows[speed], bins, weights=own / own.sum())
        shares.append(share)
        kept = matched[matched[plan.group] == name]
        row[f"mean_speed_{role}"] = rows.groupby(plan.animal)[speed].mean().mean()
        row[f"rows_{role}"] = len(rows)
        row[f"kept_{role}_percent"] = 100 * len(kept) / len(rows)
        row[f"animals_{role}"] = kept[plan.animal].nunique()
    row["overlap_percent"] = 100 * float(np.minimum(*shares).sum())
    row["strata"] = matched[_STRATUM].nunique()
    within = matched.groupby([_STRATUM, plan.group])[speed].mean().unstack()
    row["speed_difference"] = row["mean_speed_group"] - row["mean_speed_reference"]
    row["speed_difference_in_strata"] = (
        float((within[group] - within[reference]).mean()) if len(within) else np.nan
    )
    return row


def _by_stratum(
    matched: pd.DataFrame, measure: str, plan: Plan, speed: str, group: str
) -> pd.DataFrame:
    """Return means over animals of a measure in each stratum, and their difference."""
    import pandas as pd

    rows, _, _ = known_values(matched, measure, plan)
    found = []
    for name, inside in rows.groupby(_STRATUM):
        row: dict[str, Any] = {"measure": measure, "stratum": name, "group": group}
        row |= {"speed_low": inside[speed].min(), "speed_high": inside[speed].max()}
        for role, who in (("group", group), ("reference", str(plan.reference))):
            own = inside[inside[plan.group] == who]
            row |= {
                f"animals_{role}": own[plan.animal].nunique(), f"rows_{role}": len(own),
                f"mean_{role}": own.groupby(plan.animal)[measure].mean().mean(),
            }  # fmt: skip
        row["difference"] = row["mean_group"] - row["mean_reference"]
        found.append(row)
    return pd.DataFrame(found).sort_values("speed_low", ignore_index=True)


def _nothing(
    measure: str, group: str, reference: str, words: str, plan: Plan
) -> dict[str, Any]:  # fmt: skip
    """Return the empty row of groups that share no speed."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {
        "measure": measure, "group": group, "reference": reference, "design": "",
        "adjusted_for": ", ".join([*plan.covariates, words]), "animals_both": 0, "rows": 0,
        "animals_group": 0, "animals_reference": 0,
        "note": "the groups share no speed at which both have strides of two animals",
    }  # fmt: skip
    return row
