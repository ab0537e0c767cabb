"""Which columns of a tracker's file a keypoint map knows, told so that the reader can mend it."""

from __future__ import annotations

from collections.abc import Sequence

from mousepose.body.keypoint_map import KeypointMap
from mousepose.errors import InputError

#: A table of a keypoint map, on one line.
_ENTRY = '{name} = {{ bone = "LEFT_KNEE", offset_mm = [0, 0, 0], sigma_mm = 3 }}'


def check_columns(
    names: Sequence[str], keypoint_map: KeypointMap, map_name: str, least: int
) -> str:
    """Return a note on the columns that are left out, "" where all are known.

    Raises `InputError` where fewer than `least` of the names are keypoints of the map: it lists
    what is known, what is not, and how a map is written.
    """
    found = keypoint_map.select(names)
    if not found.unknown:
        note = ""
    else:
        note = f"columns left out, no keypoints of map {map_name!r} on this body: " + ", ".join(
            found.unknown
        )
    if len(found.columns) >= least:
        return note
    known = ", ".join(names[column] for column in found.columns) or "none"
    first = found.unknown[0] if found.unknown else found.missing[0]
    entry = _ENTRY.format(name='keypoints."' + first + '"')
    raise InputError(
        f"keypoint map {map_name!r} knows {len(found.columns)} of the file's {len(names)} columns "
        f"({known}), at least {least} are needed; not known: {', '.join(found.unknown) or 'none'}; "
        f"still free in the map: {', '.join(found.missing)}. Say where each column rides in a "
        f"TOML file, one line each as {entry}, and give it with --keypoints FILE "
        "(docs/formats.md)"
    )
