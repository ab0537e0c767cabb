"""Pictures for a notebook: figures that are given back instead of being saved."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.report.angles import joint_angles
from mousepose.report.canvas import BLUE, DPI, GREY, SKY, STYLE, grid_lines
from mousepose.report.overview import telling_frame
from mousepose.report.plots import draw_angle, draw_path, draw_states
from mousepose.report.sides import draw_sides
from mousepose.report.stick import Stick, draw_stick, given, stick_legend, trunk_of
from mousepose.sequence.cut import place_of
from mousepose.types import Keypoints2D, PoseSequence, require

_SIDES = ("from its right", "from the front", "from above", "aslant")


class Picture(Figure):
    """A matplotlib figure that a notebook shows with no more ado; `savefig` writes it."""

    def __init__(self, width: float, height: float, **others: Any) -> None:
        """Make an empty picture of `width` x `height` inches."""
        super().__init__(
            figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white", **others
        )
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        written = BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(written, format="png", dpi=100)
        return written.getvalue()


def plot_sequence(
    sequence: PoseSequence, frame: int | None = None, body: BodyModel | None = None
) -> Picture:
    """Return a picture of the whole: one pose from four sides, the path, the knees, what was seen.

    `frame` is a place in the sequence, negative from the end; by default one with hidden keypoints.
    `body` is that of the fit; the knees are left out where it is not known. Raises `InputError` for
    an empty sequence and `IndexError` for a frame that is not there.
    """
    require(len(sequence) > 0, "an empty sequence cannot be drawn")
    frame = telling_frame(sequence) if frame is None else place_of(sequence, frame)
    with matplotlib.rc_context(STYLE):
        figure = Picture(13.0, 10.4)
        upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.06], squeeze=False).flat
        left, right = upper.subfigures(1, 2, width_ratios=[1.5, 1], squeeze=False).flat
        _draw_pose(left, sequence, frame)
        draw_path(right, right.subplots(), sequence, trunk_of(sequence))
        _draw_in_time(lower, sequence, frame, body)
        entries = stick_legend()
        figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))
    return figure


def plot_keypoints(keypoints: Keypoints2D, camera: int = 0) -> Picture:
    """Return a picture of tracked points: the frame with most of them, and how often each is given.

    Raises `InputError` for no frames and for a camera, counted from 0, that is not there.
    """
    frames, cameras = keypoints.xy.shape[:2]
    require(frames > 0, "no frames: nothing can be drawn")
    require(0 <= camera < cameras, f"camera {camera}: expected 0 to {cameras - 1}")
    known = given(keypoints.xy[:, camera])
    frame = int(known.sum(axis=1).argmax())
    with matplotlib.rc_context(STYLE):
        figure = Picture(10.0, 4.8)
        left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
        draw_stick(left, Stick.of(keypoints.keypoint_names), keypoints.xy[frame, camera], size=6.0)
        left.autoscale_view()
        left.set_aspect("equal", adjustable="datalim")
        left.invert_yaxis()
        left.set(xlabel="x (px)", ylabel="y (px)")
        left.set_title(
            f"Frame {keypoints.frame_numbers[frame]}: {known[frame].sum()} of {known.shape[1]}"
        )
        _draw_shares(right, keypoints, known, camera)
    return figure


def _draw_pose(figure: FigureBase, sequence: PoseSequence, frame: int) -> None:
    panels = figure.subplots(2, 2, width_ratios=[1.55, 1])
    sides = dict(zip(_SIDES, panels.flat, strict=True))
    draw_sides(sides, sequence, frame)
    for name, axes in sides.items():
        axes.set_title(name, fontweight="normal")
    for axes in panels[:, 0]:
        axes.set_ylabel("mm")
    figure.suptitle(
        f"Frame {sequence.frame_numbers[frame]}, {sequence.times[frame]:.2f} s",
        x=0.02, ha="left", weight="bold", size=10,
    )  # fmt: skip


def _draw_in_time(
    figure: FigureBase, sequence: PoseSequence, frame: int, body: BodyModel | None
) -> None:
    upper, lower = figure.subplots(2, 1, height_ratios=[1, 2.7], sharex=True)
    try:
        draw_angle(upper, sequence, joint_angles(body_of(sequence, body), sequence), "knee")
        upper.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderpad=0.1)
        upper.set_title("The knees")
    except InputError as error:
        upper.text(0.5, 0.5, str(error), transform=upper.transAxes, ha="center", wrap=True)
        upper.set_axis_off()
    draw_states(lower, sequence)
    for axes in (upper, lower):
        axes.axvline(sequence.times[frame], color=GREY, linewidth=0.9, linestyle="--")


def _draw_shares(axes: Axes, keypoints: Keypoints2D, known: NDArray[np.bool_], camera: int) -> None:
    share = known.mean(axis=0)
    rows = np.arange(len(share))
    axes.barh(rows, 100 * share, color=SKY)
    told = np.where(known, keypoints.confidence[:, camera], 0.0).sum(axis=0)
    confidence = 100 * told / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    axes.plot(confidence, rows, "o", color=BLUE, markersize=4, label="mean confidence there")
    axes.set_yticks(rows, keypoints.keypoint_names, fontsize=7.5)
    axes.set_ylim(len(share) - 0.4, -0.6)
    axes.set_xlim(0, 104)
    axes.set_xlabel("% of frames in which it is given; confidence in %")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderpad=0.1)
    grid_lines(axes, "x")
