"""Alerts: raised once, cleared when over, sent once whatever happens to either side."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy", reason="alerts need pip install 'mousepose[monitor]'")
pytest.importorskip("fsspec", reason="alerts need pip install 'mousepose[monitor]'")

from mousepose.errors import InputError
from mousepose.monitor.ledger.overview import CageGlance
from mousepose.monitor.ledger.tables import to_number, to_time
from mousepose.monitor.records import Event, Gap
from mousepose.monitor.room_watch import Alerts as Limits
from mousepose.monitor.watch.alert_book import AlertBook, Finding
from mousepose.monitor.watch.alerts import Alerts
from mousepose.monitor.watch.baseline import against_usual
from mousepose.monitor.watch.disks import Disk, Disks
from mousepose.monitor.watch.film import films
from mousepose.monitor.watch.history import DAY, MINUTE_US, SUMS, History, MouseMinutes
from mousepose.monitor.watch.rules import Facts, filling, judge
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.webhook import Webhook
from watched_room import NOW, Room

MINUTE = timedelta(minutes=1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path / "room")
    yield room
    room.close()


def kinds(alerts: Alerts, room: Room) -> list[tuple[str, str]]:
    alerts.check(room.now)
    return sorted((alert.cage, alert.kind) for alert in alerts.book.open())


def test_a_camera_that_is_gone_is_told_once_and_cleared_when_it_is_back(room: Room) -> None:
    room.segment("A1", NOW - 10 * MINUTE)
    room.work()
    with Alerts(room.ledger, room.store, WatchSettings()) as alerts:
        assert alerts.check(NOW) == []
        room.now = NOW + 25 * MINUTE  # a segment's length is allowed for
        (change,) = alerts.check(room.now)
        assert (change.alert.cage, change.alert.kind, change.over) == ("A1", "gone", False)
        room.now += MINUTE
        assert alerts.check(room.now) == []
        assert "26 min" in alerts.book.open()[0].text
        room.segment("A1", room.now - 10 * MINUTE)
        room.work()
        (change,) = alerts.check(room.now)
        assert change.over and alerts.book.open() == []


def test_no_film_is_awaited_of_a_list_of_old_files(room: Room) -> None:
    room.segment("A1", NOW - 600 * MINUTE)
    room.work()
    settings = WatchSettings(lists=frozenset({"A1"}))
    with Alerts(room.ledger, room.store, settings) as alerts:
        assert kinds(alerts, room) == []


def test_what_the_ledger_tells_is_raised(room: Room) -> None:
    for place in range(7, 0, -1):
        start = NOW - 10 * place * MINUTE
        for cage, seen, told in (
            ("dark", 0.0, "dark"), ("moved", 0.9, "moved"), ("empty", 0.0, ""),
            ("fine", 0.9, "dark"),
        ):  # fmt: skip
            room.segment(cage, start)
            event = Event(cage, start + MINUTE, told, f"{told}!", "error")
            room.work(seen=seen, events=(event,) if told and place == 1 else ())
    for place in range(5, 0, -1):
        room.segment("late", NOW - 10 * place * MINUTE)
    room.ledger.claim("nobody", 99, 9e9)
    with Alerts(room.ledger, room.store, WatchSettings()) as alerts:
        assert kinds(alerts, room) == [
            ("dark", "dark"), ("dark", "unseen"), ("empty", "unseen"), ("late", "behind"),
            ("moved", "moved"),
        ]  # fmt: skip


def test_parked_segments_are_one_alert_of_their_cage(room: Room) -> None:
    for place in (3, 2):
        room.segment("A1", NOW - 10 * place * MINUTE)
    for _ in range(3):
        for task in room.ledger.claim("tests", 9, 60.0):
            room.ledger.fail(task.token, "no video")
        room.now += MINUTE
    with Alerts(room.ledger, room.store, WatchSettings()) as alerts:
        assert kinds(alerts, room) == [("A1", "parked")]
        assert alerts.book.open()[0].text.startswith("2 segments are parked")
        for segment in ("20260515T211000.000000Z", "20260515T212000.000000Z"):
            assert room.ledger.retry(f"A1/{segment}")
        assert kinds(alerts, room) == []


def test_an_animal_that_stopped_moving_is_found_against_its_own_days(room: Room) -> None:
    for cage, now in (("ill", 0.02), ("well", 0.2), ("new", 0.0)):
        if cage != "new":
            room.days(cage, 4, 0.25)
        room.segment(cage, NOW - 130 * MINUTE, 130)
        room.work(share=now)
    with Alerts(room.ledger, room.store, WatchSettings()) as alerts:
        assert kinds(alerts, room) == [("ill", "still")]
        assert "2.0 % of the time" in alerts.book.open()[0].text
        assert "25 % (median of 4 earlier days)" in alerts.book.open()[0].text
        # not told either way while there is no film of half of the time ...
        room.now = NOW + 100 * MINUTE
        room.segment("ill", room.now - 20 * MINUTE, 20)
        room.work(share=0.3)
        assert ("ill", "still") in kinds(alerts, room)
        # ... and over when it moves again
        room.now += 120 * MINUTE
        room.segment("ill", room.now - 120 * MINUTE, 120)
        room.work(share=0.3)
        assert ("ill", "still") not in kinds(alerts, room)


def test_history_is_that_of_the_store_however_it_lies_there(room: Room) -> None:
    room.days("A1", 3, None)
    room.segment("A1", NOW - 60 * MINUTE, 30.5)
    room.segment("A1", NOW - 29.5 * MINUTE, 29.5)  # both have rows of one minute
    room.work(share=None)
    history = History(room.ledger, room.store)
    assert history.refresh(NOW)
    mouse = history.mice("A1")["mouse0"]
    end = to_number(NOW) // MINUTE_US - mouse.first
    assert mouse.total("seconds", end - 60, end + 1) == 60 * 60
    assert mouse.mean("confidence", 0, end) == pytest.approx(0.91, abs=1e-6)
    from mousepose.monitor.store.compact import compact

    room.now = NOW + timedelta(days=1)
    assert compact(room.ledger, room.store).files >= 1
    assert history.refresh(NOW)
    assert history.faults == {}
    again = history.mice("A1")["mouse0"]
    np.testing.assert_allclose(again.of("time_mobile_s")[:end], mouse.of("time_mobile_s")[:end])
    # one that cannot be read is told, and the others are shown
    key = room.ledger.files("minutes")[0].key
    Path(room.store.path(key)).write_bytes(b"cut")
    fresh = History(room.ledger, room.store)
    assert fresh.refresh(NOW) and list(fresh.faults) == [key]
    assert fresh.mice("A1")["mouse0"].total("seconds", end - 60, end + 1) > 0
    # and a reading that may take no time goes on the next time
    slow = History(room.ledger, room.store)
    assert not slow.refresh(NOW, budget_s=-1.0)
    assert slow.refresh(NOW)


def minutes_of(shares: Any, film: Any = 1.0) -> MouseMinutes:
    """Return minutes that a mouse moves for some share of."""
    sums = np.zeros((len(shares), 16), np.float32)
    sums[:, SUMS.index("seconds")] = 60 * np.broadcast_to(film, len(shares))
    sums[:, SUMS.index("time_mobile_s")] = (
        60 * np.asarray(shares) * np.broadcast_to(film, len(shares))
    )
    return MouseMinutes(0, sums)


@given(usual=st.floats(0.05, 0.9), now=st.floats(0, 1), days=st.integers(0, 14))
def test_only_what_is_far_below_the_usual_is_too_little(
    usual: float, now: float, days: int
) -> None:
    shares = np.full((days + 1) * DAY, usual)
    shares[-120:] = now
    told = against_usual([minutes_of(shares)], "time_mobile_s", len(shares), 120, 0.2, 3)
    assert told.days == days and told.now == pytest.approx(now, abs=1e-5)
    if days < 3:
        assert told.holds is None
    elif now < 0.15 * usual:
        assert told.holds
    elif now > 0.21 * usual:
        assert not told.holds


def test_sleeping_hours_and_days_without_film_tell_nothing() -> None:
    asleep = minutes_of(np.zeros(6 * DAY))
    assert against_usual([asleep], "time_mobile_s", 6 * DAY, 120, 0.2, 3).holds is None
    film = np.ones(6 * DAY)
    film[-100:] = 0.0
    gone = minutes_of(np.full(6 * DAY, 0.3), film)
    assert against_usual([gone], "time_mobile_s", 6 * DAY, 120, 0.2, 3).now is None
    # wild days make a low one less surprising
    wild = np.repeat([0.4, 0.02, 0.3, 0.01, 0.5, 0.02, 0.4, 0.03, 0.02], DAY)
    assert not against_usual([minutes_of(wild)], "time_mobile_s", 9 * DAY, 120, 0.2, 3).holds
    # of several mice the least active one is compared with the least active ones before
    one, other = np.full(6 * DAY, 0.3), np.full(6 * DAY, 0.5)
    other[-120:] = 0.0
    pair = [minutes_of(one), minutes_of(other)]
    assert against_usual(pair, "time_mobile_s", 6 * DAY, 120, 0.2, 3).holds


def test_a_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 800_000

    class Usage:
        total, used = 1_000_000, 0

        @property
        def free(self) -> int:
            return free

    monkeypatch.setattr("mousepose.monitor.watch.disks.shutil.disk_usage", lambda _: Usage())
    disks = Disks((tmp_path, tmp_path / "not" / "there"))
    (disk,) = disks.look(NOW)
    assert disk.full is None and disk.free_percent == 80
    free = 600_000
    (disk,) = disks.look(NOW + timedelta(hours=2))
    assert disk.full == NOW + timedelta(hours=8)
    facts = Facts(NOW, [], disks=[disk, Disk("/b", 100, 5), Disk("/c", 100, 50)])
    told = list(filling(facts, Limits()))
    assert [(one.part, one.level) for one in told] == [(str(tmp_path), "error"), ("/b", "warning")]
    assert judge(facts, Limits()).findings == told


def test_film_is_shown_as_it_is(room: Room) -> None:
    room.segment("A1", NOW - 60 * MINUTE, 20)
    room.work()
    room.segment("A1", NOW - 40 * MINUTE, 20)
    room.work(seen=0.0)
    room.segment("A1", NOW - 20 * MINUTE, 10)
    room.ledger.add_gap(Gap("A1", NOW - 10 * MINUTE, NOW, "no power"))
    film = films(room.ledger, NOW - timedelta(days=1))["A1"]
    strip = film.strip(to_number(NOW - 60 * MINUTE), to_number(NOW), 6)
    assert strip == ["seen", "seen", "unseen", "unseen", "waiting", "none"]
    assert film.unseen_s == 20 * 60 and film.usual_s == 20 * 60
    assert film.last == (NOW - 40 * MINUTE, NOW - 20 * MINUTE)


def test_two_coordinators_raise_an_alert_once(room: Room) -> None:
    books = [AlertBook(room.ledger), AlertBook(room.ledger)]
    found = [Finding("A1", "dark", "nothing to see")]
    barrier, changes = threading.Barrier(2), []

    def run(book: AlertBook) -> None:
        barrier.wait()
        changes.append(book.update(found, (), NOW, timedelta(0)))

    threads = [threading.Thread(target=run, args=(book,)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, changes)) == [0, 1]
    assert len(books[0].open()) == 1
    assert books[0].acknowledge(books[0].open()[0].number, NOW)
    assert not books[1].acknowledge(books[0].open()[0].number, NOW)
    assert books[0].update([], {("A1", "dark")}, NOW, timedelta(0)) == []  # not known now
    (over,) = books[1].update([], (), NOW, timedelta(0))
    assert over.over and books[0].open() == []
    assert [alert.kind for alert in books[0].since(NOW - MINUTE)] == ["dark"]


class Receiver(HTTPServer):
    """A web address that keeps what it gets, and refuses the first few."""

    def __init__(self, refuse: int, status: int = 500) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.got: list[dict[str, Any]] = []
        self.refuse, self.status = refuse, status


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused, self.server.refuse = self.server.refuse > 0, self.server.refuse - 1
        if not refused:
            self.server.got.append(json.loads(body))
        self.send_response(self.server.status if refused else 204)
        if refused and self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def receiver(refuse: int = 0, status: int = 500) -> Iterator[Receiver]:
    with Receiver(refuse, status) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def wait_until(true: Any, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "still not"
        time.sleep(0.02)


@pytest.mark.parametrize("status", [500, 302])
def test_a_webhook_is_told_once_though_it_fails_at_first(
    room: Room, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("mousepose.monitor.watch.webhook._FIRST_PAUSE", 0.05)
    with receiver(refuse=2, status=status) as server:
        url = f"http://127.0.0.1:{server.server_port}/hook"
        settings = WatchSettings(title="room <1>", alerts=Limits(webhook=url))
        room.segment("A1", NOW - 10 * MINUTE)
        room.work()
        room.now = NOW + 60 * MINUTE
        with Alerts(room.ledger, room.store, settings) as alerts:
            began = time.monotonic()
            alerts.check(room.now)
            assert time.monotonic() - began < 5  # no one waits for the other side
            wait_until(lambda: server.got)
            alerts.check(room.now)
        assert [one["state"] for one in server.got] == ["raised"]
        assert server.got[0]["text"].startswith("room <1>, cage A1: no film comes")
        # what was not sent when a program ended is sent by the next one
        room.segment("A1", room.now - 10 * MINUTE)
        room.work()
        Alerts(room.ledger, room.store, WatchSettings()).check(room.now)
        with Alerts(room.ledger, room.store, settings):
            wait_until(lambda: len(server.got) == 2)
        assert server.got[1]["state"] == "cleared" and server.got[1]["id"] == server.got[0]["id"]


def test_what_comes_and_goes_is_not_told_each_time(room: Room) -> None:
    book, hour = AlertBook(room.ledger), timedelta(hours=1)
    found = [Finding("A1", "behind", "late")]
    for turn in range(3):
        now = NOW + 10 * turn * MINUTE
        book.update(found, (), now, hour)
        told = book.untold(now)
        assert [change.over for change in told] == ([False] if turn == 0 else [])
        for change in told:
            book.was_told(change, now)
        book.update([], (), now + 5 * MINUTE, hour)
        for change in book.untold(now + 5 * MINUTE):
            book.was_told(change, now)
    book.update(found, (), NOW + 40 * MINUTE, hour)
    assert book.untold(NOW + 59 * MINUTE) == []
    assert len(book.untold(NOW + 61 * MINUTE)) == 1  # it lasts, so it is told after all
    assert book.untold(NOW + timedelta(days=3)) == []  # and given up when no one wants it


def test_a_webhook_is_a_web_address(room: Room) -> None:
    with pytest.raises(InputError, match="https://"):
        Webhook(AlertBook(room.ledger), "file:///etc/passwd", "room")


def test_an_animal_that_stopped_drinking_is_found_where_water_is_watched() -> None:
    shares = np.full(6 * DAY, 0.3)
    mouse = minutes_of(shares)
    drinks = np.full(6 * DAY, 60 * 0.05, np.float32)
    drinks[-720:] = 0.0
    thirsty = MouseMinutes(0, mouse.sums.copy())
    thirsty.sums[:, SUMS.index("time_drinking_s")] = drinks
    now = to_time(6 * DAY * MINUTE_US)
    cages = [CageGlance("A1", 1), CageGlance("A2", 1)]
    facts = Facts(now, cages, minutes={"A1": {"mouse0": thirsty}, "A2": {"mouse0": mouse}})
    told = judge(facts, Limits())
    assert [(one.cage, one.kind) for one in told.findings] == [("A1", "thirst")]
    assert "drinks 0 % of the time in the last 12 h" in told.findings[0].text
    assert ("A2", "thirst") in told.unknown  # no water is watched there
