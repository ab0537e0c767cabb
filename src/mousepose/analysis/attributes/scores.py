"""How well predictions agree with the truth, and within which limits when animals are redrawn.

Every score takes weights (B, N) of the samples and returns B numbers: one for each set of weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import Predictions
from mousepose.analysis.attributes.task import Task
from mousepose.types import Floats


def score_of(task: Task, found: Predictions, weight: Floats) -> Floats:
    """Return the main score (B,): the area under the ROC curve, or R2 of a number.

    Only samples that were predicted by the same model are compared: what models of different folds
    say is not on one scale, and pooling them biases the area downwards (Airola et al., Comput.
    Stat. Data Anal. 55, 2011). Several classes give the mean of the areas of each against the
    rest. R2 is 0 for one who always says the mean, and may be below.
    """
    if task.is_number:
        return r_squared(task, found.guess, weight)
    return ordered_share(task, found.guess, weight, found.together)


def ordered_share(task: Task, guess: Floats, weight: Floats, pairs: NDArray[np.bool_]) -> Floats:
    """Return the share (B,) of pairs of different value that `guess` (R, N, L) orders rightly.

    Of classes this is the area under the ROC curve, the mean over each class against the rest; of
    a number the concordance index. A tie counts half. `pairs` (R, N, N) tells which pairs count.
    NaN where none does.
    """
    # The second of two classes says no more than the first.
    columns = range(1 if len(task.classes) == 2 else task.target.shape[1])
    found = []
    for column in columns:
        true, said = task.target[:, column], guess[..., column]
        counted = pairs & (true[:, None] > true)
        ahead = said[:, :, None] - said[:, None, :]
        right = np.where(counted, (ahead > 0) + 0.5 * (ahead == 0), 0.0).sum(axis=0)
        number = ((weight @ counted.sum(axis=0)) * weight).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(((weight @ right) * weight).sum(axis=1) / number)
    return np.asarray(np.mean(found, axis=0))


def r_squared(task: Task, guess: Floats, weight: Floats) -> Floats:
    """Return 1 - squared error over variance (B,) of a number, the error a mean over splits."""
    true, total = task.target[:, 0], weight.sum(axis=1)
    mean = weight @ true / total
    variance = weight @ true**2 - total * mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = ((true - guess[..., 0]) ** 2).mean(axis=0)
        return np.asarray(1 - weight @ squared / variance)


def balanced_accuracy(task: Task, guess: Floats) -> float:
    """Return the mean over classes of the share of samples that are told rightly."""
    shares = confusion(task, guess)
    return float(np.mean(np.diag(shares) / shares.sum(axis=1)))


def confusion(task: Task, guess: Floats) -> Floats:
    """Return how many samples (L, L) of each class (rows) are taken for which, a mean of splits."""
    number = len(task.classes)
    counts = np.zeros((number, number))
    for said in guess:
        np.add.at(counts, (task.kind, np.argmax(said, axis=1)), 1 / len(guess))
    return counts


def mean_error(task: Task, guess: Floats) -> float:
    """Return the mean absolute error of a number, in its own unit."""
    return float(np.abs(task.target - guess).mean())


def roc_curve(task: Task, found: Predictions, column: int) -> tuple[Floats, Floats]:
    """Return false and true positive rates of one class against the rest, the mean over folds.

    Folds count by their pairs, so that the area below is the score.
    """
    rate = np.linspace(0.0, 1.0, 401)
    total, pairs = np.zeros_like(rate), 0
    for said, fold in zip(found.guess[..., column], found.fold, strict=True):
        for number in np.unique(fold):
            own = fold == number
            positive = task.target[own, column] > 0
            yes, no = said[own][positive], said[own][~positive]
            if len(yes) and len(no):
                total += len(yes) * len(no) * _stairs(yes, no, rate)
                pairs += len(yes) * len(no)
    return np.append(0.0, rate), np.append(0.0, total / pairs)


def _stairs(yes: Floats, no: Floats, rate: Floats) -> Floats:
    """Return the true positive rate at each false positive `rate`; ties climb straight."""
    steps = np.unique(np.concatenate([yes, no, [np.inf, -np.inf]]))[::-1]
    false = (no >= steps[:, None]).mean(axis=1)
    true = (yes >= steps[:, None]).mean(axis=1)
    # Where the curve climbs straight the rates must still differ a little to be read between.
    return np.asarray(np.interp(rate, false - 1e-9 * np.arange(len(false))[::-1], true))


def once(task: Task) -> Floats:
    """Return the weights (1, N) that count every sample once."""
    return np.ones((1, len(task)))


def redrawn(task: Task, config: AttributeConfig) -> Floats:
    """Return how often (B, N) each sample counts when the animals are drawn with replacement."""
    random = np.random.default_rng([config.seed, 1])
    number = len(task.animals)
    drawn = random.integers(0, number, (config.bootstraps, number))
    counts = np.zeros((config.bootstraps, number))
    np.add.at(counts, (np.arange(config.bootstraps)[:, None], drawn), 1)
    return counts[:, task.animal]


def interval(values: Floats, level: float) -> tuple[float, float]:
    """Return the limits between which the middle `level` of the known values lie.

    NaN where fewer than half of the values are known.
    """
    known = values[np.isfinite(values)]
    if 2 * len(known) < len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
