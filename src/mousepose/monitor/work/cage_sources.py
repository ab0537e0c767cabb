"""The source of a cage as its settings tell: what is recorded into the spool is watched there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.records import Event
from mousepose.monitor.room import Cage, Room
from mousepose.monitor.room_settings import (
    FileList,
    ReplayedFile,
    RtspCamera,
    UsbCamera,
    WatchedFolder,
)
from mousepose.monitor.sources import (
    SPOOL_NAMES,
    VIDEO_SUFFIXES,
    FileNames,
    FolderSource,
    ListedSource,
    Recorder,
    Replay,
    StreamSettings,
)
from mousepose.monitor.work.feed import Feed, known_segments
from mousepose.monitor.work.logs import note

#: Runs until the event is set: what records a camera.
Recording = Callable[[threading.Event], object]


def feed_of(cage: Cage, room: Room, ledger: Ledger) -> tuple[Feed, Recording | None]:
    """Return what brings a cage's segments, and what records them where nobody else does.

    It goes on after what the ledger has. Raises `InputError` where folder or files are not there.
    """
    source = cage.source
    if isinstance(source, FileList):
        names = _names(source, room)
        files = [Path(file) for file in source.files]
        known = known_segments(ledger, cage.name, files)
        return Feed(ledger, cage.name, ListedSource(cage.name, files, names, known), True), None
    if isinstance(source, WatchedFolder):
        names = _names(source, room)
        return _folder(ledger, cage.name, source.folder, names, source.rest), None
    spool = room.spool / cage.name
    spool.mkdir(parents=True, exist_ok=True)
    return _folder(ledger, cage.name, spool, SPOOL_NAMES), _recording(cage, source, spool, ledger)


def stream_settings(cage: str, source: RtspCamera | UsbCamera, spool: Path) -> StreamSettings:
    """Return how a camera is recorded into a folder that is there."""
    if isinstance(source, RtspCamera):
        return StreamSettings(cage, source.url, spool, source.segment, options=source.options)
    return StreamSettings.of_device(
        cage, source.device, spool, segment_s=source.segment, options=source.options
    )


def _names(source: WatchedFolder | FileList, room: Room) -> FileNames | None:
    """Return how names tell times, None where they do not: then the files themselves do."""
    if not source.pattern:
        return None
    return FileNames(source.pattern, source.time_zone or room.time_zone)


def _folder(
    ledger: Ledger, cage: str, folder: Path, names: FileNames | None, rest: float = 5.0
) -> Feed:
    files = [path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES]
    known = known_segments(ledger, cage, files)
    return Feed(ledger, cage, FolderSource(cage, folder, names, rest, known=known))


def _recording(
    cage: Cage, source: RtspCamera | UsbCamera | ReplayedFile, spool: Path, ledger: Ledger
) -> Recording:
    def tell(event: Event) -> None:
        note(event.level, event.kind, event.text, cage=event.cage)
        ledger.add_event(event)

    if isinstance(source, ReplayedFile):
        replay = Replay(
            source.file, spool, source.start or ledger.clock(), source.segment, source.speed,
            source.repeat,
        )  # fmt: skip
        return replay.run
    return Recorder(stream_settings(cage.name, source, spool), tell).run
