"""Whether cage, camera or the like could tell the attribute as well as the animals' motion does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.attributes.compare import Comparison, compare, features_of
from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import out_of_fold, splits_of
from mousepose.analysis.attributes.scores import interval, once, ordered_share, redrawn, score_of
from mousepose.analysis.attributes.task import Task
from mousepose.errors import InputError
from mousepose.types import Ints

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

#: A class needs so many cages for cages to be left out whole.
_LEAST_GROUPS = 2
COLUMNS = (
    "confounder", "values", "question", "features", "score", "low", "high", "shuffled", "p", "note",
)  # fmt: skip


def check_confounders(
    found: Comparison,
    sets: Mapping[str, pd.DataFrame],
    samples: pd.DataFrame,
    columns: list[str],
    config: AttributeConfig | None = None,
) -> pd.DataFrame:
    """Return three answers for each confounder among the columns of `samples`.

    `alone`: how well the confounder by itself predicts the attribute, in animals that were left
    out. `within`: the share of pairs of samples with the same value of it that the motion orders
    rightly; chance is 0.5. `across`: the score when whole groups (cages) are left out, so that no
    animal is predicted from its cage-mates. What cannot be asked has a `note` that says why.
    """
    import pandas as pd

    config = config or AttributeConfig()
    rows: list[dict[str, Any]] = []
    for column in columns:
        own = samples[column].astype(object).where(samples[column].notna(), "not known")
        names, group = np.unique(own.astype(str).to_numpy(), return_inverse=True)
        about = {"confounder": column, "values": len(names)}
        rows.append(about | _alone(found.task, samples[column], group, config))
        for name in found.predictions:
            rows.append(about | _within(found, name, group, config))
            rows.append(about | _across(found, name, sets, group, config))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _alone(
    task: Task, values: pd.Series[Any], group: Ints, config: AttributeConfig
) -> dict[str, Any]:
    """Return how well a confounder by itself predicts the attribute."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    answer: dict[str, Any] = {"question": "alone"}
    number = len(np.unique(group))
    if number < 2:
        return answer | {"note": "the same for all animals: it cannot tell anything"}
    is_scale = is_numeric_dtype(values) and number > len(values) // 2
    if number == len(task.animals) and not is_scale:
        return answer | {"note": "different for every animal: it cannot be told from the animal"}
    table = pd.DataFrame(values.astype(float)) if is_scale else pd.get_dummies(group, dtype=float)
    result = compare({"alone": table}, task, config).sets.iloc[0]
    kept = {name: result.get(name) for name in ("score", "low", "high", "shuffled", "p")}
    return answer | kept | {"note": _mixed(task, group)}


def _within(found: Comparison, name: str, group: Ints, config: AttributeConfig) -> dict[str, Any]:
    """Return how well animals of one cage are told apart by what was predicted of them."""
    answer: dict[str, Any] = {"question": "within", "features": name}
    guess = found.predictions[name].mean[None]
    pairs = (group[:, None] == group)[None]
    score = float(ordered_share(found.task, guess, once(found.task), pairs)[0])
    if not np.isfinite(score):
        return answer | {"note": "no two animals that share it differ in the attribute"}
    low, high = interval(
        ordered_share(found.task, guess, redrawn(found.task, config), pairs), config.level
    )
    return answer | {"score": score, "low": low, "high": high, "note": ""}


def _across(
    found: Comparison,
    name: str,
    sets: Mapping[str, pd.DataFrame],
    group: Ints,
    config: AttributeConfig,
) -> dict[str, Any]:
    """Return the score of models that have seen neither the animal nor its cage-mates."""
    task = found.task
    answer: dict[str, Any] = {"question": "across", "features": name}
    parted = any(len(np.unique(group[task.animal == one])) > 1 for one in range(len(task.animals)))
    if parted:
        return answer | {"note": "animals with several values of it cannot be left out with one"}
    fewest = min(len(np.unique(group[task.kind == one])) for one in np.unique(task.kind))
    if fewest < _LEAST_GROUPS:
        return answer | {"note": "some class is found in one group only"}
    folds = min(config.folds, len(np.unique(group)))
    try:
        splits = splits_of(task, replace(config, folds=folds), group)
    except InputError as error:
        return answer | {"note": str(error)}
    left_out = out_of_fold(features_of(sets, task)[name], task, splits)
    low, high = interval(score_of(task, left_out, redrawn(task, config)), config.level)
    score = float(score_of(task, left_out, once(task))[0])
    return answer | {"score": score, "low": low, "high": high, "note": ""}


def _mixed(task: Task, group: Ints) -> str:
    """Return in words how far attribute and confounder go together."""
    if task.is_number:
        return ""
    of_one = [len(np.unique(task.kind[group == one])) == 1 for one in np.unique(group)]
    if all(of_one):
        return "every value of it goes with one class only: the two cannot be told apart"
    return f"{len(of_one) - sum(of_one)} of {len(of_one)} values go with several classes"
