"""A room in tables for a terminal, and as JSON for programs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from mousepose.monitor.ledger.overview import (
    CageGlance,
    accounts,
    glance,
    recent_events,
    troubles,
)
from mousepose.monitor.records import Stage, State
from mousepose.monitor.work.logs import Words, write_logs

if TYPE_CHECKING:
    from mousepose.monitor.ledger.ledger import Ledger
    from mousepose.monitor.work.checks import Checked
    from mousepose.monitor.work.room_run import Running

#: Seconds between two looks at the ledger for the table.
_TABLE_S = 2.0
#: Troubles that are listed.
_MOST_TROUBLES = 20
_DAY = timedelta(days=1)
#: Before everything.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def shown() -> Iterator[Callable[[Running], None]]:
    """Give what shows a room that runs: on a terminal as a table, else by lines of JSON alone."""
    console = Console(stderr=True)
    if not console.is_terminal:
        write_logs()
        yield lambda _: None
        return
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        write_logs(_Above(live.console))
        last = float("-inf")

        def show(running: Running) -> None:
            nonlocal last
            if time.monotonic() - last >= _TABLE_S:
                last = time.monotonic()
                live.update(_running_table(running))

        yield show


class _Above(logging.Handler):
    """Prints what matters above the table."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self.setFormatter(Words())

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, unless it is of a stage that went well: the table counts those."""
        if getattr(record, "monitor_fields", {}).get("kind") != "done":
            style = {"ERROR": "red", "WARNING": "yellow"}.get(record.levelname, "dim")
            self._console.print(escape(self.format(record)), style=style)


def print_table(table: Table) -> None:
    """Print a table to stdout."""
    Console().print(table)


def checks_table(found: Sequence[Checked]) -> Table:
    """Return what was tried as a table."""
    table = Table("tried", "", "found")
    for one in found:
        mark = "[green]ok[/]" if one.ok else "[red]FAULT[/]"
        table.add_row(escape(one.what), mark, escape(one.text))
    return table


def print_status(ledger: Ledger) -> int:
    """Print how far a room is; return how many segments are parked or lost."""
    console = Console()
    console.print(_cages_table(glance(ledger, _FIRST), ""))
    found = accounts(ledger)
    console.print(
        f"{found.segments:,} segments with {found.listed:,} frames in all: {found.total:,} looked "
        f"at ({found.skipped:,} left out, {found.damaged:,} damaged, {found.seen:,} with a mouse), "
        f"{found.waiting:,} wait, {found.parked:,} parked, {found.lost:,} lost, "
        f"{found.missing:,} unaccounted for"
    )
    bad = [one for one in troubles(ledger, 1_000_000) if one.state != State.FAILED]
    for one in bad[:_MOST_TROUBLES]:
        console.print(f"[red]{one.state}[/] {escape(one.segment.id)}: {escape(one.reason)}")
    if len(bad) > _MOST_TROUBLES:
        console.print(f"and {len(bad) - _MOST_TROUBLES} more")
    for event in recent_events(ledger, levels=["error"], limit=_MOST_TROUBLES):
        if event.kind != "parked":  # told above, where it still is
            console.print(
                f"[red]{escape(event.kind)}[/] {escape(event.cage)}: {escape(event.text)}"
            )
    return len(bad)


def status_json(ledger: Ledger) -> str:
    """Return how far a room is as JSON."""
    found = accounts(ledger)
    bad = [
        {"segment": one.segment.id, "stage": one.stage, "state": one.state, "reason": one.reason}
        for one in troubles(ledger, 1_000_000)
    ]
    document = {
        "frames": asdict(found) | {"unaccounted": found.missing},
        "cages": [asdict(one) for one in glance(ledger, _FIRST)],
        "troubles": bad,
    }
    return json.dumps(document, indent=1, default=str)


def _running_table(running: Running) -> Table:
    since = _FIRST if running.lists else running.ledger.clock() - _DAY
    cages = glance(running.ledger, since)
    tally = running.dispatcher.tally
    done = sum(tally.endings.values())
    title = f"{running.workers()} workers, {len(running.dispatcher.held)} at work, {done:,} done"
    title += "" if running.lists else "; counts of the last 24 h"
    return _cages_table(cages, f"{title}  {running.address}".rstrip())


def _cages_table(cages: Sequence[CageGlance], title: str) -> Table:
    table = Table("cage", title=escape(title), title_justify="left")
    for name in ("lag", "film waits", "frames", "seen %", *(stage.value for stage in Stage)):
        table.add_column(name, justify="right")
    table.add_column("bad", justify="right")
    for one in cages:
        frames = one.accounts
        seen = f"{100 * frames.seen / frames.total:.0f}" if frames.total else ""
        stages = [one.states.get(stage, {}) for stage in Stage]
        bad = sum(
            count for states in stages for state, count in states.items()
            if state in {State.PARKED, State.LOST, State.FAILED}
        )  # fmt: skip
        table.add_row(
            escape(one.cage), _length(one.lag_s), _length(one.backlog_s), f"{frames.total:,}",
            seen, *(f"{of.get(State.DONE, 0)}/{sum(of.values())}" for of in stages),
            f"[red]{bad}[/]" if bad else "",
        )  # fmt: skip
    return table


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"
