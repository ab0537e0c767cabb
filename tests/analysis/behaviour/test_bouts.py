"""Bouts: two thresholds, no overlap, short ones out, pauses closed, gaps never bridged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.analysis.behaviour.bouts import (
    COLUMNS,
    BoutConfig,
    Chances,
    cells_of,
    find_bouts,
    time_budget,
)
from mousepose.errors import InputError

CLASSES = ("eating", "walking")
RAW = BoutConfig(shortest=0.0, longest_pause=0.0)


def series(walking: list[float], step: float = 0.1) -> Chances:
    """Return chances of two behaviours, each cell as long as `step` s."""
    chance = np.array(walking)
    start = np.arange(len(chance)) * step
    return Chances(CLASSES, start, start + step, np.stack([1 - chance, chance], axis=1))


def test_a_chance_that_trembles_between_the_thresholds_is_one_bout() -> None:
    trembling = [0.9, 0.45, 0.55, 0.45, 0.55, 0.45, 0.9]
    found = find_bouts(series(trembling), RAW)
    assert list(found["behaviour"]) == ["walking"]
    assert found["duration_s"][0] == pytest.approx(0.7)
    assert found["chance"][0] == pytest.approx(np.mean(trembling))
    strict = BoutConfig(start=0.6, stop=0.6, shortest=0.0, longest_pause=0.0)
    assert len(find_bouts(series(trembling), strict)) == 2  # one threshold makes two of it


def test_what_is_not_likely_enough_belongs_to_no_bout() -> None:
    assert not len(find_bouts(series([0.5, 0.55, 0.45]), RAW))
    assert tuple(find_bouts(series([0.5]), RAW).columns) == COLUMNS


def test_another_behaviour_ends_a_bout() -> None:
    found = find_bouts(series([0.9, 0.9, 0.2, 0.2, 0.9]), RAW)
    assert list(found["behaviour"]) == ["walking", "eating", "walking"]
    np.testing.assert_allclose(found["start_s"], [0.0, 0.2, 0.4])


def test_short_bouts_are_left_out_and_pauses_closed() -> None:
    config = BoutConfig(shortest=0.15, longest_pause=0.15)
    found = find_bouts(series([0.9, 0.9, 0.1, 0.9, 0.9]), config)
    assert list(found["behaviour"]) == ["walking"]  # a flicker of eating parts no bout
    assert found["duration_s"][0] == pytest.approx(0.5)


def test_a_gap_in_time_ends_a_bout() -> None:
    whole = series([0.9] * 6)
    late = np.where(np.arange(6) > 2, 5.0, 0.0)
    parted = Chances(CLASSES, whole.start + late, whole.stop + late, whole.chances)
    found = find_bouts(parted)
    np.testing.assert_allclose(found["start_s"], [0.0, 5.3])
    np.testing.assert_allclose(found["duration_s"], 0.3)


def test_thresholds_that_are_none_are_told() -> None:
    with pytest.raises(InputError, match=r"start from 0\.5 to 1"):
        BoutConfig(start=0.3, stop=0.2)
    with pytest.raises(InputError, match="stop not above"):
        BoutConfig(start=0.6, stop=0.7)
    with pytest.raises(InputError, match="in order of time"):
        find_bouts(Chances(CLASSES, np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.eye(2)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0, 0.5), st.floats(0, 0.5))
def test_bouts_never_overlap_and_never_last_longer_than_the_time(
    walking: list[float], shortest: float, pause: float
) -> None:
    config = BoutConfig(shortest=shortest, longest_pause=pause)
    found = find_bouts(series(walking), config)
    assert (found["duration_s"] > 0).all()
    assert (found["duration_s"] >= shortest - 1e-6).all()
    assert (found["start_s"].to_numpy()[1:] >= found["stop_s"].to_numpy()[:-1] - 1e-9).all()
    assert found["duration_s"].sum() <= len(walking) * 0.1 + 1e-6


def test_windows_speak_for_the_time_nearest_to_them() -> None:
    start, stop = cells_of(np.array([0.0, 0.2, 0.4, 3.0]), np.array([0.5, 0.7, 0.9, 3.5]))
    np.testing.assert_allclose(start, [0.0, 0.35, 0.55, 3.0])
    np.testing.assert_allclose(stop, [0.35, 0.55, 0.9, 3.5])


def test_the_time_budget_adds_up() -> None:
    budget = time_budget(find_bouts(series([0.9, 0.9, 0.1, 0.9]), RAW))
    assert budget["share"].sum() == pytest.approx(1.0)
    assert dict(zip(budget["behaviour"], budget["bouts"], strict=True)) == {
        "eating": 1, "walking": 2
    }  # fmt: skip
