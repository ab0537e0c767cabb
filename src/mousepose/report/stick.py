"""The stick figure: which keypoints are joined, in what colour, seen from which side.

Importing it does not start matplotlib: only the functions that draw do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mousepose.body.keypoint_map import load_keypoint_map, shipped_maps
from mousepose.errors import UnknownNameError
from mousepose.report.canvas import BLUE, GREEN, GREY, INK, PURPLE, REGION_90, VERMILLION
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS, canonical_name
from mousepose.types import Bytes, Floats, PoseSequence, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

#: Each keypoint's neighbour towards the trunk; ears hang on the neck.
_PARENTS = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NECK", "RIGHT_EAR": "NECK"}
#: Further lines, which make a head of the ears.
_CROSS = (("LEFT_EAR", "NOSE"), ("RIGHT_EAR", "NOSE"))
_GROUPS = (
    ("left legs", BLUE),
    ("right legs", VERMILLION),
    ("spine", INK),
    ("head", GREEN),
    ("tail", PURPLE),
)
_COLOURS = dict(_GROUPS)
#: Frames that are asked which way is up.
_FRAMES_ASKED = 50


@dataclass(frozen=True, eq=False)
class Stick:
    """How keypoints are drawn: `edges` are pairs of indices, `colours` (K,) and `groups` (K,)."""

    edges: list[tuple[int, int]]
    colours: list[str]
    groups: list[str]

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Stick:
        """Return the figure of keypoints in any spelling; unknown ones stay single points.

        Where a keypoint's neighbour is not among the names, the next one towards the trunk is.
        """
        parts = [part_of(name) for name in names]
        place: dict[str | None, int] = {}
        for index, part in enumerate(parts):
            place.setdefault(part, index)
        place.pop(None, None)
        edges = []
        for part, index in place.items():
            parent = _PARENTS.get(str(part))
            while parent is not None and parent not in place:
                parent = _PARENTS[parent]
            if parent is not None:
                edges.append((place[parent], index))
        edges += [(place[a], place[b]) for a, b in _CROSS if a in place and b in place]
        groups = [_group(part) for part in parts]
        return cls(edges, [_COLOURS[group] for group in groups], groups)


def part_of(name: str) -> str | None:
    """Return the dataset's name of a keypoint, or of the joint where its bone ends, or None."""
    try:
        return canonical_name(name)
    except UnknownNameError:
        pass
    for shipped in shipped_maps():
        found = load_keypoint_map(shipped).select([name]).map
        if found.names:
            ear = "EAR" in found.names[0].upper()
            side = "RIGHT" if found.offset[0, 1] < 0 else "LEFT"
            return f"{side}_EAR" if ear else found.bones[0]
    return None


def _group(part: str | None) -> str:
    if part is None or part.startswith("SPINE"):
        return "spine"
    if part in ("NECK", "NOSE", "LEFT_EAR", "RIGHT_EAR"):
        return "head"
    if "TAIL" in part:
        return "tail"
    return "left legs" if part.startswith("LEFT") else "right legs"


def trunk_of(sequence: PoseSequence) -> Floats:
    """Return the middle (T, 3) mm of the spine keypoints, of all where there are none."""
    spine = [k for k, name in enumerate(sequence.keypoint_names) if _is_spine(name)]
    return np.asarray(sequence.keypoints[:, spine or slice(None)].mean(axis=1))


def _is_spine(name: str) -> bool:
    try:
        return canonical_name(name).startswith("SPINE")
    except UnknownNameError:
        return False


def animal_axes(points: Floats, names: tuple[str, ...], upright: bool) -> Floats:
    """Return forward, left and up (3, 3) of an animal with keypoints `points` (K, 3) mm.

    `upright`: up is +z, as in a world with a floor. Otherwise it follows from the keypoints.
    Without enough known keypoints the axes are those of a camera: right, away and up.
    """
    parts = [part_of(name) for name in names]
    known = {
        part: point
        for part, point in zip(parts, points, strict=True)
        if part is not None and np.isfinite(point).all()
    }
    trunk = [name for name in ("NOSE", "SPINE_SHOULDER", "SPINE_HIP", "ROOT_TAIL") if name in known]
    across = [
        known[left] - known["RIGHT" + left[4:]]
        for left in known
        if left.startswith("LEFT") and "RIGHT" + left[4:] in known
    ]
    forward = known[trunk[-2]] - known[trunk[-1]] if len(trunk) > 1 else np.zeros(3)
    if "SPINE_SHOULDER" in known and "SPINE_HIP" in known:
        forward = known["SPINE_SHOULDER"] - known["SPINE_HIP"]
    up = np.array([0.0, 0.0, 1.0])
    if not upright:
        up = np.cross(forward, np.sum(across, axis=0) if across else np.zeros(3))
    left = np.cross(up, forward)
    if min(np.linalg.norm(left), np.linalg.norm(up)) < 1e-6:
        return np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    left, up = left / np.linalg.norm(left), up / np.linalg.norm(up)
    return np.stack([np.cross(left, up), left, up])


