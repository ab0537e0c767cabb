"""Pictures of keypoint maps on the standing body: where marks sit, and how learning moved them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import KeypointMap
from mousepose.fit.offsets import LearnedOffsets
from mousepose.fit.offsets_ties import mirror_ties
from mousepose.report.canvas import BLUE, FAINT, GREY, INK, VERMILLION, drawing, grid_lines
from mousepose.types import Floats

#: Which two axes of forward, left and up point right and up in each view.
_VIEWS = {"from its right": (0, 2), "from behind": (1, 2), "from above": (0, 1)}
#: mm around the marks; inches of ticks and labels beside and above the views.
_MARGIN, _BESIDE, _ABOVE = 6.0, 0.8, 1.9
_WIDTH = 12.0
#: Columns of names under a map.
_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class _Figure:
    """A map on the standing animal: marks (M, 3) and joints (J, 3) mm forward, left, up.

    `number` (M,) is shared by the two of a pair; `shown` (M,) tells which bear it in the picture.
    """

    names: tuple[str, ...]
    marks: Floats
    joints: Floats
    bones: list[tuple[int, int]]
    number: list[int]
    shown: list[bool]

    @classmethod
    def of(cls, keypoint_map: KeypointMap) -> _Figure:
        body = default_body()
        partner = mirror_ties(keypoint_map, body).partner
        number: list[int] = []
        for mark, other in enumerate(partner):
            number.append(number[other] if other < mark else max(number, default=0) + 1)
        points = body.marks(body.rest_pose(), keypoint_map.marks(body)) @ body.axes.T
        return cls(
            keypoint_map.names,
            np.asarray(points),
            np.asarray(body.rest @ body.axes.T),
            [(p, j) for j, p in enumerate(body.skeleton.parents) if p >= 0],
            number,
            [bool(other == mark or points[mark, 1] >= 0) for mark, other in enumerate(partner)],
        )

    def label(self, mark: int) -> str:
        """Return a mark's number and the names that bear it."""
        same = [n for n, k in zip(self.names, self.number, strict=True) if k == self.number[mark]]
        return f"{self.number[mark]}  {', '.join(same)}"


