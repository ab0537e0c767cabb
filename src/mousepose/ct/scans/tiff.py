"""TIFF stacks: one file with all slices, or a folder with a file for each."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mousepose.ct.scans.orient import AXIAL, matrix_of_axes
from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import Plane, Stack, check_size
from mousepose.errors import FileError
from mousepose.types import Floats

#: Millimetres in one unit, as ImageJ, OME and the resolution tag spell it.
_MM = {
    "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "centimeter": 10.0, "inch": 25.4, "in": 25.4,
    "micron": 1e-3, "microns": 1e-3, "um": 1e-3, "\u00b5m": 1e-3, "\u03bcm": 1e-3,
    "\\u00b5m": 1e-3, "nm": 1e-6, "m": 1e3, "meter": 1e3,
}  # fmt: skip
_COMPRESSED = 1100
_MAX_PAGES = 20_000


def recognizes(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a TIFF, classic or big."""
    return head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}


def open_file(path: Path, *, spacing_given: bool) -> Stack:
    """Return the scan in a TIFF with all slices. Raises `FileError` on what is none.

    TIFF has no orientation: slices are taken to run to the head, rows to the back, columns to the
    left. A file that tells no spacing is refused unless `spacing_given`.
    """
    from tifffile import TiffFile

    with reading(path, "TIFF file"), TiffFile(path) as file:
        pages = _pages(path, file)
        _check_end(path, file)
        _check_axes(path, file, len(pages))
        spacing = np.ones(3) if spacing_given else _spacing(path, file)
    return _stack(path, [path], (len(pages), *pages[0][0]), pages[0][1], spacing)


def open_folder(folder: Path, files: Sequence[Path], *, spacing_given: bool) -> Stack:
    """Return the scan whose slices are the TIFF `files`, in the order of the numbers in names."""
    if not spacing_given:
        raise FileError(
            f"{folder}: single TIFF slices do not tell how far they are apart; give spacing_mm "
            "(slices, rows, columns)"
        )
    from tifffile import TiffFile

    files = sorted(files, key=_by_number)
    kinds = []
    for path in files:
        with reading(path, "TIFF file"), TiffFile(path) as file:
            kinds += _pages(path, file, single=True)
    for path, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise FileError(
                f"{folder}: slices of different size, {files[0].name} {kinds[0][0]} and "
                f"{path.name} {kind[0]}"
            )
    return _stack(folder, files, (len(files), *kinds[0][0]), kinds[0][1], np.ones(3))


def _stack(
    path: Path,
    files: Sequence[Path],
    shape: tuple[int, int, int],
    kind: np.dtype[Any],
    spacing: Floats,
) -> Stack:
    check_size(path, shape)
    return Stack(
        path=path,
        kind="TIFF",
        shape=shape,
        stored=kind,
        T_world_index=matrix_of_axes(AXIAL, spacing, shape),
        planes=lambda: _planes(files, shape, kind),
        slope=np.ones(shape[0]),
        intercept=np.zeros(shape[0]),
        located=False,
        notes=("a TIFF has no orientation; taken as axial: to head, back and left",),
    )


def _pages(
    path: Path, file: Any, *, single: bool = False
) -> list[tuple[tuple[int, int], np.dtype[Any]]]:
    """Return size and type of each page after checking that they are grey slices of one size."""
    found: list[tuple[tuple[int, int], np.dtype[Any]]] = []
    bytes_needed = 0
    for page in file.pages:
        if page.samplesperpixel != 1 or page.photometric not in {0, 1}:
            raise FileError(f"{path} holds colour images; expected grey values")
        if page.dtype is None or page.dtype.kind not in "iuf" or page.imagedepth != 1:
            raise FileError(f"{path}: pixels of {page.bitspersample} bits; expected 8, 16 or 32")
        found.append(((int(page.imagelength), int(page.imagewidth)), page.dtype))
        if found[-1] != found[0]:
            raise FileError(
                f"{path}: page {len(found)} has {found[-1][0]} pixels, the first {found[0][0]}"
            )
        check_size(path, (1, *found[-1][0]))
        bytes_needed += page.nbytes
        if len(found) > (1 if single else _MAX_PAGES):
            raise FileError(f"{path}: more than {len(found) - 1} pages; not a slice of a scan")
    if bytes_needed > _COMPRESSED * path.stat().st_size:
        raise FileError(f"{path}: {path.stat().st_size} bytes cannot hold {bytes_needed} of pixels")
    return found


