"""Pose sequences: cutting and joining them in time, and saying in words what they hold."""

from __future__ import annotations

from mousepose.sequence.cut import between, choose_frames, pose_at, slice_sequence
from mousepose.sequence.join import join_sequences
from mousepose.sequence.words import html_of, keypoints_in_words, sequence_in_words

__all__ = [
    "between",
    "choose_frames",
    "html_of",
    "join_sequences",
    "keypoints_in_words",
    "pose_at",
    "sequence_in_words",
    "slice_sequence",
]
