"""The store asked in SQL while it grows: only files that count, and nothing but them.

DuckDB reads the files through Arrow; it is itself cut off from files, the network and extensions,
so SQL of strangers reads what the store holds and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError
from mousepose.extras import needed
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.layout import READ
from mousepose.monitor.store.ledger_tables import LEDGER_TABLES
from mousepose.monitor.store.live import live_rows
from mousepose.monitor.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

#: Longest SQL that is looked at.
_MOST_LETTERS = 100_000
#: Rows of an answer that are held at once.
_BATCH_ROWS = 50_000
#: The database can reach nothing by itself; what it may know is registered by name.
_CUT_OFF = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
#: The name of files of minutes in queries: rows of a minute and of a segment.
_MINUTE_PARTS = "minute_parts"


@dataclass(frozen=True)
class Recordings:
    """What a room recorded, in tables that SQL asks: `READ`, and segments, gaps, events.

    Every query sees the files that counted when it began, whatever is written meanwhile. A query
    may take `memory` and `threads` of this machine.
    """

    ledger: Ledger
    store: Store
    memory: str = "2GB"
    threads: int = 2

    def query(self, sql: str, values: Sequence[Any] = ()) -> pd.DataFrame:
        """Return what one SELECT gives; `values` take the places of its question marks.

        Raises `InputError` for SQL that is wrong, does more than read, or needs what is not there,
        `FileError` for a file of the store that cannot be read.
        """
        with self.batches(sql, values) as reader:
            table: pd.DataFrame = reader.read_all().to_pandas()
        return table

    @contextmanager
    def batches(self, sql: str, values: Sequence[Any] = ()) -> Iterator[pa.RecordBatchReader]:
        """Give what one SELECT gives, some rows at a time, for answers of any length."""
        needed("monitor", "a query", "duckdb")
        import duckdb

        if len(sql) > _MOST_LETTERS:
            raise InputError(f"the query is longer than {_MOST_LETTERS:,} letters")
        limits = {"memory_limit": self.memory, "threads": str(self.threads)}
        with duckdb.connect(":memory:", config={**_CUT_OFF, **limits}) as connection:
            faults: list[str] = []
            try:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("SET lock_configuration = true")
                _check(connection, sql)
                self._register(connection, sql, faults)
                answer = connection.sql(sql, params=list(values) or None)
                yield answer.to_arrow_reader(_BATCH_ROWS)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                if faults:
                    raise FileError(f"the query: {faults[0]}") from error
                if not isinstance(error, duckdb.Error):
                    raise
                raise InputError(f"the query: {_plain(error)}") from error

    def write(self, path: Path, sql: str) -> int:
        """Write what one SELECT gives as .csv or .parquet; return the number of rows.

        Raises as `query`, `FileError` where nothing can be written there.
        """
        from pyarrow import csv

        if path.suffix not in {".csv", ".parquet"}:
            raise InputError(f"{path}: expected a name that ends in .csv or .parquet")
        rows = 0
        with self.batches(sql) as reader, atomic_path(path) as temporary:
            kind = csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
            with kind(temporary, reader.schema) as writer:
                for batch in reader:
                    rows += batch.num_rows
                    writer.write_batch(batch)
        return rows

    def tables(self) -> dict[str, list[str]]:
        """Return the columns of every table that can be asked, by its name."""
        found = {}
        for name in (*READ, *LEDGER_TABLES):
            if name in LEDGER_TABLES or self.ledger.files(name):
                found[name] = list(self.query(f"SELECT * FROM {name} LIMIT 0").columns)
        return found

    def _register(self, connection: Any, sql: str, faults: list[str]) -> None:
        """Make the tables known whose names stand anywhere in the query."""
        words = set(re.findall(r"[a-z_]+", sql.lower()))
        for name in words & set(LEDGER_TABLES):
            connection.register(name, LEDGER_TABLES[name](self.ledger))
        for name in words & set(READ):
            files = [one for one in self.ledger.files(name) if one.rows]
            if not files:
                continue
            dataset = live_rows(self.store, files, faults)
            if name == "minutes":
                from mousepose.monitor.minutes import WHOLE_MINUTES

                connection.register(_MINUTE_PARTS, dataset)
                whole = WHOLE_MINUTES.format(minutes=_MINUTE_PARTS)
                connection.execute(f"CREATE VIEW minutes AS {whole}")
            else:
                connection.register(name, dataset)


def _check(connection: Any, sql: str) -> None:
    """Raise `InputError` unless a query is one statement that only reads."""
    import duckdb

    reads = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}
    try:
        kinds = [statement.type for statement in connection.extract_statements(sql)]
    except ValueError:  # a statement for which DuckDB's Python has no name
        kinds = []
    if len(kinds) != 1 or kinds[0] not in reads:
        raise InputError("the query: expected one SELECT")


def _plain(error: Exception) -> str:
    """Return what a database says, in plain words where a table is not there yet."""
    missing = [name for name in READ if f"name {name} does not exist" in str(error)]
    return f"nothing of {missing[0]} is in the store yet" if missing else str(error)