def plot_keypoint_map(keypoint_map: KeypointMap, path: str | Path) -> None:
    """Draw where a map's keypoints sit on the standing body, from three sides, as a PNG at `path`.

    Shades are how far a mark wanders (1 SD); numbers stand for the names listed below.
    """
    standing = _Figure.of(keypoint_map)
    chosen = _first_of_each(standing)
    rows = -(-len(chosen) // _COLUMNS)
    with drawing(path, _WIDTH, _height_of(standing) + 0.2 * rows) as figure:
        for axes, plane in _views(figure, standing):
            _draw_spread(axes, standing.marks, keypoint_map.sigma, plane, BLUE)
            _draw_marks(axes, standing.marks, plane, BLUE, filled=True)
            _draw_numbers(axes, standing, plane)
        legend = [Line2D([], [], linestyle="none", label=standing.label(m)) for m in chosen]
        figure.legend(
            handles=legend, loc="outside lower center", ncols=_COLUMNS, handlelength=0, fontsize=8
        )


def plot_learned_offsets(learned: LearnedOffsets, path: str | Path) -> None:
    """Draw marks before and after learning and how well held-out frames fit, as a PNG at `path`.

    Hollow: the guess; filled: learned, with its uncertainty (1 SD) as a shade; grey: kept. Below,
    the median residual of every mark in frames that nothing was learned from.
    """
    before, after = _Figure.of(learned.guess), _Figure.of(learned.keypoint_map)
    marks = learned.marks
    moved = np.array([mark.learned for mark in marks])
    sd = np.array([np.sqrt((mark.sd**2).mean()) for mark in marks])
    chosen = _first_of_each(after)
    heights = (_height_of(after), 0.8 + 0.22 * len(chosen))
    with drawing(path, _WIDTH, sum(heights)) as figure:
        halves = figure.add_gridspec(2, 1, height_ratios=heights)
        top, bottom = figure.add_subfigure(halves[0]), figure.add_subfigure(halves[1])
        for axes, plane in _views(top, after):
            _draw_spread(axes, after.marks[moved], sd[moved], plane, VERMILLION)
            ways = np.stack([before.marks[moved], after.marks[moved]], axis=1)[:, :, plane]
            axes.add_collection(LineCollection(list(ways), colors=VERMILLION, linewidths=0.9))
            _draw_marks(axes, before.marks[moved], plane, VERMILLION, filled=False)
            _draw_marks(axes, after.marks[moved], plane, VERMILLION, filled=True)
            _draw_marks(axes, after.marks[~moved], plane, GREY, filled=True)
            _draw_numbers(axes, after, plane)
        _draw_residuals(bottom.subplots(), learned, after, chosen)
        top.legend(handles=_legend(), loc="lower right")


def _legend() -> list[Line2D]:
    dot = {"marker": "o", "linestyle": "none", "markersize": 5}
    return [
        Line2D([], [], color=VERMILLION, markerfacecolor="white", label="guess", **dot),  # type: ignore[arg-type]
        Line2D([], [], color=VERMILLION, label="learned, shade: 1 SD", **dot),  # type: ignore[arg-type]
        Line2D([], [], color=GREY, label="kept", **dot),  # type: ignore[arg-type]
    ]


def _first_of_each(figure: _Figure) -> list[int]:
    """Return the first mark of every number."""
    return [figure.number.index(number) for number in sorted(set(figure.number))]


def _size(figure: _Figure) -> Floats:
    """Return how far the standing animal with its marks reaches (3,) mm, margins included."""
    points = np.concatenate([figure.joints, figure.marks])
    return np.asarray(points.max(0) - points.min(0) + 2 * _MARGIN)


def _height_of(figure: _Figure) -> float:
    """Return the inches that the views need one above the other."""
    forward, left, up = _size(figure)
    scale = (_WIDTH - _BESIDE) / (forward + left)
    return float(scale * (left + up)) + _ABOVE


def _views(parent: Figure | SubFigure, figure: _Figure) -> Iterator[tuple[Axes, tuple[int, int]]]:
    """Yield axes with the standing body on them and their plane, all in one scale."""
    forward, left, up = _size(figure)
    grid = parent.add_gridspec(2, 2, width_ratios=(forward, left), height_ratios=(up, left))
    points = np.concatenate([figure.joints, figure.marks])
    for cell, (title, plane) in zip(
        (grid[0, 0], grid[0, 1], grid[1, 0]), _VIEWS.items(), strict=True
    ):
        axes = parent.add_subplot(cell)
        lines = [figure.joints[list(bone)][:, plane] for bone in figure.bones]
        axes.add_collection(LineCollection(lines, colors=FAINT, linewidths=3.0, zorder=0))
        axes.set_title(title)
        low, high = points[:, plane].min(0) - _MARGIN, points[:, plane].max(0) + _MARGIN
        ends = (high[0], low[0]) if plane == (1, 2) else (low[0], high[0])
        axes.set_xlim(*ends)  # seen from behind, left is on the left
        axes.set_ylim(low[1], high[1])
        axes.set_aspect("equal")
        axes.set_xlabel("mm")
        axes.tick_params(labelsize=7.5)
        yield axes, plane


def _draw_spread(
    axes: Axes, points: Floats, sd: Floats, plane: tuple[int, int], colour: str
) -> None:
    axes.add_collection(
        EllipseCollection(
            2 * sd,
            2 * sd,
            np.zeros(len(sd)),
            units="xy",
            offsets=points[:, plane],
            transOffset=axes.transData,
            facecolors=colour,
            alpha=0.13,
            linewidths=0,
            zorder=1,
        )
    )


def _draw_marks(
    axes: Axes, points: Floats, plane: tuple[int, int], colour: str, *, filled: bool
) -> None:
    axes.scatter(
        points[:, plane[0]],
        points[:, plane[1]],
        s=16,
        facecolors=colour if filled else "white",
        edgecolors=colour,
        linewidths=0.9,
        zorder=3,
    )


def _draw_numbers(axes: Axes, figure: _Figure, plane: tuple[int, int]) -> None:
    for mark, (number, shown) in enumerate(zip(figure.number, figure.shown, strict=True)):
        if shown:
            x, y = (float(value) for value in figure.marks[mark, plane])
            axes.annotate(
                str(number), (x, y), xytext=(3, 3), fontsize=7, color=INK,
                textcoords="offset points", zorder=4,
            )  # fmt: skip


def _draw_residuals(
    axes: Axes, learned: LearnedOffsets, figure: _Figure, chosen: list[int]
) -> None:
    """Draw a line for every mark or pair: its median residual with the guess and after."""
    rows = np.arange(len(chosen))[::-1]
    for row, mark in zip(rows, chosen, strict=True):
        same = [m for m, number in enumerate(figure.number) if number == figure.number[mark]]
        before, after = (
            np.array([getattr(learned.marks[m], f"{side}_px") for m in same])
            for side in ("before", "after")
        )
        known = np.isfinite(before) & np.isfinite(after)
        if not known.any():
            continue
        ends = [float(before[known].mean()), float(after[known].mean())]
        kept = not learned.marks[mark].learned
        colour = GREY if kept else VERMILLION
        axes.plot(ends, [row, row], color=colour, linewidth=1.2, zorder=1)
        axes.scatter(ends, [row, row], s=26, facecolors=["white", colour], edgecolors=colour)
    axes.set_yticks(rows, [figure.label(mark) for mark in chosen], fontsize=7.5)
    axes.set_ylim(-0.7, len(chosen) - 0.3)
    axes.set_xlim(left=0)
    axes.set_xlabel("median residual in held-out frames (px), hollow: with the guess")
    grid_lines(axes, "x")
