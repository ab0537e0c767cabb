"""A video in, the 2D keypoints of its mice out: in parts that survive an interruption.

follow      where mice are in every frame, who is who (`run/track.py`)
points      the crop of each mouse through the keypoint network
write       a table of keypoints with their covariances, one row for each frame and mouse

Decoding has a thread of its own and so has the network; this one cuts out between them. A part
depends on the boxes and the frames alone, so a resumed run gives what an uninterrupted one gives.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose import __version__
from mousepose.detect.crops import Crops
from mousepose.detect.network import CropKeypoints, KeypointModel
from mousepose.detect.sides import with_sides_kept
from mousepose.errors import InputError
from mousepose.io import iterate_keypoints
from mousepose.io.keypoints.streams_write import IMAGE_UNITS, keypoint_stream, told_of_animals
from mousepose.io.keypoints.table_write import METADATA_KEY, write_parquet_table
from mousepose.run.keypoint_files import digest_of
from mousepose.run.parts import Parts, fingerprint_of, parts_folder
from mousepose.run.track import Method, TrackJob, track_video
from mousepose.run.track_table import iterate_boxes
from mousepose.types import Bytes, Floats, Keypoints2D, Progress, State
from mousepose.video import FrameState, Video, open_video
from mousepose.video.folder import images_in

#: Frames that are cut out and sent to the network together, and how many such may wait for it.
_BATCH, _WAITING = 32, 4


@dataclass(frozen=True, eq=False)
class VideoJob:
    """What to look for in which video: `animals` mice, their keypoints by the network `model`.

    `view` declares how the camera sees mice: "top", "side", "bottom", None where it is not known.
    `fps` counts where `video` is a folder of images. `output` is a Parquet table. `chunk` frames
    are done and written at once; where `resume`, those of an interrupted run are kept. `threads`
    of the processor are the network's, 0 for all. `method` and `detector` are as in `TrackJob`.
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
    events: list[tuple[int, str]]
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
    model = KeypointModel(job.model, threads=job.threads)
    folder = parts_folder(job.output)
    boxes = folder / "part-boxes.parquet"
    if not job.resume and parts_folder(boxes).exists():
        Parts(boxes, {}).remove()
    fingerprint = _fingerprint(job)
    parts = Parts(job.output, fingerprint)
    parts.open(job.resume)
    if not boxes.exists():
        track_video(_tracking(job, boxes), progress)
    with open_video(job.video, job.fps) as video:
        seen = _looked(video, boxes, job.animals)
        if not seen.seen.any():
            parts.remove()
            raise InputError(
                f"{job.video}: no mouse was found in {seen.frames:,} frames, it is sought as what "
                "differs from the empty cage, so it must move before a camera that stands still "
                "(mousepose track shows what is found); or give --detector, a network"
            )
        paths = list(_parts(job, video, model, parts, boxes, seen, progress))
    progress("writing", 0, 0)
    about = {**fingerprint, "video name": job.video.name, "model name": job.model.name,
             "image size": list(seen.size)}  # fmt: skip
    streams = [
        keypoint_stream(_Chunks(paths, _name(animal)), about=about) for animal in range(job.animals)
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


def _tracking(job: VideoJob, boxes: Path) -> TrackJob:
    return TrackJob(
        job.video, boxes, job.animals, job.chunk, fps=job.fps, method=job.method,
        detector=job.detector, threads=job.threads,
    )  # fmt: skip


def _looked(video: Video, boxes: Path, animals: int) -> Seen:
    """Return what the table of boxes tells of the whole video."""
    states = np.zeros((animals, len(State)), np.int64)
    events = []
    for number, _, found, event in iterate_boxes(boxes):
        states[np.arange(animals), found] += 1
        if event:
            events.append((number, event))
    return Seen(
        video.size, video.fps, len(video), states[:, State.SEEN], states[:, State.INFERRED], events
    )


def _parts(
    job: VideoJob, video: Video, model: KeypointModel, parts: Parts, boxes: Path, seen: Seen,
    progress: Progress,
) -> Iterator[Path]:  # fmt: skip
    """Yield the path of each part when it is there."""
    places = iterate_boxes(boxes)
    for number, start in enumerate(range(0, len(video), job.chunk)):
        stop = min(start + job.chunk, len(video))
        of_part = np.stack([box for _, box, _, _ in islice(places, stop - start)])
        path = parts.part(number)
        if path.exists():
            seen.resumed += stop - start
        else:
            found = _points(job, video, model, of_part, start, seen, progress)
            write_parquet_table(path, [keypoint_stream([one]) for one in found], IMAGE_UNITS)
        yield path
        progress("finding keypoints", stop, len(video))


def _points(
    job: VideoJob, video: Video, model: KeypointModel, boxes: Floats, start: int, seen: Seen,
    progress: Progress,
) -> list[Keypoints2D]:  # fmt: skip
    """Return the keypoints of each mouse in frames from `start` on, `boxes` (T, A, 4) px."""
    there = np.asarray(np.isfinite(boxes).all(axis=-1))
    waiting: list[Future[CropKeypoints]] = []
    with ThreadPoolExecutor(1) as network:
        for batch in video.batches(_BATCH, start, start + len(boxes)):
            rows = batch.numbers - start
            there[rows[batch.states == FrameState.MISSING]] = False
            seen.damaged += int((batch.states >= FrameState.DAMAGED).sum())
            row, animal = np.nonzero(there[rows])
            places = Crops.around(boxes[rows[row], animal], model.size)
            crops = places.cut(batch.images, row)
            waiting.append(network.submit(_in_frame, model, places, crops, job.view))
            if len(waiting) > _WAITING:
                waiting[-1 - _WAITING].result()
            progress("finding keypoints", int(batch.numbers[-1]), len(video))
        found = [future.result() for future in waiting]
    xy = _spread(there, [points.xy for points in found], np.nan)
    sure = _spread(there, [points.confidence for points in found], 0.0)
    covariance = _spread(there, [points.covariance for points in found], np.nan)
    numbers = np.arange(start, start + len(boxes))
    mice = [
        Keypoints2D(
            xy[:, animal, None], sure[:, animal, None], video.times[numbers], numbers,
            model.names, _name(animal), covariance[:, animal, None],
        )
        for animal in range(job.animals)
    ]  # fmt: skip
    kept = [with_sides_kept(mouse) for mouse in mice]
    seen.exchanged += sum(count for _, count in kept)
    return [mouse for mouse, _ in kept]


def _in_frame(model: KeypointModel, places: Crops, crops: Bytes, view: str | None) -> CropKeypoints:
    """Return the keypoints of crops in px of the frame."""
    found = model.predict(crops, view)
    return replace(
        found,
        xy=places.to_frame(found.xy),
        covariance=places.covariance_to_frame(found.covariance),
    )


def _spread(there: np.ndarray, values: list[Floats], nothing: float) -> Floats:
    """Return the values (N, ...) of the mice that are there, in their places (T, A, ...)."""
    joined = np.concatenate(values)
    spread: Any = np.full((*there.shape, *joined.shape[1:]), nothing)
    spread[there] = joined
    return np.asarray(spread)


def _mean_confidence(job: VideoJob) -> float:
    total = count = 0.0
    for animal in range(job.animals):
        for chunk in iterate_keypoints(job.output, job.chunk, animal=_name(animal)):
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


def _name(animal: int) -> str:
    return f"mouse{animal}"


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
