"""Requests that mean no good get nothing, change nothing and stop nothing."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("fsspec", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("starlette", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("uvicorn", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("prometheus_client", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("httpx", reason="requests are sent with httpx")

import httpx

from mousepose.errors import FileError, InputError
from mousepose.monitor.records import Event
from mousepose.monitor.watch import server as server_module
from mousepose.monitor.watch.alert_book import AlertBook, Finding
from mousepose.monitor.watch.app import create_app
from mousepose.monitor.watch.server import Server, serve
from mousepose.monitor.watch.settings import WatchSettings
from watched_room import NOW, Room, jpeg

TOKEN = "a-token-that-no-one-guesses"
#: Names that try to be HTML, a script, a path, a line of a log, another name.
HOSTILE = (
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "../../etc/passwd",
    "a\r\nSet-Cookie: x=1", "{{7*7}}${7*7}", "\u202etac", "%2e%2e%2f", "<!--", "</title>",
)  # fmt: skip


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    room = Room(tmp_path_factory.mktemp("watched"))
    room.add_cages_past_the_door(HOSTILE)
    room.segment("A1", NOW.replace(hour=20, minute=0))
    room.work(picture=jpeg())
    for cage in HOSTILE:
        for text in HOSTILE:
            room.ledger.add_event(Event(cage, NOW, "light", text, "warning"))
        AlertBook(room.ledger).update([Finding(cage, "dark", cage)], {(c, "dark") for c in HOSTILE},
                                      NOW, NOW - NOW)  # fmt: skip
    parked = room.segment("A1", NOW.replace(hour=21, minute=0))
    for _ in range(3):
        for task in room.ledger.claim("tests", 9, 60.0):
            room.ledger.fail(task.token, HOSTILE[0], HOSTILE[1])
        room.now = room.now.replace(minute=room.now.minute + 1)
    assert parked.id == PARKED
    yield room
    room.close()


PARKED = "A1/20260515T210000.000000Z"


@pytest.fixture(scope="module")
def client(room: Room) -> Iterator[Any]:
    with started(room, WatchSettings(title=HOSTILE[0], token=TOKEN)) as client:
        yield client


@contextmanager
def started(room: Room, watch: WatchSettings, reads: bool = True) -> Iterator[Any]:
    """Give a client of a dashboard that is running; without `reads` its thread does not run."""
    app = create_app(room.ledger, room.store, watch)
    keeper = app.state.keeper
    if reads:
        keeper.refresh()
    else:
        keeper.start = lambda: None
    with serve(app, port=0) as server, httpx.Client(base_url=server.address, timeout=60) as client:
        client.keeper = keeper
        yield client


#: All that pages are made of: no style, no handlers, nothing that loads from elsewhere.
ELEMENTS = frozenset({
    "html", "head", "meta", "title", "link", "script", "noscript", "body", "p", "main",
    "dialog", "form", "label", "input", "div", "button", "header", "h1", "h2", "a", "time",
    "b", "span", "section", "ul", "li", "i", "details", "summary", "article", "img", "svg",
    "path", "rect", "text", "dl", "dt", "dd", "footer", "figure", "figcaption", "table",
    "thead", "tbody", "tr", "th", "td", "pre",
})  # fmt: skip
ATTRIBUTES = frozenset({
    "lang", "charset", "name", "content", "rel", "href", "type", "src", "defer", "http-equiv",
    "id", "role", "hidden", "for", "autocomplete", "spellcheck", "method", "class",
    "datetime", "title", "aria-label", "aria-hidden", "data-action", "data-alert",
    "data-segment", "data-fold", "data-look", "data-refresh", "alt", "decoding", "viewbox",
    "preserveaspectratio", "x", "y", "width", "height", "d",
})  # fmt: skip


class Elements(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


def test_pages_show_hostile_names_as_text(client: Any) -> None:
    pages = [client.get("/"), *(client.get("/cage", params={"name": name}) for name in HOSTILE),
             client.get("/cage", params={"name": "A1"})]  # fmt: skip
    for page in pages:
        assert page.status_code == 200
        found = Elements(page.text)
        assert found.names <= ELEMENTS and found.attributes <= ATTRIBUTES
        assert found.addresses and all(re.match(r"/(?!/)", told) for told in found.addresses)
        assert found.names >= {"script", "title", "main"} and "\u202e" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in page.headers and "server" not in page.headers
        assert TOKEN not in page.text
    links = re.findall(r'href="(/cage\?[^"]+)"', pages[0].text)
    assert len(set(links)) == len(HOSTILE) + 1
    assert all(client.get(link.replace("&amp;", "&")).status_code == 200 for link in links)


def test_a_page_that_did_not_change_is_not_sent_again(client: Any) -> None:
    first = client.get("/?look=dark")
    assert 'data-look="dark"' in first.text
    again = client.get("/?look=dark", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert 'data-look="x' not in client.get("/?look=x%22").text


def test_pictures_are_those_of_the_ledger_and_nothing_else(client: Any, room: Room) -> None:
    (written,) = room.ledger.files("picture")
    good = client.get("/picture", params={"cage": "A1", "key": written.key})
    assert good.status_code == 200 and good.content == jpeg()
    assert good.headers["content-type"] == "image/jpeg"
    for cage, key in (
        ("A2", written.key), ("A1", "../../../../etc/passwd"), ("A1", ""), ("", written.key),
        ("A1", "/etc/passwd"), ("A1", written.key + "\0"), ("A1", f"../store/{written.key}"),
        ("A1", room.ledger.files("minutes")[0].key), ("A1", "ledger.db"),
    ):  # fmt: skip
        assert client.get("/picture", params={"cage": cage, "key": key}).status_code == 404


@settings(max_examples=25)
@given(path=st.text(max_size=300), query=st.text(max_size=300))
def test_any_path_is_answered_without_a_fault(client: Any, path: str, query: str) -> None:
    for name in ("", "picture", "cage", "static", "watch.css"):
        try:
            address = httpx.URL(
                f"{client.base_url}{name}", params={"name": query, "key": path, "v": path}
            )
        except (httpx.InvalidURL, ValueError):
            continue
        answer = client.get(address)
        assert answer.status_code in {200, 404, 414}
        assert "root:x:" not in answer.text and "Traceback" not in answer.text
    try:
        address = httpx.URL(client.base_url).copy_with(path="/" + path)
    except (httpx.InvalidURL, ValueError):
        return
    assert client.get(address).status_code in {200, 404, 414, 405}


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/ledger.db", "//etc/passwd",
     "/watch.css/../../app.py", "/app.py", "/static/../ledger.db", "/picture/../../ledger.db",
     "/watch.css%00.py", "/actions/../health", "/.env"],
)  # fmt: skip
def test_no_path_leads_to_a_file(live: Server, path: str) -> None:
    answer = raw(live, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")


def test_changes_need_the_token(client: Any, room: Room) -> None:
    def post(body: Any = None, **headers: Any) -> int:
        sent = {"Content-Type": "application/json", **headers}
        content = json.dumps({"segment": PARKED} if body is None else body)
        answer = client.post("/actions/retry", content=content, headers=sent)
        assert TOKEN not in answer.text
        return int(answer.status_code)

    good = {"Authorization": f"Bearer {TOKEN}"}
    for wrong in (
        {}, {"Authorization": TOKEN}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"}, {"Cookie": f"token={TOKEN}"}, {"X-Token": TOKEN},
        {"Authorization": b"Bearer \xff\xfe"},
    ):  # fmt: skip
        assert post(**wrong) == 401
    assert client.get("/actions/retry", headers=good).status_code == 405
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert post(**good, **form) == 415  # what a page elsewhere can send
    for body in ([], {}, {"segment": 7.5}, {"segment": ""}, {"segment": "x" * 300}, "x", 3,
                 {"segment": ["A1"]}, {"segment": "A1\n"}, {"segment": {"a": 1}}):  # fmt: skip
        assert post(body, **good) == 400
    assert post({"segment": "A1/none"}, **good) == 409
    assert {state.value for state in room.ledger.states(PARKED).values()} == {"parked"}
    assert post(**good) == 200
    assert {state.value for state in room.ledger.states(PARKED).values()} == {"waiting"}
    number = AlertBook(room.ledger).open()[0].number
    for given_, status in (
        (number, 200),
        (str(number), 409),
        (-1, 400),
        ("1e3", 400),
        (10**30, 400),
    ):
        answer = client.post("/actions/acknowledge", json={"alert": given_}, headers=good)
        assert answer.status_code == status, given_


def test_without_a_token_nothing_can_be_changed(room: Room) -> None:
    with started(room, WatchSettings()) as client:
        for token in ("-", "None", "null", TOKEN):
            answer = client.post("/actions/retry", json={"segment": PARKED},
                                 headers={"Authorization": f"Bearer {token}"})  # fmt: skip
            assert answer.status_code == 403
        assert "data-action" not in client.get("/").text


def test_large_requests_are_refused(client: Any) -> None:
    good = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    large = b'{"segment": "' + b"x" * 100_000 + b'"}'

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    assert client.post("/actions/retry", content=large, headers=good).status_code == 413
    assert client.post("/actions/retry", content=pieces(), headers=good).status_code == 413
    assert client.post("/actions/retry", content=b"[" * 4000, headers=good).status_code == 400
    flood = {f"x-{n}": "y" for n in range(200)}
    assert client.get("/", headers=flood).status_code == 431
    assert client.get("/", headers={"x": "y" * 20_000}).status_code == 431
    assert client.get("/" + "a" * 5000).status_code == 414
    assert client.get("/?" + "a" * 5000).status_code == 414
    assert client.request("GET", "/", content=b"body").status_code == 400
    for method in ("PUT", "DELETE", "TRACE", "OPTIONS", "PATCH"):
        assert client.request(method, "/").status_code == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8470", 200), ("localhost", 200), ("[::1]:8470", 200), ("192.168.1.5:80", 200),
     ("rack.example.org", 200), ("evil.example.org", 421), ("", 421), ("127.0.0.1.evil.org", 421),
     ("localhost.evil.org", 421), (socket.gethostname(), 200)],
)  # fmt: skip
def test_only_own_names_are_answered(room: Room, host: str, status: int) -> None:
    with started(room, WatchSettings(names=("Rack.example.org",))) as client:
        assert client.get("/health", headers={"Host": host}).status_code == status


def test_a_token_that_can_be_guessed_is_refused() -> None:
    for token in ("", "short", "x" * 15, "x" * 20 + "\n", "ü" * 20):
        with pytest.raises(InputError, match="16 or more"):
            WatchSettings(token=token)
    assert TOKEN not in repr(WatchSettings(token=TOKEN))


def test_every_request_is_a_line_of_the_log(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mousepose.monitor.access"):
        client.get("/cage", params={"name": "a\r\nforged line \u202e\x1b[31m"})
        client.get("/%0d%0aforged", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = [r.getMessage() for r in caplog.records if r.name == "mousepose.monitor.access"]
    assert len(lines) == 2
    for line in lines:
        told = json.loads(line)
        assert told["status"] == 404 and told["method"] == "GET" and told["ms"] >= 0
        assert line.isascii() and line.isprintable() and TOKEN not in line


def test_a_fault_is_told_without_details(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("mousepose.monitor.watch.app.room_page", broken)
    with started(room, WatchSettings()) as client:
        answer = client.get("/")
        assert answer.status_code == 500 and "secret" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_pages_go_on_when_the_ledger_is_away(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(room, WatchSettings(refresh_s=0.01), reads=False) as client:
        keeper = client.keeper
        assert client.get("/").status_code == 503
        assert client.get("/health").json()["status"] == "down"
        assert b"mousepose_up 0.0" in client.get("/metrics").content
        keeper.refresh()

        def away(*_: object, **__: object) -> None:
            raise FileError("the ledger is out of reach")

        monkeypatch.setattr("mousepose.monitor.watch.keeper.glance", away)
        monkeypatch.setattr(type(keeper), "age_s", 100.0)
        type(keeper).start(keeper)
        while not keeper.fault:
            time.sleep(0.01)
        keeper.stop()
        page, health = client.get("/"), client.get("/health")
        assert page.status_code == 200
        assert "has not been read for 2 min" in page.text
        assert health.status_code == 503 and health.json()["status"] == "down"
        assert "out of reach" in health.json()["reasons"][0]


def test_health_and_metrics_tell_what_the_page_tells(client: Any) -> None:
    client.keeper.refresh()
    told = client.get("/health").json()
    assert told["status"] == "degraded" and told["cages"] == len(HOSTILE) + 1
    assert any(reason.startswith("<!--: ") for reason in told["reasons"])
    text = client.get("/metrics").text
    assert 'mousepose_cage_frames_last_day{cage="A1",what="total"} 14400.0' in text
    assert 'mousepose_cage_lag_seconds{cage="A1"}' in text
    assert re.search(
        r'mousepose_alert\{cage="<!--",kind="dark",level="warning",part=""\} 1.0', text
    )
    assert 'mousepose_http_requests_total{method="GET",status="200"}' in text
    from prometheus_client.parser import text_string_to_metric_families

    families = {family.name: family for family in text_string_to_metric_families(text)}
    cages = {sample.labels["cage"] for sample in families["mousepose_cage_backlog_seconds"].samples}
    assert cages == {*HOSTILE, "A1"}  # names stay whole, whatever they hold


@pytest.fixture(scope="module")
def live(room: Room) -> Iterator[Server]:
    app = create_app(room.ledger, room.store, WatchSettings(token=TOKEN))
    with serve(app, port=0) as server:
        yield server


def raw(server: Server, text: str | bytes, patience: float = 30.0) -> bytes:
    """Return the whole answer to bytes that are sent as they are."""
    with socket.create_connection(("127.0.0.1", server.port), patience) as connection:
        try:
            connection.sendall(text if isinstance(text, bytes) else text.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer


def test_garbage_gets_a_400_and_a_flood_is_cut_off(live: Server) -> None:
    assert raw(live, b"\x16\x03\x01\x02\x00\x01\x00").startswith(b"HTTP/1.1 400")
    assert raw(live, b"GET / HTTP/9.9\r\n\r\n").startswith(b"HTTP/1.1 4")
    assert raw(live, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").startswith(b"HTTP/1.1 4")
    assert b"200 OK" not in raw(live, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100_000)
    assert b"200 OK" not in raw(live, b"GET /" + b"a" * 1_000_000)
    upgrade = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    upgrade += "Connection: upgrade, close\r\n\r\n"
    assert b"101" not in raw(live, upgrade)[:20]
    assert httpx.get(live.address + "health").status_code == 200


def test_who_is_slow_is_hung_up_on(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PATIENCE", 1.0)
    app = create_app(room.ledger, room.store, WatchSettings(token=TOKEN))
    with serve(app, port=0) as server, closing(socket.socket()) as slow:
        slow.settimeout(20)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        began = time.monotonic()
        with pytest.raises((ConnectionError, TimeoutError, EOFError)):
            for _ in range(100):
                slow.sendall(b"a")
                time.sleep(0.1)
        assert time.monotonic() - began < 9
        body = (
            "POST /actions/retry HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n\r\n{{"
        )
        began = time.monotonic()
        raw(server, body, 20.0)  # the rest never comes
        assert time.monotonic() - began < 9
        assert httpx.get(server.address + "health").status_code in {200, 503}


def test_it_listens_to_this_machine_alone_and_says_what_is_wrong(room: Room, live: Server) -> None:
    assert live.address == f"http://127.0.0.1:{live.port}/"
    app = create_app(room.ledger, room.store, WatchSettings())
    with pytest.raises(InputError, match=f"port {live.port} at 127.0.0.1 is in use"):
        serve(app, port=live.port)
    with pytest.raises(InputError, match="cannot be listened to"):
        serve(app, "192.0.2.1", 0)
    server = serve(app, port=0)
    thread = server._thread
    server.stop()
    assert not thread.is_alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), 5)


def test_a_page_of_no_cages_is_a_page(tmp_path: Path) -> None:
    room = Room(tmp_path / "empty")
    with started(room, WatchSettings()) as client:
        assert "No cage is known yet" in client.get("/").text
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/cage?name=A1").status_code == 404
    room.close()
