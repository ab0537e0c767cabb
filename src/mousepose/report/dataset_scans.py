"""Pictures of the data set's CT scans: slices with the outlines of skin and bone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mousepose.ct.scans.scan import load_scan
from mousepose.ct.types import Volume
from mousepose.report.canvas import ORANGE, SKY, drawing
from mousepose.types import Floats

#: Between air and tissue, and between tissue and bone (HU).
SKIN_HU, BONE_HU = -400.0, 300.0
_SHOWN_HU = (-1000.0, 1200.0)
#: As fine as a picture can show, mm.
_VOXEL_MM = 0.3
_SLICES = 5


def plot_scan(path: str | Path, scan: str | Path) -> None:
    """Draw a scan at `path`: its middle planes, and slices across the body from tail to nose.

    Values are taken for Hounsfield units. Raises `FileError` on what is no scan.
    """
    volume = load_scan(scan, voxel_mm=_VOXEL_MM)
    with drawing(path, 12.0, 6.4) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=[1.25, 1], squeeze=False).flat
        sides = upper.subplots(1, 2)
        values = np.asarray(volume.values, np.float64)
        across, deep, along = values.shape
        dx, dy, dz = volume.spacing
        _draw_plane(sides[0], values[across // 2], (dz, dy), "mid-sagittal")
        _draw_plane(sides[1], values[:, deep // 2], (dz, dx), "mid-coronal")
        for axes in sides:
            axes.set_xlabel("mm, to the nose")
        slices = lower.subplots(1, _SLICES)
        places = np.linspace(0.1, 0.9, _SLICES)
        for axes, share in zip(slices, places, strict=True):
            place = int(share * (along - 1))
            _draw_plane(axes, values[:, :, place].T, (dx, dy), f"{place * dz:.0f} mm")
        figure.suptitle(f"{Path(scan).name}: {_described(volume)}", fontsize=10)


def plot_scans(path: str | Path, scans: Sequence[str | Path], columns: int = 4) -> None:
    """Draw the middle plane of several scans on one sheet."""
    columns = min(columns, len(scans))
    rows = -(-len(scans) // columns)
    with drawing(path, 3.6 * columns, 2.3 * rows + 0.2) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, scan in zip(panels, scans, strict=False):
            volume = load_scan(scan, voxel_mm=2 * _VOXEL_MM)
            middle = np.asarray(volume.values[volume.values.shape[0] // 2], np.float64)
            _draw_plane(axes, middle, (volume.spacing[2], volume.spacing[1]), Path(scan).stem)


def _draw_plane(axes: Axes, plane: Floats, spacing: tuple[float, float], title: str) -> None:
    """Draw a plane (rows, columns); `spacing` mm is that of its columns and of its rows."""
    height, width = plane.shape
    extent = (0.0, width * spacing[0], 0.0, height * spacing[1])
    low, high = _SHOWN_HU
    axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=extent, origin="lower")
    x = (np.arange(width) + 0.5) * spacing[0]
    y = (np.arange(height) + 0.5) * spacing[1]
    for level, colour in ((SKIN_HU, SKY), (BONE_HU, ORANGE)):
        if plane.min() < level < plane.max():
            axes.contour(
                x, y, plane, levels=[level], colors=[colour], linewidths=0.7, linestyles="solid"
            )
    axes.set_title(title, fontsize=8, fontweight="normal")
    axes.set_aspect("equal")
    axes.tick_params(labelsize=6)


def _described(volume: Volume) -> str:
    size = " x ".join(f"{e:.0f}" for e in volume.spacing * volume.values.shape)
    return f"{size} mm, shown in voxels of {float(volume.spacing.mean()):.2f} mm"
