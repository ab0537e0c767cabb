"""Compressed TFRecord files: gzip or zlib streams, unpacked once to a file without a name."""

from __future__ import annotations

import shutil
import tempfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

from mousepose.errors import FileError

#: More unpacked bytes than this are taken for a file that means harm.
MAX_UNPACKED_BYTES = 256 * 2**30
#: Disk that stays free.
_SPARED = 2**30
_AT_ONCE = 2**20
#: zlib finds out by itself whether a stream is gzip or zlib.
_ANY_HEADER = 32 + zlib.MAX_WBITS


class Unpacked(NamedTuple):
    """A nameless file of the unpacked bytes, and what was wrong at the end, "" if nothing."""

    stream: IO[bytes]
    problem: str


def looks_compressed(start: bytes) -> bool:
    """Tell whether a file starts as gzip or zlib streams do."""
    if start[:2] == b"\x1f\x8b":
        return True
    return len(start) >= 2 and start[0] & 15 == 8 and int.from_bytes(start[:2], "big") % 31 == 0


def unpack(path: Path, max_bytes: int = MAX_UNPACKED_BYTES) -> Unpacked:
    """Return the unpacked bytes of a gzip or zlib file, as far as they go.

    Raises `FileError` where they would exceed `max_bytes` or the free disk.
    """
    stream = tempfile.TemporaryFile(prefix="mousepose-")  # noqa: SIM115  the caller closes it
    try:
        room = min(max_bytes, shutil.disk_usage(tempfile.gettempdir()).free - _SPARED)
        with path.open("rb") as packed:
            problem = _copy(path, packed, stream, room, max_bytes)
    except BaseException:
        stream.close()
        raise
    return Unpacked(stream, problem)


def _copy(path: Path, packed: IO[bytes], out: IO[bytes], room: int, limit: int) -> str:
    unpacker = zlib.decompressobj(_ANY_HEADER)
    written, pending = 0, b""
    while pending or (pending := packed.read(_AT_ONCE)):
        if unpacker.eof:  # a gzip file may hold several streams
            unpacker = zlib.decompressobj(_ANY_HEADER)
        try:
            block = unpacker.decompress(pending, _AT_ONCE)
        except zlib.error as error:
            return f"its compressed stream is damaged ({error})"
        pending = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        written += len(block)
        if written > room:
            kind = "the limit" if room == limit else "what the disk for temporary files has free"
            raise FileError(
                f"{path}: unpacks to more than {room / 2**30:.1f} GiB, {kind}; unpack it yourself "
                "(gunzip) and give the result"
            )
        out.write(block)
    if not unpacker.eof:
        return "its compressed stream ends too early, the file is cut"
    return ""