def is_upright(sequence: PoseSequence) -> bool:
    """Tell whether z is up: in a world in which the animal's back mostly points along +z.

    Calibrations put their world where they like; many have z pointing away from the camera.
    """
    if sequence.frame != "world":
        return False
    frames = np.linspace(0, len(sequence) - 1, min(len(sequence), _FRAMES_ASKED)).astype(int)
    ups = [
        animal_axes(points, sequence.keypoint_names, upright=False)[2, 2]
        for points in sequence.keypoints[frames]
    ]
    told = [up for up in ups if up != 0.0]  # 0 where the keypoints do not tell
    return not told or float(np.median(told)) > 0.5


def given(points: Floats) -> NDArray[np.bool_]:
    """Tell which points (..., D) have all their coordinates."""
    return np.asarray(np.isfinite(points).all(axis=-1))


def draw_stick(
    axes: Axes,
    stick: Stick,
    points: Floats,
    state: Bytes | None = None,
    covariance: Floats | None = None,
    *,
    size: float = 4.5,
) -> None:
    """Draw flat points (K, 2) and their lines; what is inferred is hollow and dashed.

    `covariance` (K, 2, 2) adds the region that holds each point with 90 %.
    """
    from matplotlib.collections import LineCollection

    seen = np.full(len(points), True) if state is None else state == State.SEEN
    known = given(points)
    for solid, style in ((True, "solid"), (False, (0, (1.4, 1.4)))):
        chosen = [
            edge for edge in stick.edges if known[list(edge)].all() and seen[edge[1]] == solid
        ]
        axes.add_collection(
            LineCollection(
                [points[list(edge)] for edge in chosen],
                colors=[stick.colours[stop] for _, stop in chosen],
                linewidths=0.42 * size,
                linestyles=[style],
                capstyle="round" if solid else "butt",
                zorder=2,
            )
        )
    if covariance is not None:
        _draw_regions(axes, stick, points, covariance, known)
    drawn = np.flatnonzero(known)
    if len(drawn):
        axes.scatter(
            points[drawn, 0],
            points[drawn, 1],
            s=size**2,
            facecolors=[stick.colours[k] if seen[k] else "white" for k in drawn],
            edgecolors=[stick.colours[k] for k in drawn],
            linewidths=0.25 * size,
            zorder=3,
        )


def draw_bones(axes: Axes, stick: Stick, points: Floats, colour: str, width: float) -> None:
    """Draw only the lines between flat points (K, 2), all in one colour."""
    from matplotlib.collections import LineCollection

    pairs = [points[list(edge)] for edge in stick.edges]
    lines = [pair for pair in pairs if np.isfinite(pair).all()]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, zorder=1))


def _draw_regions(
    axes: Axes, stick: Stick, points: Floats, covariance: Floats, known: NDArray[np.bool_]
) -> None:
    from matplotlib.collections import EllipseCollection

    drawn = np.flatnonzero(known & np.isfinite(covariance).all(axis=(-2, -1)))
    if not len(drawn):
        return
    variance, directions = np.linalg.eigh(covariance[drawn])
    length = 2 * REGION_90 * np.sqrt(np.maximum(variance, 0))
    angle = np.rad2deg(np.arctan2(directions[:, 1, 1], directions[:, 0, 1]))
    axes.add_collection(
        EllipseCollection(
            length[:, 1],
            length[:, 0],
            angle,
            units="xy",
            offsets=points[drawn],
            transOffset=axes.transData,
            facecolors=[stick.colours[k] for k in drawn],
            alpha=0.16,
            linewidths=0,
            zorder=1,
        )
    )


def stick_legend(truth: bool = False, regions: bool = True) -> list[Line2D]:
    """Return the entries that explain a stick figure."""
    from matplotlib.lines import Line2D

    entries = [Line2D([], [], color=colour, linewidth=2, label=name) for name, colour in _GROUPS]
    dot: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 5, "linewidth": 1.5}
    hollow = dot | {"markerfacecolor": "white", "linestyle": (0, (1.4, 1.4))}
    entries += [Line2D([], [], label="seen", **dot), Line2D([], [], label="inferred", **hollow)]
    if regions:
        shade = {"alpha": 0.2, "markersize": 10, "linestyle": "none", "markeredgewidth": 0}
        entries.append(Line2D([], [], label="90 % region", **(dot | shade)))
    if truth:
        entries.append(Line2D([], [], color=GREY, linewidth=1.2, label="truth"))
    return entries
