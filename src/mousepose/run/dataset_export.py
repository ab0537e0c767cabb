"""The frames of the data set as files of pictures and labels, ready for a format's own writer."""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mousepose.dataset.frames import Frame, Frames, labelled
from mousepose.errors import FileError
from mousepose.types import Floats, Ints, Progress

#: Room about labelled points where the data set tells no box, as a share of their extent.
_BOX_MARGIN = 0.1
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass
class Exported:
    """Frames that were written: for each its picture's path in the folder, size, points and labels.

    `path` is relative with forward slashes; `part` is its part of the split
    `part_names`, "" without one.
    """

    keypoint_names: tuple[str, ...]
    part_names: tuple[str, ...]
    record: list[int] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    size: list[tuple[int, int]] = field(default_factory=list)
    xy: list[Floats] = field(default_factory=list)
    box: list[Floats] = field(default_factory=list)
    clip: list[str] = field(default_factory=list)
    behaviour: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.record)

    @property
    def parts(self) -> list[str]:
        """The parts that have frames, in the order of the split; [""] without a split."""
        return [name for name in self.part_names if name in self.part]

    def rows_of(self, part: str) -> list[int]:
        """Return the rows of one part of the split."""
        return [row for row, own in enumerate(self.part) if own == part]


def write_pictures(
    frames: Frames,
    folder: Path,
    name: Callable[[Frame, str, int, str], str],
    *,
    split: Mapping[str, Ints] | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write every frame's picture into `folder`, clip by clip, and return the labels.

    `name(frame, clip, place, part)` gives a picture's relative path; `clip` is a name that every
    file system takes, `place` counts the clip's frames from 0. JPEG and PNG are written as they
    are, or decoded and written as PNG where the name ends so. `split` gives each part's records.
    """
    clips = _file_names(frames)
    parts = {int(n): part for part, records in (split or {}).items() for n in records}
    out = Exported(frames.keypoint_names, tuple(split or ("",)))
    places: dict[str, int] = {}
    table = frames.table
    # Clips together and in their own order: shards and shuffled files mix them.
    order = table.record[np.lexsort((table.record, table.frame, table.clip))]
    for done, frame in enumerate(frames[order]):
        clip = clips.get(frame.clip, "frames")
        place = places.get(clip, 0)
        places[clip] = place + 1
        part = parts.get(frame.number, "")
        path = name(frame, clip, place, part)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_as_png(frame) if path.endswith(".png") else frame.encoded)
        out.record.append(frame.number)
        out.path.append(path)
        out.size.append(frame.size)
        out.xy.append(frame.xy)
        out.box.append(_box_of(frame))
        out.clip.append(clip)
        out.behaviour.append(frame.behaviour or "")
        out.part.append(part)
        if progress is not None:
            progress("pictures", done + 1, len(order))
    return out


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target` that becomes it when the block ends well.

    Raises `FileError` where `target` is there already or its own folder is not.
    """
    if target.exists():
        raise FileError(f"{target}: is there already; give a new folder, or remove it")
    if not target.absolute().parent.is_dir():
        raise FileError(f"{target}: the folder {target.parent} does not exist; make it first")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    temporary.mkdir()
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def safe_names(names: Sequence[str]) -> list[str]:
    """Return names that every file system takes, all different."""
    taken: set[str] = set()
    out = []
    for name in names:
        safe = _UNSAFE.sub("-", name).strip(".-")[:80] or "clip"
        number, candidate = 1, safe
        while candidate.lower() in taken:
            number += 1
            candidate = f"{safe}_{number}"
        taken.add(candidate.lower())
        out.append(candidate)
    return out


def _file_names(frames: Frames) -> dict[str | None, str]:
    clips = frames.table.clip_names
    return dict(zip(clips, safe_names(clips), strict=True))


def _as_png(frame: Frame) -> bytes:
    from PIL import Image

    if frame.encoded.startswith(b"\x89PNG"):
        return frame.encoded
    out = io.BytesIO()
    Image.fromarray(frame.image).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _box_of(frame: Frame) -> Floats:
    """Return left, top, right and low px of the animal, inside the picture; NaN without points."""
    edge = np.array(frame.size) - 0.5
    if frame.box is not None:
        box = frame.box.reshape(2, 2)
    elif labelled(frame.xy).any():
        points = frame.xy[labelled(frame.xy)]
        low, high = points.min(axis=0), points.max(axis=0)
        room = np.maximum(_BOX_MARGIN * (high - low), 1.0)
        box = np.stack([low - room, high + room])
    else:
        return np.full(4, np.nan)
    return np.clip(box, -0.5, edge).ravel()
