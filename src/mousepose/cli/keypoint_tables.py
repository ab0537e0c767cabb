"""What `mousepose keypoints` prints: tables of maps, of columns, of tracks, of learned offsets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from mousepose.body.keypoint_check import NameCheck, one_side
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map, shipped_maps
from mousepose.body.keypoint_tracks import describe_tracks, seen_side
from mousepose.fit.offsets import LearnedOffsets
from mousepose.fit.offsets_quality import MarkQuality
from mousepose.types import Floats, Keypoints2D

NEW_HEADER = """\
A keypoint map: where the marks of a tracker sit on the body (docs/keypoints.md).
  bone       the joint at which the bone ends on which the mark rides
  offset_mm  forward, left, up of that joint, the animal standing
  sigma_mm   how far the mark wanders from there, 1 SD: 2 on bone, 4 or 5 on loose skin
  aliases    other spellings of the name, if you like
Check every place, above all those marked CHECK, then learn the offsets from your own video:
  mousepose keypoints learn-offsets FILE --camera CAMERA --keypoints THIS.toml -o learned.toml
"""
#: Names that stand in one list.
_LISTED = 20


def to_be_placed(columns: Sequence[str]) -> str:
    """Return stubs of keypoints whose place only the user knows, "" where there are none."""
    if not columns:
        return ""
    stubs = [
        f'[keypoints.{json.dumps(column, ensure_ascii=False)}]\nbone = "NOSE"\n'
        "offset_mm = [0.0, 0.0, 0.0]\nsigma_mm = 3.0\n"
        for column in columns
    ]
    title = "Their names say no part of a mouse. Uncomment those that mark one, and say where:\n\n"
    return title + "\n".join(stubs)


def print_maps() -> None:
    """Print the shipped maps, a line each."""
    table = Table(title="Keypoint maps", title_justify="left")
    table.add_column("map", no_wrap=True)
    table.add_column("keypoints", justify="right")
    table.add_column("what it is")
    for name in shipped_maps():
        known = load_keypoint_map(name)
        table.add_row(name, str(len(known)), known.description)
    _console().print(table)


def print_map(keypoint_map: KeypointMap) -> None:
    """Print a map: what it is, and a line for every keypoint."""
    console = _console()
    common = keypoint_map.common_origin
    for label, text in (
        ("", keypoint_map.description),
        ("source: ", keypoint_map.source),
        ("offsets: ", common),
    ):
        if text:
            console.print(f"{label}{text}", highlight=False, markup=False)
    table = Table()
    for title in ("keypoint", "bone"):
        table.add_column(title, no_wrap=True)
    sure = keypoint_map.offset_sd
    titles = ["forward, left, up\nmm", "wanders\nmm"]
    for title in titles if sure is None else [*titles, "uncertainty\nmm, 1 SD"]:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("also called")
    table.add_column("other origin of the offset" if common else "origin of the offset")
    for row, name in enumerate(keypoint_map.names):
        origin = keypoint_map.origins.get(name, "")
        cells = [name, keypoint_map.bones[row], _place(keypoint_map.offset[row])]
        cells.append(f"{keypoint_map.sigma[row]:.1f}")
        if sure is not None:
            cells.append("-" if np.isnan(sure[row]).any() else _place(sure[row]))
        cells.append(", ".join(keypoint_map.aliases.get(name, ())))
        table.add_row(*cells, "" if origin == common else origin)
    console.print(table)


def print_check(found: NameCheck, needed: int) -> None:
    """Print how a file's columns meet a map, and what to do about those that do not."""
    console = _console()
    match = found.match
    console.print(f"map: {match.name}", style="bold", highlight=False)
    console.print(f"why: {found.reason}", highlight=False, markup=False)
    if match.clash:
        console.print(f"WARNING: {match.clash}", highlight=False, markup=False)
    suggested = {s.column: s for s in found.suggestions}
    if found.unknown:
        table = Table(title="Columns that the map does not know", title_justify="left")
        table.add_column("column", no_wrap=True)
        table.add_column("could be (mousepose keypoints new)")
        for column in found.unknown:
            guess = suggested.get(column)
            said = "" if guess is None else guess.landmark
            if guess is not None and guess.guess:
                said += f" (guessed {guess.guess})"
            table.add_row(column, said or "no part of a mouse that the name says")
        console.print(table)
    _print_list(console, "keypoints of the map that the file does not have", found.missing)
    _print_list(console, "bones without a mark, inferred and not measured", found.unseen_bones)
    if match.mapped < needed:
        console.print(
            f"{match.mapped} columns are keypoints of the map, a pose needs {needed}: write a map "
            "with mousepose keypoints new FILE -o my.toml, edit it, and give it with --keypoints",
            style="bold red", highlight=False,
        )  # fmt: skip


