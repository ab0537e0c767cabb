"""Pictures of a calibration with a board: what was covered, how far off it is, who stands where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mousepose.calibrate.board_calibration import BoardCalibration
from mousepose.calibrate.report import COVERAGE_CELLS, LensReport, corner_residuals, coverage
from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import is_seen
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
from mousepose.types import Floats

_CAMERA_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
#: Corners in a cell of the picture of errors, so that its arrow means more than noise.
_LEAST_OF_A_CELL = 5
#: How long a camera is drawn, as a share of the rig's size.
_CAMERA_LENGTH = 0.12


def plot_lens(calibration: BoardCalibration, index: int, path: str | Path) -> None:
    """Draw one camera's coverage, tilts, errors by view and errors over the image, as a PNG."""
    report, lens = calibration.lens_reports[index], calibration.lenses[index]
    views = calibration.views
    pixels = views.pixels[index][lens.used]
    residuals = corner_residuals(views, index, lens)[lens.used]
    with drawing(path, 12.0, 8.6) as figure:
        (upper_left, upper_right), (lower_left, lower_right) = figure.subplots(
            2, 2, width_ratios=[1.25, 1], height_ratios=[1.25, 1]
        )
        _draw_coverage(figure, upper_left, report, pixels, residuals)
        _draw_arrows(upper_right, report.camera, pixels, residuals)
        _draw_views(lower_left, report)
        _draw_placement(lower_right, report)
        sd = report.focal_doubt
        figure.suptitle(
            f"{report.camera.name}: focal length {report.focal[0]:.1f} px (1 SD {sd:.2%}), "
            f"{len(report.camera.distortion)} distortion terms, error {report.rms_px:.2f} px, "
            f"in views left out {report.held_out_px:.2f} px",
            fontsize=11,
        )


def plot_rig(calibration: BoardCalibration, path: str | Path) -> None:
    """Draw where the cameras of a rig stand, the frames they share and their errors, as a PNG.

    Raises `ValueError` for a single camera, which has no rig.
    """
    rig, report = calibration.rig, calibration.rig_report
    if rig is None or report is None:
        raise ValueError("one camera is no rig")
    with drawing(path, 12.0, 8.6) as figure:
        grid = figure.add_gridspec(2, 2, height_ratios=[1.5, 1])
        above, side = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
        table, errors = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
        upright = calibration.cameras[0].floor_plane is not None
        boards = _board_middles(calibration)
        plane, lower = ("x", "y"), ("x", "z")
        titles = ("Seen from above", "Seen from the side")
        if not upright:  # the first camera's frame: x right, z forward, y down
            plane, lower = ("x", "z"), ("x", "y")
            first = calibration.cameras[0].name
            titles = (f"{first}'s own frame, from its top", f"{first}'s own frame, from behind it")
        _draw_places(above, calibration, boards, plane, titles[0])
        _draw_places(side, calibration, boards, lower, titles[1])
        if not upright:
            side.invert_yaxis()
        _draw_shared(table, report.names, report.shared)
        _draw_rig_errors(errors, calibration)
        figure.suptitle(
            f"{len(report.names)} cameras, {report.frames} frames: error {report.rms_px:.2f} px, "
            f"in frames left out {report.held_out_px:.2f} px and {report.held_out_mm:.2f} mm",
            fontsize=11,
        )


def _draw_coverage(
    figure: Figure, axes: Axes, report: LensReport, pixels: Floats, residuals: Floats
) -> None:
    width, height = report.camera.size
    seen = is_seen(pixels)
    cells = coverage(pixels[seen], report.camera.size)
    empty = np.where(cells, np.nan, 1.0)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(empty, extent=extent, cmap="autumn", vmin=0, vmax=4, alpha=0.25, aspect="equal")
    outlines = LineCollection(_outlines(pixels), colors=FAINT, linewidths=0.7, zorder=1)
    axes.add_collection(outlines)
    error = np.linalg.norm(residuals[seen], axis=-1)
    top = max(float(np.percentile(error, 98)), 1e-3) if len(error) else 1.0
    dots = axes.scatter(
        pixels[seen][:, 0],
        pixels[seen][:, 1],
        c=error,
        s=6,
        cmap="viridis",
        vmin=0,
        vmax=top,
        zorder=2,
    )
    figure.colorbar(dots, ax=axes, label="error of a corner (px)", shrink=0.85, pad=0.02)
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    axes.set_title(f"Corners cover {report.coverage:.0%} of the image (empty parts: red)")
    axes.set_xlabel("x (px)")
    axes.set_ylabel("y (px)")


