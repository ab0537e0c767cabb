"""Laws of one camera; the lens formulas are written here a second time, one point at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import CameraError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole

MATRIX = np.array([[900.0, -3.0, 570.0], [0.0, 910.0, 500.0], [0.0, 0.0, 1.0]])
TURN = np.array([0.3, -2.0, 0.8])
LENSES = {
    "none": ("pinhole", []),
    "four": ("pinhole", [-0.3, 0.1, 0.001, -0.002]),
    "five": ("pinhole", [-0.16, 0.94, -1e-3, -4e-3, -2.7]),
    "eight": ("pinhole", [0.4, -0.2, 1e-3, 2e-3, 0.05, 0.7, -0.1, 0.03]),
    "fisheye": ("fisheye", [-0.02, 0.01, -0.006, 0.001]),
    "fisheye-bare": ("fisheye", []),
}
LENS = pytest.mark.parametrize("lens", LENSES)


def camera_with(lens="none", **changes):
    model, coefficients = LENSES[lens]
    transform = np.eye(4)
    transform[:3, :3] = rotation.exp(TURN)
    transform[:3, 3] = 10, -20, 400
    fields = {
        "matrix": MATRIX,
        "distortion": coefficients,
        "T_camera_world": transform,
        "size": (1152, 1024),
        "model": model,
        "name": lens,
    }
    return Camera(**(fields | changes))


def world_points(camera, count=200, spread=0.45, seed=0):
    """World points (count, 3) within the image, 200 to 600 mm away."""
    random = np.random.default_rng(seed)
    depth = random.uniform(200, 600, (count, 1))
    rays = np.hstack([random.uniform(-spread, spread, (count, 2)), np.ones((count, 1))])
    return camera.to_world(rays * depth)


def distort_one_point(x, y, model, coefficients):
    """The formulas of the OpenCV manual for one point, in their textbook form."""
    if model == "fisheye":
        k = [*coefficients, 0, 0, 0, 0][:4]
        r = math.hypot(x, y)
        if r == 0:
            return x, y
        theta = math.atan2(r, 1)
        theta_d = theta + sum(k[i] * theta ** (2 * i + 3) for i in range(4))
        return x * theta_d / r, y * theta_d / r
    k1, k2, p1, p2, k3, k4, k5, k6 = [*coefficients, *[0] * 8][:8]
    r2 = x**2 + y**2
    factor = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    return (
        x * factor + 2 * p1 * x * y + p2 * (r2 + 2 * x**2),
        y * factor + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y,
    )


@LENS
def test_project_follows_the_manual(lens):
    camera = camera_with(lens)
    points = world_points(camera, 30)
    expected = []
    for point in points:
        x, y, z = rotation.exp(TURN) @ point + (10, -20, 400)
        xd, yd = distort_one_point(x / z, y / z, *LENSES[lens])
        expected.append((900 * xd - 3 * yd + 570, 910 * yd + 500))
    np.testing.assert_allclose(camera.project(points), expected, atol=1e-9)


@LENS
def test_project_jacobian_is_its_derivative(lens):
    camera = camera_with(lens)
    points = world_points(camera, 50).reshape(5, 10, 3)
    pixels, jacobian = camera.project(points, jacobian=True)
    assert jacobian.shape == (5, 10, 2, 3)
    np.testing.assert_array_equal(pixels, camera.project(points))
    step = 1e-3 * np.eye(3)
    numeric = [(camera.project(points + d) - camera.project(points - d)) / 2e-3 for d in step]
    np.testing.assert_allclose(jacobian, np.stack(numeric, axis=-1), atol=1e-6)


@LENS
def test_undistort_undoes_project(lens):
    camera = camera_with(lens)
    points = world_points(camera).reshape(20, 10, 3)
    points_camera = camera.to_camera(points)
    normalised = camera.undistort(camera.project(points))
    np.testing.assert_allclose(
        normalised, points_camera[..., :2] / points_camera[..., 2:], atol=1e-9
    )


@LENS
def test_the_optical_axis_is_the_principal_point(lens):
    camera = camera_with(lens)
    pixel, jacobian = camera.project(camera.to_world([0.0, 0.0, 300.0]), jacobian=True)
    np.testing.assert_allclose(pixel, MATRIX[:2, 2], atol=1e-9)
    turn = rotation.exp(TURN)
    np.testing.assert_allclose(jacobian, MATRIX[:2, :2] @ turn[:2] / 300, atol=1e-9)
    np.testing.assert_allclose(camera.undistort(MATRIX[:2, 2]), [0, 0], atol=1e-12)


@LENS
def test_local_scale_is_the_derivative_of_undistort_to_pinhole(lens):
    camera = camera_with(lens)
    pixels = camera.project(world_points(camera, 40))
    step = 1e-3 * np.eye(2)
    numeric = [
        (camera.undistort_to_pinhole(pixels + d) - camera.undistort_to_pinhole(pixels - d)) / 2e-3
        for d in step
    ]
    np.testing.assert_allclose(camera.local_scale(pixels), np.stack(numeric, axis=-1), atol=1e-6)


@LENS
def test_rays_pass_through_what_they_show(lens):
    camera = camera_with(lens)
    points = world_points(camera, 40)
    origin, directions = camera.rays(camera.project(points))
    np.testing.assert_allclose(camera.to_camera(origin), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    distance = np.linalg.norm(points - origin, axis=1, keepdims=True)
    np.testing.assert_allclose(origin + distance * directions, points, atol=1e-5)


@given(
    st.tuples(*[st.floats(-0.3, 0.3)] * 2, *[st.floats(-0.02, 0.02)] * 2, st.floats(-0.3, 0.3)),
    st.integers(0, 1000),
)
def test_undistort_returns_the_inner_root_or_nan(coefficients, seed):
    camera = camera_with(distortion=list(coefficients))
    pixels = np.random.default_rng(seed).uniform(-3000, 4000, (50, 2))
    normalised = camera.undistort(pixels)
    known = np.isfinite(normalised).all(axis=1)
    back = camera.project(camera.to_world(np.hstack([normalised, np.ones((50, 1))])))
    np.testing.assert_allclose(back[known], pixels[known], atol=1e-4)
    # the inner root: no sign change, no fold between it and the centre
    inner = camera.undistort(camera.project(world_points(camera, 50, spread=0.2, seed=seed)))
    assert np.isfinite(inner).all()


def test_pixels_that_no_ray_reaches_are_nan():
    barrel = camera_with(distortion=[-0.4, 0, 0, 0])  # r (1 - 0.4 r^2) has its top at r = 0.913
    top = 0.9128709 * (1 - 0.4 * 0.9128709**2)
    columns = 570 + 900 * np.array([0.99 * top, 1.01 * top, 30.0])
    normalised = barrel.undistort(np.column_stack([columns, np.full(3, 500.0)]))
    assert np.isfinite(normalised[0]).all()
    assert 0 < normalised[0, 0] < 0.9128709
    assert np.isnan(normalised[1:]).all()
    equidistant = camera_with("fisheye-bare")  # beyond 90 degrees there is no x/z
    assert np.isnan(equidistant.undistort([570 + 900 * 1.6, 500.0])).all()


def test_wide_fisheye_reaches_far_to_the_side():
    camera = camera_with("fisheye-bare", matrix=np.diag([300.0, 300.0, 1.0]))
    for degrees in (1e-6, 1e-3, 1, 45, 80, 89):
        angle = math.radians(degrees)
        x, y = camera.undistort([300 * angle, 0.0])
        assert math.isclose(x, math.tan(angle), rel_tol=1e-9)
        assert y == 0


def test_what_is_behind_or_missing_is_nan():
    camera = pinhole((640, 480), 500)
    points = np.array([[0, 0, -100.0], [0, 0, 0], [np.nan, 0, 100], [0, 0, 100]])
    pixels, jacobian = camera.project(points, jacobian=True)
    assert np.isnan(pixels[:3]).all()
    assert np.isnan(jacobian[:2]).all()
    np.testing.assert_array_equal(pixels[3], [319.5, 239.5])
    assert np.isnan(camera_with("five").undistort([[np.nan, 3.0]])).all()
    for lens in LENSES:
        assert camera_with(lens).undistort(np.zeros((0, 2))).shape == (0, 2)
        assert camera_with(lens).project(np.zeros((0, 3))).shape == (0, 2)


@LENS
@given(st.lists(st.floats(width=64), min_size=3, max_size=3))
def test_any_numbers_give_pixels_or_nan_and_no_warning(lens, numbers):
    camera = camera_with(lens)
    pixels, jacobian = camera.project(numbers, jacobian=True)
    assert (pixels.shape, jacobian.shape) == ((2,), (2, 3))
    normalised = camera.undistort(numbers[:2])
    assert np.isfinite(normalised).all() or np.isnan(normalised).all()
    assert camera.local_scale(numbers[:2]).shape == (2, 2)
    assert camera.undistort_to_pinhole(numbers[:2]).shape == (2,)
    assert camera.rays(numbers[:2])[1].shape == (3,)


def test_world_and_camera_frames_are_inverse_and_rigid():
    camera = camera_with()
    points = np.random.default_rng(0).normal(scale=100, size=(4, 5, 3))
    np.testing.assert_allclose(camera.to_world(camera.to_camera(points)), points, atol=1e-10)
    before = np.linalg.norm(points[1:] - points[:-1], axis=-1)
    turned = camera.to_camera(points)
    np.testing.assert_allclose(np.linalg.norm(turned[1:] - turned[:-1], axis=-1), before)
    np.testing.assert_allclose(camera.to_camera(camera.position), 0, atol=1e-12)


def test_floor_is_the_same_plane_in_both_frames():
    camera = camera_with(floor_plane=[0, 0, 2.0, -10.0])  # z = 5 mm, given with a long normal
    np.testing.assert_array_equal(camera.floor_plane, [0, 0, 1, -5])
    points = np.random.default_rng(0).normal(scale=100, size=(30, 3))
    height = camera.to_camera(points) @ camera.floor_in_camera[:3] + camera.floor_in_camera[3]
    np.testing.assert_allclose(height, points[:, 2] - 5, atol=1e-10)
    assert camera_with().floor_in_camera is None


def test_camera_keeps_copies_that_cannot_change():
    matrix = MATRIX.copy()
    camera = camera_with(matrix=matrix)
    matrix[0, 0] = 1
    assert camera.matrix[0, 0] == 900
    with pytest.raises(ValueError, match="read-only"):
        camera.matrix[0, 0] = 1


def test_a_rotation_of_four_digits_is_made_exact():
    transform = np.eye(4)
    transform[:3, :3] = np.round(rotation.exp(TURN), 4)
    camera = camera_with(T_camera_world=transform)
    assert rotation.is_rotation(camera.rotation, 1e-14)
    np.testing.assert_allclose(camera.rotation, rotation.exp(TURN), atol=2e-4)


def transform_with(turn):
    transform = np.eye(4)
    transform[:3, :3] = turn
    return transform


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": MATRIX.T}, "third row .* transposed"),
        ({"matrix": np.diag([0.0, 1, 1])}, "matrix: is singular"),
        ({"matrix": np.eye(4)}, r"expected 3x3 numbers, got shape \(4, 4\)"),
        ({"matrix": [[1, 0, 0], [0, 1], [0, 0, 1]]}, "different lengths"),
        ({"matrix": [[1, 0, 0], [1, 1, 0], [0, 0, 1]]}, "second row"),
        ({"matrix": np.diag([np.nan, 1, 1])}, "matrix: expected finite"),
        ({"matrix": "focal"}, "matrix: expected 3x3 numbers"),
        ({"distortion": [1.0, 2.0]}, "has 2 terms, expected 0, 4, 5, 8 for a pinhole lens"),
        ({"distortion": np.zeros(5), "model": "fisheye"}, "expected 0, 4 for a fisheye lens"),
        ({"distortion": [np.inf] * 4}, "distortion: expected finite"),
        ({"distortion": 3.0}, "distortion: expected n numbers"),
        ({"T_camera_world": transform_with(-np.eye(3))}, "mirroring"),
        ({"T_camera_world": transform_with(2 * np.eye(3))}, "no rotation"),
        ({"T_camera_world": transform_with(np.full((3, 3), 1e300))}, "numbers below"),
        ({"T_camera_world": np.eye(4) * 2}, "last row"),
        ({"T_camera_world": np.eye(3)}, "T_camera_world: expected 4x4"),
        ({"size": (0, 480)}, "size: .* positive whole"),
        ({"size": (640.5, 480)}, "size: .* positive whole"),
        ({"size": (np.nan, 480)}, "size: expected finite"),
        ({"size": (True, 480)}, "size: expected 2 numbers"),
        ({"distortion": [1e200] * 4}, "distortion: expected numbers below"),
        ({"size": (640,)}, "size: expected 2 numbers"),
        ({"model": "lens"}, "model: 'lens', expected 'pinhole' or 'fisheye'"),
        ({"name": ""}, "name: '', expected a name"),
        ({"floor_plane": [0, 0, 0, 1]}, "floor_plane: normal is 0"),
        ({"floor_plane": [0, 0, 1]}, "floor_plane: expected 4 numbers"),
    ],
)
def test_what_is_no_camera_is_refused(changes, message):
    with pytest.raises(CameraError, match=message):
        camera_with(**changes)


def test_all_problems_are_told_at_once():
    with pytest.raises(CameraError) as caught:
        camera_with(matrix=MATRIX.T, distortion=[1.0], size=(-1, 1))
    for field in ("camera 'none'", "matrix:", "distortion:", "size:"):
        assert field in str(caught.value)


def test_published_calibration_of_six_real_cameras(shared_data):
    """Rotations are given for column vectors (camera = R world + t), and the skew counts."""
    with np.load(shared_data("dannce_mouse1/dannce_mouse1.npz")) as data:
        fields = {key: data[key] for key in data.files}
    points, truth = fields["points3d_mm"], fields["points2d_px"]
    for index in range(len(truth)):
        transform = transform_with(fields["R"][index])
        transform[:3, 3] = fields["t_mm"][index]
        camera = Camera(
            fields["K"][index],
            fields["distortion_k1k2p1p2k3"][index],
            transform,
            tuple(fields["image_size_wh"]),
        )
        np.testing.assert_allclose(camera.project(points), truth[index], atol=1e-9)
        normalised = camera.undistort(truth[index])
        seen = camera.to_camera(points)
        np.testing.assert_allclose(normalised, seen[..., :2] / seen[..., 2:], atol=1e-9)
