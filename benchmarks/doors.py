"""The doors: files read, files written, how exactly numbers come back, how fast a csv is read.

    python benchmarks/doors.py [FILE ...] [--frames 200000]

    formats_in                    layouts of other programs' files that are read, every number right
    formats_out                   formats that are written and read back, every number right
    roundtrip.max_error_px        largest change of a 2D point in any of them, mm in space
    csv.million_cells_per_second  a DeepLabCut csv of --frames frames into memory
    csv.peak_mb                   the most memory while such a file becomes Parquet

FILEs of keypoints (default: those of the recordings) go through every 2D format. The figures
`calibrate.*` are those of doors_calibration.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, run
from doors_files import FPS, MAKERS_2D, MAKERS_3D, a_cloud, a_track
from speed import WATCH

from mousepose.errors import InputError
from mousepose.io import (
    animals_in,
    load,
    load_keypoints,
    read_obj,
    write_keypoints,
    write_obj,
    write_sequence,
)
from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
from mousepose.io.poses.registry import WRITERS
from mousepose.types import FitReport, Floats, Keypoints2D, Keypoints3D, Pose, PoseSequence

#: What other programs' formats need to be made, and ours to be written.
LIBRARIES = ("h5netcdf", "sleap_io", "tables", "xarray")
#: Half a digit of the last that a format writes, mm; all others hold every digit.
LEAST_TEXT_MM = 0.6e-6
#: Real recordings of 2D keypoints, by folder and name.
RECORDINGS = (
    "beam_side_view/*.csv", "homecage_4cam/*.analysis.h5", "openfield_topview/*/CollectedData_*",
)  # fmt: skip
CSV_FRAMES, CSV_KEYPOINTS, CSV_PIECE = 200_000, 22, 20_000
ROUNDS = 2


def measure(options: argparse.Namespace) -> Measured:
    """Read and write every format, time a long csv, add the figures of calibration."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise CannotMeasure(f"{', '.join(missing)} must be installed: pip install '.[formats]'")
    measured = Measured("The doors", ("what", "figure", "unit"))
    files = options.files or [
        path for name in RECORDINGS for path in sorted(options.data.glob(name))
    ]
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        read = dict(_read_formats(room))
        written = dict(_write_formats(room))
        lost = dict(_round_trips(room, files))
        speed = _long_csv(room, options.frames)
    for title, found in (("in", read), ("out", written), ("through every 2D format", lost)):
        for what, (error, unit) in found.items():
            measured.add_row(f"{title}: {what}", error, f"{unit} at most")
    figures = {
        "formats_in": sum(_is_right(error) for error, _ in read.values()),
        "formats_out": sum(_is_right(error) for error, _ in written.values()),
        "roundtrip.max_error_px": _largest({**written, **lost}, "px"),
        "roundtrip.max_error_mm": _largest(written, "mm"),
        **speed,
        **_calibration(),
    }
    for what, value in figures.items():
        measured.add_row(what, float(value), _unit(what))
    measured.add_figures("", figures)
    measured.ran_on += ["files made for it", *(path.name for path in files)]
    return measured


def _unit(what: str) -> str:
    units = {"_px": "px", "_mm": "mm", "_mb": "MB", "_percent": "%", "second": "million a second"}
    return next((unit for end, unit in units.items() if what.endswith(end)), "formats")


def _is_right(error: float) -> bool:
    return bool(np.isfinite(error) and error <= LEAST_TEXT_MM)


def _largest(found: Mapping[str, tuple[float, str]], unit: str) -> float:
    return max(error for error, of in found.values() if of == unit)


def _error(found: Floats, expected: Floats) -> float:
    """Return the largest difference; infinite where one has a point and the other has none."""
    if found.shape != expected.shape or not np.array_equal(np.isnan(found), np.isnan(expected)):
        return float("inf")
    return float(np.nanmax(np.abs(found - expected), initial=0.0))


def _read_formats(room: Path) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield for each format of another program how far the points that are read are off."""
    track, cloud = a_track(), a_cloud()
    for number, ((name, ending), make) in enumerate(MAKERS_2D.items()):
        path = make(room / f"in{number}{ending}", track)
        yield name, (_off_in_image(path, track), "px")
    for number, ((name, ending), make_cloud) in enumerate(MAKERS_3D.items()):
        path = make_cloud(room / f"space{number}{ending}", cloud)
        yield name, (_off_in_space(path, cloud.xyz), "mm")


def _off_in_image(path: Path, expected: Keypoints2D) -> float:
    """Return how far the last animal's points in a file are off; infinite where none are read."""
    try:
        found = load(path, fps=FPS, animal=animals_in(path)[-1])
    except InputError as error:
        print(f"not read: {error}", file=sys.stderr)
        return float("inf")
    if not isinstance(found, Keypoints2D):
        return float("inf")
    return _error(_in_order(found, expected), expected.xy)


def _off_in_space(path: Path, expected: Floats) -> float:
    """Return how far the points in space in a file are off; infinite where none are read."""
    try:
        found = load(path, fps=FPS)
    except InputError as error:
        print(f"not read: {error}", file=sys.stderr)
        return float("inf")
    if isinstance(found, Keypoints2D):
        return float("inf")
    return _error(found.keypoints if isinstance(found, PoseSequence) else found.xyz, expected)