def _outlines(pixels: Floats) -> list[Floats]:
    """Return the outline of what is seen of each view: the hull of its corners."""
    from scipy.spatial import ConvexHull

    lines = []
    for view in pixels:
        corners = view[is_seen(view)]
        hull = corners[ConvexHull(corners).vertices]
        lines.append(np.vstack([hull, hull[:1]]))
    return lines


def _draw_arrows(axes: Axes, camera: Camera, pixels: Floats, residuals: Floats) -> None:
    """Draw the mean error in each part of the image: what the lens model cannot follow."""
    seen = is_seen(pixels)
    places, errors = pixels[seen], residuals[seen]
    side = max(camera.size) / (2 * COVERAGE_CELLS)
    cell = (places // side).astype(int)
    keys, which, counts = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    sums = np.stack([np.bincount(which, errors[:, axis]) for axis in (0, 1)], axis=-1)
    middles = np.stack([np.bincount(which, places[:, axis]) for axis in (0, 1)], axis=-1)
    many = counts >= _LEAST_OF_A_CELL
    mean, middle = (total[many] / counts[many, None] for total in (sums, middles))
    largest = float(np.linalg.norm(mean, axis=1).max(initial=0.0))
    axes.quiver(
        *middle.T, *mean.T, angles="xy", scale_units="xy", scale=max(largest, 1e-9) / (1.2 * side),
        color=BLUE, width=0.004,
    )  # fmt: skip
    axes.set_xlim(-0.5, camera.size[0] - 0.5)
    axes.set_ylim(camera.size[1] - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_title(f"Mean error by place (longest {largest:.2f} px)")
    axes.set_xlabel("x (px)")


def _draw_views(axes: Axes, report: LensReport) -> None:
    order = np.argsort(report.frame_numbers)
    numbers, used = report.frame_numbers[order], report.used[order]
    dropped = np.isin(numbers, list(report.dropped))
    rms, held_out = report.view_rms[order], report.view_held_out[order]
    places = np.arange(len(order))
    top = 1.6 * max(float(np.nanmax(rms[used])), float(np.nanmax(held_out[used], initial=0.0)))
    colours = np.where(dropped, VERMILLION, np.where(used, BLUE, FAINT))
    # a view without a pose has no error, and no bar
    axes.bar(places, np.minimum(np.nan_to_num(rms), top), width=0.9, color=colours)
    axes.plot(places[used], held_out[used], ".", color=INK, markersize=4)
    rest = ~used & ~dropped
    for mask, colour, text in (
        (used, BLUE, "used"), (rest, FAINT, "not needed"), (dropped, VERMILLION, "dropped")
    ):  # fmt: skip
        if mask.any():
            axes.plot([], [], "s", color=colour, label=text)
    axes.plot([], [], ".", color=INK, label="left out of the fit")
    axes.set_ylim(0, top)
    axes.legend(ncols=4, loc="upper right", handletextpad=0.2, columnspacing=1.0)
    ticks = np.unique(np.linspace(0, len(order) - 1, min(len(order), 12)).round().astype(int))
    axes.set_xticks(ticks, [str(numbers[tick]) for tick in ticks])
    axes.set_title("Error of each view")
    axes.set_xlabel("frame number")
    axes.set_ylabel("px")
    grid_lines(axes)


def _draw_placement(axes: Axes, report: LensReport) -> None:
    dropped = np.isin(report.frame_numbers, list(report.dropped))
    rest = ~report.used & ~dropped
    for mask, colour, text in (
        (rest, GREY, "not needed"), (report.used, BLUE, "used"), (dropped, VERMILLION, "dropped")
    ):  # fmt: skip
        if mask.any():
            axes.plot(
                report.view_tilt_deg[mask], report.view_distance[mask], "o", color=colour,
                markersize=4, alpha=0.8, label=text,
            )  # fmt: skip
    axes.set_title("Tilt and distance of the board")
    axes.set_xlabel("tilt against the image plane (degrees)")
    axes.set_ylabel("distance (mm)")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.1 * float(np.nanmax(report.view_distance)))
    axes.legend(loc="lower right")
    grid_lines(axes, "both")


def _board_middles(calibration: BoardCalibration) -> Floats:
    """Return the middle (F, 3) mm of the board in each frame, in the world of the cameras."""
    rig = calibration.rig
    assert rig is not None
    middle = calibration.views.board.points.mean(axis=0)
    placed = rig.T_world_board[:, :3, :3] @ middle + rig.T_world_board[:, :3, 3]
    # the cameras may stand on the floor by now, the rig does not
    return calibration.cameras[0].to_world(rig.cameras[0].to_camera(placed))


def _draw_places(
    axes: Axes,
    calibration: BoardCalibration,
    boards: Floats,
    plane: tuple[str, str],
    title: str,
) -> None:
    first, second = ("xyz".index(axis) for axis in plane)
    places = np.array([camera.position for camera in calibration.cameras])
    everything = np.vstack([places, boards])
    length = _CAMERA_LENGTH * float(np.ptp(everything, axis=0).max())
    axes.plot(boards[:, first], boards[:, second], ".", color=GREY, markersize=3, label="board")
    for index, camera in enumerate(calibration.cameras):
        colour = _CAMERA_COLOURS[index % len(_CAMERA_COLOURS)]
        width, height = camera.size
        corners = [
            (-0.5, -0.5),
            (width - 0.5, -0.5),
            (width - 0.5, height - 0.5),
            (-0.5, height - 0.5),
        ]
        focal = camera.matrix[0, 0]
        rays = (np.array(corners) - camera.matrix[:2, 2]) / focal
        tips = camera.to_world(np.column_stack([rays, np.ones(4)]) * length)
        for start, end in [(camera.position, tip) for tip in tips] + list(
            zip(tips, np.roll(tips, 1, axis=0), strict=True)
        ):
            axes.plot(*np.array([start, end])[:, (first, second)].T, color=colour, linewidth=1.2)
        x, y = camera.position[[first, second]]
        axes.annotate(
            camera.name, (x, y), xytext=(4, 4), textcoords="offset points", color=colour,
            fontweight="bold",
        )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.1)
    axes.set_title(title)
    axes.set_xlabel(f"{plane[0]} (mm)")
    axes.set_ylabel(f"{plane[1]} (mm)")
    grid_lines(axes, "both")


def _draw_shared(axes: Axes, names: tuple[str, ...], shared: np.ndarray) -> None:
    axes.imshow(shared, cmap="Blues", vmin=0, vmax=1.4 * max(1, int(shared.max())))
    for row, column in np.ndindex(*shared.shape):
        axes.text(column, row, str(shared[row, column]), ha="center", va="center", color=INK)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Frames that two cameras share")


def _draw_rig_errors(axes: Axes, calibration: BoardCalibration) -> None:
    rig = calibration.rig
    assert rig is not None
    numbers = calibration.views.frame_numbers[rig.frames]
    squared = (rig.residuals**2).sum(axis=-1)
    for index, camera in enumerate(calibration.cameras):
        seen = np.isfinite(squared[index]).any(axis=-1)
        rms = np.sqrt(np.nanmean(squared[index][seen], axis=-1))
        colour = _CAMERA_COLOURS[index % len(_CAMERA_COLOURS)]
        axes.plot(numbers[seen], rms, ".", color=colour, label=camera.name)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.3)
    axes.legend(ncols=4, loc="upper right", handletextpad=0.1, columnspacing=0.8)
    axes.set_title("Error of each view")
    axes.set_xlabel("frame number")
    axes.set_ylabel("px")
    grid_lines(axes)
