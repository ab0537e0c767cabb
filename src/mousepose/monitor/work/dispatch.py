"""From the ledger to the workers and back: the loop of the monitor, one round at a time.

The ledger decides what is done and what counts; nothing is known here that may not be lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import glance
from mousepose.monitor.records import Event, State, Task
from mousepose.monitor.work.backoff import Backoff
from mousepose.monitor.work.behind import Behind
from mousepose.monitor.work.executor import Executor
from mousepose.monitor.work.job import Answer, Ending, Job
from mousepose.monitor.work.logs import note

#: Jobs for each worker that are claimed: one that is done, and one that begins right after it.
CLAIMED = 2
#: Seconds until something is tried again whose folder or cage is not there.
_AWAY_S = 60.0
#: Seconds that one waits for an answer while the work is stopped.
_STOP_WAIT_S = 0.5


@dataclass(frozen=True)
class Pace:
    """How the loop goes: leases of `lease_s`; every `look_s` it is seen who is behind or dead."""

    lease_s: float = 120.0
    look_s: float = 10.0


@dataclass
class Tally:
    """How often work ended how since the start; `late` outcomes were someone else's by then."""

    endings: dict[Ending, int] = field(default_factory=lambda: dict.fromkeys(Ending, 0))
    late: int = 0
    parked: int = 0


