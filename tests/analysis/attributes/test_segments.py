"""Segments tell how a mouse holds and moves itself, wherever it is and however it is turned."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from tests.analysis.walkers import points

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.analysis.attributes.gait_measures import gait_segments
from mousepose.analysis.attributes.pool import common_samples, pooled
from mousepose.analysis.attributes.segments import angle_segments, image_segments, space_segments
from mousepose.analysis.gait import analyse_gait
from mousepose.analysis.motion import motion_of
from mousepose.errors import InputError
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Keypoints2D, Keypoints3D

SHORT = SegmentConfig(seconds=1.0)


def image(
    xy: Floats, names: tuple[str, ...], times: Floats, confidence: float = 1.0
) -> Keypoints2D:
    """Return what a camera saw that loses no depth: the points' x and y."""
    known = np.full((len(times), 1, len(names)), confidence)
    return Keypoints2D(xy[:, None], known, times, np.arange(len(times)), names)


def side_view() -> tuple[Floats, tuple[str, ...], Floats]:
    """Return x and height (down the image) of a walk to the right."""
    source = points()
    return source.xyz[..., [0, 2]] * [1, -1], source.keypoint_names, source.times


def turned(angle: float) -> Floats:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_place_turn_and_size_in_the_image_do_not_matter() -> None:
    xy, names, times = points().xyz[..., :2], points().keypoint_names, points().times
    one = image_segments(image(xy, names, times), SHORT)
    other = image_segments(image(3 * xy @ turned(0.7).T + 50, names, times), SHORT)
    assert len(one) == 5
    assert np.allclose(other["size_mean"] - one["size_mean"], np.log(3))
    rest = one.columns.drop("size_mean")
    assert np.allclose(one[rest], other[rest], equal_nan=True, atol=1e-6)


def test_a_mouse_that_walks_left_is_the_mirror_image_of_one_that_walks_right() -> None:
    xy, names, times = side_view()
    right = image_segments(image(xy, names, times), SHORT)
    swapped = tuple(map(mirrored_name, names))
    left = image_segments(image(xy * [-1, 1], swapped, times), SHORT)
    assert np.allclose(right, left[right.columns], atol=1e-6)
    assert (right["left_hind_paw_across_mean"] < 0).all()  # below the trunk, both ways


def test_place_and_heading_on_the_floor_do_not_matter() -> None:
    source = points()
    turn = np.eye(3)
    turn[:2, :2] = turned(2.1)
    moved = Keypoints3D(source.xyz @ turn.T + [70, -30, 0], source.times, source.keypoint_names)
    for segments in (space_segments, angle_segments):
        one, other = (segments(motion_of(each), SHORT) for each in (source, moved))
        assert list(one) == list(other)
        assert np.allclose(one, other, atol=1e-6)


def test_speed_and_height_are_in_millimetres() -> None:
    table = space_segments(motion_of(points()), SHORT)
    assert np.allclose(table["speed_mean"], 55 * 2.6, rtol=0.02)
    known = points().xyz[:, points().keypoint_names.index("NOSE"), 2].mean()
    assert table["nose_up_mean"].mean() == pytest.approx(known, rel=0.02)


def test_only_space_knows_depth() -> None:
    """Moved along the line of sight, a point changes in space and not in the image."""
    source, (xy, names, times) = points(), side_view()
    deeper = source.xyz.copy()
    deeper[:, names.index("LEFT_HIND_PAW"), 1] += 6
    near = space_segments(motion_of(source), SHORT)
    far = space_segments(motion_of(Keypoints3D(deeper, times, names)), SHORT)
    moved = far["left_hind_paw_left_mean"] - near["left_hind_paw_left_mean"]
    assert np.allclose(moved, 6, atol=0.1)  # the trunk sways about the line of sight
    seen = deeper[..., [0, 2]] * [1, -1]
    one, other = (image_segments(image(each, names, times), SHORT) for each in (xy, seen))
    assert np.allclose(one, other)


def test_points_that_are_hidden_or_unsure_are_not_used() -> None:
    xy, names, times = side_view()
    lost = xy.copy()
    lost[:, names.index("LEFT_KNEE")] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = image_segments(image(lost, names, times), SHORT)
    assert table.filter(like="left_knee").isna().all(axis=None)
    assert table.drop(columns=table.filter(like="left_knee").columns).notna().all(axis=None)
    with pytest.raises(InputError, match="two points of the trunk"):
        image_segments(image(xy, names, times, confidence=0.1), SHORT)


def test_segments_do_not_reach_across_gaps() -> None:
    source = points()
    times = source.times + np.where(np.arange(len(source.times)) >= 150, 5.0, 0.0)
    table = space_segments(motion_of(Keypoints3D(source.xyz, times, source.keypoint_names)), SHORT)
    assert len(table) == 4  # 2.5 s and 2.5 s


def test_too_short_recordings_have_no_segments() -> None:
    motion = motion_of(points())
    assert len(space_segments(motion, SegmentConfig(seconds=9))) == 0
    assert len(angle_segments(motion, SegmentConfig(seconds=9))) == 0


def test_strides_and_rhythm_are_rows() -> None:
    gait = analyse_gait(points())
    table = gait_segments(gait)
    assert table["fore_stride_length_mm"].median() == pytest.approx(55, abs=1)
    assert table["hind_phase"].median() < -0.9  # a trot: left and right alternate
    assert table["rhythm_stride_frequency_hz"].median() == pytest.approx(2.6, abs=0.1)
    still = gait.__class__(gait.strides.iloc[:0], gait.rhythm.iloc[:0], gait.bouts.iloc[:0])
    assert list(gait_segments(still)) == list(table)
    assert len(gait_segments(still)) == 0


def test_pooling_is_median_and_spread_of_enough_segments() -> None:
    random = np.random.default_rng(0)
    sample = pd.Series(np.repeat(["a", "b", "c"], [4000, 4000, 3]))
    table = pd.DataFrame({"x": random.normal(5, 2, 8003), "word": "w", "none": np.nan})
    found = pooled(table, sample, 5)
    assert list(found) == ["x", "x_varies"]
    assert np.allclose(found.loc["a"], [5, 2], atol=0.15)
    assert found.loc["c"].isna().all()


def test_samples_that_a_set_does_not_know_are_out_with_a_reason() -> None:
    samples = pd.DataFrame({"animal": list("abc")}, index=list("abc"))
    full = pd.DataFrame({"x": [1.0, 2, 3]}, index=list("abc"))
    part = pd.DataFrame({"y": [1.0, np.nan]}, index=list("ab"))
    kept, left_out = common_samples({"3d": full, "gait": part}, samples, 5)
    assert list(kept.index) == ["a"]
    assert left_out == dict.fromkeys("bc", "fewer than 5 segments of gait")
    with pytest.raises(InputError, match="too few segments: none of 3 animals"):
        common_samples({"gait": part * np.nan}, samples, 5)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"least_segments": 0}])
def test_senseless_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        SegmentConfig(**wrong)
