"""A scan's animal and its bones, with a verdict in plain words on what can be done with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.segmentation.segment_body import find_body, without_cone
from mousepose.ct.segmentation.segment_bone import find_bone, flattened, smoothed
from mousepose.ct.segmentation.segment_levels import (
    Levels,
    air_and_tissue,
    bone_threshold,
    is_even,
    noise_of,
)
from mousepose.ct.segmentation.segment_shapes import NEIGHBOURS, Blocks, Mask, box_of, without_holes
from mousepose.ct.segmentation.segment_skull import Braincase, find_braincase
from mousepose.ct.segmentation.segment_types import Progress, Segmentation
from mousepose.ct.segmentation.segment_verdict import notes_on
from mousepose.ct.types import Volume
from mousepose.errors import InputError
from mousepose.types import Floats

#: The body is found on voxels of about this size; the skin is then drawn on the scan's own.
_WORKING_MM = 0.5
#: The head, which a cone may hold, begins so far from the middle of the brain.
_NAPE_MM = -2.0

Box = tuple[slice, slice, slice]


def _silent(what: str, share: float) -> None:
    """Take progress to nowhere."""


def segment(volume: Volume, *, progress: Progress | None = None) -> Segmentation:
    """Return the animal and its bones in a scan, with notes on all that looks wrong.

    `progress` is called with what is done and the share of the work that is behind. A scan of
    anything at all gets an answer: read its `verdict`. Raises `InputError` only where no value of
    the scan is finite.
    """
    tell = progress or _silent
    spacing = volume.spacing
    values = np.asarray(volume.values, dtype=np.float32)
    if not np.isfinite(values).all():
        if not np.isfinite(values).any():
            raise InputError(f"scan {volume.name!r}: no value is finite; read the file again")
        values = np.nan_to_num(values, nan=float(np.nanmin(values)))
    tell("histogram", 0.0)
    even = np.ptp(values) == 0 or is_even(values, volume.hounsfield)
    air, tissue = (0.0, 0.0) if even else air_and_tissue(values, volume.hounsfield)
    skin = np.inf if even else (air + tissue) / 2
    inside = values[values > skin]
    rough = Levels(air, tissue, skin, bone_threshold(inside, air, tissue), 0.0)
    tell("body", 0.1)
    blocks = Blocks.of(values.shape, spacing, _WORKING_MM)
    coarse = blocks.mean(values)
    found = find_body(coarse, rough, blocks.spacing)
    tell("bone", 0.4)
    box = _box(found.body, blocks)
    levels, bone, metal = _bone(values, found.body, box, rough, blocks, spacing)
    tell("head", 0.7)
    case = find_braincase(bone, spacing)
    headward, ventral = directions(found.body, blocks, bone, case, spacing)
    rough_body = found.body
    if case is not None:
        head = _head(case, headward, blocks)
        rough_body = without_cone(rough_body, blocks.any(bone), head, blocks.spacing)
    tell("skin", 0.8)
    body = _fine_body(values, rough_body, box, levels, blocks)
    bone[box] &= blocks.fine(ndimage.binary_dilation(rough_body, NEIGHBOURS))[box]
    world = volume.T_world_voxel[:3, :3] / spacing
    result = Segmentation(
        volume,
        body,
        bone,
        metal,
        levels,
        None if case is None else volume.to_world(case.centre / spacing),
        world @ headward,
        world @ ventral,
        (),
    )
    tell("done", 1.0)
    return replace(result, notes=notes_on(result, found.animals))


def _box(coarse: Mask, blocks: Blocks) -> Box:
    """Return the voxels about the body, with a margin for what hangs on it."""
    if not coarse.any():
        return slice(0, 0), slice(0, 0), slice(0, 0)
    box = box_of(coarse, 2.0, blocks.spacing)
    x, y, z = (
        slice(s.start * int(f), s.stop * int(f)) for s, f in zip(box, blocks.factor, strict=True)
    )
    return x, y, z


def _fine_body(
    values: NDArray[np.float32], coarse: Mask, box: Box, levels: Levels, blocks: Blocks
) -> Mask:
    """Return the body (X, Y, Z) on the scan's own voxels: the skin is drawn within one block."""
    body = np.zeros(values.shape, dtype=bool)
    sure = blocks.fine(ndimage.binary_erosion(coarse, NEIGHBOURS, border_value=1))[box]
    reach = blocks.fine(ndimage.binary_dilation(coarse))[box]
    body[box] = without_holes(sure | (reach & (values[box] > levels.skin)))
    return body