class Dispatcher:
    """Claims work as `name`, sends it to `executor` and brings the answers to `ledger`.

    `job_of` makes a task a job; it raises `InputError` for a cage that it does not know. `clock`
    counts seconds. One thread uses it; any other may read `held`, the tasks by their tokens.
    """

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        job_of: Callable[[Task], Job],
        name: str,
        pace: Pace | None = None,
        behind: Behind | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = Tally()
        self.held: dict[str, Task] = {}
        self.disk, self.reach = Backoff(clock), Backoff(clock)
        self.ledger, self._executor, self._job_of = ledger, executor, job_of
        self._name, self._clock = name, clock
        self._pace, self._behind = pace or Pace(), behind
        self._answers: list[Answer] = []  #: not in the ledger yet
        self._next_look = clock()
        self._unknown: set[str] = set()

    def begin(self) -> int:
        """Let others do what a former process of this name held; return how many stages."""
        return self.ledger.release_worker(self._name)

    def step(self, wait_s: float = 0.0) -> int:
        """Do one round, waiting at most `wait_s` s for an answer; return how many there were.

        Where the ledger cannot be used nothing is lost: answers are kept and told again later.
        """
        answers = self._executor.answers(wait_s)
        self._answers += answers
        if self.reach.rests:
            return len(answers)
        try:
            self._settle()
            self._look()
            self._claim()
        except FileError as error:
            pause = self.reach.failed()
            note("error", "ledger", f"{error}; tried again in {pause:g} s")
        else:
            if self.reach.ok():
                note("info", "ledger", "the ledger can be used again")
        return len(answers)

    def beat(self) -> frozenset[str]:
        """Hold on to all that is being done; return the tokens that hold nothing any more.

        Another thread may do it. Raises `FileError` where the ledger cannot be used.
        """
        return self.ledger.beat(tuple(self.held), self._pace.lease_s)

    def drain(self, finish_s: float) -> int:
        """Claim nothing more, wait `finish_s` s for what is being done and give back the rest.

        Return how many stages were given back. Where the ledger cannot be used, their leases run
        out.
        """
        until = self._clock() + finish_s
        back = self._executor.withdraw()
        try:
            self.ledger.give_back(back)
            for token in back:
                del self.held[token]
            while self.held and (left := until - self._clock()) > 0:
                self._answers += self._executor.answers(min(left, _STOP_WAIT_S))
                self._settle()
            self.ledger.give_back(tuple(self.held))
        except FileError as error:
            note("error", "ledger", f"{error}; what was claimed is free when its lease ends")
        return len(back) + len(self.held)

    def _settle(self) -> None:
        """Bring all answers to the ledger, one by one: what is not told yet stays."""
        while self._answers:
            answer = self._answers[0]
            task = self.held.get(answer.token)
            if task is not None:
                self._settle_one(answer, task)
                del self.held[answer.token]
                self.tally.endings[answer.ending] += 1
            del self._answers[0]

    def _settle_one(self, answer: Answer, task: Task) -> None:
        token, reason, ledger = answer.token, answer.reason, self.ledger
        told = {"segment": task.segment.id, "stage": task.stage.value}
        if answer.ending == Ending.DONE:
            self._commit(answer, task)
            return
        if answer.ending == Ending.FAILED:
            self._fail(answer, task)
            return
        if answer.ending == Ending.GONE:
            ledger.mark_lost(task.segment.id, reason)
        elif answer.ending == Ending.FULL:
            ledger.postpone([token], self._rest_of_disk(task, reason), reason)
        elif answer.ending == Ending.AWAY:
            ledger.postpone([token], _AWAY_S, reason)
        elif answer.ending == Ending.CUT_OFF:
            ledger.interrupt([token], reason)
        else:
            ledger.give_back([token])
        note("warning", answer.ending, reason or "came back as it was sent", **told)

    def _commit(self, answer: Answer, task: Task) -> None:
        assert answer.outcome is not None
        told = {"segment": task.segment.id, "stage": task.stage.value}
        try:
            counts = self.ledger.commit(answer.outcome)
        except FileError:
            raise
        except InputError as error:  # it wrote what no stage may write
            self._fail(Answer(answer.token, Ending.FAILED, None, str(error)), task)
            return
        if not counts:
            self.tally.late += 1
            note("warning", "late", "someone else was given this work meanwhile", **told)
            return
        seconds = round(sum(answer.outcome.seconds.values()), 3)
        frames = answer.outcome.frames.total
        note("info", "done", f"{task.stage} of {task.segment.id}", **told,
             seconds=seconds, frames=frames)  # fmt: skip
        if self.disk.ok():
            event = Event(task.segment.cage, self.ledger.clock(), "disk", "there is room again")
            self.ledger.add_event(event)
            note("info", "disk", event.text)

    def _fail(self, answer: Answer, task: Task) -> None:
        state = self.ledger.fail(answer.token, answer.reason, answer.log)
        if state == State.PARKED:
            self.tally.parked += 1
        told = {"segment": task.segment.id, "stage": task.stage.value, "log": answer.log[-2000:]}
        level = "error" if state == State.PARKED else "warning"
        note(level, "failed" if state is None else state, answer.reason, **told)

    def _rest_of_disk(self, task: Task, reason: str) -> float:
        """Begin to wait for room on a disk, and say so once; return for how many seconds."""
        new = not self.disk.failing
        pause = self.disk.failed()
        if new:
            text = f"there is no room: {reason}; tried again until there is"
            now = self.ledger.clock()
            self.ledger.add_event(Event(task.segment.cage, now, "disk", text, "error"))
        return pause

    def _look(self) -> None:
        """See, every now and then, whose lease ran out and which cages are behind."""
        if self._clock() < self._next_look:
            return
        self.beat()  # first: after the ledger was away, what is ours is still ours
        expired = self.ledger.release_expired()
        if expired:
            note("warning", "lease", f"{expired} leases ran out; their work is done again")
        if self._behind is not None:
            now = self.ledger.clock()
            backlog = {one.cage: one.backlog_s for one in glance(self.ledger, now)}
            for event in self._behind.look(backlog, now):
                self.ledger.add_event(event)
                note(event.level, event.kind, event.text, cage=event.cage)
        self._next_look = self._clock() + self._pace.look_s

    def _claim(self) -> None:
        """Take as much as workers will do soon, and while the disk is full one at a time."""
        room = CLAIMED * self._executor.workers - len(self.held)
        if self.disk.failing:
            room = 0 if self.disk.rests or self.held else 1
        if room <= 0:
            return
        every = {} if self._behind is None else self._behind.every
        for task in self.ledger.claim(self._name, room, self._pace.lease_s, every):
            try:
                job = self._job_of(task)
            except InputError as error:
                self.ledger.postpone([task.token], _AWAY_S, str(error))
                if task.segment.cage not in self._unknown:
                    self._unknown.add(task.segment.cage)
                    note("error", "cage", str(error), cage=task.segment.cage)
                continue
            self.held[task.token] = task
            self._executor.submit(job)
