"""Many tables in one Parquet file, from which each comes back as it was.

Every table keeps row groups of its own. What differs between them, names and types of columns and
facts beside them, is kept in the file: columns that a table lacks are empty in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.errors import FileError, InputError
from mousepose.monitor.store.encoding import encoding

#: Where the file tells of its tables: {"schemas": [...], "of": {"OFFSET+ROWS": which}}.
_KEY = b"mousepose_tables"


def united(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return a schema with the columns of all. Raises `InputError` where types do not agree."""
    plain = [schema.remove_metadata() for schema in schemas]
    try:
        return pa.unify_schemas(plain, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"columns of one name have types that do not agree: {error}") from error


def write_merged(
    path: Path, schemas: Sequence[pa.Schema], counts: Sequence[int], tables: Iterable[pa.Table]
) -> pa.Schema:
    """Write tables one after another, with their schemas and rows; return the file's schema.

    One table is held at a time. Raises `InputError` as `united`.
    """
    schema = united(schemas)
    noted = _with_note(schema, schemas, counts)
    with pq.ParquetWriter(path, noted, **encoding(schema)) as writer:
        for table in tables:
            if len(table):
                writer.write_table(_shaped(table, writer.schema))
    return schema


def read_rows(
    file: pq.ParquetFile, offset: int, rows: int, columns: Iterable[str] | None
) -> pa.Table:
    """Return one table of a file, of `rows` rows from `offset` on; a file may be a single table.

    Raises `FileError` where they are not all there.
    """
    first, groups = _groups(file.metadata, offset, rows)
    wanted = None if columns is None else list(columns)
    found = file.read_row_groups(groups, columns=wanted).slice(offset - first, rows)
    if len(found) < rows:
        raise FileError(f"expected {rows} rows from row {offset} on, got {len(found)}")
    own = own_schema(file, offset, rows)
    names = [name for name in own.names if wanted is None or name in wanted]
    schema = pa.schema([own.field(name) for name in names], metadata=own.metadata)
    return _shaped(found, schema)


def own_schema(file: pq.ParquetFile, offset: int, rows: int) -> pa.Schema:
    """Return the schema that a table of a file had before it was merged. Raises `FileError`."""
    text = (file.schema_arrow.metadata or {}).get(_KEY)
    if text is None:
        return file.schema_arrow  # it is alone
    try:
        note = json.loads(text)
        if _name(offset, rows) not in note["of"] and (offset, rows) == (0, file.metadata.num_rows):
            return file.schema_arrow.remove_metadata()  # all of its tables at once
        own = note["schemas"][note["of"][_name(offset, rows)]]
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(own)))
    except (ValueError, KeyError, IndexError, TypeError, pa.ArrowInvalid) as error:
        raise FileError(f"no table of {rows} rows begins at row {offset}") from error


def _with_note(schema: pa.Schema, schemas: Sequence[pa.Schema], counts: Sequence[int]) -> pa.Schema:
    texts = [base64.b64encode(one.serialize().to_pybytes()).decode() for one in schemas]
    different = sorted(set(texts))
    number = {text: place for place, text in enumerate(different)}
    offsets = np.cumsum([0, *counts]).tolist()
    of = {
        _name(offset, count): number[text]
        for offset, count, text in zip(offsets, counts, texts, strict=False)
    }
    return schema.with_metadata({_KEY: json.dumps({"schemas": different, "of": of})})


def _name(offset: int, rows: int) -> str:
    return f"{offset}+{rows}"


def _groups(about: pq.FileMetaData, offset: int, rows: int) -> tuple[int, list[int]]:
    """Return the row groups that hold `rows` rows from `offset` on, and the first one's first."""
    sizes = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
    ends = np.cumsum(sizes, dtype=np.int64)
    starts = ends - sizes
    chosen = np.flatnonzero((ends > offset) & (starts < offset + rows))
    return (int(starts[chosen[0]]) if len(chosen) else offset), chosen.tolist()


def _shaped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the columns of a schema; those that they lack are empty."""
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names and not pa.types.is_null(field.type)
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
