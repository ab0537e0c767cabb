"""The slices of one DICOM file, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mousepose.ct.scans.dicom_header import RUN_LENGTH, UNCOMPRESSED, Header
from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import Plane
from mousepose.errors import FileError


def check_readable(header: Header) -> None:
    """Raise `FileError` where the pixels are compressed in a way that cannot be undone here."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    if header.syntax in UNCOMPRESSED | {RUN_LENGTH}:
        return
    with reading(header.path, "DICOM file"):
        name = UID(header.syntax).name
        available = get_decoder(UID(header.syntax)).is_available
    if not available:
        raise FileError(
            f"{header.path}: its pixels are compressed ({name}), which needs one more library: "
            "pip install python-gdcm; or decompress the file first (gdcmconv --raw IN OUT)"
        )


def planes(header: Header) -> Iterator[Plane]:
    """Yield the frames (rows, columns) of a file as stored. Raises `FileError` where they end."""
    if header.syntax in UNCOMPRESSED:
        yield from _uncompressed(header)
    else:
        yield from _compressed(header)


def _uncompressed(header: Header) -> Iterator[Plane]:
    frames, rows, columns = header.shape
    with reading(header.path, "DICOM file"):
        stream = header.path.open("rb")
    with stream:
        stream.seek(header.offset)
        for number in range(frames):
            plane = np.empty((rows, columns), header.stored)
            with reading(header.path, "DICOM file"):
                got = stream.readinto(plane.data.cast("B"))
            if got != plane.nbytes:
                raise FileError(f"{header.path} is cut in slice {number + 1} of {frames}")
            yield plane


def _compressed(header: Header) -> Iterator[Plane]:
    from pydicom.pixels.utils import iter_pixels

    frames, rows, columns = header.shape
    with reading(header.path, "DICOM file"):
        decoded: Iterator[Any] = iter(iter_pixels(header.path, raw=True))
    for number in range(frames):
        with reading(header.path, "DICOM file"):
            plane = next(decoded, None)
        if plane is None or plane.shape != (rows, columns):
            raise FileError(f"{header.path} is cut in slice {number + 1} of {frames}")
        yield plane
