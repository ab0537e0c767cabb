"""From a mask to boxes of bodies: the thin tail is opened away, what is left is told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

Mask = NDArray[np.uint8]


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


def bodies_in(mask: Mask, radius: int, least_area: float) -> Blobs:
    """Return the bodies in a mask (H, W) of 0 and 1, without tails.

    What a square of side 2 `radius` + 1 does not fit into is cut off, but for half as much next to
    what stays: so a nose is kept, and a tail but for its root is not. Parts with less than
    `least_area` are left out.
    """
    whole = closed_mask(mask, 1)
    opened = opened_mask(whole, radius)
    return blobs_of(grown(opened, max(1, radius // 2)) & whole, least_area)


def blobs_of(mask: Mask, least_area: float) -> Blobs:
    """Return the connected parts of a mask (H, W) that have at least `least_area` pixels."""
    from scipy import ndimage

    labels = np.zeros(mask.shape, np.int32)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return Blobs(np.zeros((0, 4)), np.zeros(0), labels, np.zeros(0, np.int64))
    top, left = rows[0], columns[0]
    window = np.s_[top : rows[-1] + 1, left : columns[-1] + 1]  # most of a cage is empty
    part, count = ndimage.label(mask[window])
    labels[window] = part
    areas = np.bincount(part.ravel(), minlength=count + 1)[1:]
    numbers = np.flatnonzero(areas >= max(least_area, 1.0))
    numbers = numbers[np.argsort(-areas[numbers], kind="stable")]
    places = ndimage.find_objects(part)
    boxes = [
        (p[1].start - 0.5, p[0].start - 0.5, p[1].stop - 0.5, p[0].stop - 0.5)
        for p in (places[number] for number in numbers)
    ]
    return Blobs(
        np.array(boxes, np.float64).reshape(-1, 4) + [left, top, left, top],
        areas[numbers].astype(np.float64), labels, numbers + 1,
    )  # fmt: skip


def opened_mask(mask: Mask, radius: int) -> Mask:
    """Return a mask (H, W) of 0 and 1 opened with a square of side 2 `radius` + 1."""
    return grown(shrunk(mask, radius), radius)


def closed_mask(mask: Mask, radius: int) -> Mask:
    """Return a mask (H, W) of 0 and 1 with gaps narrower than 2 `radius` + 1 filled."""
    return shrunk(grown(mask, radius), radius)


def grown(mask: Mask, radius: int) -> Mask:
    """Return a mask grown by `radius` pixels on all sides."""
    return _spread(mask, radius, 0)


def shrunk(mask: Mask, radius: int) -> Mask:
    """Return a mask shrunk by `radius` pixels on all sides; the image's edge is no side."""
    return _spread(mask, radius, 1)


def _spread(mask: Mask, radius: int, beyond: int) -> Mask:
    """Return, for each pixel, whether any (`beyond` 0) or all (1) around it are set.

    Runs are doubled, so that a wide square costs hardly more than a narrow one.
    """
    join = np.bitwise_and if beyond else np.bitwise_or
    spread = np.pad(mask, radius, constant_values=beyond)
    for axis in (0, 1):
        have, length = 1, 2 * radius + 1
        while have < length:
            step = min(have, length - have)
            stop = spread.shape[axis] - step
            ahead = [slice(None), slice(None)]
            ahead[axis] = slice(step, None)
            kept = [slice(None), slice(None)]
            kept[axis] = slice(0, stop)
            spread = join(spread[tuple(kept)], spread[tuple(ahead)])
            have += step
    return np.asarray(spread, np.uint8)


def overlap(boxes: Floats, others: Floats) -> Any:
    """Return the overlap over union (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=-1) for b in (boxes, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)
