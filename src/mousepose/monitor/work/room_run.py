"""A room day and night in one process: sources, work, upkeep, and the dashboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import glance
from mousepose.monitor.records import FINISHED
from mousepose.monitor.room import Room
from mousepose.monitor.room_settings import FileList
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.alone import alone
from mousepose.monitor.work.behind import Behind
from mousepose.monitor.work.cage_sources import Recording, feed_of
from mousepose.monitor.work.cluster import opened_executor
from mousepose.monitor.work.dispatch import Dispatcher, Pace
from mousepose.monitor.work.feed import Feed
from mousepose.monitor.work.job import RunStage, run_stage
from mousepose.monitor.work.jobs import Jobs
from mousepose.monitor.work.logs import note
from mousepose.monitor.work.recorders import recorded
from mousepose.monitor.work.recurring import Recurring
from mousepose.monitor.work.upkeep import Upkeep

#: Seconds between two looks at the sources, at alerts, and at whether upkeep is due.
_SOURCES_S, _ALERTS_S, _UPKEEP_S = 1.0, 60.0, 60.0
#: Seconds that a round of the loop waits for an answer.
ROUND_S = 0.5
#: Seconds in which a stage that is being done at the end may still be finished.
FINISH_S = 60.0


@dataclass(frozen=True)
class RunSettings:
    """How a room is run: workers of `cluster`, None for that of the room; see `opened_executor`.

    With `dashboard` it is served at `host` and `port`, by default as the room says. With
    `until_done` the run ends when the sources have ended and all is done. What is being done at the
    end may take `finish_s` seconds. `stages` does a stage; in trials something else may.
    """

    cluster: str | None = None
    dashboard: bool = False
    host: str | None = None
    port: int | None = None
    until_done: bool = False
    finish_s: float = FINISH_S
    stages: RunStage = run_stage


@dataclass(frozen=True)
class Running:
    """What is looked at from outside while a room runs.

    `address` is the dashboard's, or empty; `lists` tells that all films are lists of files, of any
    time.
    """

    ledger: Ledger
    dispatcher: Dispatcher
    workers: Callable[[], int]
    address: str = ""
    lists: bool = False


def run_room(
    room: Room,
    stop: threading.Event,
    settings: RunSettings | None = None,
    show: Callable[[Running], object] = lambda _: None,
) -> int:
    """Run a room until `stop`; return how many stages were given back unfinished.

    `show` is called after every round. Raises `InputError` where it cannot start, `FileError` where
    the ledger is out of reach then; later faults are told and waited out.
    """
    settings = settings or RunSettings()
    with ExitStack() as stack:
        name = stack.enter_context(alone(room.ledger))
        ledger, store = stack.enter_context(room.open_ledger()), room.open_store()
        ledger.add_cages({cage.name: cage.count for cage in room.cage})
        where = settings.cluster or room.cluster
        executor = stack.enter_context(opened_executor(where, room.workers))
        jobs = Jobs(
            {cage.name: cage.work for cage in room.cage}, store, room.time_limit, settings.stages
        )
        dispatcher = Dispatcher(
            ledger, executor, jobs, name, Pace(room.lease),
            Behind(room.behind.after, room.behind.every),
        )  # fmt: skip
        feeds, recordings = _feeds(room, ledger)
        freed = dispatcher.begin()
        note("info", "start", f"{len(room.cage)} cages, {executor.workers} workers ({where})",
             freed=freed)  # fmt: skip
        helpers = [
            Recurring(
                "sources", lambda: step_feeds(feeds, ledger, room.border_timeout), _SOURCES_S
            ),
            Recurring("heart", dispatcher.beat, room.lease / 4),
            Recurring("upkeep", upkeep_of(room, ledger, store), _UPKEEP_S),
        ]
        for helper in helpers:
            stack.enter_context(helper)
        stack.enter_context(recorded(recordings))
        address = ""
        if settings.dashboard:
            address = stack.enter_context(
                _watched(room, ledger, store, settings, _Complaints(dispatcher, helpers))
            )
        lists = all(isinstance(cage.source, FileList) for cage in room.cage)
        running = Running(ledger, dispatcher, lambda: executor.workers, address, lists)
        while not stop.is_set():
            answers = dispatcher.step(ROUND_S)
            show(running)
            if settings.until_done and not answers and is_done(feeds, dispatcher):
                break
        note("info", "stop", f"{len(dispatcher.held)} stages are being done")
        back = dispatcher.drain(settings.finish_s if stop.is_set() else 0.0)
        note("info", "stopped", f"{back} stages given back")
        return back


def step_feeds(feeds: Sequence[Feed], ledger: Ledger, border_timeout: float) -> int:
    """Bring what all sources found; close borders after which nothing came. Return how many."""
    now = ledger.clock()
    found = sum(feed.step(now) for feed in feeds)
    # what came while nobody looked is brought before its time is said to be over
    ledger.close_borders(border_timeout, [feed.cage for feed in feeds if feed.waiting])
    return found


def is_done(feeds: Sequence[Feed], dispatcher: Dispatcher) -> bool:
    """Tell whether all sources have ended and nothing is left to be done."""
    if dispatcher.held or not all(feed.ended for feed in feeds):
        return False
    ledger = dispatcher.ledger
    cages = glance(ledger, ledger.clock().replace(year=1970))
    return all(
        state in FINISHED
        for cage in cages
        for states in cage.states.values()
        for state, count in states.items()
        if count
    )


def upkeep_of(room: Room, ledger: Ledger, store: Store) -> Callable[[], bool]:
    """Return what does the room's upkeep when it is time."""
    upkeep = Upkeep(ledger, store, room.retention, room.compaction_hour)
    return lambda: upkeep.step(ledger.clock())


class _Complaints:
    """What the program that does the work finds wrong now, in words for the dashboard."""

    def __init__(self, dispatcher: Dispatcher, helpers: Sequence[Recurring]) -> None:
        self._dispatcher, self._helpers = dispatcher, helpers

    def __call__(self) -> list[str]:
        found = [f"{one.name}: failed the last time" for one in self._helpers if one.failing]
        if self._dispatcher.disk.failing:
            found.append("a disk has no room: what is done cannot be written")
        if self._dispatcher.reach.failing:
            found.append("the ledger cannot be used: what is done waits")
        return found


def _feeds(room: Room, ledger: Ledger) -> tuple[list[Feed], dict[str, Recording]]:
    feeds, recordings = [], {}
    for cage in room.cage:
        feed, recording = feed_of(cage, room, ledger)
        feeds.append(feed)
        if recording is not None:
            recordings[cage.name] = recording
    return feeds, recordings


@contextmanager
def _watched(
    room: Room, ledger: Ledger, store: Store, settings: RunSettings, complaints: _Complaints
) -> Iterator[str]:
    """Serve the dashboard and look for what should be told; give the address."""
    from mousepose.monitor.watch.alerts import Alerts
    from mousepose.monitor.watch.app import create_app
    from mousepose.monitor.watch.server import serve
    from mousepose.monitor.watch.settings import WatchSettings

    watch = WatchSettings.of_room(room)
    app = create_app(ledger, store, watch, complaints)
    host = room.watch.host if settings.host is None else settings.host
    port = room.watch.port if settings.port is None else settings.port
    with Alerts(ledger, store, watch) as alerts, serve(app, host, port) as server:
        note("info", "dashboard", server.address)
        with Recurring("alerts", lambda: alerts.check(ledger.clock()), _ALERTS_S):
            yield server.address
