"""SLEAP's analysis h5 written, in the axis order that SLEAP and sleap-io call "matlab".

A row for every frame from 0 on; written in flat memory. Scores of instances and of tracking are
not known and NaN.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.io.keypoints.streams_write import (
    Stream,
    blocks,
    dense_windows,
    described,
    no_frames,
    united,
)

#: Frames packed together in the file.
FRAMES_A_CHUNK = 1024
#: The axes of each array. `track_occupancy` has its frames first in this order too: SLEAP's habit.
AXES: dict[str, tuple[str, ...]] = {
    "tracks": ("track", "xy", "node", "frame"),
    "track_occupancy": ("frame", "track"),
    "point_scores": ("track", "node", "frame"),
    "instance_scores": ("track", "frame"),
    "tracking_scores": ("track", "frame"),
}


def write_sleap(path: Path, streams: Sequence[Stream], units: dict[str, str]) -> None:
    """Write all animals' tracks. Raises `InputError` where the streams hold no frame."""
    names = united(stream.keypoint_names for stream in streams)
    channels = united(stream.channels for stream in streams)
    x, y, confidence = (channels.index(name) for name in ("x", "y", "confidence"))
    length = 0
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w") as file:
            arrays = _empty_arrays(file, len(streams), len(names))
            for block in blocks(streams):
                for first, window in dense_windows(path, block, FRAMES_A_CHUNK):
                    length = first + len(window.frames)
                    for name, array in arrays.items():
                        array.resize(length, axis=AXES[name].index("frame"))
                    points = window.values[..., [x, y]]  # (N, A, K, 2)
                    scores = window.values[..., confidence]
                    there = np.isfinite(points).all(axis=-1)
                    scores = np.where(there, scores, np.nan)
                    arrays["tracks"][..., first:length] = points.transpose(1, 3, 2, 0)
                    arrays["point_scores"][..., first:length] = scores.transpose(1, 2, 0)
                    arrays["track_occupancy"][first:length] = there.any(axis=-1)
            file["track_names"] = texts([stream.animal for stream in streams])
            file["node_names"] = texts(names)
            _write_origin(file, streams, units)
        if not length:
            raise no_frames(path)


def _empty_arrays(file: h5py.File, tracks: int, nodes: int) -> dict[str, h5py.Dataset]:
    sizes = {"track": tracks, "xy": 2, "node": nodes, "frame": 0}
    arrays = {}
    for name, axes in AXES.items():
        whole_numbers = name == "track_occupancy"
        arrays[name] = file.create_dataset(
            name,
            shape=tuple(sizes[axis] for axis in axes),
            maxshape=tuple(None if axis == "frame" else sizes[axis] for axis in axes),
            chunks=tuple(FRAMES_A_CHUNK if axis == "frame" else sizes[axis] for axis in axes),
            dtype=np.uint8 if whole_numbers else np.float64,
            fillvalue=0 if whole_numbers else np.nan,
            compression="gzip",
            compression_opts=1,
        )
        arrays[name].attrs["dims"] = json.dumps(axes)
    return arrays


def _write_origin(file: h5py.File, streams: Sequence[Stream], units: dict[str, str]) -> None:
    """Write what readers of these files expect besides the numbers, and where they come from."""
    file["edge_names"] = np.empty(0)
    file["edge_inds"] = np.empty(0)
    file["labels_path"] = str(streams[0].about.get("source_file", ""))
    file["video_path"] = ""
    file["video_ind"] = 0
    file["provenance"] = described(streams, units)
    file.attrs["format"] = "analysis"
    file.attrs["preset"] = "matlab"


def texts(names: Sequence[str]) -> np.ndarray:
    """Return names as SLEAP stores them. Raises `InputError` on one that is empty."""
    if not all(names):
        raise InputError("an animal or keypoint without a name cannot be written")
    return np.array([name.encode("utf-8") for name in names])
