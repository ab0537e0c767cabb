"""From a mask to boxes of bodies: the thin tail is opened away, what is left is told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.detect.bit_masks import Mask, bodies, spread
from mousepose.types import Floats


@dataclass(frozen=True, eq=False)
class Blobs:
    """Connected parts of a mask: `boxes` (N, 4) and `areas` (N,) in its pixels, largest first.

    `labels` (H, W) has `numbers` (N,) where each part is, 0 elsewhere.
    """

    boxes: Floats
    areas: Floats
    labels: NDArray[np.int32]
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.areas)

    def means(self, values: NDArray[np.float32], few: int) -> Floats:
        """Return the mean of values (H, W) in each of the `few` largest parts."""
        sums = np.zeros(few)
        _add_up(values, self.labels, self.numbers[:few], self.boxes[:few], sums)
        return sums / self.areas[:few]


def bodies_in(mask: Mask, radius: int, least_area: float) -> Blobs:
    """Return the bodies in a mask (H, W) of 0 and 1, without tails.

    What a square of side 2 `radius` + 1 does not fit into is cut off, but for half as much next to
    what stays: so a nose is kept, and a tail but for its root is not. Parts with less than
    `least_area` are left out.
    """
    return blobs_of(bodies(mask, radius), least_area)


def blobs_of(mask: Mask, least_area: float) -> Blobs:
    """Return the connected parts of a mask (H, W) that have at least `least_area` pixels.

    Pixels are connected that share an edge.
    """
    labels = np.zeros(mask.shape, np.int32)
    window = _window(mask)  # most of a cage is empty
    part = np.empty_like(labels[window])
    count = _label(np.ascontiguousarray(mask[window]), part)
    labels[window] = part
    extents = np.empty((count, 5))
    _measure(part, extents)
    extents[:, :4] += [window[1].start, window[0].start] * 2
    numbers = np.flatnonzero(extents[:, 4] >= max(least_area, 1.0))
    numbers = numbers[np.argsort(-extents[numbers, 4], kind="stable")]
    return Blobs(extents[numbers, :4], extents[numbers, 4], labels, numbers + 1)


def _window(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns that hold what is set."""
    top, bottom, left, right = _extent(mask)
    return slice(top, bottom), slice(left, right)


def grown(mask: Mask, radius: int) -> Mask:
    """Return a mask grown by `radius` pixels on all sides."""
    return spread(mask, radius, False)


def shrunk(mask: Mask, radius: int) -> Mask:
    """Return a mask shrunk by `radius` pixels on all sides; the image's edge is no side."""
    return spread(mask, radius, True)


def overlap(boxes: Floats, others: Floats) -> Any:
    """Return the overlap over union (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=-1) for b in (boxes, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)


@numba.njit(cache=True, nogil=True)
def _extent(mask: Mask) -> tuple[int, int, int, int]:  # pragma: no cover - compiled
    """Return the first row that is set and the one after the last, and so of columns; or zeros."""
    height, width = mask.shape
    top, bottom = height, 0
    columns = np.zeros(width, np.uint8)
    for y in range(height):
        row, some = mask[y], np.uint8(0)
        for x in range(width):
            some |= row[x]
            columns[x] |= row[x]
        if some:
            top, bottom = min(top, y), y + 1
    if bottom == 0:
        return 0, 0, 0, 0
    places = np.flatnonzero(columns)
    return top, bottom, places[0], places[-1] + 1


@numba.njit(cache=True, nogil=True)
def _label(mask: Mask, labels: NDArray[np.int32]) -> int:  # pragma: no cover - compiled
    """Number the connected parts of a mask by their first pixels; return how many there are.

    Source: union of provisional numbers (Rosenfeld and Pfaltz 1966), the lower one the root.
    """
    parents = np.zeros(mask.size // 2 + 2, np.int32)
    count = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] == 0:
                labels[y, x] = 0
                continue
            above = labels[y - 1, x] if y else 0
            before = labels[y, x - 1] if x else 0
            if above == 0 and before == 0:
                count += 1
                parents[count] = labels[y, x] = count
                continue
            labels[y, x] = above or before
            if above and before and above != before:
                while parents[above] != above:
                    above = parents[above]
                while parents[before] != before:
                    before = parents[before]
                parents[max(above, before)] = min(above, before)
    parts = 0
    for number in range(1, count + 1):  # roots come before what belongs to them
        if parents[number] == number:
            parts += 1
            parents[number] = parts
        else:
            parents[number] = parents[parents[number]]
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            labels[y, x] = parents[labels[y, x]]
    return parts


@numba.njit(cache=True, nogil=True)
def _measure(labels: NDArray[np.int32], extents: Floats) -> None:  # pragma: no cover - compiled
    """Fill in left, top, right, bottom and area (N, 5) of the parts 1 to N."""
    extents[:, :2], extents[:, 2:] = np.inf, 0.0
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            number = labels[y, x]
            if number:
                found = extents[number - 1]
                found[0], found[1] = min(found[0], x - 0.5), min(found[1], y - 0.5)
                found[2], found[3] = max(found[2], x + 0.5), max(found[3], y + 0.5)
                found[4] += 1


@numba.njit(cache=True, nogil=True)
def _add_up(
    values: NDArray[np.float32], labels: NDArray[np.int32], numbers: NDArray[np.int64],
    boxes: Floats, sums: Floats,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    for n in range(len(sums)):
        left, top = int(boxes[n, 0] + 0.5), int(boxes[n, 1] + 0.5)
        for y in range(top, int(boxes[n, 3] + 0.5)):
            for x in range(left, int(boxes[n, 2] + 0.5)):
                if labels[y, x] == numbers[n]:
                    sums[n] += values[y, x]
