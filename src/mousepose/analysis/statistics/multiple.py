"""Many measures at once: p-values after Holm (1979) and after Benjamini & Hochberg (1995)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mousepose.types import Floats


def holm(p: Floats) -> Floats:
    """Return p-values (N,) that hold the chance of any false finding; NaN stays NaN."""
    return _stepwise(p, lambda p, count: np.maximum.accumulate(p * (count - np.arange(count))))


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values (N,) that hold the share of false ones among findings; NaN stays NaN."""

    def step(p: Floats, count: int) -> Floats:
        scaled = p * count / np.arange(1, count + 1)
        found: Floats = np.minimum.accumulate(scaled[::-1])[::-1]
        return found

    return _stepwise(p, step)


def _stepwise(p: Floats, step: Callable[[Floats, int], Floats]) -> Floats:
    """Return the p-values that are known after a step over them in order of size."""
    found = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    if len(order):
        found[order] = np.minimum(step(p[order], len(order)), 1.0)
    return found
