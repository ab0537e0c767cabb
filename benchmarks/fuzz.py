"""Damaged files read one after another in a process with little time and memory.

    python benchmarks/fuzz.py records|dicom FOLDER FIRST LAST

reads cases FIRST to LAST and prints a line of JSON for each. A case that takes longer than
`SECONDS`, or more than `MEGABYTES` beyond what the libraries take, is a crash; so is one that ends
the process, which then goes on behind it.
"""

from __future__ import annotations

import json
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import damage

#: Limits of a case. The first of each kind loads compiled code and libraries.
SECONDS, FIRST_SECONDS, MEGABYTES = 10.0, 120.0, 512


class Fuzzed(NamedTuple):
    """How many cases, what went wrong in which, the slowest (s) and what memory grew by (MB)."""

    cases: int
    wrong: list[str]
    slowest_s: float
    grown_mb: float


def fuzz(what: str, folder: Path, count: int) -> Fuzzed:
    """Read `count` damaged files of "records" or "dicom" in limited processes."""
    done, wrong, slowest, grown = 0, [], 0.0, 0.0
    while done < count:
        for line in _worker(what, folder, done, count):
            done = line["case"] + 1
            slowest, grown = max(slowest, line["seconds"]), max(grown, line["grown_mb"])
            if line["wrong"]:
                wrong.append(f"{what}, {line['kind']}, seed {line['case']}: {line['wrong']}")
        if done < count:
            wrong.append(f"{what}, seed {done}: ended the process, or hung")
            done += 1
    return Fuzzed(count, wrong, slowest, grown)


def _worker(what: str, folder: Path, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Yield what a process tells of its cases, until it ends or is silent for too long."""
    command = [sys.executable, __file__, what, str(folder), str(first), str(last)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    )
    assert process.stdout is not None
    limit = FIRST_SECONDS
    try:
        while select.select([process.stdout], [], [], limit)[0]:
            line = process.stdout.readline()
            if not line:
                return
            yield json.loads(line)
            limit = 2 * SECONDS  # compiled code cannot be interrupted from within
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _work(what: str, folder: Path, first: int, last: int) -> None:
    if what == "dicom":
        import damage_dicom

        cases, survives = damage_dicom.cases(last), damage_dicom.survives
    else:
        cases, survives = damage.cases(last), damage.survives
    path = folder / ("damaged.dcm" if what == "dicom" else "damaged.tfrecord")
    _warm_up(what, survives, path)
    start = _resident()
    resource.setrlimit(resource.RLIMIT_AS, (_virtual() + MEGABYTES * 2**20,) * 2)
    signal.signal(signal.SIGALRM, _too_slow)
    for number, case in enumerate(cases):
        if number < first:
            continue
        begun, wrong = time.perf_counter(), ""
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            wrong = survives(case, path)
        except BaseException as error:  # whatever gets out is a crash
            wrong = f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        told = {
            "case": number, "kind": case.kind, "wrong": wrong,
            "seconds": time.perf_counter() - begun, "grown_mb": max(_resident() - start, 0.0),
        }  # fmt: skip
        print(json.dumps(told), flush=True)


def _warm_up(what: str, survives: Callable[[damage.Case, Path], str], path: Path) -> None:
    """Read a whole file and one of each kind of damage, unmeasured: libraries and compiled code."""
    if what == "dicom":
        import damage_dicom

        warm = [damage.Case("whole", 0, damage_dicom.whole_scan()), *damage_dicom.cases(12)]
    else:
        warm = [damage.Case("whole", 0, damage.whole_file()), *damage.cases(12)]
    for case in warm:
        with suppress(Exception):  # met again, and told, among the cases
            survives(case, path)


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {SECONDS:g} s")


def _resident() -> float:
    """Return the most memory (MB) this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _virtual() -> int:
    """Return the bytes of addresses that this process uses."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    _work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
