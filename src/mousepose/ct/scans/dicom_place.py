"""Where the slices of a DICOM scan lie: spacing, direction and order from its tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.ct.scans.dicom_header import Header, numbers
from mousepose.ct.scans.orient import ras_of_lps
from mousepose.errors import FileError
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    from pydicom import Dataset

#: Where a file says nothing: rows run to the left, columns to the back (an axial scan).
_AXIAL = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
#: Tags that agree to one part in a hundred agree.
_AGREE = 0.01
#: Steps between slices differ by less than this part of a step, from rounding.
_STEP = 0.1
_ASK = "give spacing_mm (slices, rows, columns; 0.0913 for the Mouse Pose dataset)"


@dataclass(frozen=True, eq=False)
class Slices:
    """Places of slices in LPS mm: `position` (K, 3), `orientation` (K, 6), `pixel` (K, 2) mm.

    `names` tell a person which slice is meant. `told` is the slice spacing that a tag claims.
    """

    names: Sequence[str]
    position: Floats
    orientation: Floats
    pixel: Floats
    told: float | None = None


def arranged(path: Path, slices: Slices) -> tuple[Ints, Floats, tuple[str, ...]]:
    """Return the slices' order (K,), `T_world_index` (4, 4) of them in that order, and notes.

    Raises `FileError` on slices that are missing, double, turned against each other or of other
    spacing, naming them.
    """
    first = slices.orientation[0]
    for what, values in (("orientation", slices.orientation), ("pixel spacing", slices.pixel)):
        other = np.abs(values - values[0]).max(axis=1) > 1e-3
        if other.any():
            raise FileError(
                f"{path}: slices of different {what} ({slices.names[0]} and "
                f"{slices.names[int(other.argmax())]}); give a folder with one scan only"
            )
    normal = normal_of(path, first)
    along = slices.position @ normal
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    step = float(np.median(steps))
    _check_steps(path, [slices.names[index] for index in order], steps, step)
    notes: tuple[str, ...] = ()
    if slices.told is not None and abs(slices.told - step) > _AGREE * step:
        notes = (f"slices are {step:.5g} mm apart, although a tag says {slices.told:.5g}",)
    shift = slices.position[order[-1]] - slices.position[order[0]]
    per_slice = shift / (len(order) - 1)
    origin = slices.position[order[0]]
    return order, _matrix(first, slices.pixel[0], per_slice, origin), notes


def placed(header: Header, spacing_given: bool) -> tuple[Floats, tuple[str, ...]]:
    """Return `T_world_index` (4, 4) and notes of a multi-frame file without places of its frames.

    Scanners for small animals write such files: one position, or none, and one spacing under one
    of several tags. What is absent but for the spacing is taken as axial. Raises `FileError` where
    the spacing is missing or contradictory; where `spacing_given` it is 1 mm instead.
    """
    tags, notes = header.tags, list[str]()
    orientation = numbers(tags, "ImageOrientationPatient", 6)
    if orientation is None:
        notes.append("no orientation in the file; taken as axial: to head, back and left")
        orientation = _AXIAL
    normal = normal_of(header.path, orientation)
    position = numbers(tags, "ImagePositionPatient", 3)
    first = np.zeros(3) if position is None else position
    if spacing_given:
        return _matrix(orientation, np.ones(2), normal, first), tuple(notes)
    pixel, step = _pixel_spacing(tags, notes), _slice_spacing(header, notes)
    if pixel is None or step is None:
        absent = ["slices"] * (step is None) + ["rows and columns"] * (pixel is None)
        raise FileError(
            f"{header.path} does not tell the spacing of its {', '.join(absent)}; {_ASK}"
        )
    return _matrix(orientation, pixel, normal * step, first), tuple(notes)


def normal_of(path: Path, orientation: Floats) -> Floats:
    """Return the unit normal (3,) of slices with direction cosines (6,); `FileError` on none."""
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm([row, column], axis=1)
    if np.abs(lengths - 1).max() > _AGREE or abs(row @ column) > _AGREE:
        raise FileError(
            f"{path}: its tag ImageOrientationPatient {orientation.tolist()} is no pair of "
            "directions at right angles"
        )
    return np.asarray(np.cross(row, column))


def _matrix(orientation: Floats, pixel: Floats, step: Floats, origin: Floats) -> Floats:
    # PS3.3, equation C.7.6.2.1-1; PixelSpacing has the distance of rows first.
    T_lps_index = np.eye(4)
    T_lps_index[:3, 0] = step
    T_lps_index[:3, 1] = orientation[3:] * pixel[0]
    T_lps_index[:3, 2] = orientation[:3] * pixel[1]
    T_lps_index[:3, 3] = origin
    return ras_of_lps(T_lps_index)


def _check_steps(path: Path, names: list[str], steps: Floats, step: float) -> None:
    double = steps < max(_STEP * step, 1e-6)
    if double.any():
        place = int(double.argmax())
        raise FileError(
            f"{path}: {int(double.sum())} slices lie where another one lies ({names[place]} and "
            f"{names[place + 1]}); give a folder with one scan only, each slice once"
        )
    odd = np.abs(steps - step) > _STEP * step
    if odd.any():
        place = int(odd.argmax())
        raise FileError(
            f"{path}: {steps[place]:.4g} mm between {names[place]} and {names[place + 1]}, but "
            f"{step:.4g} mm between most slices ({int(odd.sum())} such places); slices are missing"
        )


def _pixel_spacing(tags: Dataset, notes: list[str]) -> Floats | None:
    for keyword in ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing"):
        found = numbers(tags, keyword, 2)
        if found is not None and (found > 0).all():
            if keyword != "PixelSpacing":
                notes.append(f"spacing of rows and columns from the tag {keyword}")
            return found
    return None


def _slice_spacing(header: Header, notes: list[str]) -> float | None:
    """Return the step along the slices' normal, mm; negative where they run against it."""
    tags = header.tags
    found: dict[str, float] = {}
    between = numbers(tags, "SpacingBetweenSlices", 1)
    if between is not None and between[0] != 0:
        found["SpacingBetweenSlices"] = float(between[0])
    offsets = numbers(tags, "GridFrameOffsetVector")
    if offsets is not None and len(offsets) == header.shape[0] > 1:
        steps = np.diff(offsets)
        _check_even(header, steps)
        found["GridFrameOffsetVector"] = float(steps.mean())
    thickness = numbers(tags, "SliceThickness", 1)
    if found:
        (keyword, step), *others = found.items()
        for other, value in others:
            if abs(abs(value) - abs(step)) > _AGREE * abs(step):
                raise FileError(
                    f"{header.path}: its tags contradict each other, {keyword} {step:.5g} mm and "
                    f"{other} {value:.5g} mm; {_ASK}"
                )
            step = value
        if thickness is not None and abs(thickness[0] - abs(step)) > _AGREE * abs(step):
            notes.append(f"slices are {abs(step):.5g} mm apart and {thickness[0]:.5g} mm thick")
        return step
    if thickness is None or thickness[0] <= 0:
        return None
    notes.append("spacing of slices from the tag SliceThickness")
    return float(thickness[0])


def _check_even(header: Header, steps: Floats) -> None:
    if (np.abs(steps - np.median(steps)) > _STEP * abs(np.median(steps))).any():
        raise FileError(f"{header.path}: its slices are not evenly spaced (GridFrameOffsetVector)")
