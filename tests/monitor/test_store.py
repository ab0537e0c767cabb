"""The store: files appear whole, come back as they were, and lie nowhere else."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rooms import START, rows, segment
from mousepose.errors import FileError, InputError
from mousepose.monitor.store.files import UNFINISHED
from mousepose.monitor.store.layout import named
from mousepose.monitor.store.merged import united
from mousepose.monitor.store.store import TIME, Store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    return Store(url, "study")


def keys(store: Store) -> list[str]:
    return sorted(one.key for one in store.listed())


def test_a_table_comes_back_as_it_was_written(store: Store) -> None:
    one = segment()
    table = rows(one).replace_schema_metadata({"made": "by a test"})
    written = store.write("poses", one, table, "mouse0")
    assert store.read(written).equals(table, check_metadata=True)
    assert store.read(written, ["x"]).column_names == ["x"]
    assert (written.rows, written.first, written.last) == (5, START, table["time"][-1].as_py())
    (listed,) = store.listed("poses")
    assert (listed.key, listed.bytes) == (written.key, written.bytes)
    told = named(written.key)
    assert told is not None and (told.segment_id, told.part) == (one.id, "mouse0")


def test_bytes_come_back_and_damage_is_noticed(store: Store) -> None:
    written = store.write_bytes("carry", segment(), b"what goes on", ".npz")
    assert store.read_bytes(written) == b"what goes on"
    with pytest.raises(FileError, match="damaged"):
        store.read_bytes(replace(written, digest="0" * 64))


def test_the_same_work_gives_the_same_file_and_other_work_another(store: Store) -> None:
    first = store.write("poses", segment(), rows(segment()))
    assert store.write("poses", segment(), rows(segment())) == first
    other = store.write("poses", segment(), rows(segment(), count=6))
    assert other.key != first.key
    assert store.read(first).equals(rows(segment()))
    assert keys(store) == sorted([first.key, other.key])


def test_what_is_removed_is_gone_and_may_be_removed_again(store: Store) -> None:
    written = store.write("poses", segment(), rows(segment()))
    for _ in range(2):
        store.remove(written.key)
    assert keys(store) == []
    with pytest.raises(FileError, match="is not in the store"):
        store.read(written)


def test_a_folder_that_is_empty_goes_with_its_last_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"), "study")
    store.remove(store.write("poses", segment(), rows(segment())).key)
    assert list((tmp_path / "store").iterdir()) == []


def test_it_goes_to_other_processes(store: Store) -> None:
    written = store.write("poses", segment(), rows(segment()))
    assert pickle.loads(pickle.dumps(store)) == store
    assert pickle.loads(pickle.dumps(store)).read(written).equals(rows(segment()))


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    store = Store(str(tmp_path), "study")
    written = store.write("poses", segment(), rows(segment(), 2000))
    path = tmp_path / written.key
    content = bytearray(path.read_bytes())
    for place in range(40, 60):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(FileError, match="poses/study=study"):
        store.read(written)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="cannot be read"):
        store.read(written)


@given(st.binary(max_size=400), st.integers(0, 10))
def test_garbage_is_one_clear_error(tmp_path: Path, garbage: bytes, count: int) -> None:
    store = Store(str(tmp_path), "study")
    written = store.write("poses", segment(), rows(segment(), 10))
    (tmp_path / written.key).write_bytes(garbage)
    with pytest.raises(FileError):
        store.read(replace(written, offset=count))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pa.table({"x": [1.0]}), "expected a column time"),
        (pa.table({"time": ["now"]}), "expected a column time of timestamp"),
        (rows(segment()).append_column("cage", pa.array(["A"] * 5)), "cage: names of folders"),
        (rows(segment()).append_column("x", pa.array([0.0] * 5)), "two columns have one name"),
    ],
)
def test_columns_that_cannot_be_are_refused(store: Store, table: pa.Table, words: str) -> None:
    with pytest.raises(InputError, match=words):
        store.write("poses", segment(), table)
    assert keys(store) == []


HOSTILE = [
    "../up",
    "a/b",
    "..",
    "",
    ".hidden",
    "a\0b",
    "con",
    "NUL.txt",
    "x" * 65,
    "a b",
    "ä",
    "a.",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    store = Store(str(tmp_path / "store"), "study")
    one = segment()
    with pytest.raises(InputError):
        store.write("poses", replace(one, cage=name), rows(one))
    with pytest.raises(InputError):
        Store(store.url, name).write("poses", one, rows(one))
    if name:
        with pytest.raises(InputError):
            store.write("poses", one, rows(one), name)
    assert not list(tmp_path.rglob("*.parquet"))
    for key in (f"../{name}", "/etc/passwd", "poses/../../x"):
        with pytest.raises(InputError, match="below the store"):
            store.remove(key)


@given(st.text(max_size=100))
def test_no_text_is_taken_for_a_name_of_the_store(text: str) -> None:
    told = named(text)
    assert told is None or text.startswith(told.table)


def test_other_studies_are_not_listed(tmp_path: Path) -> None:
    Store(str(tmp_path), "one").write("poses", segment(), rows(segment()))
    other = Store(str(tmp_path), "other")
    assert keys(other) == []
    (tmp_path / f"{UNFINISHED}x").write_bytes(b"cut")
    assert keys(other) == [f"{UNFINISHED}x"]


def test_a_full_or_forbidden_disk_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(FileError, match="cannot be written"):
        Store(str(tmp_path / "store"), "study").write("poses", segment(), rows(segment()))


KILLED = """
import os, sys
from pathlib import Path
from monitor.rooms import rows, segment
from mousepose.monitor.store import files
from mousepose.monitor.store.store import Store

