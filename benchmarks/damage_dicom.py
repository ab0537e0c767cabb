"""Damaged DICOM files, the same ones for the same seeds: what the scan reader must survive."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from damage import Case

from mousepose.ct.scans.scan import load_scan
from mousepose.ct.scans.write_dicom import write_dicom
from mousepose.ct.types import Volume
from mousepose.errors import InputError

Random = np.random.Generator
#: Voxels of the file that is damaged, and the most that may come out of it.
SHAPE, MOST_VOXELS = (12, 10, 14), 10_000_000
#: Tags (as they lie in the file) that tell how large the pixels are, with their words of value.
_SIZES = {
    b"\x28\x00\x10\x00US\x02\x00": 2,  # rows
    b"\x28\x00\x11\x00US\x02\x00": 2,  # columns
    b"\x28\x00\x00\x01US\x02\x00": 2,  # bits allocated
    b"\x28\x00\x02\x00US\x02\x00": 2,  # samples a pixel
    b"\x28\x00\x03\x01US\x02\x00": 2,  # signed or not
}
_FRAMES, _SYNTAX = b"\x28\x00\x08\x00IS\x02\x00", b"1.2.840.10008.1.2.1"
#: JPEG, JPEG 2000, run lengths, deflated, big-endian, and one that is none.
_OTHER_SYNTAXES = (
    b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.5",
    b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2", b"9.9.9",
)  # fmt: skip


@cache
def whole_scan() -> bytes:
    """Return the file that is damaged: a bright ball in air."""
    place = np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(SHAPE) / 2
    values = np.where((place**2).sum(axis=-1) < 12, 800, -1000).astype(np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.dcm"
        write_dicom(Volume(values, np.diag([0.5, 0.5, 0.5, 1.0]), name="whole"), path)
        return path.read_bytes()


def cases(count: int) -> Iterator[Case]:
    """Yield `count` damaged files, the kinds in turn."""
    kinds = list(_KINDS)
    for seed in range(count):
        kind = kinds[seed % len(kinds)]
        yield Case(kind, seed, _KINDS[kind](np.random.default_rng([1, seed])))


def survives(case: Case, path: Path) -> str:
    """Return what is wrong with how a damaged file at `path` is read, "" if nothing is.

    Damage must be told with the file's name and more than that, or leave a volume of sane size.
    """
    path.write_bytes(case.data)
    try:
        volume = load_scan(path)
    except InputError as error:
        told = str(error)
        return "" if path.name in told and len(told) > len(str(path)) + 15 else f"message: {told}"
    if volume.values.size > MOST_VOXELS:
        return f"{volume.values.size} voxels out of {len(case.data)} bytes"
    return "" if np.isfinite(volume.spacing).all() else "a spacing that is no number"


def _cut(random: Random) -> bytes:
    return whole_scan()[: random.integers(1, len(whole_scan()))]


def _flipped(random: Random, first: int, last: int) -> bytes:
    data = bytearray(whole_scan())
    for place in random.integers(first, last, random.integers(1, 12)):
        data[place] ^= 1 << int(random.integers(8))
    return bytes(data)


def _bits_flipped(random: Random) -> bytes:
    return _flipped(random, 0, len(whole_scan()))


def _header_flipped(random: Random) -> bytes:
    return _flipped(random, 128, len(whole_scan()) - 2 * int(np.prod(SHAPE)))


def _bytes_lost(random: Random) -> bytes:
    data = whole_scan()
    start = int(random.integers(len(data)))
    return data[:start] + data[start + int(random.integers(1, 300)) :]


def _bytes_added(random: Random) -> bytes:
    data = whole_scan()
    start = int(random.integers(len(data)))
    return data[:start] + random.bytes(int(random.integers(1, 300))) + data[start:]


def _length_too_large(random: Random) -> bytes:
    """Give an element a length beyond its own, short or long, or an unknown one."""
    data = bytearray(whole_scan())
    kinds = [b"DS", b"IS", b"UI", b"LO", b"PN", b"CS", b"US", b"SQ", b"OW"]
    kind = kinds[random.integers(len(kinds))]
    places = [p for p in range(128, len(data) - 12) if data[p : p + 2] == kind]
    place = places[random.integers(len(places))]
    if kind in (b"SQ", b"OW"):
        length = int(random.choice([0xFFFFFFFF, 0xFFFFFFFE, 2**31, int(random.integers(2**32))]))
        data[place + 4 : place + 8] = length.to_bytes(4, "little")
    else:
        data[place + 2 : place + 4] = int(random.integers(2**16)).to_bytes(2, "little")
    return bytes(data)


def _size_changed(random: Random) -> bytes:
    """Tell other sizes of the pixels than there are."""
    data = bytearray(whole_scan())
    for tag in random.choice(list(_SIZES), random.integers(1, 4)):
        place = data.find(bytes(tag))
        if place >= 0:
            value = int(random.choice([0, 1, 7, 8, 64, 65535, int(random.integers(65536))]))
            data[place + 8 : place + 10] = value.to_bytes(2, "little")
    return bytes(data)


def _frames_changed(random: Random) -> bytes:
    """Tell another number of frames, up to a thousand million and below 0."""
    frames = [b"0 ", b"-1", b"1e9 ", b"999999999 ", b"2147483647", b"3.5 ", b"1\\2 ", b"nan "]
    value = frames[random.integers(len(frames))]
    tag = _FRAMES[:6] + len(value).to_bytes(2, "little") + value
    return whole_scan().replace(_FRAMES + b"14", tag, 1)


def _other_syntax(random: Random) -> bytes:
    """Claim another way of writing, compressed for instance."""
    told = _OTHER_SYNTAXES[random.integers(len(_OTHER_SYNTAXES))]
    padded = told.ljust(len(_SYNTAX) + len(_SYNTAX) % 2, b"\0")
    old = _SYNTAX.ljust(len(padded), b"\0")
    data = whole_scan().replace(old, padded[: len(old)], 1)
    return data if random.random() < 0.5 else data[: random.integers(200, len(data))]


def _number_changed(random: Random) -> bytes:
    """Put odd numbers where spacing, place and rescale stand."""
    odd = [b"nan", b"inf", b"-1", b"0", b"1e300", b"1e-300", b"x", b"", b"\xff\xff"]
    data = whole_scan()
    places = [p for p in range(128, len(data) - 8) if data[p : p + 2] == b"DS"]
    place = places[random.integers(len(places))]
    length = int.from_bytes(data[place + 2 : place + 4], "little")
    parts = data[place + 4 : place + 4 + length].strip().split(b"\\")
    parts[random.integers(len(parts))] = odd[random.integers(len(odd))]
    value = b"\\".join(parts)
    value += b" " * (len(value) % 2)
    return (
        data[: place + 2]
        + len(value).to_bytes(2, "little")
        + value
        + data[place + 4 + length :]
    )  # fmt: skip


def _nested(random: Random) -> bytes:
    """Put thousands of sequences into each other."""
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    one = b"\x28\x00\x10\x91SQ\x00\x00\xff\xff\xff\xff" + item
    return whole_scan()[:-3000] + one * int(random.integers(10, 20_000))


def _noise(random: Random) -> bytes:
    head = bytes(128) + b"DICM" if random.random() < 0.7 else b"\x08\x00\x05\x00CS"
    return head + random.bytes(int(random.integers(1, 4000)))


_KINDS: dict[str, Callable[[Random], bytes]] = {
    "cut": _cut,
    "bits flipped": _bits_flipped,
    "bits of the tags": _header_flipped,
    "bytes lost": _bytes_lost,
    "bytes added": _bytes_added,
    "length too large": _length_too_large,
    "size of the pixels": _size_changed,
    "number of frames": _frames_changed,
    "transfer syntax": _other_syntax,
    "numbers": _number_changed,
    "nested sequences": _nested,
    "noise": _noise,
}
