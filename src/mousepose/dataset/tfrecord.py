"""TFRecord files without TensorFlow: any record by number, all in order, faults told or skipped.

`Records` reads files of any size through a memory map, so that only an index of 16 bytes a record
is held. `RecordWriter` writes them. What a record holds is read by `example.py`.
"""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from mousepose.closing import Closing
from mousepose.dataset.crc32c import masked_crc_of
from mousepose.dataset.example import Example, ExampleError, parse_example
from mousepose.dataset.tfrecord_index import (
    HEADER,
    MAX_FAULTS,
    MAX_RECORD_BYTES,
    WAY_OUT,
    Fault,
    RecordIndex,
    build_index,
    is_record_start,
)
from mousepose.dataset.tfrecord_shards import is_record_name, shard_paths
from mousepose.dataset.tfrecord_unpack import looks_compressed, unpack
from mousepose.errors import FileError
from mousepose.types import Bytes, Progress

#: Files whose maps are kept open at once.
_OPEN_FILES = 32
#: Bytes that are read in order before the pages behind are given back.
_FORGET_EVERY = 32 * 2**20


class Records(Closing):
    """The records of a TFRecord file or of all its shards: `records[i]` is the bytes of record i.

    `path` is a file, a shard, a pattern or a folder (see `shard_paths`); gzip and zlib are known by
    their content. With `skip_faults` damaged records are left out and told in `faults`; without it
    the first one raises `FileError`. `check` compares the payload's checksum when a record is read.
    A file may grow while it is open, but not shrink. Offsets in a compressed file are those of the
    unpacked bytes. Raises `FileError` where a file is missing, damaged or no TFRecord.
    """

    def __init__(
        self,
        path: str | Path | Sequence[Path],
        *,
        skip_faults: bool = False,
        check: bool = True,
        max_record_bytes: int = MAX_RECORD_BYTES,
        progress: Progress | None = None,
    ) -> None:
        self.paths = list(path) if isinstance(path, Sequence) and not isinstance(path, str) else (
            shard_paths(path)
        )  # fmt: skip
        self.faults: list[Fault] = []
        self.total_faults = 0
        self._skip, self._check = skip_faults, check
        self._maps: OrderedDict[int, _MappedFile] = OrderedDict()
        self._kept: dict[int, IO[bytes]] = {}  # unpacked files, which have no name to open again
        self._indexes: list[RecordIndex] = []
        sizes = [_size(p) for p in self.paths]
        try:
            for number in range(len(self.paths)):
                self._indexes.append(self._index(number, max_record_bytes, sizes, progress))
        except BaseException:
            self.close()
            raise
        self._ends = np.cumsum([len(index) for index in self._indexes], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, number: int) -> bytes:
        """Return the payload of a record. Raises `IndexError`, and `FileError` on damage."""
        file, row = self._find(number)
        return self._payload(file, row)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the payloads in order, in flat memory; damaged ones are told or skipped."""
        return (payload for _, payload in self.numbered())

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Yield each record's number and payload in order. See `__iter__`."""
        number = 0
        for file, index in enumerate(self._indexes):
            read = 0
            for row in range(len(index)):
                try:
                    payload = self._payload(file, row)
                except FileError:
                    if not self._skip:
                        raise
                    self.add_fault(self.fault(number, "the checksum of its payload is wrong"))
                else:
                    yield number, payload
                    read += len(payload)
                    if read >= _FORGET_EVERY:
                        self._map(file).forget()
                        read = 0
                number += 1

    def example(self, number: int) -> Example:
        """Return the features of a record. Raises `FileError` where it is no `tf.train.Example`."""
        return self.parsed(number, self[number])

    def examples(self) -> Iterator[tuple[int, Example]]:
        """Yield each record's number and features in order; faults are told or skipped."""
        for number, payload in self.numbered():
            try:
                yield number, parse_example(payload)
            except ExampleError as error:
                fault = self._example_fault(number, error)
                if not self._skip:
                    raise FileError(f"{fault}. {WAY_OUT}") from error
                self.add_fault(fault)

    def parsed(self, number: int, payload: bytes) -> Example:
        """Return the features in the payload of record `number`. Raises `FileError`."""
        try:
            return parse_example(payload)
        except ExampleError as error:
            raise FileError(str(self._example_fault(number, error))) from error

    def place(self, number: int) -> str:
        """Return in words where a record stands."""
        fault = self.fault(number, "")
        return f"{fault.path}: record {fault.record} at byte {fault.offset}"

    def fault(self, number: int, problem: str) -> Fault:
        """Return `problem` with the place of record `number`."""
        file, row = self._find(number)
        offset = int(self._indexes[file].start[row]) - HEADER
        return Fault(self.paths[file], row, offset, problem)

    def add_fault(self, fault: Fault) -> None:
        """Keep a fault that is new, or only count it where there are too many."""
        if fault in self.faults:
            return  # met again in another pass
        self.total_faults += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)

    @property
    def size_bytes(self) -> int:
        """The bytes of all payloads."""
        return int(sum(int(index.length.sum()) for index in self._indexes))

    def close(self) -> None:
        """Close all files."""
        for mapped in self._maps.values():
            mapped.close()
        self._maps.clear()
        for stream in self._kept.values():
            stream.close()
        self._kept.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to read the same files: no open map."""
        if self._kept:
            raise FileError(
                f"{self.paths[0]}: a compressed file is unpacked for one process only; unpack it "
                "(gunzip) before several read it"
            )
        return self.__dict__ | {"_maps": OrderedDict()}

    def _example_fault(self, number: int, error: ExampleError) -> Fault:
        return self.fault(number, f"byte {error.offset} of its payload: {error}")

    def _find(self, number: int) -> tuple[int, int]:
        """Return the file and the row in it of a record."""
        count = len(self)
        place = number + count if number < 0 else number
        if not 0 <= place < count:
            raise IndexError(f"record {number} of {count}")
        file = int(np.searchsorted(self._ends, place, side="right"))
        return file, place - (int(self._ends[file - 1]) if file else 0)

    def _payload(self, file: int, row: int) -> bytes:
        index = self._indexes[file]
        start, length = int(index.start[row]), int(index.length[row])
        data = self._map(file).data
        stop = start + length
        if self._check:
            stored = int.from_bytes(bytes(data[stop : stop + 4]), "little")
            if masked_crc_of(data, start, stop) != stored:
                fault = Fault(
                    self.paths[file], row, start - HEADER, "the checksum of its payload is wrong"
                )
                raise FileError(f"{fault}. {WAY_OUT}")
        return data[start:stop].tobytes()

    def _map(self, file: int) -> _MappedFile:
        """Return the bytes of a file, mapped now or before."""
        mapped = self._maps.get(file)
        if mapped is None:
            stream = self._kept.get(file)
            mapped = _MappedFile.of(self.paths[file], stream)
            self._maps[file] = mapped
            if len(self._maps) > _OPEN_FILES:
                self._maps.popitem(last=False)[1].close()
        self._maps.move_to_end(file)
        return mapped

    def _index(
        self, file: int, limit: int, sizes: list[int], progress: Progress | None
    ) -> RecordIndex:
        path, cut, before = self.paths[file], "", self.total_faults
        mapped = self._map(file)
        if not is_record_start(mapped.data) and looks_compressed(bytes(mapped.data[:2])):
            self._maps.pop(file).close()
            stream, cut = unpack(path)
            self._kept[file] = stream
            mapped = self._map(file)

        def passed(start: int, stop: int) -> None:
            mapped.forget()
            if progress is not None:
                progress("index", sum(sizes[:file]) + min(stop, sizes[file]), sum(sizes))

        index = build_index(
            mapped.data, path, skip_faults=self._skip, max_record_bytes=limit, passed=passed
        )
        for fault in index.faults:
            self.add_fault(fault)
        self.total_faults += index.total_faults - len(index.faults)
        if cut:
            fault = Fault(path, len(index), len(mapped.data), cut)
            if not self._skip:
                raise FileError(str(fault))
            self.add_fault(fault)
        if not len(index) and self.total_faults > before:
            raise FileError(
                f"{path}: holds no whole record: it is no TFRecord file, or all of it is damaged"
            )
        return index


def looks_like_records(path: Path) -> bool:
    """Tell whether a file is called as TFRecord files are, or starts as they do."""
    if is_record_name(path.name):
        return True
    with path.open("rb") as stream:
        start = stream.read(HEADER)
    return looks_compressed(start[:2]) or is_record_start(np.frombuffer(start, np.uint8))


class _MappedFile:
    """A file's bytes as an array, without the file in memory."""

    def __init__(self, data: Bytes, mapped: mmap.mmap | None) -> None:
        self.data, self._mapped = data, mapped

    @classmethod
    def of(cls, path: Path, stream: IO[bytes] | None = None) -> _MappedFile:
        """Map a file, or the open `stream` that stands for it. Raises `FileError`."""
        try:
            if stream is not None:
                stream.flush()
                return cls._of_stream(stream)
            with path.open("rb") as opened:
                return cls._of_stream(opened)
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error

    @classmethod
    def _of_stream(cls, stream: IO[bytes]) -> _MappedFile:
        if not os.fstat(stream.fileno()).st_size:
            return cls(np.zeros(0, np.uint8), None)
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(np.frombuffer(mapped, np.uint8), mapped)

    def forget(self) -> None:
        """Give back the pages that were read; they count as memory of this process otherwise."""
        if self._mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Close the map, now or when the last array that looks into it is gone."""
        self.data = np.zeros(0, np.uint8)
        if self._mapped is not None:
            with suppress(BufferError):
                self._mapped.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
