"""The lens from views of a board: the truth, the number of terms, outliers, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from boards import CHARUCO, LENSES, SIZE, held, make_camera, see
from mousepose.calibrate.board_choose import choose_views, placement
from mousepose.calibrate.board_lens import MOST_VIEWS, fit_lens, known_lens
from mousepose.errors import InputError
from mousepose.geometry.resection import Poses, plane_poses

POINTS = CHARUCO.points


def fitted(camera, views, **settings):
    found = views.pixels[0]
    return fit_lens(POINTS, found, views.edge_width[0], SIZE, model=camera.model, **settings)


@pytest.mark.parametrize("lens", LENSES)
def test_focal_length_and_terms_are_found(lens):
    camera = make_camera(lens)
    found = fitted(camera, see(CHARUCO, [camera], held(CHARUCO, 24)))
    assert len(found.camera.distortion) == (4 if lens == "fisheye" else len(camera.distortion))
    error = np.abs(found.camera.matrix - camera.matrix)
    assert error[(0, 1), (0, 1)].max() < 5 * found.deviations[:2].max()
    assert error[(0, 1), (0, 1)].max() < 0.005 * 520
    assert error[:2, 2].max() < 3.0
    # noise of 0.1 px on each coordinate
    assert np.sqrt(np.mean(found.rms[found.used] ** 2)) == pytest.approx(0.14, abs=0.015)
    assert found.by_terms[len(found.camera.distortion)] == pytest.approx(0.14, abs=0.02)


@pytest.mark.parametrize("focal", [200.0, 2500.0])
def test_wide_and_tele_lenses_are_found(focal):
    camera = make_camera("none", focal)
    boards = held(CHARUCO, 14)
    boards[:, :3, 3] *= [[1, 1, focal / 520]]
    found = fitted(camera, see(CHARUCO, [camera], boards, noise=0.05), terms=0)
    assert found.camera.matrix[0, 0] == pytest.approx(focal, rel=0.01)


def test_the_terms_that_are_asked_for_are_taken():
    camera = make_camera("four")
    views = see(CHARUCO, [camera], held(CHARUCO, 8))
    for terms in (0, 5):
        assert len(fitted(camera, views, terms=terms).camera.distortion) == terms
    with pytest.raises(InputError, match="a pinhole lens has 0, 4, 5, 8 terms, not 6"):
        fitted(camera, views, terms=6)


def test_views_that_do_not_agree_are_dropped_and_named():
    camera = make_camera("four")
    views = see(CHARUCO, [camera], held(CHARUCO, 18))
    random = np.random.default_rng(0)
    views.pixels[0, [4, 17]] += random.normal(0, 4, (2, len(POINTS), 2))
    found = fitted(camera, views, terms=4)
    assert sorted(found.dropped) == [4, 17]
    assert "px off, the others 0.1" in found.dropped[4]
    assert not found.used[[4, 17]].any()
    assert abs(found.camera.matrix[0, 0] - 520) < 2


def test_blurred_views_are_left_out_while_others_are_enough():
    camera = make_camera("four")
    views = see(CHARUCO, [camera], held(CHARUCO, 18))
    views.edge_width[0, [3, 5]] = 9.0
    assert fitted(camera, views, terms=4).dropped == {
        3: "blurred over 9 px",
        5: "blurred over 9 px",
    }
    few = views.only(np.arange(10))
    assert fitted(camera, few, terms=4).dropped == {}


def test_views_where_the_board_was_not_seen_play_no_part():
    camera = make_camera("four")
    views = see(CHARUCO, [camera], held(CHARUCO, 9))
    gap = np.insert(views.pixels[0], 7, np.nan, axis=0)
    width = np.insert(views.edge_width[0], 7, np.nan)
    found = fit_lens(POINTS, gap, width, SIZE, terms=4)
    plain = fitted(camera, views, terms=4)
    np.testing.assert_allclose(found.camera.matrix, plain.camera.matrix)
    assert not found.used[7]
    assert np.isnan(found.rms[7])


def test_the_views_chosen_are_few_and_spread():
    camera = make_camera("four")
    boards = held(CHARUCO, 150, seed=5)
    boards[20:, :3] = boards[19, :3]  # held still from then on
    pixels = see(CHARUCO, [camera], boards).pixels[0]
    chosen = choose_views(
        camera, placement(pixels, plane_poses(camera, POINTS, pixels), POINTS), 25
    )
    assert len(chosen) == 25
    assert (np.diff(chosen) > 0).all()
    assert set(range(19)) <= set(chosen.tolist())
    many = see(CHARUCO, [camera], held(CHARUCO, 55))
    assert fitted(camera, many, terms=4).used.sum() == MOST_VIEWS


def test_placement_is_what_was_simulated():
    transforms = np.tile(np.eye(4), (2, 1, 1))
    transforms[:, :3, 3] = [0, 0, 400] - POINTS.mean(axis=0)
    angle = 0.5
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    transforms[1, :3, :3] = turn
    transforms[1, :3, 3] = [0, 0, 400] - turn @ POINTS.mean(axis=0)
    pixels = np.zeros((2, len(POINTS), 2)) + [100, 200]
    found = placement(pixels, Poses(transforms, np.zeros(2)), POINTS)
    np.testing.assert_allclose(found.angle, [0, angle], atol=1e-9)
    np.testing.assert_allclose(found.distance, 400)
    np.testing.assert_allclose(found.centre, [[100, 200]] * 2)


def test_a_known_lens_is_only_measured():
    camera = make_camera("four")
    views = see(CHARUCO, [camera], held(CHARUCO, 8))
    found = known_lens(camera, POINTS, views.pixels[0])
    np.testing.assert_array_equal(found.camera.matrix, camera.matrix)
    assert np.sqrt(np.mean(found.rms**2)) == pytest.approx(0.14, abs=0.02)
    wrong = known_lens(replace(camera, distortion=np.zeros(4)), POINTS, views.pixels[0])
    assert wrong.rms.max() > 2 * found.rms.max()
