"""The spine as one smooth curve through the midline joints, from the neck to the tip of the tail.

A place on it is u: 0 at NECK, 1 at SPINE_SHOULDER, 2 at SPINE_MID, 3 at SPINE_HIP, 4 at ROOT_TAIL,
5 at MID_TAIL and 6 at TIP_TAIL. Between two joints the curve is a cubic with the slopes of the
parabola through three neighbouring joints (Bessel; de Boor, A Practical Guide to Splines, 1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.types import Floats, Ints, Pose

#: The midline joints from the head to the tail.
JOINTS = (
    "NECK", "SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL", "MID_TAIL", "TIP_TAIL",
)  # fmt: skip
#: The bone of each piece between two of them.
_PIECES = ("NECK", *JOINTS[2:])


@dataclass(frozen=True, eq=False)
class Stations:
    """Places on the spine: `centre` (N, 3) mm, `axes` (N, 3, 3) forward, left and up as rows.

    `scale` (N,) is the animal's size there, `bone` (N, 2) the two bones that share the place and
    `share` (N, 2) how much of it each has.
    """

    centre: Floats
    axes: Floats
    scale: Floats
    bone: Ints
    share: Floats

    def point(self, local: Floats) -> Floats:
        """Return points (N, 3) mm given forward, left and up (N, 3) mm of an animal of size 1."""
        offset = (self.axes * local[..., None]).sum(axis=1)
        return np.asarray(self.centre + self.scale[:, None] * offset)


@dataclass(frozen=True, eq=False)
class SpineCurve:
    """The curve: joints and slopes (7, 3) mm, up (7, 3) at the joints, size of the 6 pieces."""

    knots: Floats
    slopes: Floats
    lengths: Floats
    up: Floats
    scale: Floats
    bone: Ints

    @classmethod
    def of(cls, body: BodyModel, pose: Pose, lengths: Sequence[float]) -> SpineCurve:
        """Return the spine of an animal in one pose.

        `lengths` (6,) mm are those of the pieces of an animal of size 1; a body whose pieces are
        longer is larger there. Raises `ModelError` for other skeletons.
        """
        names = body.skeleton.joint_names
        missing = [name for name in JOINTS if name not in names]
        if missing:
            raise ModelError(f"body {body.name!r} has no {', '.join(missing)}: no spine to follow")
        bone = np.array([names.index(name) for name in _PIECES])
        rotations, joints = body.bones(pose)
        knots = joints[[names.index(name) for name in JOINTS]]
        ways = np.diff(knots, axis=0)
        posed = np.linalg.norm(ways, axis=1)
        ups = _piece_ups(body, bone, rotations)
        return cls(
            knots=knots,
            slopes=_slopes(ways / posed[:, None], posed),
            lengths=posed,
            up=np.concatenate([ups[:1], ups[:-1] + ups[1:], ups[-1:]]),
            scale=posed / np.asarray(lengths),
            bone=bone,
        )

    def at(self, u: Floats) -> Stations:
        """Return the places u (N,) on the curve; outside 0-6 it goes on straight."""
        piece = np.clip(np.floor(u).astype(int), 0, len(self.lengths) - 1)
        t = (u - piece)[:, None]
        inside = np.clip(t, 0.0, 1.0)
        length = self.lengths[piece][:, None]
        start, end = self.knots[piece], self.knots[piece + 1]
        first, last = self.slopes[piece] * length, self.slopes[piece + 1] * length
        s, r = inside, 1 - inside
        centre = start * (1 + 2 * s) * r**2 + end * (1 + 2 * r) * s**2
        centre = centre + first * s * r**2 - last * r * s**2
        tangent = (end - start) * 6 * s * r + first * r * (r - 2 * s) + last * s * (s - 2 * r)
        tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        centre = centre + tangent * length * (t - inside)
        axes = _axes(-tangent, self.up[piece] * r + self.up[piece + 1] * s)
        nearer, share = self._shares(piece, inside[:, 0])
        scale = (self.scale[nearer] * share).sum(axis=1)
        return Stations(centre, axes, scale, self.bone[nearer], share)

    def even(self, first: float, last: float, count: int) -> Floats:
        """Return `count` places u from `first` to `last`, equally far apart along the joints."""
        way = np.concatenate([[0.0], np.cumsum(self.lengths)])
        joints = np.arange(len(way))
        start, end = np.interp([first, last], joints, way)
        return np.asarray(np.interp(np.linspace(float(start), float(end), count), way, joints))

    def _shares(self, piece: Ints, t: Floats) -> tuple[Ints, Floats]:
        """Return the two pieces (N, 2) that share a place and how much each has (N, 2)."""
        other = np.clip(np.where(t < 0.5, piece - 1, piece + 1), 0, len(self.lengths) - 1)
        part = np.abs(t - 0.5)  # half at a joint, none in the middle of a piece
        share = np.where(other == piece, 0.0, part)
        return np.stack([piece, other], axis=1), np.stack([1 - share, share], axis=1)


def _piece_ups(body: BodyModel, bone: Ints, rotations: Floats) -> Floats:
    """Return the up (6, 3) of each piece: at rest the body's up, square to the bone."""
    along = body.bone_vectors[bone]
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    up = body.axes[2] - (along @ body.axes[2])[:, None] * along
    up = up / np.linalg.norm(up, axis=1, keepdims=True)
    return np.asarray((rotations[bone] @ up[..., None])[..., 0])


def _slopes(directions: Floats, lengths: Floats) -> Floats:
    """Return the slope (7, 3) at each joint, per mm of way."""
    before, after = lengths[:-1, None], lengths[1:, None]
    inner = (directions[:-1] * after + directions[1:] * before) / (before + after)
    return np.concatenate([directions[:1], inner, directions[-1:]])


def _axes(forward: Floats, up: Floats) -> Floats:
    left = np.cross(up, forward)
    left = left / np.linalg.norm(left, axis=1, keepdims=True)
    return np.stack([forward, left, np.cross(forward, left)], axis=1)
