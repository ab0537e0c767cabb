"""What is tied stays mirrored, and frames are chosen and counted as they differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import load_keypoint_map, shipped_maps
from mousepose.errors import InputError
from mousepose.fit.offsets_frames import (
    LEAST_FRAMES,
    distinct_poses,
    evenly,
    most_different,
    split_by_time,
)
from mousepose.fit.offsets_ties import mirror_ties

BODY = default_body()


@pytest.mark.parametrize("name", shipped_maps())
def test_the_shipped_offsets_are_among_the_tied_ones(name: str) -> None:
    known = load_keypoint_map(name)
    ties = mirror_ties(known, BODY)
    offset = known.marks(BODY).offset
    np.testing.assert_allclose(ties.offsets(ties.values(offset)), offset, atol=1e-9)


def test_tied_offsets_are_mirror_images() -> None:
    known = load_keypoint_map("mammal22")
    ties = mirror_ties(known, BODY)
    offsets = ties.offsets(np.random.default_rng(0).normal(size=ties.matrix.shape[1]))
    for mark, other in enumerate(ties.partner):
        assert ties.partner[other] == mark
        np.testing.assert_allclose(offsets[other], offsets[mark] * [1, -1, 1])
    middle = ties.partner == np.arange(len(known))
    assert (offsets[middle, 1] == 0).all()
    assert {known.names[m] for m in np.flatnonzero(middle)} == {
        "nose", "neck", "body_middle", "tail_root", "tail_middle", "tail_end"
    }  # fmt: skip


def test_marks_without_sides_in_their_names_are_paired_by_place() -> None:
    known = load_keypoint_map("openfield4")
    renamed = replace(known, names=("a", "b", "c", "d"), aliases={}, origins={})
    assert mirror_ties(renamed, BODY).partner.tolist() == [0, 2, 1, 3]


def test_marks_of_one_side_move_freely() -> None:
    ties = mirror_ties(load_keypoint_map("treadmill6_right"), BODY)
    assert ties.matrix.shape == (18, 18)
    np.testing.assert_array_equal(ties.partner, np.arange(6))


def test_what_is_known_of_a_number_is_known_of_both_marks() -> None:
    known = load_keypoint_map("openfield4")
    ties = mirror_ties(known, BODY)
    spread = ties.spread(np.arange(1.0, 1 + ties.matrix.shape[1]))
    np.testing.assert_array_equal(spread[1], spread[2])
    assert np.isnan(spread[0, 1]) and np.isnan(spread[3, 1])
    assert np.isfinite(np.delete(spread, 1, axis=1)).all()


def test_the_end_of_a_recording_is_held_out() -> None:
    times = np.arange(400) / 10
    usable = np.ones(400, bool)
    usable[::7] = False
    learned, held = split_by_time(usable, times)
    assert usable[learned].all() and usable[held].all()
    assert times[learned].max() < times[held].min() - 1.0
    assert len(held) == pytest.approx(usable.sum() / 4, abs=1)
    # a short recording has no second to spare
    learned, held = split_by_time(np.ones(60, bool), np.arange(60) / 60)
    assert len(learned) == 45 and len(held) == 15
    with pytest.raises(InputError, match=f"39 of 100 .* at least {LEAST_FRAMES}"):
        split_by_time(np.arange(100) < 39, times[:100])


def test_frames_are_spread_evenly() -> None:
    frames = np.arange(10, 110)
    assert evenly(frames, 5).tolist() == [10, 35, 60, 84, 109]
    np.testing.assert_array_equal(evenly(frames, 1000), frames)


def test_the_most_different_frames_are_chosen() -> None:
    random = np.random.default_rng(0)
    centres = 50 * random.normal(size=(5, 8))
    features = np.repeat(centres, 20, axis=0) + 0.1 * random.normal(size=(100, 8))
    chosen = most_different(features, 5)
    assert sorted(chosen // 20) == [0, 1, 2, 3, 4]
    assert len(most_different(features, 1000)) == 100
    assert len(most_different(features[:0], 3)) == 0


@pytest.mark.parametrize("count", [1, 3, 10])
def test_different_poses_are_counted(count: int) -> None:
    centres = 100 * np.random.default_rng(0).normal(size=(count, 8))
    features = np.repeat(centres, 20, axis=0)
    assert distinct_poses(features) == pytest.approx(count)
    assert distinct_poses(features[:1]) == 1
