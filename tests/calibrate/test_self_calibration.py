"""Cameras found from the mouse alone: where they are, how large, how sure; or why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.calibrate.self_body import body_distances
from mousepose.calibrate.self_calibration import SelfCalibration, self_calibrate
from mousepose.calibrate.self_start import check_connected
from mousepose.calibrate.self_verdict import SelfQuality, judge_self
from mousepose.errors import InputError
from mousepose.fit.config import Scale
from mousepose.fit.setup import Setup
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Floats, Keypoints2D

CAMERAS = tuple(
    watching_camera(azimuth_deg=azimuth, elevation_deg=elevation, name=name)
    for azimuth, elevation, name in ((-90, 35, "front"), (20, 40, "side"), (130, 60, "top"))
)
LENSES = tuple(replace(c, T_camera_world=np.eye(4), floor_plane=None) for c in CAMERAS)


@pytest.fixture(scope="module")
def seen() -> Keypoints2D:
    """Return 40 frames of a walking mouse in three cameras, some points far off."""
    body, prior = default_body(), load_prior()
    walk = walking_mouse(
        body, 10, 4, turn_radius_mm=120, shape=np.array(prior.shape), posture=prior.mean, seed=2
    )
    return observe(body, walk.pose, walk.times, CAMERAS, noise_px=1.5, outliers=0.03, seed=1)


@pytest.fixture(scope="module")
def found(seen: Keypoints2D) -> SelfCalibration:
    return self_calibrate(seen, LENSES)


def compare(cameras: tuple[Camera, ...]) -> tuple[Floats, Floats, float]:
    """Return turns (degrees), places (mm, at the true scale) off, and how large all is."""
    turns, places = [], []
    for rig in (CAMERAS, cameras):
        home = np.linalg.inv(rig[0].T_camera_world)
        poses = np.stack([camera.T_camera_world @ home for camera in rig])
        turns.append(poses[:, :3, :3])
        places.append(-np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3]))
    scale = float((places[0] * places[1]).sum() / (places[0] ** 2).sum())
    apart = rotation.log(turns[0] @ np.swapaxes(turns[1], 1, 2))
    off = np.linalg.norm(places[0] - places[1] / scale, axis=1)
    return np.degrees(np.linalg.norm(apart, axis=1)), off, scale


def test_cameras_are_found_where_they_stand(found: SelfCalibration) -> None:
    turns, places, scale = compare(found.cameras)
    assert turns.max() < 0.5
    assert places.max() < 8
    assert abs(np.log(scale)) < 2.5 * found.quality.scale_percent / 100
    assert found.good
    assert [camera.name for camera in found.cameras] == ["front", "side", "top"]
    np.testing.assert_array_equal(found.cameras[0].T_camera_world, np.eye(4))


def test_the_quality_is_said(found: SelfCalibration) -> None:
    quality = found.quality
    assert quality.points.min() > 500
    assert 0.01 < quality.left_out < 0.1
    assert (quality.median_px < 3).all()
    assert 5 < quality.scale_percent < 20
    assert quality.turn_sd[0] == 0
    assert "scale from a typical mouse" in found.cameras[0].source


def test_a_known_length_gives_the_scale(seen: Keypoints2D, found: SelfCalibration) -> None:
    longer = 1.2 * load_prior().typical_length
    other = self_calibrate(seen, LENSES, scale=Scale.body_length(longer))
    assert other.quality.scale_percent < found.quality.scale_percent
    assert abs(compare(other.cameras)[2] / compare(found.cameras)[2] - 1.2) < 0.03


def test_a_mouse_that_does_not_move_is_refused(seen: Keypoints2D) -> None:
    few = slice(0, 6)
    still = replace(
        seen, xy=seen.xy[few], confidence=seen.confidence[few], times=seen.times[few],
        frame_numbers=seen.frame_numbers[few],
    )  # fmt: skip
    result = self_calibrate(still, LENSES)
    assert not result.good
    assert any("frames are few" in finding.what for finding in result.findings)


def test_cameras_that_share_nothing_are_named(seen: Keypoints2D) -> None:
    apart = replace(seen, xy=seen.xy.copy())
    apart.xy[:, 2] = np.nan
    with pytest.raises(InputError, match=r"cannot be placed .*top 0"):
        self_calibrate(apart, LENSES)
    apart.xy[:30, 0] = np.nan
    apart.xy[30:, 1] = np.nan
    with pytest.raises(InputError, match="same 4 keypoints"):
        self_calibrate(apart, LENSES)


def test_two_files_of_one_camera_are_no_rig(seen: Keypoints2D) -> None:
    twice = replace(seen, xy=seen.xy[:, [0, 0]], confidence=seen.confidence[:, [0, 0]])
    with pytest.raises(InputError, match=r"are the files|are their points"):
        self_calibrate(twice, [LENSES[0], replace(LENSES[0], name="copy")])


def test_connection_goes_through_other_cameras() -> None:
    chain = np.array([[90, 50, 0], [50, 90, 50], [0, 50, 90]])
    check_connected(chain, ["a", "b", "c"])
    chain[1, 2] = chain[2, 1] = 10
    with pytest.raises(InputError, match="c 10"):
        check_connected(chain, ["a", "b", "c"])


def test_keypoints_that_nobody_knows_give_no_scale(seen: Keypoints2D) -> None:
    strange = replace(seen, keypoint_names=tuple(f"p{k}" for k in range(len(seen.keypoint_names))))
    with pytest.raises(InputError, match=r"knows 0 of the keypoints"):
        self_calibrate(strange, LENSES)


def test_distances_tell_scale_and_likeness() -> None:
    names = load_names()
    body = body_distances(Setup.of(CAMERAS[0]), names)
    walk = walking_mouse(default_body(), 2, 20, seed=1)
    points = default_body().keypoints_of(walk.pose)
    scale, sd, unlike = body.compare(points)
    larger, _, same = body.compare(1.5 * points)
    assert abs(scale - larger - np.log(1.5)) < 1e-9
    assert abs(same - unlike) < 1e-9
    assert sd < 0.1
    flat = points * np.array([1.0, 1.0, 0.05])
    assert body.compare(flat)[2] > unlike
    assert body.compare(np.full_like(points, np.nan))[2] == np.inf


def load_names() -> tuple[str, ...]:
    return default_body().keypoints.names


GOOD = SelfQuality(
    frames=100, places=30, points=np.array([900, 900]), shared=np.full((2, 2), 900),
    median_px=np.array([1.0, 1.0]), left_out=0.03, degrees=70.0, scale_percent=10.0, unlike=1.0,
    turn_sd=np.array([0.0, 0.1]), place_sd=np.array([0.0, 0.01]), focal_sd=np.zeros(2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "who", "level"),
    [
        ({"frames": 5}, "rig", "fail"),
        ({"frames": 12}, "rig", "warn"),
        ({"places": 2}, "rig", "fail"),
        ({"degrees": 5.0}, "rig", "fail"),
        ({"left_out": 0.5}, "rig", "fail"),
        ({"unlike": 2.0}, "rig", "warn"),
        ({"turn_sd": np.array([0.0, 5.0])}, "b", "fail"),
        ({"place_sd": np.array([0.0, np.nan])}, "b", "warn"),
        ({"points": np.array([900, 10])}, "b", "fail"),
        ({"median_px": np.array([np.nan, 1.0])}, "a", "fail"),
        ({"focal_sd": np.array([0.0, 0.05])}, "b", "warn"),
    ],
)
def test_each_fault_is_named(change: dict[str, object], who: str, level: str) -> None:
    assert list(judge_self(GOOD, ["a", "b"])) == []
    (finding,) = judge_self(replace(GOOD, **change), ["a", "b"])  # type: ignore[arg-type]
    assert (finding.who, finding.level) == (who, level)
    assert finding.advice
