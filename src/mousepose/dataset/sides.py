"""Frames in which left and right seem to have been labelled the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mousepose.dataset.frame_table import FrameTable
from mousepose.skeleton import side_pairs

#: In one frame these pairs lie on the same sides of the body, from wherever it is seen.
_RIGID = ("EAR", "SHOULDER", "HIP")
#: A pair that is nearer together than this share of the animal's size tells nothing.
_APART = 0.12
#: A swap is suspected where it would shorten the way from the frame before by this share of the
#: animal's size, and to less than this share of itself.
_SAVED, _LEFT_OVER = 0.15, 0.4


def swapped_sides(table: FrameTable) -> list[tuple[int, str]]:
    """Return records and body parts whose left and right points seem to have changed places.

    Two signs: from one frame of a clip to the next, both points jump to where the other was; and in
    one frame, one pair of ears, shoulders or hips lies the other way round than the two others.
    """
    size = animal_size(table.xy)
    found = {*_jumps(table, size), *_odd_ones_out(table, size)}
    return sorted(found)


def animal_size(xy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the size (N,) px of the animal: the diagonal of the box about its points (N, K, 2)."""
    seen = np.isfinite(xy)
    low = np.where(seen, xy, np.inf).min(axis=1)
    high = np.where(seen, xy, -np.inf).max(axis=1)
    span = np.where(high >= low, high - low, 0.0)
    return np.hypot(span[:, 0], span[:, 1])


def pairs_of(names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield each part that has two sides, with the places of its left and right name."""
    for left, right in side_pairs(names):
        yield names[left].removeprefix("LEFT_"), left, right


def _jumps(table: FrameTable, size: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    order = np.lexsort((table.record, table.frame, table.clip))
    before, after = order[:-1], order[1:]
    step = table.frame[after] - table.frame[before]
    together = (table.clip[before] == table.clip[after]) & (table.clip[after] >= 0) & (step == 1)
    before, after = before[together], after[together]
    for part, left, right in pairs_of(table.keypoint_names):
        then, now = table.xy[before][:, [left, right]], table.xy[after][:, [left, right]]
        kept = np.linalg.norm(now - then, axis=-1).sum(axis=-1)
        swapped = np.linalg.norm(now - then[:, ::-1], axis=-1).sum(axis=-1)
        with np.errstate(invalid="ignore"):
            jump = (kept - swapped > _SAVED * size[after]) & (swapped < _LEFT_OVER * kept)
        for row in after[jump]:
            yield int(table.record[row]), part


def _odd_ones_out(table: FrameTable, size: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    across = {
        part: table.xy[:, left] - table.xy[:, right]
        for part, left, right in pairs_of(table.keypoint_names)
        if part in _RIGID
    }
    if len(across) < len(_RIGID):
        return
    for part in _RIGID:
        one, two = (across[other] for other in _RIGID if other != part)
        ways = [(one * two).sum(axis=-1), (across[part] * one).sum(axis=-1)]
        ways.append((across[part] * two).sum(axis=-1))
        wide = (_APART * size) ** 2
        with np.errstate(invalid="ignore"):
            odd = (ways[0] > wide) & (ways[1] < -wide) & (ways[2] < -wide)
        for row in np.flatnonzero(odd):
            yield int(table.record[row]), part
