"""Finds damaged heaps in HDF5 files before the HDF5 library does, which never ends on some.

Texts of any length lie in heaps: "GCOL", version 1, the heap's size, then objects, each with its
number and size; object 0 is the free space at the end. An object 0 of no size makes the library
(2.0) walk on the spot for ever. Layout: HDF5 file format specification, III.E.
"""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from pathlib import Path

#: A heap's first bytes: its signature, version 1 and three reserved bytes.
_START = b"GCOL\x01\x00\x00\x00"
_SIZE = struct.Struct("<Q")
_OBJECT = struct.Struct("<HHIQ")
#: Where the superblock, by its version, tells how many bytes a length takes; ours above take 8.
_LENGTH_AT = {0: 14, 1: 14, 2: 10, 3: 10}
#: No tracker writes as many texts.
MAX_OBJECTS = 1_000_000


def heap_fault(path: Path) -> str:
    """Return what is wrong with the heaps of an HDF5 file, "" where nothing is."""
    stat = path.stat()
    return _heap_fault(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=64)
def _heap_fault(path: Path, size: int, changed: int, number: int) -> str:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if size < 16 or data[_LENGTH_AT.get(data[8], 8)] != 8:
            return "its first bytes are damaged, or those of no file that a tracker writes"
        objects = 0
        place = data.find(_START)
        while place >= 0:
            count = _objects_in(data, place)
            objects += count
            if count < 0 or objects > MAX_OBJECTS:
                return "its texts are damaged" if count < 0 else "it holds too many texts"
            place = data.find(_START, place + len(_START))
    return ""


def _objects_in(data: mmap.mmap, start: int) -> int:
    """Return the number of objects in the heap at `start`, -1 where walking it would not end."""
    header = start + len(_START)
    if header + _SIZE.size > len(data):
        return -1
    (size,) = _SIZE.unpack_from(data, header)
    end = min(start + size, len(data))
    place, count = header + _SIZE.size, 0
    while place + _OBJECT.size <= end and count <= MAX_OBJECTS:
        number, _, _, length = _OBJECT.unpack_from(data, place)
        # The free space counts its own header; other objects are padded to 8 bytes.
        # Sums run over as they do in the library.
        step = length if number == 0 else (_OBJECT.size + ((length + 7) & ~7)) % 2**64
        if step == 0:
            return -1
        place += step
        count += 1
    return count
