"""Files that count, as one table that a database scans for the columns and rows it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from mousepose.monitor.records import Written
from mousepose.monitor.store.layout import named
from mousepose.monitor.store.merged import united
from mousepose.monitor.store.store import FOLDERS, TIME, Store

_FOLDER_FIELDS = (
    pa.field("study", pa.string()), pa.field("cage", pa.string()), pa.field("date", pa.date32()),
)  # fmt: skip


def live_rows(store: Store, files: Sequence[Written], faults: list[str]) -> ds.FileSystemDataset:
    """Return files as one table with the columns of all, and those that their folders stand for.

    Files of other cages and times than those asked for are not opened: what the ledger knows of
    their rows is told with them. A file that cannot be read is added to `faults`, in words, before
    the reading fails. Raises `InputError` where types do not agree.
    """
    alike = {one.columns: one.key for one in reversed(files)}
    found = united([store.schema(key) for _, key in sorted(alike.items())])
    filesystem, kind = store.filesystem, ds.ParquetFileFormat()
    fragments = [kind.make_fragment(store.path(one.key), filesystem, _told(one)) for one in files]
    dataset = _Files(fragments, pa.schema([*_FOLDER_FIELDS, *found]), kind, filesystem)
    dataset.faults = faults
    return dataset


class _Files(ds.FileSystemDataset):  # type: ignore[misc]
    """A dataset that is read one row group after another, by whoever asks for the next.

    Arrow's own scanner reads ahead in other threads while the asking one holds Python's lock: with
    a file system that is written in Python each waits for the other for ever.
    """

    faults: list[str]

    def scanner(
        self, columns: list[str] | None = None, filter: ds.Expression | None = None, **_: Any
    ) -> _Scan:
        """Return a scan of some columns and of rows for which `filter` holds."""
        return _Scan(self, self.schema.names if columns is None else columns, filter)


@dataclass(frozen=True)
class _Scan:
    """One reading of a dataset."""

    dataset: _Files
    columns: list[str]
    filter: ds.Expression | None

    def to_reader(self) -> pa.RecordBatchReader:
        """Return the rows, read as they are asked for."""
        schema = pa.schema([self.dataset.schema.field(name) for name in self.columns])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for file in self.dataset.get_fragments(self.filter):
            try:
                for group in file.split_by_row_group(self.filter, self.dataset.schema):
                    rows = group.to_table(self.dataset.schema, self.columns, self.filter)
                    yield from rows.cast(schema).to_batches()
            except (OSError, pa.ArrowException) as error:
                words = str(error).splitlines()[0]
                self.dataset.faults.append(f"{file.path}: cannot be read: {words}")
                raise


def _told(written: Written) -> ds.Expression:
    """Return what holds for every row of a file."""
    name = named(written.key)
    assert name is not None
    first, last = (pa.scalar(time, TIME.type) for time in (written.first, written.last))
    told = (ds.field(TIME.name) >= first) & (ds.field(TIME.name) <= last)
    for folder in FOLDERS:
        told &= ds.field(folder) == getattr(name, folder)
    return told
