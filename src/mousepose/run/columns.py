"""Which columns of a tracker's file a keypoint map knows, told so that the reader can mend it."""

from __future__ import annotations

from collections.abc import Sequence

from mousepose.body.keypoint_check import one_side, rank_maps
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.keypoint_names import LANDMARKS
from mousepose.body.keypoint_tracks import seen_side
from mousepose.errors import InputError
from mousepose.fit.config import FitConfig
from mousepose.types import Keypoints2D

#: A table of a keypoint map, on one line.
_ENTRY = '{name} = {{ bone = "LEFT_KNEE", offset_mm = [0, 0, 0], sigma_mm = 3 }}'


def check_columns(
    names: Sequence[str], keypoint_map: KeypointMap, map_name: str, least: int
) -> str:
    """Return a note on the columns that are left out, "" where all are known.

    Raises `InputError` where fewer than `least` of the names are keypoints of the map: it lists
    what is known, what is not, which shipped map knows more, and how a map is written.
    """
    try:
        found = keypoint_map.select(names)
    except InputError as error:  # two columns are one keypoint: names of another tracker
        raise InputError(f"keypoint map {map_name!r}: {error}{_advice(names, 0)}") from error
    count = len(found.columns)
    better = _advice(names, count)
    if count >= least:
        if not found.unknown:
            return ""
        return (
            f"columns left out, no keypoints of map {map_name!r} on this body: "
            f"{', '.join(found.unknown)}{better}"
        )
    better = better or _advice(names, count - 1, map_name)
    known = ", ".join(names[column] for column in found.columns) or "none"
    told = (
        f"keypoint map {map_name!r} knows {count} of the file's {len(names)} columns "
        f"({known}), at least {least} are needed; not known: {', '.join(found.unknown) or 'none'}"
    )
    if better:
        raise InputError(told + better)
    first = found.unknown[0] if found.unknown else found.missing[0]
    entry = _ENTRY.format(name='keypoints."' + first + '"')
    raise InputError(
        f"{told}; still free in the map: {', '.join(found.missing)}. Say where each column rides "
        f"in a TOML file, one line each as {entry}, and give it with --keypoints FILE "
        "(docs/formats.md); mousepose keypoints check FILE helps"
    )


def check_side(keypoints: Keypoints2D, keypoint_map: KeypointMap, map_name: str) -> str | None:
    """Return a warning where the map is of one side of the animal and the camera sees the other."""
    side = one_side(keypoint_map)
    seen = seen_side(keypoints, keypoint_map) if side else ""
    if not seen or seen == side:
        return None
    return (
        f"map {map_name!r} has the limbs of the {side} side, and the camera seems to see the "
        f"{seen} one: take the map of that side with --keypoints"
    )


def best_maps(names: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the shipped maps that fit the names best, and how many of the names they know.

    Two maps of one tracker fit alike where they differ in the side that the camera sees. The map
    of all landmarks counts only where no map of a tracker knows as many.
    """
    ranked = rank_maps(names)
    most = ranked[0].mapped
    sets = [match for match in ranked if match.mapped == most and match.name != LANDMARKS]
    best = [match.name for match in sets if match.share == sets[0].share]
    return tuple(best) or (LANDMARKS,), most


def _advice(names: Sequence[str], count: int, besides: str = "") -> str:
    """Return which shipped maps know more of the names than `count`, or nothing.

    A map that does not know enough of them, or is the one `besides`, is no help.
    """
    best, most = best_maps(names)
    enough = load_keypoint_map(best[0]).needed(FitConfig.min_keypoints)
    if most <= count or most < enough or besides in best:
        return ""
    told = " and ".join(repr(name) for name in best)
    if len(best) == 1:
        return f"; {told} knows {most} of {len(names)}: give --keypoints {best[0]}"
    return (
        f"; {told} know {most} of {len(names)}: give the right one with --keypoints, where they "
        "differ in the side the one that the camera sees"
    )
