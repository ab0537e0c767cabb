"""Which paws carry the animal, and in what order they come down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.gait_events import LIMBS, Swings
from mousepose.analysis.intervals import mean_in
from mousepose.analysis.locomotion import Locomotion
from mousepose.analysis.motion import Motion
from mousepose.types import Floats, Ints

#: How the body is carried, in CatWalk's words; each the share of the stride.
PATTERNS = ("none", "single", "diagonal", "lateral", "girdle", "three", "four")
#: For the 16 sets of standing paws (bits: left fore, right fore, left hind, right hind).
_PATTERN_OF = np.array([
    0, 1, 1, 4, 1, 3, 2, 5, 1, 2, 3, 5, 4, 5, 5, 6,
])  # fmt: skip


def standing(motion: Motion, locomotion: Locomotion, swings: dict[str, Swings]) -> Floats:
    """Return for each frame and limb (T, 4) whether the paw stands: 1, 0, NaN where not known.

    Known is what lies in a bout between the first and the last swing of the limb in it.
    """
    stands = np.full((len(motion), len(LIMBS)), np.nan)
    for column, limb in enumerate(LIMBS):
        own = swings.get(limb)
        if own is None or not own.of_paw or not len(own.first):
            continue
        swinging = _swinging(motion, own)
        follows = np.clip(np.searchsorted(own.end, np.arange(len(motion)), "right"), 0, None)
        next_first = np.append(own.first, len(motion))[follows]
        last_end = np.concatenate([[-1], own.end])[follows]
        bout = np.append(locomotion.bout, -1)
        same = (bout[next_first] == bout[:-1]) & (bout[np.maximum(last_end - 1, 0)] == bout[:-1])
        known = swinging | (same & (last_end >= 0))
        known &= (locomotion.bout >= 0) & np.isfinite(motion.of(own.marker)[:, 0])
        stands[known, column] = ~swinging[known]
    return stands


def _swinging(motion: Motion, own: Swings) -> NDArray[np.bool_]:
    """Return in which frames (T,) a paw is off the floor: from its lift-off to its contact."""
    off = np.where(np.isfinite(own.lift_off), own.lift_off, motion.times[own.first])
    on = np.where(np.isfinite(own.contact), own.contact, motion.times[own.end - 1])
    change = np.zeros(len(motion) + 1)
    np.add.at(change, np.searchsorted(motion.times, off), 1)
    np.add.at(change, np.searchsorted(motion.times, on), -1)
    return np.asarray(np.cumsum(change)[:-1] > 0)


def pattern_of(stands: NDArray[np.bool_]) -> Ints:
    """Return the place in `PATTERNS` (T,) of which paws stand (T, 4), in the order of `LIMBS`."""
    return np.asarray(_PATTERN_OF[(stands * np.array([1, 2, 4, 8])).sum(axis=1)])


def support_share(
    motion: Motion, locomotion: Locomotion, swings: dict[str, Swings], first: Ints, last: Ints
) -> dict[str, Floats]:
    """Return for each stride (N,) the share of its frames in each pattern of support."""
    stands = standing(motion, locomotion, swings)
    known = np.isfinite(stands).all(axis=1)
    pattern = pattern_of(np.nan_to_num(stands) > 0)
    return {
        f"support_{name}": mean_in(np.where(known, pattern == number, np.nan), first, last)
        for number, name in enumerate(PATTERNS)
    }


def regularity_index(limbs: Ints) -> float:
    """Return the share in percent of footfalls that belong to a regular sequence of four paws.

    `limbs` (N,) numbers the paws in the order in which they come down. Any four footfalls in a row
    of four different paws are one of the six normal step sequences (Cheng et al., 1997, in
    CatWalk's regularity index). NaN below four footfalls.
    """
    if len(limbs) < 4:
        return float("nan")
    groups = np.sort(np.lib.stride_tricks.sliding_window_view(limbs, 4), axis=1)
    regular = (groups == np.arange(4)).all(axis=1)
    within = np.zeros(len(limbs), bool)
    for place in range(4):
        within[place : len(limbs) - 3 + place] |= regular
    return float(100 * within.mean())
