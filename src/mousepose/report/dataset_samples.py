"""Pictures of the samples on the data set's site: the views of a moment, frames of a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mousepose.dataset.samples import view_panels
from mousepose.errors import FileError
from mousepose.report.canvas import drawing
from mousepose.run.dataset_film import read_film

#: Frames of a video on its sheet.
_FRAMES = 6


def plot_panels(path: str | Path, picture: str | Path) -> None:
    """Draw the views that a picture shows side by side, each with its own pixels on its axes."""
    panels = view_panels(picture)
    height = max(3.2 * panel.shape[0] / panel.shape[1] for panel in panels)
    with drawing(path, 3.4 * len(panels), height + 0.7) as figure:
        columns = figure.subplots(1, len(panels), squeeze=False)[0]
        for number, (axes, panel) in enumerate(zip(columns, panels, strict=True)):
            axes.imshow(panel, interpolation="nearest")
            axes.set_title(f"view {number + 1}")
            axes.tick_params(labelsize=6)
        columns[0].set_ylabel("px")
        figure.suptitle(Path(picture).name, fontsize=10)


def plot_film(path: str | Path, film: str | Path) -> None:
    """Draw frames of a video, evenly spread. Raises `FileError` on what is none."""
    found = read_film(Path(film), _FRAMES)
    if not found.pictures:
        raise FileError(f"{film}: no frame can be read")
    height, width = found.pictures[0].shape[:2]
    rows = -(-len(found.pictures) // 2)
    with drawing(path, 10.0, rows * 4.9 * height / width + 0.6) as figure:
        panels = figure.subplots(rows, 2, squeeze=False).ravel()
        numbers = np.linspace(0, found.frames - 1, len(found.pictures)).astype(int)
        for axes in panels:
            axes.set_axis_off()
        for axes, picture, number in zip(panels, found.pictures, numbers, strict=False):
            axes.imshow(picture, interpolation="nearest")
            axes.set_title(f"frame {number}", fontsize=8, fontweight="normal")
        figure.suptitle(Path(film).name, fontsize=10)
