"""What a fixed camera sees where there is no mouse: learned, kept up to date, moved, relit.

Everything is done on a small copy of the frames: the means of whole blocks of pixels, so that the
longer side has at most `LONGEST` of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mousepose.detect.background_kernels import (
    Small,
    blend,
    compare,
    gradient_into,
    offset_of,
    shrink_into,
)
from mousepose.detect.bit_masks import Mask
from mousepose.detect.blobs import bodies_in, grown, shrunk
from mousepose.errors import InputError
from mousepose.types import Bytes, Floats

#: Which way a mouse differs from what is behind it.
Sign = Literal["darker", "lighter", "both"]

#: Pixels of the longer side of the small copy, at most.
LONGEST = 320
#: Where a mouse is darker the background is among the lightest of what is seen: so far up.
_OUTER = 0.8
#: The noise of a pixel is at least so many grey values: cameras and codecs hide small changes.
_LEAST_NOISE = 1.5
#: A mouse differs by so many times the noise, by so many grey values, by such a share of how much
#: it usually does: the last leaves out shadows and reflections.
_TIMES_NOISE, _LEAST_CONTRAST, _SHARE_OF_CONTRAST = 4.0, 10.0, 0.35
#: One sign is taken where it has so many times the difference of the other.
_CLEAR_SIGN = 4.0
#: Shares of the picture: nothing smaller is a mouse, nothing larger.
LEAST_AREA, MOST_AREA = 0.0006, 0.3
_FIRST_RADIUS = 2
#: A ghost has so many times the edges in the background than in the frame.
_GHOST = 1.5


@dataclass(eq=False)
class Background:
    """The empty cage (h, w): its grey `level`, the `noise` of each pixel (sd), both changeable.

    `factor` pixels of a frame make one. `sign` says which way the mouse differs, `contrast` by how
    much it does as a rule, `area` is that of its body in small pixels; 0 where none was seen.
    """

    level: Small
    noise: Small
    factor: int
    sign: Sign = "both"
    contrast: float = 0.0
    area: float = 0.0

    @property
    def radius(self) -> int:
        """Half the width, in small pixels, of what is too thin to be a body: a tail."""
        return max(_FIRST_RADIUS, round(0.13 * float(np.sqrt(self.area))))

    @property
    def least_area(self) -> float:
        """The least area of a mouse in small pixels."""
        return max(LEAST_AREA * self.level.size, 0.15 * self.area)

    def difference(self, small: Small) -> tuple[Small, Mask, float]:
        """Return how much a small frame differs, and where that is more than noise and shadow.

        The difference (h, w) is free of a change of the light of the whole picture and positive
        where it is of the mouse's sign. The third is the share of the picture that differs in
        whatever way by more than noise.
        """
        least = max(_LEAST_CONTRAST, _SHARE_OF_CONTRAST * self.contrast)
        offset = offset_of(small, self.level)
        signed = np.empty_like(small)
        mask = np.empty(small.shape, np.uint8)
        way = {"darker": -1, "lighter": 1, "both": 0}[self.sign]
        changed = compare(
            small, self.level, self.noise, offset, way, least, _LEAST_CONTRAST, _TIMES_NOISE,
            signed, mask,
        )  # fmt: skip
        return signed, mask, changed / mask.size

    def update(self, small: Small, protected: Mask, rate: float) -> None:
        """Take over a share `rate` of a small frame wherever it is not `protected`."""
        blend(small, protected, rate, self.level)

    def relight(self, small: Small, hidden: Mask) -> None:
        """Take over a small frame under another light; `hidden` is where the mouse stands in it.

        There each grey of the old level becomes what it has become elsewhere.
        """
        seen = hidden == 0
        if not seen.any():
            return
        edges = np.linspace(0, 256, 33)
        bins = np.digitize(self.level[seen], edges) - 1
        counts = np.bincount(bins, minlength=32)
        sums = np.bincount(bins, weights=small[seen], minlength=32)
        known = counts > 0
        mapped = np.interp(self.level, (edges[:-1] + 4)[known], sums[known] / counts[known]).astype(
            np.float32
        )
        ring = (grown(hidden, 4) == 1) & seen
        if ring.any():
            mapped += np.median((small - mapped)[ring])
        self.level = np.where(seen, small, mapped)
        self.noise = np.maximum(self.noise, np.float32(2 * _LEAST_NOISE))

    def moved(self, right: int, down: int, small: Small) -> Background:
        """Return it for a camera that sees everything shifted; what comes in is as in `small`."""
        level = np.roll(self.level, (down, right), (0, 1))
        noise = np.roll(self.noise, (down, right), (0, 1))
        new = np.zeros(level.shape, bool)
        new[_came_in(down)] = True
        new[:, _came_in(right)] = True
        level[new] = small[new]
        return Background(level, noise, self.factor, self.sign, self.contrast, self.area)


def _came_in(shift: int) -> slice:
    """Return the rows or columns that a shift brings in."""
    return slice(0, shift) if shift >= 0 else slice(shift, None)


def learn_background(images: Bytes, sign: Sign | Literal["auto"] = "auto") -> Background:
    """Return the background of grey frames (N, H, W) spread over a recording.

    A pixel's level is its median; where the mouse is clearly darker (lighter) it is the light
    (dark) fifth instead, so that a mouse may sit in one place for three quarters of the frames.
    Raises `InputError` without frames.
    """
    if images.ndim != 3 or not len(images):
        raise InputError(f"a background is learned from frames (N, H, W), got {images.shape}")
    factor = factor_of(images.shape[1:])
    small = np.stack([shrink(image, factor) for image in images])
    small -= np.median(small - np.median(small, axis=0), axis=(1, 2))[:, None, None]
    level = np.median(small, axis=0)
    noise = _noise_of(small, level)
    found = Background(level, noise, factor, "both" if sign == "auto" else sign)
    found.sign = _sign_of(found, small) if sign == "auto" else sign
    if found.sign != "both":
        share = _OUTER if found.sign == "darker" else 1 - _OUTER
        found.level = np.quantile(small, share, axis=0).astype(np.float32)
        found.noise = _noise_of(small, found.level)
        bias = np.float32(0.84 if found.sign == "darker" else -0.84)  # of that part of a normal
        found.level -= bias * np.minimum(found.noise, 4)
    _measure_mouse(found, small)
    return found


def is_ghost(part: NDArray[np.bool_], now: Small, then: Small) -> bool:
    """Tell whether what differs is not there: at its rim only the background has an edge.

    `part` (h, w) is where a frame differs; `now` and `then` are the gradients of the frame and of
    the background.
    """
    mask = part.astype(np.uint8)
    rim = (grown(mask, 1) == 1) & (shrunk(mask, 1) == 0)
    return float(then[rim].mean()) > _GHOST * float(now[rim].mean()) + 1.0


def gradient(picture: Small) -> Small:
    """Return how steep the greys of a picture (h, w) are."""
    steep = np.empty_like(picture)
    gradient_into(picture, steep)
    return steep


def factor_of(shape: tuple[int, ...]) -> int:
    """Return how many pixels of a frame (H, W) make one of its small copy."""
    return max(1, -(-max(shape) // LONGEST))


def shrink(image: Bytes, factor: int) -> Small:
    """Return the means of blocks of `factor` x `factor` pixels; what does not fill one is left."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    small = np.empty((height, width), np.float32)
    shrink_into(image, factor, small)
    return small


