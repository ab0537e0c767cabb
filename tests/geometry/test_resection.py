"""Poses of a plane from its image: exact where nothing is wrong, NaN where nothing is known."""

import numpy as np
import pytest

from boards import CHARUCO, LENSES, held, make_camera, see
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.resection import moved, plane_poses, refine_poses

POINTS = CHARUCO.points


@pytest.mark.parametrize("lens", LENSES)
def test_poses_without_noise_are_exact(lens):
    camera = make_camera(lens)
    true = held(CHARUCO, 12)
    found = plane_poses(camera, POINTS, see(CHARUCO, [camera], true, noise=0).pixels[0])
    np.testing.assert_allclose(found.transforms, true, atol=1e-4)
    assert found.rms.max() < 1e-6


def test_the_camera_own_pose_plays_no_part():
    camera = make_camera()
    pixels = see(CHARUCO, [camera], held(CHARUCO, 3)).pixels[0]
    elsewhere = type(camera)(
        camera.matrix, camera.distortion, moved(np.eye(4), np.arange(6.0)), camera.size
    )
    for here, there in zip(
        plane_poses(camera, POINTS, pixels), plane_poses(elsewhere, POINTS, pixels), strict=True
    ):
        np.testing.assert_array_equal(here, there)


def test_of_the_two_poses_of_a_small_far_plane_the_better_one_is_kept():
    """From one of the two starts alone, a third of these views end in the mirrored pose."""
    camera = make_camera("none")
    far = held(CHARUCO, 60, seed=3)
    far[:, :3, 3] += [0, 0, 1500]
    found = plane_poses(camera, POINTS, see(CHARUCO, [camera], far, noise=0.05).pixels[0])
    turn = rotation.log(found.transforms[:, :3, :3] @ far[:, :3, :3].swapaxes(1, 2))
    assert (np.linalg.norm(turn, axis=1) < 0.15).all()


def test_views_that_tell_too_little_are_nan():
    camera = make_camera()
    pixels = see(CHARUCO, [camera], held(CHARUCO, 4)).pixels[0]
    pixels[0] = np.nan
    pixels[1, 3:] = np.nan  # three corners
    pixels[2, 5:] = np.nan  # the five of one row
    found = plane_poses(camera, POINTS, pixels)
    assert np.isnan(found.rms[:3]).all()
    assert np.isnan(found.transforms[:3]).all()
    assert found.rms[3] < 0.3
    assert len(found.of(np.array([3])).rms) == 1


def test_refining_never_makes_a_pose_worse():
    camera = make_camera()
    true = held(CHARUCO, 8)
    pixels = see(CHARUCO, [camera], true).pixels[0]
    random = np.random.default_rng(0)
    starts = moved(true, random.normal(0, [0.1, 0.1, 0.1, 20, 20, 20], (8, 6)))
    inside = starts[:, :3, :3] @ POINTS.T + starts[:, :3, 3:]
    away = camera.project(inside.swapaxes(1, 2)) - pixels
    before = np.sqrt(np.nanmean((away**2).sum(axis=-1), axis=1))
    found = refine_poses(camera, POINTS, pixels, starts)
    assert (found.rms < before).all()
    assert found.rms.max() < 0.2


def test_a_start_behind_the_camera_gives_no_pose():
    camera = make_camera()
    true = held(CHARUCO, 2)
    pixels = see(CHARUCO, [camera], true).pixels[0]
    behind = true.copy()
    behind[0, 2, 3] -= 5000
    found = refine_poses(camera, POINTS, pixels, behind)
    assert np.isnan(found.rms[0])
    assert found.rms[1] < 0.2


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(InputError, match="expected points"):
        plane_poses(make_camera(), POINTS, np.zeros((2, 3, 2)))
