"""One measure's rows as a linear model: which column carries which contrast, which units nest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.statistics.plan import Plan
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: Singular values below this share of the largest make a column a copy of others.
_COPY = 1e-8


@dataclass(frozen=True, eq=False)
class Design:
    """y (N,), X (N, P) with an intercept first, and what belongs to what.

    `contrasts` names the column of X of each group (of the slope in a trend); `slopes` those of
    numeric covariates, in which X is centred and scaled by `spread`. `animal` and `cell` (N,)
    number animals and animals in one group; `units` are the levels of random intercepts.
    """

    y: Floats
    x: Floats
    contrasts: dict[str, int]
    slopes: dict[str, int]
    spread: dict[str, float]
    animal: Ints
    cell: Ints
    units: list[Ints]
    dropped: tuple[str, ...] = ()

    def contrast(self, name: str) -> Floats:
        """Return the contrast (P,) of a group against the reference."""
        row = np.zeros(self.x.shape[1])
        row[self.contrasts[name]] = 1.0
        return row

    def is_between(self, name: str) -> bool:
        """Tell whether no animal is in more than one of the groups that a contrast compares."""
        return _is_constant(self.x[:, self.contrasts[name]], self.animal)

    def bound(self, name: str) -> float:
        """Return the most degrees of freedom that animals (and cells) give a contrast.

        Animals less the columns that differ between animals only; where animals are in several
        groups, cells less animals and the columns that differ between cells.
        """
        animals = int(self.animal.max()) + 1
        between = [j for j in range(self.x.shape[1]) if _is_constant(self.x[:, j], self.animal)]
        first = np.unique(self.animal, return_index=True)[1]
        if self.is_between(name):
            return animals - _rank(self.x[first][:, between])
        cells = np.unique(self.cell, return_index=True)[1]
        within = [j for j in range(self.x.shape[1]) if _is_constant(self.x[:, j], self.cell)]
        dummies = np.eye(animals)[self.animal[cells]]
        inside = len(cells) - _rank(np.concatenate([dummies, self.x[cells][:, within]], 1))
        return max(inside, animals - len(self.contrasts) - _rank(self.x[first][:, between]))


def design_of(table: pd.DataFrame, measure: str, plan: Plan, levels: list[str]) -> Design:
    """Return the design of a measure over rows in which all that the plan names is known.

    Covariates that do not vary, or copy others, are left out and named in `dropped`.
    """
    import pandas as pd

    animal = pd.factorize(table[plan.animal], sort=True)[0].astype(np.int64)
    group = pd.factorize(table[plan.group], sort=True)[0].astype(np.int64)
    columns = [np.ones(len(table))]
    contrasts, slopes, spread, dropped = {}, {}, {}, []
    if plan.trend:
        contrasts[plan.group] = 1
        columns.append(table[plan.group].to_numpy(float))
    else:
        names = table[plan.group].to_numpy()
        for name in levels[1:]:
            contrasts[name] = len(columns)
            columns.append((names == name).astype(float))
    for name in plan.covariates:
        added, width = _covariate(table[name])
        kept = [column for column in added if _rank(np.stack([*columns, column], 1)) > len(columns)]
        if not kept:
            dropped.append(name)
        elif width is not None:
            slopes[name], spread[name] = len(columns), width
        columns += kept
    cell = np.unique(animal * (group.max() + 1) + group, return_inverse=True)[1].astype(np.int64)
    finest = None
    if plan.recording is not None:
        pairs = pd.factorize(table[plan.recording], sort=True)[0]
        finest = np.unique(cell * (pairs.max() + 1) + pairs, return_inverse=True)[1]
    units = _distinct([animal, cell, *([] if finest is None else [finest.astype(np.int64)])])
    y = table[measure].to_numpy(float)
    return Design(
        y, np.stack(columns, 1), contrasts, slopes, spread, animal, cell, units, tuple(dropped)
    )


def _covariate(column: pd.Series[Any]) -> tuple[list[Floats], float | None]:
    """Return columns of a covariate: standardized where numeric, else one for each further word."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(float)
        width = float(values.std())
        if not width > 1e-12 * max(float(np.abs(values).max()), 1e-300):
            return [], None
        return [(values - values.mean()) / width], width
    codes, words = pd.factorize(column.astype(str), sort=True)
    return [(codes == one).astype(float) for one in range(1, len(words))], None


def _distinct(levels: list[Ints]) -> list[Ints]:
    """Return the levels that say more than the one above, and less than single rows."""
    kept: list[Ints] = []
    above = 0
    for codes in levels:
        number = int(codes.max()) + 1
        if above < number < len(codes):
            kept.append(codes)
            above = number
    return kept


def _is_constant(column: Floats, unit: Ints) -> bool:
    """Tell whether a column (N,) is one value within each unit."""
    low = np.full(int(unit.max()) + 1, np.inf)
    high = -low
    np.minimum.at(low, unit, column)
    np.maximum.at(high, unit, column)
    return bool((high - low <= 1e-9 * max(float(np.ptp(column)), 1e-300)).all())


def _rank(columns: Floats) -> int:
    values = np.linalg.svd(columns, compute_uv=False)
    return int((values > _COPY * values.max()).sum()) if values.size else 0
