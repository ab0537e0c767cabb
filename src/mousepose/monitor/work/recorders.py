"""The cameras of a room that are recorded here, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mousepose.monitor.work.cage_sources import Recording
from mousepose.monitor.work.logs import note

#: Seconds after which a recorder that ended by a fault begins again.
_AGAIN_S = 10.0
#: Seconds in which recorders finish their last file.
_FINISH_S = 15.0


@contextmanager
def recorded(recordings: Mapping[str, Recording]) -> Iterator[None]:
    """Record cameras, by the names of their cages, as long as the block takes."""
    stop = threading.Event()

    def record(cage: str, recording: Recording) -> None:
        while not stop.is_set():
            try:
                recording(stop)
                return
            except Exception as error:
                note("error", "recorder", f"{type(error).__name__}: {error}", cage=cage)
                stop.wait(_AGAIN_S)

    threads = [
        threading.Thread(target=record, args=one, name=f"recorder {one[0]}", daemon=True)
        for one in recordings.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_FINISH_S)
