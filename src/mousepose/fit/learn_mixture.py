"""Gaussian mixtures that do not know left from right, by expectation-maximisation.

Their points may be known only through a likelihood of each (extreme deconvolution: Bovy, Hogg &
Roweis, Annals of Applied Statistics 5(2B), 2011). A component is its own mirror image or has a
partner that is, so the density is exactly symmetric and every point counts twice, as itself and
mirrored. Covariances are drawn towards a known one (inverse Wishart): with it,

    2 sum_t log p(x_t) - 1/2 sum_k nu (log |S_k| + tr S_k^-1 Psi) + sum_k log w_k

never falls from one round to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import logsumexp

from mousepose.body.gaussians import GaussianMixture, Mirror
from mousepose.types import Floats, Ints

#: Rounds end when the objective grows by less than this, in nats for each point.
_SETTLED = 1e-3


class Expected(NamedTuple):
    """The E step: log likelihood (T, K) of each point under each component, moments of the point.

    `mean` (T, K, D) and `covariance` (T, K, D, D) are those of the point itself, given the
    component.
    """

    log_likelihood: Floats
    mean: Floats
    covariance: Floats


class Evidence(Protocol):
    """What is known of T points: how likely Gaussians make it."""

    def __len__(self) -> int: ...

    def under(self, means: Floats, covariances: Floats) -> Expected:
        """Return the E step under K Gaussians."""


@dataclass(frozen=True, eq=False)
class Shrinkage:
    """Towards which `covariance` (D, D) those of components are drawn, as if by `count` points."""

    covariance: Floats
    count: float


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """A mixture and the objective after every round."""

    mixture: GaussianMixture
    objective: list[float]


def log_likelihood(evidence: Evidence, mixture: GaussianMixture) -> Floats:
    """Return the log likelihood (T,) of each point under a mixture."""
    found = evidence.under(mixture.means, mixture.covariances).log_likelihood
    return np.asarray(logsumexp(found + np.log(mixture.weights), axis=1))


def fit_mixture(
    evidence: Evidence,
    components: int,
    mirror: Mirror,
    shrinkage: Shrinkage,
    structure: Callable[[Floats], Floats],
    *,
    seed: int,
    rounds: int = 40,
) -> MixtureFit:
    """Return the mixture of `components` that the points make most likely, of several starts.

    `structure` turns covariances into those that are allowed, as those along a tree, and must give
    the likeliest of them. There is a start for each number of pairs of mirrored components.
    """
    random = np.random.default_rng(seed)
    pairings = components // 2 + 1
    fits = []
    for pairs in range(pairings):
        first = _start(evidence, components, pairs, mirror, shrinkage, random)
        allowed = np.stack([structure(one) for one in first.covariances])
        first = replace(first, covariances=allowed)
        fits.append(_improve(evidence, first, mirror, shrinkage, structure, rounds))
    return max(fits, key=lambda fit: fit.objective[-1])


def _start(
    evidence: Evidence, components: int, pairs: int, mirror: Mirror, shrinkage: Shrinkage,
    random: np.random.Generator,
) -> GaussianMixture:  # fmt: skip
    """Return wide components about points far from each other (k-means++), `pairs` mirrored."""
    wide = shrinkage.covariance
    centre = np.zeros((1, len(wide)))
    points = evidence.under(centre, wide[None]).mean[:, 0]
    factor = np.linalg.cholesky(np.linalg.inv(wide))
    far = np.full(len(points), np.inf)
    means: list[Floats] = []
    partner: list[int] = []
    while len(means) < components:
        share = np.ones(len(points)) if not means else far
        middle = points[random.choice(len(points), p=share / share.sum())]
        k = len(means)
        if len(means) < 2 * pairs:
            means += [middle, mirror.of_points(middle)]
            partner += [k + 1, k]
        else:
            means.append((middle + mirror.of_points(middle)) / 2)
            partner.append(k)
        for mean in means[k:]:
            distance = (((points - mean) @ factor) ** 2).sum(1)
            far = np.minimum(far, distance) + 1e-12
    return GaussianMixture(
        np.full(components, 1 / components), np.array(means),
        np.repeat(wide[None], components, axis=0), np.array(partner),
    )  # fmt: skip


def _improve(
    evidence: Evidence, mixture: GaussianMixture, mirror: Mirror, shrinkage: Shrinkage,
    structure: Callable[[Floats], Floats], rounds: int,
) -> MixtureFit:  # fmt: skip
    objective: list[float] = []
    for _ in range(rounds):
        found = evidence.under(mixture.means, mixture.covariances)
        scores = found.log_likelihood + np.log(mixture.weights)
        total = logsumexp(scores, axis=1, keepdims=True)
        objective.append(2 * float(total.sum()) + _penalty(mixture, shrinkage))
        if len(objective) > 1 and objective[-1] - objective[-2] < _SETTLED * len(evidence):
            break
        share = np.exp(scores - total)
        mixture = _maximise(share, found, mixture.partner, mirror, shrinkage, structure)
    return MixtureFit(mixture, objective)


def _penalty(mixture: GaussianMixture, shrinkage: Shrinkage) -> float:
    drawn = [
        np.linalg.slogdet(one)[1] + np.trace(np.linalg.solve(one, shrinkage.covariance))
        for one in mixture.covariances
    ]
    return float(np.log(mixture.weights).sum() - shrinkage.count / 2 * np.sum(drawn))


def _maximise(
    share: Floats, found: Expected, partner: Ints, mirror: Mirror, shrinkage: Shrinkage,
    structure: Callable[[Floats], Floats],
) -> GaussianMixture:  # fmt: skip
    """Return the M step; every point counts for a component and, mirrored, for its partner."""
    count = share.sum(0)
    first = np.einsum("tk,tki->ki", share, found.mean)
    both = count + count[partner]
    means = (first + mirror.of_points(first[partner])) / both[:, None]
    apart = found.mean - means
    second = np.einsum("tk,tkij->kij", share, found.covariance)
    second += np.einsum("tk,tki,tkj->kij", share, apart, apart, optimize=True)
    # about a partner's own mean, which is the mirror image of this one's
    spread = second + mirror.of_matrices(second[partner]) + shrinkage.count * shrinkage.covariance
    covariances = spread / (both + shrinkage.count)[:, None, None]
    weights = (both + 1) / (both.sum() + len(both))
    return GaussianMixture(weights, means, np.stack([structure(c) for c in covariances]), partner)
