"""Exact decoding: frame n is always frame n, from wherever it has to be sought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.video.container import library, open_file, packets_of
from mousepose.video.types import FrameIndex, FrameState

#: The number of a frame, PyAV's picture of it or None where none came out, and its state.
Decoded = tuple[int, Any, FrameState]
#: A leap empties the decoder; fewer frames than this are decoded quicker than leapt over.
_WORTH_A_LEAP = 16
_START = -1  #: stands for the start of the file among the places of key frames


class Decoder:
    """One open file that gives any of its frames, each by its number.

    It goes on from where it stands, and leaps only where a key frame lies well ahead. A frame that
    does not appear after a leap is sought again from earlier key frames, at last from the start:
    streams whose key frames are not clean (open groups of pictures, intra refresh) cost time, not
    exactness.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._path, self._index = path, index
        self._av = library()
        self._ahead: Decoded | None = None  #: what was decoded but not asked for yet
        self._leap(_START)

    def close(self) -> None:
        """Close the file."""
        self._shown.close()  # type: ignore[attr-defined]
        self._container.close()

    def frame(self, number: int) -> Decoded:
        """Return a frame by its number; its picture is None where there is none (MISSING)."""
        key, back = self._key_before(number), 1
        if number < self._next or self._key_number(key) > self._next + _WORTH_A_LEAP:
            self._leap(key)
        while True:
            found = self._advance(number)
            if found is not None:
                return found
            # a frame that others went before, and one not even the start gives, is not there
            if self._key == _START or self._shown_since_leap:
                return number, None, FrameState.MISSING
            key = max(self._key_before(number) - back, _START)
            back *= 2
            self._leap(key)

    def _key_before(self, number: int) -> int:
        """Return the place among the key frames of the last one up to `number`."""
        if not self._index.timed:
            return _START  # without times nothing can be sought
        return int(np.searchsorted(self._index.keys, number, "right")) - 1

    def _key_number(self, key: int) -> int:
        return 0 if key == _START else int(self._index.keys[key])

    def _advance(self, number: int) -> Decoded | None:
        """Return the frame `number` if it comes next; what comes after it is kept."""
        self._next = number + 1
        while True:
            found = self._ahead or next(self._shown, None)
            self._ahead = None
            if found is None:
                return None
            if found[0] > number:
                self._ahead = found
                return None
            self._shown_since_leap = True
            if found[0] == number:
                return found

    def _leap(self, key: int) -> None:
        """Go to a key frame, or open the file anew where it is the start."""
        if key == _START:
            if hasattr(self, "_container"):
                self.close()
            self._container, self._stream = open_file(self._path)
            self._primed = False
        else:
            self._prime()
            stamp = int(self._index.stamps[self._index.keys[key]])
            try:
                self._container.seek(stamp, stream=self._stream)
            except self._av.error.FFmpegError:  # as in a file that is cut
                self._leap(_START)
                return
        self._key, self._next, self._shown_since_leap = key, self._key_number(key), False
        self._ahead = None
        self._shown: Iterator[Decoded] = self._decode(self._next)

    def _prime(self) -> None:
        """Decode the first packet of a file that was just opened, before it is leapt over.

        There x264 says which version of it made the stream; without knowing that, FFmpeg decodes
        what some versions made into other pictures.
        """
        if not self._primed:
            next(self._pictures(), None)
            self._primed = True

    def _decode(self, first: int) -> Iterator[Decoded]:
        """Yield what the decoder shows from frame number `first` on.

        What it shows before that is built upon frames that it was not given.
        """
        last, broken = first - 1, False
        for pictures in self._pictures():
            if pictures is None:
                broken = True
                last += not self._index.timed  # what cannot be decoded keeps its place
                continue
            for picture in pictures:
                number = self._number(picture, last + 1)
                if number is None or number < first:
                    continue
                if last < first and not picture.key_frame and self._key != _START:
                    return  # no clean start: what follows may be built upon what was leapt over
                if picture.key_frame:
                    broken = False
                elif number > last + 1:
                    broken = True
                last = number
                state = FrameState.DOUBTFUL if broken else FrameState.OK
                if picture.is_corrupt:
                    state, broken = FrameState.DAMAGED, True
                yield number, picture, state

    def _pictures(self) -> Iterator[list[Any] | None]:
        """Yield what each packet adds to what can be shown, None for one that is damaged."""
        context = self._stream.codec_context
        packets = packets_of(self._av, self._container, self._stream)
        while True:
            try:
                packet = next(packets, None)
            except self._av.error.FFmpegError:
                packet = None  # cut: what the decoder still holds is the end
            try:
                yield context.decode(packet)
            except self._av.error.FFmpegError:
                yield None
            if packet is None:
                return

    def _number(self, picture: Any, expected: int) -> int | None:
        """Return a picture's number, None where the index does not have it."""
        if not self._index.timed:
            return expected if expected < len(self._index) else None
        stamps, stamp = self._index.stamps, picture.pts
        if stamp is None:
            return None
        if expected < len(stamps) and stamps[expected] == stamp:
            return expected
        place = int(np.searchsorted(stamps, stamp))
        return place if place < len(stamps) and stamps[place] == stamp else None
