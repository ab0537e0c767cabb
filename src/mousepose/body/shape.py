"""The shape of one animal: a few coefficients that lengthen or shorten its bones.

A shape coefficient adds to the logarithm of bone lengths, so that factors stay positive and +c and
-c undo each other. Zero is the body as it was built.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mousepose.errors import ModelError
from mousepose.types import Floats


@dataclass(frozen=True, eq=False)
class ShapeSpace:
    """How bodies differ: `names` (S,), `basis` (S, J) log length factor per unit, `sd` (S,).

    Coefficient s of an animal is drawn from N(0, sd[s]^2). `n_scans` is the number of scans it was
    learned from, 0 where it was not. Raises `ModelError` where the fields do not fit together.
    """

    names: tuple[str, ...]
    basis: Floats
    sd: Floats
    n_scans: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        count = len(self.names)
        if self.basis.ndim != 2 or len(self.basis) != count or self.sd.shape != (count,):
            raise ModelError(
                f"shape space: {count} names need basis ({count}, J) and sd ({count},), "
                f"got {self.basis.shape} and {self.sd.shape}"
            )
        if not (np.isfinite(self.basis).all() and np.isfinite(self.sd).all()):
            raise ModelError("shape space: basis and sd must be finite")
        if (self.sd <= 0).any():
            raise ModelError(f"shape space: every sd must be positive, got {self.sd.tolist()}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mean(self) -> Floats:
        """Return the coefficients (S,) of the body as it was built: zeros."""
        return np.zeros(len(self))

    def log_scale(self, shape: ArrayLike) -> Floats:
        """Return the log length factor (*B, J) of every bone for coefficients (*B, S).

        Raises `ModelError` where the number of coefficients is not S.
        """
        coefficients = np.asarray(shape, np.float64)
        if coefficients.shape[-1:] != (len(self),):
            raise ModelError(
                f"expected {len(self)} shape coefficients ({', '.join(self.names)}), "
                f"got an array of shape {coefficients.shape}"
            )
        return np.asarray(coefficients @ self.basis)
