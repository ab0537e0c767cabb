"""What one DICOM file says of itself, read without its pixels and never trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import check_size
from mousepose.errors import FileError
from mousepose.types import Floats

if TYPE_CHECKING:
    from pydicom import Dataset

#: Elements larger than this, pixels first of all, are not read with the header.
_DEFERRED_BYTES = 2**16
_PIXELS = {0x7FE00010: None, 0x7FE00008: "f4", 0x7FE00009: "f8"}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DIRECTORY = "1.2.840.10008.1.3.10"
#: What a CT scan may call itself: CT, "other", or nothing.
_SCANS = {"CT", "OT", "SC", ""}
_GREY = {"MONOCHROME1", "MONOCHROME2", ""}
#: Compressed pixels are at least one part in this of the image.
_MOST_COMPRESSED = {True: 130, False: 5000}  # run lengths: 2 bytes for 128 at best
RUN_LENGTH = "1.2.840.10008.1.2.5"
UNCOMPRESSED = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


@dataclass(frozen=True, eq=False)
class Header:
    """One DICOM file: its tags, `shape` (frames, rows, columns) and where its pixels lie.

    `stored` is the type of one pixel, `syntax` the UID of the transfer syntax. The pixels begin at
    byte `offset` and have `length` bytes, or None where they are encapsulated. `notes` are
    sentences on what was taken for granted.
    """

    path: Path
    tags: Dataset
    shape: tuple[int, int, int]
    stored: np.dtype[Any]
    syntax: str
    offset: int
    length: int | None
    notes: tuple[str, ...] = ()


def recognizes(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is DICOM, with its preamble or without."""
    if head[128:132] == b"DICM":
        return True
    # Without preamble: group 2 or 8, a low element, and a value representation or a short length.
    bare = head[:1] in {b"\x02", b"\x08"} and head[1:2] == b"\x00" and head[3:4] == b"\x00"
    return bare and (head[4:6].isalpha() or head[6:8] == b"\x00\x00")


def read_header(path: Path) -> Header:
    """Return what a DICOM file says. Raises `FileError` on what is no grey-scale CT."""
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    with reading(path, "DICOM file"):
        with path.open("rb") as stream:
            bare = stream.read(132)[128:] != b"DICM"
        if not bare:
            _check_kind(path, read_file_meta_info(path))
        tags = dcmread(path, defer_size=_DEFERRED_BYTES, force=bare)
        _check_scan(path, tags)
        return _with_pixels(path, tags)


def numbers(tags: Dataset, keyword: str, count: int | None = None) -> Floats | None:
    """Return the finite numbers of a tag, None where it is absent or empty.

    Raises `FileError` where they are not `count` or not finite; the caller names the file.
    """
    value = tags.get(keyword)
    if value is None or value == "" or (isinstance(value, list) and not value):
        return None
    found = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if (count is not None and found.shape != (count,)) or not np.isfinite(found).all():
        raise FileError(f"its tag {keyword} is {value!r}; expected {count or 'finite'} number(s)")
    return found


def text(tags: Dataset, keyword: str) -> str:
    """Return the text of a tag, empty where it is absent."""
    value = tags.get(keyword)
    return "" if value is None else str(value).strip()


def _check_kind(path: Path, meta: Any) -> None:
    """Refuse, before its tags are read, what is no image or would have to be inflated whole."""
    if str(meta.get("TransferSyntaxUID", "")) == _DEFLATED:
        raise FileError(f"{path} is deflated as a whole; save it uncompressed first (dcmconv +te)")
    if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
        raise FileError(f"{path} is a DICOMDIR, a list of files; give the folder of the slices")


def _check_scan(path: Path, tags: Dataset) -> None:
    modality = text(tags, "Modality")
    if modality not in _SCANS:
        raise FileError(f"{path} is a scan of another kind ({modality}); expected CT")
    colour, samples = text(tags, "PhotometricInterpretation"), tags.get("SamplesPerPixel") or 1
    if colour not in _GREY or samples != 1:
        raise FileError(
            f"{path} holds colour images ({colour}, {samples} samples per pixel), such as a "
            "screenshot; expected grey values"
        )


