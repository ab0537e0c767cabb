"""Tables of labelled images: which recording and which frame of it an image's name tells of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.types import Floats, Ints

#: A person labels some thousand images.
MAX_IMAGES = 200_000

_LAST_NUMBER = re.compile(r"(\d{1,15})\D*$")


def frame_in(name: str) -> int | None:
    """Return the last number in the name of an image file: 27 for "m4s1/img0027.png"."""
    stem = _parts(name)[-1].rsplit(".", 1)[0]
    found = _LAST_NUMBER.search(stem)
    return int(found[1]) if found else None


def folder_of(name: str) -> str:
    """Return the folder that holds an image, which trackers name after the recording."""
    parts = _parts(name)
    return parts[-2] if len(parts) > 1 else ""


def by_recording(path: Path, images: Sequence[str]) -> dict[str, tuple[Ints, Floats]]:
    """Return for each recording the rows of its images in order of time, and their frames.

    Raises `FileError` where a name tells of no frame.
    """
    if len(images) > MAX_IMAGES:
        raise FileError(
            f"{path} lists {len(images)} labelled images; expected {MAX_IMAGES} at most"
        )
    rows: dict[str, list[int]] = {}
    frames = []
    for row, name in enumerate(images):
        frame = frame_in(name)
        if frame is None:
            raise FileError(
                f"{path}: the name of image {name[:80]!r} (row {row}) has no number; expected one "
                "that tells its frame, as in img0027.png"
            )
        frames.append(frame)
        rows.setdefault(folder_of(name), []).append(row)
    found = {}
    for folder, places in rows.items():
        numbers = np.array([frames[row] for row in places], dtype=np.float64)
        order = np.argsort(numbers, kind="stable")
        found[folder] = (np.array(places, dtype=np.int64)[order], numbers[order])
    return found


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")
