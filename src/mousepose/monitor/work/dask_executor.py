"""Workers of a Dask cluster: across machines, or started by a batch system such as SLURM."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.monitor.work.backoff import Backoff
from mousepose.monitor.work.job import Answer, Ending, Job, do
from mousepose.monitor.work.logs import note

needed("monitor", "a cluster", "distributed")

import distributed  # noqa: E402

#: Most of it has no types.
_Client: Any = distributed.Client

#: Seconds for which the number of workers is taken as known.
_KNOWN_S = 2.0
#: Seconds for which a scheduler is called, or asked.
_CALL_S = 10.0
_CLOSED = {"closed", "closing"}


class DaskExecutor:
    """The threads of all workers of a scheduler; each should be a process of one thread.

    `address` is as tcp://HOST:PORT. A scheduler that dies takes with it what was sent: that comes
    back `RETURNED`, and the scheduler is called again and again until it, or one that took its
    place, answers. Raises `InputError` where none answers at the start.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address, self._clock = address, clock
        #: a token and its future, None where nothing could be sent
        self._done: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        #: futures by token: what is not held here is forgotten by the scheduler
        self._sent: dict[str, Any] = {}
        self._backoff = Backoff(clock)
        self._threads, self._asked = 0, float("-inf")
        try:
            self._client = self._called()
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {address}: {error}") from error

    @property
    def workers(self) -> int:
        """How many jobs are done at once, now; none while the scheduler is away."""
        if self._clock() - self._asked >= _KNOWN_S:
            self._threads = self._count()
            self._asked = self._clock()
        return self._threads

    def submit(self, job: Job) -> None:
        """Send a job to the scheduler."""
        token, future = job.task.token, None
        if self._client is not None:
            try:
                name = f"{job.task.stage}-{token}"
                future = self._client.submit(do, job, key=name, pure=False, retries=0)
            except Exception as error:  # of any kind: the connection ends in the middle
                note("warning", "cluster", f"{job.task.segment.id} could not be sent: {error}")
        self._sent[token] = future
        if future is None:
            self._done.put((token, None))
        else:
            future.add_done_callback(lambda ended: self._done.put((token, ended)))

    def answers(self, wait_s: float) -> list[Answer]:
        """Return what came back, waiting at most `wait_s` seconds for the first of it."""
        found: list[Answer] = []
        with suppress(queue.Empty):
            token, future = self._done.get(timeout=max(wait_s, 0.0))
            while True:
                answer = self._answer(token, future) if token in self._sent else None
                if answer is not None:
                    del self._sent[token]
                    found.append(answer)
                token, future = self._done.get_nowait()
        if self._client is not None and self._client.status in _CLOSED:
            self._client = None
            note("error", "cluster", f"the scheduler at {self._address} is away")
            found += [Answer(token, Ending.RETURNED) for token in self._sent]
            self._sent.clear()
        return found

    def withdraw(self) -> list[str]:
        """Take nothing back: what has begun is only known to the scheduler."""
        return []

    def close(self) -> None:
        """Let go of what was sent, and leave the scheduler."""
        self._sent.clear()
        if self._client is not None:
            self._client.close(timeout=_CALL_S)
            self._client = None

    def _called(self) -> Any:
        return _Client(
            self._address, timeout=_CALL_S, set_as_default=False, name="mousepose-monitor"
        )

    def _count(self) -> int:
        """Return the threads of all workers; call the scheduler again where it is away."""
        if self._client is None:
            if self._backoff.rests:
                return 0
            try:
                self._client = self._called()
            except (OSError, ValueError):
                self._backoff.failed()
                return 0
            self._backoff.ok()
            note("info", "cluster", f"the scheduler at {self._address} is there again")
        if self._client.status != "running":
            return 0
        try:
            return sum(self._client.nthreads(callback_timeout=_CALL_S).values())
        except Exception as error:  # of any kind, as above
            note("warning", "cluster", f"the scheduler at {self._address} did not answer: {error}")
            return 0

    def _answer(self, token: str, future: Any) -> Answer | None:
        """Return what a future came to, None where it is done again by the scheduler itself."""
        if future is None or future.status in {"cancelled", "lost"}:
            return Answer(token, Ending.RETURNED)
        try:
            answer: Answer = future.result(timeout=_CALL_S)
        except TimeoutError:  # the worker with the answer died: it is being made again
            future.add_done_callback(lambda ended: self._done.put((token, ended)))
            return None
        except distributed.KilledWorker as error:  # several in turn died of it
            return Answer(token, Ending.FAILED, None, f"its workers died: {error}")
        except Exception as error:
            if self._client is None or self._client.status != "running":
                return Answer(token, Ending.RETURNED)
            return Answer(token, Ending.FAILED, None, f"cannot be sent: {error}")
        return answer
