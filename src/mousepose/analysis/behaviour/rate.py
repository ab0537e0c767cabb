"""The frame rate of a recording, and that of a classifier: brought together, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.analysis.behaviour.body_frame import body_frame
from mousepose.analysis.intervals import at_time
from mousepose.analysis.motion import Motion
from mousepose.errors import InputError

#: Rates that differ by less than this share are taken to be one.
_SAME = 0.02
#: A recording may be slower than the classifier by so much; what happens between is not seen.
_SLOWER = 0.9
#: Trunk lengths a second that no mouse does half of the time: the fastest sprints are 40.
_IMPOSSIBLE = 15.0


def same_rate(one: float, other: float) -> bool:
    """Tell whether two rates in Hz are so near that frames may stay as they are."""
    return abs(one / other - 1) < _SAME


def at_rate(motion: Motion, rate: float) -> tuple[Motion, int]:
    """Return the motion at a rate in Hz, and the number of its first frame.

    It is read off at whole multiples of 1 / rate s, by straight lines between frames, and numbered
    by these multiples, so that parts of a recording fit together. Raises `InputError` where the
    motion is too slow for the rate.
    """
    if motion.rate < _SLOWER * rate:
        raise InputError(
            f"the recording has {motion.rate:.4g} frames/s, the classifier was trained at "
            f"{rate:.4g}: what it looks for is not there; train one at {motion.rate:.4g} or less, "
            "or say the true rate with --fps"
        )
    begin = int(np.ceil(motion.times[0] * rate - 1e-6))
    end = int(np.floor(motion.times[-1] * rate + 1e-6))
    when = np.arange(begin, end + 1) / rate
    places = np.clip(np.searchsorted(motion.times, when), 1, len(motion) - 1)
    within = motion.run[places] == motion.run[places - 1]
    when, places = when[within], places[within]
    flat = motion.xyz.reshape(len(motion), -1)
    xyz = at_time(flat, motion.times, when).reshape(len(when), *motion.xyz.shape[1:])
    found = replace(
        motion, xyz=xyz, seen=np.isfinite(xyz[..., 0]), times=when, run=motion.run[places],
        rate=rate, variance=None,
    )  # fmt: skip
    return found, begin


def check_speed(motion: Motion) -> None:
    """Raise `InputError` where the animal is too fast to be true: the frame rate is wrong."""
    frame = body_frame(motion)
    steps = np.linalg.norm(np.diff(frame.centre, axis=0), axis=1)[np.diff(motion.run) == 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = steps * motion.rate / np.nanmedian(frame.length)
    speed = speed[np.isfinite(speed)]
    if len(speed) and np.median(speed) > _IMPOSSIBLE:
        raise InputError(
            f"the animal moves {np.median(speed):.0f} times the length of its trunk in a second, "
            f"half of the time: {motion.rate:.4g} frames/s cannot be the rate of this recording; "
            "say the true one with --fps"
        )
