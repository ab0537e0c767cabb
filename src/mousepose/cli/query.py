"""`mousepose query`: what the monitor recorded, asked in SQL while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from rich.table import Table

    from mousepose.monitor.store.query import Recordings

EXAMPLES = """
Examples:

  mousepose query --room room.toml

  mousepose query --room room.toml "SELECT cage, sum(distance_mm) / 1000 AS metres FROM minutes
  WHERE time > now() - INTERVAL 1 DAY GROUP BY cage ORDER BY cage"

  mousepose query --ledger sqlite:///ledger.db --store store "SELECT * FROM strides
  WHERE cage = 'A1'" -o strides.csv

Tables: minutes, strides, bouts, poses, points; segments, gaps, events of the ledger. Without a
query their columns are listed. Times are UTC. The SQL is DuckDB's; it can only read.
"""

Sql = Annotated[
    str | None,
    typer.Argument(
        metavar="SQL", help="One SELECT; - reads it from the input.", show_default=False
    ),
]
RoomFile = Annotated[
    Path | None,
    typer.Option("--room", metavar="ROOM.toml", help="The room: where ledger and store are."),
]
LedgerUrl = Annotated[
    str | None, typer.Option("--ledger", metavar="URL", help="The ledger, without a room's file.")
]
StoreUrl = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="The store: a folder or a URL.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write all rows as .csv or .parquet.", show_default=False),
]
Rows = Annotated[int, typer.Option(help="Rows to show at most.", min=1)]
Memory = Annotated[str, typer.Option(help="Memory that the query may take.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def query(
    sql: Sql = None,
    room: RoomFile = None,
    ledger: LedgerUrl = None,
    store: StoreUrl = None,
    output: Output = None,
    rows: Rows = 40,
    memory: Memory = "2GB",
    debug: Debug = False,
) -> None:
    """Ask what the monitor recorded, in SQL, while it goes on recording."""
    with told(debug):
        recordings = _opened(room, ledger, store, memory)
        with recordings.ledger:
            if sql is None:
                for name, columns in recordings.tables().items():
                    typer.echo(f"{name}: {', '.join(columns)}")
                return
            text = typer.get_text_stream("stdin").read() if sql == "-" else sql
            if output is not None:
                count = recordings.write(output, text)
                typer.echo(f"wrote {output}: {count:,} rows")
                return
            _show(recordings, text, rows)


def _opened(room: Path | None, ledger: str | None, store: str | None, memory: str) -> Recordings:
    """Return what is asked. Raises `UsageError` unless a room, or ledger and store, are given."""
    if (room is None) == (ledger is None and store is None):
        raise UsageError("give --room ROOM.toml, or else --ledger URL and --store URL")
    from mousepose.monitor.store.query import Recordings

    if room is not None:
        from mousepose.monitor.room import load_room

        found = load_room(room)
        return Recordings(found.open_ledger(create=False), found.open_store(), memory)
    if ledger is None or store is None:
        raise UsageError("--ledger and --store belong together: give both")
    from mousepose.monitor.ledger.ledger import Ledger
    from mousepose.monitor.store.store import Store

    return Recordings(Ledger.open(ledger, create=False), Store(store), memory)


def _show(recordings: Recordings, sql: str, most: int) -> None:
    """Print the first rows of an answer: as a table, or each by itself where none is so wide."""
    from rich.console import Console

    rows: list[list[str]] = []
    with recordings.batches(sql) as reader:
        names = [_clean(name) for name in reader.schema.names]
        for batch in reader:
            for row in batch.slice(0, most + 1 - len(rows)).to_pylist():
                rows.append([_cell(value) for value in row.values()])
            if len(rows) > most:
                break
    console = Console()
    shown = rows[:most]
    table = _side_by_side(names, shown)
    fits = console.measure(table, options=console.options.update_width(10_000)).maximum
    for one in _one_by_one(names, shown) if shown and fits > console.width else [table]:
        console.print(one)
    if len(rows) > most:
        console.print(f"the first {most} rows; -o FILE writes all, --rows N shows more")


def _side_by_side(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table with a row for each row."""
    from rich.table import Table

    table = Table(*names)
    for row in rows:
        table.add_row(*row)
    return table


def _one_by_one(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Table]:
    """Yield a table for each row, with a line for each of its values that is known."""
    from rich.table import Table

    for number, row in enumerate(rows, 1):
        table = Table("name", "value", title=f"row {number}", title_justify="left", box=None)
        for name, value in zip(names, row, strict=True):
            if value:
                table.add_row(name, value)
        yield table


def _cell(value: object) -> str:
    """Return a value as it stands in the table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        parts = "milliseconds" if value.microsecond else "seconds"
        return value.replace(tzinfo=None).isoformat(" ", parts)
    return _clean(str(value))


def _clean(text: str) -> str:
    """Return a text of the store without what a terminal or rich's markup would obey."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
