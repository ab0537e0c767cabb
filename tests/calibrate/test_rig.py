"""Rigs: cameras placed to each other, turned checkerboards told apart, strays found."""

from dataclasses import replace

import numpy as np
import pytest

from boards import CHARUCO, HALF, QUARTER, TELLING, held, make_rig, see
from mousepose.calibrate.board_lens import known_lens
from mousepose.calibrate.rig import fit_rig
from mousepose.calibrate.rig_start import board_turns, start_rig, undo_turns
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.resection import is_seen


def lenses(cameras, views):
    """The true lenses, as if they had been fitted to these views."""
    points = views.board.points
    return [
        known_lens(camera, points, own) for camera, own in zip(cameras, views.pixels, strict=True)
    ]


def largest_error(found, true):
    """The largest distance (mm) and angle (rad) between cameras."""
    away = [np.linalg.norm(a.position - b.position) for a, b in zip(found, true, strict=True)]
    turned = [
        np.linalg.norm(rotation.log(a.rotation @ b.rotation.T))
        for a, b in zip(found, true, strict=True)
    ]
    return max(away), max(turned)


@pytest.mark.parametrize("board", [CHARUCO, TELLING, HALF, QUARTER], ids=str)
def test_cameras_are_placed_whatever_way_round_they_see_the_board(board):
    true = make_rig(3)
    views = see(board, true, held(board, 24), turned=True)
    rig = fit_rig(views, lenses(true, views))
    away, turned = largest_error(rig.cameras, true)
    assert away < 0.01 * np.linalg.norm(true[-1].position)
    assert turned < 0.01
    assert not rig.dropped
    assert rig.held_out_px < 0.2
    assert abs(rig.held_out_scale) < 0.002
    assert rig.held_out_mm < 0.5


def test_turns_and_their_undoing_are_inverse():
    for board in (HALF, QUARTER):
        camera = make_rig(1)
        boards = held(board, 3)
        straight = see(board, camera, boards, noise=0)
        assert len(straight.frame_numbers) == 3
        for turn, order in enumerate(board.turns):
            turned = straight.pixels[:, :, np.argsort(order)]
            turns = np.full(turned.shape[:2], turn)
            np.testing.assert_array_equal(undo_turns(board, turned, turns), straight.pixels)
            # the motions turn the corners into each other
            motion = board_turns(board)[turn]
            moved = board.points @ motion[:3, :3].T + motion[:3, 3]
            np.testing.assert_allclose(moved, board.points[order], atol=1e-9)


def test_a_symmetric_board_that_stays_where_it_is_leaves_the_order_open():
    true = make_rig(2)
    views = see(HALF, true, np.repeat(held(HALF, 1), 12, axis=0), turned=True)
    with pytest.raises(InputError, match="cam_0 and cam_1: this checkerboard looks the same after"):
        fit_rig(views, lenses(true, views))


def test_chains_of_cameras_that_only_neighbours_share():
    true = make_rig(3)
    views = see(CHARUCO, true, held(CHARUCO, 40))
    pixels = views.pixels.copy()
    pixels[0, ::2] = np.nan
    pixels[2, 1::2] = np.nan
    views = replace(views, pixels=pixels).only(is_seen(pixels).any(axis=2).any(axis=0))
    rig = fit_rig(views, lenses(true, views))
    assert (0, 2) not in rig.links
    assert largest_error(rig.cameras, true)[0] < 8
    pixels[1, 1::2] = np.nan  # now the first stands alone
    with pytest.raises(InputError, match=r"cam_1 \(\d+ views\), cam_2 .* in no frame that cam_0"):
        fit_rig(replace(views, pixels=pixels), lenses(true, replace(views, pixels=pixels)))


def test_views_of_another_moment_are_dropped_and_named():
    true = make_rig(3)
    boards = held(CHARUCO, 40)
    views = see(CHARUCO, true, boards)
    late = see(CHARUCO, true, np.roll(boards, 1, axis=0))
    views.pixels[1, [5, 9]] = late.pixels[1, [5, 9]]
    rig = fit_rig(views, lenses(true, views))
    assert {frame for _, frame in rig.dropped} >= {5, 9}
    assert len(rig.dropped) <= 4  # of two views that do not agree either may be wrong
    assert largest_error(rig.cameras, true)[0] < 5


def test_cameras_that_do_not_run_together_are_told():
    true = make_rig(2)
    boards = held(CHARUCO, 40)
    views = see(CHARUCO, true, boards)
    late = see(CHARUCO, true, np.roll(boards, 7, axis=0))
    views.pixels[1] = late.pixels[1]
    with pytest.raises(InputError, match="or their videos are not of the same time"):
        fit_rig(views, lenses(true, views))


def test_stated_places_are_as_uncertain_as_they_are():
    true = make_rig(2)
    away, stated = [], []
    for seed in range(6):
        views = see(CHARUCO, true, held(CHARUCO, 20), noise=0.3, seed=seed)
        rig = fit_rig(views, lenses(true, views))
        away.append(np.linalg.norm(rig.cameras[1].position - true[1].position))
        stated.append(rig.position_sd[1])
    assert 0.5 < np.sqrt(np.mean(np.square(away))) / np.mean(stated) < 2


def test_lenses_may_be_held():
    true = make_rig(2)
    views = see(CHARUCO, true, held(CHARUCO, 20))
    rig = fit_rig(views, lenses(true, views), intrinsics=False)
    for camera, given in zip(rig.cameras, true, strict=True):
        np.testing.assert_array_equal(camera.matrix, given.matrix)
    assert largest_error(rig.cameras, true)[0] < 2


def test_frames_that_must_stay_are_kept():
    true = make_rig(2)
    views = see(CHARUCO, true, held(CHARUCO, 200))
    found = lenses(true, views)
    for lens in found:
        lens.used[:] = False
    free = set(range(len(views.frame_numbers))) - set(fit_rig(views, found).frames.tolist())
    wanted = min(free)
    assert wanted in fit_rig(views, found, keep=[wanted]).frames


def test_too_few_shared_frames_say_nothing_of_the_error():
    true = make_rig(2)
    views = see(CHARUCO, true, held(CHARUCO, 5))
    rig = fit_rig(views, lenses(true, views), intrinsics=False)
    assert np.isnan([rig.held_out_px, rig.held_out_scale, rig.held_out_mm]).all()


def test_links_count_the_votes():
    true = make_rig(2)
    views = see(CHARUCO, true, held(CHARUCO, 20))
    transforms = np.stack([lens.transforms for lens in lenses(true, views)])
    link = start_rig(CHARUCO, views.names, transforms).links[0, 1]
    both = views.seen.all(axis=0).sum()
    assert (link.votes, link.shared, link.rival) == (both, both, 0)
    assert not link.is_open
