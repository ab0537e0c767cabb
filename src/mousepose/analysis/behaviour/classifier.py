"""A classifier of behaviour: what it looks at, what it was trained on, and the chances it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.behaviour.boosting import BoostedTrees, train_trees
from mousepose.analysis.behaviour.chances import chances_of
from mousepose.analysis.behaviour.channels import Layout
from mousepose.analysis.behaviour.rocket import RocketHead, train_rocket
from mousepose.analysis.behaviour.windows import Windows
from mousepose.errors import InputError
from mousepose.types import Floats, Ints

Method = Literal["boosting", "rocket"]
Head = BoostedTrees | RocketHead
Texts = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class LabelledWindows:
    """Windows with what is known of each: its behaviour, its clip and its animal, all (N,).

    `animals_known` is False where nothing tells the animals: then `animals` are the clips.
    """

    windows: Windows
    labels: Texts
    clips: Texts
    animals: Texts
    animals_known: bool = True

    def __post_init__(self) -> None:
        number = len(self.windows)
        if not all(len(own) == number for own in (self.labels, self.clips, self.animals)):
            raise InputError(f"{number} windows: expected as many labels, clips and animals")

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def classes(self) -> tuple[str, ...]:
        """The behaviours, in alphabetical order."""
        return tuple(map(str, np.unique(self.labels)))

    def codes(self, classes: tuple[str, ...]) -> Ints:
        """Return the behaviours (N,) as places in `classes`. Raises `InputError` on others."""
        strange = sorted(set(map(str, np.unique(self.labels))) - set(classes))
        if strange:
            raise InputError(
                f"behaviours that the classifier does not know: {', '.join(strange)}; "
                f"known: {', '.join(classes)}"
            )
        return np.asarray(np.searchsorted(np.array(classes), self.labels), np.int64)

    def weights(self) -> Floats:
        """Return weights (N,) that make every clip count alike, however long; their mean is 1."""
        _, clip, count = np.unique(self.clips, return_inverse=True, return_counts=True)
        weights = 1.0 / count[clip]
        return np.asarray(weights / weights.mean())

    def chosen(self, rows: Ints | NDArray[np.bool_]) -> LabelledWindows:
        """Return some of the windows."""
        return replace(
            self, windows=self.windows.chosen(rows), labels=self.labels[rows],
            clips=self.clips[rows], animals=self.animals[rows],
        )  # fmt: skip

    def shuffled(self, seed: int) -> LabelledWindows:
        """Return the same windows with the behaviours of the clips dealt out anew, at random.

        What is learned of them is worth nothing: a harness that scores better than chance leaks.
        """
        names, first, clip = np.unique(self.clips, return_index=True, return_inverse=True)
        order = np.random.default_rng(seed).permutation(len(names))
        return replace(self, labels=self.labels[first][order][clip])


@dataclass(frozen=True, eq=False)
class BehaviourModel:
    """A trained classifier: `classes` (K) by what `layout` shows in `length` frames at `rate` Hz.

    `animals` are those it was trained on. `notes` are plain data: counts, versions, scores.
    """

    classes: tuple[str, ...]
    layout: Layout
    length: int
    rate: float
    head: Head
    temperature: float
    animals: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        """How it tells behaviours apart."""
        return "boosting" if isinstance(self.head, BoostedTrees) else "rocket"

    def chances(self, windows: Windows) -> Floats:
        """Return the chance (N, K) of each behaviour in each window.

        Raises `InputError` where the windows are of other channels or another length.
        """
        if windows.layout != self.layout or windows.length != self.length:
            raise InputError(
                f"the classifier takes windows of {self.length} frames of "
                f"{' and '.join(self.layout.kinds)}, got {windows.length} frames of "
                f"{' and '.join(windows.layout.kinds)}"
            )
        return chances_of(head_scores(self.head, windows), self.temperature)


def train_head(data: LabelledWindows, classes: tuple[str, ...], method: Method, seed: int) -> Head:
    """Return a head trained on windows whose behaviours are among `classes`.

    Raises `InputError` on another method, on one class only, and where a library is missing.
    """
    if method not in get_args(Method):
        raise InputError(f"method: expected boosting or rocket, got {method!r}")
    codes, weights = data.codes(classes), data.weights()
    if len(np.unique(codes)) < len(classes):
        absent = ", ".join(np.delete(np.array(classes), np.unique(codes)))
        raise InputError(f"no window to train on shows: {absent}")
    if len(classes) < 2:
        raise InputError(f"all clips show {classes[0]}: there is nothing to tell apart")
    if method == "boosting":
        return train_trees(data.windows.features(), codes, len(classes), weights, seed)
    return train_rocket(data.windows.series(), codes, weights, seed)


def head_scores(head: Head, windows: Windows) -> Floats:
    """Return the raw scores (N, K) of windows."""
    if isinstance(head, BoostedTrees):
        return head.scores(windows.features())
    return head.scores(windows.series())
