"""From scores to chances that hold: of windows given 70 %, seven in ten are what they are called.

Guo, Pleiss, Sun, Weinberger 2017, On Calibration of Modern Neural Networks: one number, the
temperature, divides all scores. It changes no order, and it is learned on scores that no model gave
to what it was trained on.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from mousepose.types import Floats, Ints, require

#: Temperatures between these are searched; more is no model worth having.
_RANGE = (0.02, 50.0)


def chances_of(scores: Floats, temperature: float = 1.0) -> Floats:
    """Return the chances (N, K), each row with the sum 1, of scores (N, K)."""
    scaled = scores / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def fit_temperature(
    scores: Floats, labels: Ints, weights: Floats | None = None, independent: int | None = None
) -> float:
    """Return the temperature under which `labels` (N,) are likeliest, by scores (N, K).

    `weights` (N,) have the mean 1. `independent` says how many of the scores tell something of
    their own, by default all: a classifier that made no error on ten clips may make one on the
    eleventh (rule of succession), so that no chance becomes 1. Raises `InputError` where there is
    nothing to learn it from.
    """
    require(len(scores) == len(labels) and len(labels) > 0, "no scores to learn chances from")
    weights = np.ones(len(labels)) if weights is None else weights
    classes = scores.shape[1]
    doubt = classes / (classes + (len(labels) if independent is None else independent))

    def cost(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        own = (1 - doubt) * scaled[np.arange(len(labels)), labels] + doubt * scaled.mean(axis=1)
        return float(weights @ (total - own))

    low, high = np.log(_RANGE)
    found = minimize_scalar(cost, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))
