"""Rendered pictures of a board: where its edge lies, what noise and seed do, what is behind."""

import numpy as np

from boards import DISTANCE, make_camera
from mousepose.simulate.board import BoardRenderer

CAMERA = make_camera("four")
PRINT = np.full((400, 600), 0, np.uint8)  # a dark sheet of 120 x 80 mm
TAKE = BoardRenderer(CAMERA, PRINT, pixels_per_mm=5.0, margin_mm=0.0)
FACING = np.eye(4)
FACING[:3, 3] = [-60, -40, DISTANCE]


def test_the_sheet_covers_the_pixels_that_the_camera_says():
    image = TAKE(FACING, blur_px=0.0, noise=0.0)
    assert set(np.unique(image[230:290, 280:340])) == {40}
    y = round(float(CAMERA.project(FACING[:3, 3] + [0, 40, 0])[1]))
    for x_mm in (0.0, 120.0):
        edge = CAMERA.project(FACING[:3, 3] + [x_mm, 40, 0])[0]
        row = image[y].astype(float)
        near = slice(round(edge) - 4, round(edge) + 5)
        dark = (120 - row[near]) / 80
        # the sum of partly covered pixels tells the edge to parts of a pixel
        covered = dark.sum()
        expected = edge - (round(edge) - 4.5) if x_mm else round(edge) + 4.5 - edge
        assert abs(covered - expected) < 0.35


def test_noise_has_its_size_and_the_seed_repeats_it():
    first, again, other = (TAKE(FACING, noise=5.0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5
    assert abs(np.std(first[:60, :60].astype(float)) - 5.0) < 0.5


def test_a_board_behind_the_camera_is_not_seen():
    behind = FACING.copy()
    behind[2, 3] = -DISTANCE
    assert set(np.unique(TAKE(behind, noise=0.0))) == {120}


def test_blur_widens_edges():
    def steepest(blur):
        return np.abs(np.diff(TAKE(FACING, blur_px=blur, noise=0.0).astype(float), axis=1)).max()

    assert steepest(3.0) < 0.5 * steepest(0.5)


def test_a_fisheye_sees_the_board_where_it_says_and_nothing_beyond_its_circle():
    wide = make_camera("fisheye", 180.0)
    near = FACING.copy()
    near[2, 3] = 150
    image = BoardRenderer(wide, PRINT, pixels_per_mm=5.0, margin_mm=0.0)(near, noise=0.0)
    x, y = np.rint(wide.project([0, 0, 150])).astype(int)
    assert image[y, x] == 40
    assert image[0, 0] == 120
