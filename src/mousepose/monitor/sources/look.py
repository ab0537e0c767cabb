"""What a file of video is, found without decoding it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mousepose.video.container import opened
from mousepose.video.index import index_frames

#: A file with a single frame does not tell its rate.
_USUAL_FPS = 30.0


@dataclass(frozen=True)
class Film:
    """A file of `frames` at `fps`, `seconds` long, of pictures of `size` (width, height) px.

    `cut` says why the file ends in the middle, "" where it does not; `made` is when the container
    says that it was made, where it does.
    """

    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    cut: str = ""
    made: datetime | None = None


def look_at(path: Path) -> Film:
    """Return what a file holds. Raises `FileError` where it is no video, or cut before a frame."""
    with opened(path) as (container, stream):
        index = index_frames(path, container, stream)
        size = (int(stream.codec_context.width), int(stream.codec_context.height))
        made = _time(container.metadata.get("creation_time", ""))
    fps = index.fps if len(index) > 1 else _USUAL_FPS
    step = index.interval if len(index) > 1 else 1 / _USUAL_FPS
    seconds = float(index.times[-1]) + step
    cut = index.ended
    if index.stated > len(index) and not cut:
        cut = f"it says that it holds {index.stated:,} frames, and holds {len(index):,}"
    return Film(len(index), fps, seconds, size, cut, made)


def _time(text: str) -> datetime | None:
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None
