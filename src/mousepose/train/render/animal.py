"""The mouse that is drawn: the default body's skin with eyes, and what covers each part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.render.shapes import sphere
from mousepose.types import Floats, Ints

#: Where the left eye is at rest, about (mm: forward, left, up), and its radius.
_EYE, _EYE_RADIUS = np.array([18.5, 7.0, 23.5]), 1.6
#: How far beneath the near skin a keypoint may lie and count as seen: a share of how deep it lies
#: at rest, and mm more, but no farther than a flank is from the spine. A hip then is seen through
#: its own side of the body and through the back, not through the other side.
_DEEP_SHARE, _DEEP_MORE, _DEEPEST = 2.0, 3.0, 15.0
#: The rump hangs over the base of the tail: seen from above it is that deep (mm) in stout mice.
_TAIL_BASE_DEEP = 5.0
#: These lie beneath the back and are seen from there, not through throat or belly.
_DORSAL = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "NECK")
#: A coat (mm) at which skin no longer shows.
_COVERING = 0.5
#: A foot is bald so far (mm) from the middle of the paw.
_HAND = 8.0


@dataclass(frozen=True, eq=False)
class Animal:
    """A body to draw; per vertex (V,) 0 to 1: `fur`, `ear`, `tail`, `paw`, `snout`, `eye`, `belly`.

    `rest` (V, 3) mm are the furry vertices at rest, by which fur is textured; `trunk` (V,) says how
    much a vertex belongs to what fat and loose skin bulge. `tolerance` (K,) mm is how far beneath
    the skin in front of it a keypoint still counts as seen; `dorsal` (K,) tells those that lie
    beneath the back. `grounded` (G,) are the vertices that
    cannot sink into a floor.
    """

    body: BodyModel
    mesh: Mesh
    rest: Floats
    fur: Floats
    ear: Floats
    tail: Floats
    paw: Floats
    snout: Floats
    eye: Floats
    belly: Floats
    trunk: Floats
    tolerance: Floats
    dorsal: NDArray[np.bool_]
    grounded: Ints


@cache
def drawn_animal() -> Animal:
    """Return the default body ready to draw. Raises `ModelError` where it has no coat."""
    body = default_body()
    if body.mesh is None or body.mesh.coat is None:
        raise ModelError("the default body has no skin with a coat; it cannot be drawn")
    bare = len(body.mesh.vertices)
    mesh = _with_eyes(body.mesh, body.skeleton.index("NOSE"))
    body = body.with_mesh(mesh)
    coat = mesh.coat if mesh.coat is not None else np.zeros(len(mesh.vertices))
    rest = mesh.vertices + coat[:, None] * mesh.normals
    eye = (np.arange(len(rest)) >= bare).astype(np.float64)
    fur = np.clip(coat / _COVERING, 0, 1) * (1 - eye)

    def weight(*bones: str) -> Floats:
        return np.asarray(mesh.weights[:, [body.skeleton.index(b) for b in bones]].sum(axis=1))

    marks = body.keypoints_of(body.rest_pose())
    nose, ears = marks[KEYPOINT_NAMES.index("NOSE")], marks[-4:-2]
    paws = [k for k, n in enumerate(body.skeleton.joint_names) if n.endswith("_PAW")]
    limb = mesh.weights[:, paws].sum(axis=1) > 0.5
    hand = np.linalg.norm(rest[:, None] - body.rest[paws], axis=-1).min(axis=1) < _HAND
    fur = np.where(limb & ~hand, np.maximum(fur, 0.7), fur)  # short hair, without thickness
    bald = (1 - fur) * (1 - eye)
    tail = bald * (rest[:, 0] < body.rest[body.skeleton.index("ROOT_TAIL"), 0])
    near_ear = np.linalg.norm(rest[:, None] - ears, axis=-1).min(axis=1) < 11.0
    trunk = weight("SPINE_MID", "SPINE_HIP") + 0.6 * weight("LEFT_HIP", "RIGHT_HIP", "ROOT_TAIL")
    trunk += 0.5 * weight("SPINE_SHOULDER", "NECK", "LEFT_SHOULDER", "RIGHT_SHOULDER")
    return Animal(
        body=body, mesh=mesh, rest=rest, fur=fur, eye=eye, tail=tail,
        ear=bald * near_ear * (1 - tail), paw=bald * limb * (1 - tail),
        snout=bald * (np.linalg.norm(rest - nose, axis=1) < 2.6),
        belly=np.clip(-1.4 * mesh.normals[:, 2] - 0.1, 0, 1) * fur,
        trunk=np.clip(trunk, 0, 1) * np.clip(coat, 0, 1),
        tolerance=_tolerance(marks, rest),
        dorsal=np.isin(KEYPOINT_NAMES, _DORSAL),
        grounded=np.flatnonzero(rest[:, 0] > body.rest[body.skeleton.index("ROOT_TAIL"), 0] - 4),
    )  # fmt: skip


def _tolerance(marks: Floats, rest: Floats) -> Floats:
    deep = np.linalg.norm(marks[:, None] - rest, axis=-1).min(axis=1)
    base = KEYPOINT_NAMES.index("ROOT_TAIL")
    deep[base] = max(deep[base], _TAIL_BASE_DEEP)
    return np.asarray(np.minimum(_DEEP_SHARE * deep + _DEEP_MORE, _DEEPEST))


def _with_eyes(mesh: Mesh, head: int) -> Mesh:
    """Return the skin with two balls set into it that ride on the head and grow as skin there."""
    vertices, faces = sphere(8, 10)
    parts = [mesh]
    for side in (1.0, -1.0):
        place = int(np.linalg.norm(mesh.vertices - _EYE * [1, side, 1], axis=1).argmin())
        coat = 0.0 if mesh.coat is None else mesh.coat[place]
        centre = mesh.vertices[place] + (coat - 0.35 * _EYE_RADIUS) * mesh.normals[place]
        weights = np.zeros((len(vertices), mesh.weights.shape[1]))
        weights[:, head] = 1
        around = np.full(len(vertices), place)
        parts.append(
            Mesh(centre + _EYE_RADIUS * vertices, faces, weights, np.zeros(len(vertices)),
                 mesh.builds[:, around], mesh.build_names, mesh.bulges[:, around], mesh.drivers)
        )  # fmt: skip
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return replace(
        mesh,
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([part.faces + k for part, k in zip(parts, starts, strict=True)]),
        weights=np.concatenate([part.weights for part in parts]),
        coat=np.concatenate([part.coat for part in parts if part.coat is not None]),
        builds=np.concatenate([part.builds for part in parts], axis=1),
        bulges=np.concatenate([part.bulges for part in parts], axis=1),
    )
