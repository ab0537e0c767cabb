"""Where in an NWB file our arrays lie: the names that writer and reader share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.io.poses.points import CONFIDENCE_RADIUS_MM, confidence_of
from mousepose.io.poses.sequence_layout import PAIR_COLUMNS, PAIR_ROWS, PAIRS
from mousepose.types import Floats, Keypoints3D, PoseSequence

SCHEMA_VERSION = 1
BEHAVIOR = "processing/behavior"
POSE = "pose_3d"
#: What is known of each point in space.
CONFIDENCE = (
    f"probability that the point lies within {CONFIDENCE_RADIUS_MM:g} mm of the truth, by its "
    "covariance"
)


@dataclass(frozen=True)
class Array:
    """A series of a value for each frame: what it is, its unit, and how a sequence gives it.

    `shape` gives the axes after that of frames for K keypoints, J joints and C cost terms.
    """

    name: str
    description: str
    unit: str
    kind: type[np.generic]
    shape: Callable[[int, int, int], tuple[int, ...]]
    values: Callable[[PoseSequence], NDArray[Any]]


def _costs(sequence: PoseSequence) -> Floats:
    costs = list(sequence.report.cost.values())
    return np.stack(costs, axis=-1) if costs else np.empty((len(sequence), 0))


#: What of a sequence goes into a series of all keypoints or joints at once.
ARRAYS: tuple[Array, ...] = (
    Array(
        "pose_3d_covariance",
        "Covariance of each point in space (frame, keypoint, entry); the entries are "
        + ", ".join(PAIRS) + "; keypoints in the order of the Skeleton 'keypoints'",
        "mm^2", np.float32, lambda k, j, c: (k, len(PAIRS)),
        lambda s: s.covariance[..., PAIR_ROWS, PAIR_COLUMNS],
    ),
    Array(
        "pose_3d_state",
        "What is known of each keypoint (frame, keypoint): 0 absent, 1 inferred from the body, the "
        "prior and time, 2 seen in this frame",
        "n/a", np.uint8, lambda k, j, c: (k,), lambda s: s.state,
    ),
    Array(
        "root_translation", "Where joint 0 of the body is", "mm", np.float64,
        lambda k, j, c: (3,), lambda s: s.pose.root_translation,
    ),
    Array(
        "root_rotation", "Rotation vector of the body", "radians", np.float64,
        lambda k, j, c: (3,), lambda s: s.pose.root_rotation,
    ),
    Array(
        "joint_rotation",
        "Rotation vector of each bone in its parent's axes (frame, joint, axis); joints in the "
        "order of the Skeleton 'joints'",
        "radians", np.float64, lambda k, j, c: (j, 3), lambda s: s.pose.joint_rotation,
    ),
    Array(
        "joint_rotation_sd", "Standard deviation of joint_rotation", "radians", np.float32,
        lambda k, j, c: (j, 3), lambda s: s.rotation_sd,
    ),
    Array(
        "frame_number", "Number of the frame in the recording", "n/a", np.int64,
        lambda k, j, c: (), lambda s: s.frame_numbers,
    ),
    Array(
        "fit_status",
        "How the fit of the frame ended: 0 ok, 1 carried by its neighbours, 2 nothing to go by, "
        "3 no mouse pose fits well, 4 failed",
        "n/a", np.uint8, lambda k, j, c: (), lambda s: s.report.status,
    ),
    Array(
        "fit_iterations", "Steps of the solver", "n/a", np.int32, lambda k, j, c: (),
        lambda s: s.report.iterations,
    ),
    Array(
        "fit_cost", "Cost of the fit by term, in the order of the notes' cost_terms", "n/a",
        np.float64, lambda k, j, c: (c,), _costs,
    ),
)  # fmt: skip


def confidences(sequence: PoseSequence) -> Floats:
    """Return the confidence (T, K) of a sequence's points, 0 where there is none."""
    points = Keypoints3D(
        sequence.keypoints, sequence.times, sequence.keypoint_names, sequence.covariance
    )
    return np.nan_to_num(confidence_of(points))


def plain_name(name: str) -> str:
    """Return a name that may stand in a path inside the file."""
    return "".join("_" if letter in "/:\\" else letter for letter in name) or "unnamed"
