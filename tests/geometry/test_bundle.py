"""Bundle adjustment: the truth without noise, honest errors with it, OpenCV's own optimum."""

from dataclasses import replace

import numpy as np
import pytest

from boards import CHARUCO, held, make_camera, make_rig, see
from mousepose.errors import InputError
from mousepose.geometry import bundle, rotation
from mousepose.geometry.bundle import adjust
from mousepose.geometry.resection import moved, plane_poses

POINTS = CHARUCO.points


def rough(cameras, seed=0):
    """Cameras near the true ones: lenses forgotten, places a little off."""
    random = np.random.default_rng(seed)
    found = []
    for index, camera in enumerate(cameras):
        step = random.normal(0, [0.02] * 3 + [8.0] * 3) * (index > 0)
        matrix = [[500, 0, 319.5], [0, 500, 255.5], [0, 0, 1]]
        found.append(
            replace(
                camera,
                matrix=matrix,
                distortion=np.zeros(len(camera.distortion)),
                T_camera_world=moved(camera.T_camera_world, step),
            )
        )
    return found


@pytest.mark.parametrize("lens", ["none", "four", "fisheye"])
def test_a_rig_without_noise_is_found_exactly(lens):
    cameras = make_rig(3, lens)
    true = held(CHARUCO, 12)
    views = see(CHARUCO, cameras, true, noise=0)
    start = moved(true, np.random.default_rng(1).normal(0, [0.03] * 3 + [6.0] * 3, (12, 6)))
    found = adjust(rough(cameras), POINTS, views.pixels, start)
    assert found.rms < 1e-5
    for camera, expected in zip(found.cameras, cameras, strict=True):
        np.testing.assert_allclose(camera.matrix, expected.matrix, atol=1e-2)
        np.testing.assert_allclose(camera.T_camera_world, expected.T_camera_world, atol=1e-2)
    np.testing.assert_allclose(found.T_world_object, true, atol=1e-2)


@pytest.mark.parametrize("lens", ["four", "five", "fisheye"])
def test_the_derivatives_are_finite_differences(lens):
    camera = replace(make_rig(2)[1], distortion=make_camera(lens).distortion,
                     model=make_camera(lens).model)  # fmt: skip
    boards = held(CHARUCO, 2)
    pixels = np.zeros((2, len(POINTS), 2))

    def residual(step):
        lens_and_place, board = step[:-6], step[-6:]
        changed = bundle._moved_camera(camera, lens_and_place)
        return bundle._rows(changed, POINTS, pixels, moved(boards, np.tile(board, (2, 1))))[0]

    _, jacobian = bundle._rows(camera, POINTS, pixels, boards)
    count = jacobian.shape[-1]
    for place, step in enumerate(1e-5 * np.eye(count)):
        numeric = (residual(-step) - residual(step)) / 2e-5
        np.testing.assert_allclose(jacobian[..., place], numeric, rtol=1e-4, atol=1e-4)


def test_what_is_held_does_not_move():
    cameras = make_rig(2)
    views = see(CHARUCO, cameras, held(CHARUCO, 6))
    start = held(CHARUCO, 6)
    given = rough(cameras)
    only_places = adjust(given, POINTS, views.pixels, start, intrinsics=False)
    only_lenses = adjust(given, POINTS, views.pixels, start, extrinsics=False)
    for camera, places, lenses in zip(given, only_places.cameras, only_lenses.cameras, strict=True):
        np.testing.assert_array_equal(places.matrix, camera.matrix)
        np.testing.assert_allclose(lenses.T_camera_world, camera.T_camera_world, atol=1e-12)
    np.testing.assert_allclose(only_places.cameras[0].T_camera_world, np.eye(4), atol=1e-12)
    assert not only_places.intrinsics_sd[1].any()
    assert only_places.position_sd[1] > 0
    assert not only_lenses.position_sd.any()


