"""The dashboard at an address, in a thread: this machine's own unless told otherwise."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mousepose.errors import InputError
from mousepose.extras import needed

needed("monitor", "the dashboard", "uvicorn", "h11")

import uvicorn  # noqa: E402
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: E402

if TYPE_CHECKING:
    from starlette.types import ASGIApp

#: Where nobody but this machine's own users can look, and at which port.
LOCALHOST, PORT = "127.0.0.1", 8470
#: Connections at once, bytes of a request's head, s between two requests of a connection.
_CONNECTIONS, _HEAD_BYTES, _KEEP_ALIVE = 128, 32_768, 5
#: s that one request may take: to come, to be answered, and for the answer to be taken.
PATIENCE = 20.0
#: s until it listens.
_START = 20.0


class _Impatient(H11Protocol):
    """Hangs up on those who take longer than `PATIENCE` for a request and its answer.

    Without it anyone who sends a byte a second would hold a connection for ever.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wind_up()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wind_up()

    def _wind_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(PATIENCE, self.transport.abort)


class Server:
    """A running dashboard; a context manager that stops it."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._socket = _listening(host, port)
        config = uvicorn.Config(
            app, http=_Impatient, ws="none", lifespan="on", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE, timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=_HEAD_BYTES, backlog=_CONNECTIONS,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="dashboard", daemon=True
        )
        self._host, self.port = host, int(self._socket.getsockname()[1])

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": LOCALHOST, "::": "::1", "": LOCALHOST}.get(self._host, self._host)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def start(self) -> None:
        """Begin to listen. Raises `InputError` where it does not."""
        self._thread.start()
        until = time.monotonic() + _START
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                self.stop()
                raise InputError(f"{self.address} does not begin to listen; the log tells why")
            time.sleep(0.02)

    def stop(self, patience_s: float = 10.0) -> None:
        """Let requests end, and stop."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(patience_s)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(app: ASGIApp, host: str = LOCALHOST, port: int = PORT) -> Server:
    """Return a dashboard that is running in a thread; port 0 takes any that is free.

    Raises `InputError` where the port is in use or not allowed, and for an address that is none of
    this machine.
    """
    server = Server(app, host, port)
    server.start()
    return server


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except (OSError, OverflowError) as error:
        raise InputError(_unreachable(host, port, error)) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            told = f"port {port} at {host} is in use: take another one, or 0 for any that is free"
            raise InputError(told) from None
        if error.errno == errno.EACCES:
            raise InputError(f"port {port}: not allowed; take one above 1023") from None
        raise InputError(_unreachable(host, port, error)) from None
    return listener


def _unreachable(host: str, port: int, error: Exception) -> str:
    return (
        f"{host}:{port} cannot be listened to ({error}); the host is an address of this machine, "
        "127.0.0.1 for this machine alone, 0.0.0.0 for everyone who reaches it"
    )
