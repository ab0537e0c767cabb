"""Coarse phantoms with their segmentation, made once for all tests that look at them."""

from __future__ import annotations

from functools import cache

from mousepose.ct.phantoms.phantom import Phantom, make_phantom
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.segmentation.segment_types import Segmentation


@cache
def coarse_phantom() -> Phantom:
    """Give a mouse of 0.5 mm voxels on its bed, its tail outside the scan."""
    return make_phantom(3, voxel_mm=0.5, shown="no tail", nose_cone=False)


@cache
def coarse_segmentation() -> Segmentation:
    return segment(coarse_phantom().volume)
