"""How much frames tell: how well they fit, which to trust, how many are independent."""

from __future__ import annotations

import numpy as np

from mousepose.fit.arrays import Points
from mousepose.types import Floats, Ints

#: Mean energy per point above which a frame does not look like any mouse.
POOR = 6.0


def energy_per_point(points: Points, cost: Floats) -> Floats:
    """Return the energy (T,) of every frame, `cost` (T,) or (T, terms), per seen point."""
    total = cost if cost.ndim == 1 else cost.sum(1)
    return np.asarray(total / np.maximum(np.isfinite(points.xy[..., 0]).sum((1, 2)), 1))


def independent_frames(times: Floats, seconds: float) -> float:
    """Return how many frames at `times` (T,) s are `seconds` apart, in effect."""
    return 1.0 + float(np.minimum(np.diff(times), seconds).sum()) / seconds


def trustworthy(points: Points, cost: Floats) -> Ints:
    """Return the frames that fit like most: a wrong pose must not bend what is learned."""
    misfit = np.nan_to_num(energy_per_point(points, cost), nan=np.inf)
    return np.flatnonzero(np.isfinite(misfit) & (misfit <= 2 * np.median(misfit)))
