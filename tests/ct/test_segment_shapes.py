"""Growing, shrinking and filling voxels in millimetres."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mousepose.ct.segmentation.segment_shapes import (
    Blocks,
    closed,
    connected_with,
    filled,
    grow,
    opened,
    shrink,
    without_holes,
)

SPACING = np.array([0.7, 0.2, 0.3])


def blob(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(14, 40, 30)), (1, 3, 2))
    return np.asarray(noise > noise.std())


@pytest.mark.parametrize("radius", [0.15, 0.5, 0.75, 2.0])
def test_growing_reaches_all_within_the_radius(radius: float) -> None:
    mask = blob()
    gap = ndimage.distance_transform_edt(~mask, sampling=SPACING)
    np.testing.assert_array_equal(grow(mask, radius, SPACING), gap <= radius)
    assert not grow(np.zeros_like(mask), radius, SPACING).any()


def test_shrinking_undoes_growing_from_outside_and_in() -> None:
    mask = blob(1)
    assert (shrink(mask, 0.5, SPACING) <= mask).all()
    assert (opened(mask, 0.5, SPACING) <= mask).all()
    assert (closed(mask, 0.5, SPACING) >= mask).all()
    full = np.ones((5, 6, 7), dtype=bool)
    assert shrink(full, 1.0, SPACING).all()  # the border is no surface


def test_holes_are_filled_and_channels_closed() -> None:
    mask = np.ones((21, 21, 21), dtype=bool)
    mask[8:13, 8:13, 8:13] = False
    mask[10, 10, :8] = False  # a channel of one voxel to the outside
    mask = np.pad(mask, 4)
    spacing = np.full(3, 0.3)
    assert not without_holes(mask)[14, 14, 14]
    assert filled(mask, 0.3, spacing)[14, 14, 14]
    mask[14, 14, 4:12] = True
    assert without_holes(mask)[14, 14, 14]


def test_parts_are_kept_by_their_seeds() -> None:
    mask = np.zeros((3, 3, 9), dtype=bool)
    mask[..., :3] = mask[..., 5:] = True
    seeds = np.zeros_like(mask)
    seeds[1, 1, 7] = True
    np.testing.assert_array_equal(connected_with(mask, seeds)[1, 1], np.arange(9) >= 5)


def test_blocks_hold_whole_voxels_and_come_back() -> None:
    values = np.random.default_rng(2).normal(size=(7, 10, 9)).astype(np.float32)
    blocks = Blocks.of(values.shape, np.array([0.2, 0.1, 0.4]), 0.4)
    assert blocks.factor.tolist() == [2, 4, 1]
    coarse = blocks.mean(values)
    assert coarse[0, 0, 0] == pytest.approx(values[:2, :4, 0].mean(), abs=1e-6)
    assert blocks.fine(coarse).shape == values.shape
    assert blocks.any(values > 2.0).sum() >= (coarse > 2.0).sum()
