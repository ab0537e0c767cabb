"""Scans whose every voxel tells where it is, and DICOM files as scanners write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mousepose.ct.types import Volume

pydicom = pytest.importorskip("pydicom", reason="reading DICOM needs pydicom")

#: Spacing of the Mouse Pose dataset's scans, mm.
SPACING = 0.0913
SHAPE = (14, 12, 10)  # slices, rows, columns
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def place_code(points: NDArray[np.float64]) -> NDArray[np.int16]:
    """The value that stands at RAS points (*B, 3) mm: another one in every voxel."""
    steps = np.rint(points / SPACING).astype(int) + 20
    return np.asarray(steps @ [1, 40, 700], dtype=np.int16)


def coded(T_world_index: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The values of all voxels of a file whose indices lead to RAS mm by a matrix (4, 4)."""
    indices = np.moveaxis(np.indices(shape), 0, -1)
    return place_code(indices @ T_world_index[:3, :3].T + T_world_index[:3, 3])


def assert_placed(volume: Volume) -> None:
    """Every voxel has the value of its place, and the axes are RAS."""
    np.testing.assert_array_equal(volume.values, coded(volume.T_world_voxel, volume.values.shape))
    axes = volume.T_world_voxel[:3, :3]
    assert (np.diag(axes) > 0).all()
    np.testing.assert_allclose(axes, np.diag(np.diag(axes)), atol=1e-9)


def axial(shape: tuple[int, ...] = SHAPE, spacing: float = SPACING) -> NDArray[np.float64]:
    """`T_world_index` of slices to the head, rows to the back, columns to the left."""
    T_world_index = np.eye(4)
    T_world_index[:3, :3] = np.array([[0, 0, -1], [0, -1, 0], [1, 0, 0]]) * spacing
    T_world_index[:3, 3] = -T_world_index[:3, :3] @ np.floor(np.array(shape) / 2)
    return T_world_index


def tags_of(values: NDArray[Any], **changes: Any) -> Any:
    """The tags of a file with all slices, as small scanners write it; None leaves one out."""
    tags = pydicom.Dataset()
    first = axial()[:3, 3] * [-1, -1, 1] if values.shape == SHAPE else np.zeros(3)
    own: dict[str, Any] = {
        "SOPClassUID": CT_STORAGE,
        "SOPInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3",
        "Modality": "CT",
        "Manufacturer": "Siemens",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "NumberOfFrames": values.shape[0],
        "Rows": values.shape[1],
        "Columns": values.shape[2],
        "BitsAllocated": 8 * values.itemsize,
        "BitsStored": 8 * values.itemsize,
        "HighBit": 8 * values.itemsize - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelSpacing": [SPACING, SPACING],
        "SliceThickness": SPACING,
        "ImagePositionPatient": [round(float(x), 6) for x in first],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "PixelData": np.ascontiguousarray(values).tobytes(),
    }
    for name, value in (own | changes).items():
        if value is not None:
            setattr(tags, name, value)
    tags.file_meta = pydicom.dataset.FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    tags.file_meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", CT_STORAGE)
    return tags


def write_whole(path: Path, values: NDArray[Any] | None = None, **changes: Any) -> Path:
    """Write one file with all slices, by default coded by place; return its path."""
    values = coded(axial(), SHAPE) if values is None else values
    tags_of(values, **changes).save_as(path, enforce_file_format=True)
    return path


def write_slices(
    folder: Path,
    T_world_index: NDArray[np.float64] | None = None,
    *,
    name: str = "slice",
    shape: tuple[int, int, int] = SHAPE,
    **changes: Any,
) -> Path:
    """Write a folder of single slices, coded by place, in a mixed order; return the folder."""
    folder.mkdir(exist_ok=True)
    T = axial() if T_world_index is None else T_world_index
    values = coded(T, shape)
    lps = np.diag([-1, -1, 1]) @ T[:3]
    spacing = np.linalg.norm(T[:3, :3], axis=0)
    for number in range(shape[0]):
        own: dict[str, Any] = {
            "NumberOfFrames": None,
            "InstanceNumber": number + 1,
            "SOPInstanceUID": f"1.2.3.{number + 1}",
            "PixelSpacing": [float(spacing[1]), float(spacing[2])],
            "ImagePositionPatient": [round(x, 6) for x in (lps[:, 3] + lps[:, 0] * number)],
            "ImageOrientationPatient": [
                round(x, 9) for x in (*(lps[:, 2] / spacing[2]), *(lps[:, 1] / spacing[1]))
            ],
        }
        path = folder / f"{name}{number * 5 % shape[0]:03}.dcm"
        tags_of(values[number : number + 1], **(own | changes)).save_as(
            path, enforce_file_format=True
        )
    return folder
