"""Kinematics of one animal: speeds, accelerations, angles, posture, each with its uncertainty.

Derivatives are those of a Savitzky-Golay polynomial of stated bandwidth within stretches without a
gap. Standard deviations follow to first order from the covariance of the pose; those of derivatives
take the errors of frames as independent, which is too careful where they go together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.axes import BodyAxes, body_axes
from mousepose.analysis.floor import grounded
from mousepose.analysis.motion import Motion
from mousepose.analysis.point_angles import point_angles
from mousepose.analysis.smooth import Smoother, derive
from mousepose.types import Floats, Keypoints3D, PoseSequence

if TYPE_CHECKING:
    import pandas as pd

#: What the derivatives keep by default (Hz): a stride's rhythm and its second harmonic.
BANDWIDTH_HZ = 12.0
_SPINE = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL")


def kinematics(
    source: PoseSequence | Keypoints3D | Motion, bandwidth: float = BANDWIDTH_HZ
) -> pd.DataFrame:
    """Return a row for every frame, with units in the columns' names; z is up from the floor.

    Place, velocity and acceleration of the trunk in the floor's frame and (forward, left) in the
    body's; heading and its rate; body length, curvature, pitch; height of the nose; direction of
    the head against body and floor; joint angles and their rates. `<COLUMN>_sd` is a standard
    deviation, 0 where the points have no covariance. What cannot be known is NaN. `attrs` state the
    bandwidth. Raises `InputError` where too few points of the trunk are known.
    """
    import pandas as pd

    motion = grounded(source)
    axes = body_axes(motion)
    smoother = Smoother.of(bandwidth, motion.rate)
    columns = _trunk(motion, axes, smoother)
    columns |= _posture(motion, axes)
    columns |= _head(motion, axes)
    for name, (degrees, sd) in point_angles(motion).items():
        label = name.replace(" ", "_")
        columns |= {f"{label}_deg": degrees, f"{label}_deg_sd": sd}
        columns |= _rate(f"{label}_deg_s", degrees, sd, motion, smoother)
    table = pd.DataFrame(columns, index=pd.Index(motion.times, name="time_s"))
    table.attrs = {"bandwidth_hz": smoother.bandwidth, "frames_per_second": motion.rate}
    return table


def _trunk(motion: Motion, axes: BodyAxes, smoother: Smoother) -> dict[str, Floats]:
    """Return place, heading, velocity and acceleration of the trunk in both frames."""
    velocity = derive(axes.centre, motion.run, smoother, 1)
    acceleration = derive(axes.centre, motion.run, smoother, 2)
    spread = np.where(np.isfinite(axes.centre), axes.variance, np.nan)
    velocity_variance = derive(spread, motion.run, smoother, 1, variance=True)
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    level = velocity[:, :2] / np.maximum(speed, 1e-9)[:, None]
    sd = np.sqrt((level**2 * velocity_variance[:, :2]).sum(axis=1))
    forward = np.stack([np.cos(axes.heading), np.sin(axes.heading)], axis=-1)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=-1)
    heading = _continuous(axes.heading)
    columns = {f"centre_{axis}_mm": axes.centre[:, i] for i, axis in enumerate("xyz")}
    columns |= {f"centre_{axis}_mm_sd": np.sqrt(spread[:, i]) for i, axis in enumerate("xyz")}
    columns |= {f"velocity_{axis}_mm_s": velocity[:, i] for i, axis in enumerate("xyz")}
    columns |= {"speed_mm_s": speed, "speed_mm_s_sd": sd}
    for what, values, unit in (("velocity", velocity, "s"), ("acceleration", acceleration, "s2")):
        columns[f"{what}_forward_mm_{unit}"] = (values[:, :2] * forward).sum(axis=1)
        columns[f"{what}_left_mm_{unit}"] = (values[:, :2] * left).sum(axis=1)
    columns |= {f"acceleration_{axis}_mm_s2": acceleration[:, i] for i, axis in enumerate("xyz")}
    columns["heading_deg"] = np.rad2deg(axes.heading)
    columns["turning_deg_s"] = np.rad2deg(derive(heading[:, None], motion.run, smoother, 1)[:, 0])
    return columns


def _posture(motion: Motion, axes: BodyAxes) -> dict[str, Floats]:
    """Return body length, curvature, pitch and the height of the nose, where they are known."""
    columns: dict[str, Floats] = {}
    spine = [name for name in _SPINE if motion.has(name)]
    if motion.has("NOSE") and len(spine) > 1:
        way = [motion.of("NOSE"), *(motion.of(name) for name in spine)]
        columns["body_length_mm"] = sum(
            np.linalg.norm(one - other, axis=-1) for one, other in zip(way, way[1:], strict=False)
        )
        straight = way[0] - way[-1]
        columns["nose_to_tail_mm"] = np.linalg.norm(straight, axis=-1)
        variance = motion.variance_of("NOSE") + motion.variance_of(spine[-1])
        along = straight / np.maximum(columns["nose_to_tail_mm"], 1e-9)[:, None]
        columns["nose_to_tail_mm_sd"] = np.sqrt((along**2 * variance).sum(axis=1))
    if len(spine) > 1:
        front, back = motion.of(spine[0]), motion.of(spine[-1])
        rise = front - back
        level = np.hypot(rise[:, 0], rise[:, 1])
        columns["pitch_deg"] = np.rad2deg(np.arctan2(rise[:, 2], level))
    if len(spine) > 2:
        columns["curvature_left_per_m"] = _curvature([motion.of(name) for name in spine])
    if motion.has("NOSE"):
        columns["rearing_height_mm"] = motion.of("NOSE")[:, 2]
        columns["rearing_height_mm_sd"] = np.sqrt(motion.variance_of("NOSE")[:, 2])
    return columns


def _curvature(spine: list[Floats]) -> Floats:
    """Return the curvature (T,) 1/m of the spine seen from above, positive where it bends left.

    The turn from its first to its last bone over the way between the middles of the two.
    """
    first = (spine[0] - spine[1])[:, :2]
    last = (spine[-2] - spine[-1])[:, :2]
    turn = np.arctan2(
        last[:, 0] * first[:, 1] - last[:, 1] * first[:, 0], (first * last).sum(axis=1)
    )
    lengths = [np.hypot(*(a - b)[:, :2].T) for a, b in zip(spine, spine[1:], strict=False)]
    way = sum(lengths[1:-1], (lengths[0] + lengths[-1]) / 2)
    return np.asarray(1000 * turn / np.maximum(way, 1e-9))


def _head(motion: Motion, axes: BodyAxes) -> dict[str, Floats]:
    """Return where the head points: against the floor's x axis, against the body, and up."""
    base = next((name for name in ("NECK", "LEFT_EAR") if motion.has(name)), None)
    if base is None or not motion.has("NOSE"):
        return {}
    start = motion.of(base)
    if base == "LEFT_EAR":
        if not motion.has("RIGHT_EAR"):
            return {}
        start = (start + motion.of("RIGHT_EAR")) / 2
    head = motion.of("NOSE") - start
    direction = np.arctan2(head[:, 1], head[:, 0])
    level = np.hypot(head[:, 0], head[:, 1])
    variance = motion.variance_of("NOSE")[:, :2] + motion.variance_of(base)[:, :2]
    aside = np.stack([-np.sin(direction), np.cos(direction)], axis=-1)
    sd = np.sqrt((aside**2 * variance).sum(axis=1)) / np.maximum(level, 1e-9)
    return {
        "head_direction_deg": np.rad2deg(direction),
        "head_direction_deg_sd": np.rad2deg(sd),
        "head_to_body_deg": np.rad2deg(
            np.angle(np.exp(1j * (direction - axes.heading)))
        ),
        "head_pitch_deg": np.rad2deg(np.arctan2(head[:, 2], level)),
    }  # fmt: skip


def _rate(
    name: str, values: Floats, sd: Floats, motion: Motion, smoother: Smoother
) -> dict[str, Floats]:
    rate = derive(values[:, None], motion.run, smoother, 1)[:, 0]
    variance = derive(sd[:, None] ** 2, motion.run, smoother, 1, variance=True)[:, 0]
    return {name: rate, f"{name}_sd": np.sqrt(variance)}


def _continuous(angle: Floats) -> Floats:
    """Return angles (T,) rad without jumps of a turn from one known frame to the next."""
    result = angle.copy()
    known = np.isfinite(angle)
    result[known] = np.unwrap(angle[known])
    return result
