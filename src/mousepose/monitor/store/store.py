"""The store: files that appear whole or not at all, on a disk or anywhere that fsspec reaches.

What is in the store is not yet seen: readers use the files that the ledger counts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from mousepose.errors import FileError, InputError
from mousepose.extras import needed
from mousepose.monitor.records import Segment, Written
from mousepose.monitor.store.encoding import encoding
from mousepose.monitor.store.layout import READ, day_key, named, segment_key
from mousepose.monitor.store.merged import own_schema, read_rows, write_merged
from mousepose.types import require

if TYPE_CHECKING:
    from mousepose.monitor.store.files import Place

#: Of every table that is read: when a row is of; UTC, in microseconds.
TIME = pa.field("time", pa.timestamp("us", "UTC"))
#: Columns that a file's folders stand for.
FOLDERS = ("study", "cage", "date")


@dataclass(frozen=True)
class Listed:
    """A file that lies in the store, whether it counts or not."""

    key: str
    bytes: int
    modified: datetime


@dataclass(frozen=True)
class Store:
    """The files of a `study` below `url`: a folder, or a URL that fsspec knows (s3://, memory://).

    Who only reads may leave the study out. Options of the file system, as its endpoint or key, are
    those that fsspec is configured with. It can be sent to other processes.
    """

    url: str
    study: str = ""

    def write(self, table: str, segment: Segment, rows: pa.Table, part: str = "") -> Written:
        """Write rows of a table that a segment gave; `part` tells several of one table apart.

        Tables that are read (`READ`) have the column `time` (`TIME`), and none has one of
        `FOLDERS`. The same rows give the same file. Raises `InputError` for other columns,
        `FileError` where nothing can be written.
        """
        _check_columns(table, rows.schema)
        stream = io.BytesIO()
        pq.write_table(rows, stream, **encoding(rows.schema))
        content = stream.getvalue()
        first, last = _span(rows, segment)
        key, digest = self._put(table, segment, part, ".parquet", content)
        columns = schema_digest(rows.schema)
        return Written(table, key, len(rows), len(content), digest, first, last, columns)

    def write_bytes(
        self, table: str, segment: Segment, content: bytes, suffix: str, part: str = ""
    ) -> Written:
        """Write a file that is no table; `suffix` is such as ".npz". Raises as `write`."""
        key, digest = self._put(table, segment, part, suffix, content)
        return Written(
            table, key, 0, len(content), digest, segment.start.astimezone(UTC),
            segment.end.astimezone(UTC),
        )  # fmt: skip

    def write_day(
        self, table: str, cage: str, day: date, parts: Sequence[Written]
    ) -> list[Written]:
        """Write tables of a cage's day into one file; return where each of them is now.

        `read` gives each of them as before. Raises `FileError`, and `InputError` where columns of
        one name have types that do not agree.
        """
        schemas = [self._schema(part) for part in parts]
        counts = [part.rows for part in parts]
        with self._place.temporary() as temporary:
            schema = write_merged(temporary, schemas, counts, map(self.read, parts))
            with temporary.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = temporary.stat().st_size
            key = day_key(table, self.study, cage, day, digest)
            self._place.put_file(temporary, key)
        offsets = np.cumsum([0, *counts]).tolist()
        columns = schema_digest(schema)
        return [
            replace(part, key=key, bytes=size, digest=digest, columns=columns, offset=offset)
            for part, offset in zip(parts, offsets, strict=False)
        ]

    def read(self, written: Written, columns: Iterable[str] | None = None) -> pa.Table:
        """Return the rows of a file, or of the part of it that `written` is of.

        Raises `FileError` where it is missing, cut or damaged.
        """
        with self._opened(written.key) as file:
            parquet = pq.ParquetFile(file, page_checksum_verification=True)
            return read_rows(parquet, written.offset, written.rows, columns)

    def read_bytes(self, written: Written) -> bytes:
        """Return what a file holds. Raises `FileError` where it is missing or changed."""
        with self._opened(written.key) as file:
            content = bytes(file.read())
        if hashlib.sha256(content).hexdigest() != written.digest:
            raise FileError(f"{written.key}: damaged: its content is not what was written")
        return content

    def schema(self, key: str) -> pa.Schema:
        """Return names and types of a file's columns, without the folders'."""
        with self._opened(key) as file:
            return pq.read_schema(file).remove_metadata()

    def listed(self, table: str = "") -> Iterator[Listed]:
        """Give every file that lies in the store, of one table or of all; not other studies'."""
        for key, size, modified in self._place.listed(table):
            told = named(key)
            if told is None or told.study == self.study:
                yield Listed(key, size, modified)

    def remove(self, key: str) -> None:
        """Remove a file; one that is gone already is no error. Raises `FileError`."""
        self._place.remove(key)

    @property
    def filesystem(self) -> pa.fs.FileSystem:
        """The file system of Arrow in which the files lie."""
        if self._place.local:
            return pa.fs.LocalFileSystem()
        return pa.fs.PyFileSystem(pa.fs.FSSpecHandler(self._place.filesystem))

    def path(self, key: str) -> str:
        """Return a file's path in `filesystem`."""
        return self._place.path(key)

    @cached_property
    def _place(self) -> Place:
        needed("monitor", "the store", "fsspec")
        from mousepose.monitor.store.files import place_of

        return place_of(self.url)

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url, "study": self.study}  # connections stay where they are

    def _put(
        self, table: str, segment: Segment, part: str, suffix: str, content: bytes
    ) -> tuple[str, str]:
        """Write a segment's file; return its key and digest."""
        digest = hashlib.sha256(content).hexdigest()
        key = segment_key(table, self.study, segment.cage, segment.start, part, digest, suffix)
        self._place.put(content, key)
        return key, digest

    def _schema(self, written: Written) -> pa.Schema:
        with self._opened(written.key) as file:
            return own_schema(pq.ParquetFile(file), written.offset, written.rows)

    @contextmanager
    def _opened(self, key: str) -> Iterator[Any]:
        try:
            with self._place.open(key) as file:
                yield file
        except FileNotFoundError as error:
            raise FileError(f"{key}: is not in the store {self._place.shown}") from error
        except (pa.ArrowException, OSError, FileError) as error:
            raise FileError(f"{key}: cannot be read from {self._place.shown}: {error}") from error


def schema_digest(schema: pa.Schema) -> str:
    """Return a digest of the names and types of a table's columns."""
    text = "\n".join(f"{field.name}\t{field.type}" for field in schema)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_columns(table: str, schema: pa.Schema) -> None:
    names = schema.names
    missing = TIME.name not in names and table in READ
    if missing or (TIME.name in names and schema.field(TIME.name).type != TIME.type):
        raise InputError(f"{table}: expected a column {TIME.name} of {TIME.type}")
    clash = sorted(set(names) & set(FOLDERS))
    require(not clash, f"{table}: {', '.join(clash)}: names of folders, not of columns")
    require(len(set(names)) == len(names), f"{table}: two columns have one name")


def _span(rows: pa.Table, segment: Segment) -> tuple[datetime, datetime]:
    """Return the first and last time of rows, the segment's where there is none."""
    if TIME.name in rows.column_names:
        ends = pc.min_max(rows[TIME.name])
        if ends["min"].is_valid:
            return _plain(ends["min"]), _plain(ends["max"])
    return segment.start.astimezone(UTC), segment.end.astimezone(UTC)


def _plain(time: pa.Scalar) -> datetime:
    moment: datetime = time.as_py()
    return moment.astimezone(UTC)
