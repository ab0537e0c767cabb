"""A video beside the data set: what it is, and some of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mousepose.errors import FileError
from mousepose.types import Bytes

#: Only samples are looked at whole: a longer video is no clip of the data set's site.
MAX_FRAMES = 2000


class Film(NamedTuple):
    """How many `frames` of which `size` (width, height) px a video has, and some pictures of it."""

    frames: int
    size: tuple[int, int]
    frames_per_second: float
    pictures: list[Bytes]


def read_film(path: Path, pictures: int) -> Film:
    """Return a video with so many of its pictures (H, W, 3), evenly spread.

    At most `MAX_FRAMES` frames are looked at. Raises `FileError` on what is no video.
    """
    import av

    try:
        with av.open(str(path)) as film:
            stream = film.streams.video[0]
            rate = float(stream.average_rate or 0)
            count = stream.frames or sum(1 for packet in film.demux(stream) if packet.size)
            size = (stream.width, stream.height)
            wanted = set(np.linspace(0, min(count, MAX_FRAMES) - 1, pictures).astype(int).tolist())
            chosen: list[Bytes] = []
            if wanted:
                film.seek(0)
                for number, frame in enumerate(film.decode(stream)):
                    if number in wanted:
                        chosen.append(np.asarray(frame.to_ndarray(format="rgb24")))
                    if number >= max(wanted):
                        break
    except (av.FFmpegError, IndexError, OSError) as error:
        told = getattr(error, "strerror", None) or "it holds no pictures"
        raise FileError(f"{path}: cannot be read as a video: {told}") from error
    return Film(count, size, rate, chosen)
