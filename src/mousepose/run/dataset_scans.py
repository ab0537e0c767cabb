"""The data set checked whole, and its scans against what is published of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mousepose.ct.scans.scan import load_scan, open_scan
from mousepose.ct.types import Volume
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.samples import CtSlices, load_slices
from mousepose.dataset.validate import Validation, validate_frames, validate_multiview
from mousepose.errors import InputError
from mousepose.types import Floats, Progress

#: The scanner's field of view, mm: across (twice) and along the animal. Siemens Inveon.
FIELD_MM = (58.44, 58.44, 92.04)
#: So many slices as far apart as the published ones fill the field of view.
_SLICES_ACROSS = 80
#: Scans are looked at in blocks of about this size, mm.
_LOOKED_AT_MM = 0.8
#: Air and soft tissue of a calibrated scan (HU), and bone, of which some must be there.
_AIR_HU, _TISSUE_HU, _BONE_HU = (-1150.0, -850.0), (-150.0, 200.0), 250.0
#: A field of view may be set a little larger than the published one.
_FIELD_SLACK = 0.1


def validate_dataset(
    dataset: MousePoseDataset,
    *,
    pictures: bool = True,
    scans: bool = True,
    progress: Progress | None = None,
) -> Validation:
    """Return which rules a data set, opened with `skip_faults`, breaks.

    `pictures` decodes every picture, `scans` reads every scan. Parts that are missing break no
    rule. Raises `FileError` where no record can be read.
    """
    found = Validation()
    if dataset.frames_path is not None:
        validate_frames(dataset.frames, found, pictures=pictures, progress=progress)
    if dataset.multiview_path is not None:
        validate_multiview(dataset.multiview, found, pictures=pictures)
    if scans and dataset.scans:
        validate_scans(dataset.scans, found, progress)
    if scans and dataset.slices:
        validate_slices(dataset.slices, found)
    return found


def validate_scans(
    paths: Sequence[Path],
    found: Validation,
    progress: Progress | None = None,
) -> None:
    """Check the scans' files; problems go into `found`. Raises `InputError` without pydicom."""
    found.checked.append(f"{len(paths)} scans")
    for number, path in enumerate(paths):
        try:
            open_scan(path)
            volume = load_scan(path, voxel_mm=_LOOKED_AT_MM)
        except InputError as error:
            if "pip install" in str(error):
                raise
            found.add("scan", path.name, _without(path, error))
        else:
            for what in scan_problems(volume):
                found.add("scan", path.name, what)
        if progress is not None:
            progress("scans", number + 1, len(paths))


def validate_slices(paths: Sequence[Path], found: Validation) -> None:
    """Check that files of slices can be read; problems go into `found`."""
    found.checked.append(f"{len(paths)} files of CT slices")
    for path in paths:
        try:
            volume_of(load_slices(path))
        except InputError as error:
            found.add("scan", path.name, _without(path, error))


def _without(path: Path, error: InputError) -> str:
    """Return what an error tells, without the file that it begins with."""
    return str(error).removeprefix(str(path)).lstrip(": ")


def volume_of(slices: CtSlices) -> Volume:
    """Return published slices as a volume, its brightness no Hounsfield units."""
    spacing = slices_spacing(slices)
    matrix = np.diag([*spacing, 1.0])
    return Volume(slices.intensity, matrix, hounsfield=False, name=slices.path.stem)


def slices_spacing(slices: CtSlices) -> Floats:
    """Return how far apart slices, rows and columns (3,) are, mm.

    Where the file does not tell it, rows and columns fill the scanner's field of view, and so would
    80 slices: 0.73 mm, which makes the skull of the published ones as wide as a mouse's is.
    """
    if slices.spacing_mm is not None:
        return slices.spacing_mm
    _, rows, columns = slices.intensity.shape
    across, deep, along = FIELD_MM
    return np.array([across / _SLICES_ACROSS, deep / rows, along / columns])


def scan_problems(volume: Volume) -> list[str]:
    """Return what a scan of the data set should not be, in words."""
    problems = []
    if not volume.hounsfield:
        problems.append("its values are not Hounsfield units")
    else:
        problems += _wrong_units(volume)
    extent = np.sort(volume.spacing * volume.values.shape)
    if (extent > np.array(FIELD_MM) * (1 + _FIELD_SLACK)).any():
        shown = " x ".join(f"{e:.0f}" for e in extent)
        problems.append(f"it is {shown} mm large, the scanner's field of view is 58 x 58 x 92 mm")
    if int(np.argmax(volume.spacing * volume.values.shape)) != 2:
        problems.append("its longest side is not the animal's length: the orientation is wrong")
    return problems


def _wrong_units(volume: Volume) -> list[str]:
    values = np.asarray(volume.values, np.float32)
    problems = []
    low = float(np.quantile(values, 0.02))
    if not _AIR_HU[0] <= low <= _AIR_HU[1]:
        problems.append(f"air has {low:.0f} HU, expected about -1000")
    body = values[values > -500]
    if not len(body):
        return [*problems, "it shows nothing but air"]
    tissue = float(np.median(body))
    if not _TISSUE_HU[0] <= tissue <= _TISSUE_HU[1]:
        problems.append(f"soft tissue has {tissue:.0f} HU, expected about 0 to 60")
    if not (values > _BONE_HU).any():
        problems.append("it shows no bone")
    return problems
