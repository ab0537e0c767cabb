"""The pictures of a report: the whole recording at a glance, and the best and worst seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from mousepose.body.model import BodyModel
from mousepose.report.canvas import BLUE, GREY, INK, ORANGE, SKY, VERMILLION, drawing, grid_lines
from mousepose.report.page_stage import Stage
from mousepose.report.plots import plot_joint_angles
from mousepose.report.sides import plot_pose_sides
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Clip, Survey
from mousepose.sequence import join_sequences
from mousepose.types import Floats, PoseSequence

if TYPE_CHECKING:
    import pandas as pd

#: A line through time has so many columns at most.
_COLUMNS = 500
_PATH_POINTS = 6000
#: Seconds of joint angles that can be read on a page.
_ANGLES_S = 6.0


def draw_whole(path: Path, result: Result, stage: Stage, found: Survey) -> None:
    """Draw the way of the animal on the floor, and what was seen and how well it fits in time."""
    with drawing(path, 10.0, 4.4) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=[1, 1.5], squeeze=False).flat
        _draw_way(left.subplots(), result, stage)
        upper, lower = right.subplots(2, 1, sharex=True)
        times = result.times
        edges = np.linspace(times[0], times[-1] + 1e-9, min(_COLUMNS, len(times)) + 1)
        middle = (edges[:-1] + edges[1:]) / 2
        bins = np.clip(np.digitize(times, edges) - 1, 0, len(middle) - 1)
        seen = 100 * _means(found.seen, bins, len(middle))
        upper.fill_between(middle, 0, seen, color=SKY, linewidth=0, step="mid", label="seen")
        upper.fill_between(
            middle, seen, 100, color=ORANGE, alpha=0.6, linewidth=0, step="mid",
            label="inferred or absent",
        )  # fmt: skip
        upper.set_ylim(0, 100)
        upper.set_ylabel("%")
        upper.set_title("Keypoints seen")
        upper.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2)
        lower.plot(middle, _means(found.misfit, bins, len(middle)), color=BLUE, linewidth=1.1)
        lower.set_title("Misfit: how far keypoints lie from the pose")
        lower.set_ylabel("SD")
        lower.set_ylim(bottom=0)
        lower.set_xlabel("time (s)")
        lower.margins(x=0)
        grid_lines(lower)


def _draw_way(axes: Axes, result: Result, stage: Stage) -> None:
    step = max(1, len(result) // _PATH_POINTS)
    names = [f"root_translation_{axis}" for axis in "xyz"]
    pieces = [
        np.stack([table.column(name).to_numpy() for name in names], axis=-1)[-first % step :: step]
        for first, table in result.columns(names)
    ]
    way = stage.place(np.concatenate(pieces))
    axes.plot(way[:, 0], way[:, 1], color=BLUE, linewidth=0.8, alpha=0.8)
    known = way[np.isfinite(way).all(axis=1)]
    if len(known):
        axes.plot(*known[0, :2], "o", color=INK, markerfacecolor="white", label="start")
        axes.plot(*known[-1, :2], "s", color=INK, label="end")
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.12), ncols=2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set_title("Way on the floor, from above")
    axes.set_xlabel("mm")
    axes.set_ylabel("mm")
    grid_lines(axes, "both")


def draw_poses(path: Path, result: Result, clips: Sequence[Clip]) -> list[Clip]:
    """Draw the middle pose of some clips from four sides; return those that have one."""
    drawn, pieces = [], []
    for clip in clips:
        middle = (clip.start + clip.stop) // 2
        for place in (middle, *range(clip.start, clip.stop)):
            sequence, index = result.at(place)
            if np.isfinite(sequence.keypoints[index]).all():
                pieces.append((sequence, index))
                drawn.append(clip)
                break
    if not drawn:
        return []
    plot_pose_sides(_together(pieces), list(range(len(pieces))), path)
    return drawn


def _together(pieces: Sequence[tuple[PoseSequence, int]]) -> PoseSequence:
    """Return single frames as one sequence, in the order in which they are given."""
    return join_sequences([sequence[index] for sequence, index in pieces])


def draw_angles(path: Path, result: Result, body: BodyModel, clip: Clip) -> None:
    """Draw the joint angles of some seconds about a clip."""
    middle = float(result.times[(clip.start + clip.stop) // 2])
    start, stop = result.places_of(middle - _ANGLES_S / 2, middle + _ANGLES_S / 2)
    plot_joint_angles(join_sequences(result.span(start, stop)), body, path)


def draw_bouts(path: Path, bouts: pd.DataFrame, seconds: tuple[float, float]) -> None:
    """Draw which behaviour was shown when, a row for each, between two times in s."""
    kinds = list(dict.fromkeys(sorted(map(str, bouts["behaviour"]))))
    with drawing(path, 10.0, 0.9 + 0.32 * len(kinds)) as figure:
        axes = figure.subplots()
        for row, kind in enumerate(kinds):
            own = bouts[bouts["behaviour"].astype(str) == kind]
            start = own["start_s"].to_numpy(np.float64)
            length = own["stop_s"].to_numpy(np.float64) - start
            axes.broken_barh(
                list(zip(start, length, strict=True)), (row - 0.38, 0.76),
                color=(BLUE, VERMILLION)[row % 2],
            )  # fmt: skip
        # A label from a file is text, not a formula.
        axes.set_yticks(range(len(kinds)), [kind.replace("$", r"\$") for kind in kinds])
        axes.set_ylim(len(kinds) - 0.4, -0.6)
        axes.set_xlim(*seconds)
        axes.tick_params(axis="y", length=0, labelcolor=GREY)
        axes.set_xlabel("time (s)")
        grid_lines(axes, "x")


def _means(values: np.ndarray, bins: np.ndarray, count: int) -> Floats:
    """Return the mean of the known values in each bin (N,), NaN where there is none."""
    known = np.isfinite(values)
    total = np.bincount(bins[known], values[known], minlength=count)
    amount = np.bincount(bins[known], minlength=count)
    return np.where(amount > 0, total / np.maximum(amount, 1), np.nan)
