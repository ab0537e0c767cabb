"""Load a CT scan of any common format as a RAS volume in millimetres."""

from __future__ import annotations

from pathlib import Path

from numpy.typing import ArrayLike

from mousepose.ct.scans import dicom, dicom_folder, dicom_header, nifti, tiff
from mousepose.ct.scans.scan_errors import library, reading
from mousepose.ct.scans.scan_load import load
from mousepose.ct.scans.scan_stack import Stack, settled
from mousepose.ct.types import Volume
from mousepose.errors import FileError
from mousepose.types import Progress

#: Enough of a file to tell its format.
_HEAD_BYTES = 540
#: A folder of more files is no scan.
_MAX_FILES = 20_000


def load_scan(
    path: str | Path,
    *,
    voxel_mm: float | None = None,
    spacing_mm: ArrayLike | None = None,
    axes: str | None = None,
    series: str | None = None,
    progress: Progress | None = None,
) -> Volume:
    """Return the scan in a DICOM, NIfTI or TIFF file, or in a folder of slices, in RAS mm.

    The format is told by the content. `voxel_mm` averages blocks of voxels, as near to that size
    as whole blocks come, while the slices are read: only the result is ever in memory.
    `spacing_mm` (one number, or slices, rows, columns) and `axes` (where those grow, such as
    "SPL") take the place of what the file says; `series` chooses one of several in a folder.
    `progress` is called with a stage, slices done and slices in all. int16 stays where it holds
    every value. Raises `FileError` on what is no scan of a mouse, `InputError` on wrong options.
    """
    stack = open_scan(path, spacing_mm=spacing_mm, axes=axes, series=series)
    return load(stack, voxel_mm, progress)


def open_scan(
    path: str | Path,
    *,
    spacing_mm: ArrayLike | None = None,
    axes: str | None = None,
    series: str | None = None,
) -> Stack:
    """Return what a scan's files say (size, spacing, orientation, notes) before it is loaded.

    Options and errors are those of `load_scan`.
    """
    path, given = Path(path), spacing_mm is not None
    with reading(path, "scan"):
        folder = path.is_dir()
        if not folder and not path.exists():
            raise FileError(f"{path} does not exist")
    try:
        stack = _folder(path, series, given) if folder else _file(path, given)
    except FileError as error:  # a message on a single tag does not know its file
        if path.name in str(error):
            raise
        raise FileError(f"{path}: {error}") from error
    return settled(stack, spacing_mm, axes)


def _file(path: Path, spacing_given: bool) -> Stack:
    kind = _format(path)
    if kind == "DICOM":
        library("reading DICOM", "pydicom")
        return dicom.open_file(path, spacing_given=spacing_given)
    if kind == "NIfTI":
        library("reading NIfTI", "nibabel")
        return nifti.open_file(path)
    if kind == "TIFF":
        library("reading TIFF", "tifffile")
        return tiff.open_file(path, spacing_given=spacing_given)
    raise FileError(
        f"{path} is no scan: expected DICOM, NIfTI (.nii, .nii.gz) or TIFF, or a folder of slices"
    )


def _folder(folder: Path, series: str | None, spacing_given: bool) -> Stack:
    with reading(folder, "folder"):
        files = sorted(file for file in folder.iterdir() if file.is_file())
    if len(files) > _MAX_FILES:
        raise FileError(f"{folder} holds {len(files)} files, more than the slices of a scan")
    formats = {file: _format(file) for file in files if not file.name.startswith(".")}
    of_kind = {
        kind: [file for file, found in formats.items() if found == kind]
        for kind in ("DICOM", "TIFF", "NIfTI")
    }
    if of_kind["DICOM"]:
        library("reading DICOM", "pydicom")
        return dicom_folder.open_folder(
            folder, of_kind["DICOM"], series=series, spacing_given=spacing_given
        )
    whole = of_kind["NIfTI"] + of_kind["TIFF"]
    if len(whole) == 1:
        return _file(whole[0], spacing_given)
    if of_kind["TIFF"] and not of_kind["NIfTI"]:
        library("reading TIFF", "tifffile")
        return tiff.open_folder(folder, of_kind["TIFF"], spacing_given=spacing_given)
    if whole:
        raise FileError(f"{folder} holds {len(whole)} whole scans; give one of the files")
    raise FileError(f"{folder} holds no DICOM, NIfTI or TIFF files; give the folder of the slices")


def _format(path: Path) -> str | None:
    """Return the format of a file by its first bytes, None where it is none that is known."""
    with reading(path, "scan"):
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        if not head:
            raise FileError(f"{path} is empty")
        if nifti.is_packed(head):
            with nifti.unpacked(path) as stream:
                return "NIfTI" if nifti.recognizes(stream.read(_HEAD_BYTES)) else None
    if nifti.recognizes(head):
        return "NIfTI"
    if tiff.recognizes(head):
        return "TIFF"
    return "DICOM" if dicom_header.recognizes(head) else None
