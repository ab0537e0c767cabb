"""Random intercepts of animals, and of what is nested in them, by restricted likelihood.

The model is y = X b + Z u + e: a row's animal, its animal-in-group and its recording each add a
normal offset. Everything the likelihood needs are sums within animals, so that a fit costs
milliseconds whatever the number of strides. Sources: Bates et al., J Stat Softw 67(1), 2015
(profiled criterion); Fai & Cornelius, J Stat Comput Simul 54, 1996 (degrees of freedom).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mousepose.types import Floats, Ints

#: A variance below this share of the residual's is nought.
_NOUGHT = 1e-6
#: Standard deviations over the residual's to start from; a further one where one came to nought.
_STARTS = (0.5, 2.0)
#: Step of the numeric derivatives, in the logarithm of a variance.
_STEP = 1e-2


@dataclass(frozen=True, eq=False)
class Sums:
    """What the likelihood needs: sums of products within animals (A, Q, ...) and over all rows.

    `level` (A, Q) tells to which random term each of an animal's columns belongs, -1 for padding.
    """

    count: int
    level: Ints
    zz: Floats
    zx: Floats
    zy: Floats
    xx: Floats
    xy: Floats
    yy: float

    @classmethod
    def of(cls, y: Floats, x: Floats, animal: Ints, levels: list[Ints]) -> Sums:
        """Return the sums for y (N,), X (N, P), animals (N,) and codes (N,) of nested units."""
        animals = int(animal.max()) + 1
        local, width = _columns(animal, levels)
        zz = np.zeros((animals, width, width))
        zx = np.zeros((animals, width, x.shape[1]))
        zy = np.zeros((animals, width))
        level = np.full((animals, width), -1, np.int64)
        for one, column in enumerate(local):
            level[animal, column] = one
            np.add.at(zx, (animal, column), x)
            np.add.at(zy, (animal, column), y)
            for other in local:
                np.add.at(zz, (animal, column, other), 1.0)
        return cls(len(y), level, zz, zx, zy, x.T @ x, x.T @ y, float(y @ y))


def _columns(animal: Ints, levels: list[Ints]) -> tuple[list[Ints], int]:
    """Return the place (N,) of each unit among its animal's columns, by level, and their number."""
    local = []
    width = 0
    used = np.zeros(int(animal.max()) + 1, np.int64)
    for codes in levels:
        units, first = np.unique(codes, return_index=True)
        owner = animal[first]
        order = np.argsort(owner, kind="stable")
        place = np.empty(len(units), np.int64)
        starts = np.searchsorted(owner[order], np.arange(len(used)))
        place[order] = np.arange(len(units)) - starts[owner[order]] + used[owner[order]]
        used += np.bincount(owner, minlength=len(used))
        local.append(place[np.searchsorted(units, codes)])
        width = int(used.max())
    return local, width


@dataclass(frozen=True, eq=False)
class MixedFit:
    """Coefficients (P,), their covariance (P, P), and variances (L + 1,): levels, then residual."""

    coefficients: Floats
    covariance: Floats
    variances: Floats
    sums: Sums

    def degrees_of_freedom(self, contrast: Floats) -> float:
        """Return Satterthwaite's degrees of freedom of a contrast (P,) of the coefficients.

        Variances at nought are taken as known: the caller bounds the result by the animals.
        """
        active = np.flatnonzero(self.variances > 0)
        logs = np.log(self.variances[active])

        def at(shift: Floats) -> tuple[float, float]:
            variances = np.zeros_like(self.variances)
            variances[active] = np.exp(logs + shift)
            deviance, _, covariance = _deviance(self.sums, variances)
            return deviance, float(contrast @ covariance @ contrast)

        size = len(active)
        steps = np.eye(size) * _STEP
        middle, variance = at(np.zeros(size))
        slope = np.array([(at(s)[1] - at(-s)[1]) / (2 * _STEP) for s in steps])
        bend = np.empty((size, size))
        for i in range(size):
            for j in range(i + 1):
                if i == j:
                    value = at(steps[i])[0] + at(-steps[i])[0] - 2 * middle
                    bend[i, i] = value / _STEP**2
                else:
                    plus, minus = steps[i] + steps[j], steps[i] - steps[j]
                    value = at(plus)[0] + at(-plus)[0] - at(minus)[0] - at(-minus)[0]
                    bend[i, j] = bend[j, i] = value / (4 * _STEP**2)
        spread = 2 * np.linalg.pinv(bend, hermitian=True)
        uncertainty = float(slope @ spread @ slope)
        return 2 * variance**2 / uncertainty if uncertainty > 0 else np.inf