def _check_end(path: Path, file: Any) -> None:
    """Raise `FileError` where the last page names one more, which is not there."""
    layout, stream, place = file.tiff, file.filehandle, file.pages[-1].offset
    stream.seek(place)
    (tags,) = struct.unpack(layout.tagnoformat, stream.read(layout.tagnosize))
    stream.seek(place + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, stream.read(layout.offsetsize))
    if following:
        raise FileError(f"{path} is cut after {len(file.pages)} slices; copy it again")


def _check_axes(path: Path, file: Any, pages: int) -> None:
    """Raise `FileError` on a stack with channels or times, or whose pages are not listed."""
    if not (file.is_imagej or file.is_ome):
        return
    series = file.series[0]
    # Programs often call the slices times; more than one such axis is more than a stack.
    deep = [s for a, s in zip(series.axes, series.shape, strict=True) if a not in "YX" and s > 1]
    if len(deep) > 1 or len(file.series) > 1:
        raise FileError(f"{path} holds several channels, times or stacks; save one as a stack")
    if deep and deep[0] != pages:
        raise FileError(
            f"{path}: a stack of more than 4 GB as ImageJ writes it; save it as BigTIFF or NIfTI"
        )


def _spacing(path: Path, file: Any) -> Floats:
    """Return the spacing (3,) mm of slices, rows, columns from OME, ImageJ or resolution tags."""
    spacing = _ome(file) if file.is_ome else _imagej(file)
    if spacing is None:
        raise FileError(
            f"{path} does not tell its spacing; give spacing_mm (slices, rows, columns)"
        )
    return spacing


def _ome(file: Any) -> Floats | None:
    if "<!DOCTYPE" in file.ome_metadata or "<!ENTITY" in file.ome_metadata:
        return None
    for element in ElementTree.fromstring(file.ome_metadata).iter():
        if element.tag.endswith("}Pixels"):
            sizes = [
                float(element.get(f"PhysicalSize{axis}", "nan"))
                * _MM.get(element.get(f"PhysicalSize{axis}Unit", "\u00b5m"), np.nan)
                for axis in "ZYX"
            ]
            return np.array(sizes) if np.isfinite(sizes).all() else None
    return None


def _imagej(file: Any) -> Floats | None:
    """Return the spacing of an ImageJ stack; its resolution tag counts pixels for one `unit`."""
    about = file.imagej_metadata or {}
    tags = file.pages.first.tags
    across = [_per_unit(tags, name) for name in ("YResolution", "XResolution")]
    if None in across:
        return None
    unit = _MM.get(str(about.get("unit", "")).strip().lower())
    if unit is not None and "spacing" in about:
        sides = [float(about["spacing"]), *(1 / float(number) for number in across if number)]
        return np.array(sides) * unit if len(sides) == 3 else None
    return None


def _per_unit(tags: Any, name: str) -> float | None:
    tag = tags.get(name)
    if tag is None:
        return None
    above, below = tag.value
    return above / below if above and below else None


def _by_number(path: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", path.stem)][-1:], path.name


def _planes(
    files: Sequence[Path], shape: tuple[int, int, int], kind: np.dtype[Any]
) -> Iterator[Plane]:
    from tifffile import TiffFile

    for path in files:
        with reading(path, "TIFF file"):
            file = TiffFile(path)
        with file:
            for number in range(shape[0] // len(files)):
                with reading(path, "TIFF file"):
                    plane = file.pages[number].asarray()
                if plane.shape != shape[1:] or plane.dtype != kind:
                    raise FileError(f"{path}: page {number + 1} is not of the size it claims")
                yield plane
