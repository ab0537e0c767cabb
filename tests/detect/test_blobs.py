"""Opening, closing and parts of masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mousepose.detect.blobs import blobs_of, bodies_in, grown, overlap, shrunk

SIZES = st.sampled_from([(23, 31), (1, 64), (9, 65), (70, 128), (5, 200)])


def random_mask(seed, size, share):
    return (np.random.default_rng(seed).random(size) < share).astype(np.uint8)


@given(st.integers(0, 2**32 - 1), SIZES, st.integers(0, 90), st.floats(0, 1))
def test_growing_and_shrinking_are_those_of_scipy(seed, size, radius, share):
    mask = random_mask(seed, size, share**6)
    square = np.ones((2 * radius + 1,) * 2)
    assert np.array_equal(
        grown(mask, radius), ndimage.maximum_filter(mask, square.shape, mode="constant")
    )
    kept = ndimage.minimum_filter(1 - mask, square.shape, mode="constant", cval=1)
    assert np.array_equal(shrunk(1 - mask, radius), kept)


@given(st.integers(0, 2**32 - 1), SIZES, st.integers(0, 4), st.floats(0.3, 1))
def test_bodies_are_what_a_square_fits_into_and_half_as_much_around(seed, size, radius, share):
    mask = random_mask(seed, size, share)
    whole = shrunk(grown(mask, 1), 1)
    opened = grown(shrunk(whole, radius), radius)
    expected = blobs_of(grown(opened, max(1, radius // 2)) & whole, 3)
    found = bodies_in(mask, radius, 3)
    assert np.array_equal(found.labels > 0, expected.labels > 0)
    assert (whole >= mask).all()
    assert (opened <= whole).all()


@given(st.integers(0, 2**32 - 1), SIZES, st.floats(0, 1))
def test_parts_are_those_of_scipy(seed, size, share):
    mask = random_mask(seed, size, share)
    values = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    found, (labels, count) = blobs_of(mask, 1), ndimage.label(mask)
    assert np.array_equal(found.labels, labels)
    assert len(found) == count
    places = ndimage.find_objects(labels)
    for number, box, area in zip(found.numbers, found.boxes, found.areas, strict=True):
        down, across = places[number - 1]
        assert box.tolist() == [
            across.start - 0.5, down.start - 0.5, across.stop - 0.5, down.stop - 0.5,
        ]  # fmt: skip
        assert area == (labels == number).sum()
    few = min(3, count)
    means = [values[labels == number].mean(dtype=float) for number in found.numbers[:few]]
    assert np.allclose(found.means(values, few), means)


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
