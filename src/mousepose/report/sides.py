"""Poses in space, drawn flat from four sides of the animal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mousepose.report.canvas import FAINT, GREY, drawing
from mousepose.report.stick import (
    Stick,
    animal_axes,
    draw_bones,
    draw_stick,
    given,
    is_upright,
    stick_legend,
)
from mousepose.types import Floats, PoseSequence, require

#: What points right and up on each side's picture, in forward, left, up of the animal.
_SLANT = np.sqrt(0.5)
SIDES: dict[str, Floats] = {
    "from its right": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "from above": np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "from the front": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    "aslant": np.array([[_SLANT, _SLANT, 0.0], [-0.35, 0.35, 0.87]]),
}
#: mm; an animal farther from the floor is drawn without it.
_NEAR_FLOOR = 30.0
#: A mouse with its tail is long and flat.
_WIDTHS = (1.6, 1.6, 1.0, 1.2)


def plot_pose_sides(
    sequence: PoseSequence,
    frames: Sequence[int],
    path: str | Path,
    *,
    truth: Floats | None = None,
) -> None:
    """Draw the 3D poses of some frames (counted from 0) from four sides, as a PNG at `path`.

    Each row is a frame, turned so that the animal looks to the right. What is inferred is hollow
    and dashed; shades are the regions that hold a point with 90 %. `truth` (T, K, 3) mm is drawn
    behind in grey. Raises `InputError` on frames that are not there.
    """
    require(len(frames) > 0, "frames: expected at least one frame to draw")
    for frame in frames:
        require(0 <= frame < len(sequence), f"frame {frame}: expected 0 to {len(sequence) - 1}")
    with drawing(path, 14.0, 0.9 + 2.2 * len(frames)) as figure:
        grid = figure.subplots(len(frames), len(SIDES), squeeze=False, width_ratios=_WIDTHS)
        for row, frame in zip(grid, frames, strict=True):
            panels = dict(zip(SIDES, row, strict=True))
            draw_sides(panels, sequence, frame, truth)
            row[0].set_ylabel(
                f"frame {sequence.frame_numbers[frame]}\n{sequence.times[frame]:.2f} s\n\nmm"
            )
        for axes, name in zip(grid[0], SIDES, strict=True):
            axes.set_title(name)
        for axes in grid[-1]:
            axes.set_xlabel("mm")
        entries = stick_legend(truth is not None)
        figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))


def draw_sides(
    panels: dict[str, Axes], sequence: PoseSequence, frame: int, truth: Floats | None = None
) -> None:
    """Draw one frame on axes, each named by its side in `SIDES`."""
    names, points = sequence.keypoint_names, sequence.keypoints[frame]
    stick = Stick.of(names)
    upright = is_upright(sequence)
    turn = animal_axes(points, names, upright)
    known = given(points)
    centre = points[known].mean(axis=0) if known.any() else np.zeros(3)
    if upright:
        centre[2] = 0.0  # heights stay heights above the floor
    for side, axes in panels.items():
        flat = SIDES[side] @ turn
        covariance = flat @ sequence.covariance[frame] @ flat.T
        drawn = (points - centre) @ flat.T
        shown = drawn
        if truth is not None:
            true = (truth[frame] - centre) @ flat.T
            shown = np.concatenate([drawn, true])
            draw_bones(axes, stick, true, GREY, 1.2)
        near = upright and known.any() and abs(points[known, 2].min()) < _NEAR_FLOOR
        if near and side in ("from its right", "from the front"):
            axes.axhline(0.0, color=FAINT, linewidth=3, zorder=0)
        draw_stick(axes, stick, drawn, sequence.state[frame], covariance)
        frame_in(axes, shown)


def frame_in(axes: Axes, points: Floats, margin: float = 7.0) -> None:
    """Give axes one scale on both sides and room for flat points (K, 2) and a margin, in mm."""
    axes.set_aspect("equal", adjustable="datalim")
    known = points[given(points)]
    if len(known):
        corners = np.stack([known.min(axis=0) - margin, known.max(axis=0) + margin])
        axes.update_datalim(corners)
    axes.margins(0)
    axes.autoscale_view()
    axes.tick_params(labelsize=7.5)
