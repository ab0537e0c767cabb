"""How good a classifier is: what it took for what, class by class, and whether its chances hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mousepose.errors import InputError
from mousepose.types import Floats, Ints, require

if TYPE_CHECKING:
    import pandas as pd

_BINS = 10
#: Draws of animals from which intervals of 95 % are made.
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores on clips; all shares lie between 0 and 1, NaN = there is nothing to tell it by.

    `confusion` (K, K) counts clips, rows are what they were, columns what they were taken for.
    `precision`, `recall` and `f1` (K,) are by class, `balanced_accuracy` is the mean recall.
    `interval` is the accuracy's interval of 95 % over `animals` animals. `log_loss` is in nats;
    `reliability` has a row for each tenth of the chance of what a clip was taken for: its mean, how
    often it was right, and of how many clips; `calibration_error` is how far these are apart.
    `most_frequent` is the accuracy of whoever always says the most frequent behaviour. Where no
    animals are known, `groups_are` "clips", and `animals` counts these.
    """

    classes: tuple[str, ...]
    confusion: Ints
    precision: Floats
    recall: Floats
    f1: Floats
    accuracy: float
    balanced_accuracy: float
    interval: tuple[float, float]
    most_frequent: float
    log_loss: float
    calibration_error: float
    reliability: pd.DataFrame
    animals: int
    groups_are: str = "animals"

    def table(self) -> pd.DataFrame:
        """Return a row for each behaviour: its clips, precision, recall and F1."""
        import pandas as pd

        return pd.DataFrame({
            "behaviour": list(self.classes),
            "clips": self.confusion.sum(axis=1),
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        })  # fmt: skip

    def summary(self) -> dict[str, float]:
        """Return the single numbers by name."""
        return {
            "accuracy": self.accuracy,
            "accuracy_low": self.interval[0],
            "accuracy_high": self.interval[1],
            "balanced_accuracy": self.balanced_accuracy,
            "most_frequent": self.most_frequent,
            "log_loss": self.log_loss,
            "calibration_error": self.calibration_error,
            "clips": float(self.confusion.sum()),
            "animals": float(self.animals),
        }


def score_chances(
    chances: Floats,
    truth: Ints,
    classes: tuple[str, ...],
    animals: np.ndarray,
    seed: int = 0,
    groups_are: str = "animals",
) -> Scores:
    """Return the scores of chances (N, K) for clips whose class is `truth` (N,).

    `animals` (N,) are drawn anew, with all their clips, for the interval. Raises `InputError` where
    there are no clips and where chances are none.
    """
    require(len(truth) > 0, "there are no clips to score")
    if chances.shape != (len(truth), len(classes)) or len(animals) != len(truth):
        raise InputError(
            f"chances: expected ({len(truth)}, {len(classes)}) and as many animals, got "
            f"{chances.shape} and {len(animals)}"
        )
    if not np.isfinite(chances).all() or not np.allclose(chances.sum(axis=1), 1, atol=1e-6):
        raise InputError("chances: expected numbers whose sum in each row is 1")
    said = chances.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (truth, said), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        hits = np.diagonal(confusion)
        precision = hits / confusion.sum(axis=0)
        recall = hits / confusion.sum(axis=1)
        f1 = 2 * hits / (confusion.sum(axis=0) + confusion.sum(axis=1))
    right = said == truth
    table = reliability(chances.max(axis=1), right)
    gap = (table["said"] - table["right"]).abs() * table["clips"]
    own = chances[np.arange(len(truth)), truth]
    return Scores(
        classes, confusion, precision, recall, f1,
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.nanmean(recall)),
        interval=interval_over(right, animals, seed),
        most_frequent=float(confusion.sum(axis=1).max() / len(truth)),
        log_loss=float(-np.log(np.maximum(own, 1e-12)).mean()),
        calibration_error=float(gap.sum() / len(truth)),
        reliability=table,
        animals=len(np.unique(animals)),
        groups_are=groups_are,
    )  # fmt: skip


def reliability(chance: Floats, right: np.ndarray) -> pd.DataFrame:
    """Return how often clips given a `chance` (N,) were `right` (N,), by tenths of the chance.

    Columns: `said` (mean chance), `right` (share), `clips`; tenths without clips are left out.
    """
    import pandas as pd

    tenth = np.minimum((chance * _BINS).astype(np.int64), _BINS - 1)
    count = np.bincount(tenth, minlength=_BINS)
    filled = count > 0
    said = np.bincount(tenth, chance, _BINS)[filled] / count[filled]
    share = np.bincount(tenth, right.astype(float), _BINS)[filled] / count[filled]
    return pd.DataFrame({"said": said, "right": share, "clips": count[filled]})


def interval_over(values: np.ndarray, animals: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the interval of 95 % of the mean of `values` (N,), drawing whole animals anew.

    It is (NaN, NaN) with fewer than two animals: of one nothing can be said about others.
    """
    names, animal = np.unique(animals, return_inverse=True)
    if len(names) < 2:
        return np.nan, np.nan
    count = np.bincount(animal).astype(float)
    total = np.bincount(animal, np.asarray(values, float))
    drawn = np.random.default_rng(seed).integers(len(names), size=(_DRAWS, len(names)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
