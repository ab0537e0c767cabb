"""SQL on what counts and on nothing else, while it grows."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from monitor.rooms import LEASE, START, Clock, done, filled, finish, opened
from mousepose.cli.query import query
from mousepose.errors import FileError, InputError
from mousepose.monitor.minutes import COUNTS, LARGEST, SUMS, WEIGHED
from mousepose.monitor.records import Segment, Stage
from mousepose.monitor.store.compact import compact
from mousepose.monitor.store.query import Recordings
from mousepose.monitor.store.store import TIME, Store

pytest.importorskip("duckdb", reason="queries need duckdb")

CAGES = ("A", "B")


@pytest.fixture(params=["local", "memory"])
def recordings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Recordings]:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # slow, and no machine fails here
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    with opened(tmp_path, Clock()) as ledger:
        yield Recordings(ledger, Store(url, "study"))


def full(recordings: Recordings) -> Recordings:
    filled(recordings.ledger, CAGES, count=3)
    finish(recordings.ledger, recordings.store)
    return recordings


def test_rows_have_cage_and_date_and_times_in_utc(recordings: Recordings) -> None:
    table = full(recordings).query(
        "SELECT study, cage, date, count(*) AS n, min(time) AS first, sum(x) AS x "
        "FROM poses GROUP BY ALL ORDER BY cage"
    )
    assert table["cage"].tolist() == list(CAGES)
    assert table["n"].tolist() == [15, 15]
    assert table["x"].tolist() == [30.0, 30.0]
    assert set(table["study"]) == {"study"}
    assert [str(day)[:10] for day in table["date"]] == ["2026-05-01"] * 2
    assert table["first"].tolist() == [pd.Timestamp("2026-05-01T08:00:00Z")] * 2
    late = "SELECT count(*) AS n FROM poses WHERE cage = ? AND time >= ?"
    found = recordings.query(late, ["A", pd.Timestamp("2026-05-01T08:01:00Z")])
    assert found["n"].tolist() == [10]


def test_only_files_that_count_are_read(recordings: Recordings) -> None:
    full(recordings)
    table = recordings.query("SELECT * FROM poses ORDER BY ALL")
    filled(recordings.ledger, ["C"], count=1)
    (task,) = recordings.ledger.claim("w", 1, LEASE)
    outcome = done(task, recordings.store)
    points = recordings.query("SELECT * FROM points ORDER BY ALL")
    assert "C" not in set(points["cage"]), "written, not committed"
    recordings.ledger.commit(outcome)
    assert "C" in set(recordings.query("SELECT DISTINCT cage FROM points")["cage"])
    recordings.ledger.clock.pass_(86_400)  # type: ignore[attr-defined]
    finish(recordings.ledger, recordings.store)
    assert compact(recordings.ledger, recordings.store).files > 0
    again = recordings.query("SELECT * FROM poses WHERE cage != 'C' ORDER BY ALL")
    pd.testing.assert_frame_equal(again, table)


def test_files_of_other_cages_and_times_are_not_opened(recordings: Recordings) -> None:
    full(recordings)
    for file in recordings.ledger.files("poses", cage="B")[1:]:
        recordings.store.remove(file.key)
    for asked in ("cage = 'A'", "time < TIMESTAMPTZ '2026-05-01 08:01:00Z'"):
        assert len(recordings.query(f"SELECT x FROM poses WHERE {asked}")) > 0
    with pytest.raises(FileError, match="cage=B.*cannot be read"):
        recordings.query("SELECT x FROM poses")


def test_the_ledger_is_a_table_too(recordings: Recordings) -> None:
    assert recordings.query("SELECT * FROM segments").empty
    full(recordings)
    table = recordings.query("SELECT cage, sum(total) AS n FROM segments GROUP BY cage ORDER BY 1")
    assert table["n"].tolist() == [4320, 4320]
    states = recordings.query("SELECT DISTINCT points, poses, measures FROM segments")
    assert states.to_numpy().tolist() == [["done", "done", "done"]]
    assert recordings.query("SELECT * FROM events").empty
    assert recordings.query("SELECT * FROM gaps").empty
    joined = "SELECT s.path FROM poses p JOIN segments s ON p.time = s.start AND p.cage = s.cage"
    assert len(recordings.query(joined)) == 6
    assert {"points", "poses", "strides", "segments"} <= set(recordings.tables())


def minutes(one: Segment, seconds: float, distance: float, speed: float) -> pa.Table:
    """A row of the minute in which a segment starts."""
    start = one.start.replace(second=0)
    columns: dict[str, Any] = {"time": pa.array([start], TIME.type), "mouse": ["mouse0"]}
    columns |= {name: pa.array([round(24 * seconds)]) for name in COUNTS}
    columns |= {name: pa.array([0.0]) for name in (*SUMS, *LARGEST)}
    columns |= {name: pa.array([None], pa.float64()) for name in WEIGHED}
    columns |= {"seconds": [seconds], "distance_mm": [distance], "speed_mm_s": [speed]}
    return pa.table(columns)


def test_a_minute_that_two_segments_share_is_one_row(recordings: Recordings) -> None:
    filled(recordings.ledger, ["A"], count=2)
    told = [(45.0, 900.0, 20.0), (15.0, 900.0, 60.0)]
    while tasks := recordings.ledger.claim("w", 9, LEASE):
        for task in tasks:
            outcome = done(task, recordings.store)
            if task.stage == Stage.MEASURES:
                first = replace(task.segment, start=START)
                row = minutes(first, *told[task.segment.start > START])
                written = recordings.store.write("minutes", task.segment, row)
                outcome = replace(outcome, written=(written,))
            recordings.ledger.commit(outcome)
    table = recordings.query("SELECT * FROM minutes")
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["cage"], row["seconds"], row["distance_mm"]) == ("A", 60.0, 1800.0)
    assert row["speed_mm_s"] == pytest.approx((45 * 20 + 15 * 60) / 60)
    assert row["frames"] == 24 * 60 and pd.isna(row["confidence"])


def test_what_is_not_there_yet_is_told(recordings: Recordings) -> None:
    with pytest.raises(InputError, match="nothing of poses is in the store yet"):
        recordings.query("SELECT * FROM poses")
    with pytest.raises(InputError, match="does not exist"):
        recordings.query("SELECT * FROM mice")


SECRET = "nothing to see"
HOSTILE = [
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_parquet('{parquet}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM glob('{folder}/*')",
    "COPY (SELECT 1) TO '{folder}/made.csv'",
    "SELECT 1; COPY (SELECT 1) TO '{folder}/made.csv'",
    "ATTACH '{folder}/made.db'",
    "EXPORT DATABASE '{folder}/made'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "PRAGMA database_list",
    "CREATE TABLE made AS SELECT 1",
    "SELECT * FROM secret",
    "SELECT * FROM sqlite_scan('{folder}/ledger.db', 'segments')",
    "SELECT * FROM read_csv('https://example.org/x.csv')",
    "SELECT getenv('HOME')",
    "",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELEC 1",
    "SELECT '" + "x" * 100_001 + "'",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_sql_reaches_nothing_but_the_store(
    recordings: Recordings, tmp_path: Path, sql: str
) -> None:
    secret = pd.DataFrame({"a": [SECRET]})  # a variable is no table
    assert len(secret) == 1
    (tmp_path / "secret.csv").write_text(SECRET)
    secret.to_parquet(tmp_path / "secret.parquet")
    names = {"file": tmp_path / "secret.csv", "parquet": tmp_path / "secret.parquet"}
    with pytest.raises(InputError) as caught:
        recordings.query(sql.format(folder=tmp_path, **names))
    assert SECRET not in str(caught.value)
    assert not list(tmp_path.glob("made*"))


@settings(max_examples=10)
@given(st.text(max_size=60) | st.sampled_from(["CONNECT", "EXPLAIN ANALYZE SELECT 1", "FROM x"]))
def test_any_text_gives_an_answer_or_one_clear_error(recordings: Recordings, sql: str) -> None:
    try:
        assert recordings.query(sql) is not None
    except InputError as error:
        assert str(error).startswith("the query: ")


def test_it_answers_while_others_write_and_put_together(recordings: Recordings) -> None:
    filled(recordings.ledger, CAGES, count=3)
    stop = threading.Event()
    errors: list[Exception] = []
    counts: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            try:
                table = recordings.query("SELECT segment, count(*) AS n FROM points GROUP BY 1")
            except InputError as error:
                if "in the store yet" not in str(error):
                    errors.append(error)
            else:
                counts.append(len(table))
                if set(table["n"]) - {5}:
                    errors.append(AssertionError(f"rows of {table}"))

    asking = threading.Thread(target=ask)
    asking.start()
    finish(recordings.ledger, recordings.store, limit=1)
    recordings.ledger.clock.pass_(86_400)  # type: ignore[attr-defined]
    compact(recordings.ledger, recordings.store)
    stop.set()
    asking.join()
    assert not errors
    assert counts == sorted(counts)
    assert len(recordings.query("SELECT DISTINCT segment FROM points")) == 6


def test_answers_of_any_length_are_written(recordings: Recordings, tmp_path: Path) -> None:
    full(recordings)
    sql = "SELECT * FROM poses ORDER BY cage, time"
    assert recordings.write(tmp_path / "out.parquet", sql) == 30
    assert recordings.write(tmp_path / "out.csv", sql) == 30
    table = recordings.query(sql)
    pd.testing.assert_frame_equal(pq.read_table(tmp_path / "out.parquet").to_pandas(), table)
    assert pd.read_csv(tmp_path / "out.csv")["x"].tolist() == table["x"].tolist()
    with pytest.raises(InputError, match="ends in"):
        recordings.write(tmp_path / "out.txt", sql)
    with pytest.raises(InputError):
        recordings.write(tmp_path / "out.csv", "SELECT 1/0 FROM nowhere")
    assert len(pd.read_csv(tmp_path / "out.csv")) == 30, "what was there stays"


app = typer.Typer()
app.command()(query)


def ran(*options: str, given: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, options, input=given, env={"COLUMNS": "120"})
    return result.exit_code, result.output


def test_the_command_asks_and_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        full(Recordings(ledger, Store(str(tmp_path / "store"), "study")))
    where = ("--ledger", f"sqlite:///{tmp_path / 'ledger.db'}", "--store", str(tmp_path / "store"))
    code, output = ran(*where, "SELECT cage, count(*) AS n, min(time) AS t FROM poses GROUP BY 1")
    assert code == 0, output
    assert "15" in output and "2026-05-01 08:00:00" in output
    code, output = ran(*where, "-", given="SELECT '[red]' || chr(27) AS a FROM strides")
    assert code == 0 and "[red]\ufffd" in output
    code, output = ran(*where, "--rows", "2", "SELECT * FROM strides")
    assert code == 0 and "the first 2 rows" in output
    code, output = ran(*where, "SELECT * FROM strides", "-o", str(tmp_path / "strides.csv"))
    assert code == 0 and "30 rows" in output
    code, output = ran(*where)
    assert code == 0 and "poses: study, cage, date, time, mouse" in output
    code, output = ran(*where, "SELECT * FROM read_text('/etc/hostname')")
    assert code == 1 and "Permission" in output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --room"),
        (("--room", "room.toml", "--store", "store"), "give --room"),
        (("--ledger", "sqlite:///x.db"), "belong together"),
    ],
)
def test_what_is_asked_must_be_clear(options: tuple[str, ...], words: str) -> None:
    code, output = ran(*options, "SELECT 1")
    assert code == 2 and words in output
