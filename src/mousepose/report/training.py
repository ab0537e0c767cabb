"""Pictures of training: learning curves, and found keypoints drawn on crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS
from mousepose.types import Bytes, Floats

_COLOURS = (BLUE, VERMILLION, ORANGE, GREEN, PURPLE, SKY, INK, GREY)
_PARENTS = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NOSE", "RIGHT_EAR": "NOSE"}
_SIDES = {"LEFT": "#00C8FF", "RIGHT": "#FF5050"}
_MIDLINE, _TRUTH = "#FFE040", "#40FF40"
_COLUMNS = 8


def draw_curves(history: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Draw the loss and the figures on what was held out, against pictures learnt from, as a PNG.

    `history` is that of training: a row for each measurement.
    """
    sets = sorted({key.rpartition(".")[0] for row in history for key in row
                   if key.endswith(".median_percent")})  # fmt: skip
    steps = [row["step"] for row in history]
    with drawing(path, 10.5, 3.4) as figure:
        panels = figure.subplots(1, 3)
        panels[0].plot(steps, [row.get("train.loss", np.nan) for row in history], color=BLUE)
        panels[0].set_title("Loss, nats above the best", fontsize=9)
        panels[0].set_ylim(bottom=0)
        for panel, key, title in (
            (panels[1], "median_percent", "Median error held out, % of body length"),
            (panels[2], "pck10", "Points within 10 %, held out, %"),
        ):
            for k, name in enumerate(sets):
                values = [row.get(f"{name}.{key}", np.nan) for row in history]
                colour = _COLOURS[k % len(_COLOURS)]
                panel.plot(steps, values, color=colour, label=name, linewidth=1.3)
            panel.set_title(title, fontsize=9)
            if sets:
                panel.legend(fontsize=7, frameon=False)
        panels[1].set_ylim(bottom=0)
        panels[2].set_ylim(0, 100)
        for panel in panels:
            panel.set_xlabel("steps")
            grid_lines(panel)


def draw_reliability(
    curves: Mapping[str, tuple[Floats, NDArray[np.bool_]]], path: str | Path, steps: int = 8
) -> None:
    """Draw how often points of each confidence were right, for each set, as a PNG.

    `curves` holds confidences (M,) and whether each point was right (M,).
    """
    with drawing(path, 4.6, 4.4) as figure:
        panel = figure.subplots()
        panel.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        for k, (name, (confidence, right)) in enumerate(curves.items()):
            groups = np.array_split(np.argsort(confidence), min(steps, max(len(right) // 20, 1)))
            said = [confidence[group].mean() for group in groups if group.size]
            was = [right[group].mean() for group in groups if group.size]
            colour = _COLOURS[k % len(_COLOURS)]
            panel.plot(said, was, "o-", color=colour, label=name, linewidth=1.2, markersize=3)
        panel.set_xlabel("confidence")
        panel.set_ylabel("share within 10 % of body length")
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1)
        panel.legend(fontsize=7, frameon=False)
        grid_lines(panel)


def draw_crops(
    crops: Bytes,
    xy: Floats,
    confidence: Floats,
    names: Sequence[str],
    path: str | Path,
    truth: Floats | None = None,
) -> None:
    """Draw keypoints (N, K, 2) px on crops (N, S, S) in rows as a PNG; faint ones are unsure.

    Left is blue, right is red, the midline yellow; crosses are labels (N, K, 2), NaN = none.
    """
    columns = min(_COLUMNS, len(crops))
    rows = -(-len(crops) // columns)
    size = crops.shape[-1]
    with drawing(path, 1.9 * columns, 1.9 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for k, panel in enumerate(grid):
            panel.set_axis_off()
            if k >= len(crops):
                continue
            panel.imshow(crops[k], cmap="gray", vmin=0, vmax=255)
            panel.set_xlim(-0.5, size - 0.5)
            panel.set_ylim(size - 0.5, -0.5)
            for place, name in enumerate(names):
                colour = _SIDES.get(name.partition("_")[0], _MIDLINE)
                sure = float(np.clip(confidence[k, place], 0.12, 1))
                x, y = xy[k, place]
                panel.plot(x, y, "o", color=colour, markersize=2.4, alpha=sure)
                parent = _PARENTS.get(name)
                if parent in names:
                    there = xy[k, names.index(parent)]
                    panel.plot([x, there[0]], [y, there[1]], color=colour, linewidth=0.6,
                               alpha=sure)  # fmt: skip
            if truth is not None:
                panel.plot(truth[k, :, 0], truth[k, :, 1], "x", color=_TRUTH, markersize=3,
                           markeredgewidth=0.7)  # fmt: skip
