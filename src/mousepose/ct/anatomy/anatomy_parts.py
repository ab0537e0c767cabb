"""The parts of `data/anatomy.toml` placed on the bones of a posed body, and its bones built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy_solids import Solids, cones, ellipsoids, joined
from mousepose.ct.anatomy.anatomy_spine import SpineCurve, Stations
from mousepose.errors import ModelError
from mousepose.geometry import rotation
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Pose

#: Straight pieces that stand for the curve of one rib.
_RIB_PIECES = 8
#: Gap (mm) between two vertebrae at size 1.
_DISC = 0.2
#: Where on the spine (u) the last vertebra of the tail ends: at the last joint.
_LAST = 6.01


@dataclass(frozen=True, eq=False)
class Place:
    """Where the points of one part go: from [along, left, up] to the posed animal.

    `origin` (3,) and `frame` (3, 3), its rows along, left and up, stand in posed mm; `scale` is the
    size there, `bone` the index of the bone.
    """

    origin: Floats
    frame: Floats
    scale: float
    bone: int

    def points(self, local: ArrayLike) -> Floats:
        """Return posed points (N, 3) mm of local ones."""
        return np.asarray(self.origin + self.scale * (np.asarray(local, np.float64) @ self.frame))


def places(part: dict[str, Any], body: BodyModel, pose: Pose) -> Iterator[Place]:
    """Give the place of a part and, where it has one, that of its mirror image.

    Raises `ModelError` for a bone that the body has not.
    """
    name: str = part["on"]
    known = body.skeleton.joint_names
    both = (name, mirrored_name(name))
    missing = sorted(set(both) - set(known))
    if missing:
        raise ModelError(f"body {body.name!r} has no bone {', '.join(missing)} to hang a mouse on")
    turned = [(name, False)]
    if both[0] != both[1] or part.get("paired", False):
        turned.append((both[1], True))
    rotations, joints = body.bones(pose)
    scales = body.bone_scale(pose.shape)
    for bone_name, mirrored in turned:
        bone = known.index(bone_name)
        frame = _rest_frame(body, bone, part.get("from") == "end")
        # A mirror image on a midline bone turns left round; on a right bone the frame has it.
        if mirrored and both[0] == both[1]:
            frame = frame * np.array([[1.0], [-1.0], [1.0]])
        start = bone if part.get("from") == "end" else body.skeleton.parents[bone]
        longer = np.linalg.norm(body.bone_vectors[bone]) / part["length"]
        yield Place(joints[start], frame @ rotations[bone].T, float(scales[bone] * longer), bone)


def _rest_frame(body: BodyModel, bone: int, from_end: bool) -> Floats:
    """Return along, outward to the bone's own side and up (3, 3) as rows, at rest."""
    forward, left, up = body.axes
    if body.skeleton.joint_names[bone].startswith("RIGHT_"):
        left = -left
    if from_end:
        return np.stack([forward, left, up])
    along = body.bone_vectors[bone] / np.linalg.norm(body.bone_vectors[bone])
    up = up - (up @ along) * along
    up = up / np.linalg.norm(up)
    beside = np.cross(up, along)
    return np.stack([along, beside * (1.0 if beside @ left > 0 else -1.0), up])


def chain_solids(place: Place, chain: ArrayLike, thicker: float = 1.0) -> Solids:
    """Return the round cones of one polyline [along, left, up, radius]."""
    rows = np.asarray(chain, np.float64)
    return polyline(place.points(rows[:, :3]), rows[:, 3] * place.scale * thicker)


def polyline(points: Floats, radii: Floats) -> Solids:
    """Return round cones between successive points (N, 3) with radii (N,) mm."""
    return cones(points[:-1], points[1:], radii[:-1], radii[1:])


def ball_solids(place: Place, part: dict[str, Any], thicker: float = 1.0) -> Solids:
    """Return the ellipsoids [along, left, up, 3 radii(, pitch, yaw, roll)] of a part."""
    balls = part["balls"]
    rows = [list(ball) + [0.0] * (9 - len(ball)) for ball in balls]
    table = np.array(rows)
    pitch, yaw, roll = np.deg2rad(table[:, 6:]).T
    zero = np.zeros(len(table))
    # Along tips up: against the right-handed turn about left.
    turn = (
        rotation.exp(np.stack([zero, zero, yaw], axis=1))
        @ rotation.exp(np.stack([zero, -pitch, zero], axis=1))
        @ rotation.exp(np.stack([roll, zero, zero], axis=1))
    )
    axes = np.swapaxes(turn, 1, 2) @ place.frame
    radii = table[:, 3:6] * place.scale * thicker
    walls = np.full(len(table), part.get("wall", 0.0) * place.scale)
    rim = part.get("rim", 0.0) * place.scale
    return ellipsoids(place.points(table[:, :3]), axes, radii, walls, rim)


