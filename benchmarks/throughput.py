"""How fast a video becomes poses, stage by stage and all together, and in how much memory.

    python benchmarks/throughput.py [--model FILE] [--minutes 2] [--threads 2]

The clip is the open-field video (a black mouse from above), scaled to 864 x 648 px, 24 frames/s,
H.264, over and over for so many minutes. Every stage runs alone in a process of its own, then the
chain as `mousepose reconstruct` runs it, its kernels compiled before.

    decode.per_second     grey frames out of the file, in their order
    detect.per_second     background model and tracker, frames decoded before
    keypoints.per_second  crops cut out and through the network
    fit.per_second        3D pose through time, from the table of keypoints
    chain.per_second      all of it, with reading and writing; chain.peak_mb the most memory
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
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from PIL import Image

from mousepose import Scale
from mousepose.detect.background import learn_background
from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.crops import Crops
from mousepose.detect.network import KeypointModel
from mousepose.detect.shipped import shipped_model
from mousepose.detect.track import Tracker
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import pinhole
from mousepose.run.keypoint_files import KeypointFiles
from mousepose.run.predict import VideoJob, predict
from mousepose.run.streaming import Job
from mousepose.run.streaming import run as fit
from mousepose.video import open_video, video_writer

SIZE, FPS = (864, 648), 24.0
HELD, CROPS = 240, 480
FOCAL_PX, LENGTH_MM = 900.0, 90.0
STAGES = ("decode", "detect", "keypoints", "fit", "chain")


def measure(options: argparse.Namespace) -> Measured:
    """Measure every stage in a process of its own."""
    measured = Measured("Video to poses, frames per second", ("stage", "frames/s", "share"))
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mp4"
        frames = _make_clip(folder(options.data, "openfield_topview"), clip, options.minutes)
        figures: dict[str, float] = {}
        for stage in STAGES:
            figures |= _in_new_process(stage, clip, options)
        total = sum(1 / figures[f"{stage}.per_second"] for stage in STAGES[:-1])
        for stage in STAGES:
            rate = figures[f"{stage}.per_second"]
            share = 1 / rate / total if stage != "chain" else 1.0
            measured.add_row(stage, rate, f"{share:.0%}")
    measured.add_row("chain, most memory (MB)", figures["chain.peak_mb"], "")
    measured.add_row("chain, times real time", figures["chain.per_second"] / FPS, "")
    measured.add_figures("", figures | {"chain.frames": frames, "threads": options.threads})
    measured.ran_on.append(f"openfield_topview, {frames:,} frames of {SIZE[0]} x {SIZE[1]} px")
    return measured


def _make_clip(data: Path, clip: Path, minutes: float) -> int:
    """Write the clip; return its number of frames. Raises `CannotMeasure` without the video."""
    source = data / "m3v1mp4.mp4"
    if not source.is_file():
        raise CannotMeasure(f"{source} is not there")
    wanted, written = round(minutes * 60 * FPS), 0
    with open_video(source) as video, video_writer(clip, SIZE, FPS) as writer:
        pictures = [
            np.asarray(Image.fromarray(frame.image).resize(SIZE)) for frame in video.frames(0, 1200)
        ]
        while written < wanted:
            turn = written // len(pictures)  # forth and back: no jump where it begins again
            order = pictures if turn % 2 == 0 else pictures[::-1]
            for picture in order[: wanted - written]:
                writer.write(picture, written / FPS)
                written += 1
    return written


def decode(clip: Path, options: argparse.Namespace) -> dict[str, float]:
    """Decode the whole clip."""
    started = time.perf_counter()
    with open_video(clip) as video:
        frames = sum(len(batch) for batch in video.batches())
    return {"decode.per_second": frames / (time.perf_counter() - started)}


def detect(clip: Path, options: argparse.Namespace) -> dict[str, float]:
    """Find and follow the mouse in frames that are in memory."""
    images = _held(clip)
    detector, tracker = BackgroundDetector(learn_background(images[::4])), Tracker(1, FPS)
    detector.detect(images[:8])  # compiled before
    started = time.perf_counter()
    for found in detector.detect(images):
        tracker.push(found)
    return {"detect.per_second": len(images) / (time.perf_counter() - started)}


def keypoints(clip: Path, options: argparse.Namespace) -> dict[str, float]:
    """Cut crops out and send them through the network."""
    images = _held(clip)
    model = KeypointModel(options.model, threads=options.threads)
    boxes = np.tile([300.0, 250.0, 420.0, 310.0], (len(images), 1))
    model.predict(Crops.around(boxes[:16], model.size).cut(images[:16]))
    started = time.perf_counter()
    for first in range(0, len(images), 32):
        part = slice(first, first + 32)
        model.predict(Crops.around(boxes[part], model.size).cut(images[part]), "top")
    return {"keypoints.per_second": len(images) / (time.perf_counter() - started)}


def chain(clip: Path, options: argparse.Namespace) -> dict[str, float]:
    """Turn the video into poses, from file to file."""
    import resource

    seconds, frames = _chain(clip, options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"chain.per_second": frames / sum(seconds), "chain.peak_mb": peak}


def only_fit(clip: Path, options: argparse.Namespace) -> dict[str, float]:
    """Fit the keypoints of the clip, which are found before."""
    seconds, frames = _chain(clip, options)
    return {"fit.per_second": frames / seconds[1]}


def _chain(clip: Path, options: argparse.Namespace) -> tuple[tuple[float, float], int]:
    """Return the seconds of finding keypoints and of the fit, and the number of frames."""
    table, poses = clip.with_suffix(".keypoints.parquet"), clip.with_suffix(".parquet")
    setup = Setup.of(pinhole(SIZE, FOCAL_PX), scale=Scale.body_length(LENGTH_MM))
    started = time.perf_counter()
    job = VideoJob(clip, table, options.model, view="top", threads=options.threads, resume=False)
    seen = predict(job, lambda *_: None)
    found = time.perf_counter()
    fit(Job(KeypointFiles((table,)), setup, poses, resume=False), lambda *_: None)
    return (found - started, time.perf_counter() - found), seen.frames


def _held(clip: Path) -> np.ndarray:
    with open_video(clip) as video:
        return np.stack([frame.image for frame in video.frames(0, HELD)])


RUN: dict[str, Callable[[Path, argparse.Namespace], dict[str, float]]] = {
    "decode": decode, "detect": detect, "keypoints": keypoints, "fit": only_fit, "chain": chain,
}  # fmt: skip


def _in_new_process(stage: str, clip: Path, options: argparse.Namespace) -> dict[str, float]:
    command = [
        sys.executable, __file__, "--stage", stage, "--clip", str(clip), "--model",
        str(options.model), "--threads", str(options.threads),
    ]  # fmt: skip
    threads = {"NUMBA_NUM_THREADS": str(options.threads), "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | threads
    )
    if done.returncode:
        raise CannotMeasure(f"{stage}: {done.stderr.strip().splitlines()[-1:]}")
    return {name: float(value) for name, value in json.loads(done.stdout).items()}


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, default=shipped_model(), help="a network (.onnx)")
    parser.add_argument("--minutes", type=float, default=2.0, help="length of the clip")
    parser.add_argument("--threads", type=int, default=2, help="threads of the processor")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(RUN[options.stage](options.clip, options)))
        return 0
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
