"""A video with the reconstructed mice drawn on it, and beside it the mice on a turntable.

Three threads share the work: one decodes, one draws, one encodes. Pictures are drawn on as they
come out of the decoder (YUV 4:2:0), so what is not drawn over is only encoded again.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from mousepose.errors import InputError
from mousepose.report.overlay_video.cast import Cast, Casting, cast_of
from mousepose.report.overlay_video.codec import (
    Codec,
    Film,
    Format,
    Sound,
    encoder_of,
    film_writer,
    ticks_of,
)
from mousepose.report.overlay_video.paint import DRAWN, Painter
from mousepose.report.overlay_video.picture import Picture, Source
from mousepose.report.overlay_video.threads import ahead, behind
from mousepose.report.page_views import length_warning
from mousepose.types import Ints, Progress
from mousepose.video import Video, open_video

#: Pictures whose poses are worked out at once, and that wait between two threads.
_AT_ONCE, _WAITING = 16, 12
USUAL = ("mesh", "skeleton", "keypoints")


@dataclass(frozen=True)
class At:
    """A moment of a video: the number of a frame, or seconds from the first one."""

    value: float
    seconds: bool = False


@dataclass(frozen=True, eq=False)
class OverlayJob:
    """What to draw over which video.

    `casting` tells who is drawn, `draw` what of them, names of `DRAWN`. `start` and `stop` limit
    the frames, of which each `every`-th is written. `quality` is a constant rate factor, None what
    looks like the original; `opacity` is of the mesh, 0 to 1. `fps` is of a folder of images.
    """

    video: Path
    casting: Casting
    output: Path
    draw: tuple[str, ...] = USUAL
    turntable: bool = False
    text: bool = True
    opacity: float = 0.75
    start: At | None = None
    stop: At | None = None
    every: int = 1
    codec: Codec = "h264"
    quality: int | None = None
    audio: bool = True
    fps: float | None = None


@dataclass(frozen=True)
class OverlayOutcome:
    """What was written: `frames` in `seconds`, by which encoder, and what is to be told."""

    frames: int
    seconds: float
    encoder: str
    size: tuple[int, int]
    warnings: tuple[str, ...]


def write_overlay(job: OverlayJob, progress: Progress) -> OverlayOutcome:
    """Write a video with poses drawn on it; it appears whole or not at all.

    Every frame is shown when it was in the original, whose sound is copied. Raises `FileError` and
    `InputError` before anything is written where files do not go together.
    """
    began = time.perf_counter()
    _check(job)
    encoder = encoder_of(job.codec)
    with ExitStack() as stack:
        video = stack.enter_context(open_video(job.video, job.fps))
        cast = cast_of(stack, video, job.casting, bool({"mesh", "silhouette"} & set(job.draw)))
        numbers = _numbers(job, video)
        warnings = [*cast.notes, *_check_length(job, video, cast)]
        tick = ticks_of(job.video, video.index.timed)
        stamps = video.index.stamps if video.index.timed else _in_ticks(video, tick)
        sound = _sound(job, video, numbers)
        if sound is not None and sound.shift:
            stamps = stamps - stamps[numbers[0]]
        aside = Painter.aside(video.size) if job.turntable else 0
        source = Source(video, stamps, aside)
        painter = Painter(job.draw, job.opacity, job.text, source, cast)
        aspect = video.pixel_aspect if video.rotation % 180 == 0 else 1 / video.pixel_aspect
        form = Format(
            job.codec, job.quality, source.canvas, video.fps / job.every, tick, source.colours,
            aspect,
        )  # fmt: skip
        heard = sound if job.audio and not video.images else None
        with film_writer(job.output, form, heard) as film:
            _carry_out(source, numbers, cast, painter, film, tick, progress)
    seconds = time.perf_counter() - began
    return OverlayOutcome(len(numbers), seconds, encoder, source.canvas, tuple(warnings))


def _check(job: OverlayJob) -> None:
    if job.every < 1:
        raise InputError(f"every {job.every}: expected 1 (all frames) or more")
    if not 0 <= job.opacity <= 1:
        raise InputError(
            f"opacity {job.opacity:g}: expected 0 (nothing is seen) to 1 (nothing through)"
        )
    if not job.draw:
        raise InputError(f"nothing is to be drawn: name some of {', '.join(DRAWN)}")
    inputs = {path.resolve() for path in (job.video, *job.casting.poses)}
    if job.output.resolve() in inputs:
        raise InputError(f"{job.output}: is read; write to another file")


def _numbers(job: OverlayJob, video: Video) -> range:
    """Return the numbers of the frames that are written."""

    def number(moment: At | None, usual: int) -> int:
        if moment is None:
            return usual
        if not moment.seconds:
            return int(moment.value)
        return int(np.searchsorted(video.times, moment.value - 1e-6))

    start, stop = number(job.start, 0), min(number(job.stop, len(video)), len(video))
    if not 0 <= start < stop:
        raise InputError(
            f"{job.video}: has {len(video):,} frames, {video.times[-1]:.2f} s; from {start} to "
            f"before {stop} there is none"
        )
    return range(start, stop, job.every)


def _check_length(job: OverlayJob, video: Video, cast: Cast) -> list[str]:
    """Return warnings where poses end before the video.

    Raises `InputError` where the video ends before the poses, unless `stop` is before that.
    """
    warnings = []
    for actor in cast.actors:
        told = length_warning(job.video, len(video), actor.result)
        if len(video) <= int(actor.result.frame_numbers[-1]) and job.stop is None:
            raise InputError(f"{told} To draw what is there say --stop {len(video)}")
        if len(video) > int(actor.result.frame_numbers[-1]) + 1:
            warnings.append(told)
    return list(dict.fromkeys(warnings))


def _in_ticks(video: Video, tick: Fraction) -> Ints:
    return np.rint(video.times / float(tick)).astype(np.int64)


def _sound(job: OverlayJob, video: Video, numbers: range) -> Sound:
    """Return what part of the sound belongs to the frames that are written."""
    index, whole = video.index, len(video)
    first, last = numbers[0], numbers[-1] + job.every
    start = index.start + float(video.times[first]) if first else 0.0
    stop = index.start + float(video.times[last]) if last < whole else np.inf
    return Sound(job.video, start if first else -np.inf, float(stop), start)


def _carry_out(
    source: Source,
    numbers: range,
    cast: Cast,
    painter: Painter,
    film: Film,
    tick: Fraction,
    progress: Progress,
) -> None:
    """Decode, draw and encode, each in its thread."""
    done = 0

    def write(picture: Picture) -> None:
        film.write(picture, tick)

    progress("drawing", 0, len(numbers))
    with (
        behind(write, _WAITING) as encode,
        ahead(source.pictures(numbers), _WAITING) as pictures,
    ):
        while batch := list(islice(pictures, _AT_ONCE)):
            shown = np.array([picture.number for picture in batch])
            seen = [actor.appearances(shown) for actor in cast.actors]
            for picture, appearances in zip(batch, zip(*seen, strict=True), strict=True):
                painter.paint(picture, appearances)
                encode(picture)
            done += len(batch)
            progress("drawing", done, len(numbers))
