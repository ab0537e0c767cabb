"""How much a sample of frames tells: which fit, and how many of them are independent."""

from __future__ import annotations

import numpy as np

from mousepose.fit.arrays import Points
from mousepose.types import Floats, Ints


def independent_frames(times: Floats, seconds: float) -> float:
    """Return how many frames at `times` (T,) s are `seconds` apart, in effect."""
    return 1.0 + float(np.minimum(np.diff(times), seconds).sum()) / seconds


def trustworthy(points: Points, cost: Floats) -> Ints:
    """Return the frames that fit like most: a wrong pose must not bend what is learned."""
    seen = np.isfinite(points.xy[..., 0]).sum((1, 2))
    misfit = np.nan_to_num(cost.sum(1) / np.maximum(seen, 1), nan=np.inf)
    return np.flatnonzero(np.isfinite(misfit) & (misfit <= 2 * np.median(misfit)))
