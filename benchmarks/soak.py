"""A day of eight cages, as fast as it goes: is memory flat, is every frame accounted for?

    python benchmarks/soak.py [--data DIR] [--frames 2000000] [--json FILE]

Each hour each cage has a block of segments that follow each other, then a gap. The keypoints of
most are those that were found once in a real film (`soak_stage.py`); in two of the cages the first
segment of a block is the film itself, decoded and looked at. All else is done as always: ledger,
3D, measures, store, and the day put together at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from common import CannotMeasure, Measured, arguments, folder, run
from soak_stage import Played

from mousepose.fit.config import FitConfig, Scale
from mousepose.geometry.camera import pinhole
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import accounts, glance
from mousepose.monitor.records import FINISHED, Segment, Stage, Task
from mousepose.monitor.sources import SPOOL_NAMES, ListedSource, Replay
from mousepose.monitor.stages import CageWork, run_stage
from mousepose.monitor.store.compact import compact
from mousepose.monitor.store.query import Recordings
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.cluster import opened_executor
from mousepose.monitor.work.dispatch import Dispatcher
from mousepose.monitor.work.jobs import Jobs
from mousepose.run.predict import LIKELY
from mousepose.video import open_video

START = datetime(2026, 3, 1, tzinfo=UTC)
CAGES, HOURS, FPS = 8, 24, 24.0
#: Segments of a block; how long they are follows from the frames that are asked for.
BLOCK = 3
#: Cages with a film in each block, and the longest film, s.
FILMED, FILMED_S = 2, 10.0


@dataclass(frozen=True)
class Day:
    """The segments of a day: `frames` in each that is played, and a `filmed` one to be copied."""

    template: Path
    frames: int
    filmed: Segment

    def hour(self, number: int) -> Iterator[Segment]:
        """Give the segments of one hour, in the order of time."""
        seconds = self.frames / FPS
        for place in range(BLOCK):
            for cage in range(CAGES):
                name = f"cage{cage}"
                start = START + timedelta(hours=number, seconds=place * seconds)
                if place == 0 and cage < FILMED:
                    # so that the next segment begins where it ends
                    begin = start + timedelta(seconds=seconds - self.filmed.seconds)
                    yield self._film(name, begin)
                else:
                    mark = f"{cage}-{number}-{place}"
                    yield Segment(
                        name, start, str(self.template), self.frames, FPS, seconds, mark, place > 0
                    )

    def _film(self, cage: str, start: datetime) -> Segment:
        """Return the film at another time, under a name of its own."""
        path = self.template.parent / f"{cage}-{start:%H%M%S}.mp4"
        os.link(self.filmed.path, path)
        return replace(self.filmed, cage=cage, start=start, path=str(path))


class Memory:
    """Memory of this process and its workers, in MB."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self.samples: list[list[float]] = []

    def next_hour(self) -> None:
        """Begin a new hour."""
        self.samples.append([])

    def look(self) -> None:
        """Take a sample."""
        total = self._own.memory_info().rss
        for child in self._own.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:
                continue
        self.samples[-1].append(total / 1e6)

    def of_hour(self, number: int) -> float:
        """Return what was used in the second half of an hour, MB."""
        samples = self.samples[number]
        return statistics.median(samples[len(samples) // 2 :])


def measure(options: argparse.Namespace) -> Measured:
    """Run the day, and look at memory and frames."""
    film = folder(options.data, "openfield_topview") / "m3v1mp4.mp4"
    measured = Measured(f"a day of {CAGES} cages", ("what", "value"))
    with tempfile.TemporaryDirectory(prefix="mousepose-soak-", dir=options.scratch) as name:
        root = Path(name)
        with open_video(film) as video:
            camera = pinhole(video.size, 1.2 * max(video.size))
        work = CageWork("cage0", camera, view="top", fit=FitConfig(min_confidence=LIKELY),
                        scale=Scale.body_length(90))  # fmt: skip
        filmed = _filmed(film, root / "films")
        store = Store(str(root / "store"), "soak")
        template = _template(filmed, work, root)
        played = CAGES * BLOCK - FILMED
        per_segment = max(360, round(options.frames / options.hours / played))
        day = Day(template, per_segment, filmed)
        begun, memory = time.monotonic(), Memory()
        with Ledger.open(f"sqlite:///{root / 'ledger.db'}") as ledger:
            fed = _run(day, ledger, store, work, options, memory)
            compacted = compact(ledger, store)
            figures = _accounted(ledger, store, fed)
        seconds = time.monotonic() - begun
        first, last = memory.of_hour(0), memory.of_hour(-1)
        figures |= {
            "memory_growth_percent": 100 * (last / first - 1), "memory_mb": last,
            "memory_mb_of_hour": {str(n + 1): memory.of_hour(n) for n in range(options.hours)},
            "frames_per_second": fed / seconds, "compacted_files": compacted.files,
            "seconds": seconds,
        }  # fmt: skip
    measured.add_figures("soak", figures)
    for what, value in figures.items():
        if not isinstance(value, dict):
            measured.add_row(what.replace("_", " "), float(value))
    measured.ran_on = ["openfield_topview/m3v1mp4.mp4"]
    return measured


def _run(
    day: Day, ledger: Ledger, store: Store, work: CageWork, options: argparse.Namespace,
    memory: Memory,
) -> int:  # fmt: skip
    """Do all hours one after another; return how many frames that were."""
    cages = [f"cage{number}" for number in range(CAGES)]
    ledger.add_cages(dict.fromkeys(cages, 1))
    works = {cage: lambda cage=cage: replace(work, cage=cage) for cage in cages}
    jobs = Jobs(works, store, run=Played(day.template))
    fed = 0
    with opened_executor("local", options.workers) as executor:
        loop = Dispatcher(ledger, executor, jobs, "soak")
        for hour in range(options.hours):
            memory.next_hour()
            last: dict[str, str] = {}
            for segment in day.hour(hour):
                ledger.add_segment(segment)
                last[segment.cage] = segment.id
                fed += segment.frames
            for segment_id in last.values():
                ledger.close_border(segment_id)
            while not _idle(loop):
                loop.step(0.5)
                memory.look()
            print(f"hour {hour + 1}: {fed:,} frames, {memory.samples[-1][-1]:,.0f} MB",
                  file=sys.stderr, flush=True)  # fmt: skip
    return fed


def _idle(loop: Dispatcher) -> bool:
    """Tell whether all that was fed is done."""
    if loop.held:
        return False
    since = datetime(1970, 1, 1, tzinfo=UTC)
    states = [state for cage in glance(loop.ledger, since) for of in cage.states.values()
              for state in of]  # fmt: skip
    return all(state in FINISHED for state in states)


def _accounted(ledger: Ledger, store: Store, fed: int) -> dict[str, Any]:
    """Compare the frames of the files with those of the ledger and the rows of the store."""
    found = accounts(ledger)
    rows = Recordings(ledger, store).query(
        "SELECT (SELECT count(*) FROM points) AS points, (SELECT count(*) FROM poses) AS poses"
    )
    points, poses = int(rows["points"][0]), int(rows["poses"][0])
    unaccounted = abs(found.missing) + abs(fed - found.total) + abs(fed - points)
    return {
        "frames": fed, "unaccounted": unaccounted + abs(fed - poses), "parked": found.parked,
        "points": points, "poses": poses,
    }  # fmt: skip


def _filmed(film: Path, folder: Path) -> Segment:
    """Return the beginning of a film as a source gives it."""
    folder.mkdir()
    Replay(film, folder, START, FILMED_S, float("inf"), growing=False).run()
    source = ListedSource("cage0", sorted(folder.iterdir()), SPOOL_NAMES)
    found = source.poll(START).segments
    if not found:
        raise CannotMeasure(f"{film} gave no segments")
    return found[0]


def _template(segment: Segment, work: CageWork, root: Path) -> Path:
    """Return the file of the points that are played: those of a film, really found."""
    import pyarrow.parquet as pq

    store = Store(str(root / "template"), "soak")
    outcome = run_stage(Task(segment, Stage.POINTS, "template"), work, store)
    points = next(one for one in outcome.written if one.table == "points")
    path = root / "points.parquet"
    pq.write_table(store.read(points), path)
    return path


def main() -> int:
    """Measure as the command line says; return the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=2_000_000, help="of the day, about")
    parser.add_argument("--hours", type=int, default=HOURS, help=f"default: {HOURS}")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=None, help="folder for what is written")
    return run(parser, measure)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
