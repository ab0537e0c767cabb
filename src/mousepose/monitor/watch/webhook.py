"""Alerts sent to a web address, one after another, by a thread that no one waits for."""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from mousepose.errors import FileError, InputError
from mousepose.monitor.watch.alert_book import AlertBook, Change

_log = logging.getLogger(__name__)

#: Seconds that the other side has to answer.
_TIMEOUT = 10.0
#: The first pause after a failure, s; each is twice the last, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
#: Bytes of an answer that are read.
_ANSWER = 1024


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """An address that sends elsewhere is not followed: it is not the one that was given."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Webhook:
    """Sends what a book holds to `url`, in order, again and again until the other side took it.

    What waits is in the ledger, so it is bounded, and goes on where another program stopped.
    """

    def __init__(self, book: AlertBook, url: str, room: str) -> None:
        """Start the thread. Raises `InputError` for an address that is not http or https."""
        if not url.startswith(("http://", "https://")):
            raise InputError("the webhook: expected a URL that begins with https:// or http://")
        self._book, self._url, self._room = book, url, room
        self._opener = urllib.request.build_opener(_NoDetours)
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def poke(self) -> None:
        """Tell that there is something to send."""
        self._wake.set()

    def close(self, patience_s: float = 5.0) -> None:
        """Stop; what is not sent yet is sent by the next one."""
        self._stop.set()
        self._wake.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            try:
                self._send_all()
                pause = _FIRST_PAUSE
                self._wake.wait()
                self._wake.clear()
            except (OSError, HTTPException, FileError) as error:
                _log.warning("the webhook takes nothing, again in %g s: %s", pause, _plain(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _send_all(self) -> None:
        for change in self._book.untold(self._book.now()):
            if self._stop.is_set():
                return
            self._send(change)
            self._book.was_told(change, self._book.now())

    def _send(self, change: Change) -> None:
        content = json.dumps(message(change, self._room)).encode()
        request = urllib.request.Request(
            self._url,
            content,
            {"Content-Type": "application/json", "User-Agent": "mousepose"},
            method="POST",
        )
        with self._opener.open(request, timeout=_TIMEOUT) as answer:
            answer.read(_ANSWER)


def message(change: Change, room: str) -> Mapping[str, Any]:
    """Return what is sent of a change; `text` is the whole in words."""
    alert = change.alert
    where = f"{room}, cage {alert.cage}" if alert.cage else room
    return {
        "text": f"{where}: {'over: ' if change.over else ''}{alert.text}",
        "id": alert.number,
        "state": "cleared" if change.over else "raised",
        "room": room,
        "cage": alert.cage or None,
        "kind": alert.kind,
        "level": alert.level,
        "detail": alert.text,
        "raised": alert.raised.isoformat(),
        "cleared": None if alert.cleared is None else alert.cleared.isoformat(),
    }


def _plain(error: Exception) -> str:
    """Return why nothing was taken, without the address: it may hold a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    return str(getattr(error, "reason", error)) or type(error).__name__
