"""Homographies from points, and the focal length from homographies."""

import numpy as np
import pytest

from boards import DISTANCE, TELLING, held, make_camera, see
from mousepose.errors import InputError
from mousepose.geometry.homography import (
    apply_homography,
    fit_homography,
    focal_from_homographies,
)


def test_the_homography_of_its_own_images_is_found_up_to_scale():
    random = np.random.default_rng(0)
    points = random.uniform(-90, 90, (20, 2)) + 1000
    true = np.array([[1.1, 0.2, 300], [-0.1, 0.9, 200], [1e-4, -2e-4, 1]])
    found = fit_homography(points, apply_homography(true, points))
    assert np.linalg.norm(found) == pytest.approx(1)
    np.testing.assert_allclose(found / found[2, 2], true, rtol=1e-6)
    np.testing.assert_allclose(
        apply_homography(found, points), apply_homography(true, points), atol=1e-8
    )


def test_noise_is_averaged():
    random = np.random.default_rng(1)
    points = random.uniform(0, 200, (400, 2))
    true = np.array([[1.1, 0.2, 30], [-0.1, 0.9, 20], [1e-4, -2e-4, 1]])
    noisy = apply_homography(true, points) + random.normal(0, 1, (400, 2))
    error = apply_homography(fit_homography(points, noisy), points) - apply_homography(true, points)
    assert np.sqrt((error**2).mean()) < 0.2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((3, 2)), "needs 4 points, got 3"),
        (np.zeros((5, 3)), r"expected two arrays \(N, 2\)"),
        (np.outer(np.arange(5.0), [1, 2]), "on one line"),
        (np.zeros((5, 2)), "on one line"),
    ],
)
def test_what_gives_no_homography(source, message):
    target = np.random.default_rng(0).uniform(0, 1, (len(source), 2))
    with pytest.raises(InputError, match=message):
        fit_homography(source, target)


def homographies(tilt, turn=0.25):
    camera = make_camera("none", 700.0)
    views = see(TELLING, [camera], held(TELLING, 12, tilt=tilt, turn=turn), noise=0)
    points = TELLING.points[:, :2]
    return [fit_homography(points, view) for view in views.pixels[0]], camera


def test_the_focal_length_comes_from_tilted_planes():
    found, camera = homographies(0.4)
    focal = focal_from_homographies(found, camera.matrix[:2, 2])
    assert focal == pytest.approx(700.0, rel=2e-3)  # fx and fy differ by a thousandth


def test_planes_that_face_the_camera_tell_no_focal_length():
    matrix = np.diag([700.0, 700.0, 1.0])
    facing = [matrix @ np.diag([1, 1, DISTANCE + place]) for place in (0, 50)]
    assert focal_from_homographies(facing, (0, 0)) is None
