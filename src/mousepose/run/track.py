"""Mice of a video of any length as boxes through time, in parts that survive an interruption."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mousepose import __version__
from mousepose.detect.track import TrackedFrame
from mousepose.errors import InputError
from mousepose.run.film_pass import FilmPass, Watched
from mousepose.run.mouse_finder import Method, Search
from mousepose.run.parts import Parts
from mousepose.run.track_table import write_boxes
from mousepose.types import Progress, State
from mousepose.video import FrameState, Video, open_video

#: A mouse of which this is more likely may have been taken for another.
_RISK = 0.05


@dataclass(frozen=True)
class TrackJob:
    """What to follow: `animals` mice in `video`; where the table goes.

    `chunk` frames make a part; where `resume`, those that an interrupted run left are kept. `fps`
    counts for a folder of images. `detector` is the network that finds mice; none comes with the
    package. `model` and `view` are as in `Search`.
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
    model: Path | None = None
    view: str | None = None

    def __post_init__(self) -> None:
        self.search.check()

    @property
    def search(self) -> Search:
        """What is sought, and how."""
        return Search(self.animals, self.method, self.detector, self.threads, self.model, self.view)


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
        film = FilmPass(job.search, job.chunk, parts.part, pictures=False)
        none = [0] * job.animals
        outcome = TrackOutcome(
            len(video), job.animals, none, none.copy(), video.fps, film.known(video)
        )
        about = {
            "version": __version__, "video": video.path.name, "animals": job.animals,
            "size": list(video.size), "fps": video.fps,
            "pixels": "the centre of the top-left pixel is (0, 0)",
        }  # fmt: skip
        told = _counted(film.watch(video, progress), outcome)
        write_boxes(job.output, told, video.times, about)
        parts.remove()
        outcome.seconds = time.perf_counter() - started
    return outcome


def _counted(film: Iterator[Watched], outcome: TrackOutcome) -> Iterator[TrackedFrame]:
    """Pass the frames on and count what is in them."""
    for watched in film:
        outcome.damaged += int((watched.states >= FrameState.DAMAGED).sum())
        for number, frame in zip(watched.numbers.tolist(), watched.mice, strict=True):
            for animal, state in enumerate(frame.states):
                outcome.seen[animal] += int(state == State.SEEN)
                outcome.inferred[animal] += int(state == State.INFERRED)
            outcome.extra += frame.extra > 0
            outcome.risky += bool((frame.swap_risk > _RISK).any())
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
        "model": str(job.model),
        "view": str(job.view),
    }
