"""Crops keep their promises: there and back, shifts, means, edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.detect.crops import MARGIN, Crops
from mousepose.errors import InputError


def blob(size=(120, 160), centre=(80.0, 60.0), sigma=6.0):
    """A soft spot on grey, (H, W) float."""
    y, x = np.mgrid[: size[0], : size[1]]
    return 40 + 180 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))


def as_bytes(image):
    return np.rint(image).astype(np.uint8)


@given(
    st.floats(-200, 2000), st.floats(-200, 2000), st.floats(3, 900), st.floats(3, 900),
    st.sampled_from([32, 96, 128]),
)  # fmt: skip
def test_points_go_there_and_come_back(left, top, width, height, size):
    crops = Crops.around(np.array([[left, top, left + width, top + height]]), size)
    points = np.random.default_rng(0).uniform(-10, size + 10, (1, 7, 2))
    assert np.abs(crops.to_crop(crops.to_frame(points)) - points).max() < 1e-4
    assert crops.sides[0] == pytest.approx(MARGIN * max(width, height))
    middle = crops.to_frame(np.full((1, 2), size / 2 - 0.5))[0]
    assert middle == pytest.approx([left + width / 2, top + height / 2])


def test_covariances_scale_with_the_square():
    crops = Crops.around(np.array([[0.0, 0, 100, 50], [0, 0, 10, 10]]), 64)
    random = np.random.default_rng(1)
    draws = random.multivariate_normal([0, 0], [[4, 1], [1, 2]], 20000)
    moved = crops.to_frame(np.stack([draws, draws]))
    covariance = np.broadcast_to(np.cov(draws.T), (2, 2, 2))
    for n in range(2):
        assert np.allclose(crops.covariance_to_frame(covariance)[n], np.cov(moved[n].T))


@pytest.mark.parametrize("side", [20.0, 48.0, 90.0])
def test_what_is_at_a_point_of_the_frame_is_at_its_point_of_the_crop(side):
    for centre in ((80.0, 60.0), (83.3, 57.8), (70.5, 66.25)):
        image = as_bytes(blob(centre=centre))[None]
        crops = Crops.around(
            np.array([[80 - side / 2, 60 - side / 2, 80 + side / 2, 60 + side / 2]]), 48
        )
        cut = crops.cut(image)[0].astype(float)
        weight = np.clip(cut - 60, 0, None)
        v, u = np.mgrid[:48, :48]
        found = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
        assert crops.to_frame(found[None])[0] == pytest.approx(
            centre, abs=0.15 if side > 30 else 1.5
        )


def test_a_crop_of_the_same_scale_is_the_frame():
    image = np.random.default_rng(2).integers(0, 256, (1, 100, 100), np.uint8)
    crops = Crops(np.array([[49.5, 49.5]]), np.array([64.0]), 64)
    assert np.array_equal(crops.cut(image)[0], image[0, 18:82, 18:82])


def test_shifting_frame_and_box_by_a_part_of_a_pixel_changes_nothing():
    box = np.array([[50.0, 40, 110, 80]])
    for shift in ((0.25, 0.5), (-0.4, 0.1)):
        still = Crops.around(box, 64).cut(as_bytes(blob())[None])[0].astype(int)
        moved_image = as_bytes(blob(centre=(80 + shift[0], 60 + shift[1])))[None]
        moved = Crops.around(box + [*shift, *shift], 64).cut(moved_image)[0].astype(int)
        assert np.abs(still - moved).max() <= 2


def test_shrinking_keeps_the_mean_and_makes_no_moire():
    y, x = np.mgrid[:400, :400]
    stripes = np.where((x + y) % 2, 255, 0).astype(np.uint8)[None]
    cut = Crops(np.array([[200.0, 200.0]]), np.array([330.0]), 48).cut(stripes)[0]
    assert np.abs(cut.astype(float) - 127.5).max() < 2


def test_beyond_its_edge_a_frame_goes_on_as_at_its_edge():
    image = np.full((1, 30, 40), 90, np.uint8)
    image[0, :, 0] = 200
    for centre in ((-60.0, 10.0), (-60.0, -500.0), (-60.0, 500.0)):
        cut = Crops(np.array([centre]), np.array([64.0]), 32).cut(image)[0]
        assert (cut == 200).all()


def test_crops_of_several_frames_and_bad_boxes():
    images = np.stack([np.full((50, 60), value, np.uint8) for value in (10, 20, 30)])
    crops = Crops.around(np.tile([10.0, 10, 30, 20], (4, 1)), 16)
    assert crops.cut(images, np.array([2, 0, 1, 2]))[:, 3, 3].tolist() == [30, 10, 20, 30]
    with pytest.raises(InputError, match="one number of a frame for each"):
        crops.cut(images)
    for bad in ([np.nan, 0, 1, 1], [5.0, 0, 4, 1]):
        with pytest.raises(InputError, match="a mouse that is there"):
            Crops.around(np.array([bad]), 16)