def fit_mixed(sums: Sums) -> MixedFit:
    """Return the fit by restricted maximum likelihood. X must have full rank, y vary beyond it."""
    levels = int(sums.level.max()) + 1 if sums.level.size else 0
    found = np.zeros(levels)
    if levels:
        bounds = [(0.0, 1e4)] * levels
        best = np.inf

        def criterion(sd: Floats) -> float:
            return _profiled(sums, sd**2)

        for start in _STARTS:
            result = minimize(
                criterion, np.full(levels, float(start)), method="L-BFGS-B", bounds=bounds
            )
            if result.fun < best - 1e-9:
                best, found = float(result.fun), np.asarray(result.x) ** 2
            if result.success and (found > _NOUGHT).all():
                break
        # At nought the slope along a standard deviation vanishes: try each without.
        for one in range(levels):
            without = found.copy()
            without[one] = 0.0
            if _profiled(sums, without) <= best + 1e-7:
                found = without
        found[found < _NOUGHT] = 0.0
    _, squares, _, _ = _solve(sums, found)
    residual = squares / (sums.count - sums.xx.shape[0])
    variances = np.append(found * residual, residual)
    _, coefficients, covariance = _deviance(sums, variances)
    return MixedFit(coefficients, covariance, variances, sums)


def _solve(sums: Sums, ratios: Floats) -> tuple[Floats, float, Floats, float]:
    """Return coefficients, weighted squares, X' V^-1 X and log|V| for variances over residual's."""
    if not len(ratios):
        coefficients = np.asarray(np.linalg.solve(sums.xx, sums.xy), np.float64)
        return coefficients, sums.yy - float(sums.xy @ coefficients), sums.xx, 0.0
    scale = np.where(sums.level >= 0, np.sqrt(ratios)[sums.level], 0.0)  # (A, Q)
    inner = scale[:, :, None] * sums.zz * scale[:, None, :] + np.eye(sums.zz.shape[1])
    both = np.concatenate([sums.zx, sums.zy[..., None]], axis=-1) * scale[..., None]
    factor = np.linalg.cholesky(inner)
    whitened = np.linalg.solve(factor, both).reshape(-1, both.shape[-1])
    away = whitened.T @ whitened
    weighted = sums.xx - away[:-1, :-1]
    right = sums.xy - away[:-1, -1]
    coefficients = np.asarray(np.linalg.solve(weighted, right), np.float64)
    squares = sums.yy - away[-1, -1] - float(right @ coefficients)
    logs = 2 * float(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum())
    return coefficients, max(float(squares), 1e-300), weighted, logs


def _profiled(sums: Sums, ratios: Floats) -> float:
    """Return -2 log restricted likelihood, at its best residual variance."""
    _, squares, weighted, logs = _solve(sums, ratios)
    free = sums.count - sums.xx.shape[0]
    return float(free * np.log(squares / free) + logs + np.linalg.slogdet(weighted)[1])


def _deviance(sums: Sums, variances: Floats) -> tuple[float, Floats, Floats]:
    """Return -2 log restricted likelihood, coefficients and their covariance for variances."""
    residual = float(variances[-1])
    coefficients, squares, weighted, logs = _solve(sums, variances[:-1] / residual)
    free = sums.count - sums.xx.shape[0]
    deviance = free * np.log(residual) + squares / residual + logs
    deviance += float(np.linalg.slogdet(weighted)[1])
    covariance = np.asarray(residual * np.linalg.inv(weighted), np.float64)
    return float(deviance), coefficients, covariance
