"""SLEAP's labels (.slp), read with sleap-io's readers of skeletons, tracks and tables.

Videos are never opened and links are refused, so that nothing but the file itself is read. A video
with predictions has a row for every frame, one with hand-made labels only for the labelled frames.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import attribute, dataset, member, require
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
from mousepose.types import Floats, Ints

TABLES = ("frames", "instances", "points", "pred_points")
LISTS = ("tracks_json", "videos_json")
WHAT = "SLEAP labels"
#: The tables are held in memory as a whole.
MAX_TABLE_BYTES = 4 * 2**30
#: Before this version of the format the corner of the top-left pixel was (0, 0).
CENTRED_SINCE = 1.1
PREDICTED = 1
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class _Video:
    name: str
    fps: float | None
    frames: int  # 0 where the file does not say
    number: int  # how the table of frames calls it


@dataclass(frozen=True)
class _Found:
    """The instances of one video: N of them, points concatenated over both kinds."""

    frame: Ints  # (N,)
    track: Ints  # (N,) -1 = none
    predicted: NDArray[np.bool_]  # (N,)
    first: Ints  # (N,) first of K points


@dataclass(frozen=True)
class _Labels:
    """A file: names, videos, the points of all instances (P, 2) and their scores (P,)."""

    nodes: tuple[str, ...]
    tracks: list[str]
    videos: list[_Video]
    frames: Any
    instances: Any
    xy: Floats
    score: Floats
    labelled: int  # how many of the points are labels; predictions follow them


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file has the tables of SLEAP's labels."""
    return content.hdf5(lambda file: all(hdf5.holds(file, name) for name in (*TABLES, *LISTS)))


