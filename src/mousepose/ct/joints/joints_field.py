"""Bone as a smooth density on an even grid: what limbs and spine are traced in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.segmentation.segment_shapes import Mask, box_of
from mousepose.ct.types import Volume
from mousepose.types import Floats

#: Edge of the grid's cells, mm.
STEP_MM = 0.4
#: Width of the kernel: a shaft of 1.4 mm has one ridge at its axis, whether it is hollow or not.
SOFT_MM = 0.45
_MARGIN_MM = 3.0
#: Density at which a mm of bone counts as one, and what a mm of soft tissue counts for.
_FULL = 0.35
_TISSUE_COST = 14.0
_FAR_MM = 3.0
#: Cells that make one, per axis, where ways are looked for.
_COARSER = 2


@dataclass(frozen=True, eq=False)
class BoneField:
    """The share of bone (X, Y, Z) around each cell, 0-1; cell (0, 0, 0) stands at `origin` mm.

    Its axes are RAS: the scan was turned on the way.
    """

    density: NDArray[np.float32]
    origin: Floats
    step: float = STEP_MM

    @classmethod
    def of(cls, volume: Volume, mask: Mask, about: Floats | None = None) -> BoneField:
        """Return the field of a mask (X, Y, Z) that is not empty, of the box about (N, 3) mm.

        Without `about`, of the box about the mask.
        """
        spacing, extra = volume.spacing, np.ceil(_MARGIN_MM / volume.spacing).astype(int)
        if about is None:
            box = box_of(mask, _MARGIN_MM, spacing)
            low = np.array([s.start for s in box])
            high = np.minimum([s.stop for s in box], mask.shape)
        else:
            voxels = volume.to_voxel(about)
            low = np.clip(np.floor(voxels.min(axis=0)).astype(int) - extra, 0, mask.shape)
            high = np.clip(np.ceil(voxels.max(axis=0)).astype(int) + extra, 0, mask.shape)
            x, y, z = (slice(a, b) for a, b in zip(low, high, strict=True))
            box = x, y, z
        share, factor = _coarser(mask[box], spacing)
        # what the blocks' means smooth already is left out of the kernel
        left = np.sqrt(np.maximum(SOFT_MM**2 - (factor**2 - 1) / 12 * spacing**2, 0.0))
        soft = ndimage.gaussian_filter(share, left / (factor * spacing))
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        world = volume.to_world(corners)
        origin = world.min(axis=0)
        count = np.ceil(np.ptp(world, axis=0) / STEP_MM).astype(int) + 1
        to_voxel = np.linalg.inv(volume.T_world_voxel)[:3]
        first = to_voxel[:, :3] @ origin + to_voxel[:, 3] - low
        density = ndimage.affine_transform(
            soft,
            to_voxel[:, :3] * STEP_MM / factor[:, None],
            offset=(first - (factor - 1) / 2) / factor,
            output_shape=tuple(count),
            order=1,
            mode="constant",
        )
        return cls(np.asarray(density, dtype=np.float32), origin)

    def at(self, points: Floats) -> Floats:
        """Return the density (*B,) at points (*B, 3) mm; 0 outside the grid."""
        index = ((points - self.origin) / self.step).reshape(-1, 3).T
        found = ndimage.map_coordinates(self.density, index, order=1, mode="constant")
        return np.asarray(found, dtype=np.float64).reshape(points.shape[:-1])

    def along(self, start: Floats, end: Floats, samples: int) -> Floats:
        """Return the density (*B, `samples`) at even places from `start` to `end` (*B, 3) mm."""
        share = np.linspace(0.0, 1.0, samples)[:, None]
        return self.at(start[..., None, :] * (1 - share) + end[..., None, :] * share)

    def ways_from(self, seeds: Floats) -> BoneField:
        """Return a field of the shortest way (mm) from `seeds` (N, 3) mm through bone, coarser.

        A mm through soft tissue counts up to `_TISSUE_COST` times a mm of bone, and more far from
        any; what lies more than `_FAR_MM` from bone cannot be reached and is infinitely far.
        """
        from skimage.graph import MCP_Geometric

        step = _COARSER * self.step
        padded = np.pad(self.density, [(0, -n % _COARSER) for n in self.density.shape])
        shape = [size for n in padded.shape for size in (n // _COARSER, _COARSER)]
        dense = padded.reshape(shape).max(axis=(1, 3, 5))
        cost = 1 / np.clip(dense / _FULL, 1 / _TISSUE_COST, 1.0)
        gap = ndimage.distance_transform_edt(dense < 0.05) * step
        cost = np.where(gap > _FAR_MM, -1.0, cost * (1 + gap))
        coarse = BoneField(dense, self.origin + 0.5 * (step - self.step), step)
        start = coarse.index_of(seeds)
        start = start[cost[tuple(start.T)] > 0]
        found, _ = MCP_Geometric(cost).find_costs([tuple(row) for row in start])
        return BoneField(np.asarray(found * step, dtype=np.float32), coarse.origin, step)

    def index_of(self, points: Floats) -> NDArray[np.int64]:
        """Return the cell (*B, 3) nearest to points (*B, 3) mm."""
        index = np.round((points - self.origin) / self.step).astype(np.int64)
        return np.clip(index, 0, np.array(self.density.shape) - 1)

    def nearest(self, points: Floats) -> Floats:
        """Return the value (*B,) of the cell nearest to points (*B, 3) mm."""
        index = np.moveaxis(self.index_of(points), -1, 0)
        return np.asarray(self.density[tuple(index)], dtype=np.float64)

    def cells(self, least: float) -> Floats:
        """Return the middles (N, 3) mm of the cells with at least that density."""
        return np.asarray(np.argwhere(self.density >= least) * self.step + self.origin)


def _coarser(mask: Mask, spacing: Floats) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the share of bone in blocks of voxels no longer than a cell, and their sizes (3,)."""
    factor = np.maximum(np.floor(STEP_MM / spacing + 1e-6), 1).astype(np.int64)
    share = np.pad(mask, [(0, int(-n % f)) for n, f in zip(mask.shape, factor, strict=True)])
    total = share.astype(np.float32)
    for axis, size in enumerate(factor):
        split = np.moveaxis(total, axis, 0)
        layers = np.stack([split[k::size] for k in range(size)])
        total = np.moveaxis(layers.mean(axis=0, dtype=np.float32), 0, axis)
    return total, factor
