"""Groups compared measure by measure: a mixed model whose unit is the animal, and its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.statistics.animals import (
    cell_means,
    effect_size,
    permutation,
    permutation_of_trend,
    slopes_differ,
    spread_between,
    values_of,
)
from mousepose.analysis.statistics.circular import mean_direction, wrapped
from mousepose.analysis.statistics.design import design_of
from mousepose.analysis.statistics.effect_size import detectable
from mousepose.analysis.statistics.model import Model, fitted
from mousepose.analysis.statistics.multiple import benjamini_hochberg, holm
from mousepose.analysis.statistics.plan import Plan, levels_of, named_column, usable_rows
from mousepose.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: What the table of effects holds, in order; meanings in `docs/statistics.md`.
COLUMNS = (
    "measure", "group", "reference", "adjusted_for", "design", "animals_group",
    "animals_reference", "animals_both", "rows", "mean_group", "sd_group", "mean_reference",
    "sd_reference", "effect", "low", "high", "effect_percent", "t", "df", "p", "p_holm", "p_bh",
    "p_permutation", "p_permutation_smallest", "hedges_g", "g_low", "g_high", "g_animals",
    "standardized", "standardized_low", "standardized_high", "animal_sd", "residual_sd",
    "detectable", "p_slopes", "note",
)  # fmt: skip
#: Phases more spread than this have no mean direction that could differ.
_CONCENTRATED = 0.5


def compare_groups(table: pd.DataFrame, measures: Sequence[str], plan: Plan) -> pd.DataFrame:
    """Return a row for every measure and every group against the reference, in `COLUMNS`.

    The model is measure = group + covariates + animal (+ animal in group, + recording); its
    degrees of freedom are Satterthwaite's, and never more than the animals give. A row that cannot
    be tested is empty, and its `note` says why. Raises `InputError` where there is one group only,
    a column is missing or the table has no usable row.
    """
    plan = checked(table, plan)
    names = [named_column(table, name, "a measure") for name in measures]
    if not names:
        raise InputError("no measure to compare: name the columns with numbers")
    rows = usable_rows(table, plan)
    levels = levels_of(rows, plan)
    return as_effects([row for name in names for row in _of_measure(rows, name, plan, levels)])


def as_effects(rows: Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
    """Return rows as the table of effects, with p-values for many measures."""
    import pandas as pd

    effects = pd.DataFrame(rows, columns=list(COLUMNS))
    p = effects["p"].to_numpy(float)
    effects["p_holm"], effects["p_bh"] = holm(p), benjamini_hochberg(p)
    return effects


def checked(table: pd.DataFrame, plan: Plan) -> Plan:
    """Return the plan with names as the table has them. Raises `UnknownNameError`."""
    return replace(
        plan,
        group=named_column(table, plan.group, "the group"),
        animal=named_column(table, plan.animal, "the animal"),
        recording=plan.recording and named_column(table, plan.recording, "the recording"),
        covariates=tuple(named_column(table, name, "a covariate") for name in plan.covariates),
        circular=tuple(named_column(table, name, "a phase") for name in plan.circular),
    )


def known_values(
    table: pd.DataFrame, measure: str, plan: Plan
) -> tuple[pd.DataFrame, float, str | None]:
    """Return the rows where a measure is known, the mean phase taken off, and what is wrong."""
    import pandas as pd

    rows = table.copy()
    rows[measure] = pd.to_numeric(rows[measure], errors="coerce").astype(float)
    rows = rows[np.isfinite(rows[measure])]
    if not len(rows):
        return rows, 0.0, "no number in this column"
    if measure not in plan.circular:
        return rows, 0.0, None
    values = rows[measure].to_numpy()
    animal = pd.factorize(rows[plan.animal], sort=True)[0].astype(np.int64)
    centre, concentration = mean_direction(values, animal)
    rows[measure] = wrapped(values - centre)
    if concentration < _CONCENTRATED:
        return rows, centre, f"phases lie all round (concentration {concentration:.2f})"
    return rows, centre, None


def _of_measure(
    table: pd.DataFrame, measure: str, plan: Plan, levels: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of one measure, one for each group against the reference."""
    plan = replace(plan, covariates=tuple(x for x in plan.covariates if x != measure))
    rows, centre, problem = known_values(table, measure, plan)
    cells = cell_means(rows, rows[measure].to_numpy(float), plan)
    notes: dict[str, str] = {}
    if plan.trend:
        found = [_described_trend(cells, measure, plan)]
        problem = problem or _too_few_doses(cells)
        usable = levels
    else:
        found = [_described(cells, measure, name, plan, levels[0], centre) for name in levels[1:]]
        usable, notes = _enough(cells, levels)
        if levels[0] in notes or len(usable) < 2:
            problem = problem or notes.get(levels[0]) or notes[levels[1]]
    model: Model | str = problem or ""
    inside = rows if plan.trend else rows[rows[plan.group].isin(usable)]
    if problem is None:
        model = fitted(design_of(inside, measure, plan, usable))
    for row in found:
        why = model if isinstance(model, str) else notes.get(row["group"])
        if why is None and isinstance(model, Model):
            _test(row, model, inside, cells, plan)
        else:
            row["note"] = why
    return found


