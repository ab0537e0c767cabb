"""The girth of a skin along the body and with posture, as outlines of real mice show it.

A skin is made wider or narrower place by place between nose and tail base. What it gains at rest
stays; what it gains as the trunk shortens is taken from its height, so that the volume stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.errors import InputError
from mousepose.types import Floats, Pose

#: From the nose to the tail base: the heights of these joints are that of the spine.
_MIDLINE = ("NOSE", "NECK", "SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL")
#: The bones whose pitch shortens the trunk, and its ends.
_BENDING = ("SPINE_MID", "SPINE_HIP", "ROOT_TAIL", "NECK")
_TRUNK = ("NECK", "ROOT_TAIL")


@dataclass(frozen=True, eq=False)
class Girths:
    """How much wider real mice are than a skin, as logs of width, at `places` (K,) along the body.

    Places go from 0 at the nose to 1 at the tail base. `rest` (K,) is the share in any posture,
    `shortened` (K,) what is added per unit by which the trunk is shorter than at rest. Raises
    `InputError` for places that do not rise and for another number of shares.
    """

    places: Floats
    rest: Floats
    shortened: Floats

    def __post_init__(self) -> None:
        if self.rest.shape != self.places.shape or self.shortened.shape != self.places.shape:
            raise InputError(
                f"girths: {len(self.places)} places need as many shares at rest and shortened, "
                f"got {self.rest.shape} and {self.shortened.shape}"
            )
        if not (np.diff(self.places) > 0).all():
            raise InputError("girths: the places must rise from the nose to the tail base")


def shortening(body: BodyModel, poses: Sequence[Pose]) -> Floats:
    """Return the driver (J, 3) per rad that tells by which share the trunk is shorter than at rest.

    The way from neck to tail base bends with the pitch of four bones: the linear function of them
    that comes nearest to it over `poses`, 0 at rest.
    """
    bones = [body.skeleton.index(name) for name in _BENDING]
    ends = [body.skeleton.index(name) for name in _TRUNK]
    rest = np.linalg.norm(np.subtract(*body.rest[ends]))
    turns = np.stack([pose.joint_rotation[bones] @ body.axes[1] for pose in poses])
    lengths = [np.linalg.norm(np.subtract(*body.joints(pose)[ends])) for pose in poses]
    sizes = [body.bone_scale(pose.shape)[bones].mean() for pose in poses]
    shorter = 1 - np.array(lengths) / (np.array(sizes) * rest)
    driver = np.zeros(body.rest.shape)
    driver[bones] = np.linalg.lstsq(turns, shorter)[0][:, None] * body.axes[1]
    return driver


def place_of(body: BodyModel, points: Floats) -> Floats:
    """Return where (P,) rest points (P, 3) lie on the way from nose (0) to tail base (1)."""
    nose, tail = (body.rest[body.skeleton.index(name)] for name in (_MIDLINE[0], _MIDLINE[-1]))
    way = tail - nose
    return np.asarray(np.clip((points - nose) @ way / (way @ way), 0.0, 1.0))


def with_girths(body: BodyModel, girths: Girths, driver: Floats, trust: Floats) -> Mesh:
    """Return the body's skin with the girths of real mice, its fur counted in.

    `driver` (J, 3) is that of `shortening`; `trust` (V,) from 0 to 1 says how far each vertex
    follows. Raises `InputError` for a body without a skin.
    """
    mesh = body.mesh
    if mesh is None:
        raise InputError(f"body {body.name!r} has no skin whose girth could be changed")
    furred = mesh.vertices
    if mesh.coat is not None:
        furred = furred + mesh.coat[:, None] * mesh.normals
    left, up = body.axes[1], body.axes[2]
    middle = [body.rest[body.skeleton.index(name)] for name in _MIDLINE]
    place = place_of(body, mesh.vertices)
    spine = np.interp(place, place_of(body, np.array(middle)), middle @ up)
    wide, high = furred @ left, mesh.vertices @ up - spine
    gain = trust * np.expm1(np.interp(place, girths.places, girths.rest))
    more = trust * np.interp(place, girths.places, girths.shortened)
    bulge = (more * wide)[:, None] * left - (more * high)[:, None] * up
    none = len(mesh.bulges) == 0
    return replace(
        mesh,
        vertices=mesh.vertices + (gain * wide)[:, None] * left,
        bulges=bulge[None] if none else np.concatenate([mesh.bulges, bulge[None]]),
        drivers=driver[None] if none else np.concatenate([mesh.drivers, driver[None]]),
    )
