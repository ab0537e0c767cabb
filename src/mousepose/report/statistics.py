"""Pictures of a comparison, ready for a paper: forest plot, animals, dependence on speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from mousepose.analysis.statistics.circular import mean_direction, wrapped
from mousepose.analysis.statistics.matched import speed_profile
from mousepose.report.canvas import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    drawing,
    grid_lines,
)
from mousepose.report.statistics_table import given_words, in_words, number, p_value
from mousepose.run.statistics import StatisticsOutcome, part_name
from mousepose.types import Floats

if TYPE_CHECKING:
    import pandas as pd

COLOURS = (GREY, BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, INK)
#: Pictures of single measures hold so many panels, those with the smallest p first.
_PANELS = 6
_ACROSS = 3
_FOREST_ROWS = 40
#: More letters than this below a panel are set aslant.
_CHARACTERS = 34
_Draw = Callable[[Axes, StatisticsOutcome, str], None]


def draw_statistics(folder: Path, outcome: StatisticsOutcome) -> list[Path]:
    """Draw what was compared into a folder and return the paths of the pictures.

    Pictures for which nothing could be tested are left out.
    """
    written = []
    effects = outcome.main
    tested = effects[np.isfinite(effects["standardized"].to_numpy(float))]
    if len(tested):
        shown = tested.head(_FOREST_ROWS)
        path = folder / "forest.png"
        with drawing(path, 7.2, 1.1 + 0.27 * (len(shown) + shown["group"].nunique())) as figure:
            draw_forest(figure.subplots(), shown, outcome.plan.confidence)
        written.append(path)
    order = effects.sort_values("p", kind="stable", na_position="last")["measure"]
    names = list(dict.fromkeys(order))[:_PANELS]
    below = "points: animals; bars: their mean and its standard error"
    given = given_words(str(effects["adjusted_for"].iloc[0]))
    below += f"; p adjusted for {given}" if given else ""
    written.append(_panels(folder / "animals.png", outcome, names, draw_animals, below))
    names = [name for name in names if _measure(name) != outcome.speed]
    if outcome.speed is not None and names and not outcome.plan.trend:
        below = "means over animals and their standard error"
        written.append(_panels(folder / "speed.png", outcome, names, draw_speed, below))
    return written


def draw_forest(axes: Axes, effects: pd.DataFrame, confidence: float = 0.95) -> None:
    """Draw effects with their intervals, in standard deviations between animals.

    Filled where the p-value after Benjamini & Hochberg is below 1 - `confidence`.
    """
    place, places, labels, weights = 0.0, [], [], []
    is_trend = (effects["reference"] == "").all()
    for group, rows in effects.groupby("group", sort=False):
        place += 1.0
        several = effects["group"].nunique() > 1
        if several:
            places.append(place)
            labels.append(str(group))
            weights.append("bold")
            place += 1.0
        for row in rows.to_dict("records"):
            found = row["p_bh"] < 1 - confidence
            colour = VERMILLION if found else GREY
            low, high = row["standardized_low"], row["standardized_high"]
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            axes.plot(
                row["standardized"], place, "o", markersize=6, color=colour,
                markerfacecolor=colour if found else "white", markeredgewidth=1.4,
            )  # fmt: skip
            places.append(place)
            labels.append(in_words(row["measure"]))
            weights.append("normal")
            axes.annotate(
                f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]   "
                f"p {p_value(row['p']) if row['p'] < 0.001 else '= ' + p_value(row['p'])}",
                (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8,
                annotation_clip=False,
            )  # fmt: skip
            place += 1.0
    axes.axvline(0.0, color=INK, linewidth=0.8)
    header = f"{'effect' if is_trend else 'difference'} [{100 * confidence:g} % interval]"
    axes.annotate(
        header, (1.02, 0.35), xycoords=("axes fraction", "data"), va="center", fontsize=8,
        color=GREY, annotation_clip=False,
    )  # fmt: skip
    axes.set_yticks(places, labels)
    for tick, weight in zip(axes.get_yticklabels(), weights, strict=True):
        tick.set_fontweight(weight)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place, 0.0)
    ends = effects[["standardized_low", "standardized_high"]].abs().to_numpy(float)
    reach = min(float(np.nanmax(ends)) * 1.05, 4 * float(np.nanmedian(ends)) + 1.0)
    axes.set_xlim(-reach, reach)
    first = effects.iloc[0]
    unit = "SD between animals"
    axes.set_xlabel(f"effect with {100 * confidence:g} % interval ({unit})")
    axes.set_title(_title(effects, first))
    grid_lines(axes, "x")


def draw_animals(axes: Axes, outcome: StatisticsOutcome, name: str) -> None:
    """Draw a point for each animal, joined where it is in several groups, and means with errors."""
    cells = outcome.animals[outcome.animals["measure"] == name]
    groups = _groups(outcome, cells)
    values = cells["value"].to_numpy(float)
    if _measure(name) in outcome.plan.circular:
        values = _unrolled(values)
    place = np.array([groups.index(group) for group in cells["group"]], float)
    across = place + _beside(values, place)
    for animal in cells["animal"].unique():
        own = np.flatnonzero(cells["animal"] == animal)
        own = own[np.argsort(place[own])]
        axes.plot(across[own], values[own], color=FAINT, linewidth=0.9, zorder=1)
    for number_of in range(len(groups)):
        inside = place == number_of
        own_values, colour = values[inside], COLOURS[number_of % len(COLOURS)]
        axes.scatter(across[inside], own_values, s=20, color=colour, alpha=0.8, linewidths=0)
        mean = own_values.mean()
        axes.plot([number_of - 0.3, number_of + 0.3], [mean] * 2, color=INK, linewidth=1.8)
        if len(own_values) > 1:
            half = float(own_values.std(ddof=1) / np.sqrt(len(own_values)))
            axes.errorbar(number_of, mean, half, color=INK, linewidth=1.2, capsize=3, zorder=3)
    labels = [f"{_short(group)} (n = {(place == k).sum()})" for k, group in enumerate(groups)]
    fits = len(groups) * max(map(len, labels)) <= _CHARACTERS
    if fits:
        axes.set_xticks(range(len(groups)), labels, fontsize=8)
    else:
        axes.set_xticks(range(len(groups)), labels, fontsize=8, rotation=30, ha="right")
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylabel(in_words(name))
    axes.set_title(_verdict(outcome, name), fontsize=8.5, fontweight="normal")
    grid_lines(axes)


def draw_speed(axes: Axes, outcome: StatisticsOutcome, name: str) -> None:
    """Draw how a measure depends on speed in each group: means over animals and their errors."""
    part = next(p for p in outcome.parts if part_name(p, _measure(name)) == name)
    plan = replace(outcome.plan, covariates=())
    speed = str(outcome.speed)
    profile = speed_profile(outcome.parts[part], _measure(name), plan, speed)
    for place, group in enumerate(_groups(outcome, profile)):
        own = profile[profile["group"] == group]
        several = own[own["animals"] > 1]  # a mean of one animal is that animal
        own = several if len(several) else own
        axes.errorbar(
            own["speed"], own["mean"], own["error"].fillna(0.0), capsize=2, linewidth=1.4,
            color=COLOURS[place % len(COLOURS)], marker="o", markersize=4, label=_short(group),
        )  # fmt: skip
    axes.set_xlabel(in_words(speed))
    axes.set_ylabel(in_words(name))
    axes.legend(loc="best", fontsize=7.5)
    grid_lines(axes, "both")


def _panels(
    path: Path, outcome: StatisticsOutcome, names: Sequence[str], draw: _Draw, below: str
) -> Path:
    """Draw one panel for each measure, and in small letters below what the bars are."""
    across = 2 if len(names) in {2, 4} else min(_ACROSS, len(names))
    wide = max(2.6, 1.0 + 0.36 * outcome.animals["group"].nunique())
    down = -(-len(names) // across)
    with drawing(path, wide * across + 0.2, 2.6 * down + 0.3) as figure:
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, name in zip(grid, names, strict=False):
            draw(axes, outcome, name)
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel(below, fontsize=7.5, color=GREY)
    return path


def _measure(name: str) -> str:
    """Return the column of a measure, without the part of the rows."""
    return name.rpartition(": ")[2]


def _unrolled(phases: Floats) -> Floats:
    """Return phases (n,) beside their mean, so that 0.98 and 0.02 are neighbours."""
    centre, _ = mean_direction(phases, np.arange(len(phases)))
    return np.asarray(wrapped(phases - centre) + centre)


def _groups(outcome: StatisticsOutcome, table: pd.DataFrame) -> list[str]:
    """Return the groups of a table, the reference first."""
    found = sorted(table["group"].unique())
    first = outcome.plan.reference
    if first is None or first not in found:
        return found
    return [first, *(group for group in found if group != first)]


def _beside(values: Floats, place: Floats) -> Floats:
    """Return shifts (n,) that set values of one group apart which would cover each other."""
    found = np.zeros(len(values))
    pattern = np.array([0.0, 0.09, -0.09, 0.18, -0.18])
    for one in np.unique(place):
        inside = np.flatnonzero(place == one)
        if len(inside) > 1:
            rank = np.argsort(np.argsort(values[inside], kind="stable"))
            found[inside] = pattern[rank % len(pattern)]
    return found


def _verdict(outcome: StatisticsOutcome, name: str) -> str:
    """Return what the comparison says of a measure, in one line."""
    own = outcome.main[outcome.main["measure"] == name]
    known = own[np.isfinite(own["p"].to_numpy(float))]
    if not len(known):
        return "not tested"
    best = known.sort_values("p", kind="stable").iloc[0]
    who = f"{_short(best['group'])}:\n" if len(own) > 1 else ""
    sign = "" if best["p_bh"] < 0.001 else "= "
    return f"{who}p (BH) {sign}{p_value(best['p_bh'])}"


def _title(effects: pd.DataFrame, first: pd.Series[Any]) -> str:
    against = f" against {first['reference']}" if first["reference"] else ""
    change = "" if first["reference"] else "Change "
    groups = effects["group"].unique()
    who = str(groups[0]) if len(groups) == 1 else "Groups"
    given = given_words(str(first["adjusted_for"]))
    return change + who + against + (f", adjusted for {given}" if given else "")


def _short(group: object) -> str:
    text = f"{group:g}" if isinstance(group, float) else str(group)
    return text if len(text) < 22 else text[:20] + "..."
