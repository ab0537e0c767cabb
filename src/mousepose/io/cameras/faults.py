"""What is wrong with a camera file: collected while it is read, then told at once."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from mousepose.errors import CameraError


class Faults:
    """The faults of one file, each with its table and key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[str] = []

    def add(self, table: str, key: str, problem: str) -> None:
        """Add that `key` of `table` is wrong: `problem` says how and what was expected."""
        self.found.append(f"[{table}] {key}: {problem}")

    def add_misspelt(self, table: str, keys: Sequence[str], known: Sequence[str]) -> None:
        """Add keys that look like a known one: unread, a misspelt lens would be no lens."""
        for key in keys:
            near = get_close_matches(key, known, n=1, cutoff=0.75)
            if key not in known and near:
                self.add(table, key, f"unknown key, expected {near[0]!r}?")

    def add_repeated(self, table: str, names: Sequence[str]) -> None:
        """Add names that several cameras have."""
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.add(table, "name", f"{name!r} names several cameras, expected one")

    def raise_if_any(self) -> None:
        """Raise one `CameraError` that lists all faults, if there are any."""
        if len(self.found) == 1:
            raise CameraError(f"{self.path}: {self.found[0]}")
        if self.found:
            listed = "\n  ".join(self.found)
            raise CameraError(f"{self.path}: {len(self.found)} problems:\n  {listed}")
