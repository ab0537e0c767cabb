"""What goes into an NWB file besides the poses, gathered from the files that hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io import animals_in, read_cameras
from mousepose.io.bouts import read_bouts
from mousepose.io.keypoints.streams_write import Again
from mousepose.io.nwb.session import EXAMPLE, read_session
from mousepose.io.nwb.write import Recording, VideoFile
from mousepose.run.keypoint_files import KeypointFiles
from mousepose.types import Floats, Ints, Keypoints2D, PoseSequence
from mousepose.video import open_video

if TYPE_CHECKING:
    import pandas as pd

#: 2D points held at once.
_FRAMES_AT_ONCE = 10_000


@dataclass(frozen=True)
class NwbParts:
    """Files: the `session` (TOML), cameras, 2D keypoints and videos, one of each camera in order.

    `gait` is the folder that `mousepose gait` wrote, `behaviour` a table of bouts (csv, Parquet,
    BORIS). `fps` is the frame rate of keypoints whose files hold no times.
    """

    session: Path | None = None
    cameras: tuple[Path, ...] = ()
    keypoints: tuple[Path, ...] = ()
    videos: tuple[Path, ...] = ()
    gait: Path | None = None
    behaviour: Path | None = None
    fps: float | None = None


def recording_of(parts: NwbParts, poses: Iterable[PoseSequence], target: Path) -> Recording:
    """Return the recording of one animal's poses with all that is given besides.

    Where a video is given, the times of poses and 2D points are those at which it shows its frames,
    the first video's of several. Raises `InputError` on a missing session and on frames that the
    video does not have, `FileError` on files that are missing or none.
    """
    if parts.session is None:
        raise InputError(
            f"{target}: an NWB file must say when and of which animal it is; write a small TOML "
            f"and give it with --session FILE. It may look like this:\n\n{EXAMPLE}"
        )
    session = read_session(parts.session)
    videos = [_video(path) for path in parts.videos]
    tracks: Iterable[Keypoints2D] = ()
    name = next((piece.animal for piece in poses), "")
    if parts.keypoints:
        animal = name if len(animals_in(parts.keypoints[0])) > 1 else None
        files = KeypointFiles(parts.keypoints, parts.fps or _rate(videos), animal)
        tracks = Again(partial(files.chunks, _FRAMES_AT_ONCE))
    if videos:
        poses = Again(partial(_timed_poses, poses, videos[0]))
        tracks = Again(partial(_timed_tracks, tracks, videos[0])) if parts.keypoints else ()
    return Recording(
        session,
        poses,
        tracks,
        [camera for path in parts.cameras for camera in read_cameras(path)],
        videos,
        strides=None if parts.gait is None else _table(parts.gait / "strides.parquet"),
        locomotion=None if parts.gait is None else _table(parts.gait / "bouts.parquet"),
        behaviour=None if parts.behaviour is None else _bouts(parts.behaviour, name),
    )


def _video(path: Path) -> VideoFile:
    with open_video(path) as video:
        width, height = video.size
        return VideoFile(path, video.times, (int(width), int(height)))


def _rate(videos: list[VideoFile]) -> float | None:
    """Return a rate for files without times; the video's own times take its place at once."""
    return 1.0 if videos else None


def _timed_poses(poses: Iterable[PoseSequence], video: VideoFile) -> Iterator[PoseSequence]:
    for piece in poses:
        yield replace(piece, times=_times(piece.frame_numbers, video))


def _timed_tracks(tracks: Iterable[Keypoints2D], video: VideoFile) -> Iterator[Keypoints2D]:
    for piece in tracks:
        yield replace(piece, times=_times(piece.frame_numbers, video))


def _times(frames: Ints, video: VideoFile) -> Floats:
    if len(frames) and frames[-1] >= len(video.times):
        raise InputError(
            f"{video.path} has {len(video.times):,} frames and the result has a frame "
            f"{frames[-1]:,}: give the video that it was made from"
        )
    return np.asarray(video.times[frames])


def _bouts(path: Path, animal: str) -> pd.DataFrame:
    """Return the bouts of one animal in one recording. Raises `InputError` where there are more."""
    bouts = read_bouts(path)
    own = bouts[bouts["animal"] == animal]
    if not len(own) and bouts["animal"].nunique() == 1:
        own = bouts  # trackers name a single animal as they like
    if not len(own) or own["recording"].nunique() > 1:
        raise InputError(
            f"{path}: expected the bouts of {animal} in one recording, got those of "
            f"{', '.join(map(str, bouts['animal'].unique())) or 'no animal'} in "
            f"{bouts['recording'].nunique()} recordings"
        )
    return own.drop(columns=["recording", "animal"])


def _table(path: Path) -> pd.DataFrame:
    """Return a table that `mousepose gait` wrote. Raises `FileError` on another file."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file") from error
    except (ValueError, OSError) as error:
        raise FileError(f"{path} cannot be read as a table: {error}") from error
