"""The skin of the parametric mouse at rest as a closed, symmetric mesh with skin weights."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy import Anatomy, mouse_anatomy
from mousepose.ct.anatomy.anatomy_solids import Lattice, part_distances
from mousepose.ct.anatomy.flesh_flip import flipped
from mousepose.ct.scans.scan_errors import library
from mousepose.errors import ModelError
from mousepose.types import Floats, Ints

#: Rounds of evening out the triangles, and by how much each vertex goes to its neighbours' middle.
_ROUNDS, _PACE = 12, 0.5
#: Step (mm) of the differences that give the direction out of the skin.
_PROBE = 0.02
#: How fast (mm) a part of the flesh loses its hold on the skin; rounds of smoothing that hold.
_HOLD, _SPREAD = 0.8, 12
#: Bones that may move one vertex.
_MOST_BONES = 4


def template_skin(
    body: BodyModel, *, vertices: int = 7000, step_mm: float = 0.25, build: float = 0.0
) -> Mesh:
    """Return the skin of `body` at rest: about `vertices` of them, left and right alike, closed.

    The left half is cut from its field at `step_mm`, decimated, evened out along the surface and
    mirrored. The weights come from the parts of the flesh that lie near: provisional, at most four
    bones each. Raises `ModelError` for a body whose midplane is not y = 0.
    """
    if not np.allclose(body.axes, np.eye(3)) or abs(float(body.rest[0, 1])) > 1e-9:
        raise ModelError(f"body {body.name!r}: expected x forward, y left and y = 0 its midplane")
    anatomy = mouse_anatomy(body, body.rest_pose(), build=build)
    points, faces = _half(anatomy, step_mm)
    points, faces = _decimated(points, faces, vertices)
    points, faces = _evened(points, faces, anatomy)
    weights = _weights(points, faces, anatomy, body)
    return _mirrored(points, faces, weights, np.array(body.skeleton.mirror))


def _half(anatomy: Anatomy, step: float) -> tuple[Floats, Ints]:
    """Return the skin's left half, open at y = 0."""
    marching_cubes = library("making a skin", "skimage.measure").marching_cubes
    low, high = anatomy.box
    lattice = Lattice.around(np.array([low[0], 0.0, low[2]]), high, step)
    points, faces, _, _ = marching_cubes(anatomy.skin_field(lattice), 0.0)
    return np.asarray(lattice.origin + points * lattice.step, np.float64), faces.astype(np.int64)


def _decimated(points: Floats, faces: Ints, vertices: int) -> tuple[Floats, Ints]:
    """Return the half with half of the `vertices`; its border stays on y = 0."""
    simplify = library("making a skin", "fast_simplification").simplify
    scale = 0.01  # numbers near 1 suit the library's tolerances
    # A closed mesh has twice as many triangles as vertices, and a half of it half as many.
    fewer, kept = simplify(points * scale, faces.astype(np.int32), target_count=vertices, agg=3.0)
    fewer = np.asarray(fewer, np.float64) / scale
    fewer[np.abs(fewer[:, 1]) < 1e-4, 1] = 0.0
    used, kept = np.unique(kept, return_inverse=True)
    return fewer[used], kept.reshape(-1, 3).astype(np.int64)


def _evened(points: Floats, faces: Ints, anatomy: Anatomy) -> tuple[Floats, Ints]:
    """Return the vertices moved along the skin to the middle of their neighbours, and onto it.

    Edges are turned as they come to lie better the other way.
    """
    border = points[:, 1] == 0.0
    for _ in range(_ROUNDS):
        faces = flipped(points, faces)
        mean = _neighbours(faces, border)
        out = _outward(points, anatomy)
        away = mean @ points - points
        away -= (away * out).sum(axis=1, keepdims=True) * out
        points = points + _PACE * away
        points -= anatomy.skin_distance(points)[:, None] * out
        points[border, 1] = 0.0
    return points, flipped(points, faces)


def _outward(points: Floats, anatomy: Anatomy) -> Floats:
    """Return the direction (V, 3) in which the distance to the skin grows."""
    steps = _PROBE * np.eye(3)
    slope = np.stack(
        [anatomy.skin_distance(points + s) - anatomy.skin_distance(points - s) for s in steps], 1
    )
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12))


def _neighbours(faces: Ints, border: np.ndarray) -> sparse.csr_array:
    """Return the mean over neighbours (V, V); of the border over those on it only."""
    count = len(border)
    first = faces.ravel()
    second = np.roll(faces, -1, axis=1).ravel()
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    kept = ~border[first] | border[second]
    pairs = np.unique(np.stack([first[kept], second[kept]]), axis=1)
    links = sparse.csr_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), (count, count))
    return sparse.csr_array(sparse.diags_array(1 / np.maximum(links.sum(axis=1), 1)) @ links)


def _weights(points: Floats, faces: Ints, anatomy: Anatomy, body: BodyModel) -> Floats:
    """Return weights (V, J): the bones of the flesh that lies near, smoothed along the skin."""
    distances = np.concatenate(
        [part_distances(points, anatomy.soft), part_distances(points, anatomy.fine)], axis=1
    )
    riding = np.concatenate([anatomy.soft_bones, anatomy.fine_bones])
    hold = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / _HOLD)
    weights = hold @ riding
    weights /= weights.sum(axis=1, keepdims=True)
    mirror = np.array(body.skeleton.mirror)
    border = points[:, 1] == 0.0
    mean = _neighbours(faces, np.zeros(len(points), bool))
    for _ in range(_SPREAD):
        # On the midline the other side's neighbours count as much as these.
        weights[border] = 0.5 * (weights[border] + weights[border][:, mirror])
        weights = 0.5 * (weights + mean @ weights)
    weights[border] = 0.5 * (weights[border] + weights[border][:, mirror])
    return _few(weights)


def _few(weights: Floats) -> Floats:
    """Return the weights with at most the largest four of each row, which sum to 1."""
    # Left and right tie on the midline: both stay or both go.
    fifth = np.sort(weights, axis=1)[:, -_MOST_BONES - 1][:, None]
    kept = np.where(weights > np.maximum(fifth, 1e-3), weights, 0.0)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))


def _mirrored(points: Floats, faces: Ints, weights: Floats, mirror: Ints) -> Mesh:
    """Return the half and its mirror image as one closed mesh; they share the border."""
    inner = points[:, 1] != 0.0
    other = np.arange(len(points))
    other[inner] = len(points) + np.arange(inner.sum())
    reflected = points[inner] * np.array([1.0, -1.0, 1.0])
    return Mesh(
        vertices=np.concatenate([points, reflected]),
        faces=np.concatenate([faces, other[faces[:, ::-1]]]),
        weights=np.concatenate([weights, weights[inner][:, mirror]]),
    )
