"""Parts for training and testing: whole clips, never frames of one clip in two parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from mousepose.dataset.frame_table import NONE, FrameTable, no_clips
from mousepose.types import Ints, require

#: Parts of a split where none are asked for.
FRACTIONS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_by_clip(
    table: FrameTable, fractions: Mapping[str, float] = FRACTIONS, seed: int = 0
) -> dict[str, Ints]:
    """Return the record numbers of each part; frames of one clip are all in one part.

    Clips of each behaviour are shared out by `fractions`, in an order that depends on the clip's
    name and `seed` alone, so that the same seed gives the same parts on any machine. Raises
    `InputError` where no clips are told and on fractions that do not sum to 1.
    """
    require(bool(fractions), "fractions: expected at least one part")
    wrong = [name for name, share in fractions.items() if not 0 <= share <= 1]
    total = sum(fractions.values())
    require(not wrong, f"fractions: expected numbers from 0 to 1, not for {', '.join(wrong)}")
    require(abs(total - 1) < 1e-6, f"fractions: expected a sum of 1, got {total:g}")
    if not table.clip_names or (table.clip == NONE).any():
        raise no_clips()
    part_of_clip = np.zeros(len(table.clip_names), np.int64)
    behaviour = table.behaviour_of_clip()
    order = np.array([_place(name, seed) for name in table.clip_names])
    shares = np.array(list(fractions.values()))
    given = np.zeros(len(shares))
    # Behaviour by behaviour each clip goes where most is missing, so all shares stay near.
    for done, clip in enumerate(np.lexsort((order, behaviour)), start=1):
        part = int(np.argmax(shares * done - given))
        part_of_clip[clip] = part
        given[part] += 1
    parts = part_of_clip[table.clip]
    return {name: table.record[parts == part] for part, name in enumerate(fractions)}


def _place(name: str, seed: int) -> int:
    """Return where a clip stands in the order: a hash that is the same on any machine."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
