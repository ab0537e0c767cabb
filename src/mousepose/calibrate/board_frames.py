"""Chosen frames of a video or of a folder of images, as grey values, by their exact numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.calibrate.board_refine import Grey
from mousepose.video import FrameState, Video, open_video
from mousepose.video.folder import read_image


@dataclass(frozen=True)
class Footage:
    """One camera's video or folder of images, looked through but not decoded."""

    video: Video

    @property
    def path(self) -> Path:
        """The file or folder."""
        return self.video.path

    @property
    def name(self) -> str:
        """What the camera is called: the file's name without suffix, or the folder's."""
        return self.video.name

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an upright frame."""
        return self.video.size

    @property
    def count(self) -> int:
        """The number of frames."""
        return len(self.video)

    @property
    def stated(self) -> int:
        """How many frames the file says it holds, 0 where it does not say."""
        return self.video.index.stated

    @property
    def images(self) -> tuple[Path, ...]:
        """The images of a folder."""
        return self.video.images

    @property
    def is_video(self) -> bool:
        """Whether it is a video."""
        return not self.images


def open_footage(path: str | os.PathLike[str]) -> Footage:
    """Return what there is to see. Raises `FileError` where it is no video and no folder of images.

    A folder's images are taken in the natural order of their names: 2 before 10.
    """
    with open_video(path) as video:
        return Footage(video)


def spread_numbers(count: int, most: int, also: Sequence[int] = ()) -> list[int]:
    """Return up to `most` frame numbers spread evenly over `count`, and those of `also`."""
    spread = np.linspace(0, count - 1, min(most, count)).round().astype(int)
    return sorted({*spread.tolist(), *also})


def read_frames(footage: Footage, numbers: Sequence[int]) -> Iterator[tuple[int, Grey]]:
    """Yield (number, image) of the frames with increasing `numbers`, those with a whole picture.

    Images of a folder come in their own sizes. Raises `FileError` for one that cannot be read.
    """
    if not footage.is_video:
        for number in numbers:
            yield number, read_image(footage.images[number], colour=False)
        return
    with footage.video as video:
        for frame in video.at(numbers):
            if frame.state <= FrameState.RESIZED:
                yield frame.number, frame.image
