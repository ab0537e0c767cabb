"""Writing a video: H.264 in MP4, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.video.container import library
from mousepose.video.types import Bytes

#: Times are written in units of 1/90,000 s, as MPEG does: enough for any frame rate.
_TICK = Fraction(1, 90_000)


class VideoWriter:
    """Takes RGB images (H, W, 3) or grey ones (H, W), uint8, all of one size."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self._last = -1

    def write(self, image: Bytes, time: float) -> None:
        """Add an image that is shown at `time` s; times must increase.

        Sides of an odd number of pixels lose one: the codec halves them. Raises `InputError` for
        an image of another size.
        """
        width, height = self._stream.width, self._stream.height
        image = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
        if image.shape[:2] != (height, width):
            raise InputError(
                f"a video of {width} x {height} px cannot hold an image of {image.shape[1]} x "
                f"{image.shape[0]} px"
            )
        frame = library().VideoFrame.from_ndarray(image, "gray" if image.ndim == 2 else "rgb24")
        frame.pts = self._last = max(self._last + 1, round(time / _TICK))
        frame.time_base = _TICK
        self._container.mux(self._stream.encode(frame))


@contextmanager
def video_writer(
    path: str | os.PathLike[str], size: tuple[int, int], fps: float, quality: int = 23
) -> Iterator[VideoWriter]:
    """Give a writer of a video of `size` (width, height) px; the file appears when the block ends.

    `quality` is the constant rate factor of H.264: 18 looks like the original, 28 is small.
    Raises `FileError` where nothing can be written at `path`, and `InputError` for an ending that
    is not of a video.
    """
    path = Path(path)
    if path.suffix.lower() not in {".mp4", ".mkv", ".mov"}:
        raise InputError(f"{path}: a video is written as .mp4, .mkv or .mov")
    with atomic_path(path) as temporary, library().open(str(temporary), "w") as container:
        rate = Fraction(fps if np.isfinite(fps) and fps > 0 else 30.0).limit_denominator(1000)
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": str(quality), "preset": "veryfast"}
        )
        stream.width, stream.height = size[0] // 2 * 2, size[1] // 2 * 2
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", _TICK
        yield VideoWriter(container, stream)
        container.mux(stream.encode(None))
