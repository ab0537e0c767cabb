"""The reader of the data set: how fast it indexes and iterates, its memory, what it survives.

    python benchmarks/dataset.py [--megabytes N] [--records N] [--cases N]

Everything is measured on files that are written for it and removed after. The index is measured on
a warm file of records as large as the data set's; iterating on many small records, in a process of
its own, so that its peak is that of reading alone; damage as in `damage.py`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Measured, arguments, run
from damage import cases, survives

from mousepose.dataset.example import serialise_example
from mousepose.dataset.frames import Frames
from mousepose.dataset.pictures import encode_jpeg
from mousepose.dataset.tfrecord import Records
from mousepose.dataset.tfrecord_write import framed
from mousepose.skeleton import KEYPOINT_NAMES

#: A frame of the data set: its picture has about so many bytes.
PICTURE_BYTES = 60_000
RUNS = 5

ITERATE = """
import resource, sys
from mousepose.dataset.tfrecord import Records
with Records(sys.argv[1]) as records:
    count = sum(1 for _ in records.examples())
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(options: argparse.Namespace) -> Measured:
    """Write the files, read them, count."""
    measured = Measured("Reading the data set's records", ("what", "figure", "unit"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _scan(folder, options.megabytes, measured)
        _iterate(folder, options.records, measured)
        _frames(folder, measured)
        _fuzz(folder, options.cases, measured)
    return measured


def labels(random: np.random.Generator, picture: bytes) -> bytes:
    """Return a serialised frame with the data set's features."""
    points = random.random((len(KEYPOINT_NAMES), 2))
    features = {
        f"{name}/region/point/{axis}": np.array([points[k, a]], np.float32)
        for k, name in enumerate(KEYPOINT_NAMES)
        for a, axis in enumerate("xy")
    }
    return serialise_example(features | {
        "image/encoded": [picture], "behavior/label": [b"walking"], "clip/id": [b"clip_0001"],
    })  # fmt: skip


def _scan(folder: Path, megabytes: int, measured: Measured) -> None:
    random = np.random.default_rng(0)
    record = framed(labels(random, random.bytes(PICTURE_BYTES)))
    path = folder / "scan.tfrecord"
    count = megabytes * 1_000_000 // len(record)
    with path.open("wb") as stream:
        for _ in range(count):
            stream.write(record)
    Records(path).close()  # compiles, and warms the file
    seconds, payload_seconds = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        with Records(path) as records:
            seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            read = sum(map(len, records))
            payload_seconds.append(time.perf_counter() - start)
    size = count * len(record) / 1e6
    measured.add_figures("scan", {"mb_per_second": size / min(seconds), "records": count})
    measured.add_figures("read", {"mb_per_second": read / 1e6 / min(payload_seconds)})
    measured.add_row("index of a warm file", size / min(seconds), "MB/s")
    measured.add_row("payloads with checksums", read / 1e6 / min(payload_seconds), "MB/s")
    path.unlink()


def _iterate(folder: Path, count: int, measured: Measured) -> None:
    random = np.random.default_rng(1)
    record = framed(labels(random, random.bytes(200)))
    path = folder / "many.tfrecord"
    with path.open("wb") as stream:
        for _ in range(count // 1000):
            stream.write(record * 1000)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", ITERATE, str(path)], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - start
    found, peak = done.stdout.split()
    measured.add_figures("iterate", {
        "peak_mb": float(peak), "records": int(found),
        "records_per_second": int(found) / seconds,
    })  # fmt: skip
    measured.add_row(f"peak of iterating {int(found):,} records", float(peak), "MB")
    measured.add_row("records with all features", int(found) / seconds, "a second")
    path.unlink()


def _frames(folder: Path, measured: Measured) -> None:
    """Measure frames with their pictures decoded, beside the decoder alone."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[0:648, 0:864]
    grey = 120 + 60 * np.sin(x / 40) * np.cos(y / 30) + random.normal(0, 4, x.shape)
    picture = encode_jpeg(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))
    path = folder / "video_frames.tfrecord"
    path.write_bytes(framed(labels(random, picture)) * 200)
    with Frames(path) as frames:
        _ = frames[0].image
        start = time.perf_counter()
        for frame in frames:
            _ = frame.image
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        for _ in frames:
            pass
        without = time.perf_counter() - start
    measured.add_figures("frames", {
        "per_second": 200 / seconds, "decoder_share": 1 - without / seconds,
    })  # fmt: skip
    measured.add_row("frames decoded, 864 x 648", 200 / seconds, "a second")
    measured.add_row("of that time in the decoder", 100 * (1 - without / seconds), "%")


def _fuzz(folder: Path, count: int, measured: Measured) -> None:
    path = folder / "damaged.tfrecord"
    crashes, slowest = 0, 0.0
    for case in cases(count):
        start = time.perf_counter()
        try:
            wrong = survives(case, path)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if case.seed >= 12:  # the first of each kind loads compiled code
            slowest = max(slowest, time.perf_counter() - start)
        if wrong:
            crashes += 1
            print(f"{case.kind}, seed {case.seed}: {wrong}", file=sys.stderr)
    measured.add_figures("fuzz", {"cases": count, "crashes": crashes, "slowest_s": slowest})
    measured.add_row("damaged files", count, "files")
    measured.add_row("of these not told or not survived", crashes, "files")


def _parser() -> argparse.ArgumentParser:
    parser = arguments(__doc__)
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the file to index")
    parser.add_argument("--records", type=int, default=1_000_000, help="records to iterate")
    parser.add_argument("--cases", type=int, default=1000, help="damaged files")
    return parser


if __name__ == "__main__":
    sys.exit(run(_parser(), measure))
