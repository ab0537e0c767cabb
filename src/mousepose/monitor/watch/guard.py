"""What stands before every page: requests that no browser sends are refused, all are logged.

Nothing of a request is trusted: not its host (a page elsewhere may point a name at this machine),
its length or its headers. Every answer tells browsers to run and load nothing but what is ours.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The log of requests: a line of JSON each.
access_log = logging.getLogger("mousepose.monitor.access")
_log = logging.getLogger(__name__)

#: Most characters of a path and of what follows its "?", most headers and most bytes of them.
_PATH, _QUERY, _HEADERS, _HEADER_BYTES = 256, 2048, 64, 16_384
#: Characters of a request that are logged of each of its parts.
_LOGGED = 300
_METHODS = ("GET", "HEAD", "POST")
_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _SAFE.items()]


class Guard:
    """Goes before an application; `names` are hosts it may be asked for, besides its own.

    `answers` counts what was answered, by method and status.
    """

    def __init__(
        self, app: ASGIApp, names: Iterable[str], answers: dict[tuple[str, int], int]
    ) -> None:
        self._app, self._answers = app, answers
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSockets here
            await send({"type": "websocket.close", "code": 1003})
            return
        began, status, sent = time.monotonic(), 0, 0

        async def tell(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_SAFE_HEADERS]}
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            refusal = self._refusal(scope)
            await (self._app if refusal is None else refusal)(scope, receive, tell)
        except Exception:
            _log.exception("a request could not be answered")
            if status:
                raise
            await PlainTextResponse("something went wrong here", 500)(scope, receive, tell)
        finally:
            self._note(scope, status, sent, time.monotonic() - began)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that goes no further, None for others."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        bulk = sum(len(name) + len(value) for name, value in headers)
        of: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            of.setdefault(name.lower(), []).append(value)
        checks = (
            (scope["method"] not in _METHODS, 405, "only GET, HEAD and POST"),
            (len(headers) > _HEADERS or bulk > _HEADER_BYTES, 431, "too many headers"),
            (len(scope["path"]) > _PATH, 414, "the path is too long"),
            (len(scope["query_string"]) > _QUERY, 414, "the query is too long"),
            (not self._is_own(of.get(b"host", [])), 421,
             "this host name is not known here: ask for the machine's address, or add the name to "
             "names in the table [watch] of the room"),
            (scope["method"] != "POST" and _has_body(of), 400, "this has no body"),
        )  # fmt: skip
        for wrong, status, words in checks:
            if wrong:
                headers_ = {"Connection": "close", "Allow": ", ".join(_METHODS)}
                return PlainTextResponse(words, status, headers_)
        return None

    def _is_own(self, hosts: list[bytes]) -> bool:
        """Tell whether a host is an address, this machine's own name or one that was given.

        Addresses are safe: what points elsewhere's visitors here is always a name.
        """
        if len(hosts) != 1:
            return False
        host = hosts[0].decode("latin-1").lower()
        name = (
            host.partition("]")[0][1:] if host.startswith("[") else host.rpartition(":")[0] or host
        )
        name = name.rstrip(".")
        if name in self._names or name in _own_names():
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _note(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._answers[method, status] = self._answers.get((method, status), 0) + 1
        client = scope.get("client")
        told: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "client": client[0] if client else None,
            "method": scope["method"][:20],
            "path": scope["path"][:_LOGGED],
            "query": scope["query_string"][:_LOGGED].decode("latin-1"),
            "status": status,
            "bytes": sent,
            "ms": round(1000 * seconds, 1),
        }
        access_log.info("%s", json.dumps(told))  # ASCII: no character can break or forge a line


def _has_body(headers: dict[bytes, list[bytes]]) -> bool:
    length = headers.get(b"content-length", [b"0"])
    return length != [b"0"] or b"transfer-encoding" in headers


@lru_cache(maxsize=1)
def _own_names() -> frozenset[str]:
    own = socket.gethostname().lower()
    return frozenset({"localhost", own, own.partition(".")[0]} - {""})
