"""Pictures of the data set's frames: contact sheets, where keypoints lie, what is labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mousepose.dataset.frame_table import FrameTable
from mousepose.dataset.frames import Frame, Frames
from mousepose.dataset.multiview import MultiView
from mousepose.errors import FileError, InputError
from mousepose.report.canvas import BLUE, GREY, drawing, grid_lines
from mousepose.report.stick import Stick, draw_stick
from mousepose.types import Floats

#: Room about the animal in a contact sheet, as a share of its size, and the least side (px).
_MARGIN, _LEAST_SIDE = 0.35, 60.0
#: Behaviours and moments that fit on a sheet.
_MOST_ROWS = 12
_COUNTED_BINS = 64


def plot_behaviours(frames: Frames, path: str | Path, columns: int = 6, seed: int = 0) -> None:
    """Draw frames of each behaviour, from different clips, with their labels.

    Raises `FileError` where no frame can be read and where the folder is missing.
    """
    chosen = _of_each_behaviour(frames.table, columns, seed)
    stick = Stick.of(frames.keypoint_names)
    with drawing(path, 2.0 * columns + 0.6, 2.1 * len(chosen) + 0.3) as figure:
        panels = figure.subplots(len(chosen), columns, squeeze=False)
        for row, (behaviour, records) in zip(panels, chosen, strict=True):
            for axes in row:
                axes.set_axis_off()
            for axes, record in zip(row, records, strict=False):
                frame = frames[record]
                _draw_frame(axes, stick, frame.image, frame.xy, _window(frame))
                axes.set_title(
                    ", ".join(filter(None, [frame.clip, _numbered(frame)])) or f"{record}",
                    fontsize=7, fontweight="normal",
                )  # fmt: skip
            row[0].set_axis_on()
            row[0].set(xticks=[], yticks=[])
            row[0].set_ylabel(behaviour, fontweight="bold")


def plot_keypoints(table: FrameTable, path: str | Path) -> None:
    """Draw where keypoints lie, how often each is labelled, and which are labelled together.

    Raises `InputError` where there are no frames.
    """
    if not len(table):
        raise InputError("no frames: nothing can be drawn")
    names = table.keypoint_names
    with drawing(path, 14.0, 5.8) as figure:
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1.1])
        _draw_density(left, table)
        share = 100 * table.visible.mean(axis=0)
        rows = np.arange(len(names))
        middle.barh(rows, share, color=BLUE)
        middle.set_yticks(rows, names, fontsize=7)
        middle.set_ylim(len(names) - 0.4, -0.6)
        middle.set_xlim(0, 100)
        middle.set(xlabel="% of frames", title="Labelled")
        grid_lines(middle, "x")
        picture = right.imshow(100 * _together(table), cmap="viridis", vmin=0, vmax=100)
        right.set_xticks(rows, names, rotation=90, fontsize=6)
        right.set_yticks(rows, names, fontsize=6)
        right.set_title("Labelled too, % of the row's frames")
        right.spines[:].set_visible(False)
        figure.colorbar(picture, ax=right, shrink=0.75)


def plot_multiview(views: MultiView, path: str | Path, moments: int = 6) -> None:
    """Draw moments of the multi-view part, a row each, with their labels in every view."""
    chosen = np.unique(np.linspace(0, len(views) - 1, min(moments, len(views))).astype(int))
    columns = len(views.view_names)
    stick = Stick.of(views.keypoint_names)
    with drawing(path, 3.4 * columns + 0.4, 2.6 * len(chosen) + 0.4) as figure:
        panels = figure.subplots(len(chosen), columns, squeeze=False)
        for row, moment in zip(panels, chosen, strict=True):
            for view, axes in enumerate(row):
                axes.set(xticks=[], yticks=[])
                try:
                    picture = views.picture(int(moment), view)
                except FileError as error:
                    axes.text(
                        0.5, 0.5, str(error).rpartition("/")[2], transform=axes.transAxes,
                        ha="center", va="center", wrap=True, fontsize=6, color=GREY,
                    )  # fmt: skip
                    continue
                height, width = picture.shape[:2]
                whole = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
                _draw_frame(axes, stick, picture, views.xy[moment, view], whole)
            row[0].set_ylabel(Path(views.moment_names[moment]).name.strip("_-. "), fontsize=8)
        for axes, name in zip(panels[0], views.view_names, strict=True):
            axes.set_title(name)


def _of_each_behaviour(table: FrameTable, columns: int, seed: int) -> list[tuple[str, list[int]]]:
    """Return records of each behaviour, of as many clips as there are."""
    random = np.random.default_rng(seed)
    kinds: list[tuple[str, np.ndarray]] = [
        (name, np.flatnonzero(table.behaviour == code))
        for code, name in enumerate(table.behaviour_names[:_MOST_ROWS])
    ] or [("all frames", np.arange(len(table)))]  # fmt: skip
    out = []
    for name, rows in kinds:
        mixed = random.permutation(rows)
        _, first = np.unique(table.clip[mixed], return_index=True)
        others = np.setdiff1d(np.arange(len(mixed)), first)
        order = np.concatenate([random.permutation(first), others])[:columns]
        out.append((name, table.record[mixed[order]].tolist()))
    return out


def _window(frame: Frame) -> Floats:
    """Return left, top, right and low of a square about the labelled points, or of the picture."""
    width, height = frame.size
    if not frame.visible.any():
        return np.array([-0.5, -0.5, width - 0.5, height - 0.5])
    points = frame.xy[frame.visible]
    low, high = points.min(axis=0), points.max(axis=0)
    half = max((0.5 + _MARGIN) * float((high - low).max()), _LEAST_SIDE / 2)
    centre = (low + high) / 2
    return np.concatenate([centre - half, centre + half])


def _draw_frame(axes: Axes, stick: Stick, picture: np.ndarray, xy: Floats, window: Floats) -> None:
    axes.imshow(picture, interpolation="nearest")
    inside = (xy >= window[:2]) & (xy <= window[2:])
    draw_stick(axes, stick, np.where(inside, xy, np.nan), size=3.2)
    axes.set_xlim(window[0], window[2])
    axes.set_ylim(window[3], window[1])
    axes.spines[:].set_visible(False)


def _numbered(frame: Frame) -> str:
    return "" if frame.frame is None else f"frame {frame.frame}"


def _draw_density(axes: Axes, table: FrameTable) -> None:
    """Draw how many points lie where in the picture, as shares of its width and height."""
    shares = (table.xy + 0.5) / table.size[:, None]
    x, y = shares[table.visible].T
    counts, _, _ = np.histogram2d(y, x, bins=_COUNTED_BINS, range=[[0, 1], [0, 1]])
    axes.imshow(np.sqrt(counts), extent=(0, 100, 100, 0), cmap="magma", interpolation="nearest")
    width, height = np.median(table.size, axis=0)
    axes.set_aspect(height / width)
    axes.set(xlabel="% of the width", ylabel="% of the height")
    axes.set_title(f"Where {int(table.visible.sum()):,} keypoints lie")


def _together(table: FrameTable) -> Floats:
    """Return in which share of the frames with a keypoint (row) another (column) is labelled."""
    seen = table.visible.astype(np.float64)
    return np.asarray(seen.T @ seen / np.maximum(seen.sum(axis=0), 1)[:, None])
