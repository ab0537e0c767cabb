"""How many cages one machine keeps up with, what a second Dask worker brings, and what 10,000 need.

    python benchmarks/cages.py [--data DIR] [--frames 2000] [--json FILE]

The whole chain with the shipped networks on a real top-view film, cut into segments: decode, find,
2D keypoints, 3D, gait and behaviour, ledger and store.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from faults_rig import Dask

from mousepose.fit.config import FitConfig, Scale
from mousepose.geometry.camera import pinhole
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, store_size, time_spent
from mousepose.monitor.records import Stage
from mousepose.monitor.sources import SPOOL_NAMES, ListedSource, Replay
from mousepose.monitor.sources.look import look_at
from mousepose.monitor.stages import CageWork
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.cluster import opened_executor
from mousepose.monitor.work.dispatch import Dispatcher
from mousepose.monitor.work.feed import Feed
from mousepose.monitor.work.jobs import Jobs
from mousepose.monitor.work.room_run import is_done
from mousepose.run.predict import LIKELY
from mousepose.video import open_video

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
#: Rate at which home cages are watched.
FPS = 24.0
SEGMENT_S = 30.0
#: What a projection assumes: cores and price of a rented machine an hour, of a GB kept for a month.
CORES, PRICE_PER_HOUR, PRICE_PER_GB_MONTH = 2, 0.08, 0.02
#: Megabits a second of one camera as it is recorded (H.264, 640 x 480).
CAMERA_MBIT = 1.0
CAGES = 10_000


@dataclass(frozen=True)
class Run:
    """What one run took: frames of film, s from the first to the last stage, s by what, bytes."""

    frames: int
    wall_s: float
    spent: dict[Stage, dict[str, float]]
    stored: int

    @property
    def busy_s(self) -> float:
        """Seconds that workers were at it."""
        return sum(sum(of.values()) for of in self.spent.values())

    @property
    def cages(self) -> float:
        """Cages at 24 frames a second that would have been kept up with."""
        return self.frames / FPS / self.wall_s


def do_all(folder: Path, films: dict[str, list[Path]], works: dict[str, CageWork], where: str,
           workers: int) -> Run:  # fmt: skip
    """Do all stages of the segments of some cages. Raises `CannotMeasure` where any is not done."""
    folder.mkdir()
    store = Store(str(folder / "store"), "cages")
    with (
        Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger,
        opened_executor(where, workers) as executor,
    ):
        while executor.workers < workers:
            time.sleep(0.5)
        ledger.add_cages(dict.fromkeys(films, 1))
        feeds = [
            Feed(ledger, cage, ListedSource(cage, paths, SPOOL_NAMES), ends=True)
            for cage, paths in films.items()
        ]
        while not all(feed.ended for feed in feeds):
            for feed in feeds:
                feed.step(ledger.clock())
        jobs = Jobs({cage: lambda cage=cage: works[cage] for cage in works}, store)
        loop = Dispatcher(ledger, executor, jobs, "benchmark")
        begun = time.monotonic()
        while loop.step(0.2) or not is_done(feeds, loop):
            pass
        wall = time.monotonic() - begun
        found = accounts(ledger)
        if found.missing or found.parked or found.lost:
            raise CannotMeasure(f"not all was done: {found}")
        stored = sum(size for _, size in store_size(ledger).values())
        return Run(found.total, wall, time_spent(ledger, START), stored)


def measure(options: argparse.Namespace) -> Measured:
    """Measure one machine, one and two Dask workers, and tell what 10,000 cages need."""
    film = folder(options.data, "openfield_topview") / "m3v1mp4.mp4"
    measured = Measured("cages at 24 frames a second", ("what", "frames", "s", "cages"))
    with tempfile.TemporaryDirectory(prefix="mousepose-cages-") as name:
        root = Path(name)
        films, work = _segments(root, film, options)
        works = {cage: _named(work, cage) for cage in films}
        # who comes first finds networks and compiled kernels cold
        first = next(iter(films))
        do_all(root / "warm", {first: films[first][:1]}, works, "local", 1)
        alone = do_all(root / "one", {first: films[first]}, works, "local", 1)
        measured.add_row("1 process", alone.frames, alone.wall_s, alone.cages)
        machine = do_all(root / "machine", films, works, "local", options.cores)
        measured.add_row(f"{options.cores} processes", machine.frames, machine.wall_s,
                         machine.cages)  # fmt: skip
        measured.add_figures("", {"cages_per_machine": machine.cages})
        for stage, of in machine.spent.items():
            for what, seconds in sorted(of.items()):
                share = 100 * seconds / machine.busy_s
                measured.add_row(f"  {stage}: {what}", "", seconds, f"{share:.0f} %")
                measured.add_figures(f"cages.percent.{stage}", {what: share})
        speeds = {}
        for workers in (1, 2):
            cluster = Dask(workers, subprocess.DEVNULL)
            try:
                ran = do_all(root / f"dask{workers}", films, works, cluster.address, workers)
            finally:
                cluster.close()
            speeds[workers] = ran.frames / ran.wall_s
            measured.add_row(f"{workers} Dask workers", ran.frames, ran.wall_s, ran.cages)
        rates = {str(workers): speed for workers, speed in speeds.items()}
        speedup = speeds[2] / speeds[1]
        measured.add_figures("dask", {"speedup_2": speedup, "frames_per_second": rates})
        _project(measured, machine)
    measured.ran_on = ["openfield_topview/m3v1mp4.mp4"]
    return measured


def _segments(
    root: Path, film: Path, options: argparse.Namespace
) -> tuple[dict[str, list[Path]], CageWork]:
    """Return segments of a film for as many cages as there are cores, and how to read them."""
    with open_video(film) as video:
        repeat = math.ceil(options.frames / len(video))
        camera = pinhole(video.size, 1.2 * max(video.size))
    films = {}
    for number in range(options.cores):
        cage = f"cage{number}"
        (root / cage).mkdir()
        start = START + timedelta(days=number)
        Replay(film, root / cage, start, SEGMENT_S, float("inf"), repeat, growing=False).run()
        pieces = sorted((root / cage).iterdir())
        ends = np.cumsum([look_at(piece).frames for piece in pieces])
        films[cage] = pieces[: int(np.searchsorted(ends, options.frames)) + 1]
    work = CageWork(
        "", camera, view="top", fit=FitConfig(min_confidence=LIKELY), scale=Scale.body_length(90)
    )
    return films, work


def _named(work: CageWork, cage: str) -> CageWork:
    from dataclasses import replace

    return replace(work, cage=cage)


def _project(measured: Measured, ran: Run) -> None:
    """Add what 10,000 cages need, if everything grows as it did here."""
    machines = CAGES / ran.cages
    day_gb = ran.stored / ran.frames * FPS * 86_400 / 1e9
    cost = 24 * PRICE_PER_HOUR / ran.cages + day_gb * PRICE_PER_GB_MONTH
    figures = {
        "machines": machines, "gbit_per_second": CAGES * CAMERA_MBIT / 1000,
        "tb_a_day": CAGES * day_gb / 1000, "cost_per_cage_day": cost,
        "stages_per_second": CAGES * 3 / 60.0,
    }  # fmt: skip
    measured.add_figures("cages.project_10000", figures)
    rows = (
        (f"10,000 cages: machines of {CORES} cores", machines),
        ("  network in, Gbit/s", figures["gbit_per_second"]),
        ("  store, TB a day before retention", figures["tb_a_day"]),
        ("  ledger, stages/s (segments of 60 s)", figures["stages_per_second"]),
        ("  cost of a cage and day, in the price's currency", cost),
    )
    for what, value in rows:
        measured.add_row(what, "", "", value)


def main() -> int:
    """Measure as the command line says; return the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=2000, help="of film per cage (default: 2000)")
    parser.add_argument("--cores", type=int, default=CORES, help="processes of one machine")
    return run(parser, measure)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