def in_space(_: Content) -> bool:
    """Return False: points in space of a .slp are no part of its tables."""
    return False


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a .slp: one for each track of each video.

    Instances without a track are left out where others have one; where none has, they are
    taken in their order in each frame. Raises `FileError`, and `InputError` without sleap-io.
    """
    with _faults(path):
        labels = _read(path)
        titles, opening = [], []
        for video in labels.videos:
            found, names = _tracked(labels, _instances(labels, video))
            for place, name in enumerate(names):
                mine = _of_track(found, place)
                several = len(labels.videos) > 1
                titles.append("/".join(filter(None, [video.name if several else "", name])))
                opening.append(partial(_track, path, labels, video, mine, found))
    by_name = dict(zip(names_of_animals(path, titles), opening, strict=True))
    return TrackFile(path, tuple(by_name), lambda animal: by_name[animal](animal))


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes sleap-io or numpy raise into a `FileError`."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except FileError as error:
        raise FileError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except InputError:
        raise
    except Exception as error:  # another library's errors have no common base
        raise FileError(
            f"{path} cannot be read as {WHAT}: {error!r}; it may be damaged, or newer than the "
            "installed sleap-io"
        ) from error


def _read(path: Path) -> _Labels:
    """Return the content of the file. Raises `InputError` without sleap-io."""
    try:
        from sleap_io.io import slp
        from sleap_io.io.utils import read_hdf5_dataset
    except ImportError as error:
        raise InputError(
            f"{path} holds SLEAP labels, which need sleap-io: pip install 'mousepose[formats]', "
            "or export an analysis h5 from SLEAP, which needs nothing"
        ) from error
    with hdf5.opened(path, WHAT) as file:
        metadata = member(file, "metadata")
        tables = [dataset(file, name) for name in TABLES]
        size = sum(table.size * table.dtype.itemsize for table in tables)
        require(size <= MAX_TABLE_BYTES, f"its tables take {size / 2**30:.0f} GiB")
        videos = [_video(n, text) for n, text in enumerate(_json_lines(file, "videos_json"))]
        _json_lines(file, "tracks_json")
        version = float(attribute(metadata, "format_id") or 1.0)
    skeletons = slp.read_skeletons(str(path))
    tracks = [str(track.name) for track in slp.read_tracks(str(path))]
    frames, instances, points, predictions = (read_hdf5_dataset(str(path), name) for name in TABLES)
    used = np.unique(instances["skeleton"])
    require(len(used) <= 1, f"its instances have {len(used)} skeletons, expected one")
    nodes = names_of_parts(path, skeletons[int(used[0]) if len(used) else 0].node_names)
    xy, score = _points(points, predictions, 0.0 if version >= CENTRED_SINCE else 0.5)
    return _Labels(nodes, tracks, videos, frames, instances, xy, score, len(points))


def _json_lines(file: Any, name: str) -> list[dict[str, Any]]:
    lines = dataset(file, name)
    require(lines.ndim == 1 and len(lines) <= hdf5.MAX_NAMES, f"{name!r} is no list")
    return [json.loads(line) for line in lines[:]]


def _video(number: int, told: Any) -> _Video:
    backend = told.get("backend", {})
    file = backend.get("filename") or told.get("filename") or ""
    # Paths of any system: PureWindowsPath takes both kinds of slashes.
    name = PureWindowsPath(str(file)).stem
    shape = backend.get("shape") or [0]
    digits = "".join(c for c in str(backend.get("dataset") or "").split("/")[0] if c.isdecimal())
    return _Video(
        name or f"video{number}",
        rate_of(backend.get("fps")),
        int(shape[0] or 0),
        # Packages number their videos by the groups of their images.
        int(digits) if digits else number,
    )


def _points(points: Any, predictions: Any, shift: float) -> tuple[Floats, Floats]:
    both = [np.stack([table["x"], table["y"]], axis=-1) for table in (points, predictions)]
    seen = np.concatenate([points["visible"], predictions["visible"]]).astype(bool)
    xy = np.where(seen[:, None], np.concatenate(both) - shift, np.nan)
    score = np.concatenate([np.full(len(points), np.nan), predictions["score"]])
    return xy, hdf5.as_floats(score)


def _instances(labels: _Labels, video: _Video) -> _Found:
    """Return the instances of one video in order of time, labels before predictions."""
    numbers = [v.number for v in labels.videos]
    table = labels.frames
    # Packages call a video by its group, all others by its place in the list.
    listed = np.isin(table["video"], numbers).all() and len(set(numbers)) == len(numbers)
    wanted = video.number if listed else labels.videos.index(video)
    table = table[table["video"] == wanted]
    start = table["instance_id_start"].astype(np.int64)
    count = table["instance_id_end"].astype(np.int64) - start
    total = len(labels.instances)
    require(
        bool(np.all((start >= 0) & (count >= 0) & (start + count <= total))),
        "frames name instances that are not there",
    )
    place = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
    rows = labels.instances[place]
    predicted = rows["instance_type"] == PREDICTED
    first = rows["point_id_start"].astype(np.int64)
    size = rows["point_id_end"].astype(np.int64) - first
    end = np.where(predicted, len(labels.xy) - labels.labelled, labels.labelled)
    require(
        bool(np.all((first >= 0) & (size == len(labels.nodes)) & (first + size <= end))),
        "instances name points that are not there",
    )
    frame = np.repeat(table["frame_idx"].astype(np.int64), count)
    order = np.lexsort((predicted, frame))
    track = rows["track"].astype(np.int64)
    first = first + np.where(predicted, labels.labelled, 0)
    return _Found(frame[order], track[order], np.asarray(predicted)[order], first[order])


def _tracked(labels: _Labels, found: _Found) -> tuple[_Found, list[str]]:
    """Return the instances with each one's place among the names of tracks, and these names."""
    used = np.unique(found.track[found.track >= 0])
    if len(found.frame) == 0:
        return found, []
    if len(used):
        place = np.where(found.track >= 0, np.searchsorted(used, found.track), -1)
        names = [labels.tracks[n] if n < len(labels.tracks) else f"track{n}" for n in used]
    else:
        _, start, count = np.unique(found.frame, return_index=True, return_counts=True)
        place = np.arange(len(found.frame)) - np.repeat(start, count)
        hand = np.bincount(np.repeat(np.arange(len(start)), count), ~found.predicted)
        most = int(np.maximum(hand, count - hand).max())
        place = np.where(place < most, place, -1)
        names = [""] if most == 1 else [f"animal{n}" for n in range(most)]
    return _Found(found.frame, place, found.predicted, found.first), names


def _of_track(found: _Found, place: int) -> _Found:
    """Return the instances of one track, one a frame: a label rather than a prediction."""
    mine = np.flatnonzero(found.track == place)
    _, unique = np.unique(found.frame[mine], return_index=True)
    kept = mine[unique]
    return _Found(found.frame[kept], found.track[kept], found.predicted[kept], found.first[kept])


def _track(
    path: Path, labels: _Labels, video: _Video, mine: _Found, all_of_video: _Found, name: str
) -> Track:
    frames: Ints | range = np.unique(all_of_video.frame)
    if all_of_video.predicted.any():
        frames = range(max(video.frames, int(all_of_video.frame[-1]) + 1))
    return Track(
        path, name, labels.nodes, _rows(labels, mine, frames), fps=video.fps, frames=len(frames)
    )


def _rows(labels: _Labels, mine: _Found, frames: Ints | range) -> Iterator[Rows]:
    nodes = np.arange(len(labels.nodes))
    for start in range(0, len(frames), ROWS_AT_ONCE):
        here = np.asarray(frames[start : start + ROWS_AT_ONCE], dtype=np.int64)
        xy = np.full((len(here), len(nodes), 2), np.nan)
        score = np.full(xy.shape[:2], np.nan)
        low, high = np.searchsorted(mine.frame, [here[0], here[-1] + 1])
        rows = np.searchsorted(here, mine.frame[low:high])
        points = mine.first[low:high, None] + nodes
        xy[rows], score[rows] = labels.xy[points], labels.score[points]
        yield Rows(here.astype(np.float64), None, xy, sure_where_silent(score, xy))
