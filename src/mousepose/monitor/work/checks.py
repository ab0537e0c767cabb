"""A room tried once before it runs for weeks: ledger, store, networks, a frame of each camera."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av

from mousepose.errors import FileError, InputError, MouseposeError
from mousepose.monitor.room import Cage, Room
from mousepose.monitor.room_settings import FileList, ReplayedFile, WatchedFolder
from mousepose.monitor.sources import VIDEO_SUFFIXES
from mousepose.monitor.stages.work import network_of
from mousepose.monitor.work.cage_sources import stream_settings
from mousepose.video import open_video

#: Seconds that a camera may take for its first frame.
_CAMERA_S = 15.0


@dataclass(frozen=True)
class Checked:
    """What was tried, whether it is well, and what was found in words."""

    what: str
    ok: bool
    text: str


def check_room(room: Room) -> Iterator[Checked]:
    """Try all that a room needs, one thing after another; no work is done, nothing is recorded."""
    yield _tried("ledger", lambda: _ledger(room))
    yield _tried("store", lambda: _store(room))
    if room.spool.exists() or any(_is_recorded(cage) for cage in room.cage):
        yield _tried("spool", lambda: _writable(room.spool))
    for cage in room.cage:
        yield _tried(f"{cage.name}: network", partial(_network, cage))
        yield _tried(f"{cage.name}: camera", partial(_frame, cage))


def _tried(what: str, check: Callable[[], str]) -> Checked:
    try:
        return Checked(what, True, check())
    except (MouseposeError, OSError) as error:
        return Checked(what, False, str(error))


def _ledger(room: Room) -> str:
    kind, _, file = room.ledger.partition(":///")
    if kind == "sqlite" and not Path(file).exists():
        return f"new: {_writable(Path(file).parent)}"
    with room.open_ledger() as ledger:
        return ledger.database.shown


def _store(room: Room) -> str:
    store = room.open_store()
    if "://" not in room.store:
        return _writable(Path(room.store))
    there = "new" if next(store.listed(), None) is None else "there"
    return f"{room.store}: {there}"


def _writable(folder: Path) -> str:
    """Return how much room there is for a folder, which may not be there yet."""
    there = folder
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        raise FileError(f"{there}: nothing can be written there")
    return f"{folder}: {shutil.disk_usage(there).free / 1e9:,.0f} GB free"


def _is_recorded(cage: Cage) -> bool:
    return not isinstance(cage.source, WatchedFolder | FileList)


def _network(cage: Cage) -> str:
    work = cage.work()
    finder = network_of(work.network, work.network.stat().st_mtime)
    return f"{work.network.name}: {len(finder.names)} keypoints"


def _frame(cage: Cage) -> str:
    """Decode one frame of a cage's newest film, or of its camera, and compare its size."""
    source = cage.source
    if isinstance(source, WatchedFolder | FileList | ReplayedFile):
        path = _newest(source)
        with open_video(path) as video:
            next(iter(video.at([0])))
            size, fps, of = video.size, video.fps, path.name
    else:
        size, fps = _grabbed(cage)
        of = "the camera"
    expected = cage.chosen_camera().size
    if expected is not None and tuple(expected) != tuple(size):
        raise InputError(
            f"{of} gives pictures of {size[0]} x {size[1]} px, the camera file {cage.camera} is "
            f"of {expected[0]} x {expected[1]} px"
        )
    return f"{of}: {size[0]} x {size[1]} px, {fps:.4g} frames/s"


def _newest(source: WatchedFolder | FileList | ReplayedFile) -> Path:
    if isinstance(source, ReplayedFile):
        return source.file
    if isinstance(source, FileList):
        return Path(source.files[0])
    files = [path for path in source.folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES]
    if not files:
        raise FileError(f"{source.folder}: there is no video yet; begin to record, and try again")
    newest = sorted(files, key=lambda path: path.stat().st_mtime)
    return newest[-2] if len(newest) > 1 else newest[-1]  # the last one may still grow


def _grabbed(cage: Cage) -> tuple[tuple[int, int], float]:
    """Return the size and rate of a camera's pictures, from one of them."""
    source = cage.source
    assert not isinstance(source, WatchedFolder | FileList | ReplayedFile)
    with tempfile.TemporaryDirectory() as nowhere:
        settings = stream_settings(cage.name, source, Path(nowhere))
    try:
        with av.open(
            settings.url, format=settings.format, options=dict(settings.options), timeout=_CAMERA_S
        ) as container:
            frame = next(container.decode(video=0))
            rate = container.streams.video[0].guessed_rate
            return (frame.width, frame.height), float(rate or 0)
    except (av.error.FFmpegError, IndexError, StopIteration) as error:
        # without the URL, which may hold a password
        why = getattr(error, "strerror", None) or "it sends no video"
        raise FileError(f"no frame comes from the camera: {why}") from None
