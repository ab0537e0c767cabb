"""Pictures of the data set's CT scans: slices with the outlines of skin and bone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from mousepose.ct.scans.scan import load_scan
from mousepose.ct.types import Volume
from mousepose.dataset.samples import load_slices
from mousepose.errors import FileError
from mousepose.report.canvas import GREY, ORANGE, SKY, drawing
from mousepose.run.dataset_scans import volume_of

#: Between air and tissue, between tissue and bone, and what is black and what white: in HU, and in
#: the brightness of the site's slices.
_HOUNSFIELD = (-400.0, 300.0, -1000.0, 1200.0)
_BRIGHTNESS = (38.0, 88.0, 0.0, 200.0)
#: As fine as a picture can show, mm.
_VOXEL_MM = 0.3
_SLICES = 5


def plot_scan(path: str | Path, scan: str | Path) -> None:
    """Draw a scan at `path`: the planes with most bone, and slices across the body, tail to nose.

    Raises `FileError` on what is no scan.
    """
    _plot_volume(path, load_scan(scan, voxel_mm=_VOXEL_MM), Path(scan).name)


def plot_slices(path: str | Path, slices: str | Path) -> None:
    """Draw the slices of a scan that the data set's site has, as a scan is drawn.

    Raises `FileError` on what holds none.
    """
    _plot_volume(path, volume_of(load_slices(slices)), Path(slices).name)


def plot_scans(path: str | Path, scans: Sequence[str | Path], columns: int = 4) -> None:
    """Draw the sagittal plane with most bone of several scans; of damaged ones, what is wrong."""
    columns = min(columns, len(scans))
    rows = -(-len(scans) // columns)
    with drawing(path, 3.6 * columns, 2.3 * rows + 0.2) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, scan in zip(panels, scans, strict=False):
            try:
                volume = load_scan(scan, voxel_mm=2 * _VOXEL_MM)
            except FileError as error:
                told = str(error).removeprefix(f"{Path(scan).parent}/")
                axes.text(
                    0.5, 0.5, told, transform=axes.transAxes, ha="center", va="center", wrap=True,
                    fontsize=6, color=GREY,
                )  # fmt: skip
                continue
            _draw_plane(axes, volume, 0, _most_bone(volume, 0), Path(scan).stem)


def _plot_volume(path: str | Path, volume: Volume, name: str) -> None:
    with drawing(path, 12.0, 6.4) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=[1.25, 1], squeeze=False).flat
        sides = upper.subplots(1, 2)
        for axis, (axes, title) in enumerate(zip(sides, ("sagittal", "coronal"), strict=True)):
            place = _most_bone(volume, axis)
            told = f"{title}, most bone: {place * volume.spacing[axis]:.0f} mm"
            _draw_plane(axes, volume, axis, place, told)
            axes.set_xlabel("mm, to the nose")
        along = volume.values.shape[2]
        for axes, share in zip(
            lower.subplots(1, _SLICES), np.linspace(0.1, 0.9, _SLICES), strict=True
        ):
            place = int(share * (along - 1))
            _draw_plane(axes, volume, 2, place, f"{place * volume.spacing[2]:.0f} mm")
        figure.suptitle(f"{name}: {_described(volume)}", fontsize=10)


def _levels(volume: Volume) -> tuple[float, float, float, float]:
    return _HOUNSFIELD if volume.hounsfield else _BRIGHTNESS


def _most_bone(volume: Volume, axis: int) -> int:
    """Return the plane across `axis` with most bone: animals do not lie in the middle."""
    others = tuple(other for other in range(3) if other != axis)
    bone = (volume.values > _levels(volume)[1]).sum(axis=others)
    return int(bone.argmax()) if bone.any() else len(bone) // 2


def _draw_plane(axes: Axes, volume: Volume, axis: int, place: int, title: str) -> None:
    """Draw plane number `place` across `axis`; the longer way of the animal runs to the right."""
    plane = np.asarray(np.take(volume.values, place, axis), np.float64)
    up, right = (other for other in range(3) if other != axis)
    if axis == 2:
        plane, up, right = plane.T, right, up
    step_up, step_right = volume.spacing[up], volume.spacing[right]
    height, width = plane.shape
    extent = (0.0, width * step_right, 0.0, height * step_up)
    skin, bone, low, high = _levels(volume)
    axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=extent, origin="lower")
    x = (np.arange(width) + 0.5) * step_right
    y = (np.arange(height) + 0.5) * step_up
    for level, colour in ((skin, SKY), (bone, ORANGE)):
        if plane.min() < level < plane.max():
            axes.contour(
                x, y, plane, levels=[level], colors=[colour], linewidths=0.7, linestyles="solid"
            )
    axes.set_title(title, fontsize=8, fontweight="normal")
    axes.set_aspect("equal")
    axes.tick_params(labelsize=6)


def _described(volume: Volume) -> str:
    size = " x ".join(f"{e:.0f}" for e in volume.spacing * volume.values.shape)
    voxel = " x ".join(f"{e:.2f}" for e in volume.spacing)
    return f"{size} mm, shown in voxels of {voxel} mm"
