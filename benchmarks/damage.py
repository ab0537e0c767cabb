"""Damaged TFRecord files, the same ones for the same seeds: what a reader must survive.

Some damage is seen by the checksums of the file; other files have right checksums around an
Example that is wrong, as a hostile writer would make them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mousepose.dataset.crc32c import masked_crc
from mousepose.dataset.example import serialise_example
from mousepose.dataset.tfrecord import Records
from mousepose.dataset.tfrecord_write import framed
from mousepose.errors import FileError

Random = np.random.Generator
#: Records in each file.
RECORDS = 6


class Case(NamedTuple):
    """One damaged file: the kind of damage, its seed, its bytes."""

    kind: str
    seed: int
    data: bytes


def payloads(count: int = RECORDS) -> list[bytes]:
    """Return Examples as a data set has them, small."""
    random = np.random.default_rng(7)
    return [
        serialise_example({
            "image/encoded": [random.bytes(60)],
            "NOSE/region/point/x": np.array([random.random()], np.float32),
            "NOSE/region/point/y": np.array([random.random()], np.float32),
            "clip": np.array([number // 3, -number]),
            "label": ["walking"],
        })
        for number in range(count)
    ]  # fmt: skip


def whole_file() -> bytes:
    """Return the file that is damaged."""
    return b"".join(map(framed, payloads()))


def cases(count: int) -> Iterator[Case]:
    """Yield `count` damaged files, the kinds in turn."""
    kinds = list(_KINDS)
    for seed in range(count):
        kind = kinds[seed % len(kinds)]
        yield Case(kind, seed, _KINDS[kind](np.random.default_rng(seed)))


def survives(case: Case, path: Path) -> str:
    """Return what is wrong with how a damaged file at `path` is read, "" if nothing is.

    Damage must be told with the file and a byte's place; skipping faults must give good records
    only, as far as checksums can tell, and a fault for what is left out.
    """
    path.write_bytes(case.data)
    try:
        with Records(path) as records:
            strict = [example for _, example in records.examples()]
    except FileError as error:
        if str(path) not in str(error) or not ("byte" in str(error) or "no TFRecord" in str(error)):
            return f"message without file and place: {error}"
        strict = None
    try:
        with Records(path, skip_faults=True) as records:
            tolerant = [example for _, example in records.examples()]
            faults = [str(fault) for fault in records.faults]
    except FileError as error:
        return "" if "no TFRecord" in str(error) else f"skipping faults raised {error}"
    if strict is None and not faults:
        return "an error when strict, no fault when skipping"
    if strict is not None and len(strict) != len(tolerant):
        return "nothing wrong when strict, other records when skipping"
    if not all(str(path) in fault and "byte" in fault for fault in faults):
        return f"a fault without file and place: {faults}"
    return ""


def _cut(random: Random) -> bytes:
    data = whole_file()
    return data[: random.integers(1, len(data))]


def _bits_flipped(random: Random) -> bytes:
    data = bytearray(whole_file())
    for place in random.integers(0, len(data), random.integers(1, 9)):
        data[place] ^= 1 << int(random.integers(8))
    return bytes(data)


def _long_record(random: Random) -> bytes:
    """Return a file with a length that is wrong although its checksum is right."""
    records = [framed(p) for p in payloads()]
    victim = int(random.integers(len(records)))
    length = int(2.0 ** random.uniform(8, 63.9)).to_bytes(8, "little")
    header = length + masked_crc(length).to_bytes(4, "little")
    records[victim] = header + records[victim][12:]
    return b"".join(records)


def _length_unchecked(random: Random) -> bytes:
    records = [framed(p) for p in payloads()]
    victim = int(random.integers(len(records)))
    records[victim] = random.bytes(8) + records[victim][8:]
    return b"".join(records)


def _bytes_lost(random: Random) -> bytes:
    data = whole_file()
    start = int(random.integers(len(data)))
    return data[:start] + data[start + int(random.integers(1, 200)) :]


def _bytes_added(random: Random) -> bytes:
    data = whole_file()
    start = int(random.integers(len(data)))
    return data[:start] + random.bytes(int(random.integers(1, 200))) + data[start:]


def _in_example(change: Callable[[Random, bytearray], bytes]) -> Callable[[Random], bytes]:
    """Return damage to one Example, in a record whose checksums are right."""

    def damaged(random: Random) -> bytes:
        chosen = payloads()
        victim = int(random.integers(len(chosen)))
        chosen[victim] = change(random, bytearray(chosen[victim]))
        return b"".join(map(framed, chosen))

    return damaged


def _byte_changed(random: Random, data: bytearray) -> bytes:
    for _ in range(int(random.integers(1, 4))):
        data[random.integers(len(data))] = random.integers(256)
    return bytes(data)


def _wire_changed(random: Random, data: bytearray) -> bytes:
    """Give a field of a known number another wire type."""
    keys = [place for place, byte in enumerate(data) if byte in (0x0A, 0x12, 0x1A, 0x0D, 0x08)]
    place = keys[random.integers(len(keys))]
    data[place] = data[place] & 0xF8 | int(random.integers(8))
    return bytes(data)


def _length_changed(random: Random, data: bytearray) -> bytes:
    """Put a number of up to ten bytes where a length may stand."""
    places = [place + 1 for place, byte in enumerate(data[:-1]) if byte in (0x0A, 0x12)]
    place = places[random.integers(len(places))]
    number = bytes(random.integers(128, 256, random.integers(1, 11), dtype=np.uint8))
    return bytes(data[:place]) + number + b"\x7f" + bytes(data[place + 1 :])


def _example_cut(random: Random, data: bytearray) -> bytes:
    return bytes(data[: random.integers(len(data))])


def _noise(random: Random) -> bytes:
    return random.bytes(int(random.integers(1, 3000)))


def _packed(random: Random) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31 if random.random() < 0.5 else 15)
    data = bytearray(packer.compress(whole_file()) + packer.flush())
    if random.random() < 0.5:
        return bytes(data[: random.integers(2, len(data))])
    data[random.integers(2, len(data))] ^= 1 << int(random.integers(8))
    return bytes(data)


_KINDS: dict[str, Callable[[Random], bytes]] = {
    "cut": _cut,
    "bits flipped": _bits_flipped,
    "length too large": _long_record,
    "length overwritten": _length_unchecked,
    "bytes lost": _bytes_lost,
    "bytes added": _bytes_added,
    "byte of an Example": _in_example(_byte_changed),
    "wire type": _in_example(_wire_changed),
    "length in an Example": _in_example(_length_changed),
    "Example cut": _in_example(_example_cut),
    "noise": _noise,
    "compressed": _packed,
}
