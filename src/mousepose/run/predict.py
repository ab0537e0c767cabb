"""A video in, the 2D keypoints of its mice out: in parts that survive an interruption.

watch       every frame once, with where mice are, who is who (`run/film_pass.py`)
points      the crop of each mouse through the keypoint network
write       a table of keypoints with their covariances, one row for each frame and mouse

Decoding has a thread of its own and the network has others; this one finds mice and cuts them out
in between. What goes through the network together depends on the frames' numbers alone, so neither
threads nor an interruption change a digit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose import __version__
from mousepose.detect.crops import Crops
from mousepose.detect.network import CropKeypoints
from mousepose.detect.published_network import opened_model
from mousepose.detect.sides import with_sides_kept
from mousepose.errors import InputError
from mousepose.io import iterate_keypoints
from mousepose.io.keypoints.streams_write import IMAGE_UNITS, keypoint_stream, told_of_animals
from mousepose.io.keypoints.table_write import METADATA_KEY, write_parquet_table
from mousepose.run.crop_points import WAITING, CropPoints, Finder, in_frame, mouse_name
from mousepose.run.film_pass import FilmPass, Watched
from mousepose.run.keypoint_files import digest_of
from mousepose.run.mouse_finder import Method, Search
from mousepose.run.parts import Parts, fingerprint_of
from mousepose.types import Bytes, Ints, Keypoints2D, Progress, State
from mousepose.video import FrameState, Video, open_video
from mousepose.video.folder import images_in

#: Points of the shipped network with a lower confidence are more likely wrong (by more than 10 % of
#: the body's length) than right: poses are made without them.
LIKELY = 0.5


@dataclass(frozen=True, eq=False)
class VideoJob:
    """What to look for in which video: `animals` mice, their keypoints by the network `model`.

    `view` declares how the camera sees mice: "top", "side", "bottom", None where it is not known.
    `fps` counts where `video` is a folder of images. `output` is a Parquet table. `chunk` frames
    are done and written at once; where `resume`, those of an interrupted run are kept. So many
    `threads` run the network, 0 for one a core. `method` and `detector` are as in `TrackJob`.
    """

    video: Path
    output: Path
    model: Path
    animals: int = 1
    view: str | None = None
    fps: float | None = None
    chunk: int = 3000
    resume: bool = True
    threads: int = 0
    method: Method = "auto"
    detector: Path | None = None

    def __post_init__(self) -> None:
        for name, value in (("animals", self.animals), ("chunk", self.chunk)):
            if value < 1:
                raise InputError(f"--{name}: expected 1 or more, got {value}")
        if not self.output.parent.is_dir():
            raise InputError(f"{self.output}: the folder {self.output.parent} does not exist")
        self.search.check()

    @property
    def search(self) -> Search:
        """What is sought, and how."""
        keypoints = None if self.model.suffix == ".tflite" else self.model
        return Search(self.animals, self.method, self.detector, self.threads, keypoints, self.view)


@dataclass(eq=False)
class Seen:
    """How a video went: its frames, those found done, and how often each mouse was seen.

    `seen` (A,) counts frames in which the mouse was detected, `hidden` (A,) those in which it was
    hidden for a moment; in the others it was not there. `events` are (frame, what happened to the
    camera or the light). `damaged` frames could not be decoded well; in `exchanged` ones left and
    right were exchanged and put right (of those that were not resumed). `sure` is the mean
    confidence of the keypoints of mice that were seen.
    """

    size: tuple[int, int]
    fps: float
    frames: int
    seen: np.ndarray
    hidden: np.ndarray
    events: list[tuple[int, str]] = field(default_factory=list)
    resumed: int = 0
    damaged: int = 0
    exchanged: int = 0
    seconds: float = 0.0
    sure: float = 0.0


def predict(job: VideoJob, progress: Progress) -> Seen:
    """Write the keypoints of a video; the table appears whole or not at all.

    Raises `FileError` where the video or the network cannot be read, `InputError` where the job is
    not possible or no mouse is found in the whole video.
    """
    started = time.perf_counter()
    progress("opening the video", 0, 0)
    # one thread each and several at work: threads within the network wait for each other
    model = opened_model(job.model, threads=1)
    fingerprint = _fingerprint(job)
    parts = Parts(job.output, fingerprint)
    parts.open(job.resume)
    with open_video(job.video, job.fps) as video:
        none = np.zeros(job.animals, np.int64)
        seen = Seen(video.size, video.fps, len(video), none, none.copy())
        paths = _parts(job, video, model, parts, seen, progress)
    if not seen.seen.any():
        parts.remove()
        raise InputError(
            f"{job.video}: no mouse was found in {seen.frames:,} frames (method {job.method}; "
            "mousepose track shows what is found); --method keypoints looks for mice that never "
            "move, --detector takes a network that finds them"
        )
    progress("writing", 0, 0)
    about = {**fingerprint, "video name": job.video.name, "model name": job.model.name,
             "image size": list(seen.size)}  # fmt: skip
    streams = [
        keypoint_stream(_Chunks(paths, mouse_name(animal)), about=about)
        for animal in range(job.animals)
    ]
    write_parquet_table(job.output, streams, IMAGE_UNITS)
    seen.sure = _mean_confidence(job)
    parts.remove()
    seen.seconds = time.perf_counter() - started
    return seen


def is_of(table: Path, job: VideoJob) -> bool:
    """Tell whether `table` holds the keypoints that the job would find."""
    if not table.is_file():
        return False
    try:
        metadata = pq.read_schema(table).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    told = told_of_animals(metadata.get(METADATA_KEY, b"{}")).values()
    wanted = _fingerprint(job)
    return bool(told) and all(wanted.items() <= about.items() for about in told)


def _parts(
    job: VideoJob, video: Video, model: Finder, parts: Parts, seen: Seen, progress: Progress
) -> list[Path]:
    """Write the parts that are not there yet; return the paths of all."""
    paths = [parts.part(number) for number in range(-(-len(video) // job.chunk))]
    first = next((n for n, path in enumerate(paths) if not path.exists()), len(paths)) * job.chunk
    seen.resumed = min(first, len(video))
    workers = job.threads or os.cpu_count() or 1
    film = FilmPass(
        job.search, job.chunk, partial(_boxes_part, parts), first, stage="finding keypoints"
    )
    part = CropPoints()
    with ThreadPoolExecutor(workers) as network:

        def look(places: Crops, crops: Bytes, who: Ints) -> Future[CropKeypoints]:
            return network.submit(in_frame, model, places, crops, who, job.view)

        for watched in film.watch(video, progress):
            _tell(watched, seen)
            if watched.images is None or watched.numbers[0] < first:
                continue
            part.add(watched, watched.images, model.size, look)
            part.wait(workers + WAITING)
            last = int(watched.numbers[-1]) + 1
            if last % job.chunk == 0 or last == len(video):
                _write_part(paths[(last - 1) // job.chunk], part, video, model, seen)
                part = CropPoints()
    return paths


def _boxes_part(parts: Parts, number: int) -> Path:
    """Return where what is found in the frames of a part is kept until the run is done."""
    return parts.part(number).with_stem(f"part-mice-{number:06d}")


def _tell(watched: Watched, seen: Seen) -> None:
    """Count what is in frames."""
    states = np.stack([frame.states for frame in watched.mice])
    seen.seen += (states == State.SEEN).sum(axis=0)
    seen.hidden += (states == State.INFERRED).sum(axis=0)
    seen.damaged += int((watched.states >= FrameState.DAMAGED).sum())
    seen.events += [
        (number, frame.event)
        for number, frame in zip(watched.numbers.tolist(), watched.mice, strict=True)
        if frame.event
    ]


def _write_part(path: Path, part: CropPoints, video: Video, model: Finder, seen: Seen) -> None:
    """Write the keypoints of each mouse in the frames of a part."""
    numbers = np.concatenate(part.numbers)
    mice = part.keypoints(model.names, video.times[numbers], numbers)
    kept = [with_sides_kept(mouse) for mouse in mice]
    seen.exchanged += sum(count for _, count in kept)
    write_parquet_table(path, [keypoint_stream([mouse]) for mouse, _ in kept], IMAGE_UNITS)


def _mean_confidence(job: VideoJob) -> float:
    total = count = 0.0
    for animal in range(job.animals):
        for chunk in iterate_keypoints(job.output, job.chunk, animal=mouse_name(animal)):
            known = np.isfinite(chunk.xy[..., 0])
            total += float(chunk.confidence[known].sum())
            count += int(known.sum())
    return total / max(count, 1)


@dataclass(frozen=True)
class _Chunks:
    """The keypoints of one mouse, part after part, as often as they are asked for."""

    paths: Sequence[Path]
    animal: str

    def __iter__(self) -> Iterator[Keypoints2D]:
        for path in self.paths:
            yield from iterate_keypoints(path, 1_000_000, animal=self.animal)


def _fingerprint(job: VideoJob) -> dict[str, str]:
    """Return what parts depend on, each by the name under which a user knows it."""
    if job.video.is_dir():
        video = fingerprint_of([(image.name, digest_of(image)) for image in images_in(job.video)])
    elif job.video.is_file():
        video = digest_of(job.video)
    else:
        raise InputError(f"{job.video}: there is no such video")
    return {
        "version": __version__,
        "video": video,
        "model": digest_of(job.model),
        "animals": repr(job.animals),
        "view": job.view or "unknown",
        "frame rate": repr(job.fps),
        "chunk": repr(job.chunk),
        "method": job.method,
        "detector": "" if job.detector is None else digest_of(job.detector),
    }
