"""Where the trunk is and where it points, from each frame alone.

`analysis.axes` lays every frame on the animal's usual trunk, which is steadier, but the usual trunk
of half a second of sleep is curled and that of a day is not: a classifier trained on short clips
would see other coordinates in a long recording. Here a frame says the same wherever it is cut from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.analysis.axes import TRUNK_PLACES
from mousepose.analysis.motion import Motion
from mousepose.errors import InputError
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats

#: The head lies in front of the trunk, in trunk lengths; it serves where the trunk has one point.
_HEAD_PLACES = {"NOSE": -0.4, "LEFT_EAR": -0.2, "RIGHT_EAR": -0.2}
#: Points must lie at least so far apart along the trunk (trunk lengths), squared and summed.
_LEAST_SPREAD = 0.005
_MIDDLE = 0.5


@dataclass(frozen=True, eq=False)
class BodyFrame:
    """`centre` (T, 3) of the trunk, `heading` (T,) rad from x to y, `length` (T,) of the trunk.

    NaN = unknown. The length is from neck to root of tail, in the units of the points.
    """

    centre: Floats
    heading: Floats
    length: Floats


def body_frame(motion: Motion) -> BodyFrame:
    """Return centre, heading and length of the trunk: a line through its points, in each frame.

    Left and right points count by their middle, where both are known. Raises `InputError` where no
    two points, one behind the other, are known by name.
    """
    names = [name for name in motion.names if name in TRUNK_PLACES]
    if len({TRUNK_PLACES[name] for name in _middles(motion, names)}) < 2:
        names += [name for name in motion.names if name in _HEAD_PLACES]
    chosen = _middles(motion, names)
    every = TRUNK_PLACES | _HEAD_PLACES
    places = np.array([every[name] for name in chosen])
    if len(np.unique(places)) < 2:
        raise InputError(
            "the heading needs two points of the midline, one behind the other, among "
            f"{', '.join(every)} (sides by twos); known here: {', '.join(motion.names) or 'none'}"
        )
    points = np.stack([_middle(motion, name) for name in chosen], axis=1)  # (T, N, 3)
    known = np.isfinite(points[..., 0])
    count = np.maximum(known.sum(axis=1), 1)
    mean_place = (known * places).sum(axis=1) / count
    mean = np.where(known[..., None], points, 0.0).sum(axis=1) / count[:, None]
    away = np.where(known, places - mean_place[:, None], 0.0)
    spread = (away**2).sum(axis=1)
    usable = (known.sum(axis=1) > 1) & (spread > _LEAST_SPREAD)
    with np.errstate(invalid="ignore", divide="ignore"):
        backward = (away[..., None] * np.where(known[..., None], points, 0.0)).sum(axis=1)
        backward = np.where(usable[:, None], backward / spread[:, None], np.nan)
    centre = mean + (_MIDDLE - mean_place)[:, None] * backward
    heading = np.arctan2(-backward[:, 1], -backward[:, 0])
    return BodyFrame(centre, heading, np.linalg.norm(backward, axis=-1))


def _middles(motion: Motion, names: list[str]) -> list[str]:
    """Return the names of the midline, and of each pair the left one, that are there."""
    return [
        name
        for name in names
        if not name.startswith("RIGHT_") and motion.has(name) and motion.has(mirrored_name(name))
    ]


def _middle(motion: Motion, name: str) -> Floats:
    return (motion.of(name) + motion.of(mirrored_name(name))) / 2
