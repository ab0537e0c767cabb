"""What is to be predicted: a class or a number of each animal, and how it is encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.errors import InputError
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: More distinct numbers than this are a scale, fewer are names of classes.
_MOST_CLASSES = 6
#: Into so many parts of the scale animals are sorted for folds.
_BINS = 4


@dataclass(frozen=True, eq=False)
class Task:
    """An attribute of N samples, each of one animal.

    `classes` are the names of its classes, empty where it is a number. `target` (N, L) holds a
    column of -1 and 1 for each class, or the number. `animal` (N,) is the place of each sample's
    animal among `animals`. `crossover`: some animal has samples of several classes.
    """

    attribute: str
    classes: tuple[str, ...]
    target: Floats
    animal: Ints
    animals: tuple[str, ...]
    crossover: bool

    def __len__(self) -> int:
        return len(self.target)

    @property
    def is_number(self) -> bool:
        """Whether the attribute is a number rather than a class."""
        return not self.classes

    @property
    def kind(self) -> Ints:
        """The class (N,) of each sample; of a number the part of its scale, for folds."""
        return strata(self.target, self.is_number)

    def with_target(self, target: Floats) -> Task:
        """Return the same samples with other values of the attribute."""
        return Task(self.attribute, self.classes, target, self.animal, self.animals, self.crossover)


def strata(target: Floats, is_number: bool) -> Ints:
    """Return by what samples (N,) are spread over folds: class, or quarter of the scale."""
    if not is_number:
        return np.asarray(np.argmax(target, axis=1))
    order = np.argsort(np.argsort(target[:, 0], kind="stable"), kind="stable")
    bins = max(2, min(_BINS, len(target) // 4))
    return np.asarray(order * bins // len(target))


def task_of(
    samples: pd.DataFrame, attribute: str, cuts: tuple[float, ...] = (), crossover: bool = False
) -> Task:
    """Return the attribute in the column of this name; the column `animal` names the animals.

    Numbers of more than six values are predicted as numbers, unless `cuts` part them into classes;
    all else are classes. With `crossover` an animal may have samples of several classes. Raises
    `InputError` where values are missing, where all are the same, and where an animal has two.
    """
    for needed in ("animal", attribute):
        if needed not in samples:
            raise InputError(
                f"the table has no column {needed!r}; it has: {', '.join(map(str, samples))}"
            )
    _check_known(samples, "animal")
    _check_known(samples, attribute)
    values = samples[attribute]
    if not crossover:
        _check_one_value(samples, attribute)
    names, animal = np.unique(samples["animal"].astype(str).to_numpy(), return_inverse=True)
    target, classes = _encoded(values, attribute, cuts)
    if len(np.unique(target, axis=0)) < 2:
        raise InputError(
            f"{attribute}: all {len(names)} animals have the same value, "
            f"{values.iloc[0]}; there is nothing to predict"
        )
    pairs = np.unique(np.column_stack([animal, target]), axis=0)
    return Task(attribute, classes, target, animal, tuple(names), len(pairs) > len(names))


def _encoded(
    values: pd.Series[Any], attribute: str, cuts: tuple[float, ...]
) -> tuple[Floats, tuple[str, ...]]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    numeric = is_numeric_dtype(values) and not is_bool_dtype(values)
    if cuts and not numeric:
        raise InputError(f"{attribute}: only numbers can be cut into classes")
    if cuts:
        named = _cut(values.to_numpy(np.float64), tuple(sorted(cuts)))
        order = [name for name in _cut_names(tuple(sorted(cuts))) if name in set(named)]
    elif numeric and values.nunique() > _MOST_CLASSES:
        number = values.to_numpy(np.float64)
        if not np.isfinite(number).all():
            raise InputError(f"{attribute}: expected finite numbers")
        return number[:, None], ()
    else:
        ordered = np.unique(values.to_numpy()) if numeric else np.unique(values.astype(str))
        named = [_name(value) for value in (values if numeric else values.astype(str))]
        order = [_name(value) for value in ordered]
    is_class = np.array(named)[:, None] == np.array(order)
    return np.where(is_class, 1.0, -1.0), tuple(order)


def _name(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _cut(values: Floats, cuts: tuple[float, ...]) -> list[str]:
    names = _cut_names(cuts)
    return [names[place] for place in np.searchsorted(cuts, values, side="right")]


def _cut_names(cuts: tuple[float, ...]) -> list[str]:
    inner = [f"{low:g} to {high:g}" for low, high in zip(cuts, cuts[1:], strict=False)]
    return [f"below {cuts[0]:g}", *inner, f"{cuts[-1]:g} and above"]


def _check_known(samples: pd.DataFrame, column: str) -> None:
    missing = samples[column].isna().to_numpy()
    if missing.any():
        raise InputError(
            f"{column}: no value in {missing.sum()} of {len(samples)} rows, first in row "
            f"{int(np.argmax(missing)) + 1}; leave out rows of which it is not known"
        )


def _check_one_value(samples: pd.DataFrame, attribute: str) -> None:
    several = samples[attribute].groupby(samples["animal"].to_numpy()).unique()
    several = several[several.map(len) > 1]
    if len(several):
        animal, values = several.index[0], ", ".join(map(str, several.iloc[0]))
        raise InputError(
            f"animal {animal} has several values of {attribute}: {values}; an animal has one, or, "
            "where each was recorded under several conditions, say so (--crossover)"
        )
