"""Known factors behind measures that are not all known and not all equally sure.

An animal's measures are y = mean + scores @ loadings + noise. The loadings are given (size
lengthens every bone); mean, how much each factor varies and how noisy each measure is are learned
from the animals, by EM (Rubin, Thayer, EM algorithms for ML factor analysis, 1982). A bone that is
measured well then tells of the size more than one that is not, and one that a scan does not show
tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

_ROUNDS = 300
#: No factor varies by less, and no measure is surer than this.
_LEAST_SD, _LEAST_NOISE = 1e-4, 1e-5
#: The noise that is expected of a measure weighs as one animal; EM sets out from more.
_EXPECTED, _START = 1.0, 5.0


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of N animals: likeliest `scores` (N, S), which average 0, and `sd` (S,) of them.

    `mean` (D,) of the measures, and the `noise` (D,) SD of a measure of usual spread.
    """

    scores: Floats
    sd: Floats
    mean: Floats
    noise: Floats


def known_factors(
    measures: Floats, loadings: Floats, sd: Floats, noise: Floats, spread: Floats | None = None
) -> Factors:
    """Return the factors behind measures (N, D), NaN where unknown, by their `loadings` (S, D).

    `sd` (S,) and `noise` (D,) are what is expected of factors and measures. `spread` (N, D) says
    how much noisier a measure is than is usual for it: 1 where not given. A measure that is known
    of no animal has the mean that the others' mean tells.
    """
    known = np.isfinite(measures)
    values = np.where(known, measures, 0.0)
    relative = np.where(known, 1.0 if spread is None else spread**-2.0, 0.0)
    variance, psi = sd**2, (_START * noise) ** 2
    shown = np.asarray(known.any(axis=0))
    mean = values.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    scores = np.zeros((len(measures), len(loadings)))
    for _ in range(_ROUNDS):
        precision = relative / psi
        inner = np.einsum("sd,nd,td->nst", loadings, precision, loadings)
        posterior = np.linalg.inv(inner + np.diag(1 / variance))
        weighted = (precision * (values - mean)) @ loadings.T
        scores = (posterior @ weighted[..., None])[..., 0]
        # What all animals share is mean, not scores: so EM need not creep towards it.
        mean = mean + scores.mean(axis=0) @ loadings
        scores = scores - scores.mean(axis=0)
        left = values - scores @ loadings
        average = (relative * left).sum(axis=0) / np.maximum(relative.sum(axis=0), 1e-300)
        mean = np.where(shown, average, mean)
        unsure = np.einsum("sd,nst,td->nd", loadings, posterior, loadings)
        square = (relative * ((left - mean) ** 2 + unsure)).sum(axis=0)
        psi = (square + _EXPECTED * noise**2) / (known.sum(axis=0) + _EXPECTED) + _LEAST_NOISE**2
        variance = (scores**2 + np.einsum("nss->ns", posterior)).mean(axis=0) + _LEAST_SD**2
    mean = np.where(shown, mean, _told(mean, loadings, sd, noise, shown))
    return Factors(scores, np.sqrt(variance), mean, np.sqrt(psi))


def _told(
    mean: Floats, loadings: Floats, sd: Floats, noise: Floats, shown: NDArray[np.bool_]
) -> Floats:
    """Return the mean (D,) that factors common to all animals make, by the measures `shown`."""
    scaled = loadings[:, shown] / noise[shown] ** 2
    matrix = scaled @ loadings[:, shown].T + np.diag(sd**-2.0)
    return np.asarray(np.linalg.solve(matrix, scaled @ mean[shown]) @ loadings)
