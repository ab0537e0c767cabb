"""Shape coefficients: factors of bone lengths."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.body.model import BodyModel
from mousepose.body.shape import ShapeSpace
from mousepose.errors import ModelError


def test_log_scale_is_linear_and_zero_changes_nothing() -> None:
    space = ShapeSpace(("a", "b"), np.array([[1.0, 0, 2], [0, 1, 1]]), np.ones(2))
    np.testing.assert_array_equal(space.log_scale(space.mean), np.zeros(3))
    coefficients = np.array([[0.1, 0.2], [-0.1, -0.2]])
    scale = space.log_scale(coefficients)
    np.testing.assert_allclose(scale[0], [0.1, 0.2, 0.4])
    np.testing.assert_allclose(scale[0] + scale[1], 0)


def test_every_coefficient_of_the_default_body_is_symmetric(body: BodyModel) -> None:
    basis = body.shape_space.basis
    np.testing.assert_array_equal(basis, basis[:, list(body.skeleton.mirror)])
    assert np.linalg.matrix_rank(basis) == len(body.shape_space)


@pytest.mark.parametrize(
    ("basis", "sd", "complaint"),
    [
        (np.ones((1, 3)), np.ones(2), "2 names need"),
        (np.full((2, 3), np.nan), np.ones(2), "finite"),
        (np.ones((2, 3)), np.array([1.0, 0.0]), "positive"),
    ],
)
def test_a_space_that_does_not_fit_together_is_refused(
    basis: np.ndarray, sd: np.ndarray, complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        ShapeSpace(("a", "b"), basis, sd)


def test_the_wrong_number_of_coefficients_is_refused() -> None:
    space = ShapeSpace(("size",), np.ones((1, 3)), np.ones(1))
    with pytest.raises(ModelError, match=r"expected 1 shape coefficients \(size\)"):
        space.log_scale(np.zeros(2))
