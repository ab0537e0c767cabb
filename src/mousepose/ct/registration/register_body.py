"""A body's skin laid on a scanned animal: posed by its joints, then bent, then brought to rest.

Limbs touch the belly in a scan, and what is nearest in space is then another part of the animal. So
every place of the scan is given to the part whose posed skin is nearest there and faces alike,
vertices match places of their own part only, and the deformation holds vertices together as they
are neighbours at rest and on the same bones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.ct.registration.deform import nearest
from mousepose.ct.registration.deform_mesh import surface_distance
from mousepose.ct.registration.register import as_cloud
from mousepose.ct.registration.register_bend import bend
from mousepose.ct.registration.register_match import Cloud
from mousepose.ct.registration.register_pose import fit_pose
from mousepose.ct.registration.register_types import Level, Progress, RegisterConfig
from mousepose.ct.registration.unpose import unpose
from mousepose.ct.types import NamedPoints, Surface
from mousepose.errors import ModelError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Pose

#: Finer than for a skull: the size of a body (about 35 mm) is that of its tail too.
BODY_CONFIG = RegisterConfig(
    levels=(
        Level(0.30, 8, (10.0, 1.0), (0.20, 0.12)),
        Level(0.16, 10, (5.0, 0.5), (0.12, 0.08)),
        Level(0.08, 10, (2.0, 0.2), (0.08, 0.05)),
    ),
    slide=0.7,
    projection_reach=0.04,
)
#: The bones that end at these joints are a part of their own, with the side's other bones; all
#: others are trunk and head.
_PARTS = {
    "KNEE": "hind limb", "HIND_PAW": "hind limb", "ELBOW": "fore limb", "FORE_PAW": "fore limb",
    "MID_TAIL": "tail", "TIP_TAIL": "tail",
}  # fmt: skip
#: How far apart (mm) two places lie for being on different parts, and for facing opposite ways.
_APART_MM, _FACING_MM = 10.0, 4.0
#: A place of the scan belongs to the parts of so many vertices nearest to it.
_ASKED = 5
#: A joint farther (mm) than this from where it was located is worth a look.
_FAR_MM = 2.0


@dataclass(frozen=True, eq=False)
class BodyRegistration:
    """A body laid on a scan. All in RAS mm but what is at rest, which is in the body's axes.

    `body` has a shape coefficient for every bone and is in `pose`; `shape` (S,) are the nearest
    coefficients of the body that was given, `bone_lengths` (J,) mm, and `measured` and
    `measured_sd` (J,) mm what the joints alone say of them, NaN where one is missing. `vertices`
    (V, 3) lie on the scan, `error` (V,) mm from it; `rest_vertices` (V, 3) are the same, unposed,
    with the bones as long as the body's. `matched` (V,) 0-1 is 0 where the scan showed no skin to
    go by.
    """

    body: BodyModel
    pose: Pose
    shape: Floats
    bone_lengths: Floats
    vertices: Floats
    rest_vertices: Floats
    error: Floats
    matched: Floats
    joint_residual: Floats
    measured: Floats
    measured_sd: Floats
    notes: tuple[str, ...] = ()


def register_body(
    body: BodyModel,
    skin: Surface,
    joints: NamedPoints,
    *,
    config: RegisterConfig | None = None,
    progress: Progress | None = None,
) -> BodyRegistration:
    """Return the body's skin laid on a scanned `skin`, with its pose and bone lengths.

    `joints` bear the names of the body's; those not found are NaN. Raises `ModelError` for a body
    without a skin and where its skin finds no match, `InputError` for too few joints.
    """
    if body.mesh is None:
        raise ModelError(f"body {body.name!r} has no skin to lay on a scan; see `with_mesh`")
    config = config or BODY_CONFIG
    scan = as_cloud(skin, "scan")
    fit = fit_pose(body, joints)
    posed = fit.body.vertices(fit.pose)
    parts = part_shares(body, body.mesh)
    layout = np.concatenate([body.mesh.vertices, _APART_MM * parts], axis=1)
    placed = Cloud(posed, vertex_normals(posed, body.mesh.faces), parts)
    rough, fine = _in_two(config)
    moved, _ = bend(placed, body.mesh.faces, _in_parts(placed, scan), rough, layout=layout)
    placed = Cloud(moved, vertex_normals(moved, body.mesh.faces), parts)
    moved, matched = bend(
        placed, body.mesh.faces, _in_parts(placed, scan), fine, layout=layout, progress=progress
    )
    return BodyRegistration(
        body=fit.body,
        pose=fit.pose,
        shape=fit.shape,
        bone_lengths=fit.bone_lengths,
        vertices=moved,
        rest_vertices=unpose(fit.body, fit.pose, moved),
        error=surface_distance(moved, skin),
        matched=matched,
        joint_residual=fit.residual,
        measured=fit.measured,
        measured_sd=fit.measured_sd,
        notes=_notes(body, fit.residual, matched),
    )


def part_shares(body: BodyModel, mesh: Mesh) -> Floats:
    """Return how much (V, P) each vertex belongs to trunk, tail and each limb; rows sum to 1."""
    names = [_part_of(name) for name in body.skeleton.joint_names]
    parts = sorted(set(names))
    member = np.array([[name == part for part in parts] for name in names], np.float64)
    return np.asarray(mesh.weights @ member)


def _part_of(joint: str) -> str:
    side, _, bone = joint.partition("_")
    if side in ("LEFT", "RIGHT"):
        return f"{side} {_PARTS[bone]}" if bone in _PARTS else "trunk"
    return _PARTS.get(joint, "trunk")


def _in_parts(placed: Cloud, scan: Cloud) -> Cloud:
    """Return the scan with the parts of the placed vertices that lie nearest and face alike."""
    tree = cKDTree(np.concatenate([placed.points, _FACING_MM * placed.normals], axis=1))
    places = np.concatenate([scan.points, _FACING_MM * scan.normals], axis=1)
    distance, near = nearest(tree, places, _ASKED)
    weight = 1 / (distance + 0.5)
    weight /= weight.sum(axis=1, keepdims=True)
    if placed.parts is None:
        return scan
    return replace(scan, parts=np.einsum("nk,nkp->np", weight, placed.parts[near]))


def _in_two(config: RegisterConfig) -> tuple[RegisterConfig, RegisterConfig]:
    """Return the first level alone, and the rest: between them places are given to parts anew."""
    first = replace(config, levels=config.levels[:1], projections=0)
    return first, replace(config, levels=config.levels[1:])


def _notes(body: BodyModel, residual: Floats, matched: Floats) -> tuple[str, ...]:
    notes = []
    far = np.flatnonzero(np.nan_to_num(residual) > _FAR_MM)
    if len(far):
        named = ", ".join(f"{body.skeleton.joint_names[j]} {residual[j]:.1f} mm" for j in far)
        notes.append(f"joints that the body cannot reach within its limits: {named}")
    if (matched == 0).mean() > 0.25:
        notes.append(f"{(matched == 0).mean():.0%} of the skin found no place in the scan")
    return tuple(notes)
