"""A cohort of videos as a room: each video is a cage of its own, done once, in any order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mousepose.errors import FileError, InputError
from mousepose.monitor.room import Cage, Room
from mousepose.monitor.room_settings import FileList
from mousepose.monitor.sources import VIDEO_SUFFIXES
from mousepose.monitor.store.layout import name_fault

_STRANGE = re.compile(r"[^A-Za-z0-9._-]+")
#: Letters of a cage's name that are kept of a long one, before the mark that tells it from others.
_KEPT = 50


def batch_room(
    paths: Sequence[Path],
    output: Path,
    study: str,
    cage: Mapping[str, Any],
    workers: int,
    cluster: str,
) -> Room:
    """Return the room of all videos below folders (or given one by one), kept in `output`.

    `cage` are the settings that all have, as in a room's file. Raises `InputError` with all faults.
    """
    if (fault := name_fault(study)) is not None:
        raise InputError(f"study: {fault}")
    videos = videos_below(paths)
    output.mkdir(parents=True, exist_ok=True)
    first = videos[min(videos)]
    source = {"kind": "files", "files": [str(first)]}
    own = {key: value for key, value in cage.items() if value is not None}
    try:
        made = Cage.model_validate(
            {"name": min(videos), "source": source, **own}, context={"folder": Path.cwd()}
        )
    except ValueError as error:
        raise InputError(f"the settings of the videos: {_plain(error)}") from error
    cages = tuple(
        made.model_copy(update={"name": name, "source": _list_of(video)})
        for name, video in sorted(videos.items())
    )
    room = Room.model_construct(
        study=study, cage=cages, workers=workers, cluster=cluster, spool=output.absolute(),
        ledger=f"sqlite:///{output.absolute() / 'ledger.db'}",
        store=str(output.absolute() / "store"),
    )  # fmt: skip
    return room


def videos_below(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the videos below folders by names for their cages.

    Raises `FileError` for what is not there, `InputError` where there is no video.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise FileError(f"{path}: there is no such file or folder")
        root = path if path.is_dir() else path.parent
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix.lower() in VIDEO_SUFFIXES and not file.name.startswith("."):
                name = _cage_name(file.relative_to(root))
                if name in found and found[name] != file.absolute():
                    name = _marked(name, str(file.absolute()))
                found[name] = file.absolute()
    if not found:
        raise InputError(f"there is no video below {', '.join(map(str, paths))}")
    return found


def _cage_name(relative: Path) -> str:
    """Return a cage's name for a video, from its path below the folder that was given."""
    text = "_".join(relative.with_suffix("").parts)
    name = _STRANGE.sub("-", text).strip("._-") or "video"
    return name if name == text and name_fault(name) is None else _marked(name, text)


def _marked(name: str, text: str) -> str:
    """Return a name that no other text has."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[:_KEPT].rstrip('._-')}-{mark}"


def _list_of(video: Path) -> FileList:
    # not checked again: thousands of them
    return FileList.model_construct(kind="files", files=(str(video),), pattern="", time_zone=None)


def _plain(error: ValueError) -> str:
    return str(error).replace("\n", " ")
