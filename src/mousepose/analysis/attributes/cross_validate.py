"""Every animal is predicted by a model that has seen other animals only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.kernel import Features, fit_predict
from mousepose.analysis.attributes.task import Task
from mousepose.analysis.folds import Fold, check_no_leak, grouped_folds
from mousepose.errors import InputError
from mousepose.types import Floats, Ints

#: A class needs so many animals: one to test, one to train, one to tune on.
LEAST_ANIMALS = 3


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is predicted in each of R splits: `guess` (R, N, L), and the `fold` (R, N) of a sample.

    `chosen` are kernel and penalty of each model.
    """

    guess: Floats
    fold: Ints
    chosen: list[tuple[int, int]]

    @property
    def mean(self) -> Floats:
        """The mean (N, L) over all splits."""
        return np.asarray(self.guess.mean(axis=0))

    @property
    def together(self) -> NDArray[np.bool_]:
        """Which pairs of samples (R, N, N) were predicted by the same model."""
        return np.asarray(self.fold[:, :, None] == self.fold[:, None, :])


def check_animals(task: Task, config: AttributeConfig) -> None:
    """Raise `InputError` where there are too few animals, of a class or in all, for the folds."""
    for place, name in enumerate(task.classes):
        number = len(np.unique(task.animal[task.kind == place]))
        if number < LEAST_ANIMALS:
            raise InputError(
                f"{task.attribute}: only {number} animal(s) with {name}; every class needs "
                f"{LEAST_ANIMALS} (to train, to tune and to test on): leave the class out"
            )
    if len(task.animals) < config.folds:
        raise InputError(
            f"{task.attribute}: {len(task.animals)} animals are fewer than {config.folds} folds; "
            "take fewer folds, or record more animals"
        )


def splits_of(task: Task, config: AttributeConfig, groups: Ints | None = None) -> list[list[Fold]]:
    """Return `config.repeats` ways to split the samples, the same for all sets of features.

    `groups` (N,) are kept whole, by default the animals. Raises `InputError` where they are too
    few.
    """
    groups = task.animal if groups is None else groups
    return [
        grouped_folds(groups, task.kind, config.folds, config.seed * 1000 + repeat)
        for repeat in range(config.repeats)
    ]


def out_of_fold(features: Features, task: Task, splits: list[list[Fold]]) -> Predictions:
    """Return what is predicted of samples by models that have not seen their animals.

    Raises `InputError` where a split has an animal in training and test at once.
    """
    guess = np.zeros((len(splits), *task.target.shape))
    fold = np.zeros(guess.shape[:2], np.int64)
    chosen = []
    for repeat, split in enumerate(splits):
        for number, (train, test) in enumerate(split):
            check_no_leak(task.animal[train], task.animal[test])
            said, choice = fit_predict(
                features.part(train), task.target[train], class_weights(task, train),
                task.animal[train], features.part(test),
            )  # fmt: skip
            guess[repeat, test], fold[repeat, test] = said, number
            chosen.append(choice)
    return Predictions(guess, fold, chosen)


def class_weights(task: Task, rows: Ints) -> Floats:
    """Return what each of the samples counts, so that all classes count alike; mean 1."""
    if task.is_number:
        return np.ones(len(rows))
    number = (task.target[rows] > 0).sum(axis=0)
    kind = task.kind[rows]
    return np.asarray(len(rows) / (np.count_nonzero(number) * number[kind]))


def shuffled(task: Task, random: np.random.Generator) -> Task:
    """Return the task with its values shuffled over the animals.

    Where animals have samples of several classes, each animal's own are shuffled among them.
    """
    if not task.crossover:
        return task.with_target(task.target[random.permutation(len(task))])
    order = np.lexsort((random.random(len(task)), task.animal))
    target = np.empty_like(task.target)
    target[np.argsort(task.animal, kind="stable")] = task.target[order]
    return task.with_target(target)
