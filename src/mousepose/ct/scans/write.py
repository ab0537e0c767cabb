"""Write a volume as NIfTI."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.ct.scans.scan_errors import library
from mousepose.ct.types import Volume
from mousepose.errors import InputError

#: Quick to pack; slower levels make a CT scan, which is mostly noise, little smaller.
_PACKING = 1


def write_nifti(volume: Volume, path: str | Path) -> None:
    """Write `volume` as NIfTI, packed where `path` ends in `.gz`. Nothing is lost.

    Raises `InputError` on a name without `.nii` or `.nii.gz`.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"{path}: expected a name that ends in .nii or .nii.gz")
    image = library("writing NIfTI", "nibabel").Nifti1Image(volume.values, volume.T_world_voxel)
    # 1: places as the scanner saw them; both ways of telling them, for readers that know one.
    image.set_sform(volume.T_world_voxel, code=1)
    image.set_qform(volume.T_world_voxel, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = np.bytes_(volume.name.encode("ascii", "replace")[:79])
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        if path.name.lower().endswith(".gz"):
            # Without name and time: the same volume makes the same bytes.
            with gzip.GzipFile("", "wb", _PACKING, stream, mtime=0) as packed:
                image.to_stream(packed)
        else:
            image.to_stream(stream)
