"""MultiRocket on series of windows (aeon), with a linear head of ours: kept as arrays.

Tan, Dempster, Bergmeir, Webb 2022, MultiRocket. The weights of its kernels have the sum 0: they see
how a series runs, not its level, which tells postures apart. So the level and the spread of every
channel stand beside them, and together count as much as all kernels.

The kernels follow from a seed and from the series that they were shown first. So a model keeps
these series and the seed instead of aeon's objects, and makes the kernels anew when it is opened;
what they must give is kept too, as a check.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError, ModelError
from mousepose.extras import needed
from mousepose.types import Floats, Ints

#: Kernels of MultiRocket; features are eight times as many.
KERNELS = 504
#: Series from which the kernels' thresholds are drawn.
_SHOWN = 256
#: Windows shorter than this have no room for a kernel.
SHORTEST = 10
#: Series whose features are in memory at once.
_AT_ONCE = 1000
_PENALTIES = np.logspace(-1, 5, 13)
#: Series whose features are kept as a check, how many features, and how far they may be off.
_CHECKED, _KEPT, _ROUNDING = 8, 64, 1e-3


@dataclass(frozen=True, eq=False)
class RocketHead:
    """A linear rule on the features of kernels, and on level and spread of the channels.

    `shown` (S, C, W) are the series, standardised, that the kernels are made from with `seed`;
    `middle` and `scale` (C,) standardise a channel, `offset` and `spread` (F,) a feature; `slope`
    (F, K) and `level` (K,) are the rule. `check` (8, 64) are features of the first shown series;
    `aeon` is the version of aeon.
    """

    shown: NDArray[np.float32]
    seed: int
    kernels: int
    middle: Floats
    scale: Floats
    offset: Floats
    spread: Floats
    slope: Floats
    level: Floats
    check: NDArray[np.float32]
    aeon: str

    def __post_init__(self) -> None:
        channels, features = self.shown.shape[1:2], len(self.offset)
        real = (self.middle, self.scale, self.offset, self.spread, self.slope, self.level)
        good = (
            self.shown.ndim == 3
            and self.shown.dtype == np.float32
            and all(array.dtype.kind == "f" and np.isfinite(array).all() for array in real)
            and isinstance(self.seed, int)
            and isinstance(self.kernels, int)
            and self.middle.shape == self.scale.shape == channels
            and self.spread.shape == (features,)
            and self.slope.shape == (features, len(self.level))
            and 84 <= self.kernels <= 20_000
        )
        if not good:
            raise ModelError("the rule of the kernels is damaged: its arrays do not fit together")

    def scores(self, series: NDArray[np.float32]) -> Floats:
        """Return the raw scores (N, K) of series (N, C, W).

        Raises `InputError` where aeon is not installed, `ModelError` where another version of it
        makes other kernels.
        """
        if series.shape[1:] != self.shown.shape[1:]:
            raise ModelError(
                f"the kernels are of series {self.shown.shape[1:]}, got {series.shape[1:]}"
            )
        if not len(series):
            return np.zeros((0, len(self.level)))
        return np.concatenate([
            self._some(series[row : row + _AT_ONCE]) for row in range(0, len(series), _AT_ONCE)
        ])  # fmt: skip

    def _some(self, series: NDArray[np.float32]) -> Floats:
        features = _features(self._kernels, _filled(series, self.middle, self.scale))
        return np.asarray((features - self.offset) / self.spread @ self.slope + self.level)

    @cached_property
    def _kernels(self) -> Any:
        import_aeon()
        import aeon

        kernels = _made(self.shown, self.seed, self.kernels)
        found = _features(kernels, self.shown[:_CHECKED])[:, :_KEPT]
        if found.shape != self.check.shape or not np.allclose(found, self.check, atol=_ROUNDING):
            raise ModelError(
                f"aeon {aeon.__version__} makes other kernels than aeon {self.aeon}, with which "
                f"this model was trained: pip install aeon=={self.aeon}, or train again"
            )
        return kernels


def import_aeon() -> None:
    """Raise `InputError` where aeon is not installed."""
    needed("analysis", "the rocket classifier", "aeon", "sklearn")


def train_rocket(
    series: NDArray[np.float32], labels: Ints, weights: Floats, seed: int, kernels: int = KERNELS
) -> RocketHead:
    """Return kernels and a rule that tell `labels` (N,), counted from 0, by series (N, C, W).

    The penalty of the rule is the one that does best on left-out rows. Raises `InputError` where
    aeon is not installed and on windows of fewer than 10 frames.
    """
    import_aeon()
    import aeon
    from sklearn.linear_model import RidgeClassifierCV

    if series.shape[2] < SHORTEST:
        raise InputError(
            f"windows of {series.shape[2]} frames are too short for the rocket classifier: it "
            f"needs {SHORTEST} or more; make the window longer, or take boosting"
        )
    values = np.moveaxis(series, 1, 0).reshape(series.shape[1], -1)
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1), 1)
    middle = np.where(known, values, 0).sum(axis=1, dtype=np.float64) / count
    apart = np.where(known, values - middle[:, None], 0.0)
    scale = np.sqrt((apart**2).sum(axis=1, dtype=np.float64) / count)
    scale[scale < 1e-9] = 1.0
    filled = _filled(series, middle, scale)
    rows = np.random.default_rng(seed).permutation(len(filled))[:_SHOWN]
    shown = filled[rows]
    made = _made(shown, seed, kernels)
    features = _features(made, filled)
    offset, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread < 1e-6] = 1.0
    plain = 2 * series.shape[1]
    spread[-plain:] /= np.sqrt((len(spread) - plain) / plain)
    rule = RidgeClassifierCV(alphas=_PENALTIES)
    rule.fit((features - offset) / spread, labels, sample_weight=weights)
    slope, level = rule.coef_.T, np.atleast_1d(rule.intercept_)
    if slope.shape[1] == 1:
        slope, level = np.hstack([-slope, slope]) / 2, np.array([-level[0], level[0]]) / 2
    check = _features(made, shown[:_CHECKED])[:, :_KEPT].astype(np.float32)
    return RocketHead(
        shown, seed, kernels, middle, scale, offset, spread, np.asarray(slope, np.float64), level,
        check, aeon.__version__,
    )  # fmt: skip


def _filled(series: NDArray[np.float32], middle: Floats, scale: Floats) -> NDArray[np.float32]:
    """Return standardised series without unknowns.

    What is not known is taken from the nearest frame that is, and where a window has none from the
    middle of the channel.
    """
    values = (series - middle[:, None]) / scale[:, None]
    known = np.isfinite(values)
    frames = np.arange(series.shape[2])
    before = np.maximum.accumulate(np.where(known, frames, -1), axis=2)
    after = np.where(known, frames, series.shape[2])
    after = np.minimum.accumulate(after[..., ::-1], axis=2)[..., ::-1]
    later = (before < 0) | ((after < series.shape[2]) & (after - frames < frames - before))
    nearest = np.where(later, after, before)
    empty = nearest >= series.shape[2]
    taken = np.take_along_axis(values, np.where(empty, 0, nearest), axis=2)
    return np.ascontiguousarray(np.where(empty, 0.0, taken).astype(np.float32))


def _made(shown: NDArray[np.float32], seed: int, kernels: int) -> Any:
    from aeon.transformations.collection.convolution_based import MultiRocket

    found = MultiRocket(n_kernels=kernels, random_state=seed)
    before = np.random.get_state()  # noqa: NPY002 - aeon seeds NumPy's generator for all
    try:
        found.fit(shown)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return found


def _features(kernels: Any, series: NDArray[np.float32]) -> Floats:
    """Return the features (N, F) of kernels, then level and spread of each channel."""
    found = np.asarray(kernels.transform(series), np.float64)
    return np.concatenate([found, series.mean(axis=2), series.std(axis=2)], axis=1)
