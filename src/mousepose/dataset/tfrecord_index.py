"""Where the records of a TFRecord file start: one pass over the lengths, none over the payload.

A record is its length (8 bytes), the masked CRC-32C of these (4), the payload, and the masked
CRC-32C of the payload (4); numbers are little-endian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from mousepose.dataset.crc32c import masked_crc_of
from mousepose.errors import FileError
from mousepose.types import Bytes, Ints

HEADER, FOOTER = 12, 4
#: A longer record is taken for damage unless the caller says otherwise.
MAX_RECORD_BYTES = 64 * 2**20
#: Faults that are kept of a file; the rest is only counted.
MAX_FAULTS = 1000
#: Records looked up, and bytes passed over, between two reports of how far the scan is.
_ROOM, _WINDOW = 65_536, 32 * 2**20

#: What a message about a damaged record ends with.
WAY_OUT = "The good records can be read all the same: skip_faults=True, --skip-faults"
_FULL, _END, _CUT_HEADER, _BAD_LENGTH, _BEYOND_END, _TOO_LONG = range(6)


class Fault(NamedTuple):
    """What is wrong at one place: the file, the record's number in it, its first byte."""

    path: Path
    record: int
    offset: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: record {self.record} at byte {self.offset}: {self.problem}"


@dataclass(frozen=True, eq=False)
class RecordIndex:
    """The good records of a file: first payload byte `start` (N,), `length` (N,), and the faults.

    `total_faults` may exceed the faults that are kept.
    """

    start: Ints
    length: Ints
    faults: list[Fault]
    total_faults: int

    def __len__(self) -> int:
        return len(self.start)


def build_index(
    data: Bytes,
    path: Path,
    *,
    skip_faults: bool = False,
    max_record_bytes: int = MAX_RECORD_BYTES,
    passed: Callable[[int, int], None] | None = None,
) -> RecordIndex:
    """Return the index of the bytes of a file called `path`.

    `passed(start, stop)` is told which bytes will not be looked at again. After a fault that is
    skipped the scan goes on at the next header whose checksum is right and that is followed by
    another one or by the end. Raises `FileError` at the first fault unless `skip_faults`.
    """
    starts, lengths, faults = [], [], []
    count = total = position = told = 0
    room_start, room_length = np.empty(_ROOM, np.int64), np.empty(_ROOM, np.int64)
    code = _FULL
    while code != _END:
        found, position, code = _scan(
            data,
            position,
            min(len(data), told + _WINDOW),
            room_start,
            room_length,
            max_record_bytes,
        )
        starts.append(room_start[:found].copy())
        lengths.append(room_length[:found].copy())
        count += found
        if code not in (_FULL, _END):
            fault = Fault(path, count + total, position, _problem(data, position, code))
            if not skip_faults:
                raise FileError(f"{fault}. {WAY_OUT}")
            total += 1
            if total <= MAX_FAULTS:
                faults.append(fault)
            position = _after(data, position, code)
            if position < 0:
                code = _END
        if passed is not None and 0 <= told < position:
            passed(told, position)
        told = max(told, position)
    return RecordIndex(np.concatenate(starts), np.concatenate(lengths), faults, total)


def is_record_start(data: Bytes, position: int = 0) -> bool:
    """Tell whether a record's length with the right checksum stands at `position`."""
    return position + HEADER <= len(data) and bool(_header_is_good(data, position))


def _problem(data: Bytes, position: int, code: int) -> str:
    left = len(data) - position
    if code == _CUT_HEADER:
        return f"the file is cut: {left} bytes are left where a header has {HEADER}"
    if code == _BAD_LENGTH:
        return "the checksum of its length is wrong: the file is damaged here, or is no TFRecord"
    length = int.from_bytes(bytes(data[position : position + 8]), "little")
    if code == _BEYOND_END:
        return (
            f"it should have {length} bytes and {max(left - HEADER - FOOTER, 0)} are left: the "
            "file is cut, or this length is wrong"
        )
    return f"it has {length} bytes, more than the limit for one record"


def _after(data: Bytes, position: int, code: int) -> int:
    """Return where the scan goes on after a fault, -1 where nothing good follows."""
    if code == _CUT_HEADER:
        return -1
    if code == _TOO_LONG:
        length = int.from_bytes(bytes(data[position : position + 8]), "little")
        return position + HEADER + length + FOOTER
    return int(_next_good(data, position + 1))


@numba.njit(cache=True, nogil=True)
def _header_is_good(data: Bytes, position: int) -> bool:  # pragma: no cover - compiled
    stored = 0
    for k in range(4):
        stored |= int(data[position + 8 + k]) << (8 * k)
    return masked_crc_of(data, position, position + 8) == stored


@numba.njit(cache=True, nogil=True)
def _length_at(data: Bytes, position: int) -> int:  # pragma: no cover - compiled
    """Return the length that stands at `position`, -1 where no file can be so long."""
    length = 0
    for k in range(8):
        if k >= 6 and data[position + k]:
            return -1
        length |= int(data[position + k]) << (8 * k)
    return length


@numba.njit(cache=True, nogil=True)
def _scan(
    data: Bytes, position: int, stop: int, start: Ints, length: Ints, limit: int
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Fill `start` and `length`; return how many, the place of the next header, and why it ended.

    It ends where the room is full or the next header lies at or behind `stop`.
    """
    count = 0
    while position < len(data):
        if count == len(start) or (position >= stop and count > 0):
            return count, position, _FULL
        if len(data) - position < HEADER:
            return count, position, _CUT_HEADER
        if not _header_is_good(data, position):
            return count, position, _BAD_LENGTH
        size = _length_at(data, position)
        if size < 0 or size > len(data) - position - HEADER - FOOTER:
            return count, position, _BEYOND_END
        if size > limit:
            return count, position, _TOO_LONG
        start[count], length[count] = position + HEADER, size
        count += 1
        position += HEADER + size + FOOTER
    return count, position, _END


@numba.njit(cache=True, nogil=True)
def _next_good(data: Bytes, position: int) -> int:  # pragma: no cover - compiled
    """Return the next place of a whole record that another one or the end follows, or -1."""
    end = len(data)
    while position + HEADER + FOOTER <= end:
        # A length fills few of its eight bytes: most places are ruled out without a checksum.
        size = _length_at(data, position)
        if 0 <= size <= end - position - HEADER - FOOTER and _header_is_good(data, position):
            after = position + HEADER + size + FOOTER
            if after == end or (after + HEADER <= end and _header_is_good(data, after)):
                return position
        position += 1
    return -1
