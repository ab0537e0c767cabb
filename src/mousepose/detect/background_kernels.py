"""The arithmetic of the background model on whole small pictures, compiled, without Python's lock.

Sums are of whole numbers and differences of 32 bits, so that the compiler does eight at a time.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.detect.bit_masks import Mask
from mousepose.types import Bytes

Small = NDArray[np.float32]
#: Every so many rows and columns tell how the light of the whole picture changed.
_SPARSE = 4


@numba.njit(cache=True, nogil=True)
def shrink_into(image: Bytes, factor: int, small: Small) -> None:  # pragma: no cover - compiled
    """Write the means of blocks of `factor` x `factor` pixels of an image (H, W) to `small`."""
    height, width = small.shape
    share = np.float32(1.0 / (factor * factor))
    sums = np.empty(width * factor, np.int32)
    for y in range(height):
        sums[:] = 0
        for row in range(y * factor, (y + 1) * factor):
            line = image[row]
            for x in range(width * factor):
                sums[x] = np.int32(sums[x] + np.int32(line[x]))
        out = small[y]
        if factor == 3:  # as of most cameras; written out it is three times as fast
            for x in range(width):
                two = np.int32(sums[3 * x] + sums[3 * x + 1])
                out[x] = np.float32(np.int32(two + sums[3 * x + 2])) * share
            continue
        for x in range(width):
            total = np.int32(0)
            for place in range(x * factor, (x + 1) * factor):
                total = np.int32(total + sums[place])
            out[x] = np.float32(total) * share


@numba.njit(cache=True, nogil=True)
def offset_of(small: Small, level: Small) -> float:  # pragma: no cover - compiled
    """Return by how much the light of a picture (h, w) changed: the median of some differences."""
    rows, columns = -(-small.shape[0] // _SPARSE), -(-small.shape[1] // _SPARSE)
    off = np.empty(rows * columns, np.float32)
    place = 0
    for y in range(0, small.shape[0], _SPARSE):
        for x in range(0, small.shape[1], _SPARSE):
            off[place] = small[y, x] - level[y, x]
            place += 1
    half = len(off) // 2
    parted = np.partition(off, half)
    if len(off) % 2:
        return float(parted[half])
    return float((parted[:half].max() + parted[half]) / np.float32(2))


@numba.njit(cache=True, nogil=True)
def compare(
    small: Small, level: Small, noise: Small, offset: float, way: int, least: float, usual: float,
    times_noise: float, signed: Small, mask: Mask,
) -> int:  # fmt: skip  # pragma: no cover - compiled
    """Fill in how much a picture differs, and where that is more than `least` and the noise.

    `way` is 1 for what is lighter, -1 for darker, 0 for both. Returns how many pixels differ in
    whatever way by more than `usual` and the noise.
    """
    changed = 0
    least_, usual_ = np.float32(least), np.float32(usual)
    offset_, times, sign = np.float32(offset), np.float32(times_noise), np.float32(way)
    for y in range(small.shape[0]):
        count = np.int32(0)
        for x in range(small.shape[1]):
            value = small[y, x] - level[y, x] - offset_
            floor = times * noise[y, x]
            size = abs(value)
            count = np.int32(count + np.int32(size > max(usual_, floor)))
            value = size if way == 0 else value * sign
            signed[y, x] = value
            mask[y, x] = value > max(least_, floor)
        changed = int(changed + count)
    return changed


@numba.njit(cache=True, nogil=True)
def blend(
    small: Small, protected: Mask, rate: float, level: Small
) -> None:  # pragma: no cover - compiled
    """Take over a share `rate` of a picture into `level` wherever it is not `protected`."""
    for y in range(small.shape[0]):
        for x in range(small.shape[1]):
            if protected[y, x] == 0:
                level[y, x] += rate * (small[y, x] - level[y, x])


@numba.njit(cache=True, nogil=True)
def gradient_into(picture: Small, steep: Small) -> None:  # pragma: no cover - compiled
    """Write how steep the greys of a picture (h, w) are: central differences, one-sided at edges.

    A side of one pixel has no slope.
    """
    height, width = picture.shape
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        tall = np.float32(max(below - above, 1))
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            wide = np.float32(max(right - left, 1))
            down = (picture[below, x] - picture[above, x]) / tall
            across = (picture[y, right] - picture[y, left]) / wide
            steep[y, x] = np.sqrt(down * down + across * across)
