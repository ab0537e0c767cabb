"""How fast: frames a second on one core, start-up, memory of a long file, a mesh.

    python benchmarks/speed.py [--frames 10000000]

Everything runs in fresh processes on one thread, on a simulated walk: the default body with the 22
keypoints of the dataset in one camera, 2 px of noise, paws hidden a fifth of the time.

    fit.per_second       the solver alone: the mean pose, turned and moved to roughly where the
                         animal is, becomes its pose; fit.within_5mm_percent says how often
    alone.per_second     every frame alone end to end: placing, fit, covariance, keypoints
    sequence.per_second  through time end to end: shape, placing, fit, smoothing, covariance
    start_seconds        a new process with a warm cache: import, and the fit of one frame
    stream.peak_mb       the most memory while a Parquet of --frames frames goes through
    mesh.ms              the published skin of 5,208 vertices, per pose
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, run

from mousepose import FitConfig, Scale, Setup, default_body, learn_animal, reconstruct, solve
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.types import Ints, Keypoints2D, Pose

#: Seconds a frame that the published code takes on one core (measured with that code, unchanged).
PUBLISHED_SECONDS = (0.5, 2.7)
FIT_FRAMES, SEQUENCE_FRAMES, MESH_POSES = 4_000, 3_000, 300
STREAM_FRAMES = 200_000
FPS = 60.0
#: How far off (1 SD per axis) the solver starts, and how near to the truth counts as found.
ROUGH_RAD, ROUGH_MM, GOOD_MM = 0.3, 20.0, 5.0
ROUNDS = 3
_THREADS = (
    "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip
_MB = 1e6


def measure(options: argparse.Namespace) -> Measured:
    """Run every part in a process of its own."""
    measured = Measured("Speed, one core", ("what", "figure", "unit"))
    rows = {
        "fit.per_second": "frames/s, the solver from a rough start",
        "fit.steps": "steps a frame",
        "fit.within_5mm_percent": "% of these fits within 5 mm of the truth, root-aligned",
        "alone.per_second": "frames/s, every frame alone, end to end",
        "sequence.per_second": "frames/s, through time, end to end",
        "start_seconds": "s from a new process to the first pose",
        "mesh.ms": "ms a pose of 5,208 vertices, many at once",
        "mesh.single_ms": "ms a pose of 5,208 vertices, one at a time",
        "stream.per_second": f"frames/s, Parquet to Parquet, {options.frames:,} frames",
        "stream.peak_mb": f"MB at most, {options.frames:,} frames",
    }
    figures: dict[str, float] = {}
    for part in PARTS:
        figures |= _in_new_process(part, options)
    figures |= _start() | _stream(options.frames)
    for name, unit in rows.items():
        measured.add_row(name, figures[name], unit)
    for bound, seconds in zip(("least", "most"), PUBLISHED_SECONDS, strict=True):
        name = f"alone.times_published_{bound}"
        figures[name] = figures["alone.per_second"] * seconds
        unit = f"times the published code, which takes {seconds} s a frame"
        measured.add_row(name, figures[name], unit)
    measured.add_figures("", figures | {"stream.frames": options.frames})
    measured.ran_on += ["a simulated walk", "google_mouse_pose_analysis (mesh)"]
    return measured


def walk(frames: int) -> tuple[Keypoints2D, Camera, Pose]:
    """Return what one camera sees of a simulated walk, the camera, and the true pose."""
    from mousepose.simulate import observe, walking_mouse, watching_camera

    body, camera = default_body(), watching_camera()
    true = walking_mouse(body, frames / FPS, FPS, seed=1)
    seen = observe(body, true.pose, true.times, camera, occluded_feet=0.2, seed=2)
    return seen, camera, true.pose


def best_time(work: Callable[[], object]) -> float:
    """Return the shortest of a few times (s), after one call that compiles."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def time_fit(_: Path) -> dict[str, float]:
    """Return the frames a second of the solver alone, and how many of its poses are right."""
    from mousepose.fit.arrays import PoseArrays
    from mousepose.fit.observe import observe
    from mousepose.fit.place import fit_each
    from mousepose.fit.setup import Animal, body_arrays

    keypoints, camera, true = walk(FIT_FRAMES)
    setup = Setup.of((camera,), scale=Scale.floor(), config=FitConfig(temporal=False))
    arrays, views, weights = (
        body_arrays(setup, replace(Animal.typical(setup), shape=true.shape)),
        setup.views(),
        setup.weights(),
    )
    points = observe(keypoints, setup).points
    random = np.random.default_rng(3)
    turn = rotation.exp(random.normal(0, ROUGH_RAD, (FIT_FRAMES, 3)))
    rough = PoseArrays(
        turn @ rotation.exp(true.root_rotation),
        true.root_translation + random.normal(0, ROUGH_MM, (FIT_FRAMES, 3)),
        np.zeros((FIT_FRAMES, setup.prior.coordinates)),
    )

    def fit() -> tuple[PoseArrays, Ints]:
        poses = PoseArrays(*(array.copy() for array in rough))
        _, steps = fit_each(arrays, views, weights, points, poses, setup.config.iterations)
        return poses, steps

    seconds = best_time(fit)
    poses, steps = fit()
    found = Pose(
        rotation.log(poses.rotation),
        poses.place,
        arrays.mean + np.einsum("jir,tr->tji", arrays.basis, poses.z),
        true.shape,
    )
    ours, theirs = (setup.body.joints(pose) for pose in (found, true))
    error = np.linalg.norm((ours - ours[:, :1]) - (theirs - theirs[:, :1]), axis=-1).mean(axis=1)
    return {
        "fit.per_second": FIT_FRAMES / seconds,
        "fit.steps": float(steps.mean()),
        "fit.within_5mm_percent": 100 * float((error < GOOD_MM).mean()),
    }


