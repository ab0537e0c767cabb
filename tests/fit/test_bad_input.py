"""What no tracker should write: one clear error or a status by frame, never a crash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousepose.errors import InputError, MouseposeError
from mousepose.fit.config import FitConfig
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.method import reconstruct, solve
from mousepose.types import Keypoints2D, PoseSequence, State, Status
from synthetic import ALONE, draw_motion, draw_poses, make_setup, moving_animal, ring, see, to_pose

#: Through time, but of a body that is known.
TIME = FitConfig(animal_shape=False)


def solved(setup: Setup, keypoints: Keypoints2D) -> PoseSequence:
    return solve(keypoints, setup, moving_animal(setup))


@pytest.fixture(scope="module")
def camera() -> Camera:
    return ring(1)[0]


@pytest.fixture(scope="module")
def good() -> Keypoints2D:
    setup = make_setup(1)
    return see(setup, to_pose(setup, draw_motion(setup, np.arange(12) / 30)), noise=1.0)


def well_formed(sequence: PoseSequence, keypoints: Keypoints2D) -> None:
    """Hold the shapes, and that a frame has either all of its numbers or none."""
    frames = len(keypoints)
    assert len(sequence) == frames
    assert sequence.keypoints.shape[0] == frames
    absent = np.isin(sequence.report.status, [Status.EMPTY, Status.FAILED])
    assert (np.isnan(sequence.keypoints).all((1, 2)) == absent).all()
    assert (np.isfinite(sequence.keypoints).all((1, 2)) == ~absent).all()
    assert (np.isfinite(sequence.covariance).all((1, 2, 3)) == ~absent).all()
    assert ((sequence.state == State.ABSENT).all(1) == absent).all()
    assert ((sequence.state != State.ABSENT).all(1) == ~absent).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xy": np.nan}, "no frame has the 5 keypoints"),
        ({"xy": 10_000.0}, "no frame has the 5 keypoints"),
        ({"confidence": np.nan}, "no frame has the 5 keypoints"),
        ({"confidence": 0.0}, "no frame has the 5 keypoints"),
        ({"confidence": 2.0}, "confidence outside 0 to 1"),
        ({"xy": np.inf}, "infinite coordinates"),
        ({"times": 1.0}, "time does not increase"),
        ({"frame_numbers": 3}, "frame number does not increase"),
    ],
)
def test_input_that_cannot_be_used_is_one_clear_error(
    good: Keypoints2D, camera: Camera, change: dict[str, Any], message: str
) -> None:
    fields = {name: np.full_like(getattr(good, name), value) for name, value in change.items()}
    with pytest.raises(InputError, match=message):
        reconstruct(replace(good, **fields), camera)


def test_no_frames_no_mouse(good: Keypoints2D, camera: Camera) -> None:
    nothing = Keypoints2D(
        good.xy[:0], good.confidence[:0], good.times[:0], good.frame_numbers[:0],
        good.keypoint_names,
    )  # fmt: skip
    with pytest.raises(InputError, match="no frame has the 5 keypoints"):
        reconstruct(nothing, camera)
    setup = make_setup(camera, TIME)
    assert len(solved(setup, nothing)) == 0


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 10])
def test_a_few_frames_are_enough(good: Keypoints2D, camera: Camera, frames: int) -> None:
    few = Keypoints2D(
        good.xy[:frames], good.confidence[:frames], good.times[:frames],
        good.frame_numbers[:frames], good.keypoint_names,
    )  # fmt: skip
    sequence = reconstruct(few, camera)
    well_formed(sequence, few)
    assert (sequence.report.status == Status.OK).all()


def test_minutes_without_a_mouse_are_empty_frames(good: Keypoints2D, camera: Camera) -> None:
    frames = 3000
    xy = np.full((frames, 1, 22, 2), np.nan)
    xy[:6], xy[-6:] = good.xy[:6], good.xy[6:]
    keypoints = Keypoints2D(
        xy, np.ones(xy.shape[:-1]), np.arange(frames) / 30, np.arange(frames), good.keypoint_names
    )
    sequence = reconstruct(keypoints, camera)
    well_formed(sequence, keypoints)
    assert (sequence.report.status == Status.EMPTY).sum() == frames - 12


def test_nonsense_in_a_few_frames_does_not_reach_the_others(camera: Camera) -> None:
    setup = make_setup(camera, ALONE)
    truth = draw_poses(setup, 12)
    keypoints = see(setup, to_pose(setup, truth), noise=1.0)
    xy = keypoints.xy.copy()
    xy[[3, 7]] = np.random.default_rng(0).uniform(0, 1000, (2, *xy.shape[1:]))
    sequence, clean = solved(setup, replace(keypoints, xy=xy)), solved(setup, keypoints)
    assert (sequence.report.status[[3, 7]] == Status.POOR).all()
    rest = np.delete(np.arange(12), [3, 7])
    assert (sequence.report.status[rest] == Status.OK).all()
    np.testing.assert_allclose(sequence.keypoints[rest], clean.keypoints[rest], atol=2.0)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
pixels = st.one_of(st.floats(-300, 1500), st.just(np.nan), st.sampled_from([0.0, 1e4, -1e4, 1e300]))


@settings(max_examples=30)
@given(data=st.data())
def test_any_keypoints_give_a_result_or_one_clear_error(data: st.DataObject) -> None:
    """Warnings are errors in these tests, so neither are there any warnings."""
    frames = data.draw(st.integers(0, 6))
    good = see(make_setup(1), to_pose(make_setup(1), draw_poses(make_setup(1), frames)))
    wild = data.draw(st.booleans())
    xy = good.xy.copy()
    for _ in range(data.draw(st.integers(0, 12)) if frames else 0):
        place = tuple(data.draw(st.integers(0, n - 1)) for n in xy.shape)
        xy[place] = data.draw(numbers if wild else pixels)
    if frames and data.draw(st.booleans()):
        seed = data.draw(st.integers(0, 100))
        xy[data.draw(st.integers(0, frames - 1))] = np.random.default_rng(seed).uniform(
            -500, 1700, xy.shape[1:]
        )
    share = st.floats(-0.5, 1.5) if wild else st.floats(0, 1)
    confidence = np.full(xy.shape[:-1], data.draw(st.one_of(st.just(1.0), share)))
    keypoints = replace(good, xy=xy, confidence=confidence)
    config = FitConfig(temporal=data.draw(st.booleans()), animal_shape=data.draw(st.booleans()))
    try:
        sequence = reconstruct(keypoints, ring(1), config=config)
    except MouseposeError as error:
        assert str(error)
    else:
        well_formed(sequence, keypoints)


@settings(max_examples=20)
@given(
    st.lists(st.floats(1e-5, 1e5), min_size=5, max_size=5),
    st.lists(
        st.sampled_from([0.0, 1e-300, 1e-6, 1.0, 1e6, 1e300, -1.0, np.nan]), min_size=2, max_size=2
    ),
    st.floats(-1, 1),
)
def test_any_times_and_covariances_give_a_result_or_one_clear_error(
    steps: list[float], variances: list[float], correlation: float
) -> None:
    setup = make_setup(1)
    good = see(setup, to_pose(setup, draw_poses(setup, 6)))
    with np.errstate(invalid="ignore"):
        across = correlation * np.sqrt(variances[0]) * np.sqrt(variances[1])
    noise = np.array([[variances[0], across], [across, variances[1]]])
    keypoints = replace(
        good, times=np.cumsum([0.0, *steps]), covariance=np.tile(noise, (6, 1, 22, 1, 1))
    )
    try:
        sequence = reconstruct(keypoints, ring(1), config=replace(TIME, longest_gap=1e9))
    except MouseposeError as error:
        assert str(error)
    else:
        well_formed(sequence, keypoints)
