"""Folds for cross-validation in which no animal is in training and test at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.errors import InputError
from mousepose.types import Floats, Ints

#: Rows of training and rows of test, both increasing.
Fold = tuple[Ints, Ints]
_ROUNDING = 1e-9


def grouped_folds(
    groups: ArrayLike, labels: ArrayLike, folds: int, seed: int, groups_are: str = "animals"
) -> list[Fold]:
    """Return for each of `folds` parts the rows of training and of test, every group whole.

    `groups` (N,) names the animal of each row and `labels` (N,) its class; an animal may have rows
    of several classes. The classes are spread over the parts as evenly as whole animals allow:
    from the animal with the largest share of a class on, each goes where least of its classes
    is. The same `seed` gives the same parts. `groups_are` names the groups in messages.

    Raises `InputError` where fewer animals than folds are there, where there is one class only,
    or a class that cannot be in every training part, as it was seen in one animal only.
    """
    own, classes = np.asarray(groups), np.asarray(labels)
    _check(own, classes, folds)
    names, group = np.unique(own, return_inverse=True)
    kinds, kind = np.unique(classes, return_inverse=True)
    if len(names) < folds:
        raise InputError(
            f"{len(names)} {groups_are} cannot be parted into {folds} folds: every fold is "
            f"tested on {groups_are} of its own; take {len(names)} folds or fewer"
        )
    if len(kinds) < 2:
        raise InputError(
            f"all rows have the same label, {kinds[0]}: there is nothing to tell apart"
        )
    counts = np.zeros((len(names), len(kinds)))
    np.add.at(counts, (group, kind), 1)
    for column in np.flatnonzero((counts > 0).sum(axis=0) < 2):
        only = names[np.argmax(counts[:, column])]
        raise InputError(
            f"the label {kinds[column]} was seen in {only} only: it takes two {groups_are} or "
            "more to train on one and test on another; leave it out or join it with another"
        )
    part = _spread(counts / counts.sum(axis=0), folds, seed)[group]
    found = [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(folds)]
    for train, _ in found:
        missing = np.setdiff1d(np.arange(len(kinds)), kind[train])
        if len(missing):
            raise InputError(
                f"the {groups_are} with the label {kinds[missing[0]]} cannot be spread over "
                f"{folds} folds; take another number of folds"
            )
    return found


def check_no_leak(
    train_groups: ArrayLike, test_groups: ArrayLike, groups_are: str = "animals"
) -> None:
    """Raise `InputError`, naming them, where animals of the training are in the test too."""
    both = np.intersect1d(np.asarray(train_groups), np.asarray(test_groups))
    if len(both):
        shown = ", ".join(map(str, both[:5])) + (", ..." if len(both) > 5 else "")
        raise InputError(
            f"{groups_are} in training and test at once: {shown}; what is learned of one of the "
            f"{groups_are} would be taken for what is learned of the label: split by {groups_are}, "
            "not by rows"
        )


def _check(groups: NDArray[np.generic], labels: NDArray[np.generic], folds: int) -> None:
    import pandas as pd

    if groups.ndim != 1 or groups.shape != labels.shape or not len(groups):
        raise InputError(
            "expected a group and a label for every row, got arrays of shapes "
            f"{groups.shape} and {labels.shape}"
        )
    if folds < 2:
        raise InputError(f"expected two folds or more, got {folds}")
    for what, values in (("group", groups), ("label", labels)):
        unknown = pd.isna(values)
        if unknown.any():
            raise InputError(
                f"row {int(np.argmax(unknown))} (counted from 0) has no {what}: leave out rows "
                "of which it is not known"
            )


def _spread(share: Floats, folds: int, seed: int) -> Ints:
    """Return the fold (G,) of each group, of which `share` (G, L) of the rows of a class are."""
    order = np.random.default_rng(seed).permutation(len(share))
    order = order[np.argsort(-share[order].max(axis=1), kind="stable")]
    held, number = np.zeros((folds, share.shape[1])), np.zeros(folds)
    part = np.zeros(len(share), dtype=np.int64)
    for group in order:
        after = held + share[group]
        # A fold that held all rows of a class would leave none to train on.
        emptied = ((after > 1 - _ROUNDING) & (share[group] > 0)).sum(axis=1)
        crowding = np.round((2 * held * share[group]).sum(axis=1), 9)
        fold = np.lexsort((number, crowding, emptied))[0]
        held[fold], part[group] = after[fold], fold
        number[fold] += 1
    return part
