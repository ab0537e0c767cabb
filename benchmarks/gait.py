"""Gait: stride lengths by paws and by rhythm, simulated and real, and the time a day takes.

    python benchmarks/gait.py [--data DIR] [--json FILE] [--only NAME ...] [--walkers N]

`walker.seen`: simulated points with noise of 0.7 mm, all known, of walkers that walk, trot and
gallop; `walker.half_hidden` and `walker.mostly_hidden`: paws hidden for 50 and 80 % of the time;
`walker.hidden`: no point of the legs known (only the rhythm can tell); `walker.wheel`: in a running
wheel. `walker.camera_N` and `walker.camera_N_...`: seen through N cameras with 2 px of noise and
reconstructed. Figures named `rhythm_*` are those of the rhythm where the others are those of the
paws; those of one gait stand under its name. The real recordings and their references:
`gait_real.py`, `gait_side.py` and `gait_beam.py`. `day`: 2 073 600 frames, 24 h at 24 frames/s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import Measured, Nested, arguments, run
from gait_beam import beam
from gait_chain import treadmill_chain, walkway_chain
from gait_real import treadmill, walkway
from gait_side import side_view
from gait_walkers import by_gait, from_points, in_wheel, through_cameras, walkers

from mousepose.body.default import default_body
from mousepose.io import write_sequence
from mousepose.run.gait import GaitJob, analyse_file
from mousepose.simulate import walking_mouse
from mousepose.types import Keypoints3D

#: Seconds of the simulated day: 30 s of walking, 60 s of standing, over and over.
DAY_S, DAY_FPS = 86_400, 24.0
_WALK_S, _STAND_S = 30, 60
HIDDEN = {"seen": 0.0, "half_hidden": 0.5, "mostly_hidden": 0.8, "hidden": 1.0}
#: Walkers of each gait that go through the whole reconstruction.
_RECONSTRUCTED = 2
_CAMERAS = {
    "camera_1": (1, 0.0), "camera_1_half_hidden": (1, 0.5), "camera_1_mostly_hidden": (1, 0.8),
    "camera_1_hidden": (1, 1.0), "camera_2": (2, 0.0), "camera_2_hidden": (2, 1.0),
    "camera_3": (3, 0.0), "camera_3_hidden": (3, 1.0),
}  # fmt: skip


def walker(options: argparse.Namespace) -> Nested:
    """Return the errors on simulated points, of all walkers and of each gait."""
    walks = walkers(options.walkers)
    found: dict[str, Nested] = {name: by_gait(from_points(walks, x)) for name, x in HIDDEN.items()}
    return found | {"wheel": by_gait(in_wheel(walks))}


def camera(options: argparse.Namespace) -> Nested:
    """Return the errors of walkers reconstructed from one to three cameras."""
    walks = walkers(min(_RECONSTRUCTED, options.walkers), seed=8)
    return {name: by_gait(through_cameras(walks, *how)) for name, how in _CAMERAS.items()}


def day(options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds and the memory that a day of one cage takes, with reading the file.

    It walks a third of the time.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.parquet"
        write_sequence(path, _day())
        # In a process of its own: its memory is that of the analysis alone.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_analysed, path).result()


def _analysed(path: Path) -> dict[str, float]:
    began = time.perf_counter()
    outcome = analyse_file(GaitJob(path, up=(0.0, 0.0, 1.0)))
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time(),
        "frames": float(outcome.frames),
        "bouts": float(len(outcome.gait.bouts)),
        "strides": float(len(outcome.gait.strides)),
        "peak_gb": _peak_gb(),
    }


def _peak_gb() -> float:
    """Return the most memory that this process alone ever had, NaN where Linux does not tell.

    `ru_maxrss` would count that of the process which started it.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return float("nan")
    return next((int(x.split()[1]) / 2**20 for x in lines if x.startswith("VmHWM")), float("nan"))


def _day() -> Keypoints3D:
    """Return the points of a day in which the animal walks a third of the time."""
    body = default_body()
    walk = walking_mouse(body, _WALK_S, DAY_FPS, turn_radius_mm=180.0)
    points = walk.sequence(body).keypoints.astype(np.float32)
    still = np.repeat(points[-1:], round(_STAND_S * DAY_FPS), axis=0)
    once = np.concatenate([points, still])
    count = round(DAY_S * DAY_FPS)
    xyz = np.resize(once, (count, *once.shape[1:]))
    return Keypoints3D(xyz, np.arange(count) / DAY_FPS, body.keypoints.names)


PARTS: dict[str, Callable[[argparse.Namespace], Nested]] = {
    "walker": walker,
    "camera": camera,
    "treadmill_mocap": lambda options: treadmill(options.data),
    "treadmill_camera": lambda options: treadmill_chain(options.data),
    "walkway": lambda options: walkway(options.data),
    "walkway_camera": lambda options: walkway_chain(options.data),
    "treadmill_side_view": lambda options: side_view(options.data),
    "beam": lambda options: beam(options.data),
    "day": day,
}


#: Parts whose figures stand among those of another.
_PREFIX = {
    "camera": "walker", "treadmill_camera": "treadmill_mocap", "walkway_camera": "walkway",
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Measure the parts that were asked for."""
    measured = Measured("Gait", ("figure", "value"))
    for name in options.only or PARTS:
        measured.add_figures(_PREFIX.get(name, name), PARTS[name](options))
        if name not in {"walker", "camera", "day"}:
            measured.ran_on.append(_PREFIX.get(name, name))
    for name, value in measured.figures.items():
        measured.add_row(name, value)
    return measured


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="which parts to measure")
    parser.add_argument("--walkers", type=int, default=8, help="how many walkers of each gait")
    return run(parser, measure)


if __name__ == "__main__":
    raise SystemExit(main())
