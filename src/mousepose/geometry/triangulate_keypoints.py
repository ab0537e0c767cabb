"""Tracked keypoints of several cameras to keypoints in space, wrong views left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_noise import measure_noise
from mousepose.geometry.triangulate_report import ReprojectionReport, report_of
from mousepose.geometry.triangulate_robust import RobustConfig, triangulate_robust
from mousepose.types import Bytes, Floats, Ints, Keypoints2D, Keypoints3D, require

#: Frames that the noise is measured on.
NOISE_FRAMES = 200


@dataclass(frozen=True, eq=False)
class TriangulatedKeypoints:
    """Points of T frames and K keypoints, and what became of each.

    `points` hold NaN where `state` (T, K) `PointState` is not KNOWN. `n_views` (T, K) views were
    used, `reprojection_error` (T, K) px is the mean distance in these. `noise` (K,) px is the
    standard deviation of an image point of confidence 1, as measured.
    """

    points: Keypoints3D
    state: Bytes
    n_views: Ints
    reprojection_error: Floats
    report: ReprojectionReport
    noise: Floats


def deviations(
    keypoints: Keypoints2D, pixel_sigma: float = 2.0, min_confidence: float = 0.1
) -> Floats:
    """Return the standard deviations (C, T, K) px that keypoints state, NaN where not usable.

    `pixel_sigma` / sqrt(confidence), or that of the covariance where there is one.
    """
    if keypoints.covariance is not None:
        variance = np.trace(keypoints.covariance, axis1=-2, axis2=-1) / 2
    else:
        variance = pixel_sigma**2 / np.maximum(keypoints.confidence, 1e-6)
    with np.errstate(invalid="ignore"):
        usable = (keypoints.confidence >= min_confidence) & (variance > 0)
        stated = np.where(usable, np.sqrt(variance), np.nan)
    return np.asarray(np.moveaxis(stated, 1, 0))


def keypoint_noise(
    keypoints: Keypoints2D,
    cameras: Sequence[Camera],
    *,
    pixel_sigma: float = 2.0,
    min_confidence: float = 0.1,
    config: RobustConfig | None = None,
) -> Floats:
    """Return how many times larger (K,) the noise is than the keypoints state, from some frames."""
    check_camera_count(keypoints, cameras)
    count = min(NOISE_FRAMES, len(keypoints))
    frames = np.linspace(0, max(len(keypoints) - 1, 0), count).round().astype(int)
    sd = deviations(keypoints, pixel_sigma, min_confidence)[:, frames]
    return measure_noise(cameras, np.moveaxis(keypoints.xy[frames], 1, 0), sd, config)


def triangulate_keypoints(
    keypoints: Keypoints2D,
    cameras: Sequence[Camera],
    *,
    noise: Floats | None = None,
    pixel_sigma: float = 2.0,
    min_confidence: float = 0.1,
    config: RobustConfig | None = None,
) -> TriangulatedKeypoints:
    """Return the points in space of keypoints seen by C cameras, in the order of the cameras.

    A keypoint of confidence 1 is taken to be `pixel_sigma` px exact, one below `min_confidence` is
    not seen; `noise` (K,) corrects the first, None: measured on these frames. Covariances follow
    from the measured noise. Raises `InputError` where there are fewer than two cameras or their
    number is not that of the keypoints.
    """
    check_camera_count(keypoints, cameras)
    if noise is None:
        noise = keypoint_noise(
            keypoints, cameras, pixel_sigma=pixel_sigma, min_confidence=min_confidence,
            config=config,
        )  # fmt: skip
    sd = deviations(keypoints, pixel_sigma, min_confidence)
    found = triangulate_robust(cameras, np.moveaxis(keypoints.xy, 1, 0), sd, noise, config)
    total = np.where(found.used, found.distance, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = total / found.n_views
    return TriangulatedKeypoints(
        Keypoints3D(found.points, keypoints.times, keypoints.keypoint_names, found.covariance),
        found.state,
        found.n_views,
        error,
        report_of(tuple(c.name for c in cameras), keypoints.keypoint_names, found),
        pixel_sigma * noise,
    )


def check_camera_count(keypoints: Keypoints2D, cameras: Sequence[Camera]) -> None:
    """Raise `InputError` unless there are two cameras or more, as many as the keypoints have."""
    views = keypoints.xy.shape[1]
    require(
        views == len(cameras),
        f"keypoints of {views} cameras and {len(cameras)} cameras: give one camera for each, in "
        "the same order",
    )
    require(views >= 2, "a point in space takes at least two cameras; for one use `reconstruct`")
