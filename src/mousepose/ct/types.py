"""What the CT pipeline passes on: volumes, surfaces and named points, all in RAS millimetres.

World axes are RAS: +x to the animal's right, +y anterior (ventral, for a mouse), +z superior (to
its nose). A volume read from any file is turned so that its own axes follow these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.errors import ModelError
from mousepose.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan: `values` (X, Y, Z) and `T_world_voxel` (4, 4), voxel indices to RAS mm.

    `hounsfield` says whether the values are Hounsfield units (water 0, air -1000) or only grow
    with them. Raises `ModelError` where the fields do not fit together.
    """

    values: NDArray[np.int16] | NDArray[np.float32] | NDArray[np.uint8]
    T_world_voxel: Floats
    hounsfield: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or 0 in self.values.shape:
            raise ModelError(f"volume {self.name!r}: expected (X, Y, Z), got {self.values.shape}")
        if self.T_world_voxel.shape != (4, 4) or not np.isfinite(self.T_world_voxel).all():
            raise ModelError(f"volume {self.name!r}: expected a finite 4 x 4 T_world_voxel")
        if not (self.spacing > 0).all():
            raise ModelError(f"volume {self.name!r}: every spacing must be positive")

    @property
    def spacing(self) -> Floats:
        """Return the distance (3,) mm between neighbouring voxels along each axis."""
        return np.asarray(np.linalg.norm(self.T_world_voxel[:3, :3], axis=0))

    def to_world(self, voxels: ArrayLike) -> Floats:
        """Return RAS mm (*B, 3) of voxel indices (*B, 3); whole numbers are voxel centres."""
        return np.asarray(
            np.asarray(voxels) @ self.T_world_voxel[:3, :3].T + self.T_world_voxel[:3, 3]
        )

    def to_voxel(self, points: ArrayLike) -> Floats:
        """Return voxel indices (*B, 3) of points (*B, 3) in RAS mm."""
        shifted = np.asarray(points) - self.T_world_voxel[:3, 3]
        return np.asarray(shifted @ np.linalg.inv(self.T_world_voxel[:3, :3]).T)


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh: `vertices` (V, 3) RAS mm, `faces` (F, 3) from 0, counted from outside.

    Raises `ModelError` where the fields do not fit together.
    """

    vertices: Floats
    faces: Ints

    def __post_init__(self) -> None:
        for name, array in (("vertices", self.vertices), ("faces", self.faces)):
            if array.ndim != 2 or array.shape[1] != 3:
                raise ModelError(f"surface {name}: expected (N, 3), got {array.shape}")
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < len(self.vertices):
            raise ModelError(f"surface faces name vertices outside 0..{len(self.vertices) - 1}")


@dataclass(frozen=True, eq=False)
class NamedPoints:
    """Named places: `points` (N, 3) RAS mm, NaN where not found, `confidence` (N,) in 0-1.

    Raises `ModelError` where the fields do not fit together.
    """

    names: tuple[str, ...]
    points: Floats
    confidence: Floats

    def __post_init__(self) -> None:
        count = len(self.names)
        if self.points.shape != (count, 3) or self.confidence.shape != (count,):
            raise ModelError(
                f"{count} named points need points ({count}, 3) and confidence ({count},), "
                f"got {self.points.shape} and {self.confidence.shape}"
            )
        if len(set(self.names)) != count:
            raise ModelError(f"points named twice: {', '.join(self.names)}")
