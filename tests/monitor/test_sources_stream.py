"""A camera is recorded to the last bit, found again when it was gone, and its clock is followed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.segments import write_film
from mousepose.errors import InputError
from mousepose.monitor.records import Event
from mousepose.monitor.sources import SPOOL_NAMES, FolderSource, Recorder, StreamSettings, stream
from mousepose.video import open_video

FPS, FRAMES = 20, 60


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, a key frame each half second."""
    noise = np.random.default_rng(0).integers(0, 255, (FRAMES, 64, 64), np.uint8)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_film(path, list(noise), FPS // 2, FPS, bf="0")  # as cameras do


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@contextmanager
def recording(settings: StreamSettings) -> Iterator[list[Event]]:
    """Record in a thread as long as the block lasts; give the events."""
    events: list[Event] = []
    stop = threading.Event()
    thread = threading.Thread(target=Recorder(settings, events.append).run, args=(stop,))
    thread.start()
    try:
        yield events
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


#: Pushes a film to whoever listens for RTSP, as fast as it is, once somebody does. A process of
#: its own: within one, both ends would wait for each other.
SEND = """
import sys, time, av
film, url = sys.argv[1:]
while True:
    source = av.open(film)
    sink = av.open(url, "w", format="rtsp", options={"rtsp_transport": "tcp"})
    own = source.streams.video[0]
    target = sink.add_stream_from_template(own)
    try:
        sink.start_encoding()
    except av.error.FFmpegError:
        time.sleep(0.1)
        continue
    for packet in source.demux(own):
        if packet.dts is not None:
            packet.stream = target
            sink.mux(packet)
            time.sleep(0.04)
    sink.close()
    break
"""


def send(film: Path, port: int) -> None:
    url = f"rtsp://127.0.0.1:{port}/cage"
    subprocess.run([sys.executable, "-c", SEND, str(film), url], check=True, timeout=40)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def images(paths: list[Path]) -> np.ndarray:
    found = []
    for path in paths:
        with open_video(path) as video:
            found += [frame.image for frame in video.frames()]
    return np.stack(found)


def wait_for(spool: Path, count: int) -> list[Path]:
    for _ in range(100):
        paths = sorted(spool.glob("*.mp4"))
        if len(paths) >= count:
            return paths
        time.sleep(0.1)
    raise AssertionError(f"{len(paths)} files, expected {count}")


def test_a_network_camera_that_goes_and_comes_back(film: Path, spool: Path) -> None:
    port = free_port()
    settings = StreamSettings(
        "cage1", f"rtsp://127.0.0.1:{port}/cage", spool, segment_s=1.0, timeout=5.0,
        options={"rtsp_flags": "listen", "rtsp_transport": "tcp", "listen_timeout": "4"},
        first_wait=0.1, longest_wait=0.2,
    )  # fmt: skip
    with recording(settings) as events:
        send(film, port)
        first = wait_for(spool, 3)
        time.sleep(FRAMES / FPS)  # sent faster than it plays: the next comes after it
        send(film, port)
        paths = wait_for(spool, 6)
    kinds = [event.kind for event in events]
    assert "gone" in kinds
    assert "back" in kinds
    assert "127.0.0.1" not in " ".join(event.text for event in events)
    with open_video(film) as truth:
        whole = np.stack([frame.image for frame in truth.frames()])
    for files in (first, paths[3:]):
        shown = images(files)
        assert len(shown) > 0.8 * FRAMES  # the last ones are lost as the line goes
        assert np.array_equal(shown, whole[: len(shown)])
    source = FolderSource("cage1", spool, SPOOL_NAMES)
    source.poll(datetime.now(UTC))
    found = source.poll(datetime.now(UTC) + timedelta(minutes=1))
    assert [one.follows for one in found.segments] == [False, True, True] * 2
    assert len(found.gaps) == 1


def test_pictures_that_come_unpacked_are_encoded(spool: Path) -> None:
    source = f"testsrc=size=64x48:rate={FPS}:duration=2,realtime=limit=2"
    settings = StreamSettings(
        "cage1", source, spool, 1.0, format="lavfi", first_wait=5.0,
    )  # fmt: skip
    with recording(settings) as events:
        paths = wait_for(spool, 2)
    assert [event.kind for event in events] == ["gone"]
    shown = images(paths)
    assert shown.shape == (2 * FPS, 48, 64)
    assert shown.std() > 30
    with open_video(paths[0]) as video:
        assert abs(video.fps - FPS) < 0.1


def test_a_camera_that_is_not_there_is_tried_again_after_longer_and_longer(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    events: list[Event] = []

    class Flag(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return len(waits) == 6

    url = f"rtsp://me:secret@127.0.0.1:{free_port()}/cage"
    settings = StreamSettings("cage1", url, spool, first_wait=1.0, longest_wait=10.0)
    Recorder(settings, events.append).run(Flag())
    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert [event.kind for event in events] == ["gone"]  # told once
    assert "secret" not in events[0].text
    assert "secret" not in repr(settings)


def test_what_a_killed_recorder_left_is_kept(film: Path, spool: Path) -> None:
    content = film.read_bytes()
    (spool / "20260501T120000.000000Z.mp4.part").write_bytes(content)
    (spool / "20260501T120001.000000Z.mp4.part").touch()
    stop = threading.Event()
    stop.set()
    Recorder(StreamSettings("cage1", "nowhere", spool), lambda _: None).run(stop)
    assert [path.name for path in spool.iterdir()] == ["20260501T120000.000000Z.mp4"]
    with pytest.raises(InputError, match="no such folder"):
        StreamSettings("cage1", "nowhere", spool / "other")


def test_times_go_with_the_camera_and_slowly_after_the_clock() -> None:
    now = [datetime(2026, 5, 1, tzinfo=UTC)]
    steps = stream._Steps(lambda: now[0], 1 / FPS)
    begin, late = now[0], 0.3
    for second in range(10):
        assert abs(steps.apart(float(second)) - (late if second else 0.0)) < 1.0
        now[0] = begin + timedelta(seconds=second + 1 + late)
    assert steps.time(4.0) - steps.time(3.0) == timedelta(seconds=1)
    before = steps.time(11.0)
    steps.follow()
    assert timedelta(0) <= steps.time(11.0) - before <= timedelta(seconds=1 / FPS)
    now[0] += timedelta(hours=-1)
    assert steps.apart(11.0) < -3000
