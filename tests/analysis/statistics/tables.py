"""Tables of strides of animals in two groups, whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: By how much a value grows with each mm/s of speed.
SLOPE = 0.1


def strides(
    animals: int = 10, effect: float = 0.0, sd: float = 3.0, seed: int = 0, crossed: bool = False,
    each: int = 30,
) -> pd.DataFrame:  # fmt: skip
    """Strides of animals that differ by `sd` mm, with noise of 3 mm and speeds of their own.

    The drug goes to every other animal, or `crossed` to every animal in half of its strides. It
    makes animals faster by 20 mm/s, and strides longer by `effect` mm at equal speed.
    """
    random = np.random.default_rng(seed)
    animal = np.repeat(np.arange(animals), each)
    drug = np.arange(animals * each) % 2 if crossed else animal % 2
    speed = 200 + 20 * drug + 15 * random.normal(size=animals)[animal]
    speed = speed + 40 * random.normal(size=len(animal))
    value = 30 + SLOPE * speed + effect * drug + sd * random.normal(size=animals)[animal]
    value = value + 3 * random.normal(size=len(animal))
    return pd.DataFrame({
        "mouse": [f"m{k}" for k in animal], "treatment": np.array(["vehicle", "drug"])[drug],
        "speed_mm_s": speed, "stride_length_mm": value,
        "phase_left_fore": (0.98 + 0.05 * random.normal(size=len(animal)) + 0.04 * drug) % 1.0,
    })  # fmt: skip
