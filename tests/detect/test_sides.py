"""Left and right through time: exchanged frames are found, true turns are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.detect.sides import with_sides_kept
from mousepose.types import Keypoints2D

NAMES = ("NOSE", "ROOT_TAIL", "LEFT_EAR", "RIGHT_EAR", "LEFT_HIP", "RIGHT_HIP")
BODY = np.array([[40, 0], [-40, 0], [25, 8], [25, -8], [-25, 10], [-25, -10]], float)
EXCHANGED = [0, 1, 3, 2, 5, 4]


def _walk(frames: int = 90, turn: float = 4.0, noise: float = 1.0, seed: int = 0) -> Keypoints2D:
    """A mouse that walks and turns by `turn` rad in all."""
    random = np.random.default_rng(seed)
    angle = np.linspace(0, turn, frames)
    rotation = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    xy = (
        BODY @ rotation.reshape(-1, 2, 2).swapaxes(1, 2)
        + np.linspace(0, 300, frames)[:, None, None]
    )
    xy = xy + random.normal(0, noise, xy.shape)
    known = np.ones((frames, 1, len(NAMES)))
    return Keypoints2D(xy[:, None], known, np.arange(frames) / 30, np.arange(frames), NAMES)


def _exchange(keypoints: Keypoints2D, frames: list[int]) -> Keypoints2D:
    xy = keypoints.xy.copy()
    xy[frames] = xy[frames][:, :, EXCHANGED]
    return replace(keypoints, xy=xy)


@pytest.mark.parametrize("wrong", [[30], [0], [89], [10, 40, 41, 42, 70], [*range(20, 32)]])
def test_exchanged_frames_are_put_right(wrong: list[int]) -> None:
    true = _walk()
    kept, count = with_sides_kept(_exchange(true, wrong))
    assert count == len(wrong)
    assert np.array_equal(kept.xy, true.xy)


def test_a_mouse_that_turns_is_left_alone() -> None:
    true = _walk(turn=20.0)
    kept, count = with_sides_kept(true)
    assert count == 0
    assert np.array_equal(kept.xy, true.xy)


def test_frames_without_points_change_nothing() -> None:
    true = _walk()
    xy = true.xy.copy()
    xy[30:40] = np.nan
    hidden = replace(true, xy=xy)
    kept, count = with_sides_kept(_exchange(hidden, [50]))
    assert count == 1
    assert np.array_equal(kept.xy, hidden.xy, equal_nan=True)


def test_everything_known_of_a_point_moves_with_it() -> None:
    true = _walk()
    random = np.random.default_rng(1)
    true = replace(
        true,
        confidence=random.uniform(0.5, 1, true.confidence.shape),
        covariance=np.eye(2) * random.uniform(1, 2, (*true.confidence.shape, 1, 1)),
    )
    assert true.covariance is not None
    mixed = replace(
        _exchange(true, [30]),
        confidence=np.concatenate(
            [true.confidence[:30], true.confidence[30:31, :, EXCHANGED], true.confidence[31:]]
        ),
        covariance=np.concatenate(
            [true.covariance[:30], true.covariance[30:31, :, EXCHANGED], true.covariance[31:]]
        ),
    )
    kept, _ = with_sides_kept(mixed)
    assert np.array_equal(kept.confidence, true.confidence)
    assert kept.covariance is not None
    assert np.array_equal(kept.covariance, true.covariance)


def test_doing_it_twice_does_no_more() -> None:
    once, _ = with_sides_kept(_exchange(_walk(noise=4.0), [5, 6, 50]))
    twice, count = with_sides_kept(once)
    assert count == 0
    assert np.array_equal(once.xy, twice.xy)
