"""The plots of one sequence through time: its path, its joint angles, its residuals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mousepose.body.model import BodyModel
from mousepose.report.angles import MEANING, JointAngles, joint_angles
from mousepose.report.canvas import (
    BAND_90,
    BLUE,
    FAINT,
    INK,
    ORANGE,
    SKY,
    VERMILLION,
    drawing,
    grid_lines,
)
from mousepose.report.stick import given, is_upright, trunk_of
from mousepose.types import Floats, PoseSequence, State, Status, require

_SIDE_COLOURS = {"left": BLUE, "right": VERMILLION, "": INK}
_STATE_COLOURS = {State.SEEN: SKY, State.INFERRED: ORANGE, State.ABSENT: "#F2F2F2"}
#: A strip wider than this many columns is drawn from every n-th frame.
_MOST_COLUMNS = 4000
#: Smoothing (s) of the speed: one frame's noise of 1 mm at 60 Hz would be 60 mm/s.
_SPEED_SECONDS = 0.15


def plot_trajectory(sequence: PoseSequence, path: str | Path) -> None:
    """Draw the way of the trunk, coloured by time, and its speed, as a PNG at `path`.

    On the floor seen from above where the sequence has a world, else on the camera's plane. Thin
    red where a frame had too few keypoints of its own.
    """
    place = trunk_of(sequence)
    with drawing(path, 8.5, 6.8) as figure:
        upper, lower = figure.subplots(2, 1, height_ratios=[3.2, 1])
        draw_path(figure, upper, sequence, place)
        known = given(place)
        if known.sum() > 2:
            lower.plot(sequence.times, _speed(sequence, place), color=BLUE, linewidth=1.4)
        lower.set_title("Speed of the trunk")
        lower.set_xlabel("time (s)")
        lower.set_ylabel("mm/s")
        lower.set_ylim(bottom=0)
        lower.margins(x=0)
        grid_lines(lower)


def _speed(sequence: PoseSequence, place: Floats) -> Floats:
    """Return the speed (T,) mm/s, differences taken over `_SPEED_SECONDS`."""
    times = sequence.times
    half = max(1, round(_SPEED_SECONDS / 2 / max(float(np.median(np.diff(times))), 1e-9)))
    last = len(times) - 1
    before = np.maximum(np.arange(len(times)) - half, 0)
    after = np.minimum(np.arange(len(times)) + half, last)
    way = np.linalg.norm(place[after] - place[before], axis=-1)
    return np.asarray(way / (times[after] - times[before]))


def draw_path(figure: Figure, axes: Axes, sequence: PoseSequence, place: Floats) -> None:
    """Draw the way of the trunk from above, or as the camera sees it."""
    world = sequence.frame == "world"
    flat = place[:, :2]
    own = np.isin(sequence.report.status, (Status.OK, Status.POOR))
    known = given(flat)
    pieces = np.stack([flat[:-1], flat[1:]], axis=1)
    whole = known[:-1] & known[1:]
    solid = whole & own[:-1] & own[1:]
    bridged = list(pieces[whole & ~solid])
    axes.add_collection(LineCollection(bridged, colors=VERMILLION, linewidths=1.2))
    line = LineCollection(list(pieces[solid]), cmap="cividis", linewidths=2.6, capstyle="round")
    line.set_array(sequence.times[:-1][solid])
    axes.add_collection(line)
    figure.colorbar(line, ax=axes, label="time (s)", pad=0.02, aspect=30)
    if known.any():
        first, last = flat[known][0], flat[known][-1]
        axes.plot(*first, "o", color=INK, markersize=7, markerfacecolor="white", label="start")
        axes.plot(*last, "s", color=INK, markersize=6, label="end")
    if (whole & ~solid).any():
        axes.plot([], [], color=VERMILLION, linewidth=1.2, label="carried by neighbouring frames")
    if known.any():
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.1), ncols=3)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.autoscale_view()
    title = "Path in the world's x and y" if world else "Path across the camera's view"
    axes.set_title("Path on the floor" if is_upright(sequence) else title)
    axes.set_xlabel("x (mm)")
    axes.set_ylabel("y (mm)" if world else "y, downwards (mm)")
    grid_lines(axes, "both")
    if not world:
        axes.invert_yaxis()


def plot_joint_angles(
    sequence: PoseSequence, body: BodyModel, path: str | Path, *, truth: PoseSequence | None = None
) -> None:
    """Draw knee, hip, elbow, shoulder and spine in time with 90 % bands, as a PNG at `path`.

    `truth`, a sequence of the same frames, is drawn dotted.
    """
    angles = joint_angles(body, sequence)
    true_angles = None if truth is None else joint_angles(body, truth)
    with drawing(path, 11.0, 9.0) as figure:
        panels = figure.subplots(len(MEANING), 1, sharex=True)
        for axes, joint in zip(panels, MEANING, strict=True):
            draw_angle(axes, sequence, angles, joint, true_angles)
            axes.set_title(f"{joint.capitalize()}: {MEANING[joint]}")
        panels[-1].set_xlabel("time (s)")
        entries, labels = panels[0].get_legend_handles_labels()
        figure.legend(entries, labels, loc="outside upper right", ncols=len(entries))


def draw_angle(
    axes: Axes,
    sequence: PoseSequence,
    angles: JointAngles,
    joint: str,
    truth: JointAngles | None = None,
) -> None:
    """Draw one angle of both sides in time with its 90 % band."""
    for side, colour in _SIDE_COLOURS.items():
        name = f"{side} {joint}".strip()
        if name not in angles.degrees:
            continue
        mean, half = angles.degrees[name], BAND_90 * angles.sd[name]
        axes.fill_between(
            sequence.times, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0,
            label="90 % band" if side == "left" else None,
        )  # fmt: skip
        axes.plot(sequence.times, mean, color=colour, linewidth=1.3, label=side or None)
        if truth is not None:
            axes.plot(
                sequence.times, truth.degrees[name], color=colour, linewidth=0.9, linestyle=":",
            )  # fmt: skip
    if truth is not None:
        axes.plot([], [], color=INK, linewidth=0.9, linestyle=":", label="truth")
    axes.margins(x=0)
    axes.set_ylabel("degrees")
    grid_lines(axes)


def plot_residuals(
    sequence: PoseSequence, residuals: Floats, names: Sequence[str], path: str | Path
) -> None:
    """Draw residuals (T, C, M) px of the marks `names`, and what was seen, as a PNG at `path`.

    Left: the spread of each mark. Right: all marks in time, and the state of every keypoint.
    Raises `InputError` where the residuals do not have this shape.
    """
    require(
        residuals.ndim == 3 and residuals.shape[::2] == (len(sequence), len(names)),
        f"residuals: expected ({len(sequence)}, cameras, {len(names)}), got {residuals.shape}",
    )
    with drawing(path, 13.0, 7.2) as figure:
        panels = figure.subplot_mosaic(
            [["marks", "time"], ["marks", "state"]], width_ratios=[1, 1.9], height_ratios=[1, 1.5]
        )
        _draw_spread(panels["marks"], residuals, names)
        _draw_residuals_in_time(panels["time"], sequence, residuals)
        panels["state"].sharex(panels["time"])
        draw_states(panels["state"], sequence)


def _draw_spread(axes: Axes, residuals: Floats, names: Sequence[str]) -> None:
    flat = residuals.reshape(-1, len(names))
    rows = np.flatnonzero(np.isfinite(flat).any(axis=0))
    for row in rows:
        p5, p25, p50, p75, p95 = np.nanpercentile(flat[:, row], (5, 25, 50, 75, 95))
        axes.plot([p5, p95], [row, row], color=SKY, linewidth=1.6)
        axes.plot([p25, p75], [row, row], color=BLUE, linewidth=6.0, solid_capstyle="butt")
        axes.plot(p50, row, "o", color="white", markeredgecolor=INK, markersize=5.5)
    axes.plot([], [], "o", color="white", markeredgecolor=INK, markersize=5.5, label="median")
    axes.plot([], [], color=BLUE, linewidth=6, label="middle half")
    axes.plot([], [], color=SKY, linewidth=1.6, label="5 to 95 %")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, -0.16), ncols=3, columnspacing=1.2)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("px")
    axes.set_title("Tracked to reprojected point")
    grid_lines(axes, "x")


def _draw_residuals_in_time(axes: Axes, sequence: PoseSequence, residuals: Floats) -> None:
    flat = residuals.reshape(len(sequence), -1)
    levels = np.full((2, len(sequence)), np.nan)
    seen = np.isfinite(flat).any(axis=1)
    if seen.any():
        levels[:, seen] = np.nanpercentile(flat[seen], (50, 90), axis=1)
    axes.fill_between(sequence.times, 0, levels[1], color=SKY, alpha=0.35, linewidth=0)
    axes.plot(sequence.times, levels[0], color=BLUE, linewidth=1.1)
    axes.set_title("In time: median (line) and 90th percentile (shade) of all points")
    axes.set_ylabel("px")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.tick_params(labelbottom=False)
    grid_lines(axes)


def draw_states(axes: Axes, sequence: PoseSequence) -> None:
    """Draw what is known of each keypoint in time: seen, inferred or absent."""
    step = -(-len(sequence) // _MOST_COLUMNS)
    shown = sequence.state[::step].T
    colours = ListedColormap([_STATE_COLOURS[state] for state in State])
    times = sequence.times
    start, stop = (times[0], times[-1]) if len(times) > 1 else (times[0] - 0.5, times[0] + 0.5)
    axes.imshow(
        shown,
        cmap=colours,
        norm=BoundaryNorm(np.arange(len(State) + 1) - 0.5, len(State)),
        aspect="auto",
        interpolation="nearest",
        extent=(start, stop, len(shown) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(shown)), sequence.keypoint_names, fontsize=7)
    for row in range(1, len(shown)):
        axes.axhline(row - 0.5, color="white", linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time (s)")
    axes.set_title("What each keypoint rests on")
    entries = [
        Patch(color=_STATE_COLOURS[state], ec=FAINT, label=state.name.lower())
        for state in (State.SEEN, State.INFERRED, State.ABSENT)
    ]
    axes.legend(
        handles=entries, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderpad=0.1
    )
