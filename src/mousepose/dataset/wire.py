"""The wire format of protocol buffers, as far as `tf.train.Example` needs it; compiled.

Faults are put into an array (3): code, offset, and the number that the message tells.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Bytes, Ints

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
WIRE_TYPES = {0: "varint", 1: "64-bit", 2: "length-delimited", 3: "group", 4: "group", 5: "32-bit"}
#: Columns of `feature_spans`: the name's bytes, the kind of list (0: none), the list's bytes.
SPAN_COLUMNS = 5
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3

(
    CUT_NUMBER, LONG_NUMBER, NO_FIELD, BEYOND, CUT_FIXED, UNKNOWN_WIRE,
    WRONG_WIRE, TOO_MANY, ODD_FLOATS,
) = range(1, 10)  # fmt: skip

_PROBLEMS = {
    CUT_NUMBER: "a number that is cut",
    LONG_NUMBER: "a number of more than ten bytes",
    NO_FIELD: "a field without a number: these bytes are no tf.train.Example",
    BEYOND: "a field of {} bytes, beyond the end of its message",
    CUT_FIXED: "a number of {} bytes that is cut",
    UNKNOWN_WIRE: "wire type {}, which an Example never has",
    WRONG_WIRE: "wire type {} ({}), not that of this field of an Example",
    TOO_MANY: "more than {} values or features",
    ODD_FLOATS: "packed floats of {} bytes, no multiple of 4",
}


def problem_of(fault: Ints) -> str:
    """Return the words for a fault."""
    code, _, told = (int(value) for value in fault)
    return _PROBLEMS[code].format(told, WIRE_TYPES.get(told, "unknown"))


# With its types said it is compiled once, not for every kind of constant that it is called with.
@numba.njit("boolean(int64[::1], int64, int64, int64)", cache=True, nogil=True)
def _fail(fault: Ints, code: int, offset: int, told: int) -> bool:  # pragma: no cover - compiled
    fault[0], fault[1], fault[2] = code, offset, told
    return False


@numba.njit(cache=True, nogil=True)
def _read_varint(
    data: Bytes, place: int, stop: int, fault: Ints
) -> tuple[Any, int]:  # pragma: no cover - compiled
    """Return the number at `place`, as 64 bits with a sign, and the place behind it (-1: fault)."""
    value = np.uint64(0)
    start = place
    while place < stop:
        byte = data[place]
        place += 1
        value |= np.uint64(byte & 127) << np.uint64(7 * (place - start - 1))
        if byte < 128:
            return np.int64(value), place
        if place - start == 10:
            _fail(fault, LONG_NUMBER, start, 0)
            return 0, -1
    _fail(fault, CUT_NUMBER, start, 0)
    return 0, -1


@numba.njit(cache=True, nogil=True)
def read_field(
    data: Bytes, place: int, stop: int, fault: Ints
) -> tuple[int, int, int, int]:  # pragma: no cover - compiled
    """Return number, wire type, first byte and the one behind the last of the field at `place`.

    The last is -1 on a fault.
    """
    key, begin = _read_varint(data, place, stop, fault)
    if begin < 0:
        return 0, 0, 0, -1
    number, wire = key >> 3, key & 7
    end = -1
    if number <= 0:
        _fail(fault, NO_FIELD, place, 0)
    elif wire == LENGTH:
        length, start = _read_varint(data, begin, stop, fault)
        if start >= 0:
            begin = start
            if 0 <= length <= stop - begin:
                end = begin + length
            else:
                _fail(fault, BEYOND, place, length)
    elif wire == VARINT:
        end = _read_varint(data, begin, stop, fault)[1]
    elif wire in (FIXED32, FIXED64):
        size = 4 if wire == FIXED32 else 8
        if begin + size <= stop:
            end = begin + size
        else:
            _fail(fault, CUT_FIXED, place, size)
    else:
        _fail(fault, UNKNOWN_WIRE, place, wire)
    return number, wire, begin, end


@numba.njit(cache=True, nogil=True)
def feature_spans(data: Bytes, spans: Ints, fault: Ints) -> int:  # pragma: no cover - compiled
    """Fill rows of `spans` (N, 5) with the features of an Example; return how many, -1: fault."""
    count = place = 0
    while place < len(data):
        number, wire, begin, end = read_field(data, place, len(data), fault)
        if end < 0:
            return -1
        if number == 1:
            if wire != LENGTH:
                _fail(fault, WRONG_WIRE, place, wire)
                return -1
            count = _entries(data, begin, end, spans, count, fault)
            if count < 0:
                return -1
        place = end
    return count


@numba.njit(cache=True, nogil=True)
def _entries(
    data: Bytes, place: int, stop: int, spans: Ints, count: int, fault: Ints
) -> int:  # pragma: no cover - compiled
    while place < stop:
        number, wire, begin, end = read_field(data, place, stop, fault)
        if end < 0:
            return -1
        if number == 1:
            if wire != LENGTH:
                _fail(fault, WRONG_WIRE, place, wire)
                return -1
            if count == len(spans):
                _fail(fault, TOO_MANY, place, count)
                return -1
            spans[count] = 0
            if not _entry(data, begin, end, spans[count], fault):
                return -1
            count += 1
        place = end
    return count


@numba.njit(cache=True, nogil=True)
def _entry(
    data: Bytes, place: int, stop: int, row: Ints, fault: Ints
) -> bool:  # pragma: no cover - compiled
    while place < stop:
        number, wire, begin, end = read_field(data, place, stop, fault)
        if end < 0:
            return False
        if number <= 2 and wire != LENGTH:
            return _fail(fault, WRONG_WIRE, place, wire)
        if number == 1:
            row[0], row[1] = begin, end
        elif number == 2 and not _feature(data, begin, end, row, fault):
            return False
        place = end
    return True


@numba.njit(cache=True, nogil=True)
def _feature(
    data: Bytes, place: int, stop: int, row: Ints, fault: Ints
) -> bool:  # pragma: no cover - compiled
    """Put the last list of a feature into `row`: of several the last counts."""
    while place < stop:
        number, wire, begin, end = read_field(data, place, stop, fault)
        if end < 0:
            return False
        if number <= INT64_LIST:
            if wire != LENGTH:
                return _fail(fault, WRONG_WIRE, place, wire)
            row[2], row[3], row[4] = number, begin, end
        place = end
    return True


@numba.njit(cache=True, nogil=True)
def single_floats(
    data: Bytes, spans: Ints, out: NDArray[np.uint32]
) -> NDArray[np.bool_]:  # pragma: no cover - compiled
    """Put the bits of every float list of one value into `out` (N,); return which rows these are.

    Most features of a record are such lists, and reading them one by one is what takes time.
    """
    single = np.zeros(len(spans), np.bool_)
    for row in range(len(spans)):
        if spans[row, 2] != FLOAT_LIST:
            continue
        start, size = spans[row, 3], spans[row, 4] - spans[row, 3]
        packed = size == 6 and data[start] == 0x0A and data[start + 1] == 4
        if packed or (size == 5 and data[start] == 0x0D):
            out[row] = _bits(data, start + size - 4)
            single[row] = True
    return single


@numba.njit(cache=True, nogil=True)
def _bits(data: Bytes, at: int) -> np.uint32:  # pragma: no cover - compiled
    return (
        np.uint32(data[at])
        | np.uint32(data[at + 1]) << np.uint32(8)
        | np.uint32(data[at + 2]) << np.uint32(16)
        | np.uint32(data[at + 3]) << np.uint32(24)
    )


@numba.njit(cache=True, nogil=True)
def floats_of(
    data: Bytes, place: int, stop: int, out: NDArray[np.uint32], fault: Ints
) -> int:  # pragma: no cover - compiled
    """Fill `out` with the bits of a float list's values; return how many, -1: fault."""
    count = 0
    while place < stop:
        number, wire, begin, end = read_field(data, place, stop, fault)
        if end < 0:
            return -1
        if number == 1:
            if wire not in (LENGTH, FIXED32):
                _fail(fault, WRONG_WIRE, place, wire)
                return -1
            if (end - begin) % 4:
                _fail(fault, ODD_FLOATS, place, end - begin)
                return -1
            for at in range(begin, end, 4):
                if count == len(out):
                    _fail(fault, TOO_MANY, at, count)
                    return -1
                out[count] = _bits(data, at)
                count += 1
        place = end
    return count


@numba.njit(cache=True, nogil=True)
def ints_of(
    data: Bytes, place: int, stop: int, out: Ints, fault: Ints
) -> int:  # pragma: no cover - compiled
    """Fill `out` with the values of an int64 list; return how many, -1: fault."""
    count = 0
    while place < stop:
        number, wire, begin, end = read_field(data, place, stop, fault)
        if end < 0:
            return -1
        if number == 1:
            if wire == VARINT:
                begin = place + 1  # the key of field 1 is one byte
            elif wire != LENGTH:
                _fail(fault, WRONG_WIRE, place, wire)
                return -1
            while begin < end:
                if count == len(out):
                    _fail(fault, TOO_MANY, begin, count)
                    return -1
                out[count], begin = _read_varint(data, begin, end, fault)
                if begin < 0:
                    return -1
                count += 1
        place = end
    return count
