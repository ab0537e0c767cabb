"""Behaviour: the data set's seven on simulated clips, unseen animals, and the time a day takes.

    python benchmarks/behaviour.py [--json FILE] [--only NAME ...] [--clips N] [--frames N]

`twin`: clips of 12 frames of the behaviours that the data set's twin acts, of 30 animals, tested on
animals left out. Points in space have noise of 0.7 mm; 2D keypoints are seen by the home-cage
camera with 2 px of noise, a quarter of them hidden. `noisy`: 6 mm and 12 px, half of them hidden.
`shuffled`: the same with labels dealt out anew, and what chance gives. `leak_caught` is 1 where a
test on an animal of the training is refused. `day`: 2 073 600 frames, 24 h at 24 frames/s, from a
file to bouts. No figure here is of a real animal: no labelled poses of real ones were at hand.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import Measured, Nested, arguments, run

from mousepose.analysis.behaviour.channels import Kind, Points, layout_of, trunk_length
from mousepose.analysis.behaviour.classifier import LabelledWindows
from mousepose.analysis.behaviour.cross_validate import (
    cross_validate,
    score_model,
    train_behaviour,
)
from mousepose.analysis.behaviour.model_file import load_behaviour, save_behaviour
from mousepose.analysis.behaviour.windows import windows_of
from mousepose.analysis.motion import motion_of
from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.errors import InputError
from mousepose.io import write_sequence
from mousepose.run.behaviour_apply import behaviour_of
from mousepose.run.behaviour_points import Recording
from mousepose.run.dataset_twin import home_cage_camera
from mousepose.run.dataset_twin_poses import POSTURES, act, placed
from mousepose.types import Floats, Keypoints3D

RATE, CLIP_FRAMES, ANIMALS, FOLDS = 24.0, 12, 30, 3
DAY_FRAMES = 2_073_600
#: Noise of points in space (mm) and in the image (px), and the share of hidden image points.
NOISE = {"twin": (0.7, 2.0, 0.25), "noisy": (6.0, 12.0, 0.5)}
KINDS: dict[str, tuple[Kind, ...]] = {
    "keypoints2d": ("keypoints2d",), "keypoints3d": ("keypoints3d",), "angles": ("angles",),
    "all": ("keypoints2d", "keypoints3d", "angles"),
}  # fmt: skip
_APART_S = 1000.0


@dataclass(frozen=True, eq=False)
class Clips:
    """Acted clips: points (N, 12, K, 3) mm, labels (N,) and animals (N,)."""

    xyz: Floats
    labels: np.ndarray
    animals: np.ndarray


def clips_of(count: int, body: BodyModel) -> Clips:
    """Return clips acted as the twin of the data set acts them."""
    random = np.random.default_rng(0)
    shapes = [0.5 * random.normal(0, body.shape_space.sd) for _ in range(ANIMALS)]
    for shape in shapes:
        shape[0] = np.log(random.uniform(20, 60) / 25) / 3
    names = list(POSTURES)
    # An animal acts some behaviours only: what is learned of it must not be who it is.
    animals = random.integers(ANIMALS, size=count)
    times = np.arange(CLIP_FRAMES) / RATE
    xyz = np.zeros((count, CLIP_FRAMES, len(body.keypoints.names), 3))
    for clip in range(count):
        pose = act(names[clip % len(names)], body, shapes[animals[clip]], times, random)
        place, heading = random.uniform([-75, -50], [75, 50]), random.uniform(-np.pi, np.pi)
        xyz[clip] = body.keypoints_of(placed(pose, place, float(heading)))
    labels = np.array([names[clip % len(names)] for clip in range(count)])
    return Clips(xyz, labels, np.array([f"animal {n:02d}" for n in animals]))


def labelled(clips: Clips, kinds: tuple[Kind, ...], noise: str, body: BodyModel) -> LabelledWindows:
    """Return the windows of clips, one each, as seen with some noise."""
    random = np.random.default_rng(1)
    noise_mm, noise_px, hidden = NOISE[noise]
    count = len(clips.labels)
    frames = np.arange(CLIP_FRAMES) / RATE
    times = (np.arange(count)[:, None] * _APART_S + frames).ravel()
    names = body.keypoints.names
    flat = clips.xyz.reshape(-1, len(names), 3)
    xy = home_cage_camera().project(flat) + random.normal(0, noise_px, (*flat.shape[:2], 2))
    xy[random.random(xy.shape[:2]) < hidden] = np.nan
    image = motion_of(Keypoints3D(np.concatenate([xy, 0 * xy[..., :1]], -1), times, names))
    space = motion_of(Keypoints3D(flat + random.normal(0, noise_mm, flat.shape), times, names))
    points = Points(space, image, trunk_length(image))
    windows = windows_of(points, layout_of(kinds), CLIP_FRAMES)
    clip = (times[windows.starts] // _APART_S).astype(int)
    return LabelledWindows(
        windows, clips.labels[clip], np.array([f"clip {n}" for n in clip]), clips.animals[clip]
    )


def twin(options: argparse.Namespace) -> dict[str, Nested]:
    """Return the scores on animals left out, of everything that can be looked at."""
    body = default_body()
    clips = clips_of(options.clips, body)
    found: dict[str, Nested] = {}
    for noise in NOISE:
        parts: dict[str, Nested] = {}
        for name, kinds in KINDS.items():
            parts[name] = {"boosting": _scored(labelled(clips, kinds, noise, body), "boosting")}
        if find_spec("aeon") is not None:
            data = labelled(clips, KINDS["keypoints3d"], noise, body)
            parts["keypoints3d"] = {**parts["keypoints3d"], "rocket": _scored(data, "rocket")}
        found[noise] = parts
    data = labelled(clips, KINDS["angles"], "twin", body)
    shuffled = cross_validate(data.shuffled(0), folds=FOLDS).scores
    found["twin"] = {
        **found["twin"],
        "shuffled": {"accuracy": shuffled.accuracy, "chance": 1 / len(POSTURES)},
        "leak_caught": float(_leak_caught(data)),
    }
    return found


def _scored(data: LabelledWindows, method: str) -> dict[str, float]:
    began = time.process_time()
    scores = cross_validate(data, method, folds=FOLDS).scores  # type: ignore[arg-type]
    summary = scores.summary()
    kept = ("accuracy", "accuracy_low", "accuracy_high", "log_loss", "calibration_error", "animals")
    cost = {"training_cpu_seconds": time.process_time() - began}
    return {name: summary[name] for name in kept} | cost


def _leak_caught(data: LabelledWindows) -> bool:
    """Tell whether a test on an animal of the training is refused."""
    model, _ = train_behaviour(data, folds=2)
    try:
        score_model(model, data.chosen(data.animals == data.animals[0]))
    except InputError:
        return True
    return False


def day(options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds and the memory from a file of a day's points to its bouts."""
    body = default_body()
    clips = clips_of(min(options.clips, 140), body)
    model, _ = train_behaviour(labelled(clips, KINDS["keypoints3d"], "twin", body), folds=2)
    with tempfile.TemporaryDirectory() as folder:
        save_behaviour(Path(folder) / "model.npz", model)
        write_sequence(Path(folder) / "day.parquet", _day(body, options.frames))
        # In a process of its own: its memory is that of the analysis alone.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_applied, Path(folder)).result()


