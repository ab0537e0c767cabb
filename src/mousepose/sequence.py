"""Cutting pose sequences in time."""

from __future__ import annotations

from dataclasses import replace

from mousepose.types import FitReport, Pose, PoseSequence


def slice_sequence(sequence: PoseSequence, start: int, stop: int) -> PoseSequence:
    """Return frames start to stop (exclusive, by place in the sequence) of a sequence."""
    part = slice(start, stop)
    pose, report = sequence.pose, sequence.report
    return replace(
        sequence,
        pose=Pose(
            pose.root_rotation[part],
            pose.root_translation[part],
            pose.joint_rotation[part],
            pose.shape,
        ),
        keypoints=sequence.keypoints[part],
        covariance=sequence.covariance[part],
        state=sequence.state[part],
        rotation_sd=sequence.rotation_sd[part],
        times=sequence.times[part],
        frame_numbers=sequence.frame_numbers[part],
        report=FitReport(
            report.status[part],
            report.iterations[part],
            {name: values[part] for name, values in report.cost.items()},
        ),
    )
