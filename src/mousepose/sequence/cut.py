"""Cutting pose sequences in time."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.types import FitReport, Ints, Pose, PoseSequence, require

#: What stands in the brackets of `sequence[...]`.
Chosen = SupportsIndex | slice | NDArray[np.bool_]


def slice_sequence(sequence: PoseSequence, start: int, stop: int) -> PoseSequence:
    """Return frames start to stop (exclusive, by place in the sequence) of a sequence."""
    return _taken(sequence, slice(start, stop))


def between(sequence: PoseSequence, start: float, stop: float) -> PoseSequence:
    """Return the frames from time `start` to before `stop`, in s.

    Raises `InputError` where there is none.
    """
    times = sequence.times
    chosen = (times >= start) & (times < stop)
    if not chosen.any():
        lasts = f"it lasts from {times[0]:g} to {times[-1]:g} s" if len(times) else "it is empty"
        raise InputError(f"no frame from {start:g} to before {stop:g} s: {lasts}")
    return _taken(sequence, chosen)


def choose_frames(sequence: PoseSequence, chosen: Chosen) -> PoseSequence:
    """Return frames by their place: one, a slice that goes forward, or a mask (T,) of bool.

    One frame is a sequence of length 1. Raises `IndexError` for a place that is not there and
    `InputError` for anything else.
    """
    if isinstance(chosen, slice):
        if (chosen.step or 1) < 1:
            raise InputError(f"frames stay in the order of time: step {chosen.step} goes back")
        return _taken(sequence, chosen)
    if isinstance(chosen, np.ndarray):
        good = chosen.dtype == np.bool_ and chosen.shape == (len(sequence),)
        kind = f"{chosen.dtype} {chosen.shape}"
        require(good, f"a mask of frames: expected bool ({len(sequence)},), got {kind}")
        return _taken(sequence, chosen)
    try:
        place = place_of(sequence, operator.index(chosen))
    except TypeError:
        raise InputError(
            f"frames are chosen by place, slice or mask, got {type(chosen).__name__}; by time with "
            "sequence.between(start, stop)"
        ) from None
    return _taken(sequence, slice(place, place + 1))


def place_of(sequence: PoseSequence, frame: int) -> int:
    """Return a place counted from 0, or from the end where negative, as one from 0.

    Raises `IndexError` where the sequence has no such frame.
    """
    if not -len(sequence) <= frame < len(sequence):
        raise IndexError(f"frame {frame}: the sequence has {len(sequence)} frames, the first is 0")
    return frame % len(sequence)


def pose_at(sequence: PoseSequence, frame: int) -> Pose:
    """Return the pose of one frame, without a batch axis. Raises `IndexError`."""
    place, pose = place_of(sequence, frame), sequence.pose
    return Pose(
        pose.root_rotation[place],
        pose.root_translation[place],
        pose.joint_rotation[place],
        pose.shape,
    )


def _taken(sequence: PoseSequence, part: slice | NDArray[np.bool_] | Ints) -> PoseSequence:
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
