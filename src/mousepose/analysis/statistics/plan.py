"""What is compared with what: the columns of a table and their roles, checked at the door."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mousepose.errors import InputError, UnknownNameError
from mousepose.types import require

if TYPE_CHECKING:
    import pandas as pd

#: A name may leave its unit out: "speed" is "speed_mm_s".
_UNITS = ("mm", "mm_s", "s", "ms", "hz", "deg", "deg_s", "percent", "px", "px_s", "m")


#: More groups than this are numbers, or names of animals.
_MOST_GROUPS = 50


@dataclass(frozen=True)
class Plan:
    """The roles of the columns, and how sure the intervals are.

    `group` holds what is compared, each with `reference` (default: the first in order); `animal`
    names the animal of each row, `recording` the recording where an animal has several.
    `covariates` are held equal. With `trend` the group is a number, a dose, say, and the effect
    is the slope per unit of it. `circular` measures are phases from 0 to 1.
    """

    group: str
    animal: str
    reference: str | None = None
    covariates: tuple[str, ...] = ()
    recording: str | None = None
    circular: tuple[str, ...] = ()
    trend: bool = False
    confidence: float = 0.95
    permutations: int = 9999
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            0.5 < self.confidence < 1.0,
            f"confidence: expected a share between 0.5 and 1, got {self.confidence:g}",
        )
        require(self.permutations >= 99, f"permutations: at least 99, got {self.permutations}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that have a role other than that of a measure."""
        recording = () if self.recording is None else (self.recording,)
        return (self.group, self.animal, *recording, *self.covariates)


def named_column(table: pd.DataFrame, name: str, what: str) -> str:
    """Return the column called `name`, with or without its unit.

    Raises `UnknownNameError` that tells the nearest names.
    """
    columns = list(map(str, table.columns))
    if name in columns:
        return name
    with_unit = [column for column in columns if column in {f"{name}_{unit}" for unit in _UNITS}]
    if len(with_unit) == 1:
        return with_unit[0]
    near = with_unit or get_close_matches(name, columns, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise UnknownNameError(
        f"the table has no column {name!r} for {what}{hint} Its columns: {', '.join(columns)}"
    )


def levels_of(table: pd.DataFrame, plan: Plan) -> list[str]:
    """Return the groups in order, the reference first.

    Raises `InputError` where there is one only, or far too many, and `UnknownNameError` for an
    unknown reference.
    """
    found = [str(value) for value in sorted(table[plan.group].dropna().unique())]
    if len(found) < 2:
        raise InputError(
            f"column {plan.group!r} holds one group only ({found[0] if found else 'none at all'}): "
            "a comparison needs two"
        )
    if len(found) > _MOST_GROUPS and not plan.trend:
        raise InputError(
            f"column {plan.group!r} holds {len(found):,} groups: that is no grouping; for a number "
            "such as a dose test the slope (--trend)"
        )
    if plan.reference is None:
        return found
    if plan.reference not in found:
        raise UnknownNameError.of("group (--reference)", plan.reference, found)
    return [plan.reference, *(name for name in found if name != plan.reference)]


def usable_rows(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the rows of which group, animal, recording and covariates are all known.

    Groups and animals become words, so that mouse 1 and mouse "1" are one animal; in a trend the
    group stays a number. Raises `InputError` where no row is left or a trend's group is no number.
    """
    import pandas as pd

    roles = [plan.group, plan.animal, *([plan.recording] if plan.recording else [])]
    known = table.replace([float("inf"), float("-inf")], float("nan"))
    known = known.dropna(subset=list(plan.columns)).copy()
    if not len(known):
        empty = [name for name in plan.columns if table[name].isna().all()]
        which = f": {', '.join(empty)} is empty" if empty else ""
        raise InputError(f"no row of {len(table):,} has all of {', '.join(plan.columns)}{which}")
    for name in roles:
        if plan.trend and name == plan.group:
            numbers = pd.to_numeric(known[name], errors="coerce")
            if numbers.isna().any():
                wrong = known[name][numbers.isna()].iloc[0]
                raise InputError(f"a trend needs numbers in {name!r}, got {str(wrong)!r}")
            known[name] = numbers.astype(float)
        else:
            known[name] = _words(known[name])
    return known


def _words(column: pd.Series[Any]) -> pd.Series[str]:
    """Return values as words; whole numbers without their point, so that 1.0 is "1"."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column) and (column % 1 == 0).all():
        column = column.astype("int64")
    return column.astype(str)
