"""Two coordinators that claim, commit, fail and die in any order: nothing lost, nothing twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.rooms import FRAMES, LEASE, TABLE, Clock, done, opened, segment
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, recent_events
from mousepose.monitor.records import FINISHED, Event, Segment, Stage, State, Task
from mousepose.monitor.store.layout import named

CAGES = ("A", "B")
WORKERS = (0, 1)


class Coordinators(RuleBasedStateMachine):
    """What two processes may do to one ledger; `taken` are the commits that it said yes to."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.ledgers: list[Ledger] = [opened(Path(self.folder.name), self.clock) for _ in WORKERS]
        self.added: dict[str, list[Segment]] = {cage: [] for cage in CAGES}
        self.held: list[Task] = []
        self.dead: list[Task] = []
        self.taken: Counter[tuple[str, Stage]] = Counter()
        self.parked: set[str] = set()

    @rule(cage=st.sampled_from(CAGES), worker=st.sampled_from(WORKERS), gap=st.booleans())
    def add(self, cage: str, worker: int, gap: bool) -> None:
        before = self.added[cage]
        number = len(before) and int((before[-1].start - segment(cage).start).total_seconds() / 60)
        one = segment(cage, number + (3 if gap else 1), follows=bool(before) and not gap)
        assert self.ledgers[worker].add_segment(one)
        assert not self.ledgers[1 - worker].add_segment(one)
        before.append(one)

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 4))
    def claim(self, worker: int, limit: int) -> None:
        tasks = self.ledgers[worker].claim(f"worker {worker}", limit, LEASE)
        claimed = {(task.segment.id, task.stage) for task in tasks}
        assert not claimed & {(task.segment.id, task.stage) for task in self.held}
        assert not claimed & set(self.taken)
        self.held += tasks

    @precondition(lambda self: self.held)
    @rule(worker=st.sampled_from(WORKERS), which=st.integers(0, 100), told=st.integers(1, 2))
    def commit(self, worker: int, which: int, told: int) -> None:
        task = self.held.pop(which % len(self.held))
        for _ in range(told):
            assert self.committed(self.ledgers[worker], task)
        self.taken[task.segment.id, task.stage] += 1
        self.dead.append(task)

    @precondition(lambda self: self.held)
    @rule(worker=st.sampled_from(WORKERS), which=st.integers(0, 100))
    def fail(self, worker: int, which: int) -> None:
        task = self.held.pop(which % len(self.held))
        state = self.ledgers[worker].fail(task.token, "failed", "log")
        assert state in {State.FAILED, State.PARKED}
        if state == State.PARKED:
            self.parked.add(task.segment.id)
        self.dead.append(task)

    @precondition(lambda self: self.dead)
    @rule(worker=st.sampled_from(WORKERS), which=st.integers(0, 100))
    def speak_from_the_grave(self, worker: int, which: int) -> None:
        task = self.dead[which % len(self.dead)]
        assert self.committed(self.ledgers[worker], task) in {True, False}
        assert self.ledgers[worker].fail(task.token, "late") is None

    @rule(worker=st.sampled_from(WORKERS))
    def die(self, worker: int) -> None:
        self.clock.pass_(LEASE + 1)
        count = self.ledgers[worker].release_expired()
        assert count == len(self.held)
        zombies, self.held = self.held, []
        self.dead += zombies
        for task in zombies:
            assert not self.committed(self.ledgers[worker], task)
            assert self.ledgers[worker].fail(task.token, "late") is None

    @rule(cage=st.sampled_from(CAGES))
    def close(self, cage: str) -> None:
        if self.added[cage]:
            self.ledgers[0].close_border(self.added[cage][-1].id)

    @invariant()
    def nothing_counts_twice_and_nothing_is_lost(self) -> None:
        ledger = self.ledgers[0]
        assert set(self.taken.values()) <= {1}
        for stage, table in TABLE.items():
            counted = Counter(named(file.key).segment_id for file in ledger.files(table))
            assert counted == Counter(name for name, which in self.taken if which == stage)
        told = accounts(ledger)
        assert told.listed == FRAMES * sum(map(len, self.added.values()))
        assert told.missing == 0
        assert len(recent_events(ledger, levels=["info"])) == len(self.taken)

    def teardown(self) -> None:
        ledger = self.ledgers[0]
        self.die(0)
        for cage in CAGES:
            self.close(cage)
        for name in self.parked:
            ledger.retry(name)
        self.clock.pass_(3600)
        while True:
            self.claim(0, 10)
            if not self.held:
                break
            while self.held:
                self.commit(0, 0, 1)
        self.nothing_counts_twice_and_nothing_is_lost()
        for segments in self.added.values():
            for one in segments:
                assert set(ledger.states(one.id).values()) == {State.DONE} <= FINISHED
        for ledger in self.ledgers:
            ledger.close()
        self.folder.cleanup()

    def committed(self, ledger: Ledger, task: Task) -> bool:
        text = f"{task.stage} of {task.segment.id}"
        event = Event(task.segment.cage, task.segment.start, "work", text)
        taken = (task.segment.id, task.stage) in self.taken
        answer = ledger.commit(done(task, events=(event,)))
        assert answer or task in self.dead
        assert not answer or taken or task not in self.dead
        return answer


Coordinators.TestCase.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, derandomize=True
)
TestCoordinators = Coordinators.TestCase
