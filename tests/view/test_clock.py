"""Time goes on as the machine's clock says, whatever the machine's speed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.view.clock import Clock

TIMES = 5.0 + np.arange(100) / 10


def find(time: float) -> int:
    return int(np.clip(np.rint((time - 5.0) * 10), 0, 99))


def test_it_plays_at_the_speed_that_was_set() -> None:
    clock = Clock(TIMES)
    assert clock.advance(7.0, find) == 0
    clock.play(True)
    assert [clock.advance(now, find) for now in (10.0, 10.1, 11.0)] == [0, 1, 10]
    clock.set_speed(0.5)
    assert [clock.advance(now, find) for now in (11.0, 13.0)] == [10, 20]
    clock.seek(50)
    assert [clock.advance(now, find) for now in (20.0, 22.0)] == [50, 60]
    clock.play(False)
    assert clock.advance(99.0, find) == 60 and clock.time == pytest.approx(11.0)


def test_it_begins_anew_at_the_end() -> None:
    clock = Clock(TIMES)
    clock.seek(98)
    clock.play(True)
    assert [clock.advance(now, find) for now in (0.0, 0.04, 0.2, 0.4)] == [98, 98, 0, 2]


@given(st.lists(st.integers(-300, 300), max_size=20))
def test_steps_and_jumps_stay_inside(moves: list[int]) -> None:
    clock = Clock(TIMES)
    for move in moves:
        clock.step(move) if move % 2 else clock.seek(move)
        assert 0 <= clock.place < len(TIMES) and not clock.playing
        assert clock.changed.is_set()
