"""The slices of a scan loaded into one RAS volume, down-sampled on the way.

Slices are read one at a time and written where they belong, so that the peak of memory is the
finished volume and a few slices.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mousepose.ct.scans import orient
from mousepose.ct.scans.scan_stack import Plane, Stack
from mousepose.ct.types import Volume
from mousepose.errors import FileError, InputError
from mousepose.types import Floats, Progress

#: More than this is not loaded at once; a scan of 1008 x 640 x 640 voxels has 0.8 GiB.
MAX_BYTES = 4 * 2**30
#: Slices written together: 32 voxels of 2 bytes fill one line of a processor's cache.
_SLAB = 32
#: What stands where nothing was measured: air, in Hounsfield units.
_NOTHING = -1024.0
#: No scale but Hounsfield's has values so far below zero.
_SURELY_AIR = -500.0


def load(stack: Stack, voxel_mm: float | None, progress: Progress | None) -> Volume:
    """Return the volume of `stack`, its voxels averaged to about `voxel_mm` where that is larger.

    Raises `FileError` on what cannot be read, on a volume without contrast and on one too large,
    `InputError` on a `voxel_mm` that is no size.
    """
    if min(stack.shape) < 2:
        raise FileError(
            f"{stack.path}: {' x '.join(map(str, stack.shape))} voxels are a single image, no "
            "volume; give the folder of its slices"
        )
    factors = _block(stack, voxel_mm)
    start = [side % factor // 2 for side, factor in zip(stack.shape, factors, strict=True)]
    shape = tuple(side // factor for side, factor in zip(stack.shape, factors, strict=True))
    kind = _kind(stack, factors)
    if np.prod(shape, dtype=np.float64) * kind.itemsize > MAX_BYTES:
        raise FileError(
            f"{stack.path}: {' x '.join(map(str, shape))} voxels do not fit into "
            f"{MAX_BYTES / 2**30:.0f} GiB; give voxel_mm, twice the voxel's size or more"
        )
    T_world_block = stack.T_world_index @ _T_index_block(factors, start)
    order, turned = orient.ras_order(T_world_block)
    values = np.empty(tuple(shape[axis] for axis in order), kind)
    # The same memory, seen in the order of the file.
    steps = tuple(slice(None, None, -1 if turn else 1) for turn in turned)
    as_filed = values[steps].transpose(np.argsort(order))
    _fill(as_filed, stack, factors, start, progress)
    if kind.kind == "f":
        _replace_missing(values, stack)
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        raise FileError(f"{stack.path}: every voxel has the value {lowest}; the volume is empty")
    hounsfield = bool(lowest < _SURELY_AIR) if stack.hounsfield is None else stack.hounsfield
    name = stack.path.name.removesuffix(".gz")
    return Volume(
        values,
        orient.reordered(T_world_block, shape, order, turned),
        hounsfield,
        name.rsplit(".", 1)[0] if stack.path.is_file() else name,
    )


def _block(stack: Stack, voxel_mm: float | None) -> tuple[int, ...]:
    """Return how many voxels along each index become one."""
    if voxel_mm is None:
        return (1, 1, 1)
    if not (np.isfinite(voxel_mm) and voxel_mm > 0):
        raise InputError(f"voxel_mm {voxel_mm}: expected a positive size in mm")
    factors = np.maximum(np.rint(voxel_mm / stack.spacing), 1).astype(int)
    if (factors * 2 > np.array(stack.shape)).any():
        extent = (stack.spacing * stack.shape).min()
        raise InputError(
            f"voxel_mm {voxel_mm:g}: less than two voxels would be left of {extent:.3g} mm"
        )
    return tuple(int(factor) for factor in factors)


def _T_index_block(factors: tuple[int, ...], start: list[int]) -> Floats:
    T_index_block = np.diag([*map(float, factors), 1.0])
    T_index_block[:3, 3] = np.array(start) + (np.array(factors) - 1) / 2
    return T_index_block


def _kind(stack: Stack, factors: tuple[int, ...]) -> np.dtype[np.generic]:
    """Return the smallest type of a `Volume` that holds the values as they are."""
    rescaled = (stack.slope != 1).any() or (stack.intercept != 0).any()
    if stack.stored == np.uint8 and not rescaled:
        return np.dtype(np.uint8 if max(factors) == 1 else np.float32)
    whole = (stack.slope % 1 == 0).all() and (stack.intercept % 1 == 0).all()
    if stack.stored.kind not in "iu" or not whole:
        return np.dtype(np.float32)
    about = np.iinfo(stack.stored.name)
    if not _fits(stack, np.array([[about.min], [about.max]], dtype=np.float64)):
        # What the type could hold may be too large for int16 where what it does hold is not.
        ends = [(plane.min(), plane.max()) for plane in stack.planes()]
        if not _fits(stack, np.array(ends, dtype=np.float64).T):
            return np.dtype(np.float32)
    return np.dtype(np.int16)


def _fits(stack: Stack, ends: Floats) -> bool:
    values = ends * stack.slope + stack.intercept
    limits = np.iinfo(np.int16)
    return bool(values.min() >= limits.min and values.max() <= limits.max)


def _fill(
    target: Plane,
    stack: Stack,
    factors: tuple[int, ...],
    start: list[int],
    progress: Progress | None,
) -> None:
    """Write the blocks' means into `target`, which has the axes of the file."""
    slab = np.empty((_SLAB, *target.shape[1:]), target.dtype)
    done = 0
    for block in _blocks(stack, factors, start, progress):
        if target.dtype.kind in "iu" and block.dtype.kind == "f":
            np.rint(block, out=block)
        slab[done % _SLAB] = block
        done += 1
        if done % _SLAB == 0 or done == len(target):
            first = (done - 1) // _SLAB * _SLAB
            # Row by row, so that what is turned round at a time fits a processor's cache.
            for row in range(target.shape[1]):
                target[first:done, row] = slab[: done - first, row]
        if done == len(target):
            break
    if done < len(target):
        raise FileError(f"{stack.path}: ends after {done} of {len(target)} slices; it is cut")


