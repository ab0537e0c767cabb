"""The workers of one machine: process pools of one process each.

A pool with several processes is broken as a whole when one dies, and does not tell which job it
was. With one process each, only what the dead one did is cut off, and it is known why it died.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from mousepose.monitor.work.job import Answer, Ending, Job, do
from mousepose.monitor.work.limit import STUCK
from mousepose.monitor.work.logs import note

#: Signals with which a process ends through its own fault: what it did fails.
_OWN_FAULTS = frozenset(
    -number
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
    + ((signal.SIGBUS,) if hasattr(signal, "SIGBUS") else ())
)
#: Seconds in which a process whose pool is broken has ended.
_ENDING_S = 5.0
#: Letters of what a process said before it ended.
_MOST_LETTERS = 20_000


class LocalExecutor:
    """`workers` processes on this machine; one that dies is replaced with the next job."""

    def __init__(self, workers: int) -> None:
        self._waiting: deque[Job] = deque()
        self._done: queue.SimpleQueue[tuple[_Worker, Future[Answer]]] = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(prefix="mousepose-")
        self._workers = [
            _Worker(Path(self._folder.name) / f"worker-{number}.log") for number in range(workers)
        ]

    @property
    def workers(self) -> int:
        """How many jobs are done at once."""
        return len(self._workers)

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that run now."""
        return [one.process.pid for one in self._workers if one.process and one.process.pid]

    def submit(self, job: Job) -> None:
        """Give a job to a worker that is free, or let it wait."""
        self._waiting.append(job)
        self._begin()

    def answers(self, wait_s: float) -> list[Answer]:
        """Return what came back, waiting at most `wait_s` seconds for the first of it."""
        found = []
        with suppress(queue.Empty):
            worker, future = self._done.get(timeout=max(wait_s, 0.0))
            while True:
                found.append(self._answer(worker, future))
                self._begin()
                worker, future = self._done.get_nowait()
        return found

    def withdraw(self) -> list[str]:
        """Take back the jobs that wait."""
        tokens = [job.task.token for job in self._waiting]
        self._waiting.clear()
        return tokens

    def close(self) -> None:
        """Stop all processes at once."""
        self._waiting.clear()
        for worker in self._workers:
            worker.close()
        self._folder.cleanup()

    def _begin(self) -> None:
        for worker in self._workers:
            if worker.job is None and self._waiting:
                worker.begin(self._waiting.popleft(), self._done)

    def _answer(self, worker: _Worker, future: Future[Answer]) -> Answer:
        """Return what a worker answered, or what its end means."""
        job = worker.job
        assert job is not None
        worker.job = None
        try:
            return future.result()
        except BrokenProcessPool:
            ending, reason, log = worker.end()
            segment = job.task.segment
            note("warning", "worker", f"{job.task.stage} of {segment.id}: {reason}")
            return Answer(job.task.token, ending, None, reason, log)
        except Exception as error:  # what cannot be sent to a process or back
            return Answer(job.task.token, Ending.FAILED, None, f"cannot be sent: {error}")


class _Worker:
    """One process, started with its first job and after each end; `log` is what it says last."""

    def __init__(self, log: Path) -> None:
        self.job: Job | None = None
        self.process: BaseProcess | None = None
        self._log = log
        self._pool: ProcessPoolExecutor | None = None

    def begin(self, job: Job, done: queue.SimpleQueue[tuple[_Worker, Future[Answer]]]) -> None:
        """Send a job to the process; it and its future are put into `done` at the end."""
        self.job = job
        try:
            future = self._opened().submit(do, job)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.end()
            future = self._opened().submit(do, job)
        future.add_done_callback(lambda ended: done.put((self, ended)))

    def end(self) -> tuple[Ending, str, str]:
        """Return why the process ended, in words, and what it said last; the next one is new."""
        said, code = "", None if self.process is None else _exit_code(self.process)
        with suppress(OSError):
            said = self._log.read_text(encoding="utf-8", errors="replace")[-_MOST_LETTERS:]
        self._drop()
        if code == STUCK:
            return Ending.FAILED, "took longer than it may and was stopped", said
        if code in _OWN_FAULTS:
            name = signal.Signals(-code).name
            return Ending.FAILED, f"its worker crashed with {name}", said
        how = "" if code is None else f" (exit code {code})"
        return Ending.CUT_OFF, f"its worker died{how}", said

    def close(self) -> None:
        """Kill the process."""
        if self.process is not None:
            self.process.kill()
        self._drop()

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Processes that are forked would have the locks of our threads, and not the threads.
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), _begin, (str(self._log),)
            )
            # The process is kept before it has anything to die of: only it tells its exit code.
            before = set(multiprocessing.active_children())
            first = self._pool.submit(os.getpid)
            started = set(multiprocessing.active_children()) - before
            if len(started) == 1:
                self.process = started.pop()
            else:  # another thread started processes, too
                first.add_done_callback(self._know)
        return self._pool

    def _know(self, first: Future[int]) -> None:
        """Keep the process that answered."""
        with suppress(BrokenProcessPool):
            mine = first.result()
            found = [one for one in multiprocessing.active_children() if one.pid == mine]
            self.process = found[0] if found else None

    def _drop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self.process = None


def _exit_code(process: BaseProcess) -> int | None:
    """Return with what a process ended, None where it does not end.

    The pool's own thread may have taken the code from the system and not have put it down yet.
    """
    process.join(_ENDING_S)
    until = time.monotonic() + _ENDING_S
    while process.exitcode is None and time.monotonic() < until:
        time.sleep(0.01)
    return process.exitcode


def _begin(log: str) -> None:
    """Prepare a new process: it ends with its parent, and not by a signal meant for that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # What libraries write on stderr and where a crash was, as the log of what is done now.
    file = Path(log).open("w", encoding="utf-8")  # noqa: SIM115  as long as the process is
    os.dup2(file.fileno(), sys.stderr.fileno())
    faulthandler.enable(file)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
