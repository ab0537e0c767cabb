"""Streams of several animals side by side: cut anywhere, the same comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import InputError
from mousepose.io.keypoints.streams_write import (
    Block,
    Piece,
    Stream,
    blocks,
    dense_windows,
    described,
    told_of_animals,
    whole,
)

NAMES = (("a", "b"), ("c", "a"))
CHANNELS = (("x", "y"), ("y", "z"))
ALL_NAMES, ALL_CHANNELS = ("a", "b", "c"), ("x", "y", "z")


def value(frame: int, animal: int, name: str, channel: str) -> float:
    """A number that tells where it belongs."""
    return frame * 100 + animal * 50 + ALL_NAMES.index(name) * 10 + ALL_CHANNELS.index(channel)


def stream(animal: int, frames: list[int], cuts: list[int]) -> Stream:
    numbers = np.array(sorted(frames), dtype=np.int64)
    values = np.array(
        [
            [[value(f, animal, name, c) for c in CHANNELS[animal]] for name in NAMES[animal]]
            for f in numbers
        ]
    ).reshape(len(numbers), 2, 2)
    edges = [0, *sorted(min(cut, len(numbers)) for cut in cuts), len(numbers)]
    pieces = [
        Piece(numbers[a:b], numbers[a:b] / 10, values[a:b])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    return Stream(f"m{animal}", NAMES[animal], CHANNELS[animal], pieces)


some_frames = st.lists(st.integers(0, 40), unique=True, max_size=15)
some_cuts = st.lists(st.integers(0, 15), max_size=4)


@given(some_frames, some_frames, some_cuts, some_cuts)
def test_wherever_streams_are_cut_each_number_finds_its_place(
    one: list[int], two: list[int], cut_one: list[int], cut_two: list[int]
) -> None:
    found = list(blocks([stream(0, one, cut_one), stream(1, two, cut_two)]))
    frames = [int(f) for block in found for f in block.frames]
    assert frames == sorted({*one, *two})
    for block in found:
        np.testing.assert_array_equal(block.times, block.frames / 10)
        for row, frame in enumerate(block.frames.tolist()):
            for animal, has in enumerate((one, two)):
                for k, name in enumerate(ALL_NAMES):
                    for d, channel in enumerate(ALL_CHANNELS):
                        there = (
                            frame in has and name in NAMES[animal] and channel in CHANNELS[animal]
                        )
                        expected = value(frame, animal, name, channel) if there else np.nan
                        np.testing.assert_equal(block.values[row, animal, k, d], expected)


@given(st.lists(st.integers(0, 200), unique=True, min_size=1, max_size=12), st.integers(1, 60))
def test_windows_hold_all_frames_and_no_more_than_their_size(frames: list[int], size: int) -> None:
    numbers = np.array(sorted(frames))
    block = Block(numbers, numbers / 10, numbers.reshape(-1, 1, 1, 1) + 0.0)
    seen = {}
    last = -1
    for first, window in dense_windows(Path("a.h5"), block, size):
        assert first > last
        last = first + len(window.frames) - 1
        assert len(window.frames) <= size
        np.testing.assert_array_equal(window.frames, np.arange(first, last + 1))
        seen |= dict(zip(window.frames.tolist(), window.values.ravel().tolist(), strict=True))
    assert {frame for frame, number in seen.items() if np.isfinite(number)} == set(frames)
    assert all(frame == number for frame, number in seen.items() if np.isfinite(number))


def test_a_tracks_too_large_for_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mousepose.io.keypoints.streams_write.MAX_BYTES_AT_ONCE", 1000)
    with pytest.raises(InputError, match="write Parquet or csv"):
        whole(Path("a.nc"), [stream(0, list(range(40)), [10, 20])])


def test_what_is_said_of_animals_comes_back() -> None:
    about = {"source_file": "a.csv", "provenance": {"scale": [1, 2.5, None]}}
    text = described([Stream("m", ("a",), ("x",), [], about=about)], {"position": "px"})
    assert told_of_animals(text) == {"m": about}
    for damaged in (text[:-3], "[]", "7", "", None, '{"animals": {"m": 3}}', "[" * 100_000):
        assert told_of_animals(damaged) == {}
    for bad in (float("nan"), object()):
        with pytest.raises(InputError, match="plain finite data"):
            described([Stream("m", ("a",), ("x",), [], about={"a": bad})], {})
