"""The door: keypoints of any tracker are matched, checked and taken out of the lens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.fit.config import FitConfig
from mousepose.fit.observe import check_axes, check_keypoints, observe
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera, pinhole
from mousepose.types import Keypoints2D
from synthetic import draw_poses, make_setup, see, to_pose

FRAMES = 6


@pytest.fixture(scope="module")
def keypoints(setup: Setup) -> Keypoints2D:
    return see(setup, to_pose(setup, draw_poses(setup, FRAMES)), noise=1.0)


def changed(values: Any, frame: int, value: float) -> Any:
    out = np.array(values, np.float64)
    out[frame] = value
    return out


@pytest.mark.parametrize(
    ("field", "frame", "value", "message"),
    [
        ("confidence", 2, 1.5, "frame 2: confidence outside 0 to 1"),
        ("confidence", 2, -0.1, "frame 2: confidence outside 0 to 1"),
        ("confidence", 2, np.inf, "frame 2: confidence outside 0 to 1"),
        ("xy", 3, np.inf, "frame 3: infinite coordinates"),
        ("xy", 3, -np.inf, "frame 3: infinite coordinates"),
        ("frame_numbers", 4, 3, "frame 3: frame number does not increase"),
        ("frame_numbers", 4, 0, "frame 0: frame number does not increase"),
        ("times", 4, 0.0, "frame 4: time does not increase"),
        ("times", 4, np.nan, "frame 4: time is not a number"),
        ("times", 5, np.inf, "frame 5: time is not a number"),
    ],
)
def test_impossible_numbers_are_refused_by_frame(
    keypoints: Keypoints2D, field: str, frame: int, value: float, message: str
) -> None:
    bad = replace(keypoints, **{field: changed(getattr(keypoints, field), frame, value)})
    if field == "frame_numbers":
        bad = replace(bad, frame_numbers=bad.frame_numbers.astype(np.int64))
    with pytest.raises(InputError, match=message):
        check_keypoints(bad)


def test_times_in_another_unit_are_refused(keypoints: Keypoints2D) -> None:
    with pytest.raises(InputError, match="times are in seconds"):
        check_keypoints(replace(keypoints, times=keypoints.times / 3.6e6))


def test_all_that_is_wrong_is_told_at_once(keypoints: Keypoints2D) -> None:
    bad = replace(
        keypoints, confidence=keypoints.confidence + 1, frame_numbers=keypoints.frame_numbers[::-1]
    )
    with pytest.raises(InputError, match=r"confidence outside .* \(6 such frames\); .*increase"):
        check_keypoints(bad)


def test_a_skewed_covariance_is_refused_and_a_singular_one_unseen(
    setup: Setup, keypoints: Keypoints2D
) -> None:
    shape = (*keypoints.xy.shape, 2)
    skewed = np.broadcast_to([[1.0, 0.5], [-0.5, 1.0]], shape)
    with pytest.raises(InputError, match="frame 0: covariance is not symmetric"):
        check_keypoints(replace(keypoints, covariance=skewed))
    for bad in (np.zeros((2, 2)), -np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan)):
        covariance = np.array(np.broadcast_to(np.eye(2), shape))
        covariance[:, :, 3] = bad
        seen = observe(replace(keypoints, covariance=covariance), setup).seen
        assert not seen[:, 3].any()
        assert seen.sum() == seen.size - FRAMES


def test_columns_may_stand_in_any_order(setup: Setup, keypoints: Keypoints2D) -> None:
    order = np.random.default_rng(0).permutation(len(keypoints.keypoint_names))
    shuffled = replace(
        keypoints,
        xy=keypoints.xy[:, :, order],
        confidence=keypoints.confidence[:, :, order],
        keypoint_names=tuple(keypoints.keypoint_names[i] for i in order),
    )
    np.testing.assert_array_equal(
        observe(shuffled, setup).points.xy, observe(keypoints, setup).points.xy
    )


def test_unknown_columns_are_listed_and_missing_ones_unseen(
    setup: Setup, keypoints: Keypoints2D
) -> None:
    names = ("whisker", *keypoints.keypoint_names[1:])
    found = observe(replace(keypoints, keypoint_names=names), setup)
    assert found.unknown_columns == ("whisker",)
    assert not found.seen[:, 0].any()
    assert found.seen[:, 1:].all()


def test_too_few_known_columns_are_refused(setup: Setup, keypoints: Keypoints2D) -> None:
    strange = tuple(f"x{name}" for name in keypoints.keypoint_names)
    with pytest.raises(InputError, match="only 0 of the 22 columns .* did you mean") as caught:
        observe(replace(keypoints, keypoint_names=strange), setup)
    assert len(str(caught.value)) < 1000


def test_low_confidence_is_not_seen_and_lower_is_noisier(
    setup: Setup, keypoints: Keypoints2D
) -> None:
    confidence = np.ones_like(keypoints.confidence)
    confidence[:, :, 0], confidence[:, :, 1], confidence[:, :, 2] = 0.05, 0.25, np.nan
    found = observe(replace(keypoints, confidence=confidence), setup)
    assert not found.seen[:, [0, 2]].any()
    assert found.seen[:, 1].all()
    np.testing.assert_allclose(
        found.points.covariance[:, :, 1], 4 * found.points.covariance[:, :, 3]
    )


def test_points_far_outside_the_image_are_set_aside_and_counted(
    setup: Setup, keypoints: Keypoints2D
) -> None:
    xy = keypoints.xy.copy()
    xy[:, :, 5] = 10_000.0
    found = observe(replace(keypoints, xy=xy), setup)
    assert found.outside == FRAMES
    assert not found.seen[:, 5].any()


def test_swapped_axes_are_noticed() -> None:
    camera = pinhole((2000, 400), 600.0)
    setup = make_setup(camera)
    random = np.random.default_rng(0)
    names = setup.keypoint_map.names
    xy = random.uniform([800, 0], [1900, 390], (FRAMES, 1, len(names), 2))
    keypoints = Keypoints2D(
        xy, np.ones(xy.shape[:-1]), np.arange(FRAMES) / 30, np.arange(FRAMES), names
    )
    assert check_axes(keypoints, setup) is None
    warning = check_axes(replace(keypoints, xy=xy[..., ::-1]), setup)
    assert warning is not None
    assert "x and y are swapped" in warning


def test_the_number_of_cameras_must_agree(three_cameras: Setup, keypoints: Keypoints2D) -> None:
    with pytest.raises(InputError, match="1 cameras, 3 were given"):
        observe(keypoints, three_cameras)


def test_lens_and_intrinsics_are_taken_out(keypoints: Keypoints2D, setup: Setup) -> None:
    straight = setup.cameras[0]
    bent = Camera(
        straight.matrix,
        np.array([-0.2, 0.05, 0.001, -0.001]),
        straight.T_camera_world,
        straight.size,
    )
    lens = make_setup(bent, FitConfig(temporal=False))
    pose = to_pose(setup, draw_poses(setup, FRAMES))
    with_lens, without = (observe(see(s, pose), s).points for s in (lens, setup))
    np.testing.assert_allclose(with_lens.xy, without.xy, atol=1e-9)
    # a pixel of the compressed border covers more of the scene
    assert (with_lens.covariance[..., 0] > without.covariance[..., 0]).mean() > 0.9
    noise = (2.0 / straight.matrix[0, 0]) ** 2
    np.testing.assert_allclose(without.covariance[..., 0], noise)
    np.testing.assert_allclose(without.covariance[..., 1], 0, atol=1e-20)


def test_no_frames_are_no_error_at_the_door(setup: Setup, keypoints: Keypoints2D) -> None:
    nothing = Keypoints2D(
        keypoints.xy[:0], keypoints.confidence[:0], keypoints.times[:0],
        keypoints.frame_numbers[:0], keypoints.keypoint_names,
    )  # fmt: skip
    found = observe(nothing, setup)
    assert found.points.xy.shape == (0, 1, 22, 2)
    assert check_axes(nothing, setup) is None
