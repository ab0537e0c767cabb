"""One picture of the whole: what the camera saw, the pose in space, and how far off it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle

from mousepose.body.model import BodyModel
from mousepose.report.angles import joint_angles
from mousepose.report.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILLION,
    drawing,
    grid_lines,
)
from mousepose.report.plots import draw_angle
from mousepose.report.sides import draw_sides
from mousepose.report.stick import Stick, draw_stick, given, stick_legend
from mousepose.types import Bytes, Floats, Keypoints2D, PoseSequence, State

_GROUPS = ("spine", "head", "left legs", "right legs", "tail")
_STATES = ((State.SEEN, SKY, "seen"), (State.INFERRED, ORANGE, "inferred"))

#: What the root of the trace is times in the radius that holds 90 % of a round 3D normal variable.
_RADIUS_90 = 2.5003 / np.sqrt(3)


def plot_overview(
    keypoints: Keypoints2D,
    sequence: PoseSequence,
    path: str | Path,
    *,
    body: BodyModel,
    image_size: tuple[int, int],
    frame: int | None = None,
    truth: PoseSequence | None = None,
) -> None:
    """Draw keypoints, 3D pose, error and a joint angle on one PNG at `path`.

    Left what the first camera sees in one frame (`frame` counts from 0; by default one with hidden
    keypoints); in the middle the pose from four sides; right the distance to
    `truth`, a sequence of the same frames and keypoints, or without one the 90 % range; below the
    knees in time, marked where a hind paw was not seen. `image_size` (width, height) px.
    """
    frame = telling_frame(sequence) if frame is None else frame
    with drawing(path, 15.0, 8.4) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=[2.3, 1], squeeze=False).flat
        widths = [1.12, 1.6, 0.78]
        left, middle, right = upper.subfigures(1, 3, width_ratios=widths, squeeze=False).flat
        _draw_view(left, keypoints, frame, image_size)
        _draw_space(middle, sequence, frame, truth)
        _draw_errors(right, sequence, truth)
        _draw_knees(lower, body, sequence, frame, truth)
        entries = stick_legend(truth is not None)
        figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))


def _heading(figure: FigureBase, text: str) -> None:
    figure.suptitle(text, x=0.02, ha="left", weight="bold", size=11)


def telling_frame(sequence: PoseSequence) -> int:
    """Return a frame in the middle third with some keypoints seen and as many inferred as can be.

    Frames of which less than half is seen say too little of the camera's view.
    """
    third = len(sequence) // 3
    state = sequence.state[third : max(len(sequence) - third, third + 1)]
    inferred = (state == State.INFERRED).sum(axis=1)
    told = (state == State.SEEN).mean(axis=1) >= 0.5
    return third + int(np.argmax(np.where(told, inferred, -1)))


def _draw_view(
    figure: FigureBase, keypoints: Keypoints2D, frame: int, size: tuple[int, int]
) -> None:
    axes, small = figure.subplots(2, 1, height_ratios=[3.1, 1])
    stick = Stick.of(keypoints.keypoint_names)
    view = keypoints.xy[:, 0]
    points = view[frame]
    known = points[given(points)]
    _heading(figure, "1  What the camera sees")
    axes.set_title(
        f"frame {keypoints.frame_numbers[frame]}: {len(known)} of {len(points)} keypoints",
        fontweight="normal",
    )
    low, high = np.full(2, -0.5), np.array(size) - 0.5
    if len(known):  # the animal with some room around it
        middle = (known.min(axis=0) + known.max(axis=0)) / 2
        half = 0.58 * np.ptp(known, axis=0).max() + 10.0
        low, high = middle - half, middle + half
    draw_stick(axes, stick, points, size=6.5)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(high[1], low[1])
    axes.set_aspect("equal")
    axes.set_facecolor("#F6F6F6")
    axes.set_xlabel("x (px)")
    axes.set_ylabel("y (px)")
    axes.tick_params(labelsize=7.5)
    _draw_whole_image(small, view, frame, size, (low, high))


def _draw_whole_image(
    axes: Axes, view: Floats, frame: int, size: tuple[int, int], crop: tuple[Floats, Floats]
) -> None:
    """Draw the image small: the animal's way so far and what is shown large."""
    count = np.isfinite(view[..., 0]).sum(axis=1)
    middle = np.nansum(view, axis=1) / np.where(count, count, np.nan)[:, None]
    axes.plot(*middle[: frame + 1].T, color=BLUE, linewidth=1.0)
    corner, (width, height) = (crop[0][0], crop[0][1]), crop[1] - crop[0]
    axes.add_patch(Rectangle(corner, width, height, facecolor="none", edgecolor=INK, linewidth=0.8))
    axes.set_xlim(-0.5, size[0] - 0.5)
    axes.set_ylim(size[1] - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_title(
        f"the whole image, {size[0]} x {size[1]}, and the way so far",
        fontsize=8, fontweight="normal", loc="center", pad=3,
    )  # fmt: skip


def _draw_space(
    figure: FigureBase, sequence: PoseSequence, frame: int, truth: PoseSequence | None
) -> None:
    panels = figure.subplots(2, 2, width_ratios=[1.55, 1])
    order = ("from its right", "from the front", "from above", "aslant")
    sides = dict(zip(order, panels.flat, strict=True))
    draw_sides(sides, sequence, frame, None if truth is None else truth.keypoints)
    for name, axes in sides.items():
        axes.set_title(name, fontweight="normal")
    for axes in panels[1]:
        axes.set_xlabel("mm")
    for axes in panels[:, 0]:
        axes.set_ylabel("mm")
    _heading(figure, "2  Its pose in space")


def _draw_errors(figure: FigureBase, sequence: PoseSequence, truth: PoseSequence | None) -> None:
    """Draw the median error of each body part, or its 90 % range where the truth is unknown."""
    axes = figure.subplots()
    groups = np.array(Stick.of(sequence.keypoint_names).groups)
    if truth is None:
        values = _RADIUS_90 * np.sqrt(np.trace(sequence.covariance, axis1=-2, axis2=-1))
        title = "3  Its uncertainty"
    else:
        values = np.linalg.norm(sequence.keypoints - truth.keypoints, axis=-1)
        title = "3  Its distance to the truth"
    parts = [name for name in _GROUPS if (groups == name).any()]
    for row, part in enumerate(parts):
        _draw_bars(axes, row, values[:, groups == part], sequence.state[:, groups == part])
    axes.set_yticks(range(len(parts)), parts)
    axes.set_ylim(len(parts) - 0.4, -0.6)
    axes.set_xlim(0, 1.16 * axes.get_xlim()[1])
    axes.set_xlabel("mm: bar and number are the median,\nthe line ends at the 90th percentile")
    for _, colour, name in _STATES:
        axes.barh(0, 0, color=colour, label=name)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.985), ncols=2, borderpad=0.1)
    grid_lines(axes, "x")
    _heading(figure, title)


