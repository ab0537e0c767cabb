"""The derivative of the lens with respect to its own coefficients."""

import numpy as np
import pytest

from mousepose.geometry.distortion import coefficients_jacobian, distort

LENSES = {
    "none": ("pinhole", []),
    "four": ("pinhole", [-0.3, 0.1, 0.001, -0.002]),
    "five": ("pinhole", [-0.16, 0.94, -1e-3, -4e-3, -2.7]),
    "eight": ("pinhole", [0.4, -0.2, 1e-3, 2e-3, 0.05, 0.7, -0.1, 0.03]),
    "fisheye": ("fisheye", [-0.02, 0.01, -0.006, 0.001]),
    "fisheye-bare": ("fisheye", []),
}


@pytest.mark.parametrize("lens", LENSES)
def test_it_is_the_finite_difference(lens):
    model, terms = LENSES[lens]
    coefficients = np.array(terms, np.float64)
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (5, 8, 2))
    points[0, 0] = 0  # the centre, where no coefficient does anything
    found = coefficients_jacobian(points, coefficients, model)
    assert found.shape == (5, 8, 2, len(terms))
    for place, step in enumerate(1e-6 * np.eye(len(terms))):
        more, less = (distort(points, coefficients + s, model) for s in (step, -step))
        np.testing.assert_allclose(found[..., place], (more - less) / 2e-6, atol=1e-8)
