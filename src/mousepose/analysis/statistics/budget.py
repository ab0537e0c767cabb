"""Where the time goes: the share of each behaviour in each recording, a row for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.statistics.plan import named_column
from mousepose.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def time_budget(
    table: pd.DataFrame, label: str, recording: str, duration: str | None = None
) -> pd.DataFrame:
    """Return a row for each recording, with `LABEL_percent` of its time for every label.

    `table` has a row for each bout with its `duration`, or for each frame (all equally long). With
    durations `LABEL_bout_s` is the mean length of a bout, NaN where there is none. Columns that
    are one value within each recording (animal, group) are kept. Rows without a label count as
    time of no behaviour. Raises `InputError` where a duration is negative or no number.
    """
    import pandas as pd

    label = named_column(table, label, "the behaviour")
    recording = named_column(table, recording, "the recording")
    length = pd.Series(1.0, index=table.index)
    if duration is not None:
        duration = named_column(table, duration, "the duration")
        length = pd.to_numeric(table[duration], errors="coerce")
        wrong = ~(np.isfinite(length) & (length >= 0))
        if wrong.any():
            raise InputError(
                f"column {duration!r}: row {int(np.flatnonzero(wrong)[0])} holds "
                f"{table[duration][wrong].iloc[0]}, expected a time of 0 s or more"
            )
    known = table.groupby(recording, sort=True)
    constant = [
        name
        for name in table.columns
        if name not in {label, recording, duration}
        and (known[name].nunique(dropna=False) == 1).all()
    ]
    budget = known[constant].first()
    every = length.groupby(table[recording]).sum()
    by_label = length.groupby([table[recording], table[label]])
    share = (by_label.sum().unstack(fill_value=0).div(every, axis=0) * 100).add_suffix("_percent")
    share = share[sorted(share.columns, key=_in_order)]
    parts = [budget, share.rename(columns=str)]
    if duration is not None:
        parts.append(by_label.mean().unstack().add_suffix("_bout_s").rename(columns=str))
    return pd.concat(parts, axis=1).reset_index()


def _in_order(name: object) -> list[tuple[bool, int, str]]:
    """Return by what names are put in order: "cluster 2" is before "cluster 10"."""
    parts = re.split(r"(\d+)", str(name))
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
