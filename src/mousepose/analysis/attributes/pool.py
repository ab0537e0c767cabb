"""Segments pooled into what is typical of each animal and how much it varies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: The interquartile range of a normal variable, in standard deviations.
_QUARTILES = 1.349


def pooled(segments: pd.DataFrame, sample: pd.Series[Any], least: int) -> pd.DataFrame:
    """Return for each sample the median and the spread (`_varies`) of every numeric column.

    `sample` names the sample of each segment. A value known in fewer than `least` segments of a
    sample is NaN. Columns of which nothing is known are left out.
    """
    import pandas as pd

    numbers = segments.select_dtypes("number").astype(float)
    grouped = numbers.groupby(sample.to_numpy(), sort=True)
    typical = grouped.median()
    varies = (grouped.quantile(0.75) - grouped.quantile(0.25)) / _QUARTILES
    enough = grouped.count() >= least
    table = pd.concat([typical.where(enough), varies.where(enough).add_suffix("_varies")], axis=1)
    return table.dropna(axis=1, how="all")


def common_samples(
    tables: Mapping[str, pd.DataFrame], samples: pd.DataFrame, least: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the samples of which every set knows something, and of the others why they are out.

    `samples` has the sample's name as its index. Raises `InputError` where none is left.
    """
    kept = np.ones(len(samples), bool)
    left_out: dict[str, str] = {}
    for name, table in tables.items():
        known = table.dropna(how="all").index
        for place, sample in enumerate(samples.index):
            if sample not in known and kept[place]:
                kept[place] = False
                left_out[str(sample)] = f"fewer than {least} segments of {name}"
    if not kept.any():
        first = next(iter(left_out.items()))
        raise InputError(
            f"too few segments: none of {len(samples)} animals has {least} of every set of "
            f"features ({first[0]}: {first[1]}); longer recordings, shorter segments, or fewer sets"
        )
    return samples[kept], left_out