def print_tracks(seen: Keypoints2D, keypoint_map: KeypointMap, limited: bool) -> None:
    """Print how often and how surely every keypoint is seen, and how far its neighbour is."""
    frames = f"first {len(seen):,}" if limited else f"{len(seen):,}"
    table = Table(title=f"In the {frames} frames", title_justify="left")
    table.add_column("keypoint", no_wrap=True)
    for title in ("seen", "confidence"):
        table.add_column(title, justify="right")
    table.add_column("to its neighbour", no_wrap=True)
    table.add_column("px", justify="right")
    tracks = describe_tracks(seen, keypoint_map)
    for track in tracks:
        table.add_row(
            track.name, f"{track.seen:.0%}", _number(track.confidence, 2), track.neighbour,
            _number(track.distance, 0),
        )  # fmt: skip
    console = _console()
    console.print(table)
    for track in tracks:
        if track.suspicion:
            console.print(f"WARNING: {track.name}: {track.suspicion}", highlight=False)
    side, known = seen_side(seen, keypoint_map), one_side(keypoint_map)
    if known and side and side != known:
        console.print(
            f"WARNING: the animal faces {side}, so an upright image shows its {side} side, and the "
            f"map is of its {known} one",
            highlight=False,
        )


def print_learned(found: LearnedOffsets) -> None:
    """Print every mark's new offset, its certainty and its residuals, and the warnings."""
    table = Table(
        title=f"Offsets learned from {found.frames} frames that show {found.poses:.1f} different "
        f"poses, tried on {found.held_out} held-out frames",
        title_justify="left",
    )
    table.add_column("keypoint", no_wrap=True)
    for title in (
        "offset (mm)\nforward, left, up", "moved by\nmm", "uncertainty\nmm, 1 SD", "wanders\nmm",
        "held-out residual\npx", "\nmm",
    ):  # fmt: skip
        table.add_column(title, justify="right", no_wrap=True)
    for mark in found.marks:
        table.add_row(
            mark.name, _place(mark.offset), f"{math.hypot(*mark.shift):.1f}" if mark.learned else
            "kept", _sds(mark), f"{mark.sigma:.1f}", _ways(mark.before_px, mark.after_px),
            _ways(mark.before_mm, mark.after_mm),
        )  # fmt: skip
    console = _console()
    console.print(table)
    console.print(f"scale from: {found.scale_source}; a dot: not decided, the guess is kept")
    for warning in found.warnings:
        console.print(f"WARNING: {warning}", highlight=False, markup=False)


def _console() -> Console:
    """Return a console that does not fold tables where no one watches."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def _print_list(console: Console, title: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        shown = ", ".join(names[:_LISTED]) + more
        console.print(f"{title}: {shown}", highlight=False, markup=False)


def _place(offset: Floats) -> str:
    return ", ".join(f"{value:.1f}" for value in offset + 0.0)


def _sds(mark: MarkQuality) -> str:
    return ", ".join(
        f"{sd:.1f}" if sure else "·" for sd, sure in zip(mark.sd, mark.determined, strict=True)
    )


def _ways(before: float, after: float) -> str:
    if math.isnan(before) or math.isnan(after):
        return "-"
    return f"{before:.1f} -> {after:.1f}"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
