"""The reader: any frames of a video or of a folder of images, exactly by their numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.closing import Closing
from mousepose.errors import FileError, InputError
from mousepose.video.container import opened
from mousepose.video.decode import Decoder
from mousepose.video.folder import IMAGE_SUFFIXES, images_in, read_image, sizes_of
from mousepose.video.index import index_frames
from mousepose.video.pixels import image_of, upright_size
from mousepose.video.types import Batch, Bytes, Floats, Frame, FrameIndex, FrameState

#: Frames per second of a folder of images that nobody told.
_FOLDER_FPS = 30.0


class Video(Closing):
    """A video file, or a folder of images, whose frame n is always its n-th frame.

    Opening it reads through the file once without decoding. `size` (width, height) is that of the
    upright first frame; `times` (T,) are s from the first frame; `fps` counts frames a second.
    Frames are grey (H, W) or, with `colour`, RGB (H, W, 3), uint8 of the full range. A frame that
    the file has a place for but no picture keeps its number: it is black and its state MISSING.

    Use it in a `with` block, or close it. One thread at a time may read from it.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float | None = None) -> None:
        """Look through `path`; `fps` counts where a folder of images has no times.

        Raises `FileError` where it is no video and no folder of images, is cut before its first
        frame, empty or only sound.
        """
        self.path = Path(path)
        self.images: tuple[Path, ...] = ()
        self.codec, self.container, self.pixel_format, self.rotation = "", "", "", 0
        self.pixel_aspect = 1.0  #: width over height of a pixel, as the file states it
        self._decoder: Decoder | None = None
        if self.path.is_dir():
            self._open_folder(fps or _FOLDER_FPS)
            return
        if not self.path.exists():
            raise FileError(f"{path}: there is no such file or folder")
        if self.path.suffix.lower() in IMAGE_SUFFIXES:
            raise FileError(f"{path}: is one image; give the folder of images, or a video")
        self._open_file()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def times(self) -> Floats:
        """When each frame (T,) is shown, s from the first."""
        return self.index.times

    @property
    def fps(self) -> float:
        """Frames per second; NaN where there is one frame."""
        return self.index.fps

    @property
    def name(self) -> str:
        """What the camera is called: the file's name without suffix, or the folder's."""
        return self.path.resolve().name if self.images else self.path.stem

    def close(self) -> None:
        """Close the file; a frame asked for later opens it again."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def frame(self, number: int, *, colour: bool = False) -> Frame:
        """Return one frame. Raises `InputError` where there is none of that number."""
        return self._frame(self._checked(number), colour)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1, *, colour: bool = False
    ) -> Iterator[Frame]:
        """Yield frames from `start` to before `stop`, each `step`-th."""
        yield from self.at(range(*slice(start, stop, step).indices(len(self))), colour=colour)

    def at(
        self, numbers: Iterable[int], *, colour: bool = False, into: Bytes | None = None
    ) -> Iterator[Frame]:
        """Yield the frames of the given numbers; increasing ones are quickest.

        `into` (N, H, W) or (N, H, W, 3) takes their images, each in its place. Raises `InputError`
        where there is no frame of a number.
        """
        for place, number in enumerate(numbers):
            target = None if into is None else into[place]
            yield self._frame(self._checked(number), colour, target)

    def batches(
        self,
        size: int = 32,
        start: int = 0,
        stop: int | None = None,
        step: int = 1,
        *,
        colour: bool = False,
        ahead: int = 2,
        within: int = 0,
    ) -> Iterator[Batch]:
        """Yield frames in batches of up to `size`, decoded by a thread of its own.

        At most `ahead` batches wait in memory, and a batch of large pictures holds fewer than
        `size`, so that memory stays below about a quarter of a GB however long the video is. No
        batch has frames on both sides of a multiple of `within`, where that is not 0: a reader
        that begins at such a multiple gets the same batches as one that came there.
        """
        from mousepose.video.batches import read_ahead

        numbers = range(*slice(start, stop, step).indices(len(self)))
        yield from read_ahead(self, numbers, size, colour, ahead, within)

    def again(self) -> Video:
        """Return another reader of the same file, for another thread, without a second look."""
        other = object.__new__(Video)
        other.__dict__ |= self.__dict__ | {"_decoder": None}
        return other

    def _checked(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise InputError(
                f"{self.path}: has {len(self)} frames, numbered from 0; there is no frame {number}"
            )
        return int(number)

    def _frame(self, number: int, colour: bool, into: Bytes | None = None) -> Frame:
        time = float(self.times[number])
        if self.images:
            image, state = self._image(self.images[number], colour)
            return Frame(number, time, _put(image, into), state)
        if self._decoder is None:
            self._decoder = Decoder(self.path, self.index)
        _, picture, state = self._decoder.frame(number)
        if picture is None:
            return Frame(number, time, _put(self._black(colour), into), state)
        if upright_size(picture) != self.size:
            state = max(state, FrameState.RESIZED)
        return Frame(number, time, image_of(picture, colour, self.size, into), state)

    def _image(self, path: Path, colour: bool) -> tuple[Bytes, FrameState]:
        try:
            image = read_image(path, colour)
            if image.shape[1::-1] == self.size:
                return image, FrameState.OK
            return read_image(path, colour, self.size), FrameState.RESIZED
        except FileError:
            return self._black(colour), FrameState.MISSING

    def _black(self, colour: bool) -> Bytes:
        width, height = self.size
        return np.zeros((height, width, 3) if colour else (height, width), np.uint8)

    def _open_folder(self, fps: float) -> None:
        self.images = images_in(self.path)
        self.size = sizes_of(self.images)
        self.codec = self.container = "images"
        count = len(self.images)
        numbers = np.arange(count)
        self.index = FrameIndex(numbers, numbers / fps, numbers, timed=False, stated=count)

    def _open_file(self) -> None:
        with opened(self.path) as (container, stream):
            self.index = index_frames(self.path, container, stream)
            self.codec, self.container = stream.codec_context.name, container.format.name
            self.pixel_format = stream.codec_context.pix_fmt or ""
            self.pixel_aspect = float(stream.sample_aspect_ratio or 1)
        first = self._first_picture()
        self.size, self.rotation = upright_size(first), round(first.rotation / 90) % 4 * 90

    def _first_picture(self) -> Any:
        """Return the first picture that can be decoded: it alone tells size and turn for sure."""
        self._decoder = Decoder(self.path, self.index)
        for number in _first_numbers(self.index):
            picture = self._decoder.frame(number)[1]
            if picture is not None:
                return picture
        raise FileError(f"{self.path}: no frame of it can be decoded")


def _put(image: Bytes, into: Bytes | None) -> Bytes:
    """Return the image, written to `into` where that is given."""
    if into is None:
        return image
    into[:] = image
    return into


def _first_numbers(index: FrameIndex) -> Sequence[int]:
    """Return where to look for a first picture: the first frames, then key frames."""
    tried = [*range(min(len(index), 50)), *index.keys[:20].tolist()]
    return sorted(set(tried))


def open_video(path: str | os.PathLike[str], fps: float | None = None) -> Video:
    """Return a reader of a video file or a folder of images; see `Video`."""
    return Video(path, fps)
