"""One surface laid on another, point for point: skulls and bodies by the same steps.

A similarity first, then a smooth deformation that grows finer and softer while the matches are
found anew (Amberg, Romdhani, Vetter, Optimal step nonrigid ICP algorithms for surface registration,
2007), and last each vertex on its own, held by its neighbours.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from mousepose.ct.registration.deform import nearest
from mousepose.ct.registration.deform_mesh import surface_distance
from mousepose.ct.registration.register_bend import bend, cloud_size
from mousepose.ct.registration.register_match import Cloud
from mousepose.ct.registration.register_start import find_start, start_from_points
from mousepose.ct.registration.register_types import Progress, RegisterConfig, Registration
from mousepose.ct.types import NamedPoints, Surface
from mousepose.errors import InputError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats

#: A point goes with this many vertices of the template around it.
_CARRIERS = 24


def register_surface(
    template: Surface,
    target: Surface,
    *,
    template_points: NamedPoints | None = None,
    target_points: NamedPoints | None = None,
    config: RegisterConfig | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Return `template` laid on `target`, which may hold much that the template does not.

    With points of the same names in both the template starts where these say; else any pose is
    tried. Turning, moving or scaling the scan does the same to the result. Raises `InputError` for
    surfaces without triangles or points that are not enough, `ModelError` where nothing matches.
    """
    config = config or RegisterConfig()
    here, there = (as_cloud(s, name) for s, name in ((template, "template"), (target, "scan")))
    notes: tuple[str, ...] = ()
    if template_points is not None and target_points is not None:
        start, share = start_from_points(template_points, target_points), 1.0
    else:
        start, share = find_start(here, there, cloud_size(here.points))
        if share < config.least_share:
            notes = (
                f"only {share:.0%} of the template had found a place in the scan before it was "
                "bent: look at the result, or give points of the same names in both",
            )
    placed = Cloud(start.apply(here.points), start.turn(here.normals))
    vertices, matched = bend(
        placed, template.faces, there, config,
        layout=start.scale * template.vertices, progress=progress,
    )  # fmt: skip
    error = surface_distance(vertices, target)
    return Registration(template, vertices, error, matched, start, share, notes)


def as_cloud(surface: Surface, name: str) -> Cloud:
    """Return the vertices and normals of a surface, called `name` where it is none.

    Raises `InputError` for a surface without triangles or with places that are no numbers.
    """
    if len(surface.faces) < 4:
        raise InputError(f"the {name} has {len(surface.faces)} triangles; expected a surface")
    if not np.isfinite(surface.vertices).all():
        raise InputError(f"the {name} has vertices that are no numbers")
    used = np.unique(surface.faces)
    normals = vertex_normals(surface.vertices, surface.faces)
    if len(used) < len(surface.vertices) and name != "template":
        return Cloud(surface.vertices[used], normals[used])
    return Cloud(surface.vertices, normals)


def carry_points(points: Floats, before: Floats, after: Floats) -> Floats:
    """Return `points` (N, 3) moved as the vertices around them went from `before` to `after`.

    An affine map is fitted to the nearest vertices (V, 3), the nearer the heavier (Schaefer,
    McPhail, Warren, Image deformation using moving least squares, 2006), so points need not lie on
    the surface.
    """
    distance, near = nearest(cKDTree(before), points, _CARRIERS)
    weight = 1 / (distance + 0.1 * distance[:, -1:] + 1e-9) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    middle = np.einsum("nk,nkd->nd", weight, before[near])
    goal = np.einsum("nk,nkd->nd", weight, after[near])
    here, there = before[near] - middle[:, None], after[near] - goal[:, None]
    # Held to a similarity by a tenth of the spread: vertices around a point may lie in a plane.
    spread = np.einsum("nk,nki,nkj->nij", weight, here, here)
    cross = np.einsum("nk,nki,nkj->nij", weight, here, there)
    turn, size = _turns(cross), np.trace(spread, axis1=1, axis2=2)
    scale = np.einsum("nij,nij->n", turn, cross) / np.maximum(size, 1e-30)
    cross = cross + (0.1 * size * scale)[:, None, None] * turn
    hold = (0.1 * size + 1e-12)[:, None, None] * np.eye(3)
    linear = np.linalg.solve(spread + hold, cross)
    return np.asarray(goal + np.einsum("ni,nij->nj", points - middle, linear))


def _turns(cross: Floats) -> Floats:
    """Return the rotations (N, 3, 3), for rows, that fit each cross covariance (N, 3, 3) best."""
    left, _, right = np.linalg.svd(cross)
    sign = np.sign(np.linalg.det(left @ right))
    left = left * np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=1)[:, None]
    return np.asarray(left @ right)
