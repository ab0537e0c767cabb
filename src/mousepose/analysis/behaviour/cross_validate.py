"""Training, and what a classifier is worth on animals that it has never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.analysis.behaviour.chances import chances_of, fit_temperature
from mousepose.analysis.behaviour.classifier import (
    BehaviourModel,
    LabelledWindows,
    Method,
    head_scores,
    train_head,
)
from mousepose.analysis.behaviour.scores import Scores, score_chances
from mousepose.analysis.folds import check_no_leak, grouped_folds
from mousepose.types import Floats, Ints, Progress


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What windows were taken for by classifiers that knew nothing of their animals.

    `chances` (N, K) of `classes`; `fold` (N,) in which a window was tested; `temperature` is that
    of all scores together. `scores` are by clip: a clip's chance is the mean of its windows'.
    """

    classes: tuple[str, ...]
    chances: Floats
    fold: Ints
    temperature: float
    scores: Scores


def cross_validate(
    data: LabelledWindows,
    method: Method = "boosting",
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> CrossValidation:
    """Return what classifiers say of windows of animals that they were not trained on.

    Whole animals are left out, and with them their clips; where animals are not known, whole clips.
    The temperature of a fold is learned on the scores of the other folds. Raises `InputError` as
    `grouped_folds` does: too few animals, one class only.
    """
    classes = data.classes
    codes, weights = data.codes(classes), data.weights()
    scores = np.zeros((len(data), len(classes)))
    fold_of = np.zeros(len(data), np.int64)
    groups_are = "animals" if data.animals_known else "clips"
    parts = grouped_folds(data.animals, data.labels, folds, seed, groups_are)
    for number, (train, test) in enumerate(parts):
        check_no_leak(data.animals[train], data.animals[test], groups_are)
        head = train_head(data.chosen(train), classes, method, seed)
        scores[test] = head_scores(head, data.windows.chosen(test))
        fold_of[test] = number
        if progress is not None:
            progress("training on folds", number + 1, folds)
    chances = np.zeros_like(scores)
    for number in range(folds):
        own, others = fold_of == number, fold_of != number
        independent = len(np.unique(data.clips[others]))
        temperature = fit_temperature(scores[others], codes[others], weights[others], independent)
        chances[own] = chances_of(scores[own], temperature)
    temperature = fit_temperature(scores, codes, weights, len(np.unique(data.clips)))
    return CrossValidation(
        classes, chances, fold_of, temperature, score_clips(chances, data, classes, seed)
    )


def train_behaviour(
    data: LabelledWindows,
    method: Method = "boosting",
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[BehaviourModel, CrossValidation]:
    """Return a classifier trained on all windows, and how good its like is on unseen animals.

    Raises `InputError` as `cross_validate` does.
    """
    checked = cross_validate(data, method, folds, seed, progress)
    head = train_head(data, checked.classes, method, seed)
    windows = data.windows
    numbers = {key: round(x, 6) for key, x in checked.scores.summary().items() if np.isfinite(x)}
    notes = {
        "animals": len(np.unique(data.animals)) if data.animals_known else 0,
        "clips": len(np.unique(data.clips)),
        "windows": len(data),
        "folds": folds,
        "seed": seed,
        "scores": numbers,
    }
    animals = tuple(map(str, np.unique(data.animals))) if data.animals_known else ()
    model = BehaviourModel(
        checked.classes, windows.layout, windows.length, windows.rate, head, checked.temperature,
        animals, notes,
    )  # fmt: skip
    return model, checked


def score_model(model: BehaviourModel, data: LabelledWindows, seed: int = 0) -> Scores:
    """Return the scores of a trained classifier on clips of animals that it has not seen.

    Raises `InputError` where it was trained on one of the animals, and on unknown behaviours.
    """
    if data.animals_known:
        check_no_leak(model.animals, data.animals)
    return score_clips(model.chances(data.windows), data, model.classes, seed)


def score_clips(
    chances: Floats, data: LabelledWindows, classes: tuple[str, ...], seed: int = 0
) -> Scores:
    """Return the scores of clips, by the mean of the chances (N, K) of their windows."""
    names, first, clip = np.unique(data.clips, return_index=True, return_inverse=True)
    count = np.bincount(clip)[:, None]
    mean = np.stack([np.bincount(clip, column) for column in chances.T], axis=1) / count
    truth = data.codes(classes)[first]
    groups_are = "animals" if data.animals_known else "clips"
    return score_chances(mean, truth, classes, data.animals[first], seed, groups_are)
