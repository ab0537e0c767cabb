"""Parts hold whole clips, are the same for the same seed, and have the asked sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.dataset.frame_table import TableBuilder
from mousepose.dataset.splits import split_by_clip
from mousepose.errors import InputError


def table(clips: int = 60, kinds: int = 3, known: bool = True):  # type: ignore[no-untyped-def]
    builder = TableBuilder(12 * clips, ("NOSE",), None)
    for n in range(12 * clips):
        clip = f"c{n // 12}" if known else None
        builder.add(n, np.zeros((1, 2)), (8, 8), (f"b{n // 12 % kinds}", clip, n % 12), None)
    return builder.build()


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 5))
def test_every_frame_is_in_one_part_and_every_clip_in_one(
    seed: int, clips: int, kinds: int
) -> None:
    frames = table(clips, kinds)
    parts = split_by_clip(frames, seed=seed)
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(12 * clips))
    clips_of = [set(frames.clip[part].tolist()) for part in parts.values()]
    assert sum(map(len, clips_of)) == clips


def test_sizes_are_those_asked_for_in_every_behaviour() -> None:
    frames = table(300)
    parts = split_by_clip(frames, {"a": 0.7, "b": 0.3})
    for kind in range(3):
        counts = [(frames.behaviour[part] == kind).sum() for part in parts.values()]
        assert counts == [70 * 12, 30 * 12]


def test_the_seed_decides() -> None:
    frames = table()
    one, same, other = (split_by_clip(frames, seed=s)["test"].tolist() for s in (1, 1, 2))
    assert one == same != other
    # Known for good: a hash, not the generator of one version of a library.
    assert sorted({n // 12 for n in split_by_clip(table(10, 1), seed=0)["test"].tolist()}) == [7]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [({}, "at least one part"), ({"a": 0.5}, "a sum of 1, got 0.5"), ({"a": 2, "b": -1}, "a, b")],
)
def test_fractions_that_are_none_are_told(fractions: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_by_clip(table(), fractions)


def test_without_clips_nothing_is_split() -> None:
    with pytest.raises(InputError, match="no feature tells the clips"):
        split_by_clip(table(known=False))