def _enough(cells: pd.DataFrame, levels: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the groups with two animals or more, and what to say of the others."""
    notes = {}
    for name in levels:
        number = len(values_of(cells, name))
        if number == 0:
            notes[name] = f"no animal of {name} has this measure"
        elif number == 1:
            notes[name] = f"one animal in {name}: it says nothing of the spread between animals"
    return [name for name in levels if name not in notes], notes


def _too_few_doses(cells: pd.DataFrame) -> str | None:
    """Return what speaks against a trend over these cells."""
    if cells["group"].nunique() < 2:
        return "one dose only has this measure"
    return None if cells["animal"].nunique() > 2 else "a trend needs three animals"


def _described(
    cells: pd.DataFrame, measure: str, name: str, plan: Plan, reference: str, centre: float
) -> dict[str, Any]:
    """Return what is known without any test: animals, and their means and spread."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    pair = cells[cells["group"].isin([name, reference])]
    both = len(pair) - pair["animal"].nunique()
    row |= {
        "measure": measure, "group": name, "reference": reference, "note": "", "design": "",
        "adjusted_for": ", ".join(plan.covariates), "animals_both": both,
        "rows": int(pair["rows"].sum()),
    }  # fmt: skip
    for role, group in (("group", name), ("reference", reference)):
        values = values_of(cells, group)
        mean = float(values.mean()) if len(values) else np.nan
        row[f"animals_{role}"] = len(values)
        row[f"mean_{role}"] = (mean + centre) % 1.0 if measure in plan.circular else mean
        row[f"sd_{role}"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    fewer = min(row["animals_group"], row["animals_reference"])
    row["design"] = (
        "between animals" if both == 0
        else "within animals" if both == max(row["animals_group"], row["animals_reference"])
        else f"partly within animals ({both} of {fewer})"
    )  # fmt: skip
    return row


def _described_trend(cells: pd.DataFrame, measure: str, plan: Plan) -> dict[str, Any]:
    """Return the same for a trend: there are no two groups, but animals and their mean."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    several = int((cells.groupby("animal")["group"].nunique() > 1).sum())
    row |= {
        "measure": measure, "group": f"per unit of {plan.group}", "reference": "",
        "adjusted_for": ", ".join(plan.covariates), "note": "",
        "animals_group": cells["animal"].nunique(), "animals_reference": 0,
        "animals_both": several, "rows": int(cells["rows"].sum()),
        "mean_group": cells["value"].mean(), "sd_group": cells["value"].std(ddof=1),
        "design": "trend within animals" if several else "trend between animals",
    }  # fmt: skip
    return row


def _test(
    row: dict[str, Any], model: Model, rows: pd.DataFrame, cells: pd.DataFrame, plan: Plan
) -> None:
    """Fill in what the model, the permutation and the effect size say."""
    name = plan.group if plan.trend else row["group"]
    estimate = model.estimate(name)
    if estimate is None:
        row["note"] = "too few animals for so many groups and covariates"
        return
    low, high = estimate.interval(plan.confidence)
    spread = spread_between(cells)
    row |= {
        "effect": estimate.effect, "low": low, "high": high, "t": estimate.effect / estimate.error,
        "df": estimate.df, "p": estimate.p, "animal_sd": model.animal_sd,
        "residual_sd": model.residual_sd,
        "detectable": detectable(estimate.error, estimate.df, plan.confidence),
    }  # fmt: skip
    if spread > 0:
        row |= {
            "standardized": estimate.effect / spread, "standardized_low": low / spread,
            "standardized_high": high / spread,
        }  # fmt: skip
    adjusted = cell_means(rows, model.without_covariates, plan)
    if plan.trend:
        test = permutation_of_trend(adjusted, plan)
    else:
        reference = row["reference"]
        test = permutation(adjusted, name, reference, plan)
        size = effect_size(cells, name, reference, plan)
        row |= {
            "hedges_g": size.g, "g_low": size.low, "g_high": size.high, "g_animals": size.animals
        }  # fmt: skip
        if row["measure"] not in plan.circular and row["mean_reference"] > 0:
            row["effect_percent"] = 100 * estimate.effect / row["mean_reference"]
        for covariate in model.design.slopes:
            row["p_slopes"] = slopes_differ(
                rows, row["measure"], (name, reference), plan, covariate
            )
            break
    row["p_permutation"], row["p_permutation_smallest"] = test.p, test.smallest
    if model.design.dropped:
        row["note"] = f"left out, as it does not vary by itself: {', '.join(model.design.dropped)}"
