"""How far a reconstruction is from a known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats, PoseSequence, State, require

#: The 90 % quantile of chi-square with 3 degrees of freedom.
_CHI_SQUARE_90 = 6.2514


@dataclass(frozen=True)
class Accuracy:
    """Errors in mm and shares 0-1 over `points`, the number of keypoints and frames compared.

    `place` is the mean distance as it stands; `root` that after the root keypoint was put on its
    true place, `rigid` that after the best rotation and shift of each frame. `in_90_region` is the
    share of true points inside the region that should hold 90 % of them.
    """

    points: int
    place: float
    root: float
    rigid: float
    in_90_region: float


def compare_with_truth(
    sequence: PoseSequence, truth: Floats, among: NDArray[np.bool_] | None = None
) -> Accuracy:
    """Return the accuracy of keypoints against `truth` (T, K, 3) mm in the same frame of reference.

    `among` (T, K) chooses the keypoints that count, all by default; alignment always uses all that
    have an estimate. The root is keypoint 0. Raises `InputError` where the shapes differ.
    """
    points = sequence.keypoints
    require(truth.shape == points.shape, f"truth: expected {points.shape}, got {truth.shape}")
    known = np.isfinite(points).all(axis=-1) & np.isfinite(truth).all(axis=-1)
    known &= sequence.state != State.ABSENT
    chosen = known if among is None else known & among
    if not chosen.any():
        nothing = float("nan")
        return Accuracy(0, nothing, nothing, nothing, nothing)
    away = points - truth
    from_root = away - away[:, :1]
    aligned = _aligned(points, truth, known) - truth
    errors = [np.linalg.norm(x[chosen], axis=-1) for x in (away, from_root, aligned)]
    spread = np.linalg.solve(sequence.covariance[chosen], away[chosen][..., None])[..., 0]
    inside = (away[chosen] * spread).sum(axis=-1) < _CHI_SQUARE_90
    place, root, rigid = (float(np.nanmean(error)) for error in errors)
    return Accuracy(int(chosen.sum()), place, root, rigid, float(inside.mean()))


def _aligned(points: Floats, truth: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return points (T, K, 3) after the rotation and shift of each frame that is best for `known`.

    Kabsch, Acta Cryst. A 32 (1976).
    """
    weight = known[..., None].astype(np.float64)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1)

    def centred(values: Floats) -> tuple[Floats, Floats]:
        values = np.where(known[..., None], values, 0.0)
        middle = values.sum(axis=1, keepdims=True) / count
        return (values - middle) * weight, middle

    source, _ = centred(points)
    target, middle = centred(truth)
    u, _, vt = np.linalg.svd(np.swapaxes(source, 1, 2) @ target)
    mirrored = np.linalg.det(u @ vt) < 0
    u[mirrored, :, 2] *= -1
    return np.asarray(source @ u @ vt + middle)
