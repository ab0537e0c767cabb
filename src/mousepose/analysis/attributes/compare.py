"""What 2D keypoints, 3D keypoints, joint angles and gait each tell of an attribute of animals.

All sets of features see the same animals, the same folds and the same shuffled labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import (
    Predictions,
    check_animals,
    out_of_fold,
    shuffled,
    splits_of,
)
from mousepose.analysis.attributes.kernel import KERNELS, PENALTIES, Features
from mousepose.analysis.attributes.scores import (
    balanced_accuracy,
    interval,
    mean_error,
    once,
    redrawn,
    score_of,
)
from mousepose.analysis.attributes.task import Task
from mousepose.errors import InputError
from mousepose.types import Floats, Progress

if TYPE_CHECKING:
    import pandas as pd

#: The set of all features together.
ALL = "all"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found: `sets` a row for each set of features, `differences` for each pair of sets.

    `predictions` holds for each set what is predicted of the samples, each by models that have not
    seen its animal, and `null` the scores (permutations,) with shuffled labels. Columns as in
    `docs/attributes.md`.
    """

    task: Task
    sets: pd.DataFrame
    differences: pd.DataFrame
    predictions: Mapping[str, Predictions]
    null: Mapping[str, Floats]


def compare(
    sets: Mapping[str, pd.DataFrame],
    task: Task,
    config: AttributeConfig | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Return how well each set of features, and all together, predict the attribute.

    Each table has a row for each of the task's samples, in order; unknown values are NaN. Raises
    `InputError` where a table does not fit, and where the animals are too few.
    """
    import pandas as pd

    config = config or AttributeConfig()
    check_animals(task, config)
    features = features_of(sets, task)
    splits = splits_of(task, config)
    draws = redrawn(task, config)
    found, rows, drawn = {}, [], {}
    for name, own in features.items():
        found[name] = out_of_fold(own, task, splits)
        drawn[name] = score_of(task, found[name], draws)
        low, high = interval(drawn[name], config.level)
        kernel, penalty = np.median(found[name].chosen, axis=0).astype(int)
        rows.append({
            "features": name, "score": float(score_of(task, found[name], once(task))[0]),
            "low": low, "high": high, **_second(task, found[name].guess),
            "measures": own.values.shape[1], "kernel": KERNELS[kernel],
            "penalty": PENALTIES[penalty],
        })  # fmt: skip
    null = _null(features, task, config, progress)
    table = _with_chance(pd.DataFrame(rows), null)
    table["animals"], table["samples"] = len(task.animals), len(task)
    return Comparison(task, table, _differences(table, drawn, config.level), found, null)


def features_of(sets: Mapping[str, pd.DataFrame], task: Task) -> dict[str, Features]:
    """Return the features of each set, and of all together as blocks that count alike.

    Raises `InputError` on a table without a number, or with another number of rows.
    """
    if not sets:
        raise InputError("there is no set of features to compare")
    found: dict[str, Features] = {}
    for name, table in sets.items():
        if len(table) != len(task):
            raise InputError(
                f"features {name!r}: {len(table)} rows, expected one for each of {len(task)}"
            )
        values = table.to_numpy(np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        values = values[:, _varies(values)]
        if not values.shape[1]:
            raise InputError(f"features {name!r}: no value is known that differs between samples")
        found[name] = Features(values, np.zeros(values.shape[1], np.int64))
    if len(found) > 1:
        blocks = [np.full(own.values.shape[1], i) for i, own in enumerate(found.values())]
        together = np.concatenate([own.values for own in found.values()], axis=1)
        found[ALL] = Features(together, np.concatenate(blocks))
    return found


def _varies(values: Floats) -> NDArray[np.bool_]:
    """Return which measures (P,) have at least two different known values."""
    known = np.isfinite(values)
    high = np.where(known, values, -np.inf).max(axis=0)
    return np.asarray(high > np.where(known, values, np.inf).min(axis=0))


def _second(task: Task, guess: Floats) -> dict[str, float]:
    if task.is_number:
        return {"mean_error": mean_error(task, guess)}
    return {"balanced_accuracy": balanced_accuracy(task, guess)}


def _null(
    features: dict[str, Features], task: Task, config: AttributeConfig, progress: Progress | None
) -> dict[str, Floats]:
    """Return the scores (permutations,) of each set when everything is done on shuffled labels."""
    random = np.random.default_rng([config.seed, 2])
    found = {name: np.empty(config.permutations) for name in features}
    for number in range(config.permutations):
        other = shuffled(task, random)
        splits = splits_of(other, config)
        for name, own in features.items():
            found[name][number] = score_of(other, out_of_fold(own, other, splits), once(other))[0]
        if progress is not None:
            progress("shuffled labels", number + 1, config.permutations)
    return found


def _with_chance(table: pd.DataFrame, null: dict[str, Floats]) -> pd.DataFrame:
    """Return the table with what shuffled labels give.

    `p` is the share of shuffles that do as well, the true labels counted as one (Phipson & Smyth,
    Stat. Appl. Genet. Mol. Biol. 9, 2010); `p_of_all_sets` the share in which any set does, which
    allows for having looked at all of them (Westfall & Young, 1993).
    """
    number = len(next(iter(null.values())))
    best = np.max(list(null.values()), axis=0)
    shuffles = [null[name] for name in table["features"]]
    if number:
        table["shuffled"] = [float(values.mean()) for values in shuffles]
        table["shuffled_low"] = [interval(values, 0.95)[0] for values in shuffles]
        table["shuffled_high"] = [interval(values, 0.95)[1] for values in shuffles]
        for column, reached in (("p", shuffles), ("p_of_all_sets", [best] * len(shuffles))):
            table[column] = [
                float((1 + (values >= score).sum()) / (1 + number))
                for values, score in zip(reached, table["score"], strict=True)
            ]
    return table


def _differences(table: pd.DataFrame, drawn: dict[str, Floats], level: float) -> pd.DataFrame:
    """Return the score of each set less that of each set before it, with its interval."""
    import pandas as pd

    rows = []
    score = dict(zip(table["features"], table["score"], strict=True))
    names = list(drawn)
    for place, second in enumerate(names):
        for first in names[:place]:
            low, high = interval(drawn[second] - drawn[first], level)
            difference = score[second] - score[first]
            rows.append({
                "features": second, "less": first, "difference": difference, "low": low,
                "high": high,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=["features", "less", "difference", "low", "high"])
