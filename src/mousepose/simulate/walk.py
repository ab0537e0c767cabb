"""A mouse that goes over a floor: its pose, when each paw stands, and its stride, all known.

World frame: z up, floor z = 0. It trots unless another of `gaits` is asked for: a paw stands for
the pattern's duty, fixed to the floor, and swings over to its next place. The trunk follows a
gently turning path at constant speed, bobs and bends with the stride; head and tail move on their
own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.simulate.gaits import TROT, FootfallPattern, footfall_pattern
from mousepose.simulate.limbs import Legs, reach
from mousepose.types import FitReport, Floats, Pose, PoseSequence, State, Status, require

#: The order of paws in `SimulatedWalk.paw_contacts`.
PAWS = ("LEFT_FORE_PAW", "RIGHT_FORE_PAW", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")
#: The middle of a standing paw is that high above the floor (mm).
_PAW_HEIGHT = 1.6
#: A swinging paw is lifted so far (mm): fore, fore, hind, hind.
_LIFT = np.array([3.5, 3.5, 4.5, 4.5])
#: Where paws stand at mid-stance, from their place at rest (mm): forward, outward.
_STANCE = np.array([[-1.0, 0.0], [-1.0, 0.0], [-5.0, 0.5], [-5.0, 0.5]])
#: Half of the trunk's length (mm), by which the bending of the spine on a curve is measured.
_HALF_TRUNK = 22.0
#: Paws that miss their place by more than this (mm) are out of reach.
_WORST_MISS = 0.5
#: A walking mouse carries its trunk lower than a standing one (mm).
_CROUCH = 0.5


@dataclass(frozen=True)
class SimulatedWalk:
    """A walk whose truth is known: `pose` (T), `times` (T,) s, `paw_contacts` (T, 4) of `PAWS`.

    `stride_length_mm` is the way of the trunk in one stride, from one footfall of a paw to its
    next; `strides_per_second` is how many there are. A paw of phase p in `gait` comes down at
    (n + p) / `strides_per_second` s, n = 0, 1, ...
    """

    pose: Pose
    times: Floats
    paw_contacts: NDArray[np.bool_]
    stride_length_mm: float
    strides_per_second: float
    gait: FootfallPattern = TROT

    def __len__(self) -> int:
        return len(self.times)

    def sequence(self, body: BodyModel) -> PoseSequence:
        """Return the walk of `body` as a result that knows the body's keypoints exactly."""
        points = body.keypoints_of(self.pose)
        frames, keypoints = points.shape[:2]
        return PoseSequence(
            pose=self.pose,
            keypoints=points,
            covariance=np.zeros((frames, keypoints, 3, 3)),
            state=np.full((frames, keypoints), State.SEEN, np.uint8),
            rotation_sd=np.zeros_like(self.pose.joint_rotation),
            times=self.times,
            frame_numbers=np.arange(frames),
            report=FitReport(np.full(frames, Status.OK, np.uint8), np.zeros(frames, np.int64), {}),
            keypoint_names=body.keypoints.names,
            joint_names=body.skeleton.joint_names,
            frame="world",
            scale_source="model",
            provenance={"source": "simulated"},
        )


def walking_mouse(
    body: BodyModel,
    seconds: float = 8.0,
    frames_per_second: float = 60.0,
    *,
    stride_length_mm: float = 60.0,
    strides_per_second: float = 3.0,
    turn_radius_mm: float = 180.0,
    shape: Floats | None = None,
    posture: Floats | None = None,
    gait: str | FootfallPattern = TROT,
    seed: int = 0,
) -> SimulatedWalk:
    """Return a mouse that goes on the floor z = 0 on a path that turns left about (0, 0).

    `gait` is "walk", "trot" or "gallop", or a pattern of one's own. `turn_radius_mm` is the mean
    radius of the path (infinite: straight along x), `shape` (S,) the animal's shape, the mean one
    where it is not given, and `posture` (J, 3) the joint rotations about which it moves (such as a
    prior's mean), those of the rest pose if none. The same `seed` gives the same walk. Raises
    `InputError` on lengths or rates that are not positive, on a gait that is none and on strides
    out of the legs' reach.
    """
    gait = footfall_pattern(gait)
    for name, value in (
        ("seconds", seconds),
        ("frames_per_second", frames_per_second),
        ("stride_length_mm", stride_length_mm),
        ("strides_per_second", strides_per_second),
        ("turn_radius_mm", turn_radius_mm),
    ):
        require(value > 0, f"{name}: expected a positive number, got {value}")
    random = np.random.default_rng(seed)
    times = np.arange(max(1, round(seconds * frames_per_second))) / frames_per_second
    speed = stride_length_mm * strides_per_second
    path = _Path.drawn(random, seconds, speed, turn_radius_mm)
    shape = body.shape_space.mean if shape is None else np.asarray(shape, np.float64)
    stand = _Stand.of(body, shape, posture)
    pose = _trunk(body, stand, path, times, strides_per_second, gait, random)
    targets, contacts = _footfalls(stand, path, times, strides_per_second, gait)
    pose = replace(pose, joint_rotation=reach(body, pose, targets))
    paws = body.joints(pose)[:, stand.legs.joints[:, -1]]
    miss = np.linalg.norm(paws - targets, axis=-1).max()
    require(
        miss < _WORST_MISS,
        f"stride_length_mm: {stride_length_mm:g} on a radius of {turn_radius_mm:g} mm is beyond "
        f"the legs of {body.name!r}, by {miss:.1f} mm; take a shorter stride",
    )
    return SimulatedWalk(pose, times, contacts, stride_length_mm, strides_per_second, gait)


