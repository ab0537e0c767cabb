"""The checksum is the standard's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.dataset.crc32c import crc_of, masked_crc


def crc(data: bytes) -> int:
    return crc_of(np.frombuffer(data, np.uint8), 0, len(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720, B.4, and the check value of the catalogue of CRCs
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_standards_values(data: bytes, expected: int) -> None:
    assert crc(data) == expected


def test_the_mask_is_that_of_tfrecord() -> None:
    # The length 0 as every empty record begins: 0x07980329 masked, from TensorFlow's own files.
    assert masked_crc(bytes(8)) == 0x07980329


@given(st.binary(max_size=100), st.integers(0, 100), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(data: bytes, place: int, bit: int) -> None:
    if not data:
        return
    changed = bytearray(data)
    changed[place % len(data)] ^= 1 << bit
    assert crc(bytes(changed)) != crc(data)


@given(st.binary(max_size=100), st.integers(0, 20))
def test_a_part_of_the_data_is_summed_alone(data: bytes, start: int) -> None:
    start = min(start, len(data))
    assert crc_of(np.frombuffer(data, np.uint8), start, len(data)) == crc(data[start:])
