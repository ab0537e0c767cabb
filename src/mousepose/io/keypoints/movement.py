"""movement's netCDF of poses, read as the HDF5 file that it is.

`position` (time, space, keypoint, individual) in any order of its axes, named in the singular or,
before version 0.17, in the plural, and with an optional axis of views. Files of ours also hold
`covariance` and `frame_number`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import attribute, member, numbers, require, texts
from mousepose.io.keypoints.movement_write import SPACE_OTHER
from mousepose.io.keypoints.rows import (
    MAX_KEYPOINTS,
    Rows,
    Track,
    TrackFile,
    names_of_animals,
    names_of_parts,
    rate_of,
    sure_where_silent,
)
from mousepose.io.keypoints.sniff import Content
from mousepose.types import Floats

SINGULAR = {"keypoints": "keypoint", "individuals": "individual", "views": "view"}
AXES = ("time", "space", "keypoint", "individual")
#: The axes of one animal in one view, in the order in which `Rows` has them.
ROW_AXES = ("time", "keypoint", "space", SPACE_OTHER)
WHAT = "movement's netCDF of poses"


@dataclass(frozen=True)
class _Layout:
    """The axes of the arrays (empty where there is none), and what the file states."""

    axes: tuple[str, ...]
    sure_axes: tuple[str, ...]
    spread_axes: tuple[str, ...]
    numbered: bool
    frames: int
    keypoints: tuple[str, ...]
    x: int
    y: int
    fps: float | None
    in_seconds: bool


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file has positions through time."""
    return content.hdf5(lambda file: hdf5.holds(file, "position") and hdf5.holds(file, "time"))


def in_space(content: Content) -> bool:
    """Tell whether the positions lie in space."""
    return content.hdf5(lambda file: hdf5.holds(file, "space") and "z" in texts(file, "space"))


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a movement netCDF: one for each individual, of each view.

    Raises `FileError`.
    """
    with hdf5.opened(path, WHAT) as file:
        kind = attribute(file, "ds_type")
        require(kind in (None, "poses"), f"it holds {kind}, expected poses")
        layout, views, individuals = _layout(path, file)
    pairs = list(product(range(len(views)), range(len(individuals))))
    titles = [
        f"{views[v]}/{individuals[i]}" if len(views) > 1 else individuals[i] for v, i in pairs
    ]
    places = dict(zip(names_of_animals(path, titles), pairs, strict=True))

    def open_one(animal: str) -> Track:
        return Track(
            path,
            animal,
            layout.keypoints,
            _rows(path, layout, *places[animal]),
            has_times=layout.in_seconds,
            fps=layout.fps,
            frames=layout.frames,
        )

    return TrackFile(path, tuple(places), open_one)


def _layout(path: Path, file: h5py.File) -> tuple[_Layout, list[str], tuple[str, ...]]:
    position = hdf5.dataset(file, "position")
    axes, names = _axes(position)
    require(
        set(AXES) <= set(axes) <= {*AXES, "view"} and len(set(axes)) == len(axes),
        f"'position' has the axes {', '.join(axes)}; expected {', '.join(AXES)}",
    )
    numbers(file, "position", (None,) * len(axes))
    size = dict(zip(axes, position.shape, strict=True))
    told = {axis: texts(file, names[axis]) for axis in axes if axis != "time"}
    for axis, found in told.items():
        require(len(found) == size[axis], f"{names[axis]!r} does not fit 'position'")
    require({"x", "y"} <= set(told["space"]), f"its space is {told['space']}, expected x and y")
    require(size["keypoint"] <= MAX_KEYPOINTS, "it holds too many keypoints")
    for name in ("time", "frame_number"):
        if name == "time" or hdf5.holds(file, name):
            numbers(file, name, (size["time"],))
    layout = _Layout(
        axes,
        _axes_beside(file, "confidence", size, set(size) - {"space"}),
        _axes_beside(file, "covariance", size | {SPACE_OTHER: size["space"]}, {*size, SPACE_OTHER}),
        hdf5.holds(file, "frame_number"),
        size["time"],
        names_of_parts(path, told["keypoint"]),
        told["space"].index("x"),
        told["space"].index("y"),
        rate_of(attribute(file, "fps")),
        attribute(file, "time_unit") == "seconds",
    )
    return layout, told.get("view", [""]), names_of_animals(path, told["individual"])


def _axes_beside(
    file: h5py.File, name: str, size: dict[str, int], expected: set[str]
) -> tuple[str, ...]:
    """Return the axes of an array that goes with `position`, none where there is none."""
    if not hdf5.holds(file, name):
        return ()
    axes, _ = _axes(hdf5.dataset(file, name))
    require(
        set(axes) == expected and len(axes) == len(expected),
        f"{name!r} has the axes {', '.join(axes)}, which do not fit 'position'",
    )
    numbers(file, name, tuple(size[axis] for axis in axes))
    return axes


def _axes(data: h5py.Dataset) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the axes by their singular names, and by these the names in the file."""
    found = []
    for scales in data.dims:
        require(len(scales) > 0, f"an axis of {data.name!r} has no name")
        found.append(str(scales[0].name).rsplit("/", 1)[-1])
    singular = tuple(SINGULAR.get(name, name) for name in found)
    return singular, dict(zip(singular, found, strict=True))


def _rows(path: Path, layout: _Layout, view: int, individual: int) -> Iterator[Rows]:
    plane = [layout.x, layout.y]
    with hdf5.opened(path, WHAT) as file:
        for start, stop in hdf5.blocks(layout.frames, 7 * 8 * len(layout.keypoints)):
            at = {"time": slice(start, stop), "view": view, "individual": individual}
            xy = _block(file, "position", layout.axes, at)[..., plane]
            sure = np.full(xy.shape[:2], np.nan)
            if layout.sure_axes:
                sure = _block(file, "confidence", layout.sure_axes, at)
            spread = None
            if layout.spread_axes:
                spread = _block(file, "covariance", layout.spread_axes, at)
                spread = spread[..., plane, :][..., plane]
            when = _block(file, "time", ("time",), at)
            yield Rows(
                _frames(file, layout, when, at),
                when if layout.in_seconds else None,
                xy,
                sure_where_silent(sure, xy),
                spread,
            )


def _block(file: h5py.File, name: str, axes: tuple[str, ...], at: dict[str, Any]) -> Floats:
    """Return a part of an array with those of the axes `ROW_AXES` that it has, in their order."""
    values = member(file, name)[tuple(at.get(axis, slice(None)) for axis in axes)]
    left = [axis for axis in axes if axis not in ("view", "individual")]
    order = [left.index(axis) for axis in ROW_AXES if axis in left]
    return hdf5.as_floats(values).transpose(order)


def _frames(file: h5py.File, layout: _Layout, when: Floats, at: dict[str, Any]) -> Floats:
    """Return frame numbers: as stated, or `time` where it counts frames, or by the frame rate."""
    if layout.numbered:
        return _block(file, "frame_number", ("time",), at)
    if not layout.in_seconds:
        return when
    if layout.fps is None:
        return np.arange(at["time"].start, at["time"].stop, dtype=np.float64)
    return np.round(when * layout.fps)
