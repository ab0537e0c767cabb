"""The dashboard as an application: pages, pictures, metrics, health, and what can be changed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files

from mousepose.errors import MouseposeError
from mousepose.extras import needed
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.store import Store
from mousepose.monitor.watch.settings import WatchSettings

needed("monitor", "the dashboard", "starlette", "uvicorn", "prometheus_client")

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.concurrency import run_in_threadpool  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, PlainTextResponse, Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from mousepose.monitor.watch import actions  # noqa: E402
from mousepose.monitor.watch.guard import Guard  # noqa: E402
from mousepose.monitor.watch.health import health, staleness  # noqa: E402
from mousepose.monitor.watch.html import element  # noqa: E402
from mousepose.monitor.watch.keeper import Keeper  # noqa: E402
from mousepose.monitor.watch.metrics import registry_of  # noqa: E402
from mousepose.monitor.watch.page import View, page  # noqa: E402
from mousepose.monitor.watch.page_cage import cage_page  # noqa: E402
from mousepose.monitor.watch.page_room import room_page  # noqa: E402

_log = logging.getLogger(__name__)

_LOOKS = ("dark", "light")
#: The files that belong to the pages.
_OWN = {
    "watch.css": "text/css",
    "watch.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
_YEAR = "public, max-age=31536000, immutable"


def create_app(
    ledger: Ledger,
    store: Store,
    settings: WatchSettings,
    complaints: Callable[[], Sequence[str]] | None = None,
) -> Starlette:
    """Return the dashboard of a room; while it runs a thread reads ledger and store for it.

    `complaints` tells what the program that does the work finds wrong. Raises `FileError` where the
    ledger is out of reach.
    """
    keeper = Keeper(ledger, store, settings, complaints)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        keeper.start()
        try:
            yield
        finally:
            await run_in_threadpool(keeper.stop)

    answers: dict[tuple[str, int], int] = {}
    app = Starlette(
        routes=[
            Route("/", _room),
            Route("/cage", _cage),
            Route("/picture", _picture),
            Route("/metrics", _metrics),
            Route("/health", _health),
            Route("/actions/acknowledge", actions.acknowledge, methods=["POST"]),
            Route("/actions/retry", actions.retry, methods=["POST"]),
            *(Route(f"/{name}", _own_file) for name in _OWN),
        ],
        middleware=[Middleware(Guard, names=settings.names, answers=answers)],
        lifespan=running,
    )
    app.state.keeper, app.state.registry = keeper, registry_of(keeper, answers)
    return app


def _room(request: Request) -> Response:
    keeper = _keeper(request)
    view = _view(request, keeper)
    if keeper.snapshot is None:
        return _not_yet(view)
    return _html(request, room_page(view, keeper.snapshot))


def _cage(request: Request) -> Response:
    keeper = _keeper(request)
    view = _view(request, keeper)
    if keeper.snapshot is None:
        return _not_yet(view)
    cage = keeper.snapshot.cage(request.query_params.get("name", ""))
    if cage is None:
        return PlainTextResponse("no cage of this name is known", 404)
    return _html(request, cage_page(view, keeper.snapshot, cage))


def _picture(request: Request) -> Response:
    """A picture is found among those of the snapshot: no path is ever made of what was asked."""
    cage, key = (request.query_params.get(name, "") for name in ("cage", "key"))
    try:
        content = _keeper(request).picture(cage, key)
    except MouseposeError as error:
        _log.warning("a picture cannot be read: %s", error)
        content = None
    if content is None:
        return PlainTextResponse("no picture", 404)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": _YEAR})


def _metrics(request: Request) -> Response:
    registry: CollectorRegistry = request.app.state.registry
    return Response(
        generate_latest(registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"},
    )


def _health(request: Request) -> Response:
    told, reachable = health(_keeper(request))
    return JSONResponse(told, 200 if reachable else 503, {"Cache-Control": "no-store"})


def _own_file(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    newest = request.query_params.get("v") == _version()
    headers = {"Cache-Control": _YEAR if newest else "no-cache"}
    return Response(_content(name), media_type=_OWN[name], headers=headers)


def _view(request: Request, keeper: Keeper) -> View:
    look = request.query_params.get("look", "")
    stale = staleness(keeper) if keeper.snapshot is not None else ""
    return View(keeper.settings, look if look in _LOOKS else "", _version(), stale)


def _html(request: Request, text: str) -> Response:
    """Return a page, or that the one which the browser has is still right."""
    content = text.encode("utf-8", "replace")
    mark = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": mark, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)


def _not_yet(view: View) -> Response:
    note = element("p", "The ledger is being read; this page follows by itself.", class_="note")
    text = page(view, view.settings.title, element("h1", view.settings.title), note)
    headers = {"Retry-After": "5", "Cache-Control": "no-store"}
    return Response(text.encode(), 503, headers, "text/html; charset=utf-8")


def _keeper(request: Request) -> Keeper:
    keeper: Keeper = request.app.state.keeper
    return keeper


@cache
def _content(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


@cache
def _version() -> str:
    return hashlib.sha256(b"".join(_content(name) for name in _OWN)).hexdigest()[:12]
