"""The surface of a scan's bone: points on it, and how far any place lies from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.segmentation.segment_shapes import Mask, without_holes
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.types import Floats

#: Edge of the cells of the distance field, mm.
_CELL_MM = 0.25
#: Points kept of a limb's bone surface.
_POINTS = 4000


@dataclass(frozen=True, eq=False)
class BoneSurface:
    """A part of a scan's bone: `points` (N, 3) mm on it and its signed distance field, RAS.

    `voxel_mm` is the longest edge of the scan's voxels.
    """

    points: Floats
    field: NDArray[np.float32]
    gradient: NDArray[np.float32]
    origin: Floats
    voxel_mm: float

    def distance(self, points: Floats) -> tuple[Floats, Floats]:
        """Return how far (N,) mm outside the bone points (N, 3) lie, and the way out (N, 3)."""
        index = ((points - self.origin) / _CELL_MM).T
        gap = ndimage.map_coordinates(self.field, index, order=1, mode="nearest")
        out = np.stack(
            [ndimage.map_coordinates(g, index, order=1, mode="nearest") for g in self.gradient],
            axis=1,
        )
        return np.asarray(gap, dtype=np.float64), np.asarray(out, dtype=np.float64)


def surface_near(
    found: Segmentation, about: Floats, margin: float, *, hollow: bool = False
) -> BoneSurface | None:
    """Return the bone surface in the box about points (N, 3) RAS mm, `margin` mm wider, or None.

    Marrow is filled, unless `hollow`: the skull's inside stays.
    """
    from skimage.measure import marching_cubes

    volume, spacing = found.volume, found.volume.spacing
    low, high = about.min(axis=0) - margin, about.max(axis=0) + margin
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    voxels = volume.to_voxel(corners)
    first = np.clip(np.floor(voxels.min(axis=0)), 0, found.bone.shape).astype(int)
    last = np.clip(np.ceil(voxels.max(axis=0)) + 1, 0, found.bone.shape).astype(int)
    mask = found.bone[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    if 0 in mask.shape or mask.sum() < 20 or min(mask.shape) < 2:
        return None
    solid = mask if hollow else _solid(mask)
    soft = ndimage.gaussian_filter(np.pad(solid, 2).astype(np.float32), 0.12 / spacing)
    vertices, _, _, _ = marching_cubes(soft, 0.5)  # type: ignore[no-untyped-call]
    points = volume.to_world(vertices - 2 + first)
    count = np.ceil((high - low) / _CELL_MM).astype(int) + 1
    to_voxel = np.linalg.inv(volume.T_world_voxel)
    dense = ndimage.affine_transform(
        soft,
        to_voxel[:3, :3] * _CELL_MM,
        offset=to_voxel[:3, :3] @ low + to_voxel[:3, 3] - first + 2,
        output_shape=tuple(count),
        order=1,
        mode="constant",
    )
    inside = dense > 0.5
    signed = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    signed = ndimage.gaussian_filter((signed * _CELL_MM).astype(np.float32), 0.8)
    gradient = np.stack([g / _CELL_MM for g in np.gradient(signed)]).astype(np.float32)
    step = max(1, len(points) // _POINTS)
    return BoneSurface(points[::step], signed, gradient, low, float(spacing.max()))


def _solid(mask: Mask) -> Mask:
    """Return bone with its marrow: closed by a voxel, holes filled."""
    tight = ndimage.binary_closing(np.pad(mask, 2), np.ones((3, 3, 3), dtype=bool))
    inside = ndimage.binary_erosion(without_holes(tight))[2:-2, 2:-2, 2:-2]
    return np.asarray(mask | inside)
