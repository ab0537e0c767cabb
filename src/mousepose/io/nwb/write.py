"""One animal's result as an NWB file: cameras, points in images and in space, gait, bouts, videos.

The file is made with pynwb and ndx-pose with empty series, and the frames are then appended piece
by piece, so a recording of any length goes through in flat memory: only the times of its frames are
held (16 bytes a frame), for whether they are regular must be known first.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.geometry.camera import Camera
from mousepose.io.nwb.layout import ARRAYS, BEHAVIOR, POSE, SCHEMA_VERSION, confidences, plain_name
from mousepose.io.nwb.session import Session
from mousepose.io.poses.sequence_header import Header
from mousepose.types import Floats, Keypoints2D, PoseSequence, Progress

if TYPE_CHECKING:
    import pandas as pd

#: Rows packed together in the file.
CHUNK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class VideoFile:
    """A video of the session: where it is, when its frames (T,) are shown in s, its size in px."""

    path: Path
    times: Floats
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Recording:
    """What goes into one file: the poses of one animal, and what is known besides.

    `poses` and `tracks` are pieces in the order of time that can be gone through twice. `tracks`
    are the points in the images of all `cameras`, in that order; `videos` too, where given.
    `strides` and `locomotion` are the tables of gait, `behaviour` has the columns `behaviour`,
    `start_s` and `stop_s`.
    """

    session: Session
    poses: Iterable[PoseSequence]
    tracks: Iterable[Keypoints2D] = ()
    cameras: Sequence[Camera] = ()
    videos: Sequence[VideoFile] = ()
    strides: pd.DataFrame | None = None
    locomotion: pd.DataFrame | None = None
    behaviour: pd.DataFrame | None = None


def write_nwb(path: str | Path, recording: Recording, progress: Progress | None = None) -> int:
    """Write the file and return its number of frames.

    Series have a start and a rate where frame times are regular to a nanosecond, else the time of
    every frame in s. Videos stay where they are; the file holds their relative paths. Raises
    `InputError` where pynwb is missing, nothing is to be written, or parts do not go together.
    """
    path = Path(path)
    needed("nwb", "writing NWB", "pynwb", "ndx_pose")
    from mousepose.io.nwb.objects import build_file

    if path.suffix.lower() != ".nwb":
        raise InputError(f"{path}: an NWB file ends in .nwb")
    first, times = _looked_through(recording.poses, lambda piece: piece.animal)
    if first is None:
        raise InputError(f"{path}: no frames were given, so nothing is written")
    tracks, track_times = _looked_through(recording.tracks, lambda piece: piece.animal)
    _refuse_other_counts(recording, tracks)
    _refuse_strange_tables(recording)
    with atomic_path(path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about their own versions
            from pynwb import NWBHDF5IO

            file = build_file(path, recording, first, times, tracks, track_times, _notes(first))
            with NWBHDF5IO(temporary, "w") as out:
                out.write(file)
        with h5py.File(temporary, "r+") as opened:
            done = 0
            for piece in recording.poses:
                _append_poses(opened, piece)
                done += len(piece)
                if progress is not None:
                    progress("writing poses", done, len(times))
            for chunk in recording.tracks:
                _append_tracks(opened, chunk, recording.cameras)
            views = 0 if tracks is None else tracks.xy.shape[1]
            for name in camera_names(recording.cameras, views)[:views]:
                _fill_times(opened[f"{BEHAVIOR}/{POSE}/{name}"], track_times)
            _fill_times(opened[f"{BEHAVIOR}/{POSE}"], times)
            _fill_times(opened[BEHAVIOR], times)
    return done


def camera_names(cameras: Sequence[Camera], count: int) -> list[str]:
    """Return what the 2D estimates of each camera are called: without slashes and colons."""
    names = [camera.name for camera in cameras] or [f"camera{index}" for index in range(count)]
    return [plain_name(name) for name in names]


def identifier_of(first: PoseSequence, session: Session) -> str:
    """Return what tells this file from all others, the same for the same inputs."""
    told = [str(session.start_time), session.subject["subject_id"], first.animal, _notes(first)]
    return str(session.about.get("identifier", sha256("\n".join(told).encode()).hexdigest()[:32]))


def _looked_through(pieces: Iterable[Any], animal: Any) -> tuple[Any, Floats]:
    """Return the first of some pieces, None where there is none, and the times of all frames."""
    first, times = None, []
    for piece in pieces:
        if first is not None and animal(piece) != animal(first):
            raise InputError(
                f"an NWB file holds one animal; got {animal(first)} and {animal(piece)}"
            )
        first = piece if first is None else first
        times.append(piece.times)
    found = np.concatenate(times) if times else np.zeros(0)
    return (first, found) if len(found) else (None, found)


def _refuse_other_counts(recording: Recording, tracks: Keypoints2D | None) -> None:
    cameras = len(recording.cameras)
    names = camera_names(recording.cameras, 0)
    if len(set(names)) < len(names):
        raise InputError(f"two cameras are called the same: {', '.join(names)}; rename one")
    if tracks is not None and cameras and tracks.xy.shape[1] != cameras:
        raise InputError(f"the 2D points are of {tracks.xy.shape[1]} cameras, {cameras} are given")
    if recording.videos and cameras and len(recording.videos) != cameras:
        raise InputError(f"{len(recording.videos)} videos of {cameras} cameras: give one of each")


def _refuse_strange_tables(recording: Recording) -> None:
    for name, needed_columns in (
        ("strides", {"contact_s", "next_contact_s"}),
        ("locomotion", {"start_s", "stop_s"}),
        ("behaviour", {"behaviour", "start_s", "stop_s"}),
    ):
        table = getattr(recording, name)
        if table is not None and not needed_columns <= set(table.columns):
            missing = ", ".join(sorted(needed_columns - set(table.columns)))
            raise InputError(f"the table of {name} lacks the columns {missing}")


def _notes(first: PoseSequence) -> str:
    """Return what a reader of ours needs to make the sequence again, as JSON."""
    header = Header.of(first)
    return json.dumps(
        {
            "mousepose": __version__,
            "schema_version": SCHEMA_VERSION,
            "animal": first.animal,
            "keypoint_names": header.layout.keypoint_names,
            "joint_names": header.layout.joint_names,
            "cost_terms": header.layout.cost_terms,
            **header.animals[first.animal],
        }
    )


def _append(file: h5py.File, name: str, values: Any) -> None:
    data = file[name]
    start = len(data)
    data.resize(start + len(values), axis=0)
    data[start:] = values


def _append_poses(file: h5py.File, piece: PoseSequence) -> None:
    sure = confidences(piece)
    for index, name in enumerate(piece.keypoint_names):
        group = f"{BEHAVIOR}/{POSE}/{plain_name(name)}"
        _append(file, f"{group}/data", piece.keypoints[:, index])
        _append(file, f"{group}/confidence", sure[:, index])
    for array in ARRAYS:
        if f"{BEHAVIOR}/{array.name}" in file:
            _append(file, f"{BEHAVIOR}/{array.name}/data", array.values(piece))


def _append_tracks(file: h5py.File, chunk: Keypoints2D, cameras: Sequence[Camera]) -> None:
    for camera, camera_name in enumerate(camera_names(cameras, chunk.xy.shape[1])):
        for index, name in enumerate(chunk.keypoint_names):
            group = f"{BEHAVIOR}/{POSE}/{camera_name}/{plain_name(name)}"
            _append(file, f"{group}/data", chunk.xy[:, camera, index])
            _append(file, f"{group}/confidence", chunk.confidence[:, camera, index])


def _fill_times(group: h5py.Group, times: Floats) -> None:
    """Put the times of the frames where the series in a group have room for them, each once."""
    for name in group:
        series = group[name]
        if isinstance(series, h5py.Group) and "timestamps" in series:
            stamps = series["timestamps"]
            if not len(stamps):
                stamps.resize(len(times), axis=0)
                stamps[:] = times


def relative_path(video: Path, file: Path) -> str:
    """Return where a video is as seen from the folder of the NWB file."""
    return Path(os.path.relpath(video.resolve(), file.resolve().parent)).as_posix()