def _with_pixels(path: Path, tags: Dataset) -> Header:
    found = [tag for tag in _PIXELS if tag in tags]
    if not found:
        if "Rows" not in tags and "SOPClassUID" not in tags:
            raise FileError(f"{path} is no DICOM image, or cut before its tags end")
        raise FileError(f"{path} holds no pixels: a header only, or cut before them")
    element = tags.get_item(found[0], keep_deferred=True)
    offset, length = _place(element)
    meta = getattr(tags, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "") if meta is not None else "")
    if not syntax:
        implicit = bool(getattr(element, "is_implicit_VR", True))
        syntax = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"
    stored = _type(path, tags, _PIXELS[found[0]], syntax)
    shape, notes = _shape(path, tags, None if length is None else length // stored.itemsize)
    header = Header(path, tags, shape, stored, syntax, offset, length, notes)
    _check_bytes(header)
    return header


def _place(element: Any) -> tuple[int, int | None]:
    length = int(getattr(element, "length", 0xFFFFFFFF))
    offset = int(getattr(element, "value_tell", 0) or getattr(element, "file_tell", 0) or 0)
    return offset, None if length == 0xFFFFFFFF else length


def _type(path: Path, tags: Dataset, floating: str | None, syntax: str) -> np.dtype[Any]:
    order = ">" if syntax == _BIG_ENDIAN else "<"
    if floating:
        return np.dtype(order + floating)
    bits = tags.get("BitsAllocated")
    if bits not in {8, 16, 32}:
        raise FileError(f"{path}: expected 8, 16 or 32 bits per pixel, got {bits}")
    return np.dtype(f"{order}{'i' if tags.get('PixelRepresentation') == 1 else 'u'}{bits // 8}")


def _shape(
    path: Path, tags: Dataset, pixels: int | None
) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    sides = [tags.get("Rows"), tags.get("Columns")]
    if not all(isinstance(side, int) for side in sides):
        raise FileError(f"{path} does not say how many rows and columns its images have")
    rows, columns = (int(side) for side in sides)
    told = numbers(tags, "NumberOfFrames", 1)
    frames = 1 if told is None else int(told[0])
    notes: tuple[str, ...] = ()
    if told is None and pixels and rows * columns > 0 and pixels >= 2 * rows * columns:
        frames = pixels // (rows * columns)
        notes = (f"the number of slices, {frames}, from the length of the pixel data",)
    check_size(path, (frames, rows, columns))
    return (frames, rows, columns), notes


def _check_bytes(header: Header) -> None:
    """Raise `FileError` where the file has not the bytes that its header claims."""
    size = header.path.stat().st_size
    needed = int(np.prod(header.shape, dtype=np.int64)) * header.stored.itemsize
    if header.length is None:
        most = _MOST_COMPRESSED[header.syntax == RUN_LENGTH] * size
        if header.syntax in UNCOMPRESSED or needed > most:
            raise FileError(
                f"{header.path}: {size} bytes cannot hold the {needed} bytes of pixels claimed"
            )
        return
    if header.syntax not in UNCOMPRESSED:
        raise FileError(f"{header.path}: its pixels are not in the form that its header names")
    there = min(header.length, size - header.offset)
    if there < needed:
        frames = max(there, 0) * header.shape[0] // needed
        raise FileError(
            f"{header.path} is cut: {there} of {needed} bytes of pixels are there, "
            f"{frames} of {header.shape[0]} slices; copy it again"
        )
    if header.length > needed + 1:
        raise FileError(
            f"{header.path}: {header.length} bytes of pixels, but its "
            f"{' x '.join(map(str, header.shape))} voxels need {needed}; the header is wrong"
        )
