"""Whether a video is fit for work: its frames, their times, damage, light, and a camera that moved.

Every frame is decoded once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mousepose.detect.background import factor_of, shrink
from mousepose.detect.background_shift import is_shift, shift_between
from mousepose.errors import FileError
from mousepose.types import Floats, Progress
from mousepose.video import FrameState, Video, open_video

Verdict = Literal["good", "look", "bad"]

#: Moments at which the picture is held against the one before, to see whether the camera moved.
_MOMENTS = 120
#: The light was switched where the mean grey of a second steps by so much and such a share.
_STEP_GREY, _STEP_SHARE = 12.0, 0.25
#: A file with fewer frames than this share of what it states is cut.
_WHOLE = 0.97
#: More damaged frames than this share make a video bad.
_MUCH_DAMAGE = 0.05
_BATCH = 32
#: Frames are listed up to so many; all are counted.
_LISTED = 50


@dataclass
class VideoCheck:
    """What there is to say of one video; `notes` are what to look at, in plain words.

    Times are s from the first frame. `light` are the least, median and largest mean grey of a
    second; `light_switches` (time, before, after) and `camera_moves` (time, right, down px).
    """

    path: str
    verdict: Verdict = "good"
    error: str = ""
    frames: int = 0
    fps: float | None = None
    variable_rate: bool = False
    duration: float = 0.0
    size: tuple[int, int] = (0, 0)
    codec: str = ""
    pixel_format: str = ""
    rotation: int = 0
    key_interval: float | None = None
    stated_frames: int = 0
    damaged: int = 0
    missing: int = 0
    resized: int = 0
    bad_frames: list[int] = field(default_factory=list)
    light: tuple[float, float, float] = (0.0, 0.0, 0.0)
    light_switches: list[tuple[float, float, float]] = field(default_factory=list)
    camera_moves: list[tuple[float, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def check_videos(
    paths: Sequence[str | os.PathLike[str]], progress: Progress, fps: float | None = None
) -> list[VideoCheck]:
    """Return what there is to say of each video; one that cannot be opened is bad, with its error.

    `fps` counts for folders of images.
    """
    return [_check(Path(path), progress, fps) for path in paths]


def _check(path: Path, progress: Progress, fps: float | None) -> VideoCheck:
    found = VideoCheck(str(path))
    try:
        with open_video(path, fps) as video:
            _describe(video, found)
            _look_through(video, found, progress)
    except FileError as error:
        found.verdict, found.error = "bad", str(error)
        return found
    _judge(found, video)
    return found


def _describe(video: Video, found: VideoCheck) -> None:
    """Fill in what the index tells."""
    index = video.index
    found.frames, found.size = len(video), video.size
    found.codec, found.pixel_format = video.codec, video.pixel_format
    found.rotation, found.stated_frames = video.rotation, index.stated
    if len(video) > 1:
        found.fps = round(index.fps, 4)
        found.duration = float(video.times[-1] + index.interval)
    found.variable_rate = len(index.irregular) > 0
    if len(index.keys) > 1:
        found.key_interval = round(float(np.mean(np.diff(index.keys))), 2)


def _look_through(video: Video, found: VideoCheck, progress: Progress) -> None:
    """Decode every frame: its state, its light, and now and then whether the camera moved."""
    states, light = np.zeros(len(video), np.uint8), np.zeros(len(video))
    moments = set(np.linspace(0, len(video) - 1, _MOMENTS).round().astype(int).tolist())
    factor, before = factor_of(video.size[::-1]), None
    moves: list[tuple[float, int, int]] = []  # from each moment to the next; 0, 0 where it stood
    for batch in video.batches(_BATCH):
        states[batch.numbers] = batch.states
        light[batch.numbers] = batch.images[:, ::4, ::4].mean(axis=(1, 2))
        for number, image in zip(batch.numbers.tolist(), batch.images, strict=True):
            if number not in moments or states[number] >= FrameState.DOUBTFUL:
                continue
            small = shrink(image, factor)
            if before is not None:
                shift = shift_between(before, small)
                far = shift[:2] if is_shift(shift) else (0.0, 0.0)
                right, down = (round(way * factor) for way in far)
                moves.append((float(video.times[number]), right, down))
            before = small
        progress(f"checking {video.path.name}", int(batch.numbers[-1]) + 1, len(video))
    found.camera_moves = _bumps(moves)
    found.missing = int((states == FrameState.MISSING).sum())
    found.damaged = int((states >= FrameState.DOUBTFUL).sum()) - found.missing
    found.resized = int((states == FrameState.RESIZED).sum())
    found.bad_frames = np.flatnonzero(states >= FrameState.DOUBTFUL)[:_LISTED].tolist()
    good = states < FrameState.DAMAGED
    if good.any():
        _judge_light(video.times[good], light[good], found)


def _bumps(moves: Sequence[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Return the moves of a camera that stood still before and after.

    What goes on moving is no bump: a belt, a wheel that fills the picture, a camera in a hand.
    """
    still = [right == 0 == down for _, right, down in moves]
    return [
        move
        for n, move in enumerate(moves)
        if not still[n] and all(still[max(0, n - 2) : n]) and all(still[n + 1 : n + 3])
    ]


