"""Days put together, old files thrown away, what the dead left swept up: no row is lost by it."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.rooms import LEASE, START, Clock, done, filled, finish, opened, rows, segment
from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.records import Stage
from mousepose.monitor.store.compact import compact, compact_day
from mousepose.monitor.store.files import UNFINISHED
from mousepose.monitor.store.retain import retain, sweep
from mousepose.monitor.store.store import Store

DAY = 86_400.0
CAGES = ("A", "B")


class Room:
    """A ledger, a store and a clock."""

    def __init__(self, folder: Path, url: str) -> None:
        self.clock = Clock()
        self.ledger: Ledger = opened(folder, self.clock)
        self.store = Store(url, "study")

    def rows(self, table: str) -> Counter[tuple[str, float]]:
        """Every row that readers of whole files see."""
        found: Counter[tuple[str, float]] = Counter()
        for file in self.ledger.files(table):
            with self.store.filesystem.open_input_file(self.store.path(file.key)) as opened_file:
                read = pq.read_table(opened_file)
            assert len(read) == file.rows
            found.update(zip(read["segment"].to_pylist(), read["x"].to_pylist(), strict=True))
        return found


@pytest.fixture(params=["local", "memory"])
def room(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Room]:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # slow, and no machine fails here
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    made = Room(tmp_path, url)
    yield made
    made.ledger.close()


def test_putting_days_together_keeps_every_row(room: Room) -> None:
    filled(room.ledger, CAGES, count=3)
    finish(room.ledger, room.store)
    before = {table: room.rows(table) for table in ("points", "poses", "strides")}
    assert sum(before["poses"].values()) == 2 * 3 * 5
    assert compact(room.ledger, room.store).files == 0, "the day is not over"
    room.clock.pass_(DAY)
    outcome = compact(room.ledger, room.store)
    assert (outcome.days, outcome.files, outcome.faults) == (6, 18, ())
    assert {table: room.rows(table) for table in before} == before
    assert len(room.ledger.files("poses")) == 2
    assert compact(room.ledger, room.store).files == 0
    for part in room.ledger.day_parts("poses", "A", START.date()):
        assert {part.first} == {room.store.read(part)["time"][0].as_py()}


def test_a_day_waits_until_its_work_is_done(room: Room) -> None:
    ids = filled(room.ledger, count=3)
    (task,) = room.ledger.claim("w", 1, LEASE)
    room.ledger.commit(done(task, room.store))
    (task,) = room.ledger.claim("w", 1, LEASE)
    room.ledger.commit(done(task, room.store))
    room.clock.pass_(DAY)
    assert compact(room.ledger, room.store).files == 0
    assert retain(room.ledger, {"points": 0.5}) == 0, "still needed"
    finish(room.ledger, room.store)
    assert compact(room.ledger, room.store).files > 0
    assert len(ids) == 3


def test_work_goes_on_from_files_that_were_put_together(room: Room) -> None:
    ids = filled(room.ledger, count=3)
    for _ in range(2):  # the poses of the second are given up
        while tasks := room.ledger.claim("w", 9, LEASE):
            for task in tasks:
                if (task.segment.id, task.stage) == (ids[1], Stage.POSES):
                    room.ledger.fail(task.token, "boom")
                    room.clock.pass_(60)
                else:
                    room.ledger.commit(done(task, room.store))
    room.clock.pass_(DAY)
    assert compact(room.ledger, room.store).files > 0
    assert room.ledger.retry(ids[1])
    (task,) = room.ledger.claim("w", 9, LEASE)
    for one in (task.before, task.segment, task.after):
        assert one is not None
        (points,) = [file for file in task.inputs[one.id] if file.table == "points"]
        assert "/day~" in points.key
        assert room.store.read(points).equals(rows(one))
    assert room.ledger.commit(done(task, room.store))
    finish(room.ledger, room.store)
    room.clock.pass_(DAY)
    before = room.rows("poses")
    assert compact(room.ledger, room.store).files > 0, "what came later joins the day"
    assert room.rows("poses") == before
    assert len(room.ledger.files("poses")) == 1


def test_the_second_who_puts_a_day_together_changes_nothing(room: Room) -> None:
    filled(room.ledger, count=3)
    finish(room.ledger, room.store)
    room.clock.pass_(DAY)
    old = room.ledger.day_parts("poses", "A1", START.date())
    new = room.store.write_day("poses", "A1", START.date(), old)
    assert compact_day(room.ledger, room.store, "poses", "A1", START.date()) == 3
    assert not room.ledger.replace_files(old, new)
    assert not room.ledger.replace_files(old[:2], new[:2])
    with pytest.raises(InputError, match="as many parts"):
        room.ledger.replace_files(old, new[:2])
    assert room.rows("poses").total() == 15


def test_a_part_of_a_files_rows_cannot_be_replaced(room: Room) -> None:
    filled(room.ledger, count=3)
    finish(room.ledger, room.store)
    room.clock.pass_(DAY)
    compact(room.ledger, room.store)
    parts = room.ledger.day_parts("poses", "A1", START.date())
    assert not room.ledger.replace_files(parts[:1], [replace(parts[0], key=parts[0].key[:-9])])
    assert room.rows("poses").total() == 15


def test_a_day_that_cannot_be_put_together_stays_and_is_told(room: Room) -> None:
    ids = filled(room.ledger, count=2)
    while tasks := room.ledger.claim("w", 9, LEASE):
        for task in tasks:
            outcome = done(task, room.store)
            if (task.segment.id, task.stage) == (ids[0], Stage.POSES):
                table = rows(task.segment).drop_columns("x").append_column("x", pa.array(["a"] * 5))
                other = room.store.write("poses", task.segment, table)
                outcome = replace(outcome, written=(other, *outcome.written[1:]))
            room.ledger.commit(outcome)
    room.clock.pass_(DAY)
    before = room.rows("poses")
    outcome = compact(room.ledger, room.store)
    (fault,) = outcome.faults
    assert "poses of A1 on 2026-05-01" in fault and "do not agree" in fault
    assert (room.rows("poses"), outcome.days) == (before, 2)


def test_old_files_go_when_their_time_is_over(room: Room) -> None:
    filled(room.ledger, count=2)
    finish(room.ledger, room.store)
    poses = room.rows("poses")
    room.clock.pass_(10 * DAY)
    assert retain(room.ledger, {"points": 11, "poses": 11}) == 0
    assert retain(room.ledger, {"points": 9}) == 2
    assert room.ledger.files("points") == []
    assert sweep(room.ledger, room.store) == [], "someone may still read them"
    room.clock.pass_(3601)
    removed = sweep(room.ledger, room.store)
    assert len(removed) == 2 and all(key.startswith("points/") for key in removed)
    assert sweep(room.ledger, room.store) == []
    assert room.rows("poses") == poses
    assert {one.key.split("/")[0] for one in room.store.listed()} == {"poses", "strides"}


def test_what_the_dead_left_is_swept_up_and_nothing_else(room: Room) -> None:
    ids = filled(room.ledger, count=2)
    (task,) = room.ledger.claim("w", 1, LEASE)
    working = room.store.write("points", task.segment, rows(task.segment, 7))
    stranger = room.store.write("points", segment("A1", 77), rows(segment("A1", 77)))
    room.clock.now = max(one.modified for one in room.store.listed()) + timedelta(hours=1)
    assert sweep(room.ledger, room.store) == [], "too young to be no one's"
    room.clock.pass_(DAY)
    assert sweep(room.ledger, room.store) == [stranger.key]
    room.ledger.give_back([task.token])
    finish(room.ledger, room.store)
    assert sweep(room.ledger, room.store) == [working.key]
    assert room.rows("points").total() == 10
    assert len(ids) == 2


def test_files_of_other_programs_stay(room: Room) -> None:
    written = room.store.write("points", segment(), rows(segment()))
    other = Store(room.store.url, "other").write("points", segment(), rows(segment()))
    place = room.store.path(written.key).removesuffix(written.key)
    for name in ("README.md", "points/notes.txt", f"points/{UNFINISHED}x"):
        with room.store.filesystem.open_output_stream(place + name) as file:
            file.write(b"x")
    room.clock.now = max(one.modified for one in room.store.listed()) + timedelta(days=9)
    assert sorted(sweep(room.ledger, room.store)) == sorted([written.key, f"points/{UNFINISHED}x"])
    assert {one.key for one in room.store.listed()} == {"README.md", "points/notes.txt"}
    assert room.store.read(other).equals(rows(segment()))


def test_compaction_that_dies_before_the_swap_changes_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(room.ledger, count=3)
    finish(room.ledger, room.store)
    room.clock.pass_(DAY)
    before = room.rows("poses")

    def fails(*_: object) -> bool:
        raise FileError("the ledger is away")

    monkeypatch.setattr(room.ledger, "replace_files", fails)
    assert len(compact(room.ledger, room.store).faults) == 3
    monkeypatch.undo()
    assert room.rows("poses") == before
    assert compact(room.ledger, room.store).files == 9
    assert room.rows("poses") == before