def _applied(folder: Path) -> dict[str, float]:
    model = load_behaviour(folder / "model.npz")
    began, worked = time.perf_counter(), time.process_time()
    found = behaviour_of(Recording(folder / "day.parquet", up=(0.0, 0.0, 1.0)), model)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - worked,
        "frames": float(round(found.chances.stop[-1] * RATE)),
        "windows": float(len(found.chances.start)),
        "bouts": float(len(found.bouts)),
        "peak_gb": _peak_gb(),
    }


def _peak_gb() -> float:
    """Return the most memory that this process alone ever had, NaN where Linux does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return float("nan")
    return next((int(x.split()[1]) / 2**20 for x in lines if x.startswith("VmHWM")), float("nan"))


def _day(body: BodyModel, frames: int) -> Keypoints3D:
    """Return the points of an animal that does each behaviour for 10 s, over and over."""
    random = np.random.default_rng(2)
    times = np.arange(round(10 * RATE)) / RATE
    shape = body.shape_space.mean
    acts = [body.keypoints_of(act(name, body, shape, times, random)) for name in POSTURES]
    once = np.concatenate(acts).astype(np.float32)
    xyz = np.resize(once, (frames, *once.shape[1:]))
    return Keypoints3D(xyz, np.arange(frames) / RATE, body.keypoints.names)


PARTS: dict[str, Callable[[argparse.Namespace], Nested]] = {"twin": twin, "day": day}


def measure(options: argparse.Namespace) -> Measured:
    """Run the parts that were asked for."""
    measured = Measured("Behaviour, simulated", ("figure", "value"))
    for name in options.only:
        figures = PARTS[name](options)
        measured.add_figures("" if name == "twin" else name, figures)
    for name, value in measured.figures.items():
        measured.add_row(name, value)
    measured.ran_on.append("simulated clips of its own")
    return measured


def main() -> int:
    """Return the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--clips", type=int, default=455, help="clips (default: as the data set)")
    parser.add_argument("--frames", type=int, default=DAY_FRAMES, help="frames of the long file")
    return run(parser, measure)


if __name__ == "__main__":
    raise SystemExit(main())
