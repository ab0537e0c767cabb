"""A list of files that are complete: a cohort of recordings, or one that is done again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mousepose.errors import InputError
from mousepose.monitor.records import Segment
from mousepose.monitor.sources.found import Found, Line
from mousepose.monitor.sources.names import FileNames

#: Files that are looked at in one go.
_AT_ONCE = 16


class ListedSource:
    """The segments of a cage in files that are given, in the order of their times.

    `names` and `known` are as in `FolderSource`. Raises `InputError` that names every file that is
    not there, and those whose names tell no time where `names` are given.
    """

    def __init__(
        self,
        cage: str,
        paths: Sequence[Path],
        names: FileNames | None = None,
        known: Iterable[Segment] = (),
    ) -> None:
        known = list(known)
        faults = [f"{path}: there is no such file" for path in paths if not path.is_file()]
        if names is not None:
            faults += [
                f"{path}: its name is none of {names.pattern}"
                for path in paths
                if names.start(path.stem) is None
            ]
        if faults:
            raise InputError("; ".join(faults))
        self._line = Line(cage, names)
        self._line.remember(known)
        done = {one.path for one in known}
        left = [path for path in paths if str(path) not in done]
        self._left = deque(sorted(left, key=lambda path: _time(path, names)))

    @property
    def done(self) -> bool:
        """Tell whether all files were given."""
        return not self._left

    @property
    def waiting(self) -> bool:
        """Tell whether files are left."""
        return bool(self._left)

    def poll(self, now: datetime) -> Found:
        """Return the next files as segments."""
        for _ in range(min(_AT_ONCE, len(self._left))):
            path = self._left.popleft()
            try:
                self._line.take(path, now)
            except OSError as error:
                text = f"{path.name} went away before it was read: {error.strerror or error}"
                self._line.tell(now, "lost", text, "error")
        return self._line.found()


def _time(path: Path, names: FileNames | None) -> tuple[datetime, str]:
    """Return what files are ordered by."""
    finished = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    named = None if names is None else names.start(path.stem, finished)
    return (finished if named is None else named.time), path.name
