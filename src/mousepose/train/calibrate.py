"""Honest confidence and covariance, learnt from how far points on held-out pictures are off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.types import Floats

#: Fewer points than this calibrate nothing.
LEAST_POINTS = 40
#: A calibrated confidence has so many steps at most, each of so many points at least.
_STEPS, _POINTS_A_STEP = 12, 25
#: No step is surer than its number of points allows: one wrong and one right point are added.
_PRIOR = 0.5
#: Median of the squared distance, in standard deviations, of points in two dimensions.
_CHI_SQUARE_MEDIAN = 2 * np.log(2)
_SCALE_RANGE = (0.05, 50.0)
#: How much the curve rises where the points show no rise.
_RISE = 0.01


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What held-out points say: `scores` and `confidences` of the curve, `covariance_scale`."""

    scores: tuple[float, ...]
    confidences: tuple[float, ...]
    covariance_scale: float


def calibrate(
    score: Floats, right: NDArray[np.bool_], off: Floats, covariance: Floats, weight: Floats
) -> Calibrated:
    """Return the calibration of M points: `score` (M,), whether each is `right` (M,).

    `off` (M, 2) px is how far each is from the truth, `covariance` (M, 2, 2) px^2 how far it was
    said to be, `weight` (M,) how much it counts. Confidences rise with the score (isotonic
    regression). The covariances' scale makes half of the points lie within the half of their
    distribution. Raises `InputError` for fewer than `LEAST_POINTS`.
    """
    if len(score) < LEAST_POINTS:
        raise InputError(
            f"calibration: {len(score)} held-out points, {LEAST_POINTS} are needed; hold out more"
        )
    edges, shares = _whole_range(*_steps(score, right, weight))
    inverse = np.linalg.inv(covariance)
    distance = np.einsum("mi,mij,mj->m", off, inverse, off)
    scale = _weighted_median(distance, weight) / _CHI_SQUARE_MEDIAN
    bounded = float(np.clip(scale, *_SCALE_RANGE))
    return Calibrated(tuple(edges.tolist()), tuple(shares.tolist()), bounded)


def isotonic(values: Floats, weight: Floats) -> Floats:
    """Return the rising values (M,) nearest to `values` in weighted squares (pool adjacent)."""
    blocks: list[list[float]] = []  # value, weight, count
    for value, amount in zip(values.tolist(), weight.tolist(), strict=True):
        blocks.append([value, amount, 1.0])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            later, before = blocks.pop(), blocks.pop()
            total = before[1] + later[1]
            mean = (before[0] * before[1] + later[0] * later[1]) / total
            blocks.append([mean, total, before[2] + later[2]])
    return np.concatenate([np.full(int(count), value) for value, _, count in blocks])


def _steps(score: Floats, right: NDArray[np.bool_], weight: Floats) -> tuple[Floats, Floats]:
    """Return mean score and confidence of steps with equally many points, both rising."""
    order = np.argsort(score, kind="stable")
    count = max(min(_STEPS, len(score) // _POINTS_A_STEP), 2)
    groups = np.array_split(order, count)
    means = np.array([np.average(score[g], weights=weight[g]) for g in groups])
    # weights are relative: what counts is how many points they amount to
    amount = np.array([weight[g].sum() ** 2 / (weight[g] ** 2).sum() for g in groups])
    hits = np.array([np.average(right[g], weights=weight[g]) for g in groups]) * amount
    shares = isotonic((hits + _PRIOR) / (amount + 2 * _PRIOR), amount)
    rising = np.concatenate([[True], np.diff(means) > 1e-9])
    return means[rising], shares[rising]


def _whole_range(scores: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Return the curve drawn out to scores 0 and 1, and rising everywhere: no two scores tie."""
    scores = np.concatenate([[0.0], scores, [1.0]])
    shares = np.concatenate([shares[:1], shares, shares[-1:]])
    inside = np.concatenate([[True], np.diff(scores) > 0])
    slope = _RISE * (scores - 0.5)
    return scores[inside], np.clip(shares + slope, 0.0, 1.0)[inside]


def _weighted_median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
