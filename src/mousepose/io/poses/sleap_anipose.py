"""The h5 of points in space that sleap-anipose writes, and the same with what we know besides.

`tracks` (frames, tracks, nodes, 3), a row for every frame, NaN where there is no point. Of ours:
`node_names`, `track_names`, `times` (s), `state`, `covariance` (frames, tracks, nodes, 3, 3), and
attributes that say units and origin. sleap-anipose itself writes `tracks` and, of a part of the
video, `frames`: the first frame and the one after the last. It states no unit: mm here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from mousepose.atomic import atomic_path
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.rows import names_of_animals, names_of_parts
from mousepose.io.keypoints.sleap_write import texts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import (
    Block,
    Stream,
    blocks,
    dense_windows,
    described,
    no_frames,
    united,
)
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.io.poses.points import SPACE_COVARIANCE, SPACE_UNITS
from mousepose.io.poses.sequence_layout import SYMMETRIC
from mousepose.types import State

#: The axes of `tracks`, told as SLEAP does.
AXES = ("frame", "track", "node", "xyz")
#: Frames packed together in the file.
FRAMES_A_CHUNK = 1024


def write_sleap_points(path: Path, streams: Sequence[Stream]) -> None:
    """Write all animals' points. Raises `InputError` where the streams hold no frame."""
    channels = united(stream.channels for stream in streams)
    names = united(stream.keypoint_names for stream in streams)
    points = (len(streams), len(names))
    shapes: dict[str, tuple[int, ...]] = {"tracks": (*points, 3), "state": points}
    if SPACE_COVARIANCE[0] in channels:
        shapes["covariance"] = (*points, 3, 3)
    if all(stream.has_times for stream in streams):
        shapes["times"] = ()
    length = 0
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w") as file:
            arrays = {name: _empty(file, name, shape) for name, shape in shapes.items()}
            for block in blocks(streams):
                for first, window in dense_windows(path, block, FRAMES_A_CHUNK):
                    length = first + len(window.frames)
                    for name, array in arrays.items():
                        array.resize(length, axis=0)
                        array[first:length] = _values(name, window, channels)
            file["node_names"] = texts(names)
            file["track_names"] = texts([stream.animal for stream in streams])
            arrays["tracks"].attrs["Description"] = "Shape: (n_frames, n_tracks, n_nodes, 3)."
            arrays["tracks"].attrs["dims"] = json.dumps(AXES)
            arrays["tracks"].attrs["units"] = SPACE_UNITS["position"]
            file["provenance"] = described(streams, SPACE_UNITS)
        if not length:
            raise no_frames(path)


def _empty(file: h5py.File, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
    kinds = {"state": np.uint8, "covariance": np.float32}
    return file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        chunks=(FRAMES_A_CHUNK, *shape),
        dtype=kinds.get(name, np.float64),
        fillvalue=State.ABSENT if name == "state" else np.nan,
        compression="gzip",
        compression_opts=1,
    )


def _values(name: str, window: Block, channels: Sequence[str]) -> np.ndarray:
    if name == "times":
        return window.times
    if name == "state":
        return np.nan_to_num(window.values[..., channels.index("state")], nan=State.ABSENT)
    wanted = "xyz" if name == "tracks" else SPACE_COVARIANCE
    values = window.values[..., [channels.index(channel) for channel in wanted]]
    return values if name == "tracks" else values[..., SYMMETRIC]


def is_sleap_points(content: Content) -> bool:
    """Tell whether an HDF5 file holds tracks in space as sleap-anipose writes them."""
    return content.family == "HDF5" and content.hdf5(_has_tracks)


def _has_tracks(file: h5py.File) -> bool:
    tracks = hdf5.member(file, "tracks") if hdf5.holds(file, "tracks") else None
    if not isinstance(tracks, h5py.Dataset) or tracks.ndim != 4 or tracks.shape[-1] != 3:
        return False
    # SLEAP's own analysis of three frames may end in a 3 too; it has occupancies and its own axes.
    axes = hdf5.listed(tracks, "dims")
    return AXES[-1] in axes if axes else not hdf5.holds(file, "track_occupancy")


def open_sleap_points(content: Content) -> PointFile:
    """Return the tracks in such a file; names count on from 0 where it holds none."""
    path = content.path
    with hdf5.opened(path, "an h5 of sleap-anipose") as file:
        length, count, nodes, _ = hdf5.numbers(file, "tracks", (None, None, None, 3)).shape
        parts = _names(file, "node_names", "node", nodes)
        names = names_of_animals(path, _names(file, "track_names", "track", count))
        present = set(file)  # names only: to ask for one would follow a link
        first = 0
        if "frames" in present:
            first = int(hdf5.numbers(file, "frames", (2,))[0])
        has_times = "times" in present
        if has_times:
            hdf5.numbers(file, "times", (length,))
    place = {name: index for index, name in enumerate(names)}
    animals = dict.fromkeys(names, names_of_parts(path, parts))
    return PointFile(
        path, animals, lambda animal: _rows(path, place[animal], first), has_times=has_times
    )


def _names(file: h5py.File, name: str, what: str, count: int) -> list[str]:
    found = hdf5.texts(file, name) if name in set(file) else []
    if not found:
        found = [f"{what}{index}" for index in range(count)]
    hdf5.require(len(found) == count, f"{name!r} has {len(found)} names for {count} {what}s")
    return found


def _rows(path: Path, track: int, first: int) -> Iterator[PointRows]:
    with hdf5.opened(path, "an h5 of sleap-anipose") as file:
        tracks = hdf5.numbers(file, "tracks", (None, None, None, 3))
        shape = tracks.shape[:-1]
        present = set(file)
        known = {}
        for name, more in (("covariance", (3, 3)), ("state", ())):
            if name in present:
                known[name] = hdf5.numbers(file, name, (*shape, *more))
        times = hdf5.numbers(file, "times", shape[:1]) if "times" in present else None
        row_bytes = 8 * 12 * int(np.prod(shape[1:]))
        for start, stop in hdf5.blocks(shape[0], row_bytes):
            part = {name: hdf5.as_floats(data[start:stop, track]) for name, data in known.items()}
            stated = None if times is None else hdf5.as_floats(times[start:stop])
            rows = PointRows(
                np.arange(first + start, first + stop, dtype=np.float64),
                hdf5.as_floats(tracks[start:stop, track]),
                stated,
                part.get("covariance"),
                part.get("state"),
            )
            yield rows if stated is None else _timed(rows, stated)


def _timed(rows: PointRows, times: np.ndarray) -> PointRows:
    """Return the rows that have a time: others only fill a gap between two frames."""
    there = np.isfinite(times)
    kept = [None if part is None else part[there] for part in rows[2:]]
    return PointRows(rows.frames[there], rows.xyz[there], *kept)
