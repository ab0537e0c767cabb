"""A room on trial: its processes, its recorders and its disk, each of which can be made to fail.

    python benchmarks/faults_rig.py ROOM.toml local|tcp://HOST:PORT

is the process that does the work of the room; it is killed again and again.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from common import REPOSITORY, CannotMeasure

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, glance
from mousepose.monitor.records import FINISHED
from mousepose.monitor.room import load_room
from mousepose.monitor.sources import SPOOL_NAMES
from mousepose.monitor.store.layout import READ

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
#: MB of the disk that store and ledger share.
DISK_MB = 48
#: A day, and everything the cameras see is long over: upkeep puts days together meanwhile.
_ROOM = """\
study = "faults"
workers = {workers}
ledger = "{ledger}"
store = "disk/store"
lease = 20.0
border-timeout = {border}
compaction-hour = 0.0
"""
_CAGE = """
[[cage]]
name = "{name}"
camera = "camera.toml"
view = "top"
body-length = 90.0
[cage.source]
kind = "folder"
folder = "films/{name}"
pattern = "{pattern}"
rest = 0.5
"""


class Recorder:
    """The camera of a cage: writes segments of one film, piece after piece, into its folder."""

    def __init__(self, folder: Path, pieces: list[Path], seconds: float) -> None:
        folder.mkdir(parents=True)
        self.folder, self.pieces, self.seconds = folder, pieces, seconds
        self.slot = 0
        self.written: list[Path] = []

    def next(self, shift_s: float = 0.0) -> tuple[Path, bytes]:
        """Return the path and content of the next segment, without writing it."""
        start = START + timedelta(seconds=self.slot * self.seconds + shift_s)
        path = self.folder / f"{start:%Y%m%dT%H%M%S.%fZ}.mp4"
        content = self.pieces[self.slot % len(self.pieces)].read_bytes()
        self.slot += 1
        self.written.append(path)
        return path, content

    def write(self) -> Path:
        """Write the next segment at once."""
        path, content = self.next()
        path.write_bytes(content)
        return path

    def skip(self, seconds: float) -> None:
        """Record nothing for some time."""
        self.slot += round(seconds / self.seconds)


class Site:
    """The folder of a room, and the processes that work on it."""

    def __init__(self, folder: Path, cages: list[str], workers: int, ledger: str = "") -> None:
        folder.mkdir(parents=True)
        self.folder, self.cages, self.workers = folder, cages, workers
        self.disk, self.where = folder / "disk", "local"
        self.disk.mkdir()
        self.ledger_url = ledger or f"sqlite:///{self.disk / 'ledger.db'}"
        self.main: subprocess.Popen[bytes] | None = None
        self.log = (folder / "log").open("ab")
        self.mounted = _mounted(self.disk)

    def write_room(self, border: float) -> None:
        """Write the room's file."""
        text = _ROOM.format(workers=self.workers, ledger=self.ledger_url, border=border)
        for name in self.cages:
            text += _CAGE.format(name=name, pattern=SPOOL_NAMES.pattern)
        (self.folder / "room.toml").write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start the process that does the work."""
        self.main = _popen([__file__, str(self.folder / "room.toml"), self.where], self.log)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        assert self.main is not None
        self.main.kill()
        self.main.wait()

    def stop(self) -> None:
        """Ask it to stop; whatever it does, it has to end soon."""
        assert self.main is not None
        self.main.send_signal(signal.SIGTERM)
        try:
            self.main.wait(120)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise CannotMeasure("the monitor did not stop when it was asked to") from error

    def tend(self) -> None:
        """Start it again if it ended by itself, as systemd would."""
        if self.main is not None and self.main.poll() is not None:
            self.start()

    def local_workers(self) -> list[psutil.Process]:
        """Return the processes that do stages on this machine."""
        assert self.main is not None
        try:
            children = psutil.Process(self.main.pid).children(recursive=True)
            return [one for one in children if any("spawn_main" in part for part in one.cmdline())]
        except psutil.Error:
            return []

    def fill_disk(self) -> Callable[[], None]:
        """Leave no room on the disk; return what makes it free again."""
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        return ballast.unlink

    def wait_done(self, patience_s: float, tend: Callable[[], None]) -> None:
        """Wait until all files are known and nothing is left to be done.

        Raises `CannotMeasure` after `patience_s`.
        """
        until, quiet = time.monotonic() + patience_s, 0
        there = sum(1 for _ in (self.folder / "films").glob("*/*.mp4"))
        with Ledger.open(self.ledger_url) as ledger:
            while quiet < 3:
                time.sleep(1.0)
                tend()
                left = [
                    state for cage in glance(ledger, datetime(1970, 1, 1, tzinfo=UTC))
                    for states in cage.states.values() for state in states
                    if state not in FINISHED
                ]  # fmt: skip
                missing = there - accounts(ledger).segments
                quiet = 0 if left or missing > 0 else quiet + 1
                if time.monotonic() > until:
                    raise CannotMeasure(
                        f"after {patience_s:g} s {Counter(left)} is left, {missing} files unknown"
                    )

    def rows(self) -> Counter[tuple[str, str, int]]:
        """Return how often each row counts: its table, cage and a hash of its values."""
        import pandas as pd

        found: Counter[tuple[str, str, int]] = Counter()
        room = load_room(self.folder / "room.toml")
        store = room.open_store()
        with room.open_ledger() as ledger:
            for table in READ:
                for cage in self.cages:
                    for written in ledger.files(table, cage):
                        frame = store.read(written).to_pandas()
                        marks = pd.util.hash_pandas_object(frame, index=False)
                        found.update((table, cage, int(mark)) for mark in marks)
        return found

    def close(self) -> None:
        """End all that runs and give the disk back."""
        if self.main is not None and self.main.poll() is None:
            self.kill()
        self.log.close()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)


class Dask:
    """A scheduler and workers, started again when they end, as a rack's supervisor does."""

    def __init__(self, workers: int, log: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.address, self.log = f"tcp://127.0.0.1:{self.port}", log
        self.scheduler = self._scheduler()
        time.sleep(3.0)
        self.workers = [self._worker() for _ in range(workers)]

    def tend(self) -> None:
        """Start again what ended."""
        if self.scheduler.poll() is not None:
            self.scheduler = self._scheduler()
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.workers[number] = self._worker()

    def worker_processes(self) -> list[psutil.Process]:
        """Return the processes that do stages: the children of those that look after them."""
        found = []
        for nanny in self.workers:
            try:
                children = psutil.Process(nanny.pid).children(recursive=True)
                found += [c for c in children if any("spawn_main" in p for p in c.cmdline())]
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """Kill everything."""
        for process in [*self.worker_processes(), *self.workers, self.scheduler]:
            try:
                process.kill()
            except (psutil.Error, OSError):
                continue

    def _scheduler(self) -> subprocess.Popen[bytes]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        return _popen(["-m", "dask", "scheduler", *options], self.log)

    def _worker(self) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--nworkers", "1", "--no-dashboard", "--death-timeout", "60"]
        return _popen(["-m", "dask", "worker", self.address, *options], self.log)


def _popen(arguments: list[str], log: Any) -> subprocess.Popen[bytes]:
    paths = [str(REPOSITORY / "benchmarks"), str(REPOSITORY / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=log, stderr=log, env=environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _mounted(folder: Path) -> bool:
    """Make a folder a small disk of its own; tell whether that is allowed."""
    if shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def main() -> None:
    """Do the work of a room until SIGTERM."""
    from faults_stage import run_either

    from mousepose.monitor.work.logs import write_logs
    from mousepose.monitor.work.room_run import RunSettings, run_room
    from mousepose.monitor.work.stopping import stopped_by_signals

    write_logs()
    room = load_room(sys.argv[1])
    with stopped_by_signals() as stop:
        run_room(room, stop, RunSettings(sys.argv[2], finish_s=10.0, stages=run_either))


if __name__ == "__main__":
    main()
