"""What a classifier sees: the same wherever the animal is, wherever it heads, and in a mirror."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.analysis.behaviour.acts import doll, flat, mirrored, turned, windows

from mousepose.analysis.behaviour.channels import (
    KINDS,
    Points,
    channels_of,
    layout_of,
    trunk_length,
)
from mousepose.analysis.behaviour.rate import at_rate, check_speed
from mousepose.analysis.behaviour.windows import windows_of
from mousepose.analysis.motion import motion_of
from mousepose.errors import InputError
from mousepose.types import Keypoints3D

EVERY = layout_of(KINDS)


@pytest.mark.parametrize("act", ["bobbing", "going"])
def test_place_and_heading_change_nothing(act: str) -> None:
    source = doll(act, 1.0)
    moved = replace(source, xyz=turned(source.xyz, 2.1) + np.array([300.0, -50.0, 0.0]))
    one, other = windows(source, EVERY).features(), windows(moved, EVERY).features()
    np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-2)


def test_a_mirror_changes_no_feature_and_no_series() -> None:
    source = doll("going", 1.0)
    one, other = windows(source, EVERY), windows(mirrored(source), EVERY)
    np.testing.assert_allclose(one.features(), other.features(), rtol=2e-3, atol=2e-2)
    np.testing.assert_allclose(one.series(), other.series(), rtol=1e-3, atol=1e-2)
    odd = np.array(EVERY.odd)
    assert np.nanmax(np.abs(one.values[:, odd] - other.values[:, odd])) > 1  # their sign is turned


def test_from_the_side_the_animal_may_look_left_or_right() -> None:
    layout = layout_of(["keypoints2d"], "side")
    source = doll("bobbing", 1.0)
    xyz = turned(source.xyz, -np.arctan2(*(source.xyz[0, 0] - source.xyz[0, 2])[1::-1]))
    image = np.stack([xyz[..., 0], -xyz[..., 2], 0 * xyz[..., 0]], axis=-1)
    seen = [
        channels_of(Points(image=motion_of(replace(source, xyz=image * [sign, 1, 1]))), layout)
        for sign in (1.0, -1.0)
    ]
    np.testing.assert_allclose(*seen, rtol=1e-4, atol=1e-3)
    nose = layout.names.index("2D NOSE up")
    assert np.ptp(seen[0][:, nose]) > 8  # up is still up: the nose bobs


def test_the_doll_is_measured_right() -> None:
    source = doll("going", 1.0, seed=3)
    values = channels_of(Points(motion_of(source)), layout_of(["keypoints3d"]))
    names = layout_of(["keypoints3d"]).names
    column = dict(zip(names, np.nanmedian(values, axis=0), strict=True))
    assert column["3D moving forward"] == pytest.approx(120, abs=8)
    assert abs(column["3D moving left"]) < 8
    assert abs(column["3D turning"]) < 0.5
    assert 11 < column["3D HIND_PAW left"] < 17
    assert np.isnan(values[-1, names.index("3D moving forward")])


def test_one_missing_side_is_stood_for_by_the_other() -> None:
    source = doll("still", 1.0)
    xyz = source.xyz.copy()
    xyz[:, source.keypoint_names.index("LEFT_KNEE")] = np.nan
    names = EVERY.names
    values = channels_of(Points(motion_of(replace(source, xyz=xyz)), flat(source), 100.0), EVERY)
    assert np.isfinite(values[:, names.index("3D KNEE forward")]).all()
    assert np.isnan(values[:, names.index("3D KNEE forward asymmetry")]).all()
    assert np.isfinite(values[:, names.index("angle knee")]).all()


def test_missing_limbs_are_unknown_and_no_zeros() -> None:
    source = doll("still", 1.0)
    kept = [i for i, name in enumerate(source.keypoint_names) if "PAW" not in name]
    part = Keypoints3D(
        source.xyz[:, kept], source.times, tuple(source.keypoint_names[i] for i in kept)
    )
    values = channels_of(Points(motion_of(part)), layout_of(["keypoints3d"]))
    paw = layout_of(["keypoints3d"]).names.index("3D HIND_PAW forward")
    assert np.isnan(values[:, paw]).all()


def test_other_programs_points_are_paired_by_their_names() -> None:
    """A point that the skeleton lacks counts as well; left and right are told by the names."""
    source = doll("going", 1.0)
    names = {"LEFT_KNEE": "haunch_L", "RIGHT_KNEE": "haunch_R", "MID_TAIL": "gadget"}
    own = tuple(names.get(name, name) for name in source.keypoint_names)
    layout = layout_of(["keypoints3d"], parts=own)
    assert {"3D haunch_L left", "3D haunch_L left asymmetry", "3D gadget up"} < set(layout.names)
    assert not any("haunch_R" in name for name in layout.names)
    values = channels_of(Points(motion_of(replace(source, keypoint_names=own))), layout)
    usual = channels_of(Points(motion_of(source)), layout_of(["keypoints3d"]))
    np.testing.assert_array_equal(
        values[:, layout.names.index("3D haunch_L left")],
        usual[:, layout_of(["keypoints3d"]).names.index("3D KNEE left")],
    )


def test_a_limb_of_one_side_alone_is_no_part_of_the_midline() -> None:
    layout = layout_of(["keypoints3d"], parts=("SPINE_MID", "RIGHT_KNEE"))
    assert layout.odd[layout.names.index("3D RIGHT_KNEE left")] is False
    assert layout.odd[layout.names.index("3D SPINE_MID left")] is True


def test_no_midline_is_told() -> None:
    source = doll("still", 1.0)
    one = Keypoints3D(source.xyz[:, :1], source.times, ("SPINE_SHOULDER",))
    with pytest.raises(InputError, match="two points of the midline.*SPINE_SHOULDER"):
        channels_of(Points(motion_of(one)), layout_of(["keypoints3d"]))


def test_head_and_tail_are_enough_of_a_midline() -> None:
    source = doll("going", 1.0)
    chosen = [source.keypoint_names.index(name) for name in ("NOSE", "ROOT_TAIL")]
    part = Keypoints3D(source.xyz[:, chosen], source.times, ("snout", "tailbase"))
    values = channels_of(Points(image=motion_of(part), unit=60.0), layout_of(["keypoints2d"]))
    column = layout_of(["keypoints2d"]).names.index("2D moving forward")
    assert np.nanmedian(values[:, column]) == pytest.approx(2.0, abs=0.3)


def test_what_was_not_given_is_told() -> None:
    with pytest.raises(InputError, match="keypoints2d needs 2D keypoints"):
        channels_of(Points(motion_of(doll("still", 1.0))), EVERY)
    with pytest.raises(InputError, match="some of keypoints2d"):
        layout_of(["smell"])  # type: ignore[list-item]


def test_windows_are_the_same_however_they_are_cut_out() -> None:
    """A window of a long recording, and its frames as a clip of their own, give the same."""
    source = doll("going", 3.0)
    long = windows(source, EVERY, hop=5)
    features = long.features()
    for row in (0, 3, len(long) - 1):
        part = slice(long.starts[row], long.starts[row] + 12)
        clip = windows(
            Keypoints3D(source.xyz[part], source.times[part], source.keypoint_names), EVERY
        )
        np.testing.assert_allclose(clip.features()[0], features[row], rtol=1e-3, atol=1e-2)


def test_the_numbers_of_a_window_are_those_by_definition() -> None:
    found = windows(doll("bobbing", 1.0), layout_of(["angles"]))
    values = found.values[found.starts[1] : found.starts[1] + 12, 0].astype(float)
    steps = np.sqrt((np.diff(values) ** 2).mean())
    expected = [
        values.mean(), values.std(), steps * found.rate,
        found.rate / np.pi * np.arcsin(min(1.0, steps / (2 * values.std()))),
    ]  # fmt: skip
    np.testing.assert_allclose(found.features()[1, :4], expected, rtol=1e-4)


def test_a_sine_has_its_own_rhythm() -> None:
    source = doll("bobbing", 2.0, rate=48.0)
    layout = layout_of(["keypoints3d"])
    found = windows(source, layout, length=48)
    place = 4 * layout.names.index("3D NOSE up") + 3
    assert found.features()[0, place] == pytest.approx(4.0, abs=0.5)


def test_no_window_reaches_across_a_gap() -> None:
    source = doll("still", 2.0)
    times = source.times + 5.0 * (source.times > 1.0)
    found = windows_of(Points(motion_of(replace(source, times=times))), layout_of(["angles"]), 12)
    spans = times[found.starts + 11] - times[found.starts]
    assert spans.max() < 0.5
    assert len(found) == 2 * (24 - 11) + 0


def test_another_rate_is_read_off_between_frames() -> None:
    source = motion_of(doll("going", 2.0, rate=60.0))
    moved, first = at_rate(source, 24.0)
    assert first == 0
    assert moved.rate == 24.0
    np.testing.assert_allclose(np.diff(moved.times), 1 / 24)
    truth = np.interp(moved.times, source.times, source.xyz[:, 2, 0])
    np.testing.assert_allclose(moved.xyz[:, 2, 0], truth, atol=1e-9)
    with pytest.raises(InputError, match=r"60 frames/s.*120.*--fps"):
        at_rate(source, 120.0)


def test_an_impossible_speed_is_a_wrong_frame_rate() -> None:
    source = doll("going", 2.0)
    check_speed(motion_of(source))
    wrong = replace(source, times=source.times / 10)
    with pytest.raises(InputError, match="cannot be the rate"):
        check_speed(motion_of(wrong))


def test_a_changing_rate_is_told() -> None:
    source = doll("still", 2.0)
    times = np.cumsum(np.where(np.arange(48) % 2, 0.02, 0.06))
    with pytest.raises(InputError, match="frame rate changes"):
        motion_of(replace(source, times=times))


def test_the_trunk_has_a_length() -> None:
    assert trunk_length(motion_of(doll("still", 1.0))) == pytest.approx(60, abs=9)