def to_frame(boxes: Floats, factor: int) -> Floats:
    """Return boxes (N, 4) of the small copy as boxes of the frame."""
    return np.asarray((boxes + 0.5) * factor - 0.5)


def _noise_of(small: Small, level: Small) -> Small:
    """Return the standard deviation of each pixel from its median absolute deviation.

    Where a mouse often is it would come out too large: it is held below that of the neighbours.
    """
    deviation = 1.4826 * np.median(np.abs(small - level), axis=0)
    usual = max(float(np.median(deviation)), _LEAST_NOISE)
    return np.asarray(np.clip(deviation, _LEAST_NOISE, 3 * usual), np.float32)


def _sign_of(background: Background, small: Small) -> Sign:
    """Return which way what moves differs; "both" where neither clearly does."""
    sums = {"darker": 0.0, "lighter": 0.0}
    edges = gradient(background.level)
    for one in small:
        now = gradient(one)
        for sign in ("darker", "lighter"):
            background.sign = sign
            signed, mask, _ = background.difference(one)
            found = bodies_in(mask, _FIRST_RADIUS, background.least_area)
            for number in found.numbers[:1]:
                part = found.labels == number
                # where the mouse is part of the median, the ground differs the other way
                if not is_ghost(part, now, edges):
                    sums[sign] += float(signed[part].sum())
    dark, light = sums["darker"], sums["lighter"]
    if dark > _CLEAR_SIGN * light:
        return "darker"
    return "lighter" if light > _CLEAR_SIGN * dark else "both"


def _measure_mouse(background: Background, small: Small) -> None:
    """Note the usual contrast and area of the largest thing that is not background."""
    for _ in range(2):  # with the contrast known shadows fall away, and the area becomes right
        contrasts, areas = [], []
        for one in small:
            signed, mask, _ = background.difference(one)
            found = bodies_in(mask, _FIRST_RADIUS, background.least_area)
            if len(found) and found.areas[0] < MOST_AREA * one.size:
                contrasts.append(float(np.median(signed[found.labels == found.numbers[0]])))
                areas.append(float(found.areas[0]))
        if len(areas) < max(1, 0.1 * len(small)):
            return
        # where no mouse is the largest is dirt: what differs more has more to say
        weights = np.array(contrasts) * np.array(areas)
        background.contrast, background.area = (
            _weighted_median(np.array(values), weights) for values in (contrasts, areas)
        )


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
