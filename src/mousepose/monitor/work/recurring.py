"""Work in a thread of its own, again and again until it is stopped, whatever goes wrong in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from mousepose.errors import MouseposeError
from mousepose.monitor.work.backoff import Backoff
from mousepose.monitor.work.logs import note


class Recurring:
    """Does `work` every `every_s` s while the context is open; `name` is what it is called in logs.

    What fails is logged and done again, after pauses that grow up to a minute.
    """

    def __init__(self, name: str, work: Callable[[], object], every_s: float) -> None:
        self.name, self._work, self._every = name, work, every_s
        self._stop = threading.Event()
        self._backoff = Backoff(time.monotonic)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def failing(self) -> bool:
        """Whether it failed the last time."""
        return self._backoff.failing

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(10.0)  # what hangs in a file system does not keep us

    def once(self) -> float:
        """Do it once; return the seconds until the next time."""
        try:
            self._work()
        except MouseposeError as error:
            pause = self._backoff.failed()
            note("error", self.name, f"{error}; tried again in {pause:g} s")
            return max(pause, self._every)
        except Exception as error:
            pause = self._backoff.failed()
            note("error", self.name, f"{type(error).__name__}: {error}", log=_traceback(error))
            return max(pause, self._every)
        if self._backoff.ok():
            note("info", self.name, "goes on")
        return self._every

    def _run(self) -> None:
        while True:
            if self._stop.wait(self.once()):
                return


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))[-4000:]
