"""Whether a video without a label teaches a network: before and after its own 3D fit labelled it.

    python benchmarks/pseudo_labels.py [--model FILE] [--samples DIR] [--seconds S] [--steps N]

A film of a simulated walk, whose truth is known, goes through `mousepose finetune pseudo` and
`mousepose finetune train`: keypoints by the network, a fit in 3D through time, the fit's points as
labels where it is sure, training on. The network's weights lie beside it. `--samples` are rendered
ones to train on at the same time, so that nothing else is forgotten. Errors of all 22 keypoints in
the film's frames, in per cent of the body's length; the tail's points are not counted.

    before, after       the network's keypoints, whole chain, and how many are within 10 %
    labels              the labels that it learned from, and what share of all points they are

`homecage_top` and `homecage_mid` are the same for the two real videos of `homecage_4cam` (120
frames each, camera and animal's length known): before and after against the proof-read points.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import Measured, arguments, folder, run, silent
from end_to_end import VIEWS, errors_2d
from homecage import MARKS_FILE, Recording, load_recording

from mousepose import Scale, default_body, load_keypoints
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.detect.shipped import shipped_model
from mousepose.geometry.camera import Camera
from mousepose.run.demo_film import Film, film
from mousepose.run.finetune import finetune
from mousepose.run.finetune_pseudo import PseudoJob, write_pseudo_labels
from mousepose.run.predict import VideoJob, predict
from mousepose.run.train_scores import errors_percent
from mousepose.simulate import walking_mouse, watching_camera
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.loop import TrainOptions
from mousepose.train.samples import SampleFolder
from mousepose.types import Floats

_FPS, _SIDE = 30.0, 280
_TAIL = [KEYPOINT_NAMES.index(name) for name in ("MID_TAIL", "TIP_TAIL")]


def measure(options: argparse.Namespace) -> Measured:
    """Measure before, label, train, measure again."""
    columns = ("keypoints of", "frames", "median %", "within 10 %", "share of points %")
    measured = Measured("A film that labels itself", columns)
    walk = walking_mouse(default_body(), options.seconds, _FPS, turn_radius_mm=90.0, seed=3)
    camera = watching_camera(
        distance_mm=520.0, elevation_deg=80.0, focal_px=1.2 * _SIDE, size=(_SIDE, _SIDE)
    )
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        made = film(walk, camera, place / "film.mp4", silent, seed=3)
        before = _errors(made, camera, options.model, place / "before.parquet")
        job = PseudoJob(made.video, place / "learnt", options.model, options.frames, "top", camera)
        done = write_pseudo_labels(job, silent)
        better = _trained_on(job, options)
        after = _errors(made, camera, better, place / "after.parquet")
        labels = _of_labels(job.output, made, camera)
    for key, errors in (("before", before), ("labels", labels), ("after", after)):
        known = errors[~np.isnan(errors)]
        figures = {
            "median_percent": float(np.median(known)),
            "pck10": 100 * float((known <= 10).mean()),
            "share_percent": 100 * known.size / errors.size,
        }
        measured.add_figures(key, figures)
        measured.add_row(key, len(errors), *figures.values())
    measured.add_figures("film", {"frames": len(walk), "kept": done.kept,
                                  "learnt_percent": 100 * done.learnt})  # fmt: skip
    rendered = sum(len(SampleFolder(one)) for one in options.samples)
    measured.ran_on.append(
        f"a simulated walk of {len(walk)} frames, {options.steps} steps, {rendered:,} rendered "
        "samples"
    )
    data = folder(options.data, "homecage_4cam")
    recording = load_recording(data, load_keypoint_map(MARKS_FILE))
    for index, one in enumerate(recording.cameras):
        _of_real(measured, data, recording, index, f"homecage_{one.name}", options)
    measured.ran_on.append("homecage_4cam")
    return measured


def _trained_on(job: PseudoJob, options: argparse.Namespace) -> Path:
    """Return the network that learned from what it labelled itself."""
    train = TrainOptions(steps=options.steps, batch=32, learning_rate=options.learning_rate)
    better = job.output.parent / "better.onnx"
    finetune(options.model, [], [job.output, *options.samples], better, train)
    return better


def _of_real(
    measured: Measured,
    data: Path,
    recording: Recording,
    index: int,
    name: str,
    options: argparse.Namespace,
) -> None:
    """Add the errors against proof-read points, before a real video labelled itself and after."""
    camera = recording.cameras[index]
    video, view = data / f"minimal_{camera.name}.mp4", VIEWS[camera.name]
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        job = PseudoJob(
            video, place / "learnt", options.model, options.frames, view, camera,
            Scale.body_length(recording.body_length),
        )  # fmt: skip
        done = write_pseudo_labels(job, silent)
        for key, model in (("before", options.model), ("after", _trained_on(job, options))):
            table = place / f"{key}.parquet"
            predict(VideoJob(video, table, model, view=view), silent)
            found = errors_2d(load_keypoints(table), recording, index)
            measured.add_figures(f"{name}.{key}", found)
            measured.add_row(
                f"{name} {key}", len(recording.times), found["median_percent"], found["pck10"],
                found["seen_percent"],
            )  # fmt: skip
    measured.add_figures(name, {"kept": done.kept, "learnt_percent": 100 * done.learnt})


def _errors(made: Film, camera: Camera, model: Path, table: Path) -> Floats:
    """Return the errors (T, 20) of the whole chain on a film; infinite where nothing was found."""
    predict(VideoJob(made.video, table, model, view="top"), silent)
    found = load_keypoints(table)
    truth = camera.project(made.truth.keypoints)
    columns = [found.keypoint_names.index(name) for name in made.truth.keypoint_names]
    return _body(errors_percent(found.xy[:, 0, columns], truth, _lengths(truth, made)), made)


def _of_labels(folder: Path, made: Film, camera: Camera) -> Floats:
    """Return the errors of labels, by the frame that fits a sample best: it is not noted."""
    samples = SampleFolder(folder).take(range(len(SampleFolder(folder))))
    order = [made.truth.keypoint_names.index(name) for name in KEYPOINT_NAMES]
    truth = camera.project(made.truth.keypoints[:, order])
    rows = []
    for xy, length in zip(samples.xy.astype(np.float64), samples.length, strict=True):
        known = np.isfinite(xy).all(-1)
        scale = np.median(_lengths(truth, made)) / float(length)
        moved = xy * scale
        apart = truth[:, known] - moved[known]
        off = np.linalg.norm(apart - apart.mean(1, keepdims=True), axis=-1)
        best = int(np.argmin(np.median(off, axis=1)))
        row = np.full(len(KEYPOINT_NAMES), np.nan)
        row[known] = 100 * off[best] / np.median(_lengths(truth, made))
        rows.append(row)
    return np.delete(np.array(rows), _TAIL, axis=1)


def _lengths(truth: Floats, made: Film) -> Floats:
    names = made.truth.keypoint_names
    ends = truth[:, names.index("NOSE")] - truth[:, names.index("ROOT_TAIL")]
    return np.full(len(truth), np.median(np.linalg.norm(ends, axis=-1)))


def _body(errors: Floats, made: Film) -> Floats:
    tail = [made.truth.keypoint_names.index(KEYPOINT_NAMES[k]) for k in _TAIL]
    return np.delete(errors, tail, axis=1)


def main() -> int:
    """Measure as the command line says."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--model", type=Path, default=shipped_model(), help="the network, weights beside it"
    )
    parser.add_argument("--samples", type=Path, nargs="*", default=[], metavar="DIR")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the film is")
    parser.add_argument("--frames", type=int, default=300, help="samples to learn from, at most")
    parser.add_argument("--steps", type=int, default=300, help="steps of training")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
