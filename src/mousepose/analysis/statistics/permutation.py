"""Permutation over animals: how often relabelled animals differ as much, with no model at all."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

#: Below this many relabellings all are tried; above, some are drawn.
_ALL = 20_000
#: Equal up to rounding.
_EQUAL = 1e-9


class PermutationTest(NamedTuple):
    """The p-value, and the smallest that so few animals can ever give; NaN = no test."""

    p: float
    smallest: float


NO_TEST = PermutationTest(np.nan, np.nan)


def permute_groups(
    values: Floats, is_group: NDArray[np.bool_], count: int, seed: int
) -> PermutationTest:
    """Return the test of one value (n,) for each animal, of which some are in the group (n,).

    The statistic is Welch's t, so that groups may spread differently. No test with fewer than two
    animals in either group.
    """
    number, size = len(values), int(is_group.sum())
    if min(size, number - size) < 2:
        return NO_TEST
    total = comb(number, size)
    if total <= _ALL:
        chosen = np.zeros((total, number), bool)
        places = np.array(list(combinations(range(number), size)))
        chosen[np.arange(total)[:, None], places] = True
    else:
        random = np.random.default_rng(seed)
        order = random.random((count, number)).argsort(axis=1)
        chosen = is_group[order]
    return _compared(_welch(values, chosen), _welch(values, is_group[None])[0], total <= _ALL)


def permute_signs(changes: Floats, count: int, seed: int) -> PermutationTest:
    """Return the test of the change (n,) within each animal, by turning changes round."""
    number = len(changes)
    if number < 2:
        return NO_TEST
    total = 2**number
    if total <= _ALL:
        signs = 1.0 - 2.0 * ((np.arange(total)[:, None] >> np.arange(number)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], (count, number))
    return _compared(signs @ changes, float(changes.sum()), total <= _ALL)


def permute_doses(values: Floats, doses: Floats, count: int, seed: int) -> PermutationTest:
    """Return the test of a trend of one value (n,) for each animal with its dose (n,)."""
    if len(values) < 3:
        return NO_TEST
    random = np.random.default_rng(seed)
    order = random.random((count, len(values))).argsort(axis=1)
    centred = values - values.mean()
    return _compared(doses[order] @ centred, float(doses @ centred), False)


def _compared(found: Floats, own: float, complete: bool) -> PermutationTest:
    """Return how often |found| reaches |own|; `own` itself is counted where not all were tried."""
    scale = max(abs(own), float(np.abs(found).max()), 1e-300)
    reached = np.abs(found) >= abs(own) - _EQUAL * scale
    if complete:
        top = float(np.abs(found).max())
        least = float((np.abs(found) >= top - _EQUAL * scale).mean())
        return PermutationTest(float(reached.mean()), least)
    return PermutationTest((reached.sum() + 1) / (len(found) + 1), 1 / (len(found) + 1))


def _welch(values: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """Return Welch's t for each choice (M, n) of the animals in the group."""
    inside = chosen.astype(float)
    centred = values - values.mean()
    one, all_of = inside.sum(1), float(len(values))
    other = all_of - one
    sum_one, square_one = inside @ centred, inside @ centred**2
    sum_other, square_other = -sum_one, (centred**2).sum() - square_one
    variance = (square_one - sum_one**2 / one) / (one - 1) / one
    variance = variance + (square_other - sum_other**2 / other) / (other - 1) / other
    floor = 1e-12 * max(float((centred**2).mean()), 1e-300)
    found: Floats = (sum_one / one - sum_other / other) / np.sqrt(np.maximum(variance, floor))
    return found
