"""The dashboard in a real browser: it shows, follows, asks for the token, and runs nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("fsspec", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("starlette", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("uvicorn", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("prometheus_client", reason="pip install 'mousepose[monitor]'")

from browser import browser, program
from mousepose.monitor.records import Event
from mousepose.monitor.watch.alert_book import AlertBook, Finding
from mousepose.monitor.watch.app import create_app
from mousepose.monitor.watch.server import serve
from mousepose.monitor.watch.settings import WatchSettings
from watched_room import NOW, Room, jpeg

TOKEN = "a-token-that-no-one-guesses"
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    program()
    room = Room(tmp_path / "room")
    room.add_cages_past_the_door([HOSTILE])
    room.segment("A1", NOW.replace(hour=21, minute=30))
    room.work(picture=jpeg())
    yield room
    room.close()


def test_a_browser_shows_it_and_follows(room: Room, tmp_path: Path) -> None:
    watch = WatchSettings(title="The room", token=TOKEN, refresh_s=1.0, minutes_every_s=0.5)
    book = AlertBook(room.ledger)
    app = create_app(room.ledger, room.store, watch)
    with serve(app, port=0) as server, browser(tmp_path / "profile") as page:
        page.open(server.address)
        page.wait_for_text("The room")
        page.wait_for_text(HOSTILE)
        page.wait_for("[...document.images].some(i => i.complete && i.naturalWidth === 64)")
        assert "live" in page.ask("document.querySelector('.card.good .chip').innerText")
        # what happens is shown without anyone touching the page, which keeps its pictures
        page.ask("document.images[0].marked = true")
        book.update([Finding("A1", "dark", f"dark {HOSTILE}", "error")], (), NOW, NOW - NOW)
        room.ledger.add_event(Event("A1", NOW, "dark", f"event {HOSTILE}", "error"))
        page.wait_for_text(f"dark {HOSTILE}")
        page.wait_for("document.title === '(1) The room'")
        assert page.ask("document.images[0].marked === true")
        # a wrong token changes nothing, the right one does
        page.press("Acknowledge")
        give(page, "wrong-token-of-someone")
        page.wait_for_text("wrong or missing token")
        assert book.open()[0].acknowledged is None
        page.wait_for("!document.querySelector('dialog[open]')")
        page.ask("document.querySelector('button[data-action]').click()")
        give(page, TOKEN)
        page.wait_for("document.title === 'The room'")
        assert book.open()[0].acknowledged == NOW
        page.ask("document.querySelector('.card.error h2 a, .card.good h2 a').click()")
        page.wait_for_text("Last picture")
        page.wait_for_text(f"event {HOSTILE}")
        assert page.ask("document.querySelectorAll('img[src=\"x\"]').length") == 0
        assert not [error for error in page.errors if "401" not in error]
        assert all(url.startswith((server.address, "data:")) for url in page.requests)
        server.stop()
        page.wait_for_text("No connection to the monitor since")
        assert page.ask("!!document.querySelector('main .panel')")  # what was known stays


def test_it_fits_a_phone_and_a_wall(room: Room, tmp_path: Path) -> None:
    with (
        serve(create_app(room.ledger, room.store, WatchSettings()), port=0) as server,
        browser(tmp_path / "profile") as page,
    ):
        for path in ("", "cage?name=A1"):
            for width in (360, 800, 1920):
                page.tell("Emulation.setDeviceMetricsOverride", width=width, height=800,
                          deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
                page.open(f"{server.address}{path}")
                page.wait_for_text("A1")
                page.wait_for("document.readyState === 'complete'")
                assert page.ask("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        backs = [back(page, server.address, look) for look in ("dark", "light")]
        assert backs[0] != backs[1]
        assert page.errors == []


def give(page: object, token: str) -> None:
    """Answer the question for the token."""
    page.wait_for("!!document.querySelector('dialog[open]')")  # type: ignore[attr-defined]
    page.ask(f"document.getElementById('token').value = {token!r}")  # type: ignore[attr-defined]
    page.press("Go on")  # type: ignore[attr-defined]


def back(page: object, address: str, look: str) -> str:
    """Return the colour of a page in a look."""
    page.open(f"{address}?look={look}")  # type: ignore[attr-defined]
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    time.sleep(0.3)
    return str(page.wait_for(f"!!document.body && location.search.includes({look!r}) && {colour}"))  # type: ignore[attr-defined]
