"""NIfTI scans, `.nii` and `.nii.gz`, version 1 and 2, read slice by slice."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np

from mousepose.ct.scans.orient import AXIAL, matrix_of_axes
from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import Plane, Stack, check_size
from mousepose.errors import FileError
from mousepose.types import Floats

#: Millimetres in one unit of the header.
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_MAGIC = {348: (344, (b"n+1", b"ni1")), 540: (4, (b"n+2", b"ni2"))}
#: gzip makes zeros at most so much smaller.
_MOST_COMPRESSED = 1100
_HEADER_BYTES = 540
_ORDERS: tuple[Literal["little"], Literal["big"]] = ("little", "big")


def recognizes(head: bytes) -> bool:
    """Tell whether a file that begins with `head`, unpacked, is NIfTI."""
    return any(
        int.from_bytes(head[:4], order) == size and head[place : place + 3] in magics
        for size, (place, magics) in _MAGIC.items()
        for order in _ORDERS
    )


def open_file(path: Path) -> Stack:
    """Return the scan in a NIfTI file. Raises `FileError` on what is no grey volume."""
    with reading(path, "NIfTI file"), unpacked(path) as stream:
        header = _header(path, stream)
        kind = header.get_data_dtype().newbyteorder(header.endianness)
        if kind.fields is not None or kind.kind == "c" or kind.itemsize > 8:
            raise FileError(f"{path} holds colours or complex numbers; expected grey values")
        sides = tuple(int(side) for side in header.get_data_shape())
        if len(sides) < 3 or any(side > 1 for side in sides[3:]):
            raise FileError(
                f"{path}: expected a volume of 3 axes, got {' x '.join(map(str, sides))}"
            )
        # The first index changes quickest in the file: columns, rows, slices.
        shape = (sides[2], sides[1], sides[0])
        check_size(path, shape)
        offset = int(header.get_data_offset())
        _check_bytes(path, stream, offset + int(np.prod(sides, dtype=np.int64)) * kind.itemsize)
        located = bool(header["sform_code"] or header["qform_code"])
        T_world_index, notes = _matrix(header, shape, located)
        slope, intercept = header.get_slope_inter()
    return Stack(
        path=path,
        kind="NIfTI",
        shape=shape,
        stored=kind,
        T_world_index=T_world_index,
        planes=lambda: _planes(path, shape, kind, offset),
        slope=np.full(shape[0], 1.0 if slope is None else float(slope)),
        intercept=np.full(shape[0], 0.0 if intercept is None else float(intercept)),
        located=located,
        notes=notes,
    )


def is_packed(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is gzip."""
    return head[:2] == b"\x1f\x8b"


def unpacked(path: Path) -> BinaryIO:
    """Open a file, unpacking it where it is gzip."""
    with path.open("rb") as stream:
        packed = is_packed(stream.read(2))
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def _header(path: Path, stream: BinaryIO) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    head = stream.read(_HEADER_BYTES)
    if not recognizes(head):
        raise FileError(f"{path} is no NIfTI file")
    second = 540 in {int.from_bytes(head[:4], order) for order in _ORDERS}
    if head[344:348] == b"ni1\0" or (second and head[4:7] == b"ni2"):
        raise FileError(f"{path} is a header without its .img; save header and image in one .nii")
    kind: Any = Nifti2Header if second else Nifti1Header
    return kind(head[: kind.sizeof_hdr], check=True)


def _check_bytes(path: Path, stream: BinaryIO, needed: int) -> None:
    size = path.stat().st_size
    most = size * _MOST_COMPRESSED if isinstance(stream, gzip.GzipFile) else size
    if needed > most:
        raise FileError(f"{path} is cut: {size} bytes cannot hold the {needed} its header claims")


def _matrix(
    header: Any, shape: tuple[int, int, int], located: bool
) -> tuple[Floats, tuple[str, ...]]:
    unit = header.get_xyzt_units()[0]
    scale, notes = _MM[unit], list[str]()
    if unit == "unknown":
        notes.append("no unit of length in the file; taken as mm")
    if not located:
        zooms = [float(zoom) * scale for zoom in header.get_zooms()[2::-1]]
        notes.append("no orientation in the file; taken as axial: to head, back and left")
        return matrix_of_axes(AXIAL, zooms, shape), tuple(notes)
    T_world_file = np.array(header.get_best_affine(), dtype=np.float64)
    T_world_file[:3] *= scale
    # Columns of the matrix in our order: slices, rows, columns.
    return np.ascontiguousarray(T_world_file[:, [2, 1, 0, 3]]), tuple(notes)


def _planes(
    path: Path, shape: tuple[int, int, int], kind: np.dtype[Any], offset: int
) -> Iterator[Plane]:
    with reading(path, "NIfTI file"):
        stream = unpacked(path)
    with stream:
        with reading(path, "NIfTI file"):
            stream.seek(offset)
        for number in range(shape[0]):
            with reading(path, "NIfTI file"):
                data = stream.read(shape[1] * shape[2] * kind.itemsize)
            if len(data) != shape[1] * shape[2] * kind.itemsize:
                raise FileError(f"{path} is cut in slice {number + 1} of {shape[0]}")
            yield np.frombuffer(data, kind).reshape(shape[1:])
