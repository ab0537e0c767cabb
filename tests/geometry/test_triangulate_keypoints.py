"""Tracked keypoints to points in space, and the report of how well they fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.rotation import exp
from mousepose.geometry.triangulate_keypoints import deviations, triangulate_keypoints
from mousepose.geometry.triangulate_robust import PointState
from mousepose.types import Floats, Keypoints2D

NAMES = ("NOSE", "NECK", "TAIL")


def rig() -> list[Camera]:
    cameras = []
    for index in range(3):
        transform = np.eye(4)
        transform[:3, :3] = exp([0.3, 1.2 * index, 0])
        transform[2, 3] = 400
        cameras.append(replace(pinhole((1000, 800), 900, f"c{index}"), T_camera_world=transform))
    return cameras


def seen(points: Floats, cameras: list[Camera], noise: float, seed: int = 0) -> Keypoints2D:
    xy = np.stack([camera.project(points) for camera in cameras], axis=1)
    xy = xy + noise * np.random.default_rng(seed).standard_normal(xy.shape)
    frames = len(points)
    confidence = np.ones(xy.shape[:-1])
    return Keypoints2D(xy, confidence, np.arange(frames) / 30, np.arange(frames), NAMES)


POINTS = np.random.default_rng(1).normal(0, 20, (50, 3, 3))


def test_points_are_found_and_the_report_counts_them() -> None:
    cameras = rig()
    found = triangulate_keypoints(seen(POINTS, cameras, 1.0), cameras)
    assert np.sqrt(np.nanmean((found.points.xyz - POINTS) ** 2)) < 0.6
    report = found.report
    assert report.known == 150 == report.total
    assert report.used.sum() == found.n_views.sum()
    assert report.camera_names == ("c0", "c1", "c2")
    assert 0.4 < float(report.rms()) < 1.5
    np.testing.assert_allclose(found.noise, 1.0, rtol=0.3)


def test_median_of_the_report_is_the_median() -> None:
    cameras = rig()
    keypoints = seen(POINTS, cameras, 3.0)
    found = triangulate_keypoints(keypoints, cameras, noise=np.full(3, 1.5))
    images = np.stack([camera.project(found.points.xyz) for camera in cameras], axis=1)
    distance = np.linalg.norm(images - keypoints.xy, axis=-1)
    for by, axes in (("all", (0, 1, 2)), ("camera", (0, 2)), ("keypoint", (0, 1))):
        np.testing.assert_allclose(
            found.report.median(by), np.nanmedian(distance, axis=axes), rtol=0.06
        )
        rms = np.sqrt(np.nanmean(distance**2, axis=axes))
        np.testing.assert_allclose(found.report.rms(by), rms, rtol=0.05)


def test_reports_of_parts_add_up() -> None:
    cameras = rig()
    keypoints = seen(POINTS, cameras, 2.0)
    keypoints.xy[3:9, 1] += 90
    noise = np.ones(3)
    whole = triangulate_keypoints(keypoints, cameras, noise=noise).report
    parts = [
        triangulate_keypoints(
            replace(
                keypoints,
                xy=keypoints.xy[part],
                confidence=keypoints.confidence[part],
                times=keypoints.times[part],
                frame_numbers=keypoints.frame_numbers[part],
            ),
            cameras,
            noise=noise,
        ).report
        for part in (slice(0, 20), slice(20, 50))
    ]
    total = parts[0] + parts[1]
    for field in ("seen", "used", "histogram", "states"):
        np.testing.assert_array_equal(getattr(total, field), getattr(whole, field))
    np.testing.assert_allclose(total.squared, whole.squared)
    assert whole.left_out("camera").argmax() == 1


def test_confidence_says_how_exact_and_whether_at_all() -> None:
    keypoints = seen(POINTS[:2], rig(), 0.0)
    keypoints.confidence[0, 0, 0] = 0.25
    keypoints.confidence[0, 1, 0] = 0.05
    keypoints.confidence[0, 2, 0] = np.nan
    sd = deviations(keypoints, 2.0, 0.1)
    np.testing.assert_allclose(sd[:, 0, 0], [4.0, np.nan, np.nan])
    spread = np.tile(np.diag([4.0, 14.0]), (*keypoints.xy.shape[:-1], 1, 1))
    np.testing.assert_allclose(deviations(replace(keypoints, covariance=spread))[0, 1], 3.0)


def test_a_sure_view_counts_more_than_an_unsure_one() -> None:
    cameras = rig()
    keypoints = seen(POINTS, cameras, 0.0)
    keypoints.xy[:, 2] += [4.0, 0.0]
    even = triangulate_keypoints(keypoints, cameras, noise=np.full(3, 2.0)).points.xyz
    keypoints.confidence[:, 2] = 0.11
    trusted = triangulate_keypoints(keypoints, cameras, noise=np.full(3, 2.0)).points.xyz
    off = [np.linalg.norm(found - POINTS, axis=-1).mean() for found in (even, trusted)]
    assert off[1] < 0.5 * off[0]


def test_nobody_sees_anything() -> None:
    cameras = rig()
    keypoints = seen(POINTS[:4], cameras, 0.0)
    keypoints.xy[:] = np.nan
    found = triangulate_keypoints(keypoints, cameras)
    assert (found.state == PointState.UNSEEN).all()
    assert found.report.known == 0
    assert np.isnan(found.report.median())


def test_cameras_must_be_those_of_the_keypoints() -> None:
    cameras = rig()
    keypoints = seen(POINTS, cameras, 0.0)
    with pytest.raises(InputError, match="3 cameras and 2 cameras"):
        triangulate_keypoints(keypoints, cameras[:2])
    with pytest.raises(InputError, match="at least two cameras"):
        triangulate_keypoints(seen(POINTS, cameras[:1], 0.0), cameras[:1])
