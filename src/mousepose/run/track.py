"""Mice of a video of any length as boxes through time, in parts that survive an interruption."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from mousepose import __version__
from mousepose.detect.background import Background, learn_background
from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.network_detector import NetworkDetector
from mousepose.detect.track import LEAST_SCORE, TrackedFrame, Tracker
from mousepose.detect.types import Detections
from mousepose.errors import InputError
from mousepose.run.parts import Parts
from mousepose.run.track_table import (
    read_detections,
    read_detector,
    write_boxes,
    write_detections,
)
from mousepose.types import Bytes, Progress, State
from mousepose.video import FrameState, Video, open_video

#: How mice are found: by what differs from the empty cage, by a network in each frame by itself,
#: or by the network, if there is one, only where the first does not find them in this share of the
#: frames looked at.
Method = Literal["auto", "background", "network"]
_LEAST_FOUND = 0.6

#: Frames that the background is learned from, spread over the video.
_LEARNED = 60
_BATCH = 32


@dataclass(frozen=True)
class TrackJob:
    """What to follow: `animals` mice in `video`; where the table goes.

    `chunk` frames make a part; where `resume`, those that an interrupted run left are kept. `fps`
    counts for a folder of images. `detector` is the network that finds mice; none comes with the
    package.
    """

    video: Path
    output: Path
    animals: int = 1
    chunk: int = 3000
    resume: bool = True
    fps: float | None = None
    method: Method = "auto"
    detector: Path | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        if self.method == "network" and self.detector is None:
            raise InputError(
                "--method network needs --detector FILE: a network that finds mice, as mousepose "
                "train --kind detector makes it"
            )


@dataclass
class TrackOutcome:
    """How a run went, in numbers of frames; `seen` and `inferred` of each mouse.

    `events` are what happened to the camera and the light, `risky` counts frames in which a mouse
    may have been taken for another, `extra` those with more mice than were promised.
    """

    frames: int
    animals: int
    seen: list[int]
    inferred: list[int]
    fps: float = float("nan")
    resumed: int = 0
    seconds: float = 0.0
    damaged: int = 0
    extra: int = 0
    risky: int = 0
    events: list[tuple[int, str]] = field(default_factory=list)


def track_video(job: TrackJob, progress: Progress) -> TrackOutcome:
    """Find and follow the mice of a video of a camera that stands still, and write their boxes.

    The background is learned from frames spread over the video first. Raises `FileError` for what
    is no video, and `InputError` where a frame of another kind of run would be mixed in.
    """
    if not job.output.parent.is_dir():
        raise InputError(f"{job.output}: the folder {job.output.parent} does not exist")
    if job.output.suffix != ".parquet":
        raise InputError(f"{job.output}: boxes are written as Parquet; give a name.parquet")
    with open_video(job.video, job.fps) as video:
        started = time.perf_counter()
        parts = Parts(job.output, _fingerprint(job, video))
        parts.open(job.resume)
        none = [0] * job.animals
        outcome = TrackOutcome(len(video), job.animals, none, none.copy(), video.fps)
        paths = _detect(job, video, parts, outcome, progress)
        about = {
            "version": __version__, "video": video.path.name, "animals": job.animals,
            "size": list(video.size), "fps": video.fps,
            "pixels": "the centre of the top-left pixel is (0, 0)",
        }  # fmt: skip
        progress("following", 0, len(video))
        told = _counted(_followed(paths, job, video), outcome)
        write_boxes(job.output, told, video.times, about)
        parts.remove()
        outcome.seconds = time.perf_counter() - started
    return outcome


def _detect(
    job: TrackJob, video: Video, parts: Parts, outcome: TrackOutcome, progress: Progress
) -> list[Path]:
    """Find the mice in all frames that no part has yet; return the paths of the parts."""
    paths: list[Path] = []
    detector: BackgroundDetector | NetworkDetector | None = None
    for number, start in enumerate(range(0, len(video), job.chunk)):
        stop = min(start + job.chunk, len(video))
        paths.append(parts.part(number))
        if paths[-1].exists():
            outcome.resumed += stop - start
            progress("passing parts that are done", stop, len(video))
            continue
        if detector is None:
            detector = _detector(job, video, paths[-2] if number else None, progress)
        found: list[Detections] = []
        for batch in video.batches(_BATCH, start, stop):
            whole = batch.states < FrameState.DAMAGED
            outcome.damaged += int((~whole).sum())
            seen = iter(detector.detect(batch.images[whole]))
            found += [next(seen) if good else Detections.none() for good in whole]
            progress("finding mice", start + len(found), len(video))
        remembered = detector.save() if isinstance(detector, BackgroundDetector) else b""
        write_detections(paths[-1], start, found, remembered)
    return paths


def _detector(
    job: TrackJob, video: Video, before: Path | None, progress: Progress
) -> BackgroundDetector | NetworkDetector:
    """Return the detector as a part left it, or one that suits frames of the whole video.

    A part keeps what the background has become, and nothing where a network was at work.
    """
    if before is not None:
        remembered = read_detector(before)
        if remembered or job.detector is None:
            return BackgroundDetector.restored(remembered)
        return _network(job.detector, job)
    if job.method == "network" and job.detector is not None:
        return _network(job.detector, job)
    numbers = np.unique(np.linspace(0, len(video) - 1, _LEARNED).round().astype(int))
    frames = []
    for frame in video.at(numbers.tolist()):
        if frame.state < FrameState.DAMAGED:
            frames.append(frame.image)
        progress("learning the background", frame.number, len(video))
    if not frames:
        raise InputError(f"{video.path}: none of the frames looked at can be decoded")
    images = np.stack(frames)
    background = learn_background(images)
    unsuited = job.method == "auto" and not _suits(background, images, job.animals)
    if unsuited and job.detector is not None:
        return _network(job.detector, job)
    return BackgroundDetector(background, job.animals)


def _network(detector: Path, job: TrackJob) -> NetworkDetector:
    return NetworkDetector(detector, mice=job.animals, threads=job.threads)


def _suits(background: Background, images: Bytes, animals: int) -> bool:
    """Tell whether the mice of most frames stand out from the background, and nothing else does."""
    found = BackgroundDetector(deepcopy(background), animals).detect(images)
    counts = np.array([int((one.scores >= LEAST_SCORE).sum()) for one in found])
    return float((counts == animals).mean()) >= _LEAST_FOUND


def _followed(paths: list[Path], job: TrackJob, video: Video) -> Iterator[TrackedFrame]:
    tracker = Tracker(job.animals, video.fps)
    for path in paths:
        for detections in read_detections(path):
            told = tracker.push(detections)
            if told is not None:
                yield told
    yield from tracker.finish()


def _counted(frames: Iterator[TrackedFrame], outcome: TrackOutcome) -> Iterator[TrackedFrame]:
    """Pass the frames on and count what is in them."""
    for number, frame in enumerate(frames):
        for animal, state in enumerate(frame.states):
            outcome.seen[animal] += int(state == State.SEEN)
            outcome.inferred[animal] += int(state == State.INFERRED)
        outcome.extra += frame.extra > 0
        outcome.risky += bool((frame.swap_risk > 0.05).any())
        if frame.event:
            outcome.events.append((number, frame.event))
        yield frame


def _fingerprint(job: TrackJob, video: Video) -> dict[str, str]:
    """Return what parts depend on, each by the name under which a user knows it."""
    size = 0 if video.images else job.video.stat().st_size
    return {
        "version": __version__,
        "video": f"{video.path.name}, {size} bytes, {len(video)} frames, {video.size}",
        "animals": repr(job.animals),
        "chunk": repr(job.chunk),
        "method": job.method,
        "detector": str(job.detector),
    }
