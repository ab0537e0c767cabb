"""Laws of the axis-angle maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import InputError
from mousepose.geometry import rotation

COMPONENT = st.floats(-1, 1, allow_subnormal=False)
VECTORS = st.tuples(COMPONENT, COMPONENT, COMPONENT).map(np.array)
ANGLES = np.array([
    0.0, 1e-300, 1e-12, 1e-8, 1e-4, 0.1, 0.29999, 0.30001, 1.0, 2.5, 3.1, np.pi - 1e-4,
    np.pi - 1e-8, np.pi - 1e-12, np.pi,
])  # fmt: skip


def axes(count, seed=0):
    """Unit vectors (count, 3); the first three are the coordinate axes."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    vectors[:3] = np.eye(3)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_exp_of_quarter_turn_is_known():
    np.testing.assert_allclose(
        rotation.exp([0, 0, np.pi / 2]), [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15
    )


def test_log_undoes_exp_from_zero_to_pi():
    vectors = ANGLES[:, None, None] * axes(20)
    matrices = rotation.exp(vectors)
    assert rotation.is_rotation(matrices, 1e-14).all()
    np.testing.assert_allclose(rotation.exp(rotation.log(matrices)), matrices, atol=2e-15)
    back = rotation.log(matrices[:-1])  # at pi itself the axis may point either way
    np.testing.assert_allclose(back, vectors[:-1], atol=2e-14)
    # relative accuracy: a tiny turn is not lost in the rounding of 1
    np.testing.assert_allclose(back[2], vectors[2], rtol=1e-12)


@given(VECTORS, st.floats(0, 20))
def test_exp_of_log_is_the_same_rotation(vector, angle):
    matrix = rotation.exp(vector * angle)
    turn = rotation.log(matrix)
    assert np.linalg.norm(turn) <= np.pi + 1e-12
    np.testing.assert_allclose(rotation.exp(turn), matrix, atol=1e-14)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.2, 0.2999, 0.3001, 1.5, 3.1, 5.0])
def test_left_jacobian_is_the_derivative_of_exp(angle):
    vectors = angle * axes(6)
    step = 1e-6
    for axis, jacobian_column in zip(
        np.eye(3), np.moveaxis(rotation.left_jacobian(vectors), -1, 0), strict=True
    ):
        ahead, behind = rotation.exp(vectors + step * axis), rotation.exp(vectors - step * axis)
        turn = rotation.log(ahead @ np.swapaxes(behind, -1, -2)) / (2 * step)
        np.testing.assert_allclose(turn, jacobian_column, atol=2e-9)


def test_jacobians_are_inverse_and_continuous_where_the_series_ends():
    vectors = ANGLES[:, None, None] * axes(5)
    product = rotation.left_jacobian(vectors) @ rotation.inverse_left_jacobian(vectors)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-13)
    below, above = np.nextafter(0.3, 0), np.nextafter(0.3, 1)
    for jacobian in (rotation.left_jacobian, rotation.inverse_left_jacobian):
        np.testing.assert_allclose(jacobian([below, 0, 0]), jacobian([above, 0, 0]), atol=1e-14)


def test_unwrap_follows_a_turn_of_many_turns():
    truth = np.linspace(0.1, 30, 400)[:, None] * axes(4)[3]
    wrapped = rotation.log(rotation.exp(truth))
    assert np.abs(np.diff(wrapped, axis=0)).max() > 1
    np.testing.assert_allclose(rotation.unwrap(wrapped), truth, atol=1e-11)


@given(st.integers(0, 10_000))
def test_unwrap_gives_the_same_rotations_each_nearest_to_the_last(seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(scale=3, size=(12, 3))
    vectors[random.random(12) < 0.2] = 0
    unwrapped = rotation.unwrap(vectors)
    np.testing.assert_allclose(rotation.exp(unwrapped), rotation.exp(vectors), atol=1e-12)
    steps = np.linalg.norm(np.diff(unwrapped, axis=0), axis=1)
    length = np.linalg.norm(unwrapped[1:], axis=1, keepdims=True)
    has_axis = length[:, 0] > 0
    axis = unwrapped[1:] / np.where(length > 0, length, 1)
    for turn in (-2 * np.pi, 2 * np.pi):
        other = np.linalg.norm(unwrapped[1:] + turn * axis - unwrapped[:-1], axis=1)
        assert (steps <= other + 1e-9)[has_axis].all()


def test_unwrap_steps_over_missing_frames_and_leaves_its_input_alone():
    truth = np.linspace(2.5, 4.5, 9)[:, None] * np.array([0, 0.6, 0.8])
    wrapped = rotation.log(rotation.exp(truth))
    wrapped[[0, 3, 4]] = np.nan
    given_vectors = wrapped.copy()
    known = [1, 2, 5, 6, 7, 8]
    unwrapped = rotation.unwrap(wrapped)
    np.testing.assert_allclose(unwrapped[known], truth[known], atol=1e-12)
    assert np.isnan(unwrapped[[0, 3, 4]]).all()
    np.testing.assert_array_equal(wrapped, given_vectors)
    assert rotation.unwrap(np.full((4, 3), np.nan)).shape == (4, 3)
    assert rotation.unwrap(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(InputError, match=r"expected \(T, 3\)"):
        rotation.unwrap(np.zeros(3))


def test_is_rotation_tells_mirrors_scales_and_nan():
    matrices = np.stack([np.eye(3), -np.eye(3), 1.01 * np.eye(3), np.full((3, 3), np.nan)])
    assert rotation.is_rotation(matrices).tolist() == [True, False, False, False]
    assert rotation.is_rotation(1.01 * np.eye(3), tolerance=0.1)
    assert not rotation.is_rotation(np.full((3, 3), 1e300))


def test_skew_is_the_cross_product():
    left, right = np.random.default_rng(1).normal(size=(2, 7, 3))
    np.testing.assert_allclose(
        (rotation.skew(left) @ right[..., None])[..., 0], np.cross(left, right), atol=1e-15
    )


def test_quaternions_and_matrices_are_inverse():
    vectors = ANGLES[:, None, None] * axes(20)
    matrices = rotation.exp(vectors)
    quaternions = rotation.to_quaternion(matrices)
    np.testing.assert_allclose(np.linalg.norm(quaternions, axis=-1), 1, atol=1e-14)
    assert (quaternions[..., 0] >= 0).all()
    for scale in (1, -1, 3.7):  # the sign means nothing, nor does the length
        np.testing.assert_allclose(
            rotation.from_quaternion(scale * quaternions), matrices, atol=1e-14
        )
    np.testing.assert_allclose(rotation.from_quaternion([1, 0, 0, 0]), np.eye(3))
