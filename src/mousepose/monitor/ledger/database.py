"""The ledger's database: transactions that are done whole, again where the database was away.

SQLite keeps one file on this machine's disk and lets one process write at a time; PostgreSQL serves
several machines. Writers of one cage go one by one, by the lock on its row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.tables import VERSION, about, metadata

Answer = TypeVar("Answer")

#: Seconds that SQLite waits for another writer before it gives up, and we wait and try again.
_BUSY_SECONDS = 20.0
#: The first pause before trying again, s; each is twice the last, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
#: What a database answers when two transactions were in each other's way, by PostgreSQL's codes,
#: and when it is starting, stopping or full of connections.
_AGAIN = ("40001", "40P01", "57P01", "57P02", "57P03", "53300", "55P03", "08006", "08001")


class Database:
    """An engine and how to use it: `write` and `read` run a function in one transaction.

    A transaction that meets a database that is busy, restarting or out of reach is done again, with
    growing pauses, for `patience_s` seconds; then `FileError` tells of it.
    """

    def __init__(self, url: str, patience_s: float, create: bool) -> None:
        self._patience = patience_s
        self._url = _parsed(url)
        if self._url.drivername == "sqlite":
            _check_place(Path(str(self._url.database)), create)
        self._engine = _engine(self._url)
        if create:
            self.write(_prepare)
        else:
            self.read(lambda connection: _check_version(connection, self.shown))

    @property
    def shown(self) -> str:
        """The database's URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Return what `work` gives, done in one transaction that may change things.

        It may be run several times, so it does nothing but use its connection.
        """
        return self._again(work, writes=True)

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Return what `work` gives, which sees one state of the database and changes nothing."""
        return self._again(work, writes=False)

    def rows(self, query: Select[Any]) -> list[Any]:
        """Return the rows of a query, which have its columns by name and by number."""
        return self.read(lambda connection: list(connection.execute(query)))

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _again(self, work: Callable[[Connection], Answer], writes: bool) -> Answer:
        # a connection that is lost before its first statement gives the error of the driver itself
        driver: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        pause = _FIRST_PAUSE
        give_up = time.monotonic() + self._patience
        while True:
            try:
                return self._once(work, writes)
            except (SQLAlchemyError, OSError, driver) as error:
                if not _is_passing(error):
                    raise FileError(f"the ledger {self.shown}: {_plain(error)}") from error
                if time.monotonic() + pause > give_up:
                    raise FileError(
                        f"the ledger {self.shown} could not be reached for {self._patience:g} s: "
                        f"{_plain(error)}"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(self, work: Callable[[Connection], Answer], writes: bool) -> Answer:
        level = "READ COMMITTED" if writes else "REPEATABLE READ"
        sqlite = self._engine.dialect.name == "sqlite"
        options = {"writes": writes} if sqlite else {"isolation_level": level}
        with self._engine.connect() as plain:
            connection = plain.execution_options(**options)
            with connection.begin():
                return work(connection)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError(
            "the ledger's URL: expected sqlite:///FILE or postgresql+pg8000://USER@HOST/DATABASE, "
            f"got {url!r}"
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+pg8000")
    if parsed.drivername not in {"sqlite", "postgresql+pg8000"}:
        raise InputError(
            f"the ledger's URL: expected sqlite or postgresql, got {parsed.drivername!r}"
        )
    if parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise InputError("the ledger's URL: expected the path of a file after sqlite:///")
    return parsed


def _engine(url: URL) -> Engine:
    if url.drivername != "sqlite":
        try:
            return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=20)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise InputError(
                "a ledger in PostgreSQL needs pg8000: pip install 'mousepose[monitor]'"
            ) from error
    # No transaction of the driver's own: it would begin them too late, after the first reading.
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None}, max_overflow=20
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    """Readers and one writer at a time; what is committed is on the disk."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the right to write at the beginning, so that what was read still holds when written."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_place(path: Path, create: bool) -> None:
    """Make the folder of a new ledger. Raises `FileError` where nothing may be or can be made."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            raise FileError(f"{path}: there is no ledger; mousepose monitor makes it")
    except OSError as error:
        raise FileError(f"{path}: cannot be made: {error.strerror}") from error


def _prepare(connection: Connection) -> None:
    """Make the tables where there are none. Raises `InputError` for those of another version."""
    if connection.dialect.name == "postgresql":  # two that open a new ledger at once
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7238457)")
    if inspect(connection).has_table(about.name):
        _check_version(connection, "the ledger")
        return
    metadata.create_all(connection)
    connection.execute(insert(about).values(name="version", value=str(VERSION)))


def _check_version(connection: Connection, shown: str) -> None:
    """Raise `InputError` for tables of another version, `FileError` where there are none."""
    if not inspect(connection).has_table(about.name):
        raise FileError(f"{shown}: there is no ledger; mousepose monitor makes it")
    found = connection.scalar(select(about.c.value).where(about.c.name == "version"))
    if found != str(VERSION):
        raise InputError(
            f"{shown} is of version {found}, this mousepose writes version {VERSION}: use the "
            "mousepose that made it, or begin a new ledger"
        )


def _is_passing(error: Exception) -> bool:
    """Tell whether what failed may go well a little later."""
    own = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(own, OSError):
        return True
    if isinstance(own, SQLAlchemyError):
        return False
    text = str(own)
    busy = "database is locked" in text or "database table is locked" in text
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    network = type(own).__name__ == "InterfaceError"
    return busy or lost or network or any(f"'{code}'" in text for code in _AGAIN)


def _plain(error: Exception) -> str:
    """Return an error's own words, without the statement and the link to a manual."""
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()
