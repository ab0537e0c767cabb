"""Pictures of how well an attribute is predicted: the comparison, ROC curves, confusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy.integrate import trapezoid

from mousepose.analysis.attributes.compare import ALL, Comparison
from mousepose.analysis.attributes.scores import confusion, roc_curve
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

_COLOURS = {"2d": ORANGE, "3d": BLUE, "angles": GREEN, "gait": PURPLE, ALL: INK}
_OTHERS = (VERMILLION, SKY, BLUE, ORANGE, GREEN, PURPLE)
#: Names of sets as a reader wants them.
WORDS = {"2d": "2D keypoints", "3d": "3D keypoints", "angles": "joint angles", ALL: "all together"}


def draw_attribute(folder: Path, found: Comparison) -> list[Path]:
    """Draw the pictures into a folder and return their paths."""
    differs = len(found.differences) > 0
    path = folder / "comparison.png"
    with drawing(path, 7.2 if differs else 4.6, 1.3 + 0.32 * _rows(found)) as figure:
        panels = figure.subplots(1, 2 if differs else 1, squeeze=False)[0]
        draw_scores(panels[0], found)
        if differs:
            draw_differences(panels[1], found)
    written = [path]
    if found.task.is_number:
        path = folder / "predicted.png"
        with drawing(path, 4.2, 4.0) as figure:
            draw_predicted(figure.subplots(), found)
        return [*written, path]
    path = folder / "roc.png"
    with drawing(path, 4.6, 4.4) as figure:
        draw_roc(figure.subplots(), found)
    written.append(path)
    path = folder / "confusion.png"
    side = 2.6 + 0.55 * len(found.task.classes)
    with drawing(path, side + 1.0, side) as figure:
        draw_confusion(figure.subplots(), found)
    return [*written, path]


def main_set(found: Comparison) -> str:
    """Return the set that single pictures show: all features together, where there are several."""
    return str(found.sets["features"].iloc[-1])


def words(name: str) -> str:
    """Return the name of a set as a reader wants it."""
    return WORDS.get(name, name)


def draw_scores(axes: Axes, found: Comparison) -> None:
    """Draw the score of each set with its interval, and where shuffled labels come to lie."""
    table = found.sets
    for place, row in enumerate(table.to_dict("records")):
        if "shuffled_low" in row:
            wide = row["shuffled_high"] - row["shuffled_low"]
            axes.barh(place, wide, left=row["shuffled_low"], height=0.62, color=FAINT)
        colour = _colour(row["features"], place)
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
        axes.plot(row["score"], place, "o", color=colour, markersize=6)
    chance = 0.0 if found.task.is_number else 0.5
    axes.axvline(chance, color=GREY, linewidth=0.8, linestyle=":")
    _name_rows(axes, [words(name) for name in table["features"]])
    if found.task.is_number:
        axes.set_xlim(left=max(-1.0, axes.get_xlim()[0]))
        measure = "R\N{SUPERSCRIPT TWO} in animals left out"
    else:
        axes.set_xlim(min(0.2, float(table["low"].min()) - 0.03), 1.02)
        measure = "area under the ROC curve"
    grey = "\n(grey: 95 % of shuffled labels)" if "shuffled_low" in table else ""
    axes.set_xlabel(measure + grey)
    axes.set_title(f"{found.task.attribute}, n = {len(found.task.animals)} animals")


def draw_differences(axes: Axes, found: Comparison) -> None:
    """Draw by how much each set predicts better than each other, with intervals."""
    table = found.differences
    for place, row in enumerate(table.to_dict("records")):
        sure = row["low"] > 0 or row["high"] < 0
        colour = BLUE if sure else GREY
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
        axes.plot(row["difference"], place, "o", color=colour, markersize=5)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
    names = zip(table["features"], table["less"], strict=True)
    _name_rows(axes, [f"{_short(one)} \N{MINUS SIGN} {_short(other)}" for one, other in names])
    axes.set_xlabel("difference\n(coloured: interval without 0)")
    axes.set_title("Which tells more")


def draw_roc(axes: Axes, found: Comparison) -> None:
    """Draw the ROC curve of each set of two classes, or of each of several against the rest."""
    classes = found.task.classes
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    if len(classes) == 2:
        for place, row in enumerate(found.sets.to_dict("records")):
            rates = roc_curve(found.task, found.predictions[row["features"]], 1)
            label = f"{words(row['features'])}: {row['score']:.2f}"
            axes.plot(*rates, color=_colour(row["features"], place), linewidth=1.6, label=label)
        title = f"{classes[1]} v {classes[0]}"
    else:
        name = main_set(found)
        for place, of_class in enumerate(classes):
            rates = roc_curve(found.task, found.predictions[name], place)
            area = trapezoid(rates[1], rates[0])
            label = f"{of_class} v rest: {area:.2f}"
            axes.plot(*rates, color=_OTHERS[place % len(_OTHERS)], linewidth=1.6, label=label)
        title = f"{found.task.attribute}, {words(name)}"
    axes.set_xlabel("false positives")
    axes.set_ylabel("true positives")
    axes.set_title(f"{title}, n = {len(found.task.animals)} animals")
    axes.set_aspect("equal")
    axes.legend(loc="lower right")
    grid_lines(axes, "both")


def draw_confusion(axes: Axes, found: Comparison) -> None:
    """Draw for which class the samples of each class are taken, in percent and in numbers."""
    task, name = found.task, main_set(found)
    counts = confusion(task, found.predictions[name].guess)
    share = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        dark = share[row, column] > 0.5
        axes.text(
            column, row, f"{100 * share[row, column]:.0f} %\n{counts[row, column]:.1f}",
            ha="center", va="center", color="white" if dark else INK,
        )  # fmt: skip
    number = counts.sum(axis=1)
    labels = [f"{one} ({n:.0f})" for one, n in zip(task.classes, number, strict=True)]
    axes.set_xticks(range(len(task.classes)), task.classes, rotation=20 if len(labels) > 3 else 0)
    axes.set_yticks(range(len(task.classes)), labels)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (n)")
    axes.set_title(words(name))


def draw_predicted(axes: Axes, found: Comparison) -> None:
    """Draw what is predicted of each animal against its true number."""
    name = main_set(found)
    true, said = found.task.target[:, 0], found.predictions[name].mean[:, 0]
    both = np.concatenate([true, said])
    limits = (float(both.min()), float(both.max()))
    axes.plot(limits, limits, color=GREY, linewidth=0.8, linestyle=":")
    axes.scatter(true, said, s=22, color=_colour(name, 0), alpha=0.75, linewidths=0)
    score = found.sets.iloc[-1]
    axes.set_xlabel(f"{found.task.attribute}, true")
    axes.set_ylabel("predicted by models that had not seen the animal")
    axes.set_title(f"{words(name)}: mean error {score['mean_error']:.3g}, n = {len(true)}")
    grid_lines(axes, "both")


def _colour(name: str, place: int) -> str:
    return _COLOURS.get(name, _OTHERS[place % len(_OTHERS)])


def _short(name: str) -> str:
    return {"2d": "2D", "3d": "3D"}.get(name, name)


def _rows(found: Comparison) -> int:
    return max(len(found.sets), len(found.differences), 2)


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    grid_lines(axes, "x")
