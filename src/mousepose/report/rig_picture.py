"""The picture of what to expect of planned recordings: one setting by parts, or error over one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from mousepose.report.canvas import (
    BLUE,
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
from mousepose.report.rig import PARTS, RigAccuracy
from mousepose.types import require

_COLOURS = dict(zip(PARTS, (INK, BLUE, GREEN, PURPLE, SKY, VERMILLION, ORANGE), strict=True))
_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class RigResult:
    """One planned setting, named by what differs between settings, and what to expect of it."""

    setting: Mapping[str, float | str]
    accuracy: RigAccuracy


def plot_rigs(results: Sequence[RigResult], path: str | Path) -> None:
    """Draw the errors to be expected as a PNG at `path`.

    One setting: its parts as bars. Several: each part's error over what differs first, and a line
    style for every value of what differs second. Raises `InputError` where nothing is given.
    """
    require(len(results) > 0, "no settings: nothing can be drawn")
    with drawing(path, 8.6, 4.6) as figure:
        axes = figure.subplots()
        if len(results) == 1:
            _draw_parts(axes, results[0].accuracy)
            axes.set_title("Error to be expected, simulated walks")
        else:
            _draw_over(axes, results)
            axes.set_ylabel("mean error, root-aligned (mm)")
            axes.set_title("Error to be expected, simulated walks")
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def shown(value: float | str) -> str:
    """Return a setting's value as people write it."""
    return value if isinstance(value, str) else f"{value:g}"


def _draw_parts(axes: Axes, accuracy: RigAccuracy) -> None:
    rows = list(range(len(PARTS)))
    found = [accuracy.parts[part] for part in PARTS]
    axes.barh([row - 0.19 for row in rows], [one.root for one in found], height=0.34, color=BLUE)
    axes.barh([row + 0.19 for row in rows], [one.place for one in found], height=0.34, color=SKY)
    axes.barh(0, 0, color=BLUE, label="root-aligned: the pose itself")
    axes.barh(0, 0, color=SKY, label="in place: pose and where the mouse is")
    for row, one in zip(rows, found, strict=True):
        if one.points:
            label = f" {one.in_90_region:.0%}"
            axes.text(max(one.root, one.place), row, label, va="center", fontsize=8)
    axes.set_yticks(rows, PARTS)
    axes.set_ylim(len(PARTS) - 0.4, -0.6)
    axes.set_xlim(0, 1.08 * axes.get_xlim()[1])
    axes.set_xlabel("mean error (mm); the number is how often the truth lies in the 90 % region")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.3), ncols=2)
    grid_lines(axes, "x")


def _draw_over(axes: Axes, results: Sequence[RigResult]) -> None:
    first, *others = results[0].setting
    values = list(dict.fromkeys(result.setting[first] for result in results))
    numbers = [value for value in values if isinstance(value, int | float)]
    places: Sequence[float] = numbers if len(numbers) == len(values) else range(len(values))
    kinds = list(dict.fromkeys(tuple(r.setting[o] for o in others) for r in results))
    for kind, style in zip(kinds, _STYLES * (1 + len(kinds) // len(_STYLES)), strict=False):
        found = {
            r.setting[first]: r.accuracy
            for r in results
            if tuple(r.setting[o] for o in others) == kind
        }
        for part in ("all", "trunk", "knees and elbows", "feet seen", "feet not seen"):
            errors = [found[value].parts[part].root for value in values]
            label = part if kind == kinds[0] else None
            axes.plot(
                places, errors, style, marker="o", markersize=4, color=_COLOURS[part], label=label
            )
        if others:
            told = ", ".join(f"{o} {shown(v)}" for o, v in zip(others, kind, strict=True))
            axes.plot([], [], style, color=GREY, label=told)
    axes.set_xticks(places, [shown(value) for value in values])
    axes.set_xlabel(first)
    axes.set_ylim(bottom=0)
    grid_lines(axes)
