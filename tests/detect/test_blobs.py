"""Opening, closing and parts of masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mousepose.detect.blobs import (
    blobs_of,
    bodies_in,
    closed_mask,
    grown,
    opened_mask,
    overlap,
    shrunk,
)  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.floats(0.02, 0.98))
def test_growing_and_shrinking_are_those_of_scipy(seed, radius, share):
    mask = (np.random.default_rng(seed).random((23, 31)) < share).astype(np.uint8)
    square = np.ones((2 * radius + 1,) * 2)
    assert np.array_equal(grown(mask, radius), ndimage.binary_dilation(mask, square))
    kept = ndimage.binary_erosion(mask, square, border_value=1)
    assert np.array_equal(shrunk(mask, radius), kept)
    assert (opened_mask(mask, radius) <= mask).all()
    assert (closed_mask(mask, radius) >= mask).all()


def test_a_tail_is_no_part_of_the_body():
    mask = np.zeros((60, 100), np.uint8)
    mask[20:40, 10:50] = 1
    mask[29:31, 50:90] = 1  # the tail
    mask[5:7, 5:7] = 1  # dirt
    found = bodies_in(mask, 4, 50)
    assert len(found) == 1
    assert np.allclose(found.boxes[0], [9.5, 19.5, 51.5, 39.5])


def test_parts_come_largest_first_and_small_ones_not_at_all():
    mask = np.zeros((20, 40), np.uint8)
    mask[2:4, 2:4], mask[10:16, 10:20], mask[2:6, 30:36] = 1, 1, 1
    found = blobs_of(mask, 5)
    assert found.areas.tolist() == [60, 24]
    assert found.boxes.tolist() == [[9.5, 9.5, 19.5, 15.5], [29.5, 1.5, 35.5, 5.5]]
    assert [(found.labels == n).sum() for n in found.numbers] == [60, 24]
    assert len(blobs_of(np.zeros((5, 5), np.uint8), 1)) == 0


def test_overlap_of_boxes():
    boxes = np.array([[0.0, 0, 2, 2], [10, 10, 11, 11]])
    assert np.allclose(
        overlap(boxes, np.array([[1.0, 0, 3, 2], [0, 0, 2, 2]])), [[1 / 3, 1], [0, 0]]
    )