def test_the_stated_errors_are_those_that_occur():
    """Over 25 draws of the noise: the spread of the focal length is what each draw states."""
    camera, true = make_camera("four"), held(CHARUCO, 12)
    focals, stated = [], []
    for seed in range(25):
        views = see(CHARUCO, [camera], true, noise=0.3, seed=seed)
        found = adjust([camera], POINTS, views.pixels, true)
        focals.append(found.cameras[0].matrix[0, 0])
        stated.append(found.intrinsics_sd[0][0])
    spread = np.std(focals)
    assert abs(np.mean(focals) - 520) < 3 * spread / np.sqrt(25)
    assert 0.6 < np.mean(stated) / spread < 1.5


def test_wrong_corners_count_little():
    camera, true = make_camera("four"), held(CHARUCO, 20)
    views = see(CHARUCO, [camera], true, noise=0.1)
    pixels = views.pixels.copy()
    random = np.random.default_rng(0)
    wrong = random.random(pixels.shape[:3]) < 0.02
    pixels[wrong] += random.normal(0, 15, (wrong.sum(), 2))
    robust = adjust([camera], POINTS, pixels, true, huber_px=1.0).cameras[0]
    plain = adjust([camera], POINTS, pixels, true, huber_px=1e6).cameras[0]
    assert abs(robust.matrix[0, 0] - 520) < 1.0
    assert abs(robust.matrix[0, 0] - 520) < abs(plain.matrix[0, 0] - 520)


def test_opencv_finds_the_same_camera():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    camera, true = make_camera("five"), held(CHARUCO, 15)
    pixels = see(CHARUCO, [camera], true, noise=0.2).pixels
    start = replace(rough([camera])[0], distortion=np.zeros(5))
    boards = plane_poses(start, POINTS, pixels[0]).transforms
    found = adjust([start], POINTS, pixels, boards, huber_px=1e6)
    seen = [np.isfinite(view[:, 0]) for view in pixels[0]]
    points = [POINTS[mask].astype(np.float32) for mask in seen]
    images = [view[mask].astype(np.float32) for view, mask in zip(pixels[0], seen, strict=True)]
    rms, matrix, lens, *_ = cv2.calibrateCamera(
        points, images, camera.size, start.matrix.copy(), np.zeros(5),
        flags=cv2.CALIB_USE_INTRINSIC_GUESS,
    )  # fmt: skip
    assert found.rms == pytest.approx(rms, rel=1e-4)
    np.testing.assert_allclose(found.cameras[0].matrix, matrix, atol=0.05)


def test_the_world_stays_with_the_first_camera():
    cameras = make_rig(2)
    step = np.array([0.3, -0.2, 0.1, 50, -20, 10])
    world = np.linalg.inv(moved(np.eye(4), step))
    true = held(CHARUCO, 6)
    views = see(CHARUCO, cameras, true)
    there = [replace(c, T_camera_world=c.T_camera_world @ world) for c in cameras]
    here = adjust(cameras, POINTS, views.pixels, true)
    other = adjust(there, POINTS, views.pixels, np.linalg.inv(world) @ true)
    first = other.cameras[0].T_camera_world
    np.testing.assert_allclose(first, there[0].T_camera_world, atol=1e-12)
    assert other.rms == pytest.approx(here.rms, rel=1e-6)
    turn = (
        here.cameras[1].rotation
        @ (other.cameras[1].T_camera_world @ np.linalg.inv(world))[:3, :3].T
    )
    assert np.linalg.norm(rotation.log(turn)) < 1e-5


def test_problems_that_have_no_answer_are_told():
    camera, true = make_camera(), held(CHARUCO, 3)
    pixels = see(CHARUCO, [camera], true).pixels
    with pytest.raises(InputError, match=r"pixels: expected \(1, 2, "):
        adjust([camera], POINTS, pixels, true[:2])
    behind = true.copy()
    behind[0, 2, 3] -= 5000
    with pytest.raises(InputError, match="behind a camera"):
        adjust([camera], POINTS, pixels, behind)
    pixels[:, 1] = np.nan
    with pytest.raises(InputError, match="every frame must show"):
        adjust([camera], POINTS, pixels, true)
