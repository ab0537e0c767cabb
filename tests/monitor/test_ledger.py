"""The ledger: what is ready when, who holds it, and what becomes of those who fail."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.rooms import (
    FRAMES,
    LEASE,
    START,
    Clock,
    all_states,
    claimed,
    done,
    filled,
    finish,
    opened,
    segment,
)
from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import (
    accounts,
    gaps_of,
    glance,
    recent_events,
    store_size,
    time_spent,
    troubles,
)
from mousepose.monitor.records import Event, Gap, Stage, State, Task


def stages_of(tasks: list[Task]) -> list[tuple[str, str]]:
    return [(task.segment.path.rsplit("/", 1)[-1][0], task.stage.value) for task in tasks]


def do(ledger: Ledger, limit: int = 100) -> list[tuple[str, str]]:
    """Do what is ready now; return what that was."""
    tasks = ledger.claim("w", limit, LEASE)
    for task in tasks:
        assert ledger.commit(done(task))
    return stages_of(tasks)


def test_stages_are_done_when_what_they_need_is_there(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=3)
        assert do(ledger) == [("0", "points")]
        assert do(ledger) == [("1", "points")]
        assert do(ledger) == [("0", "poses"), ("2", "points")]
        # the animal is learned: poses no longer wait for each other
        assert do(ledger) == [("1", "poses"), ("2", "poses")]
        assert do(ledger) == [("0", "measures"), ("1", "measures"), ("2", "measures")]
        assert do(ledger) == []


def test_poses_go_one_by_one_until_the_animals_are_learned(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=4)
        ledger.add_cages({"A1": 2})  # of which these tests learn only one
        order = []
        while tasks := ledger.claim("w", 100, LEASE):
            assert sum(task.stage == Stage.POSES for task in tasks) <= 1
            order += [task.segment.start for task in tasks if task.stage == Stage.POSES]
            for task in tasks:
                assert ledger.commit(done(task))
        assert order == sorted(order)
        assert len(order) == 4


def test_an_open_border_holds_poses_back_until_it_is_closed(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        ledger.add_segment(segment())
        assert do(ledger) == [("0", "points")]
        assert do(ledger) == []
        clock.pass_(60 + 29)  # its own length, and not yet half a minute
        assert ledger.close_borders(30.0) == []
        clock.pass_(2)
        assert ledger.close_borders(30.0) == [segment().id]
        assert not ledger.close_border(segment().id)
        assert do(ledger) == [("0", "poses")]
        assert do(ledger) == [("0", "measures")]


def test_a_task_has_its_neighbours_and_their_files(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ids = filled(ledger, count=3)
        while tasks := ledger.claim("w", 1, LEASE):
            task = tasks[0]
            assert ledger.commit(done(task))
            if task.segment.id == ids[1] and task.stage == Stage.POSES:
                break
        assert task.before is not None and task.before.id == ids[0]
        assert task.after is not None and task.after.id == ids[2]
        tables = {name: {file.table for file in files} for name, files in task.inputs.items()}
        assert tables == {
            ids[0]: {"points", "poses", "animal"}, ids[1]: {"points"}, ids[2]: {"points"},
        }  # fmt: skip


def test_after_a_gap_nothing_is_carried_on(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.add_segment(segment(number=0))
        ledger.add_segment(segment(number=5, follows=False))
        tasks = ledger.claim("w", 10, LEASE)
        assert stages_of(tasks) == [("0", "points"), ("5", "points")]
        assert all(task.before is None and not task.inputs for task in tasks)
        assert ledger.add_gap(Gap("A1", START, START + timedelta(seconds=5), "unplugged"))
        assert not ledger.add_gap(Gap("A1", START, START + timedelta(seconds=9), "unplugged"))
        assert [gap.stop - gap.start for gap in gaps_of(ledger)] == [timedelta(seconds=9)]


def test_what_came_too_late_begins_its_own_track(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=1)
        finish(ledger)
        assert ledger.add_segment(segment(number=1))
        assert not ledger.segment(segment(number=1).id).follows
        assert [event.kind for event in recent_events(ledger)] == ["late"]


def test_cages_take_turns_and_what_runs_counts(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for cage in ("A", "B", "C"):
            for number in range(4):
                ledger.add_segment(segment(cage, number, follows=False))
        first = ledger.claim("w", 4, LEASE)
        assert [task.segment.cage for task in first] == ["A", "B", "C", "A"]
        second = ledger.claim("w", 4, LEASE)
        assert [task.segment.cage for task in second] == ["B", "C", "A", "B"]


def test_the_same_file_is_added_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert ledger.add_segment(segment())
        assert not ledger.add_segment(segment())
        assert ledger.known("A1", [segment().path, "other.mp4"]) == {
            segment().path: segment().digest
        }
        assert not ledger.add_segment(replace(segment(), path="moved.mp4"))
        assert ledger.segment(segment().id).path == "moved.mp4"
        assert accounts(ledger).listed == FRAMES
        assert [one.path for one in ledger.segments("A1")] == ["moved.mp4"]


def test_a_clock_set_back_neither_loses_nor_overwrites(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=2)
        again = replace(segment(number=1), path="again.mp4", digest="another", follows=False)
        assert ledger.add_segment(again)
        assert not ledger.add_segment(again)
        third = replace(again, path="third.mp4", digest="third")
        assert ledger.add_segment(third)
        assert not ledger.add_segment(third)
        assert [event.kind for event in recent_events(ledger)] == ["overlap", "overlap"]
        assert accounts(ledger).listed == 4 * FRAMES
        latest = ledger.latest("A1")
        assert latest is not None and latest.path == "third.mp4"


def test_a_file_that_changed_is_taken_as_it_is_until_it_was_read(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.add_segment(segment())
        longer = replace(segment(), frames=2000, digest="longer")
        assert not ledger.add_segment(longer)
        assert ledger.segment(segment().id).frames == 2000
        ledger.claim("w", 1, LEASE)
        assert not ledger.add_segment(replace(segment(), frames=3000, digest="longest"))
        assert ledger.segment(segment().id).frames == 2000
        assert {event.level for event in recent_events(ledger)} == {"info", "error"}


def test_only_the_holder_of_the_token_commits(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        filled(ledger, count=1)
        (dead,) = ledger.claim("first", 1, LEASE)
        clock.pass_(LEASE + 1)
        assert ledger.release_expired() == 1
        assert ledger.beat([dead.token], LEASE) == {dead.token}
        (live,) = ledger.claim("second", 1, LEASE)
        assert not ledger.commit(done(dead))
        assert ledger.fail(dead.token, "too late") is None
        assert ledger.states(live.segment.id)[Stage.POINTS] == State.RUNNING
        assert ledger.files("points") == []
        assert ledger.commit(done(live))
        assert ledger.commit(done(live)), "told again it is done already"
        assert not ledger.commit(done(dead))
        assert len(ledger.files("points")) == 1


def test_who_shows_signs_of_life_keeps_its_work(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        filled(ledger, count=1)
        (task,) = ledger.claim("w", 1, LEASE)
        for _ in range(5):
            clock.pass_(LEASE - 1)
            assert ledger.beat([task.token], LEASE) == frozenset()
            assert ledger.release_expired() == 0
        assert ledger.commit(done(task))


def test_poison_is_parked_with_its_log_and_can_be_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        ids = filled(ledger, count=2)
        states = []
        for tries in range(3):
            (task,) = ledger.claim("w", 5, LEASE)
            assert task.tries == tries
            states.append(ledger.fail(task.token, "boom", f"log {tries} " + "x" * 100_000 + " end"))
            if tries < 2:
                assert ledger.claim("w", 5, LEASE) == [], "a pause before it is tried"
            clock.pass_(60)
        assert states == [State.FAILED, State.FAILED, State.PARKED]
        assert set(ledger.states(ids[0]).values()) == {State.PARKED}
        (trouble,) = [one for one in troubles(ledger) if one.segment.id == ids[0]]
        assert trouble.stage == Stage.POINTS and "boom" in trouble.reason
        assert trouble.log.endswith(" end") and len(trouble.log) <= 50_000
        assert [event.kind for event in recent_events(ledger, levels=["error"])] == ["parked"]
        finish(ledger)
        assert all_states(ledger, ids[1:]) == {State.DONE}, "others go on without it"
        assert ledger.retry(ids[0])
        assert not ledger.retry(ids[1])
        finish(ledger)
        assert all_states(ledger, ids) == {State.DONE}


def test_what_is_cut_off_again_and_again_is_parked(tmp_path: Path) -> None:
    with opened(tmp_path, interruptions=4) as ledger:
        ids = filled(ledger, count=1)
        for cut in range(4):
            (task,) = ledger.claim("w", 1, LEASE)
            assert task.tries == 0
            if cut == 2:
                assert ledger.give_back([task.token]) == 1
                (task,) = ledger.claim("w", 1, LEASE)
            assert ledger.release_worker("another") == 0
            assert ledger.release_worker("w") == 1
        assert all_states(ledger, ids) == {State.PARKED}


def test_only_the_stage_that_was_cut_off_is_given_to_others(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, ("A", "B"), count=1)
        one, other = ledger.claim("w", 2, LEASE)
        assert ledger.interrupt([one.token, "none"], "its process died") == 1
        assert ledger.beat([one.token, other.token], LEASE) == {one.token}
        (again,) = ledger.claim("w", 2, LEASE)
        assert again.segment == one.segment and again.tries == 0


def test_what_cannot_be_done_now_waits_and_is_never_parked(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        ids = filled(ledger, count=1)
        for _ in range(20):
            (task,) = ledger.claim("w", 1, LEASE)
            assert task.tries == 0
            assert ledger.postpone([task.token], 30.0, "the disk is full") == 1
            assert ledger.claim("w", 1, LEASE) == []
            (trouble,) = troubles(ledger)
            assert (trouble.state, trouble.reason) == (State.FAILED, "the disk is full")
            clock.pass_(30)
        finish(ledger)
        assert all_states(ledger, ids) == {State.DONE}


def test_a_lost_file_is_told_and_accounted_for(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ids = filled(ledger, count=2)
        (task,) = ledger.claim("w", 1, LEASE)
        assert ledger.mark_lost(task.segment.id, "gone")
        assert not ledger.mark_lost(task.segment.id, "gone")
        assert not ledger.commit(done(task))
        (task,) = ledger.claim("w", 1, LEASE)
        assert task.before is None and task.segment.id == ids[1]
        assert ledger.commit(done(task))
        finish(ledger)
        assert not ledger.mark_lost(ids[1], "gone")
        told = accounts(ledger)
        assert (told.listed, told.total, told.lost, told.missing) == (2 * FRAMES, FRAMES, FRAMES, 0)
        assert ledger.retry(ids[0]), "it was found again"
        finish(ledger)
        assert accounts(ledger).total == 2 * FRAMES


def test_frames_are_accounted_for(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as ledger:
        filled(ledger, ("A", "B"), count=3)
        (task, _) = ledger.claim("w", 2, LEASE)
        short = done(task)
        frames = replace(short.frames, total=FRAMES - 7)
        assert ledger.commit(replace(short, frames=frames))
        told = accounts(ledger)
        assert (told.segments, told.listed, told.missing) == (6, 6 * FRAMES, 7)
        assert told.waiting == 5 * FRAMES
        assert [event.kind for event in recent_events(ledger)] == ["frames"]
        clock.pass_(600)
        a, b = glance(ledger, START)
        assert (a.cage, a.accounts.total, b.accounts.total) == ("A", FRAMES - 7, 0)
        assert (a.backlog_s, b.backlog_s) == (120.0, 180.0)
        assert a.lag_s == 600 - 60 and b.lag_s is None
        assert a.newest == START + timedelta(seconds=180)
        assert a.states[Stage.POINTS] == {State.DONE: 1, State.WAITING: 2}
        assert time_spent(ledger, START)[Stage.POINTS] == {"work": 1.5}
        assert store_size(ledger) == {"points": (1, 100)}


def test_events_are_told_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=1)
        dark = Event("A1", START, "dark", "the picture is dark", "warning")
        assert ledger.add_event(dark)
        assert not ledger.add_event(dark)
        (task,) = ledger.claim("w", 1, LEASE)
        light = replace(dark, kind="light", level="info")
        assert ledger.commit(done(task, events=(dark, light)))
        assert ledger.commit(done(task, events=(dark, light)))
        assert recent_events(ledger) == [light, dark]
        assert recent_events(ledger, levels=["warning"]) == [dark]


def test_how_many_frames_are_looked_at_is_decided_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=1)
        (task,) = ledger.claim("w", 1, LEASE, {"A1": 4})
        assert task.every == 4
        ledger.give_back([task.token])
        (task,) = ledger.claim("w", 1, LEASE, {"A1": 1})
        assert task.every == 4


def test_a_commit_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger, count=2)
        (task,) = ledger.claim("w", 1, LEASE)
        good = done(task)
        foreign = replace(good, written=(claimed("points", segment(number=1)),))
        twice = replace(good, written=good.written * 2)
        for wrong in (foreign, twice):
            with pytest.raises((InputError, FileError)):
                ledger.commit(wrong)
            assert ledger.states(task.segment.id)[Stage.POINTS] == State.RUNNING
            assert ledger.files("points") == []
        assert ledger.commit(good)


def test_it_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        filled(ledger)
        finish(ledger)
    with opened(tmp_path) as ledger:
        assert accounts(ledger).total == 3 * FRAMES
        assert ledger.claim("w", 9, LEASE) == []


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE about SET value = '0'")
    connection.close()
    with pytest.raises(InputError, match=r"version 0.*writes version 1"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "expected sqlite:///FILE"),
        ("mysql://host/db", "expected sqlite or postgresql"),
        ("sqlite://", "the path of a file"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Ledger.open(url)


def test_only_looking_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no ledger"):
        Ledger.open(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough" * 50)
    with pytest.raises(FileError, match="not a database"):
        Ledger.open(f"sqlite:///{tmp_path / 'text.db'}", create=False)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(FileError) as caught:
        Ledger.open("postgresql+pg8000://mouse:secret@127.0.0.1:1/db", patience_s=0.1)
    assert "secret" not in str(caught.value)
    assert "could not be reached" in str(caught.value)