@dataclass(frozen=True, eq=False)
class _Path:
    """Where the shoulders are: place (x, y) mm and heading rad at the times of a fine grid."""

    speed: float
    grid: Floats
    place: Floats
    heading: Floats

    @classmethod
    def drawn(
        cls, random: np.random.Generator, seconds: float, speed: float, radius: float
    ) -> _Path:
        """Return a circle about (0, 0) on which the heading wanders a little."""
        grid = np.arange(-1.0, seconds + 1.0, 1e-3)
        laps = speed / radius / (2 * np.pi)  # a second
        # Wandering as often as it laps would carry the animal away from the circle, so quicker.
        wander = _wander(random, grid, (1.6 * laps, 2.6 * laps)) if laps else np.zeros_like(grid)
        heading = 2 * np.pi * laps * grid + 0.12 * wander
        steps = speed * 1e-3 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        place = np.cumsum(steps, axis=0)
        centre = place[np.searchsorted(grid, 0.0)]
        if laps:
            inwards = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
            centre = (place + radius * inwards).mean(axis=0)
        place -= centre
        return cls(speed, grid, place, heading)

    def curvature(self, times: Floats) -> Floats:
        """Return the curvature (*B,) 1/mm of the path at times (*B,), positive to the left."""
        curvature = np.gradient(self.heading, self.grid) / self.speed
        return np.interp(times, self.grid, curvature)

    def at(self, times: Floats) -> tuple[Floats, Floats]:
        """Return the place (*B, 2) mm and heading (*B,) rad at times (*B,)."""
        place = [np.interp(times, self.grid, column) for column in self.place.T]
        return np.stack(place, axis=-1), np.interp(times, self.grid, self.heading)


def _wander(random: np.random.Generator, times: Floats, band: tuple[float, float]) -> Floats:
    """Return a smooth random motion (T,) of variance 1 with frequencies in a band (Hz)."""
    frequency = random.uniform(*band, 8)
    phase = random.uniform(0, 2 * np.pi, 8)
    waves = np.sin(2 * np.pi * frequency * times[:, None] + phase)
    return np.asarray(waves.sum(axis=1) / 2.0)


def _trunk(
    body: BodyModel,
    stand: _Stand,
    path: _Path,
    times: Floats,
    rate: float,
    gait: FootfallPattern,
    random: np.random.Generator,
) -> Pose:
    """Return the pose of trunk, head and tail at `times`; the legs are as they stand."""
    place, heading = path.at(times)
    phase = 2 * np.pi * rate * times
    curve = _HALF_TRUNK * path.curvature(times)
    sides, bounce = gait.sides, gait.bounce
    roll = sides * 0.03 * np.sin(phase)
    pitch = 0.02 * np.sin(2 * phase + 0.6) + bounce * 0.06 * np.sin(phase + 0.9)
    yaw = heading + sides * 0.05 * np.sin(phase + 0.4)
    level = np.zeros_like(times)
    animal = (
        rotation.exp(np.stack([level, level, yaw], axis=-1))
        @ rotation.exp(np.stack([level, pitch, level], axis=-1))
        @ rotation.exp(np.stack([roll, level, level], axis=-1))
    )
    sideways = sides * np.sin(phase + 1.0)
    bob = 0.7 * np.sin(2 * phase) + bounce * 1.5 * np.sin(phase + 2.5)
    height = _PAW_HEIGHT - stand.paws[:, 2].mean() - _CROUCH + bob
    root = np.column_stack([
        place[:, 0] - sideways * np.sin(heading), place[:, 1] + sideways * np.cos(heading), height,
    ])  # fmt: skip
    turns = _turns(times, phase, curve, gait, random)
    joint_rotation = np.tile(stand.pose.joint_rotation, (len(times), 1, 1))
    for name, angles in turns.items():
        if name in body.skeleton.joint_names:  # the published skeleton has no tail
            joint_rotation[:, body.skeleton.index(name)] += angles @ body.axes
    joint_rotation = np.where(body.free, joint_rotation, 0.0)
    joint_rotation = np.clip(joint_rotation, body.limits[..., 0], body.limits[..., 1])
    turned = rotation.log(animal @ stand.turn)
    return Pose(rotation.unwrap(turned), root, joint_rotation, stand.pose.shape)


