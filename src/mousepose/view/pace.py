"""Keeps the server from running ahead of a browser that draws slowly."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import viser

#: A browser that does not answer for so long (s) is waited for no longer.
_PATIENCE_S = 10.0


class Pace:
    """`free` tells whether all browsers took in what they were sent before the last `sent`.

    Browsers keep what they cannot draw yet, without end; so each is asked for an item that does not
    exist: it answers after all that came before.
    """

    def __init__(self, server: viser.ViserServer) -> None:
        self._server = server
        self._free = threading.Event()
        self._free.set()
        self._work = threading.Event()
        self._closed = False
        threading.Thread(target=self._ask, daemon=True).start()

    @property
    def free(self) -> bool:
        """Whether more may be sent."""
        return self._free.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait up to so long until more may be sent; tell whether it may."""
        return self._free.wait(seconds)

    def sent(self) -> None:
        """Note that something was sent that browsers must take in first."""
        self._free.clear()
        self._work.set()

    def close(self) -> None:
        """Stop asking."""
        self._closed = True
        self._work.set()

    def _ask(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            if self._closed:
                return
            for client in self._server.get_clients().values():
                try:
                    client.local_storage.get_item("mousepose", timeout=_PATIENCE_S)
                except (RuntimeError, TimeoutError):
                    continue  # it left, or its tab sleeps
            self._free.set()
