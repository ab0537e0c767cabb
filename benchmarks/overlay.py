"""How fast a video is drawn over, and in how much memory.

    python benchmarks/overlay.py [--frames 1440]

    overlay.times_real_time      `mousepose overlay --turntable`, start and all, against the film
    overlay.frames_per_second    the same in frames a second
    overlay.cpu_ms_a_frame       time of processors that it takes, which others do not lengthen
    overlay.av1.*                the same, written as AV1
    overlay.STAGE.per_second     decoding, working out poses, drawing, encoding, each alone
    overlay.peak_mb              most memory of the whole
    overlay.growth_mb            what twice as many frames need more

The film is 864 x 648 px at 24 frames a second: a simulated walk before bedding, with the noise of a
sensor. Mesh, skeleton, keypoints and turntable are drawn. Compiled code is in its cache.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, run
from scipy.ndimage import gaussian_filter
from speed import WATCH

from mousepose.body.default import default_body
from mousepose.geometry.camera import Camera
from mousepose.geometry.raster import silhouette
from mousepose.io import SequenceWriter, write_cameras
from mousepose.report.overlay_video.cast import Casting, cast_of
from mousepose.report.overlay_video.codec import Format, film_writer, ticks_of
from mousepose.report.overlay_video.job import USUAL
from mousepose.report.overlay_video.paint import Painter
from mousepose.report.overlay_video.picture import Picture, Source
from mousepose.simulate import walking_mouse, watching_camera
from mousepose.types import Pose
from mousepose.video import Video, open_video, video_writer

_SIZE, _FPS = (864, 648), 24.0
#: The walk goes round and round; its picture is drawn once.
_ROUND = 240
_STAGE_FRAMES = 240
_MB = 2**20


def measure(options: argparse.Namespace) -> Measured:
    """Measure the command as a user starts it, and each stage by itself."""
    measured = Measured("Overlay of 864 x 648 px at 24 frames/s", ("what", "figure", "unit"))
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        write_case(room, 2 * options.frames)
        _commanded(room, 48, "h264")  # what is not compiled yet is now
        peaks = {}
        for frames, codec in ((options.frames, "h264"), (2 * options.frames, "h264"),
                              (options.frames, "av1")):  # fmt: skip
            before = _processor_seconds()
            peaks[frames, codec], seconds = _commanded(room, frames, codec)
            used = _processor_seconds() - before
            if frames == options.frames:
                prefix = "overlay" if codec == "h264" else f"overlay.{codec}"
                figures = {
                    "times_real_time": frames / _FPS / seconds,
                    "frames_per_second": frames / seconds,
                    "cpu_ms_a_frame": 1000 * used / frames,
                }
                _tell(measured, prefix, figures, f"{codec}, start and all")
        whole = peaks[options.frames, "h264"]
        growth = peaks[2 * options.frames, "h264"] - whole
        _tell(measured, "overlay", {"peak_mb": whole, "growth_mb": growth}, "memory")
        with ExitStack() as stack:
            for stage, speed in _stages(stack, room).items():
                _tell(measured, f"overlay.{stage}", {"per_second": speed}, "alone")
    measured.ran_on.append(f"a simulated walk of {options.frames:,} frames")
    return measured


def write_case(room: Path, frames: int) -> None:
    """Write film.mp4, poses.parquet and camera.toml of a walk."""
    body = default_body()
    walk = walking_mouse(body, _ROUND / _FPS, _FPS, turn_radius_mm=70.0, seed=4)
    camera = watching_camera(
        distance_mm=430.0, elevation_deg=50.0, focal_px=760.0, size=_SIZE, name="film"
    )
    write_cameras(room / "camera.toml", [camera])
    sequence = walk.sequence(body)
    with SequenceWriter(room / "poses.parquet") as writer:
        for first in range(0, frames, _ROUND):
            piece = sequence[: min(_ROUND, frames - first)]
            numbers = first + np.arange(len(piece))
            writer.append(replace(piece, frame_numbers=numbers, times=numbers / _FPS))
    with video_writer(room / "film.mp4", _SIZE, _FPS, quality=18) as film:
        for number, image in enumerate(_images(camera, walk.pose, frames)):
            film.write(image, number / _FPS)


def _images(camera: Camera, pose: Pose, frames: int) -> Iterator[np.ndarray]:
    """Yield grey images: bedding, a pale mouse on it, and noise that changes."""
    body, random = default_body(), np.random.default_rng(0)
    width, height = _SIZE
    bedding = gaussian_filter(random.normal(0, 60, (height, width)), 1.6) + 70
    noise = random.normal(0, 2.0, (8, height, width)).astype(np.float32)
    vertices = body.vertices(pose, coat=True)
    faces = body.mesh.faces if body.mesh is not None else np.zeros((0, 3), np.int64)
    mice = []
    for skin in vertices:
        soft = gaussian_filter(silhouette(skin, faces, camera).astype(np.float32), 1.0)
        mice.append(bedding.astype(np.float32) * (1 - soft) + 165 * soft)
    for number in range(frames):
        image = mice[number % len(mice)] + noise[number % len(noise)]
        yield np.clip(image, 0, 255).astype(np.uint8)


def _commanded(room: Path, frames: int, codec: str) -> tuple[float, float]:
    """Return the most memory (MB) and the seconds of the command."""
    command = [
        sys.executable, "-c", "from mousepose.cli.main import app; app()", "overlay",
        str(room / "film.mp4"), str(room), "-o", str(room / "out.mp4"), "--turntable",
        "--stop", str(frames), "--codec", codec,
    ]  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *command], stdout=subprocess.PIPE, text=True, check=False,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise CannotMeasure(f"mousepose overlay ended with status {done.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout.split()[-1]) * unit / _MB, seconds


def _processor_seconds() -> float:
    """Return the seconds of processors that commands so far took, threads added up."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stages(stack: ExitStack, room: Path) -> dict[str, float]:
    """Return frames a second of each stage alone, one thread, some seconds of the film."""
    video = stack.enter_context(open_video(room / "film.mp4"))
    cast = cast_of(stack, video, Casting((room,)), skinned=True)
    source = Source(video, video.index.stamps, Painter.aside(video.size))
    painter = Painter(USUAL, 0.75, True, source, cast)
    numbers = range(_STAGE_FRAMES)
    pictures: list[Picture] = []
    speeds = {"decode": _speed(lambda: pictures.extend(source.pictures(numbers)))}
    shown = np.array(numbers)
    cast.actors[0].appearances(shown[:16])
    seen = [cast.actors[0].appearances(shown[k : k + 16]) for k in range(0, len(shown), 16)]
    speeds["pose"] = _speed(
        lambda: [cast.actors[0].appearances(shown[k : k + 16]) for k in range(0, len(shown), 16)]
    )
    appearances = [one for part in seen for one in part]
    painter.paint(pictures[0], [appearances[0]])
    speeds["draw"] = _speed(
        lambda: [painter.paint(p, [a]) for p, a in zip(pictures, appearances, strict=True)]
    )
    speeds["encode"] = _speed(lambda: _encode(room, video, source, pictures))
    return speeds


def _encode(room: Path, video: Video, source: Source, pictures: list[Picture]) -> None:
    tick = ticks_of(video.path, timed=True)
    form = Format("h264", None, source.canvas, video.fps, tick, source.colours)
    with film_writer(room / "encoded.mp4", form, None) as film:
        for picture in pictures:
            film.write(picture, tick)


def _speed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return _STAGE_FRAMES / (time.perf_counter() - start)


def _tell(measured: Measured, prefix: str, figures: dict[str, float], unit: str) -> None:
    measured.add_figures(prefix, figures)
    for name, value in figures.items():
        measured.add_row(f"{prefix} {name.replace('_', ' ')}", value, unit)


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=1440, help="frames of the film")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
