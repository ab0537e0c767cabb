"""What the loop of the monitor promises, moved step by step by hand: it waits for nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the ledger needs SQLAlchemy")

from monitor.workers import Hand, Now, done, fill, job_maker, minute
from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, recent_events, troubles
from mousepose.monitor.records import FINISHED, Stage, State
from mousepose.monitor.work.behind import Behind
from mousepose.monitor.work.dispatch import Dispatcher, Pace
from mousepose.monitor.work.job import Answer, Ending


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def ledger(tmp_path: Path, now: Now) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=now.utc) as opened:
        yield opened


@pytest.fixture
def hand(now: Now) -> Hand:
    return Hand(2, now)


def dispatcher_of(ledger: Ledger, hand: Hand, now: Now, **settings) -> Dispatcher:  # type: ignore[no-untyped-def]
    return Dispatcher(ledger, hand, job_maker(), "here", clock=now, **settings)


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in reversed(recent_events(ledger))]


def test_all_stages_of_all_segments_are_done_once(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 3, "ab")
    loop = dispatcher_of(ledger, hand, now)
    seen = []
    while loop.step() or hand.jobs:
        while hand.jobs:
            task = hand.end()
            seen.append((task.segment.id, task.stage))
    assert len(seen) == len(set(seen)) == 2 * 3 * len(Stage)
    assert accounts(ledger).total == 6 * 1800
    assert loop.tally.endings[Ending.DONE] == len(seen)
    assert not loop.held


def test_no_more_is_claimed_than_workers_do_soon(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 1, "abcdefgh")
    loop = dispatcher_of(ledger, hand, now)
    for _ in range(5):
        loop.step()
    assert len(hand.jobs) == 4
    hand.end()
    loop.step()
    assert len(hand.jobs) == 4
    hand.workers = 0  # the cluster is away
    hand.end()
    loop.step()
    assert len(hand.jobs) == 3


def test_a_worker_that_died_cuts_off_only_its_own_work(
    ledger: Ledger, hand: Hand, now: Now
) -> None:
    fill(ledger, 1, "ab")
    loop = dispatcher_of(ledger, hand, now)
    loop.step()
    first = hand.end(ending=Ending.CUT_OFF, reason="its worker died (exit code -9)")
    loop.step()
    assert sorted(job.task.segment.cage for job in hand.jobs) == ["a", "b"]
    again = next(job.task for job in hand.jobs if job.task.segment == first.segment)
    assert again.tries == 0
    assert again.token != first.token


def test_what_fails_three_times_is_parked_with_its_log(
    ledger: Ledger, hand: Hand, now: Now
) -> None:
    fill(ledger, 1)
    loop = dispatcher_of(ledger, hand, now)
    for _ in range(3):
        loop.step()
        assert hand.jobs
        hand.end(ending=Ending.FAILED, reason="no video", log="the log")
        loop.step()
        assert not hand.jobs  # not at once again
        now.seconds += 100
    assert loop.tally.parked == 1
    assert [(one.state, one.reason[-8:], one.log) for one in troubles(ledger)] == [
        (State.PARKED, "no video", "the log")
    ]


def test_a_full_disk_parks_nothing_and_is_told_once(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 1, "abcd")
    loop = dispatcher_of(ledger, hand, now)
    loop.step()
    tries = 0
    for _ in range(40):
        while hand.jobs:
            hand.end(ending=Ending.FULL, reason="no space left on device")
            tries += 1
        loop.step()
        assert tries <= 4 or len(hand.jobs) <= 1  # one by one, as a probe
        now.seconds += 20
    assert 8 < tries < 40
    assert kinds(ledger) == ["disk"]
    assert loop.disk.failing
    while not hand.jobs:
        now.seconds += 10
        loop.step()
    for _ in range(60):  # now there is room
        while hand.jobs:
            hand.end()
        loop.step()
        now.seconds += 10
    assert kinds(ledger) == ["disk", "disk"]
    for cage in "abcd":
        assert set(ledger.states(minute(0, cage).id).values()) == {State.DONE}


def test_a_video_that_is_gone_is_lost_and_a_folder_that_is_away_waits(
    ledger: Ledger, hand: Hand, now: Now
) -> None:
    fill(ledger, 1, "ab")
    loop = dispatcher_of(ledger, hand, now)
    loop.step()
    gone = hand.end(0, Ending.GONE, reason="the file is gone")
    away = hand.end(0, Ending.AWAY, reason="the folder is not there")
    loop.step()
    assert set(ledger.states(gone.segment.id).values()) == {State.LOST}
    assert not hand.jobs
    for _ in range(20):  # however long it takes
        now.seconds += 61
        loop.step()
        hand.end(0, Ending.AWAY, reason="the folder is not there")
        loop.step()
        assert not hand.jobs
    assert ledger.states(away.segment.id)[Stage.POINTS] not in FINISHED


class Away(Ledger):
    """A ledger whose database can be switched off."""

    off = False

    def commit(self, outcome):  # type: ignore[no-untyped-def]
        if self.off:
            raise FileError("the ledger could not be reached")
        return super().commit(outcome)

    def claim(self, *what, **more):  # type: ignore[no-untyped-def]
        if self.off:
            raise FileError("the ledger could not be reached")
        return super().claim(*what, **more)


def test_answers_wait_while_the_ledger_is_away(tmp_path: Path, hand: Hand, now: Now) -> None:
    with Away.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=now.utc) as ledger:
        fill(ledger, 1)
        loop = dispatcher_of(ledger, hand, now)
        loop.step()
        ledger.off = True
        hand.end()
        for _ in range(10):
            loop.step()
            now.seconds += 5
        assert ledger.states(minute(0).id)[Stage.POINTS] == State.RUNNING
        ledger.off = False
        now.seconds += 200  # longer than the lease: ours is still ours
        loop.step()
        assert ledger.states(minute(0).id)[Stage.POINTS] == State.DONE
        assert hand.jobs[0].task.stage == Stage.POSES


def test_a_lease_that_ran_out_is_done_by_another_and_counts_once(ledger: Ledger, now: Now) -> None:
    fill(ledger, 1)
    slow, fast = Hand(1), Hand(1)
    first = Dispatcher(ledger, slow, job_maker(), "first", clock=now)
    second = Dispatcher(ledger, fast, job_maker(), "second", clock=now)
    first.step()
    late = slow.jobs[0].task
    now.seconds += 121
    second.step()
    assert fast.jobs[0].task.segment == late.segment
    assert first.beat() == {late.token}
    slow.end()
    first.step()
    assert first.tally.late == 1
    fast.end()
    second.step()
    assert accounts(ledger).total == 1800


def test_a_beat_in_time_keeps_the_work(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 1)
    loop = dispatcher_of(ledger, hand, now, pace=Pace(lease_s=60))
    loop.step()
    for _ in range(5):
        now.seconds += 50
        assert not loop.beat()
        assert ledger.release_expired() == 0


def test_who_starts_again_goes_on_at_once(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 1)
    dispatcher_of(ledger, Hand(1), now).step()  # and was killed
    loop = dispatcher_of(ledger, hand, now)
    assert loop.begin() == 1
    loop.step()
    assert len(hand.jobs) == 1


def test_a_clean_stop_finishes_or_gives_back(ledger: Ledger, hand: Hand, now: Now) -> None:
    fill(ledger, 1, "abcd")
    loop = dispatcher_of(ledger, hand, now)
    loop.step()
    hand.waiting = 2
    ended = hand.end()
    assert loop.drain(finish_s=5.0) == 3  # two that waited, one that was not done in time
    states = {cage: ledger.states(minute(0, cage).id)[Stage.POINTS] for cage in "abcd"}
    assert states.pop(ended.segment.cage) == State.DONE
    assert set(states.values()) == {State.WAITING}
    for one in ledger.claim("next", 9, 60):
        assert one.tries == 0


def test_a_cage_that_is_behind_is_looked_at_less_often_until_it_caught_up(
    ledger: Ledger, now: Now
) -> None:
    fill(ledger, 6)
    hand = Hand(1, now)
    loop = dispatcher_of(ledger, hand, now, behind=Behind(after=130.0, most=3))
    every = []
    for _ in range(25):
        loop.step()
        while hand.jobs:
            task = hand.end()
            if task.stage == Stage.POINTS:
                every.append(task.every)
        now.seconds += 11
    assert every[0] == 3  # 6 min wait: beyond 130 s twice
    assert every[-1] == 1
    assert sorted(every, reverse=True) == every
    told = [one.text for one in reversed(recent_events(ledger)) if one.kind == "behind"]
    assert told == [
        "6 min of film wait: every 3rd frame is looked at",
        "caught up: every frame is looked at again",
    ]


def test_work_of_an_unknown_cage_waits_and_does_not_stop_others(
    ledger: Ledger, hand: Hand, now: Now
) -> None:
    def job_of(task):  # type: ignore[no-untyped-def]
        if task.segment.cage == "a":
            raise InputError("cage a is not in the room")
        return job_maker()(task)

    fill(ledger, 1, "ab")
    loop = Dispatcher(ledger, hand, job_of, "here", clock=now)
    for _ in range(6):
        loop.step()
        while hand.jobs:
            hand.end()
        now.seconds += 100
    assert set(ledger.states(minute(0, "b").id).values()) == {State.DONE}
    assert ledger.states(minute(0, "a").id)[Stage.POINTS] not in FINISHED


def test_an_outcome_that_no_stage_may_give_fails(ledger: Ledger, hand: Hand, now: Now) -> None:
    from dataclasses import replace

    from mousepose.monitor.records import Written

    fill(ledger, 1)
    loop = dispatcher_of(ledger, hand, now)
    loop.step()
    task = hand.jobs.pop().task
    written = Written("points", "../elsewhere", 1, 1, "", now.utc(), now.utc())
    outcome = replace(done(task), written=(written,))
    hand.ready.append(Answer(task.token, Ending.DONE, outcome))
    loop.step()
    assert ledger.states(task.segment.id)[Stage.POINTS] == State.FAILED


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_every_frame_is_accounted_for(ledger: Ledger, now: Now, seed: int) -> None:
    """Any mixture of faults, restarts and second coordinators ends with all done, once."""
    chance = random.Random(seed)
    fill(ledger, 3, "ab")
    bad = (Ending.CUT_OFF, Ending.FULL, Ending.AWAY, Ending.RETURNED)
    hands = [Hand(2, now), Hand(2, now)]
    loops = [Dispatcher(ledger, hand, job_maker(), f"w{n}", clock=now)
             for n, hand in enumerate(hands)]  # fmt: skip
    faults = 0
    for _ in range(250):
        n = chance.randrange(2)
        what = chance.random()
        if what < 0.02:  # killed, and started again
            hands[n] = Hand(2, now)
            loops[n] = Dispatcher(ledger, hands[n], job_maker(), f"w{n}", clock=now)
            loops[n].begin()
        elif hands[n].jobs:
            ending = chance.choice(bad) if what < 0.1 and faults < 40 else Ending.DONE
            faults += ending != Ending.DONE
            hands[n].end(chance.randrange(len(hands[n].jobs)), ending, reason="a fault")
        loops[n].step()
        now.seconds += chance.choice([0.1, 1.0, 20.0])
        if not accounts(ledger).waiting and not any(hand.jobs for hand in hands):
            break
    for _ in range(25):
        for hand, loop in zip(hands, loops, strict=True):
            while hand.jobs:
                hand.end()
            loop.step()
        now.seconds += 30
    found = accounts(ledger)
    assert (found.segments, found.total, found.missing) == (6, 6 * 1800, 0)
    assert not found.parked
    for cage in "ab":
        for number in range(3):
            assert set(ledger.states(minute(number, cage).id).values()) == {State.DONE}
