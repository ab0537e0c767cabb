"""Made-up cohorts: measures of animals that do or do not know their attribute."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mousepose.analysis.attributes.config import AttributeConfig

#: Enough to see that it works, in a second.
QUICK = AttributeConfig(folds=4, repeats=2, permutations=0, bootstraps=200)


def animals(count: int = 24, seed: int = 0) -> pd.DataFrame:
    """Return animals of two genotypes, an age in weeks and cages of four with both genotypes."""
    random = np.random.default_rng([seed, 5])
    names = [f"m{number:02d}" for number in range(count)]
    return pd.DataFrame(
        {
            "animal": names,
            "genotype": np.where(np.arange(count) % 2, "ko", "wt"),
            "age": random.uniform(5, 100, count),
            "cage": [f"c{number // 4}" for number in range(count)],
        },
        index=names,
    )


def measures(told_by: pd.Series, strength: float, seed: int = 0, count: int = 6) -> pd.DataFrame:
    """Return measures of noise 1 of which the first knows the attribute, by `strength`."""
    random = np.random.default_rng([seed, 6])
    is_number = pd.api.types.is_numeric_dtype(told_by)
    level = told_by.to_numpy(float) if is_number else pd.factorize(told_by, sort=True)[0]
    values = random.normal(size=(len(told_by), count))
    values[:, 0] += strength * (level - level.mean()) / level.std()
    return pd.DataFrame(values, index=told_by.index).add_prefix("x")