def _head(case: Braincase, headward: Floats, blocks: Blocks) -> Mask:
    """Return the blocks that lie in front of the back of the head."""
    index = np.indices([-(-n // int(f)) for n, f in zip(blocks.shape, blocks.factor, strict=True)])
    middle = (index + 0.5) * blocks.spacing[:, None, None, None]
    along = np.tensordot(headward, middle, axes=1) - headward @ case.centre
    return np.asarray(along > _NAPE_MM)


def _bone(
    values: NDArray[np.float32],
    coarse: Mask,
    box: Box,
    rough: Levels,
    blocks: Blocks,
    spacing: Floats,
) -> tuple[Levels, Mask, Mask]:
    """Return the scan's final levels, its bone and its metal (X, Y, Z)."""
    bone, metal = np.zeros(values.shape, dtype=bool), np.zeros(values.shape, dtype=bool)
    if not coarse.any():
        return rough, bone, metal
    own, part = values[box], blocks.fine(coarse)[box]
    near = blocks.fine(ndimage.binary_dilation(coarse, NEIGHBOURS))[box]
    soft = own[part & (own < rough.bone) & (own > rough.skin)]
    tissue = float(np.median(soft)) if soft.size else rough.tissue
    quiet = part & (own > rough.skin) & (own < rough.bone)
    levels = replace(rough, tissue=tissue, noise=noise_of(own, quiet))
    flat = flattened(smoothed(own, levels), part, levels, spacing)
    threshold = bone_threshold(flat[part], levels.air, tissue)
    levels = replace(levels, bone=threshold)
    bone[box], metal[box] = find_bone(flat, near, levels, spacing)
    return levels, bone, metal


def directions(
    body: Mask, blocks: Blocks, bone: Mask, case: Braincase | None, spacing: Floats
) -> tuple[Floats, Floats]:
    """Return where head and belly lie from the spine: unit vectors (3,) along the voxel axes.

    The head lies where the braincase does, seen from the middle of the bones; the belly where the
    body's middle does, seen from the spine. Without a braincase +z and +y are taken, the axes' own.
    """
    headward, ventral = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    if case is None or not bone.any():
        return headward, ventral
    bones = np.argwhere(bone)[:: max(1, int(bone.sum()) // 50_000)] * spacing
    flesh = (np.argwhere(body) + 0.5) * blocks.spacing - spacing / 2
    behind = bones[np.linalg.norm(bones - case.centre, axis=1) > 15]
    if len(behind) < 10:
        return headward, ventral
    along = case.centre - np.median(behind, axis=0)
    headward = along / np.linalg.norm(along)
    ventral = _belly(bones, flesh, case.centre, headward, ventral)
    return headward, ventral


def _belly(bones: Floats, flesh: Floats, head: Floats, headward: Floats, default: Floats) -> Floats:
    """Return the direction from the spine to the middle of the body across `headward`.

    Slab by slab behind the head: the spine is where most bone stands in the middle half of a slab.
    """
    total = np.zeros(3)
    for behind in np.arange(20.0, 45.0, 2.5):  # chest and loin of a mouse lie so far behind

        def slab(points: Floats, at: float = behind) -> Floats:
            along = (head - points) @ headward
            return points[np.abs(along - at) < 1.25]

        bone, body = slab(bones), slab(flesh)
        if len(bone) < 5 or len(body) < 20:
            continue
        middle = body.mean(axis=0)
        spread = np.sqrt(((body - middle) ** 2).sum(axis=1).mean())
        central = bone[np.linalg.norm(bone - np.median(bone, axis=0), axis=1) < 0.6 * spread]
        if len(central):
            total += middle - np.median(central, axis=0)
    total -= (total @ headward) * headward
    size = float(np.linalg.norm(total))
    return total / size if size > 1.0 else default