def _turns(
    times: Floats,
    phase: Floats,
    curve: Floats,
    gait: FootfallPattern,
    random: np.random.Generator,
) -> dict[str, Floats]:
    """Return the rotations (T, 3) rad of trunk, head and tail bones about forward, left and up.

    The hind body follows where the shoulders went: on a path that turns by `curve` rad along one
    half of the spine, a bone turns by half of the path along itself and its parent. A yaw to the
    left carries what lies behind to the right, so these turns are negative on a left curve.
    """
    look = [_wander(random, times, (0.15, 0.9)) for _ in range(4)]
    wave = [gait.sides * np.sin(phase - lag) for lag in (0.3, 1.1, 2.0, 2.9)]
    arch = gait.bounce * 0.08 * np.sin(phase + 0.2)  # a galloping back bends and stretches
    mid, hip = 0.02 * np.sin(2 * phase) + arch, 0.03 * np.sin(2 * phase + 0.8) + arch
    still = np.zeros_like(times)
    drift = _wander(random, times, (0.1, 0.5))
    rows = {
        "SPINE_MID": (0.02 * wave[0], mid, -0.5 * curve + 0.04 * wave[0]),
        "SPINE_HIP": (-0.03 * wave[0], hip, -curve - 0.07 * wave[0]),
        "NECK": (still, 0.08 * look[0], curve + 0.12 * look[1]),
        "NOSE": (0.10 * look[3], 0.10 * look[2], curve + 0.15 * look[1]),
        "ROOT_TAIL": (still, 0.08 + 0.04 * np.sin(2 * phase), -0.8 * curve + 0.10 * wave[1]),
        "MID_TAIL": (still, 0.24 + 0.05 * drift, -1.2 * curve + 0.10 * drift + 0.14 * wave[2]),
        "TIP_TAIL": (still, 0.05 + 0.06 * drift, -1.8 * curve + 0.15 * drift + 0.18 * wave[3]),
    }
    return {name: np.stack(angles, axis=-1) for name, angles in rows.items()}


@dataclass(frozen=True, eq=False)
class _Stand:
    """The animal standing in its usual posture: `turn` (3, 3) sets it level, forward along x.

    `paws` (4, 3) mm are its paws from the root: forward, left, up.
    """

    pose: Pose
    legs: Legs
    turn: Floats
    paws: Floats

    @classmethod
    def of(cls, body: BodyModel, shape: Floats, posture: Floats | None) -> _Stand:
        pose = replace(body.rest_pose(), shape=shape)
        if posture is not None:
            pose = replace(pose, joint_rotation=np.where(body.free, posture, 0.0))
        legs = Legs.of(body, shape)
        joints = body.joints(pose)
        paws = (joints[legs.joints[:, -1]] - joints[0]) @ body.axes.T
        rise = paws[:2].mean(axis=0) - paws[2:].mean(axis=0)  # from hind to fore paws
        level = rotation.exp(np.array([0.0, np.arctan2(rise[2], rise[0]), 0.0]))
        return cls(pose, legs, np.asarray(level @ body.axes), np.asarray(paws @ level.T))


def _footfalls(
    stand: _Stand, path: _Path, times: Floats, rate: float, gait: FootfallPattern
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where the paws are (T, 4, 3) mm and whether they stand (T, 4)."""
    standing = stand.paws[:, :2]
    stance = standing + _STANCE * np.column_stack([np.ones(4), np.sign(standing[:, 1])])
    behind = np.maximum(-stance[:, 0], 0.0)  # hind paws follow the path that the shoulders took
    phases, duty = np.array(gait.phases), gait.duty
    stride = np.floor(rate * times[:, None] - phases)
    share = rate * times[:, None] - phases - stride  # of the stride gone by, 0 at the footfall

    def stood(number: Floats) -> Floats:
        """Return where paws (T, 4, 2) stand in their strides `number`."""
        place, heading = path.at((number + phases + duty / 2) / rate - behind / path.speed)
        cosine, sine = np.cos(heading), np.sin(heading)
        ahead, left = stance[:, 0] + behind, stance[:, 1]
        turned = np.stack([cosine * ahead - sine * left, sine * ahead + cosine * left], axis=-1)
        return np.asarray(place + turned)

    swing = np.clip((share - duty) / (1 - duty), 0.0, 1.0)
    # Minimum jerk (Flash & Hogan, J. Neurosci. 5, 1985): paws leave and land without a jolt.
    gone = swing**3 * (10 - 15 * swing + 6 * swing**2)
    here, there = stood(stride), stood(stride + 1)
    flat = here + gone[..., None] * (there - here)
    height = _PAW_HEIGHT + _LIFT * np.sin(np.pi * swing) ** 2
    return np.concatenate([flat, height[..., None]], axis=-1), share < duty
