"""Joint angles from points, of our poses or of any other program.

Names and senses are those of `mousepose.report.angles`, which reads them off a body's rotations:
180 degrees is a straight knee, elbow or spine; hip and shoulder are between limb and trunk.
"""

from __future__ import annotations

import numpy as np

from mousepose.analysis.motion import Motion
from mousepose.types import Floats

#: Angle -> the two pairs of points between whose directions it is; "{side}" is LEFT or RIGHT.
_ANGLES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "knee": (("{side}_KNEE", "{side}_HIP"), ("{side}_KNEE", "{side}_HIND_PAW")),
    "hip": (("SPINE_HIP", "SPINE_MID"), ("{side}_HIP", "{side}_KNEE")),
    "elbow": (("{side}_ELBOW", "{side}_SHOULDER"), ("{side}_ELBOW", "{side}_FORE_PAW")),
    "shoulder": (("SPINE_SHOULDER", "SPINE_MID"), ("{side}_SHOULDER", "{side}_ELBOW")),
    "spine": (("SPINE_MID", "SPINE_SHOULDER"), ("SPINE_MID", "SPINE_HIP")),
}


def point_angles(motion: Motion) -> dict[str, tuple[Floats, Floats]]:
    """Return each angle whose points are known ("left knee", ...): (T,) deg and its sd (T,) deg.

    The standard deviation is to first order, from the points' variances as if they were
    independent and alike in all directions.
    """
    found = {}
    for joint, pairs in _ANGLES.items():
        for side in ("LEFT", "RIGHT") if "{side}" in pairs[1][1] else ("",):
            named = [tuple(name.format(side=side) for name in pair) for pair in pairs]
            if all(motion.has(name) for pair in named for name in pair):
                label = f"{side.lower()} {joint}".strip()
                found[label] = _angle(motion, named)
    return found


def _angle(motion: Motion, pairs: list[tuple[str, ...]]) -> tuple[Floats, Floats]:
    one, other = (motion.of(end) - motion.of(start) for start, end in pairs)
    across = np.linalg.norm(np.cross(one, other), axis=-1)
    angle = np.arctan2(across, (one * other).sum(axis=-1))
    variance = np.zeros(len(angle))
    for (start, end), vector in zip(pairs, (one, other), strict=True):
        spread = motion.variance_of(start) + motion.variance_of(end)
        variance += spread.mean(axis=-1) / np.maximum((vector**2).sum(axis=-1), 1e-9)
    known = np.isfinite(angle)
    return np.rad2deg(angle), np.where(known, np.rad2deg(np.sqrt(variance)), np.nan)
