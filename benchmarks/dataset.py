"""The reader of the data set: how fast it indexes and iterates, its memory, what it survives.

    python benchmarks/dataset.py [--megabytes N] [--records N] [--cases N] [--clips N] [--scans N]

Everything is measured on files that are written for it and removed after. The index is measured on
a warm file of records as large as the data set's; iterating on many small records, in a process of
its own, so that its peak is that of reading alone; damage as in `damage.py` and `damage_dicom.py`,
in a process with little time and memory (`fuzz.py`); a twin of the data set's size is made, and
checked with every picture and scan.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Measured, arguments, run
from fuzz import fuzz
from PIL import Image

from mousepose.dataset.dataset import PUBLISHED, MousePoseDataset
from mousepose.dataset.example import serialise_example
from mousepose.dataset.frames import Frames
from mousepose.dataset.pictures import encode_jpeg
from mousepose.dataset.tfrecord import Records
from mousepose.dataset.tfrecord_write import framed
from mousepose.run.dataset_scans import validate_dataset
from mousepose.run.dataset_twin import TwinOptions, make_twin
from mousepose.skeleton import KEYPOINT_NAMES

#: A frame of the data set: its picture has about so many bytes.
PICTURE_BYTES = 60_000
RUNS, PICTURES = 5, 100

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
        _twin(folder, options, measured)
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
    path.write_bytes(framed(labels(random, picture)) * PICTURES)
    whole, alone = [], []
    with Frames(path) as frames:
        _ = frames[0].image
        for _ in range(RUNS):
            start = time.perf_counter()
            for frame in frames:
                _ = frame.image
            whole.append(time.perf_counter() - start)
            start = time.perf_counter()
            for _ in range(PICTURES):
                _decoded(picture)
            alone.append(time.perf_counter() - start)
    rates = PICTURES / min(whole), PICTURES / min(alone)
    measured.add_figures("frames", {
        "per_second": rates[0], "decoder_per_second": rates[1],
        "share_of_decoder": rates[0] / rates[1],
    })  # fmt: skip
    measured.add_row("frames with their picture, 864 x 648", rates[0], "a second")
    measured.add_row("the JPEG decoder alone", rates[1], "a second")
    path.unlink()


def _decoded(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def _fuzz(folder: Path, count: int, measured: Measured) -> None:
    found = [fuzz(what, folder, count) for what in ("records", "dicom")]
    wrong = [told for one in found for told in one.wrong]
    for told in wrong:
        print(told, file=sys.stderr)
    cases = sum(one.cases for one in found)
    measured.add_figures("fuzz", {
        "cases": cases, "crashes": len(wrong),
        "slowest_s": max(one.slowest_s for one in found),
        "grown_mb": max(one.grown_mb for one in found),
    })  # fmt: skip
    measured.add_row("damaged record files and scans", cases, "files")
    measured.add_row("of these not told or not survived", len(wrong), "files")
    measured.add_row("the slowest of them", max(one.slowest_s for one in found), "s")


def _twin(folder: Path, options: argparse.Namespace, measured: Measured) -> None:
    """Make a twin, check it whole, and compare what is read with its truth."""
    start = time.perf_counter()
    made = make_twin(folder / "twin", TwinOptions(clips=options.clips, scans=options.scans))
    seconds = [time.perf_counter() - start]
    start = time.perf_counter()
    with (
        MousePoseDataset(made, skip_faults=True) as data,
        np.load(made / "twin_truth.npz") as truth,
    ):
        found = validate_dataset(data)
        seconds.append(time.perf_counter() - start)
        table, seen = data.frames.table, truth["visible"]
        away = np.abs(table.xy - truth["xy_px"])[seen & table.visible].max()
        same = np.array_equal(table.visible, seen)
        counts = {"frames": len(table), "scans": len(data.scans)}
    shutil.rmtree(made)
    measured.add_figures("twin", {
        **counts, "seconds": seconds[0], "validate_seconds": seconds[1],
        "broken_rules": sum(found.counts.values()) - found.counts.get("sides", 0),
        "largest_error_px": float(away) if same else float("nan"),
    })  # fmt: skip
    what = f"{counts['frames']:,} frames, 36 moments, {counts['scans']} scans"
    measured.add_row(f"a twin of {what}", seconds[0], "s")
    measured.add_row("checked with all pictures and scans", seconds[1], "s")
    measured.add_row("a point read from it, away from the truth at most", float(away), "px")


def _parser() -> argparse.ArgumentParser:
    parser = arguments(__doc__)
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the file to index")
    parser.add_argument("--records", type=int, default=1_000_000, help="records to iterate")
    parser.add_argument("--cases", type=int, default=1000, help="damaged files of either kind")
    parser.add_argument("--clips", type=int, default=PUBLISHED["clips"], help="clips of the twin")
    parser.add_argument("--scans", type=int, default=PUBLISHED["scans"], help="scans of the twin")
    return parser


if __name__ == "__main__":
    sys.exit(run(_parser(), measure))