def time_alone(_: Path) -> dict[str, float]:
    """Return the frames a second from keypoints to poses when every frame stands alone."""
    keypoints, camera, _pose = walk(FIT_FRAMES)
    setup = Setup.of((camera,), scale=Scale.floor(), config=FitConfig(temporal=False))
    animal = learn_animal(keypoints, setup)
    return {"alone.per_second": FIT_FRAMES / best_time(lambda: solve(keypoints, setup, animal))}


def time_sequence(_: Path) -> dict[str, float]:
    """Return the frames a second from keypoints to smoothed poses with their covariance."""
    keypoints, camera, _pose = walk(SEQUENCE_FRAMES)
    seconds = best_time(lambda: reconstruct(keypoints, (camera,), scale=Scale.floor()))
    return {"sequence.per_second": SEQUENCE_FRAMES / seconds}


def time_mesh(data: Path) -> dict[str, float]:
    """Return the time (ms) that skinning takes for a pose of the published mesh."""
    from mousepose.body.published import load_published

    body = load_published(data / "google_mouse_pose_analysis")
    if body.mesh is None:
        raise CannotMeasure(f"{data / 'google_mouse_pose_analysis'} holds no skin")
    random = np.random.default_rng(0)
    joints = len(body.rest)
    poses = [
        Pose(
            random.normal(0, 1, (*batch, 3)),
            random.normal(0, 100, (*batch, 3)),
            random.normal(0, 0.3, (*batch, joints, 3)),
            body.shape_space.mean,
        )
        for batch in ((MESH_POSES,), ())
    ]
    many, single = (best_time(partial(body.vertices, pose)) for pose in poses)
    return {"mesh.ms": 1e3 * many / MESH_POSES, "mesh.single_ms": 1e3 * single}


#: What a process of its own measures, given the folder of recordings.
PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "fit": time_fit,
    "alone": time_alone,
    "sequence": time_sequence,
    "mesh": time_mesh,
}


def _environment() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(_THREADS, "1")}


def _in_new_process(part: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--part", part, "--data", str(options.data)]
    done = subprocess.run(
        command, env=_environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"the part {part!r} ended with status {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


_FIRST_POSE = """
import numpy as np
from mousepose import Scale, reconstruct
from mousepose.types import Keypoints2D
from mousepose.geometry.camera import pinhole
names, xy = {names}, np.array({xy})
one = Keypoints2D(xy[None, None], np.ones((1, 1, len(names))), np.zeros(1), np.zeros(1, int), names)
assert np.isfinite(reconstruct(one, (pinhole((1280, 1024), 1100.0),)).keypoints).all()
"""


#: A small process that runs another and tells its peak memory: a process counts that of the one
#: which started it as its own until its program is loaded, so a large one must not start it.
WATCH = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def _start() -> dict[str, float]:
    """Return the seconds from starting Python to the first pose, compiled code in its cache."""
    keypoints, _, _ = walk(1)
    seen = np.isfinite(keypoints.xy[0, 0]).all(axis=-1)
    names = tuple(n for n, s in zip(keypoints.keypoint_names, seen, strict=True) if s)
    script = _FIRST_POSE.format(names=names, xy=keypoints.xy[0, 0][seen].tolist())
    command = [sys.executable, "-c", script]

    def start() -> None:
        if subprocess.run(command, env=_environment(), check=False).returncode:
            raise CannotMeasure("a new process could not fit its first frame")

    return {"start_seconds": best_time(start)}


def _stream(frames: int) -> dict[str, float]:
    """Return the rate and the peak memory (MB) of the command line on a file of many frames."""
    from mousepose.io import write_cameras

    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        camera = _write_long_file(room / "keypoints.parquet", frames)
        write_cameras(room / "camera.toml", [camera])
        command = [
            sys.executable, "-c", "from mousepose.cli.main import app; app()", "reconstruct",
            str(room / "keypoints.parquet"), "--camera", str(room / "camera.toml"), "--floor",
            "--output", str(room / "poses.parquet"),
        ]  # fmt: skip
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", WATCH, *command],
            env=_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise CannotMeasure(f"mousepose reconstruct ended with status {done.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    peak = int(done.stdout.split()[-1]) * unit / _MB
    return {"stream.per_second": frames / seconds, "stream.peak_mb": peak}


def _write_long_file(path: Path, frames: int) -> Camera:
    """Write a walk over and over, as one long track, and return the camera that saw it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mousepose.io import write_keypoints_parquet

    keypoints, camera, _ = walk(20_000)
    write_keypoints_parquet(path, keypoints)
    piece = pq.read_table(path)
    columns = {name: piece.schema.get_field_index(name) for name in ("frame", "time_s")}
    with pq.ParquetWriter(path, piece.schema, compression="zstd") as writer:
        for first in range(0, frames, len(piece)):
            numbers = np.arange(first, min(first + len(piece), frames))
            rows = piece.slice(0, len(numbers))
            for name, values in (("frame", numbers), ("time_s", numbers / FPS)):
                rows = rows.set_column(columns[name], name, pa.array(values))
            writer.write_table(rows)
    return camera


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=STREAM_FRAMES, help="frames to stream")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is None:
        return run(parser, measure)
    print(json.dumps(PARTS[options.part](options.data)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
