"""How fast a video becomes poses, stage by stage and all together, and in how much memory.

    python benchmarks/throughput.py [--model FILE] [--minutes 10] [--threads 2] [--hours 2]

The clip is the open-field video (a black mouse from above), scaled to 864 x 648 px, 24 frames/s,
H.264, forth and back over and over for so many minutes. Decoding, finding and the network run
alone first, each in a process of its own; then the chain as `mousepose reconstruct` runs it, its
kernels compiled before.

    decode.per_second     grey frames out of the file, in their order
    detect.per_second     background model and tracker, frames decoded before
    keypoints.per_second  crops cut out and through the network, a thread each
    fit.per_second        3D pose through time, from the table of keypoints, as part of the chain
    watch.per_second      video to the table of keypoints, as part of the chain
    chain.per_second      all of it, with reading and writing; chain.peak_mb the most memory
    *.processor_ms        processor time of a frame, all threads; a stage's share is its share of
                          the chain's
    memory.*              with --hours: the chain on a video so long; what it holds at sixteenths of
                          its time, and by how much that grows from the second to the last quarter
                          of watching and of fitting
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

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
HELD, TURN = 240, 1200
FOCAL_PX, LENGTH_MM = 900.0, 90.0
STAGES = ("decode", "detect", "keypoints")
SAMPLES, PAUSE_S = 16, 2.0
Figures = dict[str, float]


def measure(options: argparse.Namespace) -> Measured:
    """Measure every stage in a process of its own."""
    columns = ("stage", "frames/s", "processor ms", "share")
    measured = Measured("Video to poses, frames per second", columns)
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mp4"
        frames = _make_clip(options, clip, options.minutes)
        figures: Figures = {}
        for stage in (*STAGES, "chain"):
            figures |= _in_new_process(stage, clip, options)
        _show_stages(measured, figures)
        if options.hours:
            clip.unlink()
            _make_clip(options, clip, 60 * options.hours)
            memory = _in_new_process("memory", clip, options)
            _show_memory(measured, memory)
            figures |= memory
    measured.add_figures("", figures | {"chain.frames": frames, "threads": options.threads})
    measured.ran_on.append(f"openfield_topview, {frames:,} frames of {SIZE[0]} x {SIZE[1]} px")
    return measured


def _show_stages(measured: Measured, figures: Figures) -> None:
    whole = figures["chain.processor_ms"]
    shares = {stage: figures[f"{stage}.processor_ms"] / whole for stage in (*STAGES, "fit")}
    for stage in (*STAGES, "fit", "watch", "chain"):
        share = f"{shares[stage]:.0%}" if stage in shares else ""
        measured.add_row(
            stage, figures[f"{stage}.per_second"], figures[f"{stage}.processor_ms"], share
        )
    most = max(shares, key=lambda stage: shares[stage])
    measured.add_row(f"what limits it: {most}", "", "", f"{shares[most]:.0%}")
    measured.add_row("chain, most memory (MB)", figures["chain.peak_mb"], "", "")
    measured.add_row("chain, times real time", figures["chain.per_second"] / FPS, "", "")
    measured.add_figures("share", shares)


def _show_memory(measured: Measured, memory: Figures) -> None:
    for name, value in memory.items():
        measured.add_row(name, value, "", "")


def _make_clip(options: argparse.Namespace, clip: Path, minutes: float) -> int:
    """Write the clip; return its number of frames. Raises `CannotMeasure` without the video."""
    source = folder(options.data, "openfield_topview") / "m3v1mp4.mp4"
    if not source.is_file():
        raise CannotMeasure(f"{source} is not there")
    wanted, turn = round(minutes * 60 * FPS), clip.with_name("turn.mp4")
    with open_video(source) as video, video_writer(turn, SIZE, FPS) as writer:
        pictures = [
            np.asarray(Image.fromarray(frame.image).resize(SIZE))
            for frame in video.frames(0, min(TURN, wanted))
        ]
        both = [*pictures, *pictures[::-1]][:wanted]  # forth and back: no jump where it begins anew
        for number, picture in enumerate(both):
            writer.write(picture, number / FPS)
    rounds = -(-wanted // len(both))
    _go_round(turn, clip, len(both), rounds)
    return rounds * len(both)


def _go_round(turn: Path, clip: Path, frames: int, rounds: int) -> None:
    """Write a video of so many frames over and over, without coding it anew."""
    import av

    with av.open(str(turn)) as file, av.open(str(clip), "w") as target:
        stream = file.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in file.demux(stream) if packet.size]
        step = round(1 / (FPS * float(stream.time_base)))
        stamps = [(packet.pts, packet.dts) for packet in packets]
        for begin in range(0, rounds * frames, frames):
            for packet, (shown, decoded) in zip(packets, stamps, strict=True):
                packet.stream, packet.time_base = copy, stream.time_base
                packet.pts, packet.dts = shown + begin * step, decoded + begin * step
                target.mux(packet)


def decode(clip: Path, options: argparse.Namespace) -> Figures:
    """Decode the whole clip."""
    with open_video(clip) as video, _rated("decode", len(video)) as rate:
        for _ in video.batches():
            pass
    return rate


def detect(clip: Path, options: argparse.Namespace) -> Figures:
    """Find and follow the mouse in frames that are in memory."""
    images = _held(clip)
    detector, tracker = BackgroundDetector(learn_background(images[::4])), Tracker(1, FPS)
    for found in detector.detect(images[:40]):  # compiled before
        tracker.push(found)
    with _rated("detect", len(images)) as rate:
        for found in detector.detect(images):
            tracker.push(found)
    return rate


def keypoints(clip: Path, options: argparse.Namespace) -> Figures:
    """Cut crops out and send them through the network."""
    images = _held(clip)
    model = KeypointModel(options.model, threads=1)
    boxes = np.tile([300.0, 250.0, 420.0, 310.0], (len(images), 1))
    model.predict(Crops.around(boxes[:16], model.size).cut(images[:16]), "top")

    def look(first: int) -> None:
        part = slice(first, first + 32)
        model.predict(Crops.around(boxes[part], model.size).cut(images[part]), "top")

    with _rated("keypoints", len(images)) as rate, ThreadPoolExecutor(options.threads) as network:
        list(network.map(look, range(0, len(images), 32)))
    return rate


def chain(clip: Path, options: argparse.Namespace) -> Figures:
    """Turn the video into poses, from file to file."""
    import resource

    table, poses = clip.with_suffix(".keypoints.parquet"), clip.with_suffix(".parquet")
    setup = Setup.of(pinhole(SIZE, FOCAL_PX), scale=Scale.body_length(LENGTH_MM))
    job = VideoJob(clip, table, options.model, view="top", threads=options.threads, resume=False)
    with open_video(clip) as video:
        frames = len(video)
    with _rated("chain", frames) as whole:
        with _rated("watch", frames) as watch:
            predict(job, lambda *_: None)
        with _rated("fit", frames) as fitted:
            fit(Job(KeypointFiles((table,)), setup, poses, resume=False), lambda *_: None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {**whole, **watch, **fitted, "chain.peak_mb": peak}


def memory(clip: Path, options: argparse.Namespace) -> Figures:
    """Run the chain and look at what it holds, again and again."""
    samples: list[tuple[float, float]] = []
    over, started = Event(), time.perf_counter()

    def look() -> None:
        while not over.wait(PAUSE_S):
            samples.append((time.perf_counter() - started, _held_mb()))

    watcher = Thread(target=look)
    watcher.start()
    figures = chain(clip, options)
    over.set()
    watcher.join()
    times, held = np.array(samples or [(0.0, _held_mb())]).T
    spent = 1 / figures["watch.per_second"] / (1 / figures["chain.per_second"])
    half = spent * times[-1]  # when the fit began
    chosen = np.linspace(0, len(held) - 1, SAMPLES + 1)[1:].round().astype(int)
    found = {f"memory.sample_{n:02d}_mb": held[at] for n, at in enumerate(chosen, start=1)}
    return found | {
        "memory.watch_growth_mb": _growth(held[times <= half]),
        "memory.fit_growth_mb": _growth(held[times > half]),
        "memory.peak_mb": figures["chain.peak_mb"],
        "memory.seconds": float(times[-1]),
        "memory.per_second": figures["chain.per_second"],
    }


def _growth(held: np.ndarray) -> float:
    """Return how much more was held in the last quarter than in the second, MB."""
    quarter = len(held) // 4
    if not quarter:
        return 0.0
    return float(np.median(held[-quarter:]) - np.median(held[quarter : 2 * quarter]))


def _held_mb() -> float:
    """Return the memory this process holds now, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def _rated(name: str, frames: int) -> Iterator[Figures]:
    """Give what will hold frames per second and milliseconds of processor time of a frame."""
    rate: Figures = {}
    started, processor = time.perf_counter(), time.process_time()
    yield rate
    rate[f"{name}.per_second"] = frames / (time.perf_counter() - started)
    rate[f"{name}.processor_ms"] = 1000 * (time.process_time() - processor) / frames


def _held(clip: Path) -> np.ndarray:
    with open_video(clip) as video:
        return np.stack([frame.image for frame in video.frames(0, HELD)])


RUN: dict[str, Callable[[Path, argparse.Namespace], Figures]] = {
    "decode": decode, "detect": detect, "keypoints": keypoints, "chain": chain, "memory": memory,
}  # fmt: skip


def _in_new_process(stage: str, clip: Path, options: argparse.Namespace) -> Figures:
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
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the clip")
    parser.add_argument("--threads", type=int, default=2, help="threads of the processor")
    parser.add_argument("--hours", type=float, default=0.0, help="watch memory over such a video")
    parser.add_argument("--stage", choices=RUN, help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(RUN[options.stage](options.clip, options)))
        return 0
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