def _blocks(
    stack: Stack, factors: tuple[int, ...], start: list[int], progress: Progress | None
) -> Iterator[Plane]:
    """Yield the means of blocks, one slice of blocks after another."""
    deep, *across = factors
    total: Plane | None = None
    for number, plane in enumerate(stack.planes()):
        if progress is not None:
            progress("reading the scan", number + 1, stack.shape[0])
        if number < start[0]:
            continue
        values = _rescaled(plane, stack, number)
        if max(factors) == 1:
            yield values
            continue
        total = values.astype(np.float32) if total is None else total + values
        if (number - start[0]) % deep == deep - 1:
            yield _summed(total, across, start[1:]) / np.float32(np.prod(factors))
            total = None


def _rescaled(plane: Plane, stack: Stack, number: int) -> Plane:
    """Return the values of one stored slice, in the stored type where that changes nothing."""
    slope, intercept = stack.slope[number], stack.intercept[number]
    air = stack.padding is not None and bool(stack.hounsfield)
    if slope == 1 and intercept == 0 and not air:
        return plane
    values: Plane = plane.astype(np.float64) * slope + intercept
    if air:
        values[plane == stack.padding] = _NOTHING
    return values


def _summed(plane: Plane, factors: list[int], start: list[int]) -> Plane:
    rows, columns = (
        (side - first) // factor
        for side, first, factor in zip(plane.shape, start, factors, strict=True)
    )
    kept = plane[start[0] :, start[1] :][: rows * factors[0], : columns * factors[1]]
    return _bands(_bands(kept, factors[0]).T, factors[1]).T


def _bands(plane: Plane, factor: int) -> Plane:
    """Return the sums of every `factor` rows; a sum over an axis of two elements would be slow."""
    total = plane[::factor]
    for offset in range(1, factor):
        total = total + plane[offset::factor]
    return total


def _replace_missing(values: Plane, stack: Stack) -> None:
    """Put the lowest value where a file has NaN or infinity, as outside the field of view."""
    # Part by part: even a mask of the whole volume would be large.
    lowest = min(
        (float(part[good].min()) for part in values if (good := np.isfinite(part)).any()),
        default=None,
    )
    if lowest is None:
        raise FileError(f"{stack.path}: no voxel holds a number; the volume is empty")
    for part in values:
        part[~np.isfinite(part)] = lowest
