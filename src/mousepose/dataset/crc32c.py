"""CRC-32C (Castagnoli), the checksum of TFRecord files, eight bytes at a time; compiled.

Tables and method of "slicing by 8" (Kounavis & Berry 2008); polynomial as in RFC 3720, B.4.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Bytes

_POLYNOMIAL = 0x82F63B78  # reflected
_MASK_DELTA = 0xA282EAD8


def _tables() -> NDArray[np.uint32]:
    """Return the tables (8, 256): row k is the effect of a byte with k bytes behind it."""
    rows = np.zeros((8, 256), np.uint32)
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = (first >> np.uint32(1)) ^ np.where(first & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    rows[0] = first
    for k in range(1, 8):
        rows[k] = (rows[k - 1] >> np.uint32(8)) ^ first[rows[k - 1] & 255]
    return rows


_TABLES = _tables()


def masked_crc(data: bytes | memoryview) -> int:
    """Return the masked CRC-32C of `data`, as TFRecord stores it."""
    array = np.frombuffer(data, np.uint8)
    return int(masked_crc_of(array, 0, len(array)))


@numba.njit(cache=True, nogil=True)
def crc_of(data: Bytes, start: int, stop: int) -> int:  # pragma: no cover - compiled
    """Return the CRC-32C of `data[start:stop]`."""
    t = _TABLES
    crc = np.uint32(0xFFFFFFFF)
    byte = np.uint32(0xFF)
    i, end = np.uint64(start), np.uint64(stop)  # unsigned: no negative places to provide for
    one, eight = np.uint64(1), np.uint64(8)
    while i + eight <= end:
        word = crc ^ (
            np.uint32(data[i])
            | (np.uint32(data[i + one]) << np.uint32(8))
            | (np.uint32(data[i + np.uint64(2)]) << np.uint32(16))
            | (np.uint32(data[i + np.uint64(3)]) << np.uint32(24))
        )
        crc = (
            t[7, word & byte]
            ^ t[6, (word >> np.uint32(8)) & byte]
            ^ t[5, (word >> np.uint32(16)) & byte]
            ^ t[4, word >> np.uint32(24)]
            ^ t[3, data[i + np.uint64(4)]]
            ^ t[2, data[i + np.uint64(5)]]
            ^ t[1, data[i + np.uint64(6)]]
            ^ t[0, data[i + np.uint64(7)]]
        )
        i += eight
    while i < end:
        crc = t[0, (crc ^ np.uint32(data[i])) & byte] ^ (crc >> np.uint32(8))
        i += one
    return int(crc ^ np.uint32(0xFFFFFFFF))


@numba.njit(cache=True, nogil=True)
def masked_crc_of(data: Bytes, start: int, stop: int) -> int:  # pragma: no cover - compiled
    """Return the masked CRC-32C of `data[start:stop]`.

    Stored checksums are masked because the CRC of data that holds its own CRC says nothing.
    """
    crc = crc_of(data, start, stop)
    turned = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    return (turned + _MASK_DELTA) & 0xFFFFFFFF
