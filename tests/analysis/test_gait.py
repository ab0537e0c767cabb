"""Laws of gait: known strides are found; mirror, time, scale, gaps, belts change what they must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.walkers import (
    STRIDE_MM,
    STRIDES_PER_SECOND,
    mirrored,
    points,
    still,
    walk,
    without,
)

from mousepose.analysis.floor import Floor, above_floor, find_floor, on_belt
from mousepose.analysis.gait import analyse_gait
from mousepose.analysis.gait_strides import COLUMNS
from mousepose.analysis.gait_support import regularity_index
from mousepose.analysis.motion import motion_of
from mousepose.body.default import default_body
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.simulate.gaits import TROT
from mousepose.skeleton import mirrored_name
from mousepose.types import Keypoints3D


def test_a_known_walk_is_found_by_its_paws() -> None:
    strides = analyse_gait(points()).strides
    assert (strides["quality"] == "good").all()
    assert len(strides) > 4 * (5 * STRIDES_PER_SECOND - 3)
    assert strides["stride_length_mm"].median() == pytest.approx(STRIDE_MM, abs=0.2)
    assert strides["stride_frequency_hz"].median() == pytest.approx(STRIDES_PER_SECOND, abs=0.02)
    assert strides["duty_factor"].median() == pytest.approx(TROT.duty, abs=0.05)
    assert strides["step_length_mm"].median() == pytest.approx(STRIDE_MM / 2, abs=1.0)
    left = strides[strides["limb"] == "left fore"]
    assert left["phase_right_fore"].median() == pytest.approx(0.5, abs=0.02)
    assert left["phase_right_hind"].median() == pytest.approx(0.04, abs=0.03)
    assert strides["support_diagonal"].mean() > 0.5


@pytest.mark.parametrize("hidden", [("PAW",), ("PAW", "KNEE", "ELBOW")])
def test_a_known_walk_is_found_by_its_rhythm_without_feet(hidden: tuple[str, ...]) -> None:
    bout = analyse_gait(without(points(), *hidden)).bouts.iloc[0]
    assert bout["spectral_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)
    low, high = bout["spectral_stride_length_low_mm"], bout["spectral_stride_length_high_mm"]
    assert low < STRIDE_MM < high
    assert high - low < 0.1 * STRIDE_MM


def test_a_bound_is_found_though_its_sides_move_alike() -> None:
    source = points()
    times, rate = source.times, 4.0
    phase = 2 * np.pi * rate * times
    names = source.keypoint_names
    partner = [names.index(mirrored_name(name)) for name in names]
    even = (source.xyz[0] + source.xyz[0][partner] * [1, -1, 1]) / 2
    rise = 3.0 * np.sin(phase) + 1.5 * np.sin(2 * phase + 0.5)
    pitch = 0.1 * np.cos(phase)[:, None] * (even[:, 0] - even[:, 0].mean())
    xyz = np.repeat(even[None], len(times), axis=0)
    xyz[..., 0] += 200.0 * times[:, None]
    xyz[..., 2] += rise[:, None] + pitch
    xyz = xyz + np.random.default_rng(5).normal(0, 0.3, xyz.shape)
    bout = analyse_gait(Keypoints3D(xyz, times, source.keypoint_names)).bouts.iloc[0]
    assert bout["spectral_stride_frequency_hz"] == pytest.approx(rate, abs=0.1)


def test_too_short_a_clip_is_told() -> None:
    with pytest.raises(InputError, match="too short"):
        analyse_gait(points(seconds=0.3))


def test_a_turning_walk_has_the_strides_of_its_trunk() -> None:
    bout = analyse_gait(points(radius=180.0)).bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)
    assert bout["spectral_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)


def test_the_mirror_exchanges_left_and_right() -> None:
    one, other = analyse_gait(points()).strides, analyse_gait(mirrored(points())).strides
    for limb, partner in (("left hind", "right hind"), ("right fore", "left fore")):
        mine, theirs = one[one["limb"] == limb], other[other["limb"] == partner]
        for column in ("contact_s", "stride_length_mm", "step_length_mm", "base_of_support_mm"):
            np.testing.assert_allclose(mine[column], theirs[column], atol=1e-6)


def test_backwards_in_time_strides_keep_length_and_rhythm() -> None:
    source = points()
    back = Keypoints3D(source.xyz[::-1].copy(), source.times, source.keypoint_names)
    one, other = analyse_gait(source).bouts.iloc[0], analyse_gait(back).bouts.iloc[0]
    for column in ("events_stride_length_mm", "spectral_stride_frequency_hz", "distance_mm"):
        assert other[column] == pytest.approx(one[column], rel=1e-3)


def test_twice_the_body_has_twice_the_stride_and_the_same_rhythm() -> None:
    source = points()
    large = Keypoints3D(2 * source.xyz, source.times, source.keypoint_names)
    one, other = analyse_gait(source).bouts.iloc[0], analyse_gait(large).bouts.iloc[0]
    for method in ("events", "spectral"):
        length, rhythm = f"{method}_stride_length_mm", f"{method}_stride_frequency_hz"
        assert other[length] == pytest.approx(2 * one[length], rel=1e-3)
        assert other[rhythm] == pytest.approx(one[rhythm], rel=1e-3)


def test_turned_and_shifted_on_the_floor_nothing_changes() -> None:
    source = points()
    turn = rotation.exp(np.array([0.0, 0.0, 1.1]))
    moved = Keypoints3D(source.xyz @ turn.T + [500, -90, 0], source.times, source.keypoint_names)
    one, other = analyse_gait(source).strides, analyse_gait(moved).strides
    np.testing.assert_allclose(one["stride_length_mm"], other["stride_length_mm"], atol=1e-6)
    np.testing.assert_allclose(one["contact_s"], other["contact_s"], atol=1e-9)


def test_gaps_invent_no_stride() -> None:
    source = points()
    broken = source.xyz.copy()
    broken[140:170] = np.nan
    whole, part = (
        analyse_gait(Keypoints3D(xyz, source.times, source.keypoint_names)).strides
        for xyz in (source.xyz, broken)
    )
    assert 0 < len(part) < len(whole)
    inside = (part["contact_s"] < 170 / 60) & (part["next_contact_s"] > 140 / 60)
    assert not inside.any()
    assert part["stride_period_s"].max() < 1.2 / STRIDES_PER_SECOND


def test_frames_left_out_are_a_gap_too() -> None:
    source = points()
    kept = np.r_[0:140, 170:300]
    cut = Keypoints3D(source.xyz[kept], source.times[kept], source.keypoint_names)
    gait = analyse_gait(cut)
    assert len(gait.bouts) == 2
    assert gait.strides["stride_period_s"].max() < 1.2 / STRIDES_PER_SECOND


def test_an_animal_that_stands_has_empty_tables_with_all_columns() -> None:
    gait = analyse_gait(still())
    assert len(gait.strides) == len(gait.bouts) == len(gait.rhythm) == 0
    assert tuple(gait.strides.columns) == COLUMNS
    assert "spectral_stride_length_mm" in gait.bouts


def test_on_a_belt_the_walk_is_that_over_ground() -> None:
    source = points()
    speed = STRIDE_MM * STRIDES_PER_SECOND
    way = (source.xyz[-1] - source.xyz[0]).mean(axis=0) * [1, 1, 0]
    way /= np.linalg.norm(way)
    on_spot = source.xyz - way * (speed * source.times)[:, None, None]
    held = motion_of(Keypoints3D(on_spot, source.times, source.keypoint_names))
    assert not len(analyse_gait(held).bouts)
    bout = analyse_gait(on_belt(held, speed)).bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=0.3)
    assert bout["spectral_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)
    changing = np.full(len(held), speed)
    same = on_belt(held, changing, -2 * way[:2])
    assert analyse_gait(same).bouts["distance_mm"][0] == pytest.approx(
        bout["distance_mm"], rel=0.01
    )


@pytest.mark.parametrize("axis", [(0.4, 0.2, 0.0), (2.0, 1.0, 0.3)])
def test_the_floor_is_found_whatever_the_axes(axis: tuple[float, float, float]) -> None:
    source = points(radius=180.0)
    turn = rotation.exp(np.array(axis))
    tilted = Keypoints3D(source.xyz @ turn.T + [30, 5, 400], source.times, source.keypoint_names)
    motion = motion_of(tilted)
    floor = find_floor(motion)
    assert np.degrees(np.arccos(floor.turn[2] @ turn[:, 2])) < 1.0
    bout = analyse_gait(above_floor(motion, floor)).bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)


def test_poses_in_a_cameras_frame_are_set_on_their_floor() -> None:
    sequence = walk(radius=180.0).sequence(default_body())
    turn = rotation.exp(np.array([2.0, 1.0, 0.3]))
    tilted = replace(sequence, keypoints=sequence.keypoints @ turn.T + 300.0, frame="camera")
    bout = analyse_gait(tilted).bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.9), st.integers(1, 30))
def test_whatever_is_hidden_strides_are_whole(seed: int, share: float, length: int) -> None:
    source = points()
    random = np.random.default_rng(seed)
    runs = random.random((300 // length + 1, source.xyz.shape[1])) < share
    xyz = np.where(np.repeat(runs, length, axis=0)[:300, :, None], np.nan, source.xyz)
    try:
        strides = analyse_gait(Keypoints3D(xyz, source.times, source.keypoint_names)).strides
    except InputError:
        return
    assert (strides["stride_period_s"] > 0).all()
    assert ((strides["duty_factor"] > 0) & (strides["duty_factor"] < 1)).all()
    np.testing.assert_allclose(
        (strides["stance_s"] + strides["swing_s"]).astype(float),
        strides["stride_period_s"].astype(float),
    )


def test_a_floor_has_right_angles() -> None:
    floor = Floor.level(np.array([0.3, -2.0, 1.0]))
    np.testing.assert_allclose(floor.turn @ floor.turn.T, np.eye(3), atol=1e-12)
    with pytest.raises(InputError, match="up"):
        Floor.level(np.zeros(3))


def test_noise_widens_the_interval_that_is_told() -> None:
    source = points()
    noise = np.random.default_rng(3).normal(0, 1.5, source.xyz.shape)
    loud = Keypoints3D(
        source.xyz + noise, source.times, source.keypoint_names, 2.25 * source.covariance
    )
    quiet = Keypoints3D(source.xyz, source.times, source.keypoint_names)
    one, other = analyse_gait(quiet).strides, analyse_gait(loud).strides
    assert one["stride_length_sd_mm"].max() == 0.0
    assert other["stride_length_sd_mm"].median() > 1.0
    assert other["stride_length_mm"].median() == pytest.approx(STRIDE_MM, abs=1.0)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.arange(60) / 5.0, "too slow"),
        (np.cumsum(np.tile([0.01, 0.03], 30)), "rate changes"),
        (np.zeros(60), "do not increase"),
        (np.zeros(1), "too short"),
    ],
)
def test_times_that_cannot_tell_are_refused(times: np.ndarray, message: str) -> None:
    xyz = np.zeros((len(times), 2, 3))
    with pytest.raises(InputError, match=message):
        motion_of(Keypoints3D(xyz, times, ("SPINE_SHOULDER", "ROOT_TAIL")))


def test_without_a_trunk_the_points_that_help_are_named() -> None:
    source = points()
    paws = [i for i, name in enumerate(source.keypoint_names) if name.endswith("PAW")]
    names = tuple(source.keypoint_names[i] for i in paws)
    with pytest.raises(InputError, match="SPINE_HIP"):
        analyse_gait(Keypoints3D(source.xyz[:, paws], source.times, names))


@pytest.mark.parametrize(
    ("order", "expected"), [([0, 1, 2, 3] * 3, 100.0), ([0, 0, 1, 1] * 3, 0.0), ([0, 1], None)]
)
def test_the_regularity_index(order: list[int], expected: float | None) -> None:
    found = regularity_index(np.array(order))
    assert np.isnan(found) if expected is None else found == expected


def test_one_side_alone_tells_on_a_belt_whose_way_is_known() -> None:
    source = points()
    chosen = ("SPINE_HIP", "LEFT_HIP", "LEFT_KNEE", "LEFT_HIND_PAW")
    kept = [source.keypoint_names.index(name) for name in chosen]
    speed = STRIDE_MM * STRIDES_PER_SECOND
    xyz = source.xyz[:, kept] - np.array([speed, 0, 0]) * source.times[:, None, None]
    held = motion_of(Keypoints3D(xyz, source.times, chosen))
    with pytest.raises(InputError, match="belt-direction"):
        on_belt(held, speed)
    bout = analyse_gait(on_belt(held, speed, np.array([-1.0, 0.0]))).bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.0)
    assert bout["spectral_stride_length_mm"] == pytest.approx(STRIDE_MM, abs=1.5)
