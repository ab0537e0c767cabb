"""Skin weights: how much every vertex of a skin follows each bone, by heat that flows from bones.

Baran, Popovic, Automatic rigging and animation of 3D characters (2007): each bone warms the skin
that it lies behind, the nearer the more, and in balance the temperature is the weight.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from mousepose.body.model import BodyModel
from mousepose.ct.registration.deform import nearest, solved
from mousepose.ct.registration.deform_mesh import cotangent_laplacian, edge_laplacian, vertex_areas
from mousepose.ct.types import Surface
from mousepose.errors import InputError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Ints

#: Heat of a bone at 1 mm; half as much spreads the bend of a joint further over the skin.
_HEAT = 1.0
#: Skin farther (mm) from its bones is warmed like this: the belly would be left to the limbs' heat.
_FAR_MM = 5.0
#: No more bones than this move one vertex, and none by a smaller share.
MOST_BONES, _LEAST_WEIGHT = 4, 0.05
#: Bones of about the same distance (this share farther) warm a vertex alike.
_ALIKE = 0.1
#: A bone that lies more askew than this behind the skin lies no worse; rounds that smooth normals.
_LEAST_COSINE, _NORMAL_ROUNDS = 0.5, 5
#: A way outside the skin counts so much longer; it is looked at in so many places; what is no
#: farther (mm) outside than this may still be inside.
_OUTSIDE, _SAMPLES, _ON_SKIN_MM = 7.0, 8, 0.3
#: A skin whose vertices have a mirrored partner within this share of its size is symmetric.
_SYMMETRIC = 0.005


def skin_weights(surface: Surface, body: BodyModel) -> Floats:
    """Return the weights (V, J) of a skin around the body at rest: rows sum to 1, 4 bones at most.

    `surface` is in the axes of the body's rest joints. Where it is its own mirror image across the
    body's midplane, so are the weights. Raises `InputError` for a surface without triangles or one
    that lies elsewhere than the joints.
    """
    vertices, faces = surface.vertices, surface.faces
    if len(faces) < 4:
        raise InputError(f"a skin of {len(faces)} triangles has no inside")
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    inside = ((body.rest > low) & (body.rest < high)).all(axis=1)
    if inside.mean() < 0.5:
        raise InputError(
            f"{inside.sum()} of {len(body.rest)} joints at rest lie in the box of the skin; the "
            "skin must be in the body's rest pose and axes (see `unpose`)"
        )
    warm, heat = _sources(*bone_distances(surface, body))
    areas = sparse.diags(vertex_areas(vertices, faces) * heat)
    # A vertex without area or edges belongs to its nearest bone.
    matrix = cotangent_laplacian(vertices, faces) + areas + 1e-9 * sparse.identity(len(vertices))
    weights = np.maximum(solved(matrix, areas @ warm + 1e-9 * warm), 0)
    partner = mirror_partners(surface, body)
    if partner is not None:
        weights = (weights + weights[partner][:, list(body.skeleton.mirror)]) / 2
    return cleaned(weights)


def cleaned(weights: Floats) -> Floats:
    """Return weights (V, J) with four bones at most a row, none negative, rows that sum to 1.

    The fifth largest of a row is taken off all of them, so that nothing jumps where one bone
    follows another, and left and right of the midline are treated alike.
    """
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    if weights.shape[1] > MOST_BONES:
        ordered = np.sort(weights, axis=1)
        fifth = ordered[:, -MOST_BONES - 1]
        # Where several bones share the first place there is nothing to take off.
        fifth = np.where(fifth < ordered[:, -1] * (1 - 1e-6), fifth, 0.0)
        least = np.maximum(fifth, np.minimum(_LEAST_WEIGHT, ordered[:, -1] / 2))
        weights = np.maximum(weights - least[:, None], 0)
        rank = np.argsort(np.argsort(-weights, axis=1, kind="stable"), axis=1, kind="stable")
        weights = np.where(rank < MOST_BONES, weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def bone_distances(surface: Surface, body: BodyModel) -> tuple[Floats, Floats]:
    """Return the distance (V, J) mm to each bone at rest, and how straight behind the skin it lies.

    What of the way lies outside the skin counts as eight times as long. The latter (V, J) is the
    square of a cosine, from 1 straight behind to 1/4 at the side or before the skin: the belly,
    nearer to the thighs than to the spine, lies straight before the spine. The root is a point.
    """
    parents = np.maximum(body.skeleton.parents, 0)
    start, way = body.rest[parents], body.bone_vectors
    length = np.maximum((way**2).sum(axis=1), 1e-12)
    arm = surface.vertices[:, None] - start
    along = np.clip(np.einsum("vjx,jx->vj", arm, way) / length, 0, 1)
    inwards = along[..., None] * way - arm
    distance = np.linalg.norm(inwards, axis=2)
    normals = _smooth_normals(surface)
    cosine = -np.einsum("vjx,vx->vj", inwards, normals) / np.maximum(distance, 1e-9)
    behind = np.maximum(cosine, _LEAST_COSINE) ** 2
    # Only the bones that may win are worth looking at.
    far = distance / behind
    worth = far < 4 * far.min(axis=1, keepdims=True)
    vertex, bone = np.nonzero(worth)
    outside = np.ones_like(distance)
    outside[worth] = _outside(surface.vertices[vertex], inwards[vertex, bone], surface, normals)
    return distance * (1 + _OUTSIDE * outside), behind


def _outside(start: Floats, way: Floats, surface: Surface, normals: Floats) -> Floats:
    """Return which share (N,) of the ways from places on the skin lies outside of it."""
    tree = cKDTree(surface.vertices)
    count = np.zeros(len(start))
    for share in (np.arange(_SAMPLES) + 0.5) / _SAMPLES:
        places = start + share * way
        near = nearest(tree, places, 1)[1][:, 0]
        height = ((places - surface.vertices[near]) * normals[near]).sum(axis=1)
        count += height > _ON_SKIN_MM
    return count / _SAMPLES


def _smooth_normals(surface: Surface) -> Floats:
    """Return normals (V, 3) of the skin without its creases, a few edges around."""
    normals = vertex_normals(surface.vertices, surface.faces)
    laplacian = edge_laplacian(surface.faces, len(normals))
    degree = np.maximum(laplacian.diagonal(), 1)[:, None]
    for _ in range(_NORMAL_ROUNDS):
        normals = normals - 0.5 * (laplacian @ normals) / degree
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def mirror_partners(surface: Surface, body: BodyModel) -> Ints | None:
    """Return for each vertex that on the other side of the midplane, None for a skin without.

    The midplane goes through the root, across the body's left.
    """
    left, vertices = body.axes[1], surface.vertices
    away = (vertices - body.rest[0]) @ left
    found = nearest(cKDTree(vertices), vertices - 2 * away[:, None] * left, 1)
    distance, partner = found[0][:, 0], found[1][:, 0]
    size = float(np.ptp(vertices, axis=0).max())
    symmetric = float(np.max(distance)) < _SYMMETRIC * size
    mutual = bool((partner[partner] == np.arange(len(vertices))).all())
    return partner if symmetric and mutual else None


def _sources(distance: Floats, behind: Floats) -> tuple[Floats, Floats]:
    """Return which bones warm a vertex (V, J), rows sum to 1, and how much (V,) per mm^2.

    Distances count for longer the less a bone lies behind the skin. Where none does, as in an ear,
    there is hardly any heat but what comes from around.
    """
    far = distance / behind
    first = np.maximum(far.min(axis=1, keepdims=True), 0.3)
    share = np.clip(1 - (far / first - 1) / _ALIKE, 0, 1)
    share /= share.sum(axis=1, keepdims=True)
    sure = (share * behind).sum(axis=1) ** 2
    return share, sure * _HEAT / np.minimum(first[:, 0], _FAR_MM) ** 2
