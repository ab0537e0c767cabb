"""Poses and keypoints as keypoint-MoSeq loads them: a csv a recording, and its settings.

Weinreb et al. 2024, Keypoint-MoSeq. Points in space go as anipose's tables, of which it takes the
names of the parts as well; points in images as DeepLabCut's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mousepose.atomic import atomic_path
from mousepose.errors import InputError, UnknownNameError
from mousepose.io.conversion import Conversion, convert
from mousepose.io.keypoints.registry import open_tracks
from mousepose.io.poses.registry import open_points
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS, canonical_name
from mousepose.types import Progress

#: The table is named after the recording, the settings are these.
SETTINGS = "settings.json"
_FRONT = ("NOSE", "LEFT_EAR", "RIGHT_EAR", "NECK")
_BACK = ("ROOT_TAIL", "SPINE_HIP")
_EDGES = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NOSE", "RIGHT_EAR": "NOSE"}


@dataclass(frozen=True)
class MoseqExport:
    """What was written: the paths, and the `format` to tell `keypoint_moseq.load_keypoints`."""

    written: tuple[Path, ...]
    format: str
    bodyparts: tuple[str, ...]


def export_moseq(
    sources: Sequence[Path],
    folder: Path,
    *,
    fps: float | None = None,
    animal: str | None = None,
    progress: Progress | None = None,
) -> MoseqExport:
    """Write recordings and their settings into a folder that is made, in flat memory.

    All files must hold points in space, or all points in images of one camera, with the same parts.
    `settings.json` holds the arguments of `keypoint_moseq.setup_project`: parts, skeleton, which
    parts are in front and behind, and those used, all but the tail's. Raises `InputError` where the
    files do not go together or two have one name, `FileError` on files of no known format.
    """
    if not sources:
        raise InputError("no recordings were given")
    stems = [source.stem for source in sources]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(f"two recordings are called {twice[0]}: their tables would be one file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder}: is a file; give the path of a folder") from None
    done: list[Conversion] = []
    parts: list[tuple[str, ...]] = []
    for source in sources:
        names, kind = _parts_of(source, animal)
        to = "anipose" if kind == "3D" else "dlc-csv"
        target = folder / f"{source.stem}.csv"
        done.append(convert(source, target, to=to, animal=animal, fps=fps, progress=progress))
        parts.append(names)
        if done[-1].kind != done[0].kind or set(names) != set(parts[0]):
            raise InputError(
                f"{source} does not go with {sources[0]}: keypoint-MoSeq needs the same parts of "
                "every recording, all in space or all in images"
            )
    settings = moseq_settings(parts[0])
    path = folder / SETTINGS
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    written = tuple(file for one in done for file in one.written)
    kind = "anipose" if done[0].kind == "3D" else "deeplabcut"
    return MoseqExport((*written, path), kind, parts[0])


def moseq_settings(names: Sequence[str]) -> dict[str, Any]:
    """Return what `keypoint_moseq.setup_project` takes besides its folder, for these parts."""
    known = {name: _known(name) for name in names}
    named = {known[name]: name for name in names if known[name]}
    edges = [
        [name, named[parent]]
        for name in names
        if (parent := _EDGES.get(known[name])) is not None and parent in named
    ]
    return {
        "bodyparts": list(names),
        "use_bodyparts": [name for name in names if known[name] not in TAIL_PARENTS],
        "skeleton": edges,
        "anterior_bodyparts": [named[part] for part in _FRONT if part in named][:1],
        "posterior_bodyparts": [named[part] for part in _BACK if part in named][:1],
    }


def _parts_of(source: Path, animal: str | None) -> tuple[tuple[str, ...], str]:
    """Return the names of a recording's parts, and whether it is in "2D" or "3D"."""
    from mousepose.io.keypoints.sniff import Content
    from mousepose.io.poses.registry import recognize_points

    if recognize_points(Content(source)) is None:
        return tuple(open_tracks(source).track(animal).keypoint_names), "2D"
    first = next(open_points(source).tracks(animal, 1.0))
    return tuple(first.points.keypoint_names), "3D"


def _known(name: str) -> str:
    try:
        return canonical_name(name)
    except UnknownNameError:
        return ""
