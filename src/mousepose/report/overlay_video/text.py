"""Letters for pictures: drawn once, then stamped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mousepose.report.overlay_video.layer import Layer, Pixels

Colour = tuple[float, float, float]
#: A piece of a line: its words and their colour.
Words = tuple[str, Colour]

WHITE: Colour = (245.0, 245.0, 245.0)
#: What lies below letters, and how opaque it is.
_BOARD, _BOARD_OPACITY = (16.0, 18.0, 22.0), 0.62
_UNKNOWN = "?"


class Letters:
    """Letters `height` px high from ascender to descender, each stamped where it is needed."""

    def __init__(self, height: int) -> None:
        self.height = height
        font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
        self._font = ImageFont.truetype(str(font), max(6, round(height * 0.82)))
        self._masks: dict[str, tuple[Pixels, int]] = {}

    def width(self, text: str) -> int:
        """Return how wide a text is, px."""
        return sum(self._letter(letter)[1] for letter in text)

    def write(self, layer: Layer, x: int, y: int, text: str, colour: Colour) -> int:
        """Write a text with its top left corner at (x, y); return where it ends, px."""
        for letter in text:
            mask, advance = self._letter(letter)
            if letter != " ":
                layer.stamp(mask, x, y, colour)
            x += advance
        return x

    def board(self, layer: Layer, place: tuple[int, int], lines: Sequence[Sequence[Words]]) -> None:
        """Write lines on a dark board whose top left corner is at `place`."""
        if not lines:
            return
        pad, leading = self.height // 2, self.height + self.height // 4
        widest = max(sum(self.width(text) for text, _ in line) for line in lines)
        left, top = place
        size = (widest + 2 * pad, len(lines) * leading + 2 * (pad // 2))
        layer.stamp(_board(size, self.height // 3), left, top, _BOARD)
        for number, line in enumerate(lines):
            x = left + pad
            for text, colour in line:
                x = self.write(layer, x, top + pad // 2 + number * leading, text, colour)

    def _letter(self, letter: str) -> tuple[Pixels, int]:
        if letter not in self._masks:
            if len(self._masks) > 500:  # names may hold anything
                letter = _UNKNOWN
            advance = max(1, round(self._font.getlength(letter)))
            if letter.isdigit():  # figures that change stand still
                advance = max(1, round(self._font.getlength("0")))
            image = Image.new("L", (advance + 2, self.height + self.height // 4))
            ImageDraw.Draw(image).text((0, 0), letter, font=self._font, fill=255)
            mask = np.ascontiguousarray(np.asarray(image, np.float32) / np.float32(255))
            self._masks[letter] = (mask, advance)
        return self._masks[letter]


@lru_cache(maxsize=16)
def _board(size: tuple[int, int], radius: int) -> Pixels:
    """Return the mask (h, w) of a rectangle with round corners."""
    image = Image.new("L", (2 * size[0], 2 * size[1]))
    ImageDraw.Draw(image).rounded_rectangle(
        (0, 0, 2 * size[0] - 1, 2 * size[1] - 1), 2 * radius, fill=255
    )
    small = image.resize(size, Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(small, np.float32) * (_BOARD_OPACITY / 255))
