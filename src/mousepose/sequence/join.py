"""Joining pieces of a pose sequence in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mousepose.types import FitReport, Pose, PoseSequence


def join_sequences(pieces: Sequence[PoseSequence]) -> PoseSequence:
    """Return consecutive pieces of one sequence as one."""
    first = pieces[0]
    poses, reports = [piece.pose for piece in pieces], [piece.report for piece in pieces]
    return replace(
        first,
        pose=Pose(
            np.concatenate([pose.root_rotation for pose in poses]),
            np.concatenate([pose.root_translation for pose in poses]),
            np.concatenate([pose.joint_rotation for pose in poses]),
            first.pose.shape,
        ),
        keypoints=np.concatenate([piece.keypoints for piece in pieces]),
        covariance=np.concatenate([piece.covariance for piece in pieces]),
        state=np.concatenate([piece.state for piece in pieces]),
        rotation_sd=np.concatenate([piece.rotation_sd for piece in pieces]),
        times=np.concatenate([piece.times for piece in pieces]),
        frame_numbers=np.concatenate([piece.frame_numbers for piece in pieces]),
        report=FitReport(
            np.concatenate([report.status for report in reports]),
            np.concatenate([report.iterations for report in reports]),
            {
                term: np.concatenate([report.cost[term] for report in reports])
                for term in first.report.cost
            },
        ),
    )
