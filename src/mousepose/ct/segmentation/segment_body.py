"""The animal apart from what it lies on, in and under: bed, holder, nose cone, tubes and air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.ct.segmentation.segment_levels import Levels
from mousepose.ct.segmentation.segment_shapes import (
    Mask,
    box_of,
    connected_with,
    filled,
    grow,
    opened,
    parts_of,
    shrink,
)
from mousepose.types import Floats

#: Walls of beds, tubes and cones are thinner than twice this, trunk, head and thighs are thicker.
_WALL_MM = 0.75
#: Paws, ears and tail, which are thin too, reach so far from what is thick or has bone in it.
_REACH_MM = 0.9
#: Skin and muscle over bone in head, paws and tail.
_COVER_MM = 1.3
#: A bed fills so much of the scan's length at the same place, and no part of a mouse does, but
#: for what has the spine or the skull in it.
_BED_FILLS = 0.75
_BED_BONE = 0.15
_BED_SHARE = 0.7
#: Gaps up to twice this are closed before holes are filled: nostrils, mouth, a cut in the lung.
_GAP_MM = 0.6
#: A second part with this share of the first one's volume and of its bone is a second animal.
_SECOND_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Found:
    """The animal on the working grid: its `body`, and how many animals of like size there are."""

    body: Mask
    animals: int


def bed_of(tissue: Mask, bone: Mask, spacing: Floats) -> Mask:
    """Return what fills its place over most of the scan, to an end of it: a bed or a tube.

    Where that is most of what is there (a part of a mouse fills the whole scan), it is nothing.
    """
    columns = (tissue.mean(axis=2) >= _BED_FILLS) & (bone.mean(axis=2) <= _BED_BONE)
    columns &= tissue[..., 0] | tissue[..., -1]
    bed = tissue & columns[:, :, None]
    if not bed.any() or bed.sum() > _BED_SHARE * tissue.sum():
        return np.zeros_like(tissue)
    return np.asarray(bed & ~grow(bone, _COVER_MM, spacing))


def find_body(values: NDArray[np.float32], levels: Levels, spacing: Floats) -> Found:
    """Return the animal among `values` (X, Y, Z), holes (lungs, gas in the gut) filled.

    What is thick and has the most bone in it is the trunk; what is thin (paws, tail, ears) is
    added where bone or the trunk reach it.
    """
    tissue = values > levels.skin
    bone = values > levels.bone
    tissue &= ~bed_of(tissue, bone, spacing)
    thick = opened(tissue, _WALL_MM, spacing)
    labels, sizes = parts_of(thick)
    if len(sizes) < 2:
        return Found(np.zeros_like(tissue), 0)
    bones = np.bincount(labels.ravel(), weights=bone.ravel(), minlength=len(sizes))
    bones[0] = sizes[0] = 0
    # a big part without bone is a bed, a small one of bone alone is a tag: the product tells
    score = np.minimum(bones, 0.2 * sizes) * sizes
    best = int(np.argmax(score)) if score.any() else int(np.argmax(sizes))
    like = (sizes >= _SECOND_SHARE * sizes[best]) & (bones >= _SECOND_SHARE * bones[best])
    core = labels == best
    near_bone = grow(_bone_of(bone, core, spacing), _COVER_MM, spacing) & tissue
    body = core | near_bone
    body |= grow(body, _REACH_MM, spacing) & tissue
    body = connected_with(body, core)
    return Found(filled(body, _GAP_MM, spacing), int(like.sum()) if bones[best] else 1)


def _bone_of(bone: Mask, core: Mask, spacing: Floats) -> Mask:
    """Return the bone in the trunk and what hangs on it by gaps below 1.5 mm: paws, tail."""
    box = box_of(core | bone, 2.0, spacing)
    joined, seeds = grow(bone[box], 0.75, spacing), core[box] & bone[box]
    out = np.zeros_like(bone)
    out[box] = connected_with(joined, seeds) & bone[box]
    return out


def without_cone(body: Mask, bone: Mask, head: Mask, spacing: Floats) -> Mask:
    """Return the body without what is held against its head: a nose cone or a mask.

    In the region `head`, only what lies within reach of the hull of bone stays, with thin sheets
    that hang on it (ears).
    """
    if not head.any():
        return body
    hull = filled(bone & head, 1.0, spacing)
    kept = grow(hull, 2.2, spacing)
    far = body & head & ~kept
    sheets = far & ~opened(far, 0.5, spacing)
    out = np.asarray(body & ~far)
    ears = connected_with(sheets | out, shrink(out, 0.3, spacing)) & sheets
    return filled(np.asarray(out | ears), 0.0, spacing)
