"""DICOM scans: one file with all slices, plain or Enhanced, or a folder with a file for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.ct.scans.dicom_header import Header, numbers, read_header, text
from mousepose.ct.scans.dicom_pixels import check_readable, planes
from mousepose.ct.scans.dicom_place import Slices, arranged, placed
from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import Plane, Stack, check_size
from mousepose.errors import FileError
from mousepose.types import Floats

if TYPE_CHECKING:
    from pydicom import Dataset

#: Where Enhanced files keep the place and the rescale of a frame.
_GROUPS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
)


def open_file(path: Path, *, spacing_given: bool) -> Stack:
    """Return the scan in one DICOM file. Raises `FileError` on what is none.

    A file whose tags tell no spacing is refused unless `spacing_given`.
    """
    header = read_header(path)
    check_size(path, header.shape)
    check_readable(header)
    with reading(path, "DICOM file"):
        frames = _frames(header)
        if frames is not None:
            return _enhanced(header, frames)
        header = replace(header, tags=_flat(header.tags))
        T_world_index, notes = placed(header, spacing_given)
        stack = _stack([header], [header.tags] * header.shape[0], T_world_index)
        return replace(
            stack, planes=lambda: planes(header), notes=(*header.notes, *stack.notes, *notes)
        )


def open_series(folder: Path, headers: Sequence[Header], *, spacing_given: bool) -> Stack:
    """Return the scan of single slices. Raises `FileError` where they make no one volume.

    Slices without positions are put in the order of their instance numbers.
    """
    if len(headers) == 1:
        return open_file(headers[0].path, spacing_given=spacing_given)
    _check_alike(folder, headers)
    for header in headers:
        check_readable(header)
    check_size(folder, (len(headers), *headers[0].shape[1:]))
    with reading(folder, "DICOM series"):
        notes: tuple[str, ...]
        if all("ImagePositionPatient" in header.tags for header in headers):
            slices = _slices(folder, [h.tags for h in headers], [h.path.name for h in headers])
            order, T_world_index, notes = arranged(folder, slices)
            sorted_ = [headers[index] for index in order]
        else:
            sorted_ = _by_number(folder, headers)
            whole = replace(sorted_[0], path=folder, shape=(len(sorted_), *headers[0].shape[1:]))
            T_world_index, notes = placed(whole, spacing_given)
            notes = ("slices have no positions; sorted by instance number", *notes)
        stack = _stack(sorted_, [header.tags for header in sorted_], T_world_index)
    return replace(stack, path=folder, notes=(*stack.notes, *notes))


def _enhanced(header: Header, frames: list[Dataset]) -> Stack:
    """Return the scan of an Enhanced multi-frame file, its frames sorted by their positions."""
    names = [f"frame {number + 1}" for number in range(len(frames))]
    slices = _slices(header.path, frames, names)
    order, T_world_index, notes = arranged(header.path, slices)
    stack = _stack([header], [frames[index] for index in order], T_world_index)
    in_order = bool((np.diff(order) == 1).all())
    backwards = bool((np.diff(order) == -1).all())
    if not (in_order or backwards):
        raise FileError(
            f"{header.path}: its frames are not stored from one end to the other, as of several "
            "scans in one file; convert it to NIfTI first"
        )
    if backwards:
        # Read as stored, from the far end.
        T_world_index = T_world_index.copy()
        T_world_index[:3, 3] += T_world_index[:3, 0] * (len(frames) - 1)
        T_world_index[:3, 0] *= -1
        stack = replace(
            stack,
            T_world_index=T_world_index,
            slope=stack.slope[::-1],
            intercept=stack.intercept[::-1],
        )
    return replace(
        stack, planes=lambda: planes(header), notes=(*header.notes, *stack.notes, *notes)
    )


def _frames(header: Header) -> list[Dataset] | None:
    """Return for each frame its tags and those shared by all, None where frames have no place."""
    from pydicom import Dataset

    shared = _items(header.tags, "SharedFunctionalGroupsSequence")
    each = _items(header.tags, "PerFrameFunctionalGroupsSequence")
    if len(each) < 2 or len(each) != header.shape[0]:
        return None
    frames = []
    for own in each:
        merged = Dataset()
        for keyword in _GROUPS:
            for group in (*shared, own):
                for item in _items(group, keyword):
                    merged.update(item)
        frames.append(merged)
    return frames if all("ImagePositionPatient" in frame for frame in frames) else None


def _flat(tags: Dataset) -> Dataset:
    """Return the tags with those for all frames beside them, where they are not there already."""
    from pydicom import Dataset

    merged = Dataset()
    for group in _items(tags, "SharedFunctionalGroupsSequence"):
        for keyword in _GROUPS:
            for item in _items(group, keyword):
                merged.update(item)
    merged.update(tags)
    return merged


def _items(tags: Dataset, keyword: str) -> list[Dataset]:
    return list(tags.get(keyword) or [])


def _slices(path: Path, tags: Sequence[Dataset], names: Sequence[str]) -> Slices:
    def required(keyword: str, count: int) -> Floats:
        rows = [numbers(one, keyword, count) for one in tags]
        absent = [name for name, row in zip(names, rows, strict=True) if row is None]
        if absent:
            raise FileError(f"{path}: {absent[0]} has no {keyword}; {len(absent)} slices without")
        return np.array(rows)

    told = numbers(tags[0], "SpacingBetweenSlices", 1)
    return Slices(
        names,
        required("ImagePositionPatient", 3),
        required("ImageOrientationPatient", 6),
        required("PixelSpacing", 2),
        None if told is None else float(told[0]),
    )


def _by_number(folder: Path, headers: Sequence[Header]) -> list[Header]:
    order: dict[float, Header] = {}
    for header in headers:
        number = numbers(header.tags, "InstanceNumber", 1)
        if number is None:
            raise FileError(
                f"{folder}: {header.path.name} has neither a position nor an instance number"
            )
        twice = order.setdefault(float(number[0]), header)
        if twice is not header:
            raise FileError(
                f"{folder}: {twice.path.name} and {header.path.name} have the same instance number"
            )
    return [order[number] for number in sorted(order)]


def _check_alike(folder: Path, headers: Sequence[Header]) -> None:
    first = headers[0]
    for header in headers:
        if header.shape != first.shape or header.stored != first.stored:
            raise FileError(
                f"{folder}: slices of different size, {first.path.name} with "
                f"{first.shape[1]} x {first.shape[2]} pixels of {first.stored} and "
                f"{header.path.name} with {header.shape[1]} x {header.shape[2]} of {header.stored}"
            )


def _stack(headers: Sequence[Header], tags: Sequence[Dataset], T_world_index: Floats) -> Stack:
    """Return the slices of `headers` with the rescale in `tags`, one for each slice."""
    first = headers[0]
    slope = [numbers(one, "RescaleSlope", 1) for one in tags]
    intercept = [numbers(one, "RescaleIntercept", 1) for one in tags]
    told = any(value is not None for value in (*slope, *intercept))
    unit = text(tags[0], "RescaleType") or text(first.tags, "RescaleType")
    notes = [] if told else ["no rescale to Hounsfield units in the file; values as stored"]
    if not text(first.tags, "Modality"):
        notes.append("the file does not say that it is a CT scan")
    padding = numbers(first.tags, "PixelPaddingValue")
    return Stack(
        path=first.path,
        kind="DICOM",
        shape=(len(tags), *first.shape[1:]),
        stored=first.stored,
        T_world_index=T_world_index,
        planes=lambda: _one_by_one(headers),
        slope=np.array([1.0 if value is None else value[0] for value in slope]),
        intercept=np.array([0.0 if value is None else value[0] for value in intercept]),
        hounsfield=(unit == "HU") if told and unit else None,
        padding=None if padding is None else float(padding[0]),
        located="ImagePositionPatient" in tags[0],
        notes=tuple(notes),
    )


def _one_by_one(headers: Sequence[Header]) -> Iterator[Plane]:
    for header in headers:
        yield from planes(header)
