"""Bending a placed template to a scan: smooth and coarse first, then fine, then every vertex."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from mousepose.ct.registration.deform import node_graph, solve, solved
from mousepose.ct.registration.deform_mesh import edge_laplacian
from mousepose.ct.registration.register_match import Cloud, Matches, match
from mousepose.ct.registration.register_types import Progress, RegisterConfig
from mousepose.errors import ModelError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Ints

#: A step in which fewer vertices than this find a match has nothing to go by.
_LEAST_MATCHED = 0.02


def cloud_size(points: Floats) -> float:
    """Return the root mean square distance (mm) of points (N, 3) from their middle."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def bend(
    placed: Cloud,
    faces: Ints,
    target: Cloud,
    config: RegisterConfig,
    *,
    layout: Floats | None = None,
    progress: Progress | None = None,
) -> tuple[Floats, Floats]:
    """Return the vertices (V, 3) of a template bent to a scan, and how surely (V,) each matched.

    `placed` holds the template's vertices where they start; its parts and those of the target, if
    both have some, say what may match what. `layout` (V, D) mm is where the vertices lie for the
    purpose of who moves with whom (`node_graph`). Raises `ModelError` where nothing matches.
    """
    size = cloud_size(placed.points)
    steps = sum(level.steps for level in config.levels) + config.projections
    done = 0
    moved = placed.points
    for level in config.levels:
        graph = node_graph(placed.points, level.spacing * size, layout)
        stiffness = np.geomspace(*level.stiffness, level.steps)
        for stiff, reach in zip(
            stiffness.tolist(), np.geomspace(*level.reach, level.steps).tolist(), strict=True
        ):
            found = _matches(moved, placed, faces, target, config, reach * size)
            moved = np.asarray(graph.basis @ solve(graph, found.goals, found.weights, stiff))
            done += 1
            if progress is not None:
                progress("bending the template", done / steps)
    weights = np.zeros(len(moved))
    laplacian = edge_laplacian(faces, len(moved))
    for _ in range(config.projections):
        reach = config.projection_reach * size
        found = _matches(moved, placed, faces, target, config, reach)
        moved = _projected(moved, found, laplacian, config.projection_stiffness)
        weights = found.weights
        done += 1
        if progress is not None:
            progress("bending the template", done / steps)
    return moved, weights


def _matches(
    moved: Floats, placed: Cloud, faces: Ints, target: Cloud, config: RegisterConfig, reach: float
) -> Matches:
    cloud = Cloud(moved, vertex_normals(moved, faces), placed.parts)
    found = match(cloud, target, reach=reach, least_cosine=config.least_cosine, slide=config.slide)
    if (found.weights > 0).mean() < _LEAST_MATCHED:
        raise ModelError(
            f"of the template's {len(moved)} vertices, {int((found.weights > 0).sum())} have a "
            f"place of the scan within {reach:.2g} mm that faces alike; the scan shows something "
            "else, or the start is wrong (give points of the same names in both)"
        )
    return found


def _projected(
    moved: Floats, found: Matches, laplacian: sparse.csr_matrix, stiffness: float
) -> Floats:
    """Return the vertices moved each on its own to its goal, held by their neighbours' moves."""
    weights = sparse.diags(found.weights + 1e-6)
    matrix = weights + stiffness * (laplacian.T @ laplacian)
    ways = np.where(found.weights[:, None] > 0, found.goals - moved, 0.0)
    return np.asarray(moved + solved(matrix, weights @ ways))
