"""A part of a recording is spread over all of it, whatever chunks it comes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.run.sampling import first_frames_of, spread_frames
from mousepose.types import Keypoints2D


def chunks_of(lengths: list[int]) -> Iterator[Keypoints2D]:
    start = 0
    for length in lengths:
        numbers = np.arange(start, start + length)
        xy = np.repeat(numbers[:, None, None, None], 2, axis=-1).astype(np.float64)
        yield Keypoints2D(xy, np.ones(xy.shape[:-1]), numbers / 30, numbers, ("nose",))
        start += length


def nothing(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=12), most=st.integers(1, 60))
def test_frames_are_spread_evenly_over_all_chunks(lengths: list[int], most: int) -> None:
    found = spread_frames(chunks_of(lengths), most, nothing)
    total = sum(lengths)
    assert 1 <= len(found) <= most
    steps = np.unique(np.diff(found.frame_numbers))
    assert len(steps) <= 1
    step = int(steps[0]) if len(steps) else total
    assert found.frame_numbers[0] == 0
    assert found.frame_numbers[-1] + step >= total
    if total <= most:
        assert len(found) == total
    np.testing.assert_array_equal(found.xy[:, 0, 0, 0], found.frame_numbers)


def test_no_frames_are_refused() -> None:
    with pytest.raises(InputError, match="no frames"):
        spread_frames(iter(()), 10, nothing)


def test_the_first_frames_need_no_frame_rate(tmp_path: Path) -> None:
    path = tmp_path / "mouse.csv"
    rows = ["scorer,s,s,s", "bodyparts,nose,nose,nose", "coords,x,y,likelihood"]
    rows += [f"{i},{i}.5,2.0,0.9" for i in range(5)]
    path.write_text("\n".join(rows) + "\n")
    found = first_frames_of(path, 3)
    assert len(found) == 3
    assert found.keypoint_names == ("nose",)
    with pytest.raises(FileError):
        first_frames_of(tmp_path / "absent.csv", 3)
