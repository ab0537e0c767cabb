"""What readers of camera files share: the text, its rows, its units, and how it is written."""

from __future__ import annotations

from pathlib import Path

from mousepose.atomic import atomic_path
from mousepose.errors import FileError

#: A camera file has a few kB, one of COLMAP with its image points more; larger is another file.
LARGEST_FILE_BYTES = 1_000_000

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}


def read_text(path: Path, largest: int = LARGEST_FILE_BYTES) -> str:
    """Return the text of a file. Raises `FileError` where it is none, empty or above `largest`."""
    try:
        with path.open("rb") as file:
            raw = file.read(largest + 1)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) > largest:
        raise FileError(f"{path}: larger than {largest} bytes, so no camera file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: byte {error.start} is not UTF-8, so no camera file") from error
    if not text.strip():
        raise FileError(f"{path}: is empty, expected a calibration file or 3 rows of 3 numbers")
    return text


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises `FileError` where it cannot."""
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def rows_of_text(text: str) -> list[tuple[int, list[str]]]:
    """Return (line number, words) of every line that holds more than a comment."""
    rows = [line.partition("#")[0].split() for line in text.splitlines()]
    return [(number, words) for number, words in enumerate(rows, start=1) if words]


def is_number(word: str) -> bool:
    """Tell whether `word` is a number as Python writes it."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def units_assumed(source: str) -> str:
    """Return `source` with the remark that the file states no unit of length."""
    return f"{source} (units not stated: mm assumed)"
