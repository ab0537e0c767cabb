"""How good found keypoints are against labelled ones, in per cent of the body's length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.skeleton import KEYPOINT_NAMES, side_pairs
from mousepose.types import Floats

#: Left and right nearer to each other than this (per cent) cannot be told apart by their place.
_APART_PERCENT = 5.0
#: An error above this (per cent) is one that the confidence must warn of.
WRONG_PERCENT = 10.0
_LEFT, _RIGHT = map(list, zip(*side_pairs(KEYPOINT_NAMES), strict=True))
_NOSE, _TAIL = KEYPOINT_NAMES.index("NOSE"), KEYPOINT_NAMES.index("ROOT_TAIL")


def errors_percent(found: Floats, truth: Floats, length: ArrayLike) -> Floats:
    """Return the errors (N, K) of points (N, K, 2) in per cent of lengths (N,) in the same px.

    NaN where there is no truth; infinite where nothing was found.
    """
    off = np.linalg.norm(found - truth, axis=-1) / np.asarray(length)[:, None] * 100
    labelled = np.isfinite(truth).all(-1)
    lost = labelled & ~np.isfinite(found).all(-1)
    return np.where(labelled, np.where(lost, np.inf, off), np.nan)


def score(
    found: Floats, truth: Floats, length: ArrayLike, confidence: Floats | None = None
) -> dict[str, float]:
    """Return the figures of points (N, 22, 2) against labels (N, 22, 2) px, NaN = no label.

    "median_percent", "pck5", "pck10", "pck20" (share of points within so many per cent of the
    length), "swaps_percent" (of labelled pairs of left and right, those that fit better exchanged),
    "flips_percent" (the nose nearer to the true tail root), "points"; with `confidence` (N, 22)
    also "auroc" of it for an error above 10 %. What cannot be counted is left out.
    """
    errors = errors_percent(found, truth, length)
    known = np.isfinite(errors) | np.isinf(errors)
    values = errors[known]
    figures = {"points": float(values.size)}
    if values.size == 0:
        return figures
    figures["median_percent"] = float(np.median(values))
    for limit in (5, 10, 20):
        figures[f"pck{limit}"] = float(100 * (values <= limit).mean())
    figures |= _exchanged(found, truth, length)
    if confidence is not None:
        area = auroc(confidence[known], values > WRONG_PERCENT)
        if np.isfinite(area):
            figures["auroc"] = area
    return figures


def auroc(confidence: Floats, wrong: NDArray[np.bool_]) -> float:
    """Return the chance that a wrong point has a lower confidence than a right one; ties half.

    NaN where all are right or all wrong.
    """
    from scipy.stats import rankdata

    wrongs, rights = int(wrong.sum()), int((~wrong).sum())
    if wrongs == 0 or rights == 0:
        return float("nan")
    ranks = rankdata(np.asarray(confidence, np.float64))
    return float((ranks[~wrong].sum() - rights * (rights + 1) / 2) / (rights * wrongs))


def _exchanged(found: Floats, truth: Floats, length: ArrayLike) -> dict[str, float]:
    figures = {}
    left, right = truth[:, _LEFT], truth[:, _RIGHT]
    apart = np.linalg.norm(left - right, axis=-1) / np.asarray(length)[:, None] * 100
    here, there = found[:, _LEFT], found[:, _RIGHT]
    straight = np.linalg.norm(here - left, axis=-1) + np.linalg.norm(there - right, axis=-1)
    crossed = np.linalg.norm(here - right, axis=-1) + np.linalg.norm(there - left, axis=-1)
    counted = apart > _APART_PERCENT
    if counted.any():
        figures["swaps_percent"] = float(100 * (crossed < straight)[counted].mean())
    ends = np.isfinite(truth[:, [_NOSE, _TAIL]]).all((1, 2))
    if ends.any():
        nose = found[ends, _NOSE]
        to_tail = np.linalg.norm(nose - truth[ends, _TAIL], axis=-1)
        to_nose = np.linalg.norm(nose - truth[ends, _NOSE], axis=-1)
        figures["flips_percent"] = float(100 * (to_tail < to_nose).mean())
    return figures