def _draw_bars(axes: Axes, row: int, values: Floats, state: Bytes) -> None:
    for offset, (which, colour, _) in zip((-0.19, 0.19), _STATES, strict=True):
        some = values[(state == which) & np.isfinite(values)]
        if not len(some):
            continue
        median, most = np.percentile(some, (50, 90))
        axes.barh(row + offset, median, height=0.34, color=colour)
        axes.plot([median, most], [row + offset] * 2, color=INK, linewidth=0.9)
        axes.text(
            most, row + offset, f" {median:.1f}", va="center", ha="left", fontsize=8, color=INK
        )


def _draw_knees(
    figure: FigureBase,
    body: BodyModel,
    sequence: PoseSequence,
    frame: int,
    truth: PoseSequence | None,
) -> None:
    axes = figure.subplots()
    angles = joint_angles(body, sequence)
    true_angles = None if truth is None else joint_angles(body, truth)
    draw_angle(axes, sequence, angles, "knee", true_angles)
    low, high = axes.get_ylim()
    height = 0.05 * (high - low)
    for step, (side, colour) in enumerate((("LEFT", BLUE), ("RIGHT", VERMILLION)), start=1):
        paw = f"{side}_HIND_PAW"
        if paw in sequence.keypoint_names:
            state = sequence.state[:, sequence.keypoint_names.index(paw)]
            axes.fill_between(
                sequence.times,
                low - step * height,
                low - (step - 0.75) * height,
                where=state != State.SEEN,
                step="mid",
                color=colour,
                linewidth=0,
                label=f"{side.lower()} paw unseen",
            )
    axes.set_ylim(low - 2.4 * height, high)
    axes.axvline(sequence.times[frame], color=GREY, linewidth=0.9, linestyle="--")
    axes.set_xlabel("time (s)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=7, borderpad=0.1)
    axes.set_title("4  The knees in time", fontsize=11)
