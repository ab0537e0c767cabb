"""Where the floor is, and motion above it: z up, in mm; and motion on a moving belt.

In the frame of a camera the floor is the plane on which the paws stand: they are lowest there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.analysis.motion import Motion, motion_of
from mousepose.errors import InputError
from mousepose.types import Floats, Keypoints3D, PoseSequence, require

FRONT = ("NECK", "SPINE_SHOULDER", "LEFT_SHOULDER", "RIGHT_SHOULDER")
TRUNK = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL", "LEFT_HIP", "RIGHT_HIP")
PAWS = ("LEFT_FORE_PAW", "RIGHT_FORE_PAW", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")
#: Points of a paw in its lowest part of heights stand on the floor.
_LOWEST = 0.3
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Floor:
    """A plane: `turn` (3, 3) has its axes as rows, up last, and `height` (mm) is along up."""

    turn: Floats
    height: float = 0.0

    @classmethod
    def level(cls, up: Floats, height: float = 0.0) -> Floor:
        """Return the plane at right angles to `up` (3,). Raises `InputError` where it is 0."""
        length = float(np.linalg.norm(up))
        require(np.isfinite(length) and length > 0, f"up: expected a direction, got {up}")
        up = np.asarray(up, np.float64) / length
        side = np.eye(3)[0] if abs(up[0]) < 0.9 else np.eye(3)[1]
        along = side - up * (side @ up)
        along /= np.linalg.norm(along)
        return cls(np.stack([along, np.cross(up, along), up]), height)


#: A floor at z = 0 with z up.
WORLD_FLOOR = Floor(np.eye(3))


def find_floor(motion: Motion) -> Floor:
    """Return the plane on which the paws stand, whatever the axes of the points are.

    Up is first taken from the paws to the trunk, then the plane is fitted to each paw's lowest
    points. Raises `InputError` where fewer than two paws are known.
    """
    paws = [name for name in PAWS if motion.has(name)]
    trunk = [name for name in TRUNK if motion.has(name)]
    if len(paws) < 2 or not trunk:
        raise InputError(
            "the floor cannot be found: at least two paws and a point of the trunk are needed; "
            "say which direction is up (--up 0,0,1)"
        )
    above = _mean(motion, trunk) - _mean(motion, paws)
    up = np.nanmedian(above, axis=0)
    points = np.concatenate([_thin(motion.of(name)) for name in paws])
    for _ in range(_ROUNDS):
        floor = Floor.level(up)
        local = points @ floor.turn.T
        line = np.column_stack([local[:, :2], np.ones(len(local))])
        slope = np.zeros(3)
        lowest = np.ones(len(local), bool)
        for _ in range(4):
            lowest = (rest := local[:, 2] - line @ slope) <= np.quantile(rest, _LOWEST)
            slope = np.linalg.lstsq(line[lowest], local[lowest, 2], rcond=None)[0]
        up = floor.turn.T @ np.array([-slope[0], -slope[1], 1.0])
    floor = Floor.level(up)
    return replace(floor, height=float(np.median((points @ floor.turn[2])[lowest])))


def above_floor(motion: Motion, floor: Floor) -> Motion:
    """Return the motion with z up from the floor."""
    if floor is WORLD_FLOOR:
        return motion
    xyz = motion.xyz @ floor.turn.T - np.array([0.0, 0.0, floor.height])
    variance = None if motion.variance is None else motion.variance @ (floor.turn.T**2)
    return replace(motion, xyz=xyz, variance=variance)


def grounded(source: PoseSequence | Keypoints3D | Motion) -> Motion:
    """Return the motion above the floor: poses in a camera's frame are set on the floor they show.

    Anything else is taken to have z up. Raises `InputError` as `motion_of` and `find_floor` do.
    """
    motion = motion_of(source)
    if isinstance(source, PoseSequence) and source.frame != "world":
        return above_floor(motion, find_floor(motion))
    return motion


def on_belt(motion: Motion, speed: float | Floats, direction: Floats | None = None) -> Motion:
    """Return the motion as seen from a belt below the animal, so that it walks over ground.

    `speed` (mm/s) is that of the belt, one number or one for each frame (T,); positive where the
    belt runs from the animal's nose to its tail. `direction` (2,) is where the belt runs to in the
    plane, by default against the animal's mean heading; where it is given, an animal whose trunk
    cannot tell is taken to head against it. Raises `InputError` on numbers that are
    none.
    """
    from mousepose.analysis.axes import body_axes

    speed = np.broadcast_to(np.asarray(speed, np.float64), (len(motion),))
    require(bool(np.isfinite(speed).all()), "the belt's speed is not a number in some frame")
    facing = None if direction is None else float(np.arctan2(-direction[1], -direction[0]))
    if direction is None:
        heading = body_axes(motion).heading
        turned = np.nanmean(np.exp(1j * heading))
        direction = -np.array([turned.real, turned.imag])
    length = float(np.linalg.norm(direction))
    require(length > 0, f"the belt's direction: expected two numbers not both 0, got {direction}")
    steps = np.diff(motion.times, prepend=motion.times[0])
    way = np.cumsum(speed * steps)
    moved = motion.xyz.copy()
    moved[..., :2] -= (way[:, None] * direction / length)[:, None]
    return replace(motion, xyz=moved, facing=facing)


def _mean(motion: Motion, names: list[str]) -> Floats:
    points = np.stack([_thin(motion.of(name), keep=True) for name in names])
    count = np.isfinite(points).sum(axis=0)
    return np.where(count > 0, np.nansum(points, axis=0) / np.maximum(count, 1), np.nan)


def _thin(points: Floats, keep: bool = False, most: int = 20_000) -> Floats:
    points = points[:: max(1, len(points) // most)]
    return points if keep else points[np.isfinite(points).all(axis=-1)]
