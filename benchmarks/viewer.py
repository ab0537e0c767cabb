"""How soon the viewer shows a result, how often it moves it, and what two million frames cost.

Results are a simulated walk, repeated. Each is viewed in a process of its own, as a user starts it.
`first_picture_seconds` is from the start of the process, imports included, until the whole first
scene has reached a browser's connection. `updates_per_second` counts scenes (skin, skeleton,
regions, ways) in play at ten times real time with such a connection, which takes in and answers
all it is sent but draws nothing. `memory_mb` is the most memory that the process held.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, run

from mousepose.body.default import default_body
from mousepose.io import SequenceWriter
from mousepose.simulate import walking_mouse
from mousepose.types import PoseSequence

_FPS = 100.0
_PIECE = 10_000
_SIZES = {"100k": 100_000, "2M": 2_000_000}
_PLAYED_S = 8.0
_PATIENCE_S = 120.0
_CAMERA = {
    "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (1.0, 1.0, 1.0), "fov": 1.0, "near": 0.01,
    "far": 1000.0, "image_height": 600, "image_width": 800, "look_at": (0.0, 0.0, 0.0),
    "up_direction": (0.0, 0.0, 1.0),
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """View results of several lengths, each in a process of its own."""
    columns = ("frames", "first picture (s)", "updates a second", "jump (s)", "memory (MB)")
    measured = Measured("The viewer, without drawing", columns)
    with tempfile.TemporaryDirectory() as folder:
        for name, frames in _SIZES.items():
            path = Path(folder) / f"{name}.parquet"
            write_repeated(path, min(frames, options.most))
            began = time.time()
            command = [sys.executable, __file__, "--view", str(path), "--began", str(began)]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise CannotMeasure(f"the viewer of {name} frames ended badly: {ended.stderr}")
            figures = json.loads(ended.stdout.splitlines()[-1])
            measured.add_figures(f"viewer.{name}", figures)
            measured.add_row(f"{min(frames, options.most):,}", *figures.values())
            path.unlink()
    return measured


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


def look(path: Path, began: float) -> dict[str, float]:
    """Return the figures of one result, viewed in this process, which began at a time in s."""
    from mousepose.view import viewer as module

    stop = threading.Event()
    figures: dict[str, float] = {}
    with module.opened(module.ViewJob((path,), port=0)) as viewer:
        thread = threading.Thread(target=viewer.run, args=(stop,))
        thread.start()
        try:
            with Connection(viewer.address) as connection:
                connection.wait_until(lambda: viewer.updates > 0)
                connection.wait_for("ReplayDoneMessage")  # all that stood in the scene
                figures["first_picture_seconds"] = time.time() - began
                viewer.clock.set_speed(10.0)
                viewer.clock.play(True)
                count, start = viewer.updates, time.monotonic()
                time.sleep(_PLAYED_S)
                seconds = time.monotonic() - start
                figures["updates_per_second"] = (viewer.updates - count) / seconds
                viewer.clock.play(False)
                time.sleep(0.5)
                count, start = viewer.updates, time.monotonic()
                viewer.clock.seek(len(viewer.results[0]) // 2 + 3)
                connection.wait_until(lambda: viewer.updates > count)
                figures["jump_seconds"] = time.monotonic() - start
        finally:
            stop.set()
            viewer.clock.changed.set()
            thread.join()
    figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


class Connection:
    """A browser that takes in all it is sent, answers what it is asked, and draws nothing."""

    def __init__(self, address: str) -> None:
        import viser
        from websockets.sync.client import connect

        self._socket = connect(
            address.replace("http", "ws"),
            subprotocols=[f"viser-v{viser.__version__}"],  # type: ignore[list-item]
            max_size=None,
        )
        self._send(type="ViewerCameraMessage", **_CAMERA)
        self.heard: set[str] = set()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *ended: object) -> None:
        self._socket.close()
        self._thread.join(5)

    def _send(self, **message: object) -> None:
        import msgspec

        self._socket.send(msgspec.msgpack.encode(message))

    def _listen(self) -> None:
        import msgspec
        import zstandard
        from websockets.exceptions import ConnectionClosed

        unpack = zstandard.ZstdDecompressor()
        with suppress(ConnectionClosed):
            for data in self._socket:
                # Two lengths of 8 bytes, then packed messages, then the numbers as they are.
                size, packed = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8))
                inner = unpack.decompress(data[16 : 16 + packed], max_output_size=size)
                for message in msgspec.msgpack.decode(inner)["messages"]:
                    self._hear(message)

    def _hear(self, message: dict[str, str]) -> None:
        self.heard.add(message["type"])
        if message["type"] == "LocalStorageGetItemRequestMessage":
            answer = {"request_uuid": message["request_uuid"], "value": None, "error": None}
            self._send(type="LocalStorageGetItemResponseMessage", **answer)

    def wait_for(self, kind: str) -> None:
        """Wait for a message of a kind."""
        self.wait_until(lambda: kind in self.heard)

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds. Raises `CannotMeasure` where it never does."""
        until = time.monotonic() + _PATIENCE_S
        while not true():
            if time.monotonic() > until:
                raise CannotMeasure("the viewer does not answer")
            time.sleep(0.002)


def main() -> int:
    """Measure, or view one result where that is asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--most", type=int, default=_SIZES["2M"], help="frames at most")
    parser.add_argument("--view", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.view is not None:
        print(json.dumps(look(options.view, options.began)))
        return 0
    return run(parser, measure)


if __name__ == "__main__":
    raise SystemExit(main())
