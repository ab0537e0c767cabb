"""Where the bytes of a store go: a local folder, with the care it needs, or any file system.

On a disk a file is written under another name, forced to the disk and renamed: after a crash of the
process or the machine it is there whole or not at all. Object stores put whole objects by design.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from mousepose.errors import FileError, InputError

#: How the names of files start that are being written; `listed` gives them, so that they can be
#: swept away, and no reader takes them for one of the store's.
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Place:
    """A root folder in a file system; keys are names below it."""

    filesystem: AbstractFileSystem
    root: str

    @property
    def local(self) -> bool:
        """Whether it is a folder on a disk."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def shown(self) -> str:
        """The place in words, without what is secret in its URL."""
        return str(self.filesystem.unstrip_protocol(self.root))

    def path(self, key: str) -> str:
        """Return a key's path in the file system. Raises `InputError` if it leads elsewhere."""
        if key.startswith("/") or ".." in key.split("/"):
            raise InputError(f"{key!r}: expected a name below the store's folder")
        return f"{self.root}/{key}"

    def open(self, key: str) -> Any:
        """Return a file opened for reading bytes. Raises `OSError`."""
        return self.filesystem.open(self.path(key), "rb")

    def put(self, content: bytes, key: str) -> None:
        """Write a file. Raises `FileError`; then there is none, or the one there was."""
        with self._told(key):
            if not self.local:
                self.filesystem.pipe_file(self.path(key), content)
                return
            with self.temporary(Path(self.path(key)).parent) as temporary:
                temporary.write_bytes(content)
                self._settle(temporary, Path(self.path(key)))

    def put_file(self, source: Path, key: str) -> None:
        """Move a file of `temporary` to its place. Raises `FileError`, as `put`."""
        with self._told(key):
            if self.local:
                target = Path(self.path(key))
                target.parent.mkdir(parents=True, exist_ok=True)
                self._settle(source, target)
            else:
                self.filesystem.put_file(str(source), self.path(key))

    @contextmanager
    def temporary(self, folder: Path | None = None) -> Iterator[Path]:
        """Give the path of a file to write; it is gone after the block unless it was moved."""
        if folder is None and self.local:
            folder = Path(self.root)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=folder)
        os.close(handle)
        os.chmod(name, 0o666 & ~_umask())
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """Remove a file, and on a disk the folders that it leaves empty. Raises `FileError`."""
        path = self.path(key)
        try:
            self.filesystem.rm_file(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileError(f"{key}: cannot be removed from {self.shown}: {error}") from error
        if self.local:
            self._remove_empty(Path(path).parent)

    def listed(self, below: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Give the key, bytes and time of change of every file, of the folder `below` or all."""
        top = self.path(below).rstrip("/")
        with suppress(FileNotFoundError):  # a folder in which nothing was ever written
            for folder, _, files in self.filesystem.walk(top, detail=True):
                for name, about in sorted(files.items()):
                    key = f"{folder}/{name}"[len(self.root) + 1 :]
                    yield key, int(about.get("size") or 0), _modified(about)

    def _settle(self, source: Path, target: Path) -> None:
        """Force a file to the disk, rename it, and force its folder's list of names."""
        with source.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(source, target)
        if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened
            folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _remove_empty(self, folder: Path) -> None:
        while str(folder) != self.root and folder.is_relative_to(self.root):
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FileError(f"{key}: cannot be written to {self.shown}: {error}") from error


def place_of(url: str) -> Place:
    """Return the place that a folder's path or a URL names. Raises `InputError`."""
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise InputError(f"the store {url!r} cannot be opened: {error}") from error
    return Place(filesystem, str(root).rstrip("/"))


def _modified(about: dict[str, Any]) -> datetime:
    """Return when a file was changed last, from what its file system tells under its own names."""
    for name in ("mtime", "LastModified", "last_modified", "modified", "updated", "created"):
        told = about.get(name)
        if isinstance(told, datetime):
            return told if told.tzinfo else told.replace(tzinfo=UTC)
        if isinstance(told, int | float):
            return datetime.fromtimestamp(told, UTC)
    return datetime.now(UTC)


def _umask() -> int:
    """Return which permissions new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
