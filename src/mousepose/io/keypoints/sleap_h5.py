"""SLEAP's analysis HDF5: arrays of all frames, in the order of axes that its attributes tell.

`tracks` holds (track, xy, node, frame) in the preset "matlab" and in files without attributes, or
(frame, track, node, xy) in "standard"; any other order is told by its attribute `dims`. Row k is
frame k of the video.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import attribute, listed, numbers, require, texts
from mousepose.io.keypoints.rows import (
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

AXES = ("frame", "track", "node", "xy")
PRESETS = {
    "matlab": ("track", "xy", "node", "frame"),
    "standard": AXES,
    # Exports of old versions that were asked not to transpose.
    "untransposed": ("frame", "node", "xy", "track"),
}
WHAT = "a SLEAP analysis h5"


@dataclass(frozen=True)
class _Layout:
    """How the arrays lie in the file: their axes in order, and how long each axis is."""

    axes: tuple[str, ...]
    sizes: dict[str, int]
    nodes: tuple[str, ...]
    tracks: tuple[str, ...]
    scored: bool
    fps: float | None

    def block(self, data: h5py.Dataset, track: int, start: int, stop: int) -> Floats:
        """Return one track's frames of an array with the axes (frame, node) first."""
        part = {"frame": slice(start, stop), "track": track}
        axes = [axis for axis in self.axes if data.ndim == len(AXES) or axis != "xy"]
        values = data[tuple(part.get(axis, slice(None)) for axis in axes)]
        left = [axis for axis in axes if axis != "track"]
        order = [left.index(axis) for axis in AXES if axis in left]
        return hdf5.as_floats(values).transpose(order)


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file has tracks and the names of their nodes."""
    return content.hdf5(lambda file: _points_of(file) > 0)


def in_space(content: Content) -> bool:
    """Tell whether the tracks lie in space, as sleap-anipose writes them."""
    return content.hdf5(lambda file: _points_of(file) == 3)


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a SLEAP analysis h5. Raises `FileError`."""
    with hdf5.opened(path, WHAT) as file:
        layout = _layout(path, file)

    def open_one(animal: str) -> Track:
        rows = _rows(path, layout, layout.tracks.index(animal))
        return Track(path, animal, layout.nodes, rows, fps=layout.fps, frames=layout.sizes["frame"])

    return TrackFile(path, layout.tracks, open_one)


def _points_of(file: h5py.File) -> int:
    """Return how many coordinates a point of `tracks` has, 0 where the file is none of SLEAP's."""
    data = hdf5.member(file, "tracks") if hdf5.holds(file, "tracks") else None
    if not isinstance(data, h5py.Dataset) or data.ndim != len(AXES):
        return 0
    if hdf5.holds(file, "node_names"):
        return 2
    # sleap-anipose writes (frame, track, node, xyz) and nothing else.
    return 3 if data.shape[-1] == 3 else 0


def _layout(path: Path, file: h5py.File) -> _Layout:
    tracks = numbers(file, "tracks", (None,) * len(AXES))
    nodes = names_of_parts(path, texts(file, "node_names"))
    names = texts(file, "track_names") if hdf5.holds(file, "track_names") else []
    axes = _axes(file, tracks, len(nodes))
    sizes = dict(zip(axes, tracks.shape, strict=True))
    require(sizes["xy"] == 2, f"its points have {sizes['xy']} coordinates, expected x and y")
    require(
        sizes["node"] == len(nodes),
        f"'tracks' holds {sizes['node']} nodes, 'node_names' {len(nodes)}",
    )
    # A project without tracks has no names, and one track.
    names = names or [""] * sizes["track"]
    require(
        len(names) == sizes["track"],
        f"'tracks' holds {sizes['track']} tracks, 'track_names' {len(names)}",
    )
    scored = hdf5.holds(file, "point_scores")
    if scored:
        numbers(file, "point_scores", tuple(sizes[axis] for axis in axes if axis != "xy"))
    return _Layout(axes, sizes, nodes, names_of_animals(path, names), scored, _fps(file))


def _fps(file: h5py.File) -> float | None:
    """Return the frame rate of the video, which later versions keep."""
    told = json.loads(file.attrs.get("video_backend_metadata", "{}"))
    return rate_of(told.get("fps")) if isinstance(told, dict) else None


def _axes(file: h5py.File, tracks: h5py.Dataset, nodes: int) -> tuple[str, ...]:
    told = tuple(listed(tracks, "dims"))
    if told:
        require(sorted(told) == sorted(AXES), f"its axes are {told}, expected {AXES} in any order")
        return told
    preset = attribute(file, "preset")
    if preset in PRESETS:
        return PRESETS[preset]
    fitting = [
        axes
        for axes in PRESETS.values()
        if tracks.shape[axes.index("xy")] == 2 and tracks.shape[axes.index("node")] == nodes
    ]
    require(
        bool(fitting),
        f"'tracks' has the shape {tracks.shape} and no attribute 'dims'; expected (track, 2, "
        f"{nodes}, frame)",
    )
    return fitting[0]


def _rows(path: Path, layout: _Layout, track: int) -> Iterator[Rows]:
    with hdf5.opened(path, WHAT) as file:
        points = hdf5.member(file, "tracks")
        scores = hdf5.member(file, "point_scores") if layout.scored else None
        frames = layout.sizes["frame"]
        if frames == 0:
            raise FileError(f"{path} holds no frames")
        for start, stop in hdf5.blocks(frames, 3 * 8 * len(layout.nodes)):
            xy = layout.block(points, track, start, stop)
            score = np.full(xy.shape[:2], np.nan)
            if scores is not None:
                score = layout.block(scores, track, start, stop)
            rows = np.arange(start, stop, dtype=np.float64)
            yield Rows(rows, None, xy, sure_where_silent(score, xy))
