"""What makes a task of the ledger a job for a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mousepose.errors import InputError
from mousepose.monitor.records import Task
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.job import TIME_LIMIT, Job, RunStage, run_stage

if TYPE_CHECKING:
    from mousepose.monitor.stages import CageWork


class Jobs:
    """Makes jobs for cages; `works` tell by name what stages need of a cage, when it is needed.

    `limit_s` is how long a stage may take, `run` what does it.
    """

    def __init__(
        self,
        works: Mapping[str, Callable[[], CageWork]],
        store: Store,
        limit_s: float = TIME_LIMIT,
        run: RunStage = run_stage,
    ) -> None:
        self._works, self._store, self._limit, self._run = works, store, limit_s, run
        self._known: dict[str, CageWork] = {}

    def __call__(self, task: Task) -> Job:
        """Return the job of a task. Raises `InputError` for a cage that is not known."""
        cage = task.segment.cage
        if cage not in self._known:
            if cage not in self._works:
                raise InputError(f"cage {cage} has work to be done, but is not one of the room's")
            self._known[cage] = self._works[cage]()
        return Job(task, self._known[cage], self._store, self._limit, self._run)
