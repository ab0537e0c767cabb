"""What lies around an animal in a scanner: a curved bed, tubes under it, a nose cone.

Everything is a distance (mm, negative inside the plastic) on a lattice in RAS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.ct.anatomy.anatomy_solids import Grid3, Lattice
from mousepose.types import Floats

#: Where the bed lies seen from the animal: belly down, back down, or on a side (RAS x and y).
LYING = {
    "prone": (0.0, 1.0), "supine": (0.0, -1.0), "left side": (-1.0, 0.0), "right side": (1.0, 0.0),
}  # fmt: skip
#: Air (mm) between the lowest point of the animal and the bed: fur.
_CLEARANCE = 0.15
_BED_WALL, _CONE_WALL, _TUBE_WALL = 1.2, 1.0, 0.5
#: Room (mm) between the animal and the edge of the bed.
_EDGE = 2.0


@dataclass(frozen=True)
class Bed:
    """A trough from `start` mm on; its axis along z at `centre` (2,), its bottom to `down` (2,)."""

    centre: tuple[float, float]
    down: tuple[float, float]
    radius: float
    half_width: float
    start: float

    @classmethod
    def under(cls, skin: Floats, lying: str, roominess: float) -> Bed:
        """Return the trough that just carries the points `skin` (N, 3).

        Its radius is `roominess` times half the width of what lies in it.
        """
        down = np.array(LYING[lying])
        across = np.array([-down[1], down[0]])
        beside, depth = skin[:, :2] @ across, skin[:, :2] @ down
        middle = 0.5 * (beside.max() + beside.min())
        half_width = 0.5 * float(np.ptp(beside)) + _CLEARANCE
        radius = roominess * half_width
        sag = np.sqrt(np.maximum(radius**2 - (beside - middle) ** 2, 0.0))
        height = float((depth - sag).max()) + _CLEARANCE
        x, y = (float(v) for v in middle * across + height * down)
        return cls(
            centre=(x, y),
            down=(float(down[0]), float(down[1])),
            radius=radius,
            half_width=half_width + _EDGE,
            start=float(skin[:, 2].min()),
        )

    @property
    def lowest(self) -> Floats:
        """Return the lowest point (2,) of the bed's outside."""
        return np.array(self.centre) + (self.radius + _BED_WALL) * np.array(self.down)

    def distance(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to the plastic: the lower part of a pipe."""
        x, y = _plane(lattice)
        dx, dy = x - self.centre[0], y - self.centre[1]
        wall = np.abs(np.hypot(dx, dy) - self.radius - 0.5 * _BED_WALL) - 0.5 * _BED_WALL
        outside = np.abs(dx * self.down[1] - dy * self.down[0]) - self.half_width
        above = -(dx * self.down[0] + dy * self.down[1])
        return _from(self.start, np.maximum(np.maximum(wall, outside), above), lattice)

    def tube_distance(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to two thin tubes that run along under the bed."""
        x, y = _plane(lattice)
        across = (-self.down[1], self.down[0])
        nearest = np.full_like(x, np.inf)
        for side in (-0.3, 0.3):
            reach = self.radius + _BED_WALL + 1.6
            turn = (np.cos(side), np.sin(side))
            cx, cy = (
                self.centre[k] + reach * (turn[0] * self.down[k] + turn[1] * across[k])
                for k in (0, 1)
            )
            ring = np.abs(np.hypot(x - cx, y - cy) - 1.25) - 0.5 * _TUBE_WALL
            nearest = np.minimum(nearest, ring)
        return _from(self.start, nearest, lattice)


@dataclass(frozen=True)
class NoseCone:
    """A short tube around the snout, along z from `start` mm on, its axis through `centre` (2,)."""

    centre: tuple[float, float]
    start: float
    radius: float

    def distance(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to the plastic."""
        x, y = _plane(lattice)
        ring = np.hypot(x - self.centre[0], y - self.centre[1]) - self.radius - 0.5 * _CONE_WALL
        wall = np.abs(ring) - 0.5 * _CONE_WALL
        return _from(self.start, wall, lattice)


def _plane(lattice: Lattice) -> tuple[Floats, Floats]:
    x, y = (
        lattice.origin[k] + lattice.step[k] * np.arange(lattice.shape[k], dtype=np.float64)
        for k in (0, 1)
    )
    return x[:, None] + 0 * y[None, :], 0 * x[:, None] + y[None, :]


def _from(start: float, plane: Floats, lattice: Lattice) -> Grid3:
    """Return a distance (X, Y) along z (X, Y, Z), for a thing that begins at `start` mm."""
    z = lattice.origin[2] + lattice.step[2] * np.arange(lattice.shape[2], dtype=np.float32)
    plane = np.asarray(plane, np.float32)
    before = np.float32(start) - z.astype(np.float32)
    return np.asarray(np.maximum(plane[..., None], before), np.float32)