written = Path.write_bytes
def cut(self, content):
    written(self, content[: len(content) // 2])
    print("half", flush=True)
    os.kill(os.getpid(), 9)
Path.write_bytes = cut
Store(sys.argv[1], "study").write("poses", segment(), rows(segment()))
"""


def test_a_writer_killed_in_the_middle_leaves_nothing_that_counts(tmp_path: Path) -> None:
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-9, "half\n"), done.stderr
    store = Store(str(tmp_path), "study")
    (left,) = keys(store)
    assert named(left) is None and UNFINISHED in left
    assert (
        list(store.listed("poses"))[0].bytes
        < store.write("poses", segment(), rows(segment())).bytes
    )


def many(count: int) -> list[pa.Table]:
    """Tables of one name whose columns differ a little."""
    made = []
    for number in range(count):
        table = rows(segment(number=number), number % 4)
        if number % 3 == 1:
            table = table.append_column(f"y{number}", pa.array([number] * len(table), pa.int32()))
        if number % 3 == 2:
            table = table.drop_columns("x").replace_schema_metadata({"n": str(number)})
        made.append(table)
    return made


def test_what_is_put_together_comes_apart_as_it_was(store: Store) -> None:
    tables = many(9)
    parts = [
        store.write("poses", segment(number=number), table) for number, table in enumerate(tables)
    ]
    merged = store.write_day("poses", "A1", START.date(), parts)
    assert len({part.key for part in merged}) == 1
    assert [part.rows for part in merged] == [len(table) for table in tables]
    for table, part in zip(tables, merged, strict=True):
        assert store.read(part).equals(table, check_metadata=True)
        assert store.read(part, ["mouse"]).column_names == ["mouse"]
    again = store.write_day("poses", "A1", START.date(), merged)
    for table, part in zip(tables, again, strict=True):
        assert store.read(part).equals(table, check_metadata=True)
    with pytest.raises(FileError):
        store.read(replace(merged[-1], offset=10_000))


def test_types_that_do_not_agree_are_not_put_together(store: Store) -> None:
    text = rows(segment(number=1)).drop_columns("x").append_column("x", pa.array(["a"] * 5))
    parts = [
        store.write("poses", segment(), rows(segment())),
        store.write("poses", segment(number=1), text),
    ]
    with pytest.raises(InputError, match="do not agree"):
        store.write_day("poses", "A1", START.date(), parts)
    assert sorted(part.key for part in parts) == keys(store)


@given(st.lists(st.sets(st.sampled_from("abcdef")), min_size=1, max_size=6))
def test_a_united_schema_has_the_columns_of_all(names: list[set[str]]) -> None:
    schemas = [pa.schema([TIME, *((name, pa.float64()) for name in sorted(own))]) for own in names]
    assert set(united(schemas).names) == {"time"}.union(*names)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    pytest.importorskip("moto", reason="no S3 server: moto is not installed")
    pytest.importorskip("s3fs", reason="no way to S3: s3fs is not installed")
    pytest.importorskip("flask", reason="no S3 server: moto is installed without its server")
    import fsspec
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    before = dict(fsspec.config.conf)
    fsspec.config.conf["s3"] = {
        "endpoint_url": f"http://127.0.0.1:{port}", "key": "k", "secret": "s",
    }  # fmt: skip
    fsspec.filesystem("s3").mkdir("mice")
    yield "s3://mice/store"
    fsspec.config.conf.clear()
    fsspec.config.conf.update(before)
    server.stop()


def test_it_lies_in_s3_as_on_a_disk(bucket: str) -> None:
    store = Store(bucket, "study")
    tables = many(4)
    parts = [
        store.write("poses", segment(number=number), table) for number, table in enumerate(tables)
    ]
    merged = store.write_day("poses", "A1", START.date(), parts)
    for table, part in zip(tables, merged, strict=True):
        assert store.read(part).equals(table, check_metadata=True)
    assert keys(store) == sorted({*(part.key for part in parts), merged[0].key})
    modified = np.array([one.modified.timestamp() for one in store.listed()])
    assert (np.abs(modified - time.time()) < 3600).all()
    for part in parts:
        store.remove(part.key)
    assert keys(store) == [merged[0].key]