def _judge_light(times: Floats, light: Floats, found: VideoCheck) -> None:
    seconds = np.floor(times).astype(int)
    starts = np.flatnonzero(np.diff(seconds, prepend=-1))
    greys = np.array([np.median(part) for part in np.split(light, starts[1:])])
    found.light = (float(greys.min()), float(np.median(greys)), float(greys.max()))
    for n in range(1, len(greys)):
        # the second of the switch is a mixture: hold the one before it against the one after
        old, new = float(greys[max(n - 1, 0)]), float(greys[min(n + 1, len(greys) - 1)])
        stepped = abs(new - old) > max(_STEP_GREY, _STEP_SHARE * max(old, new))
        recent = found.light_switches and times[starts[n]] - found.light_switches[-1][0] < 3
        if stepped and not recent:
            found.light_switches.append((float(times[starts[n]]), round(old, 1), round(new, 1)))


def _judge(found: VideoCheck, video: Video) -> None:
    """Say what to look at, and how bad it is."""
    notes, index = found.notes, video.index
    if found.frames < _WHOLE * found.stated_frames:
        notes.append(
            f"holds {found.frames:,} of the {found.stated_frames:,} frames it states: it is cut"
        )
    if index.ended:
        notes.append(f"could not be read to its end: {index.ended}")
    if found.missing or found.damaged:
        notes.append(
            f"{found.missing:,} frames have no picture and {found.damaged:,} are damaged or built "
            f"on damaged ones, the first is frame {found.bad_frames[0]:,}; they keep their numbers"
        )
    if found.resized:
        notes.append(
            f"{found.resized:,} frames have another size and are scaled to "
            f"{found.size[0]} x {found.size[1]}: a calibration holds only if the view is the same"
        )
    if found.variable_rate:
        number = int(index.irregular[0])
        notes.append(
            f"{len(index.irregular):,} frames come early or late (the first is frame {number:,}): "
            "the rate varies; use the times, not frame / fps"
        )
    if not index.timed and not video.images:
        notes.append(
            "tells no presentation times: frames are exact, but seeking reads from its start"
        )
    if video.pixel_aspect != 1:
        notes.append(f"says its pixels are {video.pixel_aspect:.3g} times as wide as high")
    for time, old, new in found.light_switches[:5]:
        notes.append(f"the light changes at {time:.0f} s: mean grey {old:.0f} to {new:.0f}")
    for time, right, down in found.camera_moves[:5]:
        notes.append(f"the camera may have moved before {time:.0f} s: by {right:+d}, {down:+d} px")
    bad = (found.missing + found.damaged) > _MUCH_DAMAGE * found.frames
    found.verdict = "bad" if bad else "look" if notes else "good"
