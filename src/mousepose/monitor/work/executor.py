"""What does the work: it takes jobs and gives answers, and decides nothing."""

from __future__ import annotations

from typing import Protocol

from mousepose.monitor.work.job import Answer, Job


class Executor(Protocol):
    """Workers, wherever they are. Every job that was sent is answered once; used by one thread."""

    @property
    def workers(self) -> int:
        """How many jobs are done at once, now."""
        ...

    def submit(self, job: Job) -> None:
        """Send a job; it waits until a worker is free."""
        ...

    def answers(self, wait_s: float) -> list[Answer]:
        """Return what came back, waiting at most `wait_s` seconds for the first of it."""
        ...

    def withdraw(self) -> list[str]:
        """Take back the jobs that no worker began; return their tokens. They are not answered."""
        ...

    def close(self) -> None:
        """Stop at once, whatever is being done."""
        ...
