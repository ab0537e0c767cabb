"""How large a difference is over animals: Hedges' g with its interval, and what could be found.

Sources: Hedges & Olkin, Statistical Methods for Meta-Analysis, 1985; interval of noncentral t:
Cumming & Finch, Educ Psychol Meas 61, 2001; of repeated measures: Algina & Keselman, Educ Psychol
Meas 63, 2003.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from mousepose.types import Floats

#: Equally probable values of an estimated standard deviation that stand for all.
_NODES = 2000


class EffectSize(NamedTuple):
    """A standardized difference with its interval, and over how many animals; NaN = unknown."""

    g: float
    low: float
    high: float
    animals: int


UNKNOWN = EffectSize(np.nan, np.nan, np.nan, 0)


def hedges_g(group: Floats, reference: Floats, confidence: float = 0.95) -> EffectSize:
    """Return g of the means (n,) of different animals: group minus reference.

    In units of the pooled standard deviation between animals. Unknown with fewer than two
    animals in either, or where animals do not differ.
    """
    first, second = len(group), len(reference)
    if min(first, second) < 2:
        return UNKNOWN
    free = first + second - 2
    squares = ((group - group.mean()) ** 2).sum() + ((reference - reference.mean()) ** 2).sum()
    sd = float(np.sqrt(squares / free))
    away = float(group.mean() - reference.mean())
    if not sd > 1e-12 * max(float(np.abs(group).max()), float(np.abs(reference).max())):
        return UNKNOWN
    scale = float(np.sqrt(1 / first + 1 / second))
    low, high = noncentral_interval(away / sd / scale, free, confidence)
    return EffectSize(small_sample(free) * away / sd, low * scale, high * scale, first + second)


def hedges_g_paired(group: Floats, reference: Floats, confidence: float = 0.95) -> EffectSize:
    """Return g of the means (n,) of the same animals in two conditions: group minus reference.

    In units of the standard deviation between animals (the mean variance of both conditions), so
    that it compares with that of different animals. The interval is that of Algina & Keselman.
    """
    count = len(group)
    if count < 2:
        return UNKNOWN
    variance = float((group.var(ddof=1) + reference.var(ddof=1)) / 2)
    change = group - reference
    spread = float(change.std(ddof=1))
    tiny = 1e-12 * max(float(np.abs(group).max()), float(np.abs(reference).max()))
    if not (variance > tiny**2 and spread > tiny):
        return UNKNOWN
    scale = spread / np.sqrt(count * variance)
    t = float(change.mean()) / (spread / np.sqrt(count))
    low, high = noncentral_interval(t, count - 1, confidence)
    g = small_sample(count - 1) * float(change.mean()) / float(np.sqrt(variance))
    return EffectSize(g, float(low * scale), float(high * scale), count)


def small_sample(free: float) -> float:
    """Return Hedges' exact factor against the bias of few animals, for degrees of freedom."""
    return float(
        np.exp(special.gammaln(free / 2) - special.gammaln((free - 1) / 2)) / np.sqrt(free / 2)
    )


def noncentral_interval(t: float, free: float, confidence: float) -> tuple[float, float]:
    """Return the noncentralities of t of which the observed `t` is an end of the usual range."""
    tail = (1 - confidence) / 2
    spread = _spread_of_sd(free)

    def centre(share: float) -> float:
        width = 8.0 + 4 * abs(t)
        return float(optimize.brentq(
            lambda nc: float(special.ndtr(t * spread - nc).mean()) - share, t - width, t + width
        ))  # fmt: skip

    return centre(1 - tail), centre(tail)


def detectable(error: float, free: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """Return the smallest true effect that such a study finds with this `power`.

    `error` is the standard error of the effect, `free` its degrees of freedom. It describes the
    study, not its result.
    """
    if not (np.isfinite(error) and free > 0):
        return np.nan
    limit = float(stats.t.ppf((1 + confidence) / 2, free))
    spread = _spread_of_sd(free)

    def missing(nc: float) -> float:
        found = special.ndtr(nc - limit * spread) + special.ndtr(-nc - limit * spread)
        return float(found.mean()) - power

    return float(optimize.brentq(missing, 0.0, 6 * limit + 20.0)) * error


def _spread_of_sd(free: float) -> Floats:
    """Return estimated over true standard deviations (M,), equally probable.

    Noncentral t by its definition: scipy's fails far out, where few degrees of freedom lead.
    """
    middle = (np.arange(_NODES) + 0.5) / _NODES
    return np.asarray(np.sqrt(special.chdtri(free, 1 - middle) / free))
