"""Kill what you like: all of it is done once in the end. (benchmarks/faults.py does much more.)"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the ledger needs SQLAlchemy")
pytest.importorskip("psutil", reason="processes are found by psutil")

import psutil

from monitor.workers import fill, job_maker, minute
from mousepose.errors import InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts
from mousepose.monitor.records import FINISHED, Stage, State
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.alone import alone
from mousepose.monitor.work.dispatch import Dispatcher
from mousepose.monitor.work.logs import write_logs
from mousepose.monitor.work.pool import LocalExecutor

#: The program that is killed: it works on a ledger until all is done.
PROGRAM = """
import sys
from monitor import stand_ins
from monitor.workers import job_maker
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.work.alone import alone
from mousepose.monitor.work.dispatch import Dispatcher
from mousepose.monitor.work.pool import LocalExecutor
from mousepose.monitor.work.stopping import stopped_by_signals
from mousepose.monitor.store.store import Store

if __name__ == "__main__":
    url, store = sys.argv[1:]
    with alone(url) as name, Ledger.open(url) as ledger, stopped_by_signals() as stop:
        pool = LocalExecutor(1)
        loop = Dispatcher(ledger, pool, job_maker(Store(store, "s"), run=stand_ins.rows), name)
        loop.begin()
        print("begun", flush=True)
        while not stop.is_set():
            loop.step(0.2)
        back = loop.drain(5.0)
        pool.close()
        print("stopped", len(loop.held), flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def started(tmp_path: Path, url: str) -> subprocess.Popen[str]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    program = subprocess.Popen(
        [sys.executable, str(script), url, str(tmp_path / "store")], stdout=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    return program


def wait(what: Callable[[], bool], patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_kills_and_a_polite_stop_lose_and_double_nothing(tmp_path: Path, url: str) -> None:
    store = Store(str(tmp_path / "store"), "s")
    with Ledger.open(url) as ledger:
        fill(ledger, 5)

        def done() -> int:
            states = [ledger.states(minute(n).id).values() for n in range(5)]
            return sum(state == State.DONE for of in states for state in of)

        program = started(tmp_path, url)
        wait(lambda: done() >= 3)
        for child in psutil.Process(program.pid).children(recursive=True):
            child.kill()  # the worker, and what multiprocessing has beside it
        wait(lambda: done() >= 6)
        program.kill()  # and the program
        program.communicate()
        there = done()
        program = started(tmp_path, url)
        wait(lambda: done() >= there + 3)
        program.send_signal(signal.SIGTERM)
        told, _ = program.communicate(timeout=60)
        assert told.startswith("stopped")
        assert State.RUNNING not in {
            s for n in range(5) for s in ledger.states(minute(n).id).values()
        }
        program = started(tmp_path, url)
        wait(lambda: done() == 5 * len(Stage))
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
        assert program.returncode == 0
        found = accounts(ledger)
        assert (found.total, found.missing, found.parked) == (5 * 1800, 0, 0)
        for table in ("points", "poses", "strides"):
            rows = Counter(
                row for one in ledger.files(table) for row in store.read(one)["mark"].to_pylist()
            )
            assert rows == {minute(n).id: 3 for n in range(5)}


def test_only_one_program_works_on_a_ledger(tmp_path: Path, url: str) -> None:
    pytest.importorskip("fcntl", reason="the system has no such locks")
    with alone(url) as name:
        other = alone(url)
        with pytest.raises(InputError, match=f"process {os.getpid()} works on this ledger"):
            other.__enter__()
        with alone(f"{url}-other") as same:
            assert same == name
    with alone(url):
        pass


def test_a_full_store_and_a_poison_segment_do_not_stop_the_rest(tmp_path: Path, url: str) -> None:
    """One video kills its worker each time, one fails each time; all others are done."""
    from monitor import stand_ins

    write_logs()
    with Ledger.open(url, interruptions=2) as ledger:
        fill(ledger, 1, "abcd")
        pool = LocalExecutor(1)
        jobs = job_maker(Store(str(tmp_path / "store"), "s"), run=stand_ins.poisoned)
        loop = Dispatcher(ledger, pool, jobs, "here")
        try:

            def states(cage: str) -> set[State]:
                return set(ledger.states(minute(0, cage).id).values())

            until = time.monotonic() + 60
            while not (states("a") | states("c") | states("d")) <= FINISHED:
                assert time.monotonic() < until
                loop.step(0.2)
        finally:
            pool.close()
        assert states("a") == {State.PARKED}
        assert states("c") == states("d") == {State.DONE}
        assert ledger.states(minute(0, "b").id)[Stage.POINTS] == State.FAILED
