"""Pictures of a video as the planes that an encoder takes, to draw on without a detour over RGB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Bytes
from mousepose.video import FrameState, Video
from mousepose.video.container import library
from mousepose.video.decode import Decoder

Layer = NDArray[np.float32]

#: FFmpeg's numbers for what luma and colour mean: ranges, and matrices.
_FULL, _LIMITED = 2, 1
_BT709, _UNSPECIFIED, _BT470BG, _SMPTE170M = 1, 2, 5, 6
#: Shares of red and blue in luma (ITU-R BT.601 and BT.709).
_LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722)}
#: Pictures of so many rows and more are of BT.709 where the file does not say.
_HIGH = 720
_AS_THEY_ARE = ("yuv420p", "yuvj420p")


@dataclass(frozen=True)
class Colours:
    """What the numbers of a picture mean: FFmpeg's range and matrix, both as an encoder takes."""

    range: int = _LIMITED
    matrix: int = _UNSPECIFIED

    def to_yuv(self, height: int) -> NDArray[np.float32]:
        """Return (3, 4): Y, U and V of red, green, blue (0 to 255) and of the share that is drawn.

        Source: ITU-R BT.601-7 and BT.709-6, quantisation to 8 bits.
        """
        high = self.matrix == _BT709 or (self.matrix == _UNSPECIFIED and height >= _HIGH)
        red, blue = _LUMA["709" if high else "601"]
        luma = np.array([red, 1 - red - blue, blue])
        rows = np.stack(
            [luma, (np.eye(3)[2] - luma) / (2 - 2 * blue), (np.eye(3)[0] - luma) / (2 - 2 * red)]
        )
        full = self.range == _FULL
        scale = np.ones(3) if full else np.array([219.0, 224.0, 224.0]) / 255
        start = np.array([0.0 if full else 16.0, 128.0, 128.0])
        return np.concatenate([scale[:, None] * rows, start[:, None]], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Picture:
    """One frame to draw on: `frame` (PyAV, yuv420p), its planes `y` (H, W), `u`, `v` (H/2, W/2).

    `stamp` is its presentation time in ticks of the output, `duration` how long it is shown.
    """

    number: int
    time: float
    stamp: int
    duration: int
    state: FrameState
    frame: Any
    y: Bytes
    u: Bytes
    v: Bytes

    def draw(self, layer: Layer, place: tuple[int, int], box: Sequence[int], yuv: Layer) -> None:
        """Lay the part `box` (left, top, right, bottom) of a layer (H, W, 4) over the picture.

        The layer's top left corner lies at `place` (x, y), both even. Its colours are 0 to 255,
        multiplied by its last channel, the share that is drawn. `yuv` is of `Colours.to_yuv`.
        """
        left, top, right, bottom = box
        if left < right and top < bottom:
            _draw(layer, *place, left, top, right, bottom, yuv, self.y, self.u, self.v)


class Source:
    """The frames of a video on a canvas of even sides, at its left, black beside it.

    `size` (width, height) is that of the upright picture, `colours` those of the first frame.
    """

    def __init__(self, video: Video, stamps: NDArray[np.int64], aside: int) -> None:
        """Give room for `aside` px beside the picture; `stamps` (T,) are of the output's ticks."""
        self._video, self._stamps = video, stamps
        self.size = video.size
        width, height = (side + side % 2 for side in video.size)
        self.canvas = (width + aside, height)
        self.place_aside = (width, 0)
        steps = np.diff(stamps)
        self._last = int(np.median(steps)) if len(steps) else 1
        self.colours = self._first_colours()

    def pictures(self, numbers: Sequence[int]) -> Iterator[Picture]:
        """Yield frames by increasing numbers; the video is opened anew, for another thread."""
        if self._video.images:
            with self._video.again() as video:
                for frame in video.at(numbers, colour=True):
                    stored = library().VideoFrame.from_ndarray(frame.image, format="rgb24")
                    yield self._picture(frame.number, stored, frame.state, numbers)
            return
        decoder = Decoder(self._video.path, self._video.index)
        try:
            for number in numbers:
                _, stored, state = decoder.frame(number)
                yield self._picture(number, stored, state, numbers)
        finally:
            decoder.close()

    def _first_colours(self) -> Colours:
        if self._video.images:
            return Colours(_LIMITED, _BT709 if self.size[1] >= _HIGH else _SMPTE170M)
        decoder = Decoder(self._video.path, self._video.index)
        try:
            for number in range(min(len(self._video), 50)):
                stored = decoder.frame(number)[1]
                if stored is not None:
                    return _colours_of(stored)
        finally:
            decoder.close()
        return Colours()

    def _picture(
        self, number: int, stored: Any, state: FrameState, numbers: Sequence[int]
    ) -> Picture:
        frame = library().VideoFrame(*self.canvas, "yuv420p")
        y, u, v = (_plane(frame, k) for k in range(3))
        black = 0 if self.colours.range == _FULL else 16
        if stored is None:
            y[:], u[:], v[:] = black, 128, 128
        else:
            state = max(state, self._copy(stored, (y, u, v)))
            width, _ = self.place_aside
            y[:, width:] = black
            u[:, width // 2 :] = v[:, width // 2 :] = 128
        stamp = int(self._stamps[number])
        step = number + (numbers[1] - numbers[0] if len(numbers) > 1 else 1)
        later = int(self._stamps[step]) if step < len(self._stamps) else stamp + self._last
        return Picture(
            number, float(self._video.times[number]), stamp, later - stamp, state, frame, y, u, v
        )

    def _copy(self, stored: Any, planes: tuple[Bytes, Bytes, Bytes]) -> FrameState:
        """Copy a decoded picture, upright, into the planes of the canvas."""
        turns = round(stored.rotation / 90) % 4
        size = self.size[::-1] if turns % 2 else self.size
        state = FrameState.OK if (stored.width, stored.height) == size else FrameState.RESIZED
        for target, source in zip(planes, _planes_of(stored, size), strict=True):
            upright = np.rot90(source, turns) if turns else source
            height, width = upright.shape
            target[:height, :width] = upright
            # of an odd side the last row and column are doubled: colour is stored for pairs
            target[height:, :width] = upright[-1]
            if target is planes[0] and width % 2:
                target[:, width] = target[:, width - 1]
        return state


def _colours_of(stored: Any) -> Colours:
    name = stored.format.name
    if name.startswith("gray"):
        return Colours(_FULL, _UNSPECIFIED)
    if stored.format.is_rgb or name in ("pal8", "monob", "monow"):
        return Colours(_LIMITED, _BT709 if stored.height >= _HIGH else _SMPTE170M)
    full = name.startswith("yuvj") or stored.color_range == _FULL
    known = stored.colorspace in (_BT709, _BT470BG, _SMPTE170M)
    return Colours(_FULL if full else _LIMITED, stored.colorspace if known else _UNSPECIFIED)


def _planes_of(stored: Any, size: tuple[int, int]) -> tuple[Bytes, Bytes, Bytes]:
    """Return Y (H, W), U and V (half as large) of a decoded picture of any format."""
    width, height = size
    name = stored.format.name
    half = ((height + 1) // 2, (width + 1) // 2)
    if name.startswith("gray"):
        grey = stored.reformat(width=width, height=height, format="gray")
        none = np.full(half, 128, np.uint8)
        return _plane(grey, 0), none, none
    if name not in _AS_THEY_ARE or (stored.width, stored.height) != size:
        full = name.startswith("yuvj") or stored.color_range == _FULL
        to = "yuvj420p" if full and not stored.format.is_rgb else "yuv420p"
        matrix = ("ITU709" if height >= _HIGH else "ITU601") if stored.format.is_rgb else None
        stored = stored.reformat(width=width, height=height, format=to, dst_colorspace=matrix)
    return _plane(stored, 0), _plane(stored, 1), _plane(stored, 2)


def _plane(frame: Any, number: int) -> Bytes:
    """Return a plane of a picture (H, W) as it lies in memory."""
    plane = frame.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _draw(
    layer: Layer, x: int, y: int, left: int, top: int, right: int, bottom: int, yuv: Layer,
    luma: Bytes, blue: Bytes, red: Bytes,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Lay a box of a layer at (x, y) over the planes of a picture, colour in squares of four."""
    height, width = layer.shape[:2]
    one, most, half = np.float32(1), np.float32(255), np.float32(0.5)
    for row in range(top // 2, (bottom + 1) // 2):
        for column in range(left // 2, (right + 1) // 2):
            count = r = g = b = drawn = np.float32(0)
            for j in range(2 * row, min(2 * row + 2, height)):
                for i in range(2 * column, min(2 * column + 2, width)):
                    count += one
                    dot = layer[j, i]
                    if dot[3] <= 0:
                        continue
                    r, g, b, drawn = r + dot[0], g + dot[1], b + dot[2], drawn + dot[3]
                    value = yuv[0, 0] * dot[0] + yuv[0, 1] * dot[1] + yuv[0, 2] * dot[2]
                    value += yuv[0, 3] * dot[3] + (one - dot[3]) * luma[y + j, x + i]
                    luma[y + j, x + i] = np.uint8(min(max(value, np.float32(0)), most) + half)
            if drawn <= 0:
                continue
            j, i, kept, part = (y >> 1) + row, (x >> 1) + column, count - drawn, one / count
            value = yuv[1, 0] * r + yuv[1, 1] * g + yuv[1, 2] * b + yuv[1, 3] * drawn
            value = (value + kept * blue[j, i]) * part
            blue[j, i] = np.uint8(min(max(value, np.float32(0)), most) + half)
            value = yuv[2, 0] * r + yuv[2, 1] * g + yuv[2, 2] * b + yuv[2, 3] * drawn
            value = (value + kept * red[j, i]) * part
            red[j, i] = np.uint8(min(max(value, np.float32(0)), most) + half)
