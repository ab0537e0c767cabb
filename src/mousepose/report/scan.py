"""The quality page of one CT scan: slices with contours, the joints on the bones, a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from numpy.typing import NDArray

from mousepose.ct.segmentation.segment_levels import Levels
from mousepose.ct.segmentation.segment_shapes import Mask, box_of
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.types import NamedPoints, Volume
from mousepose.report.canvas import BLUE, SKY, VERMILLION, drawing
from mousepose.report.scan_table import bones_of, draw_lengths, draw_notes

Planes = tuple[int, int, int]

#: The axes of the views: across, up, and the one looked along.
_RIGHT_SIDE: Planes = (2, 1, 0)
_ABOVE: Planes = (2, 0, 1)
_FRONT: Planes = (0, 1, 2)
_AXIS_NAMES = ("to the right", "to the belly", "to the nose")
_BONE = BLUE
_MARGIN_MM = 4.0
#: So much bone along the line of sight is drawn black.
_FULL_DEPTH_MM = 6.0


def plot_scan(
    found: Segmentation, path: str | Path, joints: NamedPoints | None = None, *, title: str = ""
) -> None:
    """Draw what was found in a scan as a PNG at `path`.

    Slices along three planes with the outlines of skin and bone; the densest values seen from the
    right and from above, with the joints on them, coloured by confidence; the bones' lengths; the
    notes of the verdict. The nose is to the right. Raises `FileError` for a folder that is missing.
    """
    view = _View.of(found)
    centre = view.centre(joints)
    with drawing(path, 15.0, 10.0) as figure:
        name = title or found.volume.name or "scan"
        figure.suptitle(f"{name}: {found.verdict}", x=0.01, ha="left", weight="bold")
        grid = figure.add_gridspec(3, 3, width_ratios=(1.6, 1.0, 0.95))
        _slice(figure.add_subplot(grid[0, 0]), view, _RIGHT_SIDE, centre, "Slice from the right")
        _slice(figure.add_subplot(grid[0, 1]), view, _FRONT, centre, "Slice across the trunk")
        _slice(figure.add_subplot(grid[1, 0]), view, _ABOVE, centre, "Slice from above")
        side, above = figure.add_subplot(grid[1, 1]), figure.add_subplot(grid[2, :2])
        _projection(side, view, _RIGHT_SIDE, "Bone from the right")
        _projection(above, view, _ABOVE, "Bone from above, the left side up")
        if joints is not None:
            _draw_joints(side, joints, _RIGHT_SIDE)
            dots = _draw_joints(above, joints, _ABOVE)
            figure.colorbar(dots, ax=above, label="confidence", shrink=0.8, pad=0.01)
            draw_lengths(figure.add_subplot(grid[:2, 2]), joints)
        draw_notes(figure.add_subplot(grid[2, 2]), found)


@dataclass(frozen=True, eq=False)
class _View:
    """The part of a scan about the animal: its voxels, which are body and bone, its levels."""

    volume: Volume
    body: Mask
    bone: Mask
    levels: Levels

    @classmethod
    def of(cls, found: Segmentation) -> _View:
        volume, mask = found.volume, found.body | found.bone
        box = (slice(None), slice(None), slice(None))
        if mask.any():
            box = box_of(mask, _MARGIN_MM, volume.spacing)
        matrix = volume.T_world_voxel.copy()
        matrix[:3, 3] = volume.to_world([s.start or 0 for s in box])
        part = Volume(volume.values[box], matrix, volume.hounsfield, volume.name)
        return cls(part, found.body[box], found.bone[box], found.levels)

    def centre(self, joints: NamedPoints | None) -> list[int]:
        """Return the voxel (3,) through which the slices go: on the spine, or in the body."""
        place = np.array(self.body.shape) / 2
        if self.body.any():
            place = np.argwhere(self.body).mean(axis=0)
        if joints is not None and "SPINE_MID" in joints.names:
            spine = joints.points[joints.names.index("SPINE_MID")]
            place = self.volume.to_voxel(spine) if np.isfinite(spine).all() else place
        last = np.array(self.body.shape) - 1
        return [int(n) for n in np.clip(np.round(place), 0, last)]

    def extent(self, planes: Planes) -> tuple[float, float, float, float]:
        """Return left, right, bottom and top, RAS mm, of a picture with its rows upwards."""
        first = self.volume.to_world(np.full(3, -0.5))
        last = self.volume.to_world(np.array(self.body.shape) - 0.5)
        across, up, _ = planes
        return float(first[across]), float(last[across]), float(first[up]), float(last[up])


def _picture(array: Any, planes: Planes) -> NDArray[Any]:
    """Return a flat array, its two axes in voxel order, as rows (up) and columns (across)."""
    return np.asarray(array.T if planes[0] < planes[1] else array)


def _frame(axes: Axes, view: _View, planes: Planes, title: str) -> None:
    left, right, bottom, top = view.extent(planes)
    axes.set_xlim(left, right)
    # ventral and right grow downwards: the back is up from the side, the left is up from above
    axes.set_ylim(top, bottom)
    axes.set_aspect("equal")
    axes.set_title(title)
    axes.set_xlabel(f"{_AXIS_NAMES[planes[0]]} (mm)")
    axes.set_ylabel(f"{_AXIS_NAMES[planes[1]]} (mm)")


def _slice(axes: Axes, view: _View, planes: Planes, centre: list[int], title: str) -> None:
    along = planes[2]
    values, body, bone = (
        _picture(np.take(array, centre[along], axis=along), planes)
        for array in (view.volume.values, view.body, view.bone)
    )
    levels = view.levels
    top = levels.bone + 1.5 * (levels.bone - levels.tissue)
    extent = view.extent(planes)
    axes.imshow(
        values,
        cmap="gray",
        vmin=levels.air,
        vmax=top,
        origin="lower",
        extent=extent,
        aspect="equal",
    )
    for mask, colour in ((body, SKY), (bone, VERMILLION)):
        if mask.any() and not mask.all():
            axes.contour(
                mask.astype(float), [0.5], colors=[colour], linewidths=0.7, extent=extent,
                origin="lower",
            )  # fmt: skip
    _frame(axes, view, planes, title)


def _projection(axes: Axes, view: _View, planes: Planes, title: str) -> None:
    along = planes[2]
    shade = _picture(view.body.any(axis=along), planes).astype(float)
    depth = _picture(view.bone.sum(axis=along), planes) * view.volume.spacing[along]
    extent = view.extent(planes)
    picture = 0.12 * shade + np.clip(depth / _FULL_DEPTH_MM, 0, 1) ** 0.5
    axes.imshow(
        picture, cmap="gray_r", vmin=0, vmax=1.3, origin="lower", extent=extent, aspect="equal"
    )
    _frame(axes, view, planes, title)


def _draw_joints(axes: Axes, joints: NamedPoints, planes: Planes) -> PathCollection:
    """Draw bones and joints, left bones solid and right ones dashed; return the dots."""
    across, up, _ = planes
    place = dict(zip(joints.names, joints.points, strict=True))
    for name, parent in bones_of(joints):
        ends = np.array([place[parent], place[name]])
        style = "--" if name.startswith("RIGHT_") else "-"
        axes.plot(ends[:, across], ends[:, up], style, color=_BONE, linewidth=1.1)
    known = np.isfinite(joints.points).all(axis=1)
    shown = joints.points[known]
    return axes.scatter(
        shown[:, across], shown[:, up], c=joints.confidence[known], cmap="viridis", vmin=0, vmax=1,
        s=26, edgecolors="white", linewidths=0.6, zorder=3,
    )  # fmt: skip
