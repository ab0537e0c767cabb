"""What is asked every few seconds does not look through all that was ever recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from monitor.rooms import LEASE, START, filled, opened
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, glance, recent_events, time_spent, troubles

ASKED: dict[str, Callable[[Ledger], Any]] = {
    "glance": lambda ledger: glance(ledger, START),
    "accounts": lambda ledger: accounts(ledger, START),
    "time_spent": lambda ledger: time_spent(ledger, START),
    "troubles": troubles,
    "recent_events": recent_events,
    "claim": lambda ledger: ledger.claim("w", 4, LEASE),
    "release_expired": Ledger.release_expired,
    "close_borders": lambda ledger: ledger.close_borders(60.0),
    "latest": lambda ledger: ledger.latest("A1"),
}


def plans(ledger: Ledger, ask: Callable[[Ledger], Any]) -> list[str]:
    """Return how SQLite looks up what `ask` reads, one line a table."""
    engine = ledger.database._engine
    found: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            told = connection.connection.cursor()
            told.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.extend(row[-1] for row in told.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    try:
        ask(ledger)
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return found


@pytest.mark.parametrize("name", list(ASKED))
def test_it_goes_by_an_index(name: str, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, ("A1", "A2"), 2)
        found = plans(ledger, ASKED[name])
    assert found
    tables = ("SCAN stages", "SCAN segments", "SCAN events")
    through_all = [line for line in found if line.startswith(tables)]
    if name == "recent_events":  # from the newest on, as many as are wanted
        through_all = [line for line in through_all if "USING INDEX events_by_time" not in line]
    assert through_all == []


def test_a_plan_that_looks_through_all_is_seen(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger)
        assert any(line.startswith("SCAN") for line in plans(ledger, accounts))
