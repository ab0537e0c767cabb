"""The likelihood agrees with another program's; noughts and few animals do no harm."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mousepose.analysis.statistics.reml import MixedFit, Sums, fit_mixed


def fit_of(seed: int, sd: float, levels: int = 1) -> tuple[MixedFit, tuple[np.ndarray, ...]]:
    random = np.random.default_rng(seed)
    animal = np.repeat(np.arange(8), random.integers(10, 40, 8))
    half = animal * 2 + random.integers(0, 2, len(animal))
    x = np.stack([np.ones(len(animal)), animal % 2, random.normal(size=len(animal))], 1)
    y = x @ [1.0, 0.5, -0.3] + random.normal(size=len(animal))
    y += sd * (random.normal(size=8)[animal] + 0.7 * random.normal(size=16)[half])
    half = np.unique(half, return_inverse=True)[1]
    units = [animal, half][:levels]
    return fit_mixed(Sums.of(y, x, animal, units)), (y, x, animal, half)


@pytest.mark.parametrize("levels", [1, 2])
def test_fits_are_those_of_statsmodels(levels: int) -> None:
    models = pytest.importorskip(
        "statsmodels.regression.mixed_linear_model", reason="the reference is statsmodels"
    )
    fit, (y, x, animal, half) = fit_of(3, 1.0, levels)
    kind = None
    if levels == 2:
        own = [np.eye(half.max() + 1)[half[animal == a]] for a in range(8)]
        own = [columns[:, columns.any(axis=0)] for columns in own]
        names = [[[str(k) for k in range(columns.shape[1])] for columns in own]]
        kind = models.VCSpec(["half"], names, [own])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = models.MixedLM(y, x, groups=animal, exog_re=np.ones((len(y), 1)), exog_vc=kind).fit(
            reml=True
        )
    variances = [other.cov_re[0, 0], *other.vcomp, other.scale]
    np.testing.assert_allclose(fit.variances, variances, rtol=0.02, atol=0.003)
    np.testing.assert_allclose(fit.coefficients, other.fe_params, rtol=0.01, atol=0.003)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), other.bse_fe, rtol=0.01)


def test_no_fit_nearby_is_more_likely() -> None:
    from mousepose.analysis.statistics.reml import _deviance

    fit, _ = fit_of(5, 1.0, 2)
    best = _deviance(fit.sums, fit.variances)[0]
    for factor in np.random.default_rng(0).uniform(0.7, 1.4, (20, 3)):
        assert _deviance(fit.sums, fit.variances * factor)[0] >= best - 1e-6


def test_no_variance_between_animals_is_a_plain_regression() -> None:
    random = np.random.default_rng(0)
    animal = np.repeat(np.arange(6), 30)
    x = np.stack([np.ones(180), animal % 2], 1).astype(float)
    y = random.normal(size=180)
    y -= np.bincount(animal, y)[animal] / 30  # all animals have one mean: less than by chance
    fit = fit_mixed(Sums.of(y, x, animal, [animal]))
    assert fit.variances[0] == 0.0
    assert fit.variances[1] == pytest.approx(y @ y / 178)
    assert fit.degrees_of_freedom(np.array([0.0, 1.0])) == pytest.approx(178, rel=0.01)
