"""Write a volume as one DICOM file, in the layout of the Mouse Pose dataset.

One file per animal holds the whole scan. Its `pixel_array` is (slices to the head, rows to the
back, columns to the left), so that `pixel_array[:, :, 320]` of a scan 640 voxels wide is the
middle sagittal plane. The file is Enhanced CT (PS3.3, A.38), with the place of every frame; the
tags of older files are there too, for readers that look for those.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mousepose.atomic import atomic_path
from mousepose.ct.scans.orient import ras_order, reordered
from mousepose.ct.scans.scan_errors import library
from mousepose.ct.types import Volume
from mousepose.errors import InputError
from mousepose.types import Floats

if TYPE_CHECKING:
    from pydicom import Dataset

_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
#: Element 7FE0,0010 with two-byte words; four bytes of length follow.
_PIXEL_DATA = b"\xe0\x7f\x10\x00OW\x00\x00"
_MAX_PIXEL_BYTES = 2**32 - 2
_SLAB = 32


def write_dicom(volume: Volume, path: str | Path) -> None:
    """Write `volume` as one DICOM file with all its slices.

    Whole values that 16 bits hold are kept; others are rounded to 1 / 65535 of their range by the
    rescale slope. Raises `InputError` on a volume that DICOM cannot hold.
    """
    library("writing DICOM", "pydicom")
    volume = _in_ras_order(volume)
    # Slices to the head, rows to the back, columns to the left: z, -y and -x of RAS.
    values = volume.values[::-1, ::-1].transpose(2, 1, 0)
    if values.size * 2 > _MAX_PIXEL_BYTES or max(values.shape) > 65535:
        raise InputError(f"{values.shape} voxels are too many for a DICOM file; write NIfTI")
    slope, intercept = _rescale(volume.values)
    tags = _tags(volume, values.shape, slope, intercept)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        tags.save_as(stream, enforce_file_format=True)
        # Some slices at a time, so that no second copy of the volume is made; slices lie across
        # the memory of a volume, and one alone would touch all of it.
        stream.write(_PIXEL_DATA + (values.size * 2).to_bytes(4, "little"))
        for first in range(0, len(values), _SLAB):
            slab = np.empty((min(_SLAB, len(values) - first), *values.shape[1:]), values.dtype)
            for row in range(values.shape[1]):
                slab[:, row] = values[first : first + _SLAB, row]
            _write_planes(stream, slab, slope, intercept)


def _in_ras_order(volume: Volume) -> Volume:
    order, turned = ras_order(volume.T_world_voxel)
    steps = tuple(slice(None, None, -1 if turn else 1) for turn in turned)
    return Volume(
        volume.values.transpose(order)[steps],
        reordered(volume.T_world_voxel, volume.values.shape, order, turned),
        volume.hounsfield,
        volume.name,
    )


def _write_planes(stream: BinaryIO, planes: NDArray[Any], slope: float, intercept: float) -> None:
    stored = planes
    if slope != 1 or intercept != 0:
        stored = np.clip(np.rint((planes - intercept) / slope), -32768, 32767)
    stream.write(np.ascontiguousarray(stored, "<i2").tobytes())


def _rescale(values: NDArray[Any]) -> tuple[float, float]:
    """Return slope and intercept with which 16 bits hold the values."""
    if values.dtype.kind in "iu":
        return 1.0, 0.0  # int16 or uint8
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("the volume has values that are no numbers; DICOM cannot hold them")
    whole = all(bool((part % 1 == 0).all()) for part in values)
    if whole and low >= -32768 and high <= 32767:
        return 1.0, 0.0
    # As the file will tell them: a decimal string has 16 letters.
    slope = float(_decimal(max(high - low, 1e-30) / 65534))
    return slope, float(_decimal((low + high) / 2))


def _decimal(value: float) -> str:
    """Return a number in at most 16 letters, as DICOM's decimal strings need."""
    digits = 15
    while len(shown := f"{value:.{digits}g}") > 16:
        digits -= 1
    return shown


def _decimals(values: Floats) -> list[str]:
    return [_decimal(float(value)) for value in values]


def _tags(volume: Volume, shape: tuple[int, ...], slope: float, intercept: float) -> Dataset:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    directions, spacing, first = _place(volume)
    tags = Dataset()
    tags.SOPClassUID = UID(_ENHANCED_CT)
    # From the contents, so that the same volume makes the same file.
    some = zlib.crc32(volume.values[::8, ::8, ::8].tobytes())
    for of in ("SOPInstance", "StudyInstance", "SeriesInstance", "FrameOfReference"):
        source = [of, volume.name, str(shape), str(volume.T_world_voxel.tolist()), str(some)]
        setattr(tags, f"{of}UID", generate_uid(entropy_srcs=source))
    tags.Modality = "CT"
    tags.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    tags.PatientName = tags.PatientID = volume.name[:64]
    tags.SeriesNumber = tags.InstanceNumber = "1"
    tags.SamplesPerPixel, tags.PhotometricInterpretation = 1, "MONOCHROME2"
    tags.NumberOfFrames, tags.Rows, tags.Columns = shape
    tags.BitsAllocated = tags.BitsStored = 16
    tags.HighBit, tags.PixelRepresentation = 15, 1
    measures, orientation, rescale = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _decimals(spacing[1:])
    measures.SliceThickness = measures.SpacingBetweenSlices = _decimal(spacing[0])
    orientation.ImageOrientationPatient = _decimals(directions[:, [2, 1]].T.ravel())
    rescale.RescaleIntercept, rescale.RescaleSlope = _decimal(intercept), _decimal(slope)
    rescale.RescaleType = "HU" if volume.hounsfield else "US"
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [rescale]
    tags.SharedFunctionalGroupsSequence = [shared]
    steps = np.arange(shape[0])[:, None] * directions[:, 0] * spacing[0]
    tags.PerFrameFunctionalGroupsSequence = [_frame(position) for position in first + steps]
    for group in (measures, orientation, rescale):
        tags.update(group)
    tags.ImagePositionPatient = _decimals(first)
    tags.file_meta = FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = UID(_EXPLICIT_LITTLE)
    return tags


def _frame(position: Floats) -> Dataset:
    from pydicom.dataset import Dataset

    place, frame = Dataset(), Dataset()
    place.ImagePositionPatient = _decimals(position)
    frame.PlanePositionSequence = [place]
    return frame


def _place(volume: Volume) -> tuple[Floats, Floats, Floats]:
    """Return the directions (3, 3) of slices, rows, columns in LPS, spacing and first voxel, mm."""
    axes, spacing = volume.T_world_voxel[:3, :3], volume.spacing
    directions = axes / spacing
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-4:
        raise InputError("the volume's axes are not at right angles; write NIfTI")
    last = np.array(volume.values.shape) - 1
    first = volume.to_world([last[0], last[1], 0])
    lps = np.array([-1.0, -1.0, 1.0])
    turned = directions * [-1.0, -1.0, 1.0]
    return (lps[:, None] * turned)[:, ::-1], spacing[::-1], lps * first
