"""The scans of the data set's twin: phantoms as the scanner would see them, a DICOM file each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.ct.types import Volume
from mousepose.run.dataset_scans import FIELD_MM
from mousepose.types import Progress

_FIRST_DAY = date(2019, 7, 29)  # as in the published name 20190729_M19.dcm


def write_scans(
    folder: Path, count: int, voxel_mm: float, seed: int, tell: Progress
) -> dict[str, Any]:
    """Write `count` scans of random mice into `folder`, called as in the data set.

    Returns their truth: the files' names, the joints (N, J, 3) in RAS mm and what they are called.
    """
    from mousepose.ct.phantoms.phantom import make_phantom
    from mousepose.ct.scans.write_dicom import write_dicom

    names, joints = [], []
    joint_names: tuple[str, ...] = ()
    for number in range(count):
        day = _FIRST_DAY + timedelta(days=number // 4)
        names.append(f"{day:%Y%m%d}_M{number + 1}.dcm")
        phantom = make_phantom(1000 * seed + number, voxel_mm=voxel_mm, shown="no tail")
        write_dicom(in_field_of_view(phantom.volume), folder / names[-1])
        joints.append(phantom.joints)
        joint_names = phantom.body.skeleton.joint_names
        tell("scans", number + 1, count)
    return {
        "scan_names": np.array(names),
        "scan_joints_mm": np.array(joints),
        "scan_joint_names": np.array(joint_names),
    }


def in_field_of_view(volume: Volume) -> Volume:
    """Return what of a volume the scanner sees: the middle across, and the length from the nose."""
    sizes = np.array(volume.values.shape)
    kept = np.minimum(sizes, np.floor(np.array(FIELD_MM) / volume.spacing).astype(int))
    first = (sizes - kept) // 2
    first[2] = sizes[2] - kept[2]
    last = first + kept
    matrix = volume.T_world_voxel.copy()
    matrix[:3, 3] = volume.to_world(first)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return replace(volume, values=volume.values[x, y, z].copy(), T_world_voxel=matrix)
