"""A growing folder of segments, as most recorders leave them: what is complete is taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mousepose.errors import FileError, InputError
from mousepose.monitor.records import Segment
from mousepose.monitor.sources.found import VIDEO_SUFFIXES, Found, Line
from mousepose.monitor.sources.look import look_at
from mousepose.monitor.sources.names import FileNames

#: Files that are taken at one look, so that a long list does not keep others waiting.
_AT_ONCE = 16
#: A file that cannot be opened though it rests for so many times `rest` is broken.
_BROKEN = 10.0
#: s; a file that was written so long ago rests. Of newer ones the clock of the disk may be wrong.
_LONG_AGO = 600.0


@dataclass(eq=False)
class _File:
    """A file that is not taken yet: its size, its time, and since when both rest."""

    bytes: int
    modified: int
    since: datetime
    start: datetime


class FolderSource:
    """The segments of a cage in a folder and its subfolders.

    A file is complete when neither its size nor its time changed for `rest` seconds and it can be
    read to its end, or when the next one has begun. Files are taken in the order of their times;
    one that is not complete holds up later ones for `patience` seconds at most. Of `names` None,
    times are those that the files themselves tell. `known` are segments that were taken before.

    Raises `InputError` where there is no such folder.
    """

    def __init__(
        self,
        cage: str,
        folder: Path,
        names: FileNames | None = None,
        rest: float = 5.0,
        patience: float = 120.0,
        known: Iterable[Segment] = (),
    ) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; cage {cage} is to be read there")
        self._folder, self._names = folder, names
        self._rest, self._patience = rest, patience
        known = list(known)
        self._line = Line(cage, names)
        self._line.remember(known)
        self._taken: dict[str, tuple[int, int] | None] = {one.path: None for one in known}
        self._waiting: dict[Path, _File] = {}
        self._strange: set[Path] = set()
        self._away = False

    @property
    def waiting(self) -> bool:
        """Tell whether files are there that were not complete when they were last looked at."""
        return bool(self._waiting)

    def poll(self, now: datetime) -> Found:
        """Return what became complete since the last look.

        Nothing comes of a folder that is out of reach, and nothing of it is forgotten.
        """
        there = self._scan(now)
        if self._is_away(there, now):
            return self._line.found()
        self._forget(there, now)
        ready = sorted(self._waiting, key=lambda path: (self._waiting[path].start, path.name))
        count = 0
        for place, path in enumerate(ready):
            if count == _AT_ONCE:
                break
            later = ready[place + 1 :]
            if not self._is_complete(path, later, now):
                if self._holds_up(path, later, now):
                    break
                continue
            file = self._waiting.pop(path)
            self._taken[str(path)] = (file.bytes, file.modified)
            try:
                self._line.take(path, now)
            except OSError as error:
                text = f"{path.name} went away before it was read: {error.strerror or error}"
                self._line.tell(now, "lost", text, "error")
            count += 1
        return self._line.found()

    def _is_away(self, there: set[Path], now: datetime) -> bool:
        """Tell whether the folder is out of reach: not there, or empty all at once."""
        away = not self._folder.is_dir() or (not there and len(self._taken) > 1)
        if away != self._away:
            self._away = away
            text = f"the folder {self._folder} is " + ("out of reach" if away else "there again")
            self._line.tell(now, "away" if away else "back", text, "error" if away else "info")
        return away

    def _scan(self, now: datetime) -> set[Path]:
        """Note the files that are there, and which of them changed; return all of them."""
        there: set[Path] = set()
        for path in self._folder.rglob("*"):
            if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            there.add(path)
            state = (status.st_size, status.st_mtime_ns)
            if str(path) in self._taken:
                self._check_taken(path, state, now)
            elif path in self._waiting:
                file = self._waiting[path]
                if (file.bytes, file.modified) != state:
                    file.bytes, file.modified, file.since = *state, now
            elif path not in self._strange:
                self._note(path, state, now)
        return there

    def _note(self, path: Path, state: tuple[int, int], now: datetime) -> None:
        """Wait for a new file, or tell that its name is not one of a segment."""
        finished = datetime.fromtimestamp(state[1] / 1e9, UTC)
        start = finished
        if self._names is not None:
            named = self._names.start(path.stem, finished)
            if named is None:
                self._strange.add(path)
                text = f"{path.name} is left out: its name is none of {self._names.pattern}"
                self._line.tell(now, "unnamed", text)
                return
            start = named.time
        old = (now - finished).total_seconds() > _LONG_AGO
        self._waiting[path] = _File(*state, finished if old else now, start)

    def _check_taken(self, path: Path, state: tuple[int, int], now: datetime) -> None:
        """Take a file again that was written anew after it was taken."""
        known = self._taken[str(path)]
        if known is not None and known != state:
            del self._taken[str(path)]
            text = f"{path.name} was changed after it was taken: it is taken once more"
            self._line.tell(now, "changed", text)
            self._note(path, state, now)
            return
        self._taken[str(path)] = state

    def _forget(self, there: set[Path], now: datetime) -> None:
        """Forget files that are gone; tell of those that went before they were taken."""
        for path in [path for path in self._waiting if path not in there]:
            del self._waiting[path]
            text = f"{path.name} was removed before it was complete"
            self._line.tell(now, "lost", text, "error")
        for name in [name for name in self._taken if Path(name) not in there]:
            del self._taken[name]
        self._strange &= there

    def _is_complete(self, path: Path, later: list[Path], now: datetime) -> bool:
        file = self._waiting[path]
        rests = (now - file.since).total_seconds()
        if rests < (self._rest if not later else min(self._rest, 1.0)):
            return False
        try:
            film = look_at(path)
        except FileError:
            return rests >= _BROKEN * self._rest
        if later or not film.cut:
            return True
        return rests >= _BROKEN * self._rest

    def _holds_up(self, path: Path, later: list[Path], now: datetime) -> bool:
        """Tell whether later files have to wait for one that is not complete."""
        if not later:
            return False
        resting = min((now - self._waiting[one].since).total_seconds() for one in later)
        return resting < self._patience
