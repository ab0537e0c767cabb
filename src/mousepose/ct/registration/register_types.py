"""How a template is laid on a scan, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mousepose.ct.types import Surface
from mousepose.types import Floats

#: Called with what is being done and which share of it, from 0 to 1, is.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Level:
    """One grain of the deformation; lengths are shares of the template's size.

    `spacing` of the nodes and `steps` of matching and solving, during which `stiffness` (square
    misfit for square difference of neighbours) and `reach` of matches go from first to last.
    """

    spacing: float
    steps: int
    stiffness: tuple[float, float]
    reach: tuple[float, float]


#: From coarse to fine. Size is the root mean square distance from the middle: 6.5 mm for a skull.
LEVELS = (
    Level(0.50, 12, (15.0, 0.8), (0.25, 0.18)),
    Level(0.25, 12, (5.0, 0.25), (0.18, 0.12)),
    Level(0.14, 10, (1.5, 0.08), (0.12, 0.08)),
)


@dataclass(frozen=True)
class RegisterConfig:
    """How a template is bent to a scan."""

    levels: tuple[Level, ...] = LEVELS
    #: Of the way along the surface, how much a match leaves free (1: point to plane).
    slide: float = 0.7
    #: Cosine between normals under which two places do not match.
    least_cosine: float = 0.3
    #: Times each vertex is moved on its own in the end, and how far it sees, a share of the size.
    projections: int = 3
    projection_reach: float = 0.06
    #: Square misfit for square difference of a vertex's move from its neighbours'.
    projection_stiffness: float = 5.0
    #: A template of which less than this share finds a place from the start is not in the scan.
    least_share: float = 0.3


@dataclass(frozen=True, eq=False)
class Similarity:
    """x goes to scale * rotation @ x + shift: `rotation` (3, 3), `shift` (3,) mm."""

    rotation: Floats
    scale: float
    shift: Floats

    def apply(self, points: Floats) -> Floats:
        """Return points (*B, 3) where they go."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)

    def turn(self, normals: Floats) -> Floats:
        """Return directions (*B, 3) where they point then."""
        return np.asarray(normals @ self.rotation.T)


@dataclass(frozen=True, eq=False)
class Registration:
    """A template laid on a scan: `vertices` (V, 3) mm, vertex for vertex those of `template`.

    `error` (V,) mm is the distance of each from the scan's surface, `start` the similarity that it
    began with and `share` 0-1 how much of the template had found its place there. `matched` (V,)
    0-1 is how surely each vertex found its place in the end; those at 0 went with their neighbours.
    `notes` tell what a person should look at.
    """

    template: Surface
    vertices: Floats
    error: Floats
    matched: Floats
    start: Similarity
    share: float
    notes: tuple[str, ...] = ()
