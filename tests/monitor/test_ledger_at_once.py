"""Several coordinators at one ledger at once, in SQLite and in PostgreSQL: each stage done once."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text

from monitor.postgres import Server, programs, server
from monitor.rooms import FRAMES, LEASE, TABLE, done, filled, segment
from mousepose.errors import FileError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, glance, recent_events, troubles
from mousepose.monitor.records import Gap, Stage, State

CAGES = ("A", "B", "C")
COUNT = 4


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    pytest.importorskip("pg8000", reason="no way to PostgreSQL: pg8000 is not installed")
    if programs() is None:
        pytest.skip("no PostgreSQL: initdb is not installed")
    with server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    running: Server = request.getfixturevalue("postgres")
    return fresh(running)


def fresh(running: Server) -> str:
    """A database of its own in a server."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(running.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return running.url.removesuffix("postgres") + name


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run functions in threads; return what they gave, or raise what one raised."""
    results: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(place: int) -> None:
        try:
            results[place] = works[place]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def worked(url: str, name: str, stop: Callable[[Ledger], bool]) -> Counter[tuple[str, Stage]]:
    """Do work until there is none left and `stop` says so; return what was done."""
    count: Counter[tuple[str, Stage]] = Counter()
    with Ledger.open(url) as ledger:
        while True:
            tasks = ledger.claim(name, 3, LEASE)
            for task in tasks:
                assert ledger.commit(done(task))
                count[task.segment.id, task.stage] += 1
            if not tasks and stop(ledger):
                return count


def finished(ledger: Ledger) -> bool:
    states = [
        state
        for cage in CAGES
        for number in range(COUNT)
        for state in ledger.states(segment(cage, number).id).values()
    ]
    return set(states) == {State.DONE}


def check(ledger: Ledger) -> None:
    for table in TABLE.values():
        files = ledger.files(table)
        assert len({file.key for file in files}) == len(files) == len(CAGES) * COUNT
    told = accounts(ledger)
    assert told.listed == told.total == len(CAGES) * COUNT * FRAMES


def test_two_who_work_at_once_do_everything_once(url: str) -> None:
    def add() -> None:
        with Ledger.open(url) as own:
            filled_if_new(own)

    at_once(add, add)
    one, other = at_once(
        lambda: worked(url, "one", finished), lambda: worked(url, "other", finished)
    )
    total = one + other
    assert set(total.values()) == {1}
    assert len(total) == len(CAGES) * COUNT * 3
    with Ledger.open(url) as ledger:
        check(ledger)


def filled_if_new(ledger: Ledger) -> None:
    """Add what sources of two coordinators both find."""
    for cage in CAGES:
        ledger.add_cages({cage: 1})
        for number in range(COUNT):
            ledger.add_segment(segment(cage, number))
        ledger.close_border(segment(cage, COUNT - 1).id)
        ledger.add_gap(Gap(cage, segment(cage).start, segment(cage).end, "unplugged"))


def test_all_that_a_ledger_is_asked_is_answered(url: str) -> None:
    with Ledger.open(url) as ledger:
        ids = filled(ledger, CAGES, COUNT)
        (task,) = ledger.claim("w", 1, LEASE, {"A": 2})
        assert ledger.beat([task.token, "none"], LEASE) == {"none"}
        assert ledger.fail(task.token, "boom", "log") == State.FAILED
        (task,) = ledger.claim("w", 1, LEASE)
        assert ledger.release_worker("w") == 1
        assert ledger.release_expired() == 0
        assert ledger.mark_lost(segment("C", 3).id, "gone")
        assert len(troubles(ledger)) == 2
        (row, *_) = glance(ledger, segment().start)
        assert (row.cage, row.backlog_s) == ("A", COUNT * 60.0)
        assert [event.kind for event in recent_events(ledger)] == ["lost"]
        assert ledger.known("A", [segment("A").path]) == {segment("A").path: segment("A").digest}
        assert ledger.latest("B") == segment("B", COUNT - 1)
        assert ledger.close_borders(0.0) == []
        assert ledger.removable(0.0) == ledger.orphans([]) == []
        assert ledger.retire("points", segment().start) == 0
        assert len(ids) == len(CAGES) * COUNT
    with Ledger.open(url, create=False) as ledger:
        assert accounts(ledger).lost == FRAMES


def test_a_server_that_fails_in_the_middle_loses_nothing(postgres: Server) -> None:
    url = fresh(postgres)
    with Ledger.open(url) as ledger:
        filled(ledger, CAGES, COUNT)

    def always(_: Ledger) -> bool:
        return True

    def fail() -> None:
        time.sleep(0.3)
        postgres.stop("immediate")
        time.sleep(0.3)
        postgres.start()

    one, other, _ = at_once(
        lambda: worked(url, "one", always),
        lambda: worked(url, "other", always),
        fail,
    )
    with Ledger.open(url) as ledger:
        ledger.release_worker("one")  # claims whose answers the failure swallowed
        ledger.release_worker("other")
        rest = worked(url, "last", finished)
        total = one + other + rest
        assert set(total.values()) == {1} and len(total) == len(CAGES) * COUNT * 3
        check(ledger)


def test_a_server_that_fails_before_the_first_statement_is_asked_again(postgres: Server) -> None:
    with Ledger.open(fresh(postgres)) as ledger:
        filled(ledger, ["A"], 1)
        failures = []

        def fail(_: Any) -> None:
            if not failures:
                failures.append(postgres.stop("immediate"))
                postgres.start()

        event.listen(ledger.database._engine, "engine_connect", fail)
        assert len(ledger.claim("w", 1, LEASE)) == 1
        assert len(failures) == 1


def test_a_server_that_is_away_for_good_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"could not be reached for 0\.2 s"):
        Ledger.open("postgresql://mouse@127.0.0.1:1/none", patience_s=0.2)
