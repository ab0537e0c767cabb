"""A stage that takes too long is stopped with its process: nothing else stops foreign code."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: The exit status of a process that was stopped with its stage.
STUCK = 75


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the process with the status `STUCK` if the block takes so long; say where it was.

    Where all threads were is written to stderr. An error raised in the block instead would not
    reach a library that does not come back, and might leave locks locked for the next stage.
    """
    timer = threading.Timer(seconds, _end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end() -> None:
    faulthandler.dump_traceback()
    os._exit(STUCK)
