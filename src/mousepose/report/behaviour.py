"""Pictures of behaviour, ready for a paper: the ethogram, what was taken for what, the chances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from mousepose.analysis.behaviour.scores import Scores
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

if TYPE_CHECKING:
    import pandas as pd

    from mousepose.run.behaviour_apply import Behaviour

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, INK, GREY)
#: Recordings drawn one below the other.
_MOST_ROWS = 24
_MINUTE, _HOUR = 60.0, 3600.0


def draw_behaviour(folder: Path, found: Sequence[Behaviour]) -> list[Path]:
    """Draw the ethogram and the time of each behaviour into a folder; return the paths.

    Of more than 24 recordings the first 24 are drawn.
    """
    shown = found[:_MOST_ROWS]
    classes = sorted({name for one in found for name in one.chances.classes})
    path = folder / "ethogram.png"
    height = 1.5 + (0.28 * len(classes) if len(shown) == 1 else 0.32 * len(shown))
    with drawing(path, 7.2, height) as figure:
        if len(shown) == 1:
            draw_ethogram(figure.subplots(), shown[0], classes)
        else:
            draw_recordings(figure.subplots(), shown, classes)
    return [path]


def draw_scores(folder: Path, scores: Scores) -> list[Path]:
    """Draw confusion and reliability into a folder; return the paths of the pictures."""
    written = [folder / "confusion.png", folder / "reliability.png"]
    size = 2.0 + 0.45 * len(scores.classes)
    with drawing(written[0], size + 0.6, size) as figure:
        draw_confusion(figure.subplots(), scores)
    with drawing(written[1], 3.8, 3.6) as figure:
        draw_reliability(figure.subplots(), scores)
    return written


def draw_ethogram(axes: Axes, one: Behaviour, classes: Sequence[str]) -> None:
    """Draw the bouts of one recording, a row for each behaviour, and each one's share of time."""
    begin, end = float(one.chances.start[0]), float(one.chances.stop[-1])
    unit, name = _unit(end - begin)
    total = float((one.chances.stop - one.chances.start).sum())
    for row, behaviour in enumerate(classes):
        own = one.bouts[one.bouts["behaviour"] == behaviour]
        _bars(axes, own, row, _colour(row), unit)
        share = own["duration_s"].sum() / total
        axes.text(
            1.01, row, f"{share:.0%}", transform=axes.get_yaxis_transform(), va="center", color=INK
        )
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlim(begin / unit, end / unit)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"time ({name})")
    axes.set_title(f"{one.animal}: {len(one.bouts):,} bouts")
    grid_lines(axes, "x")


def draw_recordings(axes: Axes, found: Sequence[Behaviour], classes: Sequence[str]) -> None:
    """Draw the bouts of several recordings, a row each, behaviours by colour."""
    end = max(float(one.chances.stop[-1]) for one in found)
    unit, name = _unit(end)
    for row, one in enumerate(found):
        for place, behaviour in enumerate(classes):
            own = one.bouts[one.bouts["behaviour"] == behaviour]
            _bars(axes, own, row, _colour(place), unit)
    for place, behaviour in enumerate(classes):
        axes.plot([], [], color=_colour(place), linewidth=6, label=behaviour)
    axes.set_yticks(range(len(found)), [one.animal for one in found])
    axes.set_xlim(0, end / unit)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"time ({name})")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(classes), 5), handlelength=0.8
    )


def draw_confusion(axes: Axes, scores: Scores) -> None:
    """Draw what clips were taken for: shares of each row as colour, counts as numbers."""
    total = np.maximum(scores.confusion.sum(axis=1, keepdims=True), 1)
    share = scores.confusion / total
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(scores.confusion > 0):
        axes.text(
            column, row, f"{scores.confusion[row, column]:,}", ha="center", va="center",
            color="white" if share[row, column] > 0.55 else INK,
        )  # fmt: skip
    places = range(len(scores.classes))
    axes.set_xticks(places, scores.classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, scores.classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("labelled as")
    counted = f"{scores.confusion.sum():,} clips"
    if scores.groups_are != "clips":
        counted = f"{scores.animals} {scores.groups_are}, {counted}"
    axes.set_title(f"{scores.accuracy:.1%} right\n{counted}")


def draw_reliability(axes: Axes, scores: Scores) -> None:
    """Draw how often clips were right that were given some chance; on the line is as it should."""
    table = scores.reliability
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    share = table["clips"] / table["clips"].max()
    axes.bar(table["said"], 0.12 * share, width=0.05, color=FAINT)
    axes.plot(table["said"], table["right"], color=BLUE, marker="o", markersize=5, linewidth=1.4)
    for said, height, clips in zip(table["said"], 0.12 * share, table["clips"], strict=True):
        axes.text(said, height + 0.01, f"{clips:,}", ha="center", fontsize=7, color=GREY)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("chance given")
    axes.set_ylabel("share that was right")
    axes.set_title(f"Calibration error {scores.calibration_error:.3f}")
    grid_lines(axes, "both")


def _bars(axes: Axes, bouts: pd.DataFrame, row: int, colour: str, unit: float) -> None:
    spans = list(zip(bouts["start_s"] / unit, bouts["duration_s"] / unit, strict=True))
    axes.broken_barh(spans, (row - 0.36, 0.72), color=colour, linewidth=0)


def _colour(place: int) -> str:
    """Return a behaviour's colour: those of the palette, then others."""
    if place < len(COLOURS):
        return COLOURS[place]
    return to_hex(colormaps["tab20"]((place - len(COLOURS)) % 20))


def _unit(seconds: float) -> tuple[float, str]:
    """Return what time is shown in, in s and by name."""
    if seconds > 3 * _HOUR:
        return _HOUR, "h"
    return (_MINUTE, "min") if seconds > 3 * _MINUTE else (1.0, "s")
