"""One value for each animal in each group: effect sizes and permutations are made of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from mousepose.analysis.statistics.effect_size import (
    EffectSize,
    hedges_g,
    hedges_g_paired,
)
from mousepose.analysis.statistics.permutation import (
    PermutationTest,
    permute_doses,
    permute_groups,
    permute_signs,
)
from mousepose.analysis.statistics.plan import Plan
from mousepose.types import Floats

if TYPE_CHECKING:
    import pandas as pd

#: A slope of fewer strides says nothing.
_FEWEST_OF_SLOPE = 5


def cell_means(table: pd.DataFrame, values: Floats, plan: Plan) -> pd.DataFrame:
    """Return the mean `value` and the number of `rows` of each `animal` in each `group`."""
    import pandas as pd

    rows = pd.DataFrame({
        "animal": table[plan.animal].to_numpy(), "group": table[plan.group].to_numpy(),
        "value": values,
    })  # fmt: skip
    found = rows.groupby(["animal", "group"], sort=True)["value"].agg(["mean", "size"])
    return found.reset_index().rename(columns={"mean": "value", "size": "rows"})


def values_of(cells: pd.DataFrame, group: str) -> pd.Series[float]:
    """Return the value of each animal of a group, by the animal's name."""
    found: pd.Series[float] = cells[cells["group"] == group].set_index("animal")["value"]
    return found


def spread_between(cells: pd.DataFrame) -> float:
    """Return the standard deviation between animals within their groups, NaN where unknown."""
    groups = cells.groupby("group")["value"]
    free = len(cells) - groups.ngroups
    if free < 1:
        return np.nan
    return float(np.sqrt(((cells["value"] - groups.transform("mean")) ** 2).sum() / free))


def effect_size(cells: pd.DataFrame, group: str, reference: str, plan: Plan) -> EffectSize:
    """Return Hedges' g of a group: of the animals in both groups where any are, else of all."""
    one, other = values_of(cells, group), values_of(cells, reference)
    both = one.index.intersection(other.index)
    if len(both):
        pairs = _numbers(one[both]), _numbers(other[both])
        return hedges_g_paired(*pairs, plan.confidence)
    return hedges_g(_numbers(one), _numbers(other), plan.confidence)


def permutation(cells: pd.DataFrame, group: str, reference: str, plan: Plan) -> PermutationTest:
    """Return the permutation test of a group: within animals where any are in both groups."""
    one, other = values_of(cells, group), values_of(cells, reference)
    both = one.index.intersection(other.index)
    if len(both):
        changes = _numbers(one[both]) - _numbers(other[both])
        return permute_signs(changes, plan.permutations, plan.seed)
    values = np.concatenate([_numbers(one), _numbers(other)])
    is_group = np.arange(len(values)) < len(one)
    return permute_groups(values, is_group, plan.permutations, plan.seed)


def permutation_of_trend(cells: pd.DataFrame, plan: Plan) -> PermutationTest:
    """Return the permutation test of a trend with the dose, which is each cell's group."""
    doses = cells.groupby("animal")["group"].nunique()
    if (doses == 1).all():
        values, dose = cells["value"].to_numpy(), cells["group"].to_numpy(float)
        return permute_doses(values, dose, plan.permutations, plan.seed)
    slopes = [
        _slope(own["group"].to_numpy(float), own["value"].to_numpy())
        for _, own in cells.groupby("animal")
        if own["group"].nunique() > 1
    ]
    return permute_signs(np.array(slopes), plan.permutations, plan.seed)


def slopes_differ(
    table: pd.DataFrame, measure: str, groups: tuple[str, str], plan: Plan, covariate: str
) -> float:
    """Return the p-value of another slope of `measure` on a covariate in one group.

    Each animal's slope counts once: Welch's t-test over animals, paired where they are in both.
    NaN where fewer than three animals of either group have a slope.
    """
    slopes: list[dict[str, float]] = []
    for group in groups:
        inside = table[table[plan.group] == group]
        slopes.append({
            str(animal): _slope(own[covariate].to_numpy(float), own[measure].to_numpy(float))
            for animal, own in inside.groupby(plan.animal)
            if len(own) >= _FEWEST_OF_SLOPE and own[covariate].nunique() > 2
        })  # fmt: skip
    one, other = slopes
    both = sorted(set(one) & set(other))
    if both:
        if len(both) < 3:
            return np.nan
        changes = np.array([one[name] - other[name] for name in both])
        return float(stats.ttest_1samp(changes, 0.0).pvalue)
    if min(len(one), len(other)) < 3:
        return np.nan
    return float(stats.ttest_ind(list(one.values()), list(other.values()), equal_var=False).pvalue)


def _numbers(column: pd.Series[float]) -> Floats:
    return np.asarray(column, np.float64)


def _slope(x: Floats, y: Floats) -> float:
    away = x - x.mean()
    return float(away @ (y - y.mean()) / (away @ away))
