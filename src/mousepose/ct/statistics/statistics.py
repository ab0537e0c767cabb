"""How animals differ: principal components of their measures, and how far these can be trusted.

Curves after Davies, Twining, Taylor, Statistical models of shape (2008), chapter 9: compactness
(how few components hold the variance), generalisation (how well an animal that was left out is told
by those of the others) and specificity (how near an animal drawn at random is to a real one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.errors import InputError
from mousepose.types import Floats, Ints

#: Rounds in which unknown measures are told from the known ones.
_FILLING = 200
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Components:
    """Measures as mean (D,) + scores @ directions: `directions` (K, D) orthonormal, `sd` (K,).

    `scores` (N, K) are those of the animals, `share` (K,) 0-1 the variance that each component
    holds.
    """

    mean: Floats
    directions: Floats
    sd: Floats
    scores: Floats
    share: Floats

    def project(self, data: Floats) -> Floats:
        """Return the scores (*B, K) of measures (*B, D)."""
        return np.asarray((data - self.mean) @ self.directions.T)

    def rebuild(self, scores: Floats) -> Floats:
        """Return the measures (*B, D) of scores (*B, K), or of their first few."""
        return np.asarray(self.mean + scores @ self.directions[: scores.shape[-1]])


@dataclass(frozen=True, eq=False)
class ShapeCurves:
    """How good the first components are: `components` (K,) from 1 on, and three curves (K,).

    `compactness` is the share of variance; `generalisation` and `specificity` are root mean square
    differences in the unit of the measures: the least is best.
    """

    components: Ints
    compactness: Floats
    generalisation: Floats
    specificity: Floats


def principal_components(data: Floats, count: int | None = None) -> Components:
    """Return the principal components of measures (N, D), at most `count` and at most N - 1.

    Each direction's largest entry is positive, so that the same data give the same signs. Raises
    `InputError` for fewer than two animals or numbers that are none.
    """
    _check(data)
    mean = data.mean(axis=0)
    most = min(len(data) - 1, data.shape[1])
    left, singular, right = np.linalg.svd(data - mean, full_matrices=False)
    kept = min(most, count) if count is not None else most
    sign = np.sign(np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1))
    right, left = right * sign, left * sign.T
    variance = singular**2 / (len(data) - 1)
    share = variance / max(float(variance.sum()), 1e-300)
    return Components(
        mean, right[:kept], np.sqrt(variance[:kept]), (left * singular)[:, :kept], share[:kept]
    )


def filled(data: Floats, count: int) -> Floats:
    """Return measures (N, D) with what is NaN told by the others, through `count` components.

    Iterated principal components (Roweis, EM algorithms for PCA and SPCA, 1998, without noise): a
    tail that the scan cut off is as long as those of animals alike. Raises `InputError` for a
    measure or an animal of which nothing is known.
    """
    known = np.isfinite(data)
    if not known.any(axis=0).all() or not known.any(axis=1).all():
        raise InputError(
            f"measures {np.flatnonzero(~known.any(axis=0)).tolist()} are known of no animal, "
            f"animals {np.flatnonzero(~known.any(axis=1)).tolist()} have no measure: leave them out"
        )
    if known.all():
        return data
    guess = np.where(known, data, np.nanmean(data, axis=0))
    for _ in range(_FILLING):
        found = principal_components(guess, count)
        # Variance that other components hold is noise: scores are shrunk by its share.
        rest = max(float(guess.var(axis=0, ddof=1).sum() - (found.sd**2).sum()), 0.0)
        noise = rest / max(data.shape[1] - len(found.sd), 1)
        shrunk = found.scores * (found.sd**2 / (found.sd**2 + noise + 1e-300))
        new = np.where(known, data, found.rebuild(shrunk))
        if np.abs(new - guess).max() < 1e-7 * max(float(np.abs(guess).max()), 1e-300):
            break
        guess = new
    return guess


def told_by(scores: Floats, factors: Floats) -> Floats:
    """Return the multiple correlation (F,) of factors (N, F) with scores (N, K): 1 is all told.

    Components of like variance mix what made them, so no single one need be a factor; what counts
    is whether together they tell it. With N - 1 scores or more anything is told.
    """
    centred = scores - scores.mean(axis=0)
    wanted = factors - factors.mean(axis=0)
    told = centred @ np.linalg.lstsq(centred, wanted, rcond=None)[0]
    return np.asarray(np.sqrt((told**2).sum(axis=0) / np.maximum((wanted**2).sum(axis=0), 1e-300)))


def shape_curves(data: Floats, most: int, *, seed: int = 0) -> ShapeCurves:
    """Return how well 1 to `most` principal components of measures (N, D) tell animals.

    Generalisation leaves each animal out in turn. Raises `InputError` for fewer than four animals.
    """
    _check(data)
    if len(data) < 4:
        raise InputError(f"curves of {len(data)} animals say nothing; expected 4 or more")
    most = min(most, len(data) - 2, data.shape[1])
    whole = principal_components(data)
    left_out = np.zeros((len(data), most))
    for index in range(len(data)):
        found = principal_components(np.delete(data, index, axis=0), most)
        centred = data[index] - found.mean
        scores = found.directions @ centred
        square = (centred**2).sum() - np.cumsum(scores**2)
        left_out[index] = np.sqrt(np.maximum(square, 0) / data.shape[1])
    drawn = np.random.default_rng(seed).normal(size=(_DRAWS, most)) * whole.sd[:most]
    scores = np.pad(whole.scores, ((0, 0), (0, max(0, most - whole.scores.shape[1]))))
    specificity = [_nearest_animal(drawn[:, : k + 1], scores, data.shape[1]) for k in range(most)]
    return ShapeCurves(
        np.arange(1, most + 1),
        np.cumsum(whole.share)[:most],
        left_out.mean(axis=0),
        np.array(specificity),
    )


def _nearest_animal(drawn: Floats, scores: Floats, measures: int) -> float:
    """Return the mean over draws (N, k) of the RMS difference to the nearest animal (M, K)."""
    along = drawn[:, None] - scores[None, :, : drawn.shape[1]]
    beside = (scores[:, drawn.shape[1] :] ** 2).sum(axis=1)
    square = (along**2).sum(axis=2) + beside
    return float(np.sqrt(square.min(axis=1) / measures).mean())


def _check(data: Floats) -> None:
    if data.ndim != 2 or len(data) < 2:
        raise InputError(f"expected measures (N, D) of 2 animals or more, got {data.shape}")
    if not np.isfinite(data).all():
        raise InputError("measures must be numbers; `filled` tells unknown ones from the others")
