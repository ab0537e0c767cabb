"""Bone in the body: a threshold that follows cupping and noise; metal and specks are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.segmentation.segment_levels import Levels
from mousepose.ct.segmentation.segment_shapes import Blocks, Mask, grow, parts_of
from mousepose.types import Floats

#: Soft tissue is averaged over this to see cupping (beam hardening) and the shade of streaks.
_SHADE_MM = 3.0
_SHADE_CELL_MM = 0.7
#: Thin bone below the threshold counts down to this part of the step from tissue to the threshold,
#: where it hangs on bone above it.
_WEAK = 0.75
#: Noise up to this share of the step from tissue to bone needs no smoothing.
_NOISE_SHARE = 0.12
#: A scan's densest bone (enamel) is rarely above so many steps from tissue to the bone threshold.
_METAL_STEPS = 6.0
_METAL_HALO_MM = 0.6
#: Pieces of bone below this volume (mm^3) are specks, whatever the voxel.
_SPECK_MM3 = 0.02
_SPECK_VOXELS = 3


def smoothed(values: NDArray[np.float32], levels: Levels) -> NDArray[np.float32]:
    """Return `values` smoothed just so much that noise stays far below the step to bone."""
    share = levels.noise / max(levels.bone - levels.tissue, 1e-6)
    if share <= _NOISE_SHARE:
        return values
    # a 3-D Gaussian of sigma s voxels leaves (4 pi s^2)^(-3/4) of white noise's deviation
    sigma = np.sqrt((share / _NOISE_SHARE) ** (4 / 3) / (4 * np.pi))
    return np.asarray(ndimage.gaussian_filter(values, min(float(sigma), 1.0)))


def flattened(
    values: NDArray[np.float32], body: Mask, levels: Levels, spacing: Floats
) -> NDArray[np.float32]:
    """Return `values` less how far the soft tissue around lies from the body's own level."""
    top = levels.tissue + 0.5 * (levels.bone - levels.tissue)
    low = levels.skin + 0.5 * (levels.tissue - levels.skin)
    soft = body & (values > low) & (values < top)
    blocks = Blocks.of(values.shape, spacing, _SHADE_CELL_MM)
    weight = blocks.mean(soft.astype(np.float32))
    total = blocks.mean(np.where(soft, values - levels.tissue, 0).astype(np.float32))
    sigma = _SHADE_MM / blocks.spacing
    blurred = ndimage.gaussian_filter(weight, sigma)
    shade = ndimage.gaussian_filter(total, sigma) / np.maximum(blurred, 0.02)
    return np.asarray(values - blocks.fine(shade))


def metal_of(values: NDArray[np.float32], levels: Levels, spacing: Floats) -> Mask:
    """Return metal (ear tags, transponders, clips) and the glare around it."""
    limit = levels.tissue + _METAL_STEPS * (levels.bone - levels.tissue)
    metal = values > limit
    if not metal.any():
        return np.asarray(metal)
    return grow(metal, _METAL_HALO_MM, spacing)


def find_bone(
    values: NDArray[np.float32], near: Mask, levels: Levels, spacing: Floats
) -> tuple[Mask, Mask]:
    """Return bone and metal (X, Y, Z) `near` the body; `values` are smoothed and flattened."""
    metal = metal_of(values, levels, spacing) & near
    weak = levels.tissue + _WEAK * (levels.bone - levels.tissue)
    labels, sizes = parts_of((values > weak) & near & ~metal)
    strong = np.zeros(len(sizes), dtype=bool)
    strong[np.unique(labels[(values > levels.bone) & near])] = True
    least = max(_SPECK_VOXELS, int(_SPECK_MM3 / spacing.prod()))
    kept = strong & (sizes >= least)
    kept[0] = False
    return np.asarray(kept[labels]), metal
