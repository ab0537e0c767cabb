"""Laws of the simulated walk: what is said of it is true of its joints."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.errors import InputError
from mousepose.simulate import PAWS, SimulatedWalk, observe, walking_mouse, watching_camera
from mousepose.types import Floats

BODY = default_body()
WALK = walking_mouse(BODY, seconds=4, seed=3)


def paws_of(walk: SimulatedWalk) -> Floats:
    indices = [BODY.skeleton.index(name) for name in PAWS]
    return BODY.joints(walk.pose)[:, indices]


def stances(walk: SimulatedWalk, paw: int) -> list[Floats]:
    """The places (N, 3) of one paw in each whole stance, in order."""
    standing = walk.paw_contacts[:, paw]
    number = np.cumsum(np.diff(standing.astype(int), prepend=0) == 1)
    return [paws_of(walk)[standing & (number == n), paw] for n in range(2, number.max())]


def test_bone_lengths_never_change() -> None:
    joints = BODY.joints(WALK.pose)
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, BODY.skeleton.parents[1:]], axis=-1)
    at_rest = np.linalg.norm(BODY.bone_vectors[1:], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(at_rest, lengths.shape), rtol=1e-12)


def test_angles_stay_within_the_limits() -> None:
    angles, limits = WALK.pose.joint_rotation, BODY.limits
    assert (angles >= limits[..., 0]).all()
    assert (angles <= limits[..., 1]).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_standing_paws_do_not_slide(seed: int) -> None:
    walk = walking_mouse(BODY, seconds=3, seed=seed)
    for paw in range(4):
        for places in stances(walk, paw):
            assert np.ptp(places, axis=0).max() < 0.5


def test_paws_stand_on_the_floor_and_swing_above_it() -> None:
    paws, standing = paws_of(WALK), WALK.paw_contacts
    np.testing.assert_allclose(paws[standing][:, 2], 1.6, atol=0.3)
    lifted = np.where(standing, 0, paws[..., 2]).max(axis=0)
    assert (lifted > 4).all()
    assert (BODY.joints(WALK.pose)[..., 2] > 0).all()


def test_diagonal_paws_stand_together() -> None:
    fore_left, fore_right, hind_left, hind_right = WALK.paw_contacts.T
    for one, other in ((fore_left, hind_right), (fore_right, hind_left)):
        assert (one == other).mean() > 0.85
    assert WALK.paw_contacts.mean() == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("stride", [45.0, 60.0])
def test_the_stride_length_is_found_again_in_the_footfalls(stride: float) -> None:
    walk = walking_mouse(BODY, seconds=4, stride_length_mm=stride, turn_radius_mm=np.inf)
    for paw in range(4):
        places = np.stack([places.mean(axis=0) for places in stances(walk, paw)])
        strides = np.linalg.norm(np.diff(places, axis=0), axis=-1)
        np.testing.assert_allclose(strides, stride, rtol=0.01)


def test_the_path_turns_about_the_origin() -> None:
    walk = walking_mouse(BODY, seconds=8, turn_radius_mm=180)
    distance = np.linalg.norm(walk.pose.root_translation[:, :2], axis=-1)
    assert distance.min() > 130
    assert distance.max() < 230


@pytest.mark.parametrize("sd", [-1.0, 1.0])
def test_every_size_of_mouse_can_walk(sd: float) -> None:
    shape = sd * BODY.shape_space.sd
    walk = walking_mouse(BODY, seconds=2, shape=shape)
    for paw in range(4):
        for places in stances(walk, paw):
            assert np.ptp(places, axis=0).max() < 1.5
    np.testing.assert_array_equal(walk.pose.shape, shape)


def test_the_seed_decides() -> None:
    again = walking_mouse(BODY, seconds=4, seed=3)
    np.testing.assert_array_equal(again.pose.joint_rotation, WALK.pose.joint_rotation)
    other = walking_mouse(BODY, seconds=4, seed=4)
    assert np.abs(other.pose.joint_rotation - WALK.pose.joint_rotation).max() > 0.01


def test_a_stride_beyond_the_legs_is_refused() -> None:
    with pytest.raises(InputError, match="shorter"):
        walking_mouse(BODY, seconds=1, stride_length_mm=120)


@pytest.mark.parametrize("name", ["seconds", "frames_per_second", "strides_per_second"])
def test_lengths_and_rates_must_be_positive(name: str) -> None:
    with pytest.raises(InputError, match=name):
        walking_mouse(BODY, **{name: 0.0})


def test_without_noise_the_camera_sees_the_projected_keypoints() -> None:
    camera = watching_camera()
    seen = observe(BODY, WALK.pose, WALK.times, camera, noise_px=0)
    expected = camera.project(BODY.keypoints_of(WALK.pose))
    np.testing.assert_allclose(seen.xy[:, 0], expected, atol=1e-9)
    assert np.isfinite(seen.xy).all()
    assert seen.keypoint_names == BODY.keypoints.names


def test_noise_has_its_size_and_its_seed() -> None:
    camera = watching_camera()
    clean = observe(BODY, WALK.pose, WALK.times, camera, noise_px=0)
    noisy = observe(BODY, WALK.pose, WALK.times, camera, noise_px=3, seed=5)
    assert np.std(noisy.xy - clean.xy) == pytest.approx(3, rel=0.03)
    again = observe(BODY, WALK.pose, WALK.times, camera, noise_px=3, seed=5)
    np.testing.assert_array_equal(again.xy, noisy.xy)


def test_feet_are_hidden_for_their_share_of_time_in_runs() -> None:
    walk = walking_mouse(BODY, seconds=60, frames_per_second=20)
    seen = observe(BODY, walk.pose, walk.times, watching_camera(), occluded_feet=0.4, seed=1)
    hidden = np.isnan(seen.xy[:, 0, :, 0])
    feet = np.array([name.endswith("_PAW") for name in seen.keypoint_names])
    assert hidden[:, feet].mean() == pytest.approx(0.4, abs=0.05)
    assert not hidden[:, ~feet].any()
    assert (seen.confidence[:, 0][hidden] == 0).all()
    begins = np.count_nonzero(np.diff(hidden[:, feet].astype(int), axis=0) == 1)
    assert hidden[:, feet].sum() / 20 / begins == pytest.approx(0.3, abs=0.06)


def test_in_gaps_nothing_is_seen() -> None:
    seen = observe(BODY, WALK.pose, WALK.times, watching_camera(), gaps=[(1.0, 1.5)])
    blind = np.isnan(seen.xy).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(blind, (WALK.times >= 1.0) & (WALK.times < 1.5))


def test_outliers_are_as_many_as_asked() -> None:
    camera = watching_camera()
    clean = observe(BODY, WALK.pose, WALK.times, camera, noise_px=0)
    wild = observe(BODY, WALK.pose, WALK.times, camera, noise_px=0, outliers=0.1)
    moved = np.linalg.norm(wild.xy - clean.xy, axis=-1) > 1e-9
    assert moved.mean() == pytest.approx(0.1, abs=0.015)


def test_what_lies_outside_the_image_is_not_seen() -> None:
    small = watching_camera(size=(300, 200))
    seen = observe(BODY, WALK.pose, WALK.times, small, noise_px=0)
    known = np.isfinite(seen.xy[..., 0])
    assert 0 < known.mean() < 1
    inside = seen.xy[known]
    assert (inside >= -0.5).all() and (inside < [299.5, 199.5]).all()


def test_every_camera_sees_for_itself() -> None:
    cameras = [watching_camera(), watching_camera(azimuth_deg=0, name="cam_1")]
    seen = observe(BODY, WALK.pose, WALK.times, cameras, "dannce22", occluded_feet=0.3)
    assert seen.xy.shape == (len(WALK), 2, 22, 2)
    first, second = np.isnan(seen.xy[..., 0]).swapaxes(0, 1)
    assert (first != second).any()


def test_the_watching_camera_looks_at_its_target() -> None:
    target = (10.0, -20.0, 30.0)
    camera = watching_camera(target, azimuth_deg=30, elevation_deg=50, distance_mm=400)
    np.testing.assert_allclose(camera.project(target), (np.array(camera.size) - 1) / 2, atol=1e-9)
    assert np.linalg.norm(camera.position - target) == pytest.approx(400)
    above = camera.project(np.add(target, [0, 0, 10]))
    assert above[1] < camera.project(target)[1]


@pytest.mark.parametrize("fault", [{"occluded_feet": 1.0}, {"outliers": 2.0}, {"noise_px": -1.0}])
def test_impossible_faults_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(fault))):
        observe(BODY, WALK.pose, WALK.times, watching_camera(), **fault)
