"""How good a surface is: closed, smooth, free of folds; and how large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.ct.surfaces.surface_crossings import crossing_faces
from mousepose.ct.surfaces.surface_parts import part_volumes
from mousepose.ct.types import Surface
from mousepose.types import Floats


@dataclass(frozen=True)
class SurfaceMeasures:
    """Size and quality of a surface.

    `euler_characteristic` is 2 for each closed part without handles, two less for each handle.
    `watertight`: each edge has two faces that run along it in opposite directions. `minimum_angle`
    is the smallest corner of a triangle, deg, and `median_minimum_angle` the median of each
    triangle's smallest. `self_intersections` counts pairs of faces that cross.
    """

    volume_mm3: float
    area_mm2: float
    vertices: int
    faces: int
    parts: int
    watertight: bool
    euler_characteristic: int
    minimum_angle: float
    median_minimum_angle: float
    self_intersections: int


def measured(surface: Surface) -> SurfaceMeasures:
    """Return the measures of a surface."""
    angles = triangle_angles(surface).min(axis=1) if len(surface.faces) else np.zeros(1)
    parts, volumes = part_volumes(surface)
    return SurfaceMeasures(
        volume_mm3=float(volumes.sum()),
        area_mm2=area(surface),
        vertices=len(surface.vertices),
        faces=len(surface.faces),
        parts=int(parts.max()) + 1 if len(parts) else 0,
        watertight=is_watertight(surface),
        euler_characteristic=euler_characteristic(surface),
        minimum_angle=float(np.rad2deg(angles.min())),
        median_minimum_angle=float(np.rad2deg(np.median(angles))),
        self_intersections=len(crossing_faces(surface)),
    )


def area(surface: Surface) -> float:
    """Return the surface's area in mm^2."""
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2


def is_watertight(surface: Surface) -> bool:
    """Tell whether every edge lies between two faces, once in each direction."""
    starts = surface.faces.ravel()
    stops = np.roll(surface.faces, -1, axis=1).ravel()
    count = len(surface.vertices)
    there, back = np.sort(starts * count + stops), np.sort(stops * count + starts)
    # Each half-edge once, and each has its opposite.
    return bool(there.size > 0 and (np.diff(there) > 0).all() and (there == back).all())


def euler_characteristic(surface: Surface) -> int:
    """Return vertices - edges + faces, of the vertices that faces use."""
    edges = np.sort(
        np.stack([surface.faces.ravel(), np.roll(surface.faces, -1, axis=1).ravel()], axis=1)
    )
    used = len(np.unique(surface.faces))
    return used - len(np.unique(edges, axis=0)) + len(surface.faces)


def triangle_angles(surface: Surface) -> Floats:
    """Return the angles (F, 3) rad at the corners of each face."""
    corners = surface.vertices[surface.faces]
    to_next = np.roll(corners, -1, axis=1) - corners
    to_last = np.roll(corners, 1, axis=1) - corners
    cross = np.linalg.norm(np.cross(to_next, to_last), axis=2)
    return np.asarray(np.arctan2(cross, (to_next * to_last).sum(axis=2)))
