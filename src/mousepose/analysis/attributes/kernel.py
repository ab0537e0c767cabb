"""Kernel ridge regression on few animals and many measures: all penalties from one decomposition.

With weights w, targets y about their mean and the kernel K of the training, minimised is
sum w (y - K a)^2 + penalty a' K a; with S = diag(sqrt(w)), a = S (S K S + penalty)^-1 S y
(Saunders, Gammerman & Vovk, ICML 1998). On the indicators of classes, weighted so that all classes
count alike, this is regularised discriminant analysis (Hastie, Buja & Tibshirani, Ann. Stat. 23,
1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.types import Floats, Ints

#: What each training chooses among: a straight or a curved dependence, and how smooth it is.
KERNELS = ("linear", "Gaussian")
PENALTIES = np.array([0.01, 0.1, 1.0, 10.0, 100.0])
#: One animal far off the others (in standard deviations) must not decide alone.
_FARTHEST = 5.0


@dataclass(frozen=True, eq=False)
class Features:
    """Measures (N, P) of samples, NaN = unknown, and the block (P,) that each belongs to.

    Blocks weigh alike however many measures they have.
    """

    values: Floats
    block: Ints

    def part(self, rows: Ints) -> Features:
        """Return some of the samples."""
        return Features(self.values[rows], self.block)


def standardised(train: Floats, test: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return both with the mean 0 and the spread 1 that the training has; unknown values are 0.

    Measures that do not vary in the training are 0 throughout.
    """
    known = np.isfinite(train)
    own = np.where(known, weight[:, None], 0.0)
    total = np.maximum(own.sum(axis=0), 1e-300)
    mean = (own * np.where(known, train, 0.0)).sum(axis=0) / total
    away = np.where(known, train - mean, 0.0)
    sd = np.sqrt((own * away**2).sum(axis=0) / total)
    varies = sd > 1e-9 * np.maximum(np.abs(mean), 1e-9)
    scale = np.where(varies, 1 / np.where(varies, sd, 1.0), 0.0)
    far = np.where(np.isfinite(test), test - mean, 0.0) * scale
    return (
        np.clip(away * scale, -_FARTHEST, _FARTHEST),
        np.clip(far, -_FARTHEST, _FARTHEST),
    )


def fit_predict(
    train: Features, targets: Floats, weight: Floats, groups: Ints, test: Features
) -> tuple[Floats, tuple[int, int]]:
    """Return what is predicted for the test (N, L) from targets (M, L) of the training.

    `weight` (M,) is what each sample of the training counts and `groups` (M,) its animal. Kernel
    and penalty are those of the least weighted squared error when each animal of the training is
    predicted from the others of it; second are their places in `KERNELS` and `PENALTIES`.
    """
    own, other = standardised(train.values, test.values, weight)
    share = _block_shares(train.block)
    mean = weight @ targets / weight.sum()
    root = np.sqrt(weight)[:, None]
    found = []
    for place, pair in enumerate(_kernels(own, other, share)):
        kernel, reach = _centred(*pair, weight)
        level, axes = np.linalg.eigh(root * kernel * root.T)
        level, seen = np.maximum(level, 0.0), axes.T @ (root * (targets - mean))
        error = _left_out_error(level, axes, root, root * (targets - mean), groups)
        penalty = int(np.argmin(error))
        slopes = axes @ (seen / (level + PENALTIES[penalty])[:, None])
        found.append((error[penalty], place, penalty, (reach * root.T) @ slopes + mean))
    _, place, penalty, guess = min(found, key=lambda one: one[0])
    return guess, (place, penalty)


def _kernels(own: Floats, other: Floats, share: Floats) -> list[tuple[Floats, Floats]]:
    """Return each kernel within the training (M, M) and from the test to it (N, M)."""
    inner, across = (own * share) @ own.T, (other * share) @ own.T
    squares = (own**2 * share).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * inner, 0.0)
    away = np.maximum((other**2 * share).sum(axis=1)[:, None] + squares - 2 * across, 0.0)
    width = max(float(np.median(apart)), 1e-9)
    return [(inner, across), (np.exp(-apart / width), np.exp(-away / width))]


def _centred(kernel: Floats, reach: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return both kernels of measures whose weighted mean over the training is 0."""
    share = weight / weight.sum()
    inner = kernel - share @ kernel
    level = inner @ share
    return inner - level[:, None], reach - share @ kernel - (reach @ share)[:, None] + share @ (
        kernel @ share
    )


def _left_out_error(
    level: Floats, axes: Floats, root: Floats, targets: Floats, groups: Ints
) -> Floats:
    """Return for each penalty the squared error when whole groups are left out.

    With H = K (K + penalty)^-1, and the mean, which is fitted too, the residuals of a group that
    is left out are (1 - H_gg)^-1 times those of the full fit (Hastie, Tibshirani & Friedman, 2009,
    section 7.10).
    """
    kept = level / (level + PENALTIES[:, None])  # (penalties, M)
    rest = targets - axes @ (kept[..., None] * (axes.T @ targets))  # (penalties, M, L)
    constant = root / np.linalg.norm(root)  # (M, 1)
    order = np.argsort(groups, kind="stable")
    _, first, size = np.unique(groups[order], return_index=True, return_counts=True)
    error = np.zeros(len(PENALTIES))
    for number in np.unique(size):  # groups of one size at once
        rows = order[first[size == number][:, None] + np.arange(number)]  # (G, number)
        part, mean = axes[rows], constant[rows]
        hat = (part[:, None] * kept[:, None]) @ part.swapaxes(1, 2)[:, None]
        own = np.eye(number) - hat - (mean @ mean.swapaxes(1, 2))[:, None]
        left_out = np.linalg.solve(own, rest[:, rows].swapaxes(0, 1))  # (G, penalties, number, L)
        error += (left_out**2).sum(axis=(0, 2, 3))
    return error


def _block_shares(block: Ints) -> Floats:
    """Return what each measure (P,) counts, so that blocks count alike and all sum to 1."""
    _, place, size = np.unique(block, return_inverse=True, return_counts=True)
    return np.asarray(1 / (size[place] * len(size)))
