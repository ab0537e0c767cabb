"""How the columns of a tracker's file meet the keypoint maps: which map fits, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mousepose.body.keypoint_map import (
    KeypointMap,
    Selection,
    load_keypoint_map,
    shipped_maps,
)
from mousepose.body.keypoint_names import LANDMARKS, Suggestion, suggest
from mousepose.errors import InputError
from mousepose.skeleton import JOINT_NAMES


@dataclass(frozen=True, eq=False)
class MapMatch:
    """How one map meets a file: its `name`, the `selection`, columns that `clash`."""

    name: str
    keypoint_map: KeypointMap
    selection: Selection | None
    clash: str = ""

    @property
    def mapped(self) -> int:
        """Return how many columns are keypoints of the map; 0 where two clash."""
        return 0 if self.selection is None else len(self.selection.columns)

    @property
    def share(self) -> float:
        """Return which share of the map's keypoints the file has."""
        return self.mapped / len(self.keypoint_map)

    @property
    def side(self) -> str:
        """Return the only side whose limbs the map knows: "left", "right", or "" for both."""
        return one_side(self.keypoint_map)


@dataclass(frozen=True, eq=False)
class NameCheck:
    """What became of a file's `columns`: the `match` with a map, and `reason` for that map.

    `suggestions` are for columns that the map does not know.
    """

    columns: tuple[str, ...]
    match: MapMatch
    reason: str
    suggestions: tuple[Suggestion, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the columns that are no keypoint of the map."""
        found = self.match.selection
        return self.columns if found is None else tuple(found.unknown)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the map's keypoints that the file does not have."""
        found = self.match.selection
        return self.match.keypoint_map.names if found is None else tuple(found.missing)

    @cached_property
    def unseen_bones(self) -> tuple[str, ...]:
        """Return the bones on which no column's mark rides: what is inferred, not measured."""
        found = self.match.selection
        ridden = set() if found is None else set(found.map.bones)
        return tuple(name for name in JOINT_NAMES if name not in ridden)


def rank_maps(columns: Sequence[str], names: Sequence[str] | None = None) -> list[MapMatch]:
    """Return how the shipped maps (or those of `names`) meet the columns, the best first.

    Best is the one that knows most columns, then the one of which the file has most, then the one
    whose own spelling the file has.
    """
    matches = [match_map(columns, name) for name in names or shipped_maps()]
    spelt = {m.name: len(set(columns) & set(m.keypoint_map.names)) for m in matches}
    return sorted(matches, key=lambda m: (-m.mapped, -m.share, -spelt[m.name], m.name))


def match_map(columns: Sequence[str], name_or_path: str | Path) -> MapMatch:
    """Return how one map, shipped or a file, meets the columns."""
    keypoint_map = load_keypoint_map(name_or_path)
    try:
        return MapMatch(str(name_or_path), keypoint_map, keypoint_map.select(columns))
    except InputError as error:  # two columns are one keypoint
        return MapMatch(str(name_or_path), keypoint_map, None, str(error))


def check_names(
    columns: Sequence[str], name_or_path: str | Path | None = None, seen_side: str = ""
) -> NameCheck:
    """Return how the columns meet a map: the given one, or the shipped one that fits best.

    `seen_side` ("left", "right" or "") is the side of the animal that the camera sees: it decides
    between maps of one side. Raises `FileError` and `UnknownNameError` for a map that is none.
    """
    columns = tuple(columns)
    if name_or_path is not None:
        match, reason = match_map(columns, name_or_path), "the map that was asked for"
    else:
        match, reason = _best_map(columns, seen_side)
    unknown = columns if match.selection is None else match.selection.unknown
    side = (match.side if match.mapped else "") or seen_side
    return NameCheck(columns, match, reason, tuple(suggest(unknown, side)))


def enough(found: NameCheck, needed: int) -> bool:
    """Return whether as many columns are keypoints of the map as a pose needs."""
    return found.match.mapped >= needed


def one_side(keypoint_map: KeypointMap) -> str:
    """Return the side ("left", "right") on which all of a map's limbs are, "" where on both."""
    sides = [bone.partition("_")[0] for bone in keypoint_map.bones]
    left, right = sides.count("LEFT"), sides.count("RIGHT")
    if left and not right:
        return "left"
    return "right" if right and not left else ""


def _best_map(columns: tuple[str, ...], seen_side: str) -> tuple[MapMatch, str]:
    """Return the best shipped map; that of all landmarks only where no other set is as good."""
    ranked = rank_maps(columns)
    sets = [m for m in ranked if m.name != LANDMARKS]
    best = sets[0]
    landmarks = next(m for m in ranked if m.name == LANDMARKS)
    if landmarks.mapped > best.mapped:
        reason = f"{_counted(landmarks, columns)}; no map of a tracker knows more than "
        return landmarks, f"{reason}{best.mapped} ({best.name})"
    equals = [m for m in sets if m.mapped == best.mapped and m.share == best.share and m.side]
    reason = _counted(best, columns)
    if best.side and len(equals) > 1:
        seen = [m for m in equals if m.side == seen_side]
        if seen:
            best = seen[0]
            reason += f"; of its two sides the one that the camera sees, the {seen_side}"
        else:
            others = " or ".join(m.name for m in equals)
            reason += f"; which side the camera sees could not be told: {others}"
    rest = [m for m in sets if m.name not in {e.name for e in equals} | {best.name}]
    if rest and rest[0].mapped:
        reason += f"; next best is {rest[0].name} with {rest[0].mapped}"
    return best, reason


def _counted(match: MapMatch, columns: Sequence[str]) -> str:
    whole, size = match.mapped == len(columns), len(match.keypoint_map)
    known = f"all {len(columns)} columns" if whole else f"{match.mapped} of {len(columns)} columns"
    has = f"all {size}" if match.mapped == size else f"{match.mapped} of the {size}"
    return f"it knows {known}, and the file has {has} keypoints of it"


def starting_map(check: NameCheck, source: str) -> tuple[KeypointMap, dict[str, str]]:
    """Return a map of every column that is known or can be guessed, and comments on its keypoints.

    Keypoints bear the names of the file's columns. Raises `InputError` where no column is known.
    """
    suggestions = {s.column: s for s in check.suggestions}
    found, known = check.match.selection, check.match.keypoint_map
    chosen = [] if found is None else [check.columns[k] for k in found.columns]
    names = [c for c in check.columns if c in chosen or c in suggestions]
    if not names:
        raise InputError(
            f"no column says which part of a mouse it marks: {', '.join(check.columns)}; write the "
            "map by hand (docs/keypoints.md)"
        )
    bones, offset, sigma, comments, origins = [], [], [], {}, {}
    for name in names:
        if name in chosen and found is not None:
            row = known.names.index(found.map.names[chosen.index(name)])
            bones.append(known.bones[row])
            offset.append(known.offset[row])
            sigma.append(float(known.sigma[row]))
            comments[name] = f"as {known.names[row]} of {check.match.name}"
        else:
            guess = suggestions[name]
            bones.append(guess.bone)
            offset.append(np.array(guess.offset))
            sigma.append(guess.sigma)
            comments[name] = f"taken for: {guess.landmark}"
            if guess.guess:
                comments[name] += f"; CHECK: guessed {guess.guess}"
        origins[name] = f"first guess, {comments[name]}"
    text = "Keypoints of our tracker"
    return (
        KeypointMap(
            tuple(names), tuple(bones), np.array(offset, np.float64).reshape(-1, 3),
            np.array(sigma), {}, text, source, origins,
        ),
        comments,
    )  # fmt: skip
