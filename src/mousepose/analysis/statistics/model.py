"""The mixed model of one measure, fitted and asked for its contrasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from mousepose.analysis.statistics.design import Design
from mousepose.analysis.statistics.reml import MixedFit, Sums, fit_mixed
from mousepose.types import Floats


@dataclass(frozen=True, eq=False)
class Estimate:
    """An effect, its standard error, and the degrees of freedom of its t."""

    effect: float
    error: float
    df: float

    @property
    def p(self) -> float:
        """The two-sided p-value."""
        return float(2 * stats.t.sf(abs(self.effect / self.error), self.df))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the ends of the confidence interval."""
        half = float(stats.t.ppf((1 + confidence) / 2, self.df)) * self.error
        return self.effect - half, self.effect + half


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted design; the fit is of the measure divided by `scale`."""

    design: Design
    fit: MixedFit
    scale: float

    def estimate(self, name: str) -> Estimate | None:
        """Return the effect of a contrast, None where the animals leave no degree of freedom.

        The degrees of freedom are Satterthwaite's, but no more than `Design.bound`: where the
        variance between animals is estimated as nought, strides would count as animals.
        """
        contrast = self.design.contrast(name)
        bound = self.design.bound(name)
        if bound < 1:
            return None
        effect = float(contrast @ self.fit.coefficients) * self.scale
        error = float(np.sqrt(contrast @ self.fit.covariance @ contrast)) * self.scale
        free = bound
        if len(self.fit.variances) > 1:
            free = float(np.clip(self.fit.degrees_of_freedom(contrast), 1.0, bound))
        return Estimate(effect, error, free)

    @property
    def animal_sd(self) -> float:
        """The standard deviation between animals (with that between their groups), or NaN."""
        levels = self.fit.variances[:-1]
        return float(np.sqrt(levels.sum())) * self.scale if len(levels) else np.nan

    @property
    def residual_sd(self) -> float:
        """The standard deviation of rows of one unit."""
        return float(np.sqrt(self.fit.variances[-1])) * self.scale

    @property
    def without_covariates(self) -> Floats:
        """The measure (N,) less what the covariates explain."""
        kept = {0, *self.design.contrasts.values()}
        others = [j for j in range(self.design.x.shape[1]) if j not in kept]
        explained = self.design.x[:, others] @ self.fit.coefficients[others] * self.scale
        return np.asarray(self.design.y - explained)


def fitted(design: Design) -> Model | str:
    """Return the model, or what speaks against it."""
    rows, columns = design.x.shape
    if rows <= columns:
        return f"{rows} rows are too few for {columns} coefficients"
    away = design.y - design.y.mean()
    scale = float(away.std())
    if not scale > 1e-12 * float(np.abs(design.y).max()):
        return "this measure does not vary"
    coefficients, _, rank, _ = np.linalg.lstsq(design.x, away, rcond=None)
    if rank < columns:
        return "groups and covariates cannot be told apart"
    if not float((away - design.x @ coefficients).std()) > 1e-9 * scale:
        return "groups and covariates explain every row: nothing is left to test against"
    sums = Sums.of(away / scale, design.x, design.animal, design.units)
    try:
        return Model(design, fit_mixed(sums), scale)
    except np.linalg.LinAlgError:
        return "the model is singular"
