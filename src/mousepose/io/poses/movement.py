"""movement's netCDF of points in space, read as the HDF5 file that it is.

`position` and, where they are there, `confidence`, `covariance`, `state` and `frame_number`, each
with its axes in any order, named in the singular or, before version 0.17, in the plural.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import require
from mousepose.io.keypoints.movement import AXES, WHAT, _axes, in_space, recognizes
from mousepose.io.keypoints.movement_write import SPACE_OTHER
from mousepose.io.keypoints.rows import names_of_animals, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import told_of_animals
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.types import Floats

#: What may be known of the points of an animal, and the axes of one animal's array of it.
_KNOWN = {
    "position": ("time", "keypoint", "space"),
    "confidence": ("time", "keypoint"),
    "state": ("time", "keypoint"),
    "covariance": ("time", "keypoint", "space", SPACE_OTHER),
}


@dataclass(frozen=True)
class _Layout:
    """The axes of each array that is there, where x, y, z lie, and what the file states."""

    axes: Mapping[str, tuple[str, ...]]
    order: list[int]
    other_order: list[int]
    frames: int
    keypoints: int
    fps: float | None
    in_seconds: bool
    numbered: bool


def is_movement_points(content: Content) -> bool:
    """Tell whether an HDF5 file is such a netCDF of points in space."""
    return content.family == "HDF5" and recognizes(content) and in_space(content)


def open_movement_points(content: Content) -> PointFile:
    """Return the tracks in such a file. Raises `FileError`."""
    path = content.path
    with hdf5.opened(path, WHAT) as file:
        layout, names = _layout(file)
        parts = names_of_parts(path, names["keypoint"])
        animals = names_of_animals(path, names["individual"])
        about = told_of_animals(file.attrs.get("mousepose", "{}"))
    place = {animal: index for index, animal in enumerate(animals)}
    return PointFile(
        path,
        dict.fromkeys(animals, parts),
        lambda animal: _rows(path, layout, place[animal]),
        has_times=layout.in_seconds,
        fps=layout.fps,
        about=about,
    )


def _layout(file: h5py.File) -> tuple[_Layout, dict[str, list[str]]]:
    position = hdf5.dataset(file, "position")
    axes, in_file = _axes(position)
    require(
        sorted(axes) == sorted(AXES),
        f"'position' has the axes {', '.join(axes)}; expected {', '.join(AXES)}",
    )
    size = dict(zip(axes, position.shape, strict=True))
    names = {axis: hdf5.texts(file, in_file[axis]) for axis in axes if axis != "time"}
    for axis, found in names.items():
        require(len(found) == size[axis], f"{in_file[axis]!r} does not fit 'position'")
    order = _order(names["space"])
    size[SPACE_OTHER] = size["space"]
    found_axes = {}
    present = set(file)  # names only: to ask for one would follow a link
    for name, expected in _KNOWN.items():
        if name not in present:
            continue
        found_axes[name], _ = _axes(hdf5.dataset(file, name))
        require(
            sorted(found_axes[name]) == sorted((*expected, "individual")),
            f"{name!r} has the axes {', '.join(found_axes[name])}, which do not fit 'position'",
        )
        hdf5.numbers(file, name, tuple(size[axis] for axis in found_axes[name]))
    for name in ("time", "frame_number"):
        if name in present:
            hdf5.numbers(file, name, (size["time"],))
    rate = hdf5.attribute(file, "fps")
    stated = isinstance(rate, int | float | np.number) and np.isfinite(rate) and rate > 0
    layout = _Layout(
        found_axes,
        order,
        _order(hdf5.texts(file, SPACE_OTHER)) if "covariance" in found_axes else order,
        size["time"],
        size["keypoint"],
        float(rate) if stated else None,
        hdf5.attribute(file, "time_unit") == "seconds",
        "frame_number" in present,
    )
    return layout, names


def _order(space: list[str]) -> list[int]:
    """Return where x, y and z lie among the names of an axis of space."""
    require(sorted(space) == ["x", "y", "z"], f"its space is {', '.join(space)}; expected x, y, z")
    return [space.index(axis) for axis in "xyz"]


def _rows(path: Path, layout: _Layout, individual: int) -> Iterator[PointRows]:
    with hdf5.opened(path, WHAT) as file:
        for start, stop in hdf5.blocks(layout.frames, 8 * 15 * layout.keypoints):
            found = {
                name: _block(file[name], axes, _KNOWN[name], slice(start, stop), individual)
                for name, axes in layout.axes.items()
            }
            when = hdf5.as_floats(file["time"][start:stop])
            covariance = found.get("covariance")
            if covariance is not None:
                covariance = covariance[..., layout.order, :][..., layout.other_order]
            yield PointRows(
                _frames(file, layout, when, start, stop),
                found["position"][..., layout.order],
                when if layout.in_seconds else None,
                covariance,
                found.get("state"),
                found.get("confidence"),
            )


def _block(
    data: h5py.Dataset, axes: tuple[str, ...], wanted: tuple[str, ...], rows: slice, individual: int
) -> Floats:
    """Return some frames of one individual with the axes in the order `wanted`."""
    at: dict[str, Any] = {"time": rows, "individual": individual}
    values = data[tuple(at.get(axis, slice(None)) for axis in axes)]
    left = [axis for axis in axes if axis != "individual"]
    return hdf5.as_floats(values).transpose([left.index(axis) for axis in wanted])


def _frames(file: h5py.File, layout: _Layout, when: Floats, start: int, stop: int) -> Floats:
    """Return frame numbers: as stated, else by the time and the frame rate, else counted."""
    if layout.numbered:
        return hdf5.as_floats(file["frame_number"][start:stop])
    if not layout.in_seconds:
        return when
    if layout.fps is None:
        return np.arange(start, stop, dtype=np.float64)
    return np.round(when * layout.fps)
