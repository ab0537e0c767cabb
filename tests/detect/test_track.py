"""Mice through time: gaps, leaving, coming back, crossing, one too many."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.detect.track import Tracker
from mousepose.detect.track_filter import BoxFilter, as_centre, as_edges, smoothed
from mousepose.detect.types import Detections
from mousepose.errors import InputError
from mousepose.types import State


def box(x, y, width=40.0, height=24.0):
    return as_edges(np.array([x, y, width, height]))


def seen(*boxes, score=0.9):
    return Detections(np.array(boxes).reshape(-1, 4), np.full(len(boxes), score))


def follow(frames, animals=1, lag=None):
    tracker = Tracker(animals, 30.0, lag)
    told = [tracker.push(frame) for frame in frames]
    return [frame for frame in told if frame is not None] + tracker.finish()


def path(count, start=(100.0, 100.0), step=(3.0, 1.0), noise=0.0, seed=0):
    random = np.random.default_rng(seed)
    return np.array(start) + np.outer(np.arange(count), step) + random.normal(0, noise, (count, 2))


def test_every_frame_is_told_once_and_near_what_was_seen():
    truth = path(90)
    frames = [seen(box(*xy)) for xy in path(90, noise=1.0)]
    told = follow(frames)
    assert len(told) == 90
    found = as_centre(np.stack([frame.boxes[0] for frame in told]))
    assert all(frame.states[0] == State.SEEN for frame in told)
    error = np.hypot(*(found[:, :2] - truth).T)
    assert error.mean() < 0.9 * np.sqrt(np.pi / 2)  # better than what was measured
    assert np.abs(found[:, 2:] - [40, 24]).max() < 1


def test_a_short_gap_is_hidden_and_a_long_one_absent():
    truth = path(300, step=(1.0, 0.5))
    frames = [seen(box(*xy)) for xy in truth]
    for gap in (range(50, 58), range(100, 200)):
        for n in gap:
            frames[n] = Detections.none()
    told = follow(frames, lag=15)
    states = np.array([frame.states[0] for frame in told])
    assert (states[50:58] == State.INFERRED).all()
    assert (states[100:200] == State.ABSENT).all()
    assert (np.delete(states, [*range(50, 58), *range(100, 200)]) == State.SEEN).all()
    boxes = np.stack([frame.boxes[0] for frame in told])
    assert np.isnan(boxes[100:200]).all()
    hidden = as_centre(boxes[50:58])[:, :2]
    assert np.abs(hidden - truth[50:58]).max() < 1.5


def test_without_any_mouse_there_is_none():
    told = follow([Detections.none()] * 40)
    assert len(told) == 40
    assert np.isnan([frame.boxes for frame in told]).all()
    assert not any(frame.states.any() for frame in told)


def test_a_flicker_is_no_mouse():
    frames = [Detections.none()] * 40
    frames[20] = seen(box(50, 50))
    assert not any(frame.states.any() for frame in follow(frames))
    faint = [seen(box(50, 50), score=0.1)] * 40
    assert not any(frame.states.any() for frame in follow(faint))


def test_two_mice_that_pass_keep_their_names_and_the_risk_is_told():
    a, b = path(120, (50, 100), (3, 0)), path(120, (410, 130), (-3, 0))
    random = np.random.default_rng(3)
    frames = [seen(*random.permutation([box(*p), box(*q)])) for p, q in zip(a, b, strict=True)]
    told = follow(frames, 2)
    x = as_centre(np.stack([frame.boxes for frame in told]))[:, :, 0]
    first = int(np.argmin(np.abs(x[0] - a[0, 0])))
    assert np.abs(x[:, first] - a[:, 0]).max() < 3
    assert np.abs(x[:, 1 - first] - b[:, 0]).max() < 3
    risk = np.array([frame.swap_risk for frame in told])
    assert risk[:30].max() == 0
    assert 0 < risk[-1].max() < 0.2


def test_two_mice_that_melt_into_one_box_are_told_to_be_a_guess():
    a, b = path(120, (50, 100), (3, 0)), path(120, (410, 100), (-3, 0))
    frames = []
    for p, q in zip(a, b, strict=True):
        near = abs(p[0] - q[0]) < 36
        frames.append(seen(box(*(p + q) / 2, 60)) if near else seen(box(*p), box(*q)))
    told = follow(frames, 2)
    assert told[-1].swap_risk.max() >= 0.3
    states = np.array([frame.states for frame in told])
    assert (states[50:70].min(axis=1) <= State.INFERRED).any()
    assert (states[[0, -1]] == State.SEEN).all()


def test_one_mouse_too_many_is_told_and_does_not_take_a_name():
    frames = [seen(box(100, 100), box(300, 200)) for _ in range(40)]
    told = follow(frames, 1)
    assert {frame.extra for frame in told[5:]} == {1}
    boxes = as_centre(np.stack([frame.boxes[0] for frame in told[5:]]))
    assert np.ptp(boxes[:, 0]) < 1


def test_a_mouse_that_was_away_comes_back_as_itself():
    frames = [seen(box(100, 100))] * 30 + [Detections.none()] * 500 + [seen(box(400, 300))] * 30
    told = follow(frames, 1)
    states = np.array([frame.states[0] for frame in told])
    assert (states[:30] == State.SEEN).all()
    assert (states[30:530] == State.ABSENT).all()
    assert (states[530:] == State.SEEN).all()


def test_memory_does_not_grow():
    tracker = Tracker(2, 30.0)
    random = np.random.default_rng(0)
    for _ in range(600):
        boxes = [box(*random.uniform(0, 500, 2)) for _ in range(random.integers(0, 4))]
        tracker.push(seen(*boxes) if boxes else Detections.none())
    assert len(tracker._mice) < 60
    assert all(len(mouse.history) <= tracker.lag + 1 for mouse in tracker._mice)


def test_the_filter_agrees_with_its_own_uncertainty():
    random = np.random.default_rng(1)
    box_filter = BoxFilter(box(0, 0), 30.0)
    scale = np.sqrt(box_filter.measured)
    far = []
    for _ in range(400):
        box_filter.predict()
        noisy = as_edges(np.array([0, 0, 40.0, 24.0]) + random.normal(0, scale))
        box_filter.correct(noisy)
        far.append(box_filter.mean[:, 0] - [0, 0, 40, 24])
    assert np.all(np.std(far[50:], axis=0) < scale)
    assert np.all(np.std(far[50:], axis=0) < 1.5 * np.sqrt(box_filter.covariance[:, 0, 0]))


def test_smoothing_is_that_of_the_textbook():
    random, filter_ = np.random.default_rng(3), BoxFilter(box(50.0, 60.0), 24.0)
    means, covariances = [], []
    for _ in range(9):
        filter_.predict()
        filter_.correct(box(*random.normal([50, 60], 4)))
        means.append(filter_.mean.copy())
        covariances.append(filter_.covariance.copy())
    step, expected = np.array([[1.0, 1.0], [0.0, 1.0]]), means[-1]
    for mean, covariance in zip(means[-2::-1], covariances[-2::-1], strict=True):
        ahead = step @ covariance @ step.T + filter_.process
        gain = covariance @ step.T @ np.linalg.inv(ahead)
        expected = mean + (gain @ (expected - mean @ step.T)[:, :, None])[:, :, 0]
    found = smoothed(np.stack(means), np.stack(covariances), filter_.process)
    assert np.allclose(found, expected, atol=1e-9)


def test_no_animals_is_no_promise():
    with pytest.raises(InputError, match="expected one or more, got 0"):
        Tracker(0)
