"""The picture of a learned prior: how it scored on held-out poses, and what it takes mice for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from mousepose.report.canvas import BLUE, INK, VERMILLION, drawing, grid_lines
from mousepose.report.stick import Stick, draw_stick, stick_legend
from mousepose.types import Floats

if TYPE_CHECKING:
    from mousepose.run.learn_prior import LearnedPrior

#: Room about a drawn animal, as a share of its length.
_ROOM = 0.25
#: What the legend of a stick figure says of points, which are all alike here.
_STATES = ("seen", "inferred")
#: Which of x, y, z are drawn.
_VIEWS = (("from above", (0, 1)), ("from the right", (0, 2)))


def plot_prior(path: str | Path, learned: LearnedPrior) -> None:
    """Draw held-out likelihood by number of components, poses learned from, and poses sampled.

    Raises `FileError` where the folder is missing.
    """
    stick = Stick.of(learned.joint_names)
    with drawing(path, 12.0, 10.0) as figure:
        grid: Any = figure.add_gridspec(5, 2, height_ratios=[2.2, 1, 1, 1, 1])
        scores = figure.add_subplot(grid[0, 0])
        _draw_scores(scores, learned)
        _write_words(figure.add_subplot(grid[0, 1]), learned, scores.get_legend_handles_labels()[0])
        row = 1
        for title, points in (
            ("Poses learned from", learned.examples),
            ("Poses drawn from the prior", learned.sampled),
        ):
            for view, plane in _VIEWS:
                axes = figure.add_subplot(grid[row, :])
                _draw_poses(axes, stick, points[..., list(plane)])
                axes.set_title(f"{title}, {view}")
                row += 1


def _draw_scores(axes: Axes, learned: LearnedPrior) -> None:
    """Draw every candidate's score with its spread over the folds, and the training score."""
    for structure, colour in (("full", BLUE), ("along the tree", VERMILLION)):
        scored = [one for one in learned.scores if one.structure == structure]
        if not scored:
            continue
        count = [one.components for one in scored]
        name = f"covariance {structure}"
        for fold in np.array([one.by_fold for one in scored]).T:
            axes.plot(count, fold, color=colour, linewidth=0.6, alpha=0.5)
        mean = [one.mean for one in scored]
        axes.plot(count, mean, "o-", color=colour, linewidth=2, label=f"{name}: held out")
        training = [one.training for one in scored]
        axes.plot(count, training, "--", color=colour, linewidth=1, label=f"{name}: learned from")
    chosen = learned.chosen
    axes.plot([chosen.components], [chosen.mean], "o", markersize=14, markerfacecolor="none",
              markeredgecolor=INK, label="chosen")  # fmt: skip
    axes.set_xticks(sorted({one.components for one in learned.scores}))
    axes.set_xlabel("components")
    axes.set_ylabel("nats per pose")
    axes.set_title("Log likelihood of poses")
    grid_lines(axes)


def _write_words(axes: Axes, learned: LearnedPrior, lines_drawn: list[Artist]) -> None:
    """Write what was learned, what the lines beside it are, and the colours of the poses below."""
    notes, chosen = learned.notes, learned.chosen
    kind = "joint angles" if notes["kind"] == "tree" else "aligned joint positions"
    lines = [
        f"{notes['poses']} poses of {len(notes['inputs'])} file(s)",
        f"mixture over {kind}",
        f"held out {notes['split']}",
        f"taken: {chosen.components} component(s), covariance {chosen.structure}",
        "thin lines: single folds",
    ]
    axes.axis("off")
    axes.text(0.03, 0.55, "\n".join(lines), va="top", linespacing=1.5, transform=axes.transAxes)
    axes.add_artist(axes.legend(handles=lines_drawn, loc="upper left"))
    colours = [line for line in stick_legend(regions=False) if line.get_label() not in _STATES]
    axes.legend(handles=colours, loc="lower left", ncols=3)


def _draw_poses(axes: Axes, stick: Stick, points: Floats) -> None:
    """Draw flat animals (N, J, 2) beside each other, all to one scale."""
    low, high = points.min((0, 1)), points.max((0, 1))
    step = (high - low)[0] * (1 + _ROOM)
    for column, animal in enumerate(points):
        draw_stick(axes, stick, animal + [column * step, 0.0], size=2.6)
    axes.set_xlim(low[0] - _ROOM * step, low[0] + len(points) * step)
    room = _ROOM * (high - low)[1] / 2
    axes.set_ylim(low[1] - room, high[1] + room)
    axes.set_aspect("equal", adjustable="box")
    axes.axis("off")