def part_solids(part: dict[str, Any], place: Place, build: float = 0.0) -> Solids:
    """Return one part of the table at one place; its radii grow by exp(`build` x its share)."""
    thicker = float(np.exp(build * part.get("build", 0.0)))
    solids = [chain_solids(place, chain, thicker) for chain in part.get("chains", ())]
    if "balls" in part:
        solids.append(ball_solids(place, part, thicker))
    return joined(solids)


def place_bones(table: dict[str, Any], body: BodyModel, pose: Pose) -> Solids:
    """Return all bones of the animal."""
    spine = SpineCurve.of(body, pose, table["spine"]["lengths"])
    parts = [_vertebrae(spine, region) for region in table["vertebrae"]]
    parts += _ribs(spine, table["ribs"])
    for part in table["bones"].values():
        parts += [part_solids(part, place) for place in places(part, body, pose)]
    return joined(parts)


def _vertebrae(spine: SpineCurve, region: dict[str, Any]) -> Solids:
    """Return bodies, arches, spinous and transverse processes of one region of the spine."""
    count = region["count"]

    def along(key: str) -> Floats:
        return np.linspace(float(region[key][0]), float(region[key][1]), count)

    u = along("u")
    half_u = 0.5 * (u[1] - u[0])
    ends = u - half_u, np.minimum(u + half_u, _LAST)
    at, before, after = (spine.at(place) for place in (0.5 * (ends[0] + ends[1]), *ends))
    length = np.linalg.norm(before.centre - after.centre, axis=1) / at.scale
    body, arch, tip, wing = (along(key) for key in ("body", "arch", "spine", "wing"))
    half = np.maximum(0.5 * (length - _DISC) - 0.7 * body, 0.05)
    zero = np.zeros(count)

    def piece(start: list[Floats], end: list[Floats], first: Floats, last: Floats) -> Solids:
        begin, stop = (at.point(np.stack(point, axis=1)) for point in (start, end))
        return cones(begin, stop, first * at.scale, last * at.scale)

    solids = [piece([half, zero, zero], [-half, zero, zero], body, body)]
    if not arch.any():
        return solids[0]
    top = body + arch
    thin = 0.35 * body
    solids.append(piece([zero, zero, top], [-0.3 * length, zero, top + tip], thin, 0.8 * thin))
    for side in (1.0, -1.0):
        pillar = [zero, side * 0.95 * body, 0.6 * body]
        solids.append(piece([zero, side * 0.7 * body, zero], pillar, thin, thin))
        solids.append(piece(pillar, [zero, zero, top], thin, thin))
        solids.append(
            piece([zero, zero, zero], [0.1 * length, side * wing, -0.2 * body], thin, thin)
        )
    return joined(solids)


def _ribs(spine: SpineCurve, table: dict[str, Any]) -> list[Solids]:
    """Return the ribs of both sides, and the sternum that the first of them carry."""
    width, depth, sweep, end = (np.array(table[key]) for key in ("width", "depth", "sweep", "end"))
    count = len(width)
    at = spine.at(np.linspace(1.0, 2.0, count))
    share = np.linspace(0.0, 1.0, _RIB_PIECES + 1)
    angle = np.deg2rad(15.0 + (end[:, None] - 15.0) * share)  # (ribs, points)
    down = 0.5 * depth[:, None] * (1 - np.cos(angle))
    local = np.stack(
        [-sweep[:, None] * down / depth[:, None], width[:, None] * np.sin(angle), -down], axis=-1
    )
    solids = []
    for side in (1.0, -1.0):
        points = np.stack(
            [at.point(local[:, n] * np.array([1.0, side, 1.0])) for n in range(len(share))], axis=1
        )
        radii = table["radius"] * at.scale
        solids += [
            polyline(rib, np.full(len(rib), r)) for rib, r in zip(points, radii, strict=True)
        ]
    return [*solids, _sternum(at, depth, sweep, table)]


def _sternum(at: Stations, depth: Floats, sweep: Floats, table: dict[str, Any]) -> Solids:
    low = at.point(np.stack([-sweep, np.zeros_like(depth), -depth], axis=1))
    carried = slice(0, table["to_sternum"])
    return polyline(low[carried], table["sternum_radius"] * at.scale[carried])
