"""From chances to bouts: a behaviour begins when it is likely and ends when it no longer is.

Two thresholds instead of one (hysteresis): a chance that trembles about one of them makes no
dozen bouts out of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from mousepose.errors import InputError
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: No behaviour is likely enough.
NONE = -1
COLUMNS = ("behaviour", "start_s", "stop_s", "duration_s", "chance")


@dataclass(frozen=True)
class BoutConfig:
    """When a bout begins and ends."""

    #: A bout begins where a behaviour's chance reaches this ...
    start: float = 0.6
    #: ... and ends where it falls below this, or another behaviour begins.
    stop: float = 0.4
    #: Shorter bouts (s) are none.
    shortest: float = 0.25
    #: A pause up to this long (s) between two bouts of one behaviour does not part them.
    longest_pause: float = 0.25

    def __post_init__(self) -> None:
        """Raise `InputError` where the thresholds or times are none."""
        if not 0.5 <= self.start <= 1 or not 0 <= self.stop <= self.start:
            raise InputError(
                "a bout's thresholds: expected a start from 0.5 to 1, as one behaviour at a time "
                f"is likely, and a stop not above it; got {self.start:g} and {self.stop:g}"
            )
        if not (self.shortest >= 0 and self.longest_pause >= 0):
            raise InputError("a bout's shortest length and longest pause: expected 0 s or more")


@dataclass(frozen=True, eq=False)
class Chances:
    """The chances (N, K) of `classes` through time: each holds from `start` to `stop` (N,) s."""

    classes: tuple[str, ...]
    start: Floats
    stop: Floats
    chances: Floats

    def table(self) -> pd.DataFrame:
        """Return a row for each stretch: start_s, stop_s and the chance of each behaviour."""
        import pandas as pd

        times = {"start_s": self.start, "stop_s": self.stop}
        return pd.DataFrame(times | dict(zip(self.classes, self.chances.T, strict=True)))


def cells_of(first: Floats, last: Floats) -> tuple[Floats, Floats]:
    """Return from when to when (N,) s each window speaks, so that windows do not overlap.

    Windows show the time from `first` to `last` (N,) s, both increasing. Where two overlap, each
    speaks for the time nearest to its middle; where they do not, for all that it shows.
    """
    middle = (first + last) / 2
    between = (middle[1:] + middle[:-1]) / 2
    touch = first[1:] <= last[:-1] + 1e-9
    start, stop = first.copy(), last.copy()
    start[1:][touch] = between[touch]
    stop[:-1][touch] = between[touch]
    return start, stop


def find_bouts(found: Chances, config: BoutConfig | None = None) -> pd.DataFrame:
    """Return the bouts in order of time: behaviour, start_s, stop_s, duration_s, mean chance.

    Bouts never overlap; time in which nothing is likely enough belongs to none. Short bouts are
    left out before bouts of one behaviour are joined across pauses, so a flicker of something else
    parts no bout. Raises `InputError` where the stretches are not in order.
    """
    import pandas as pd

    config = config or BoutConfig()
    number = len(found.start)
    if not number:
        return _empty()
    if (found.stop <= found.start).any() or (found.start[1:] < found.stop[:-1] - 1e-9).any():
        raise InputError("the stretches of the chances overlap or are not in order of time")
    gap = np.r_[True, found.start[1:] - found.stop[:-1] > 1e-6]
    state = np.zeros(number, np.int64)
    _states(np.ascontiguousarray(found.chances), gap, config.start, config.stop, state)
    begin = np.flatnonzero(np.r_[True, (np.diff(state) != 0) | gap[1:]])
    end = np.r_[begin[1:], number]
    keep = state[begin] != NONE
    begin, end = begin[keep], end[keep]
    keep = found.stop[end - 1] - found.start[begin] >= config.shortest - 1e-9
    begin, end = begin[keep], end[keep]
    if not len(begin):
        return _empty()
    pause = found.start[begin[1:]] - found.stop[end[:-1] - 1]
    joins = (state[begin[1:]] == state[begin[:-1]]) & (pause <= config.longest_pause + 1e-9)
    first = np.flatnonzero(np.r_[True, ~joins])
    begin, end = begin[first], end[np.r_[first[1:] - 1, len(end) - 1]]
    kind = state[begin]
    start, stop = found.start[begin], found.stop[end - 1]
    return pd.DataFrame({
        "behaviour": np.array(found.classes, object)[kind],
        "start_s": start,
        "stop_s": stop,
        "duration_s": stop - start,
        "chance": _mean_chance(found, begin, end, kind),
    })  # fmt: skip


def time_budget(bouts: pd.DataFrame) -> pd.DataFrame:
    """Return for each behaviour its bouts, their time in s and in share, and their mean length."""
    groups = bouts.groupby("behaviour", sort=True)["duration_s"]
    table = groups.agg(bouts="size", total_s="sum", mean_s="mean").reset_index()
    total = float(table["total_s"].sum())
    table["share"] = table["total_s"] / total if total > 0 else 0.0
    return table


def _mean_chance(found: Chances, begin: Ints, end: Ints, kind: Ints) -> Floats:
    """Return the mean chance (B,) of each bout's behaviour over its time."""
    length = found.stop - found.start
    time = np.r_[0.0, np.cumsum(length)]
    sums = np.cumsum(found.chances * length[:, None], axis=0)
    sums = np.vstack([np.zeros_like(sums[:1]), sums])
    return np.asarray((sums[end, kind] - sums[begin, kind]) / (time[end] - time[begin]))


def _empty() -> pd.DataFrame:
    import pandas as pd

    kinds = {name: "float64" for name in COLUMNS} | {"behaviour": "object"}
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in COLUMNS})


@njit(cache=True, nogil=True)
def _states(chances: Any, gap: Any, start: float, stop: float, state: Any) -> None:
    now = -1
    for row in range(len(chances)):
        if gap[row]:
            now = -1
        top = chances[row].argmax()
        if (
            chances[row, top] >= start
            and top != now
            and (now < 0 or chances[row, top] > chances[row, now])
        ):
            now = top
        elif now >= 0 and chances[row, now] < stop:
            now = -1
        state[row] = now
