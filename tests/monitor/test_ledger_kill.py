"""Workers killed at any moment: in the end the store holds what it would have held without."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitor.rooms import FRAMES, TABLE, Clock, filled, finish, opened, segment
from mousepose.monitor.ledger.ledger import Ledger, utc_now
from mousepose.monitor.ledger.overview import accounts
from mousepose.monitor.store.retain import sweep
from mousepose.monitor.store.store import Store

CAGES = ("A", "B")
COUNT = 3
WORKER = """
import sys, time
from pathlib import Path
from monitor.rooms import done
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.store import Store

folder, name = Path(sys.argv[1]), sys.argv[2]
ledger, store = Ledger.open(f"sqlite:///{folder / 'ledger.db'}"), Store(str(folder / "store"), "s")
print("ready", flush=True)
while True:
    ledger.release_expired()
    tasks = ledger.claim(name, 2, 0.4)
    for task in tasks:
        outcome = done(task, store)
        time.sleep(0.01)
        ledger.commit(outcome)
    if not tasks:
        time.sleep(0.02)
"""


def started(folder: Path, name: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), name], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def seen(ledger: Ledger, folder: Path) -> dict[str, bytes]:
    """Every file that counts, with its content."""
    return {
        file.key: (folder / "store" / file.key).read_bytes()
        for table in TABLE.values()
        for file in ledger.files(table)
    }


def test_killed_workers_lose_nothing_and_leave_nothing_twice(tmp_path: Path) -> None:
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    with opened(quiet) as ledger:
        filled(ledger, CAGES, COUNT)
        finish(ledger, Store(str(quiet / "store"), "s"))
        expected = seen(ledger, quiet)
        assert len(expected) == 3 * len(CAGES) * COUNT
    with opened(killed, Clock(utc_now())) as ledger:
        filled(ledger, CAGES, COUNT)
    chance = random.Random(1)
    with Ledger.open(f"sqlite:///{killed / 'ledger.db'}", interruptions=100) as ledger:
        give_up = time.monotonic() + 120
        kills = 0
        while len(seen(ledger, killed)) < len(expected):
            assert time.monotonic() < give_up
            worker = started(killed, f"worker {kills}")
            try:
                assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
                time.sleep(chance.uniform(0.05, 0.4) * (1 if kills < 2 else 20))
            finally:
                worker.send_signal(signal.SIGKILL)
                worker.communicate()
            kills += 1
        assert kills >= 2
        assert seen(ledger, killed) == expected
        told = accounts(ledger)
        assert told.total == told.listed == len(CAGES) * COUNT * FRAMES
        store = Store(str(killed / "store"), "s")
        sweep(ledger, store, orphan_s=-1)
        left = {one.key for one in store.listed()}
        assert left == set(expected)
        assert ledger.segment(segment("A").id).path == segment("A").path
