"""How soon the viewer shows a result, how often it moves it, and what two million frames cost.

    python benchmarks/viewer.py [--most 2000000]

Results are a simulated walk, repeated; each is viewed by `mousepose view` in a process of its own.

    first_picture_seconds           from the start of that process, imports included, until the
                                    whole first scene, its skin too, has reached a connection
    first_picture_cpu_seconds       processor time of the process until then, which no other load of
                                    the machine makes longer (Linux)
    updates_per_second              scenes (skin, skeleton, regions, ways) that reach a connection
                                    in play at ten times real time, while the worst frames are
                                    looked for; it takes in and answers all, but draws nothing
    update_cpu_ms                   processor time of the process for each of them (Linux)
    jump_seconds                    from a move of the slider to the scene of that frame
    memory_mb                       the most memory that the process held
    chromium.address_seconds        until the page may be opened
    chromium.first_picture_seconds  until a headless Chromium (running by then) on the same
                                    processor, without a GPU, was told to draw the skin

Figures of 2,000,000 frames bear the name `two_million`, those of 100,000 none.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import REPOSITORY, CannotMeasure, Measured, arguments, run
from viewer_connection import PATIENCE_S, Connection

from mousepose.body.default import default_body
from mousepose.io import SequenceWriter
from mousepose.simulate import walking_mouse
from mousepose.types import PoseSequence

_FPS = 100.0
_PIECE = 10_000
_SIZES = {"": 100_000, "two_million": 2_000_000}
_PLAYED_S = 8.0
_MB = 2**20
#: The skin, which is sent last of a scene.
_SKIN = ("SceneNodeUpdateMessage", "/result0/skin")
#: Tells when the page first draws a mesh of many corners: that is the skin.
_WATCH_DRAWING = """
const own = WebGL2RenderingContext.prototype.drawElements;
WebGL2RenderingContext.prototype.drawElements = function(mode, count, ...rest) {
  if (count > 20000 && !window.drawn) window.drawn = performance.timeOrigin + performance.now();
  return own.call(this, mode, count, ...rest);
};
"""


def measure(options: argparse.Namespace) -> Measured:
    """View results of several lengths."""
    measured = Measured("The viewer", ("what", "figure", "unit"))
    measure_viewer(options, measured)
    return measured


def measure_viewer(options: argparse.Namespace, measured: Measured) -> None:
    """Add the figures of the viewer."""
    with tempfile.TemporaryDirectory() as folder:
        for name, most in _SIZES.items():
            frames = min(most, options.most)
            path = Path(folder) / "long.parquet"
            write_repeated(path, frames)
            figures = look(path)
            if not name:
                figures |= look_with_chromium(path)
            measured.add_figures(name, figures)
            for what, value in figures.items():
                words, unit = _in_words(what)
                measured.add_row(f"viewer, {frames:,} frames: {words}", value, unit)


def _in_words(figure: str) -> tuple[str, str]:
    """Return what a figure is, and its unit."""
    for ending, unit in (("_cpu_seconds", "s, processor"), ("_cpu_ms", "ms, processor"),
                         ("_seconds", "s"), ("_mb", "MB"), ("_per_second", "1/s")):  # fmt: skip
        if figure.endswith(ending):
            return figure.removesuffix(ending).replace("_", " ").replace(".", ": "), unit
    raise AssertionError(f"{figure} bears no unit")


def write_repeated(path: Path, frames: int) -> None:
    """Write a walk again and again, until there are so many frames."""
    body = default_body()
    piece = walking_mouse(body, _PIECE / _FPS, _FPS, seed=1).sequence(body)
    random = np.random.default_rng(0)
    spread = random.uniform(0.5, 3.0, piece.keypoints.shape)
    piece = replace(
        piece,
        covariance=spread[..., None] * np.eye(3),
        rotation_sd=np.full_like(piece.rotation_sd, 0.05),
        report=replace(piece.report, cost={"reprojection": random.uniform(5, 20, len(piece))}),
    )
    with SequenceWriter(path) as writer:
        for first in range(0, frames, _PIECE):
            writer.append(_later(piece, first)[: min(_PIECE, frames - first)])


def _later(piece: PoseSequence, first: int) -> PoseSequence:
    numbers = first + np.arange(len(piece))
    return replace(piece, frame_numbers=numbers, times=numbers / _FPS)


@dataclass
class Viewed:
    """A viewer: process `number`, started at `began` (s); `memory_mb` is known in the end."""

    began: float
    address: str
    number: int
    memory_mb: float = 0.0

    def since(self) -> float:
        """Return the seconds since it was started."""
        return time.time() - self.began

    def processor(self) -> float:
        """Return the processor time (s) that it has taken so far; NaN where that is not told."""
        told = Path(f"/proc/{self.number}/stat")
        if not told.exists():
            return float("nan")
        fields = told.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def viewed(path: Path) -> Iterator[Viewed]:
    """Give the viewer of a result, started as a user does. Raises `CannotMeasure`."""
    command = [
        sys.executable, "-c", "from mousepose.cli.main import app; app()", "view", str(path),
        "--no-open", "--port", "0",
    ]  # fmt: skip
    began = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both were asked for")
    told = process.stdout.readline()
    if not told.startswith("http"):
        raise CannotMeasure(f"the viewer of {path} ended badly: {process.stderr.read()}")
    found = Viewed(began, told.split()[0], process.pid)
    try:
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        _, _, used = os.wait4(process.pid, 0)
        unit = 1 if sys.platform == "darwin" else 1024
        found.memory_mb = used.ru_maxrss * unit / _MB


def look(path: Path) -> dict[str, float]:
    """Return the figures of one result, seen by a connection."""
    figures: dict[str, float] = {}
    with viewed(path) as viewer, Connection(viewer.address) as connection:
        connection.wait_for(*_SKIN)
        figures["first_picture_seconds"] = viewer.since()
        figures["first_picture_cpu_seconds"] = viewer.processor()
        connection.wait_until(lambda: {"frame", "speed", "Play"} <= set(connection.controls))
        connection.choose("speed", "10x")
        connection.choose("Play", True)
        connection.wait_for(*_SKIN, more_than=connection.heard[_SKIN])
        count, start, used = connection.heard[_SKIN], time.monotonic(), viewer.processor()
        time.sleep(_PLAYED_S)
        seconds, updates = time.monotonic() - start, connection.heard[_SKIN] - count
        figures["updates_per_second"] = updates / seconds
        figures["update_cpu_ms"] = 1000 * (viewer.processor() - used) / max(updates, 1)
        connection.choose("Play", True)
        time.sleep(1.0)
        count, start = connection.heard[_SKIN], time.monotonic()
        connection.choose("frame", 77_777)
        connection.wait_for(*_SKIN, more_than=count)
        figures["jump_seconds"] = time.monotonic() - start
    figures["memory_mb"] = viewer.memory_mb
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def look_with_chromium(path: Path) -> dict[str, float]:
    """Return when a real browser draws; nothing where there is none."""
    sys.path.append(str(REPOSITORY / "tests"))
    try:
        from browser import browser, found
    except ImportError:  # it needs pytest
        return {}
    if not found():
        return {}
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as page:
        page.tell("Page.addScriptToEvaluateOnNewDocument", source=_WATCH_DRAWING)
        with viewed(path) as viewer:
            address = viewer.since()
            page.open(viewer.address)
            drawn = float(page.wait_for("window.drawn", PATIENCE_S)) / 1000 - viewer.began
    return {"chromium.address_seconds": address, "chromium.first_picture_seconds": drawn}


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    add_arguments(parser)
    return run(parser, measure)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the viewer's figures can be told."""
    most = max(_SIZES.values())
    parser.add_argument("--most", type=int, default=most, help="frames of the longest result")


if __name__ == "__main__":
    sys.exit(main())
