"""TFRecord files written, in one file or in shards, plain or gzip."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from mousepose.atomic import atomic_path
from mousepose.dataset.crc32c import masked_crc
from mousepose.dataset.tfrecord_shards import MAX_SHARDS, shard_name
from mousepose.types import require


def framed(payload: bytes) -> bytes:
    """Return a payload as the bytes of one record."""
    length = len(payload).to_bytes(8, "little")
    return b"".join((
        length, masked_crc(length).to_bytes(4, "little"),
        payload, masked_crc(payload).to_bytes(4, "little"),
    ))  # fmt: skip


class RecordWriter:
    """Writes records to an open binary file: `writer.write(payload)`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count = 0

    def write(self, payload: bytes) -> None:
        """Append one record."""
        self._stream.write(framed(payload))
        self.count += 1


@contextmanager
def record_writer(path: str | Path, *, compress: bool | None = None) -> Iterator[RecordWriter]:
    """Give a writer of the file `path`, which appears whole or not at all.

    `compress` packs with gzip; None does where the name ends in `.gz`.
    """
    path = Path(path)
    packed = path.name.endswith(".gz") if compress is None else compress
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        if not packed:
            yield RecordWriter(stream)
            return
        # No name and no time of writing: equal records make equal files.
        with gzip.GzipFile("", "wb", 6, stream, mtime=0) as squeezed:
            yield RecordWriter(cast(IO[bytes], squeezed))


def write_records(
    path: str | Path, payloads: Iterable[bytes], *, shards: int = 1, compress: bool | None = None
) -> list[Path]:
    """Write records, in turn to each of `shards` files; return their paths.

    Several files are called `NAME-00000-of-00010`. Raises `InputError` on another number than 1 to
    100,000 and `FileError` where the folder is missing.
    """
    require(1 <= shards <= MAX_SHARDS, f"shards: expected 1 to {MAX_SHARDS}, got {shards}")
    path = Path(path)
    names = (
        [path.name] if shards == 1 else [shard_name(path.name, n, shards) for n in range(shards)]
    )
    paths = [path.with_name(name) for name in names]
    with ExitStack() as stack:
        writers = [stack.enter_context(record_writer(p, compress=compress)) for p in paths]
        for number, payload in enumerate(payloads):
            writers[number % shards].write(payload)
    return paths
