"""Masks with 64 pixels in a word: they grow and shrink by squares in a few instructions a row."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Bits = NDArray[np.uint64]

_ONE, _ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD = 64
#: Words are shifted by less than their length.
_MOST_SHIFT = 63


@numba.njit(cache=True, nogil=True)
def spread(mask: Mask, radius: int, shrinking: bool) -> Mask:  # pragma: no cover - compiled
    """Return a mask (H, W) of 0 and 1 grown, or shrunk, by `radius` pixels on all sides.

    Beyond the picture's edge there is nothing to grow from, and no side to shrink from.
    """
    bits = _packed(mask)
    if shrinking:
        _shrink(bits, mask.shape[1], radius)
    else:
        _grow(bits, mask.shape[1], radius)
    return _unpacked(bits, mask.shape[1])


@numba.njit(cache=True, nogil=True)
def bodies(mask: Mask, radius: int) -> Mask:  # pragma: no cover - compiled
    """Return a mask closed by 1, opened by `radius`, and half as much grown again within it."""
    width = mask.shape[1]
    whole = _packed(mask)
    _grow(whole, width, 1)
    _shrink(whole, width, 1)
    opened = whole.copy()
    _shrink(opened, width, radius)
    _grow(opened, width, radius + max(1, radius // 2))
    return _unpacked(opened & whole, width)


@numba.njit(cache=True, nogil=True)
def _packed(mask: Mask) -> Bits:  # pragma: no cover - compiled
    height, width = mask.shape
    bits = np.zeros((height, (width - 1) // _WORD + 1), np.uint64)
    for y in range(height):
        for place in range(bits.shape[1]):
            part = mask[y, place * _WORD : (place + 1) * _WORD]
            word = np.uint64(0)
            for x in range(len(part)):
                word |= np.uint64(part[x]) << np.uint64(x)
            bits[y, place] = word
    return bits


@numba.njit(cache=True, nogil=True)
def _unpacked(bits: Bits, width: int) -> Mask:  # pragma: no cover - compiled
    mask = np.zeros((len(bits), width), np.uint8)
    for y in range(len(bits)):
        for place in range(bits.shape[1]):
            word = bits[y, place]
            if word:
                part = mask[y, place * _WORD : (place + 1) * _WORD]
                for x in range(len(part)):
                    part[x] = np.uint8((word >> np.uint64(x)) & _ONE)
    return mask


@numba.njit(cache=True, nogil=True)
def _grow(bits: Bits, width: int, radius: int) -> None:  # pragma: no cover - compiled
    """Grow along rows and then columns, each step about twice as far as the one before."""
    height, words = bits.shape
    for y in range(height):
        row, have = bits[y], 0
        while have < radius:
            step = min(have + 1, radius - have, _MOST_SHIFT)
            ahead, back = np.uint64(step), np.uint64(_WORD - step)
            before = np.uint64(0)
            for place in range(words):
                here = row[place]
                after = row[place + 1] if place + 1 < words else np.uint64(0)
                row[place] = here | here << ahead | before >> back | here >> ahead | after << back
                before = here
            have += step
    _cut_off(bits, width)
    have = 0
    while have < radius:
        step = min(have + 1, radius - have)
        old = bits.copy()
        for y in range(height):
            for place in range(words):
                if y >= step:
                    bits[y, place] |= old[y - step, place]
                if y + step < height:
                    bits[y, place] |= old[y + step, place]
        have += step


@numba.njit(cache=True, nogil=True)
def _shrink(bits: Bits, width: int, radius: int) -> None:  # pragma: no cover - compiled
    """Shrink: grow what is not set."""
    _flip(bits, width)
    _grow(bits, width, radius)
    _flip(bits, width)


@numba.njit(cache=True, nogil=True)
def _flip(bits: Bits, width: int) -> None:  # pragma: no cover - compiled
    for y in range(len(bits)):
        for place in range(bits.shape[1]):
            bits[y, place] ^= _ALL
    _cut_off(bits, width)


@numba.njit(cache=True, nogil=True)
def _cut_off(bits: Bits, width: int) -> None:  # pragma: no cover - compiled
    """Clear what lies beyond the last column."""
    beyond = bits.shape[1] * _WORD - width
    for y in range(len(bits)):
        bits[y, -1] &= _ALL >> np.uint64(beyond)
