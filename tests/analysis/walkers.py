"""Simulated walks as the analysis takes them: truth, mirrored, reversed, scaled, with gaps."""

from __future__ import annotations

from functools import cache

import numpy as np

from mousepose.body.default import default_body
from mousepose.simulate.walk import SimulatedWalk, walking_mouse
from mousepose.skeleton import mirrored_name
from mousepose.types import Keypoints3D

STRIDE_MM, STRIDES_PER_SECOND = 55.0, 2.6


@cache
def walk(radius: float = 1e6, seconds: float = 5.0, rate: float = 60.0) -> SimulatedWalk:
    """Return a walk of known strides; on a straight path unless a radius (mm) is given."""
    return walking_mouse(
        default_body(), seconds, rate, stride_length_mm=STRIDE_MM,
        strides_per_second=STRIDES_PER_SECOND, turn_radius_mm=radius,
    )  # fmt: skip


def points(radius: float = 1e6, seconds: float = 5.0, rate: float = 60.0) -> Keypoints3D:
    """Return the true points of a walk, with a variance of 1 mm^2."""
    sequence = walk(radius, seconds, rate).sequence(default_body())
    covariance = np.broadcast_to(np.eye(3), (*sequence.keypoints.shape[:2], 3, 3))
    return Keypoints3D(
        sequence.keypoints, sequence.times, sequence.keypoint_names, covariance.copy()
    )


def without(source: Keypoints3D, *endings: str) -> Keypoints3D:
    """Return the points without those whose names end so."""
    kept = [i for i, name in enumerate(source.keypoint_names) if not name.endswith(endings)]
    return Keypoints3D(
        source.xyz[:, kept], source.times, tuple(source.keypoint_names[i] for i in kept)
    )


def mirrored(source: Keypoints3D) -> Keypoints3D:
    """Return what a mirror along x shows: left and right exchanged, y turned."""
    names = tuple(mirrored_name(name) for name in source.keypoint_names)
    return Keypoints3D(source.xyz * np.array([1.0, -1.0, 1.0]), source.times, names)


def still(seconds: float = 5.0, rate: float = 60.0) -> Keypoints3D:
    """Return an animal that stands, with jitter of 0.3 mm."""
    source = points()
    count = round(seconds * rate)
    jitter = np.random.default_rng(0).normal(0, 0.3, (count, *source.xyz.shape[1:]))
    return Keypoints3D(source.xyz[:1] + jitter, np.arange(count) / rate, source.keypoint_names)
