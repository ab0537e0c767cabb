"""A result of the body that ships, every joint moving through its range, to try exports on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.body.default import default_body
from mousepose.types import FitReport, Pose, PoseSequence, State, Status


def moving_sequence(
    frames: int = 20, *, seed: int = 0, first_frame: int = 0, lost: tuple[int, ...] = ()
) -> PoseSequence:
    """Return `frames` frames at 50 a second of an animal with long and short bones.

    The frames `lost` (by place) have no estimate.
    """
    random = np.random.default_rng(seed)
    body = default_body()
    low, high = body.limits[..., 0], body.limits[..., 1]
    phase = random.uniform(0, 2 * np.pi, low.shape)
    share = 0.5 + 0.5 * np.sin(np.linspace(0, 6, frames)[:, None, None] + phase)
    joint_rotation = low + (high - low) * share
    pose = Pose(
        random.normal(0, 0.3, (frames, 3)).cumsum(axis=0),
        random.normal(0, 5, (frames, 3)).cumsum(axis=0) + [300, 200, 500],
        joint_rotation,
        random.normal(0, 2, len(body.shape_space)) * body.shape_space.sd,
    )
    points = body.keypoints_of(pose)
    numbers = np.arange(first_frame, first_frame + frames)
    sequence = PoseSequence(
        pose, points, np.tile(np.diag([0.25, 1.0, 4.0]), (*points.shape[:2], 1, 1)),
        np.full(points.shape[:2], State.SEEN, np.uint8), np.full(joint_rotation.shape, 0.125),
        numbers / 50, numbers,
        FitReport(
            np.zeros(frames, np.uint8), np.full(frames, 7), {"image": random.random(frames)}
        ),
        body.keypoints.names, body.skeleton.joint_names, animal="m1", frame="world",
        scale_source="floor", provenance={"body": body.name, "config": {"prior_sigma": 0.5}},
    )  # fmt: skip
    return _without(sequence, lost) if lost else sequence


def _without(sequence: PoseSequence, lost: tuple[int, ...]) -> PoseSequence:
    there = np.ones(len(sequence), bool)
    there[list(lost)] = False

    def known(values: np.ndarray) -> np.ndarray:
        return np.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)

    pose = sequence.pose
    return replace(
        sequence,
        pose=Pose(
            known(pose.root_rotation), known(pose.root_translation), known(pose.joint_rotation),
            pose.shape,
        ),
        keypoints=known(sequence.keypoints),
        covariance=known(sequence.covariance),
        state=np.where(there[:, None], sequence.state, State.ABSENT).astype(np.uint8),
        report=replace(
            sequence.report, status=np.where(there, Status.OK, Status.EMPTY).astype(np.uint8)
        ),
    )  # fmt: skip
