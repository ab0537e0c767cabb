"""The picture of a triangulation: how well the cameras agree, and the points from three sides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_keypoints import TriangulatedKeypoints
from mousepose.geometry.triangulate_report import ReprojectionReport
from mousepose.geometry.triangulate_robust import PointState
from mousepose.report.canvas import BLUE, FAINT, GREY, INK, ORANGE, SKY, VERMILLION, drawing
from mousepose.report.canvas import grid_lines as lines
from mousepose.types import Floats

#: What is shown of each state, in the order of the bars.
_STATES = {
    PointState.KNOWN: ("known", BLUE),
    PointState.DISAGREE: ("views disagree", VERMILLION),
    PointState.PARALLEL: ("rays parallel", ORANGE),
    PointState.UNSEEN: ("seen by fewer than 2", FAINT),
}
_SIDES = ((0, 1, "x", "y"), (0, 2, "x", "z"), (1, 2, "y", "z"))
#: More points than this are one block of ink.
_MOST_POINTS = 20_000
#: Inches of the lower part.
_BELOW = 4.2


def plot_triangulation(
    report: ReprojectionReport,
    found: TriangulatedKeypoints,
    cameras: Sequence[Camera],
    path: str | Path,
) -> None:
    """Draw the agreement of cameras and keypoints, and points of some frames, as a PNG at `path`.

    Above: the median distance of images from their points, and what became of each keypoint.
    Below: the points of `found` from three sides of the world, one pose in ink.
    """
    height = 3.2 + 0.16 * len(report.keypoint_names)
    with drawing(path, 11.0, height + _BELOW) as figure:
        halves: Any = figure.subfigures(2, 1, height_ratios=(height, _BELOW))
        top, bottom = halves
        left, right = top.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.6))
        _draw_errors(left, report)
        _draw_states(right, report)
        _draw_sides(list(bottom.subplots(1, 3)), found, cameras)


def _draw_errors(axes: Axes, report: ReprojectionReport) -> None:
    """Draw a heat map of median distances, keypoints down, cameras across."""
    rows = np.arange(len(report.keypoint_names))
    with np.errstate(invalid="ignore", divide="ignore"):
        rms = np.sqrt(report.squared / report.used).T
    image = axes.imshow(rms, aspect="auto", cmap="viridis", vmin=0)
    names = [
        f"{name}\n{median:.2g} px, {share:.1%} out"
        for name, median, share in zip(
            report.camera_names, report.median("camera"), report.left_out("camera"), strict=True
        )
    ]
    turned = 0 if len(names) <= 3 else 35
    axes.set_xticks(range(len(names)), names, rotation=turned, fontsize=7,
                    ha="center" if turned == 0 else "right")  # fmt: skip
    axes.set_yticks(rows, report.keypoint_names, fontsize=7)
    axes.set_title("Distance of images from points (rms, px)")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def _draw_states(axes: Axes, report: ReprojectionReport) -> None:
    """Draw what became of each keypoint as stacked bars."""
    rows = np.arange(len(report.keypoint_names))
    share = report.states / np.maximum(report.states.sum(axis=1, keepdims=True), 1)
    begun = np.zeros(len(rows))
    for state, (name, colour) in _STATES.items():
        axes.barh(rows, share[:, state], left=begun, height=0.7, color=colour, label=name)
        begun += share[:, state]
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of frames")
    axes.set_title("What became of each keypoint")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _draw_sides(
    panels: Sequence[Axes], found: TriangulatedKeypoints, cameras: Sequence[Camera]
) -> None:
    """Draw all points faintly, the pose with most points in ink, and where the cameras are."""
    xyz = found.points.xyz
    points = xyz[np.isfinite(xyz).all(axis=-1)]
    points = points[:: max(1, len(points) // _MOST_POINTS)]
    pose = xyz[int(np.isfinite(xyz).all(axis=-1).sum(axis=1).argmax())] if len(xyz) else points
    places = np.stack([camera.position for camera in cameras])
    for axes, (across, up, name_across, name_up) in zip(panels, _SIDES, strict=True):
        axes.plot(points[:, across], points[:, up], ".", color=SKY, markersize=1.5, alpha=0.5)
        axes.plot(pose[:, across], pose[:, up], "o", color=INK, markersize=3)
        _frame(axes, points[:, [across, up]])
        _point_to_cameras(axes, places[:, [across, up]])
        axes.set_xlabel(f"{name_across} (mm)")
        axes.set_ylabel(f"{name_up} (mm)")
        axes.set_aspect("equal")
        lines(axes, "both")
    panels[0].set_title("Points in the world, one pose in ink; arrows point to the cameras")


def _frame(axes: Axes, points: Floats) -> None:
    """Show nearly all points, in a square: single wild ones may lie outside."""
    if not len(points):
        return
    low, high = np.percentile(points, (0.5, 99.5), axis=0)
    half = 0.65 * max(float((high - low).max()), 1.0)
    middle = (low + high) / 2
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)


def _point_to_cameras(axes: Axes, places: Floats) -> None:
    """Draw a short arrow at the border towards every camera."""
    low = np.array([axes.get_xlim()[0], axes.get_ylim()[0]])
    high = np.array([axes.get_xlim()[1], axes.get_ylim()[1]])
    middle, half = (low + high) / 2, (high - low) / 2
    for place in places:
        way = place - middle
        reach = float(np.abs(way / half).max())
        if reach < 1e-9:
            continue
        end = middle + way * min(1.0, 0.95 / reach)
        axes.annotate(
            "", end, middle + 0.86 * (end - middle), arrowprops={"arrowstyle": "->", "color": GREY}
        )
