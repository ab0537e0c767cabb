"""Mixtures of Gaussians that do not know left from right: components come in mirror images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Mirror:
    """A reflection of D numbers: number i becomes `sign[i]` times number `index[i]`."""

    index: Ints
    sign: Floats

    def of_points(self, points: Floats) -> Floats:
        """Return points (*B, D) mirrored."""
        return np.asarray(points[..., self.index] * self.sign)

    def of_matrices(self, matrices: Floats) -> Floats:
        """Return matrices (*B, D, D) mirrored."""
        picked = matrices[..., self.index, :][..., self.index]
        return np.asarray(picked * self.sign[:, None] * self.sign)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """K Gaussians in D dimensions: `weights` (K,), `means` (K, D), `covariances` (K, D, D).

    `partner` (K,) is the component that is each one's mirror image, itself where it is its own.
    """

    weights: Floats
    means: Floats
    covariances: Floats
    partner: Ints

    @classmethod
    def single(cls, mean: Floats, covariance: Floats) -> GaussianMixture:
        """Return one Gaussian as a mixture of one component."""
        return cls(np.ones(1), mean[None], covariance[None], np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.weights)

    def moments(self) -> tuple[Floats, Floats]:
        """Return the mean (D,) and the covariance (D, D) of the whole mixture."""
        mean = self.weights @ self.means
        apart = self.means - mean
        within = np.einsum("k,kij->ij", self.weights, self.covariances)
        return mean, np.asarray(within + np.einsum("k,ki,kj->ij", self.weights, apart, apart))

    def sample(self, count: int, random: np.random.Generator) -> Floats:
        """Return `count` points (count, D) drawn from the mixture."""
        chosen = random.choice(len(self), count, p=self.weights)
        factors = np.linalg.cholesky(self.covariances)
        noise = random.standard_normal((count, self.means.shape[1], 1))
        return np.asarray(self.means[chosen] + (factors[chosen] @ noise)[..., 0])
