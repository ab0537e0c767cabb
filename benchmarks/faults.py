"""Does anything get lost or doubled when everything dies? A room run through faults at random.

    python benchmarks/faults.py [--faults 100] [--seed 1] [--json FILE]

Recorders write segments while workers, the main process, the Dask scheduler and PostgreSQL are
killed, the disk is full, files are deleted, broken or still growing, a clock is set back and a
camera is gone. Then the same recordings are done without a fault, and both stores are compared row
for row; what was deleted or broken before it was read has to be missing, and nothing else.
Most cages run a quick stand-in for the stages (`faults_stage.py`), one the stages themselves.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from common import REPOSITORY, CannotMeasure, Measured, arguments, run
from faults_rig import START, Dask, Recorder, Site
from faults_stage import REAL

from mousepose.geometry.camera import pinhole
from mousepose.io import write_cameras
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, segment_rows
from mousepose.monitor.records import Stage, State
from mousepose.monitor.sources import Replay

SIZE, FPS, GROUP, PIECES = 160, 24, 40, 4
SECONDS = GROUP / FPS
CAGES = ["a", "b", "c"]
#: Segments that the cage with the real stages gets.
REAL_SEGMENTS = 6
#: Faults of a room on one machine, and of one whose work and ledger are elsewhere.
LOCAL = ("worker", "main", "disk", "deleted", "growing", "corrupt", "clock", "camera")
REMOTE = ("dask worker", "scheduler", "postgres", "main", "deleted", "growing", "corrupt")
#: Seconds in which the work of a run has to end after the last fault.
PATIENCE = 900.0


@dataclass
class Trial:
    """One run of a room: its recorders, and what was done to the files of some segments."""

    site: Site
    recorders: dict[str, Recorder]
    chance: random.Random
    removed: set[Path] = field(default_factory=set)
    dask: Dask | None = None
    server: Any = None
    counts: Counter[str] = field(default_factory=Counter)

    def tend(self) -> None:
        """Start again what ended, as a supervisor would."""
        if self.dask is not None:
            self.dask.tend()
        self.site.tend()

    def record(self) -> None:
        """Write the next segment of every cage."""
        for name, recorder in self.recorders.items():
            if not name.startswith(REAL) or len(recorder.written) < REAL_SEGMENTS:
                recorder.write()

    def inject(self, kind: str) -> None:
        """Let a fault happen, and end."""
        recorder = self.recorders[self.chance.choice(CAGES)]
        wait = self.chance.uniform(0.2, 1.5)
        if kind in {"worker", "dask worker"}:
            self._kill_worker()
        elif kind == "main":
            self.site.kill()
            time.sleep(wait)
            self.site.start()
        elif kind == "disk":
            free = self.site.fill_disk()
            time.sleep(3 * wait)
            free()
        elif kind == "deleted":
            path = recorder.write()
            time.sleep(wait)
            path.unlink()
            self.removed.add(path)
        elif kind == "growing":
            _grow(recorder, wait)
        elif kind == "corrupt":
            path, content = recorder.next()
            path.write_bytes(self.chance.randbytes(len(content)))
            self.removed.add(path)
        elif kind == "clock":
            path, content = recorder.next(shift_s=-1000.4)
            path.write_bytes(content)
        elif kind == "camera":
            recorder.skip(600.0)
        elif kind == "scheduler":
            assert self.dask is not None
            self.dask.scheduler.kill()
            self.dask.scheduler.wait()
        elif kind == "postgres":
            _kill_postgres(self.server, wait)
        self.counts[kind] += 1

    def _kill_worker(self) -> None:
        """Kill one that is there, waiting for one to be."""
        for _ in range(100):
            found = self.site.local_workers() if self.dask is None else self.dask.worker_processes()
            if found:
                try:
                    self.chance.choice(found).kill()
                    return
                except psutil.Error:
                    continue
            time.sleep(0.3)
            self.tend()
        raise CannotMeasure("no worker was there to be killed")


def _grow(recorder: Recorder, wait: float) -> None:
    """Write a segment in two goes, with a rest in between that is longer than files rest."""
    path, content = recorder.next()
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(0.6 + wait)
        file.write(content[len(content) // 2 :])


def _kill_postgres(server: Any, wait: float) -> None:
    """Kill the server as a power cut would, and start it again."""
    process = int((server.data / "postmaster.pid").read_text().split()[0])
    children = psutil.Process(process).children()
    for one in (psutil.Process(process), *children):
        one.kill()
    psutil.wait_procs(children, timeout=10)
    time.sleep(wait)
    server.start()


@contextmanager
def trial(
    folder: Path, seed: int, pieces: list[Path], remote: bool, log: Any = None
) -> Iterator[Trial]:
    """Give a room that is ready to start, on this machine or with Dask and PostgreSQL."""
    with ExitStack() as stack:
        cages = [*CAGES] if remote else [*CAGES, REAL]
        url, server = "", None
        if remote:
            sys.path.append(str(REPOSITORY / "tests"))
            from monitor import postgres

            if postgres.programs() is not None:
                server = stack.enter_context(postgres.server())
                url = server.url
        site = Site(folder, cages, 2, url)
        stack.callback(site.close)
        write_cameras(folder / "camera.toml", [pinhole((SIZE, SIZE), 400.0)])
        recorders = {name: Recorder(folder / "films" / name, pieces, SECONDS) for name in cages}
        found = Trial(site, recorders, random.Random(seed), server=server)
        if remote:
            found.dask = Dask(2, site.log)
            stack.callback(found.dask.close)
            site.where = found.dask.address
        site.write_room(border=600.0)
        yield found


def run_with(trial: Trial, kinds: list[str]) -> None:
    """Run a room through faults, and let it finish."""
    trial.site.start()
    for number, kind in enumerate(kinds):
        trial.record()
        trial.tend()
        time.sleep(trial.chance.uniform(0.1, 1.0))
        trial.inject(kind)
        if number % 10 == 9:
            print(f"{number + 1} of {len(kinds)} faults", file=sys.stderr, flush=True)
    trial.record()
    finish(trial)


def finish(trial: Trial) -> None:
    """Stop politely, say that nothing more will come, and wait until all is done."""
    time.sleep(3.0)
    trial.tend()
    trial.site.stop()
    trial.site.write_room(border=2.0)
    trial.site.start()
    trial.site.wait_done(PATIENCE, trial.tend)
    trial.site.stop()


def unread(trial: Trial) -> tuple[set[Path], int]:
    """Return the files that count as removed, and how many segments are missing without cause."""
    missing, wrong = set(trial.removed), 0
    with Ledger.open(trial.site.ledger_url) as ledger:
        rows = segment_rows(ledger)
        found = accounts(ledger)
    wrong += abs(found.missing)
    done = {Path(row.path) for row in rows if row.points == State.DONE}
    missing -= done
    for recorder in trial.recorders.values():
        wrong += sum(path not in done and path not in missing for path in recorder.written)
    wrong += sum(
        Path(row.path) in done and any(row._mapping[stage] != State.DONE for stage in Stage)
        for row in rows
    )
    return missing, wrong


def run_again(faulty: Trial, missing: set[Path], again: Trial) -> None:
    """Do the same recordings without a fault, but for what was removed before it was read."""
    again.site.start()
    for name, recorder in faulty.recorders.items():
        for path in recorder.written:
            if path not in missing:
                target = again.recorders[name].folder / path.name
                target.write_bytes(path.read_bytes() if path.exists() else _content(faulty, path))
    finish(again)


def _content(trial: Trial, path: Path) -> bytes:
    """Return what a file held that was deleted after it was read."""
    recorder = trial.recorders[path.parent.name]
    pieces = recorder.pieces
    for place, piece in enumerate(pieces):
        if place == trial_slot(path) % len(pieces):
            return piece.read_bytes()
    raise AssertionError


def trial_slot(path: Path) -> int:
    """Return the number of a segment by its name."""
    from datetime import datetime

    start = datetime.strptime(path.stem, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=START.tzinfo)
    return round((start - START).total_seconds() / SECONDS)


def film_pieces(folder: Path) -> list[Path]:
    """Return the pieces of a film of a dark ellipse that goes round on a light floor."""
    folder.mkdir()
    film = folder / "film.mp4"
    y, x = np.mgrid[:SIZE, :SIZE]
    floor = 170 + 6 * np.sin(x / 3) + 6 * np.cos(y / 4)
    options = {"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0", "crf": "18",
               "preset": "veryfast"}  # fmt: skip
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width = stream.height = SIZE
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 90_000)
        for number in range(PIECES * GROUP):
            turn = 2 * np.pi * number / 80
            u, v = x - 80 - 45 * np.cos(turn), y - 80 - 45 * np.sin(turn)
            along = -np.sin(turn) * u + np.cos(turn) * v
            across = np.cos(turn) * u + np.sin(turn) * v
            image = np.where((along / 20) ** 2 + (across / 9) ** 2 < 1, 40, floor)
            frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), "gray")
            frame.pts, frame.time_base = number * 90_000 // FPS, Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (folder / "pieces").mkdir()
    Replay(film, folder / "pieces", START, segment_s=SECONDS, speed=float("inf")).run()
    found = sorted((folder / "pieces").iterdir())
    if len(found) != PIECES:
        raise CannotMeasure(f"the film was cut into {len(found)} pieces, not {PIECES}")
    return found


def plan(count: int, kinds: tuple[str, ...], chance: random.Random) -> list[str]:
    """Return faults in a random order, each kind equally often."""
    found = [kinds[number % len(kinds)] for number in range(count)]
    chance.shuffle(found)
    return found


def measure(options: argparse.Namespace) -> Measured:
    """Run both rooms, compare what they kept with what they keep without faults."""
    measured = Measured("faults", ("faults", "injected", "segments", "rows", "lost", "doubled"))
    totals: Counter[str] = Counter()
    begun = time.monotonic()
    remote = round(options.faults * options.remote)
    with tempfile.TemporaryDirectory(prefix="mousepose-faults-", dir=options.scratch) as name:
        pieces = film_pieces(Path(name) / "film")
        for what, count, kinds in (
            ("one machine", options.faults - remote, LOCAL), ("Dask, PostgreSQL", remote, REMOTE),
        ):  # fmt: skip
            if not count:
                continue
            found = _compared(Path(name) / what.split()[0].strip(","), options.seed, pieces,
                              count, kinds)  # fmt: skip
            totals.update(found)
            told = (found["injected"], found["segments"], found["rows"], found["lost"],
                    found["duplicated"])  # fmt: skip
            measured.add_row(what, *told)
    measured.add_figures("faults", dict(totals) | {"seconds": time.monotonic() - begun})
    measured.ran_on = ["a film of its own"]
    return measured


def _compared(
    folder: Path, seed: int, pieces: list[Path], count: int, kinds: tuple[str, ...]
) -> Counter[str]:
    remote = kinds is REMOTE
    folder.mkdir()
    with trial(folder / "faulty", seed, pieces, remote) as faulty:
        if remote and faulty.server is None:
            kinds = tuple(kind for kind in kinds if kind != "postgres")
        if not faulty.site.mounted:
            print("no disk of its own: it cannot be filled", file=sys.stderr)
            kinds = tuple(kind for kind in kinds if kind != "disk")
        run_with(faulty, plan(count, kinds, random.Random(seed)))
        missing, wrong = unread(faulty)
        kept = faulty.site.rows()
        print(f"{dict(faulty.counts)}; {len(missing)} files removed unread", file=sys.stderr)
    with trial(folder / "again", seed, pieces, False) as again:
        run_again(faulty, missing, again)
        expected = again.site.rows()
    lost, more = expected - kept, kept - expected
    if lost or more:
        print(f"lost {_by(lost)}, more {_by(more)}", file=sys.stderr)
    segments = sum(len(one.written) for one in faulty.recorders.values())
    return Counter({
        "injected": sum(faulty.counts.values()), "lost": lost.total() + wrong,
        "duplicated": more.total(), "segments": segments, "rows": expected.total(),
        "removed_unread": len(missing),
    })  # fmt: skip


def _by(rows: Counter[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (table, cage, _), count in rows.items():
        found[table, cage] += count
    return found


def main() -> int:
    """Measure as the command line says; return the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--faults", type=int, default=100, help="faults in all (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--remote", type=float, default=0.4, metavar="SHARE",
        help="of the faults, those with Dask and PostgreSQL (default: 0.4)",
    )  # fmt: skip
    parser.add_argument("--scratch", type=Path, default=None, help="folder for what is written")
    return run(parser, measure)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
