"""What can be changed from the page: by POST, with the room's token, and nothing else."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from mousepose.errors import FileError, InputError
from mousepose.monitor.watch.keeper import Keeper

_log = logging.getLogger(__name__)

#: Largest body, bytes, and seconds that it may take to come.
_MOST_BYTES, _PATIENCE = 4096, 10.0
#: The largest number of an alert that any database holds.
_LARGEST = 2**31 - 1


async def acknowledge(request: Request) -> Response:
    """Note that someone knows of an alert: {"alert": 3}."""
    given = await _given(request, "alert")
    if isinstance(given, Response):
        return given
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 11 else -1
    if not 0 <= number <= _LARGEST:
        return _told(400, "expected the number of an alert")
    keeper = _keeper(request)
    return await _done(
        lambda: keeper.book.acknowledge(number, keeper.book.now()),
        "acknowledged", "this alert is over, or someone knows of it already",
    )  # fmt: skip


async def retry(request: Request) -> Response:
    """Try a segment again that was given up: {"segment": "A1/20260501T080000.000000Z"}."""
    given = await _given(request, "segment")
    if isinstance(given, Response):
        return given
    keeper = _keeper(request)
    return await _done(
        lambda: keeper.retry(given), "will be tried again", "no segment of this name is parked"
    )


async def _given(request: Request, name: str) -> str | Response:
    """Return what a request names, or the answer to one that may not or is wrong."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    body = await _body(request)
    if isinstance(body, Response):
        return body
    try:
        values: Any = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    value = values.get(name) if isinstance(values, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > 200 or not value.isprintable():
        return _told(400, f'expected JSON: {{"{name}": ...}}')
    return value


def _refusal(request: Request) -> Response | None:
    """Return the answer to a request that may not change anything, None for one that may."""
    token = _keeper(request).settings.token
    if token is None:
        return _told(403, "nothing can be changed here: the room has no token")
    if not _has_token(request, token):
        return _told(401, "wrong or missing token", {"WWW-Authenticate": "Bearer"})
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return _told(415, "expected Content-Type: application/json")
    return None


def _has_token(request: Request, token: str) -> bool:
    """Compare in a time that does not depend on what is wrong."""
    told = request.headers.getlist("authorization")
    kind, _, given = (told[0] if len(told) == 1 else "").partition(" ")
    right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), token.encode())
    return right and kind.lower() == "bearer"


async def _body(request: Request) -> bytes | Response:
    """Return the body, or the answer to one that is too large or does not come."""
    large = _told(413, f"more than {_MOST_BYTES} bytes", {"Connection": "close"})
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()) or int(length) > _MOST_BYTES:
        return large
    body = b""
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    return large
    except (TimeoutError, ClientDisconnect):
        return _told(408, "the request did not come", {"Connection": "close"})
    return body


async def _done(change: Any, yes: str, no: str) -> Response:
    """Return the answer to a change: 200 where it was made, 409 where there was nothing to do."""
    try:
        made = await run_in_threadpool(change)
    except FileError as error:
        _log.warning("a change could not be made: %s", error)
        return _told(503, "the ledger does not answer")
    except InputError:  # the ledger knows nothing of what was named
        made = False
    return _told(200, yes) if made else _told(409, no)


def _told(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"text": text}, status, {"Cache-Control": "no-store", **(headers or {})})


def _keeper(request: Request) -> Keeper:
    keeper: Keeper = request.app.state.keeper
    return keeper