def _in_order(found: Keypoints2D, like: Keypoints2D) -> Floats:
    """Return the points of the frames and keypoints of `like`, all NaN where one is not there."""
    there = [name in found.keypoint_names for name in like.keypoint_names]
    if not all(there) or not np.isin(like.frame_numbers, found.frame_numbers).all():
        return np.full_like(like.xy, np.nan)
    columns = [found.keypoint_names.index(name) for name in like.keypoint_names]
    rows = np.searchsorted(found.frame_numbers, like.frame_numbers)
    return found.xy[rows][:, :, columns]


def _write_formats(room: Path) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield for each format that we write how far what comes back is off."""
    random = np.random.default_rng(2)
    track = a_track()
    fine = Keypoints2D(
        track.xy + random.normal(size=track.xy.shape), track.confidence, track.times,
        track.frame_numbers, track.keypoint_names,
    )  # fmt: skip
    for name, writer in KEYPOINT_WRITERS.items():
        yield f"{writer.title}, 2D", (_there_and_back(room, fine, name), "px")
    sequence = _sequence(a_cloud())
    for name, writer in WRITERS.items():
        if name == "c3d":
            continue  # single precision by its definition: its own test knows the bound
        path, *_ = write_sequence(room / f"out{writer.ending}", sequence, format=name)
        expected = sequence.keypoints[:1] if name == "keypoint-text" else sequence.keypoints
        yield f"{writer.title}, 3D", (_off_in_space(path, expected), "mm")
    yield "mesh (.obj), 3D", (_mesh(room / "mesh.obj"), "mm")


def _there_and_back(room: Path, source: Keypoints2D, format: str) -> float:
    path = room / f"back{KEYPOINT_WRITERS[format].ending}"
    write_keypoints(path, source, format=format)
    return _error(_in_order(load_keypoints(path, fps=FPS), source), source.xy)


def _mesh(path: Path) -> float:
    vertices = np.random.default_rng(3).normal(0, 100, (50, 3))
    write_obj(path, vertices, np.array([[0, 1, 2], [2, 3, 49]]))
    return _error(read_obj(path)[0], vertices)


def _sequence(points: Keypoints3D) -> PoseSequence:
    frames, keypoints = points.xyz.shape[:2]
    state = np.where(np.isfinite(points.xyz[..., 0]), 2, 0).astype(np.uint8)
    return PoseSequence(
        Pose(np.zeros((frames, 3)), np.zeros((frames, 3)), np.zeros((frames, 1, 3)), np.zeros(1)),
        points.xyz, np.tile(np.eye(3), (frames, keypoints, 1, 1)), state,
        np.zeros((frames, 1, 3)), points.times, np.arange(frames),
        FitReport(np.zeros(frames, np.uint8), np.zeros(frames, np.int64), {}),
        points.keypoint_names, ("ROOT",),
    )  # fmt: skip


def _round_trips(room: Path, files: list[Path]) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield for each file the largest change of a point in any 2D format."""
    for file in files:
        try:
            source = load(file, fps=FPS, animal=animals_in(file)[0])
        except InputError as error:
            raise CannotMeasure(str(error)) from error
        if not isinstance(source, Keypoints2D):
            raise CannotMeasure(f"{file} holds no 2D keypoints")
        most = max(_there_and_back(room, source, name) for name in KEYPOINT_WRITERS)
        yield f"{file.parent.name}/{file.name[:40]}", (most, "px")


_CONVERT = "import sys; from mousepose.io import convert; convert(*sys.argv[1:], fps=30)"


def _long_csv(room: Path, frames: int) -> dict[str, float]:
    """Return how fast a long DeepLabCut csv is read and converted, and in how much memory."""
    path = _write_long_csv(room / "long.csv", frames)
    cells = frames * CSV_KEYPOINTS * 3 / 1e6
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if len(load_keypoints(path, fps=FPS)) != frames:
            raise CannotMeasure("the long csv lost frames")
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WATCH, sys.executable, "-c", _CONVERT, str(path),
         str(room / "long.parquet")],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise CannotMeasure("converting the long csv failed")
    peak = int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)
    return {
        "csv.million_cells_per_second": cells / min(times),
        "csv.to_parquet_million_cells_per_second": cells / seconds,
        "csv.peak_mb": peak / 1e6,
    }


def _write_long_csv(path: Path, frames: int) -> Path:
    """Write a csv with three decimals, as DeepLabCut does, the same piece over and over."""
    random = np.random.default_rng(4)
    labels = [
        ("net", f"part{k}", c) for k in range(CSV_KEYPOINTS) for c in ("x", "y", "likelihood")
    ]
    rows = random.uniform(0, 1000, (CSV_PIECE, len(labels)))
    rows[:, 2::3] /= 1000
    lines = [",".join(f"{value:.3f}" for value in row) for row in rows]
    with path.open("w", encoding="utf-8") as stream:
        levels = zip(("scorer", "bodyparts", "coords"), *labels, strict=True)
        stream.writelines(",".join(level) + "\n" for level in levels)
        for first in range(0, frames, CSV_PIECE):
            count = min(CSV_PIECE, frames - first)
            stream.writelines(f"{first + row},{lines[row]}\n" for row in range(count))
    return path


def _calibration() -> dict[str, float]:
    """Return the figures of calibration, none where that benchmark is not there."""
    if find_spec("doors_calibration") is None:
        return {}
    figures: Mapping[str, float] = import_module("doors_calibration").figures()
    return {name: float(value) for name, value in figures.items()}


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files of 2D keypoints")
    parser.add_argument("--frames", type=int, default=CSV_FRAMES, help="frames of the long csv")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
