"""The joints of the midline: neck, three places on the spine, tail root, middle and tip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.joints_ribs import find_chest
from mousepose.ct.joints.spine_levels import HIP_MM, NECK_MM, Spine
from mousepose.ct.joints.spine_trace import resampled, trace
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.types import Floats

#: The midline joints behind the neck, and the bone of the body model before each.
_TRUNK = {"SPINE_SHOULDER": "NECK", "SPINE_MID": "SPINE_MID", "SPINE_HIP": "SPINE_HIP"}
_NEVER = np.full(3, np.nan)
#: How sure joints are that lie in proportion between two known ones; ribs less sure are not seen.
_IN_PROPORTION, _RIBS_SEEN = 0.7, 0.4
#: A tail that ends so near to the border of the scan is cut there, mm.
_CUT_MM = 1.5
#: A tail shorter than this share of the body model's, from its root, is cut or docked.
_WHOLE = 0.6


@dataclass(frozen=True)
class Level:
    """A midline joint: its place (3,) mm, NaN where there is none, and its confidence."""

    point: Floats
    confidence: float


def trunk_levels(
    body: BodyModel, field: BoneField, spine: Spine, neck: Floats, hip: Level | None
) -> tuple[dict[str, Level], float]:
    """Return the joints from the neck to the tail root, and the trunk's size (1: 25 g).

    `neck` (3,) mm and `hip` are what the skull and the pelvis tell of NECK and SPINE_HIP. Between
    them the ends of the chest are found by its ribs in the density `field`; where no ribs are seen,
    and without a `hip`, they lie in the proportions of the body model.
    """
    lengths = _lengths(body)
    levels, size = _by_proportion(lengths, spine, neck, None if hip is None else hip.point)
    if hip is None or not all(np.isfinite(level.point).all() for level in levels.values()):
        return levels, size
    guess = [levels[name].point for name in ("SPINE_SHOULDER", "SPINE_MID")]
    chest = find_chest(field, spine, np.array([neck, *guess, hip.point]))
    levels["SPINE_HIP"] = hip
    if chest.sure < _RIBS_SEEN:
        return levels, size
    levels["SPINE_SHOULDER"] = Level(chest.first, chest.sure)
    levels["SPINE_MID"] = Level(chest.last, chest.sure)
    knots = np.array([chest.first, chest.last, hip.point])
    seen = float(np.linalg.norm(np.diff(knots, axis=0), axis=1).sum())
    size = seen / (lengths["SPINE_MID"] + lengths["SPINE_HIP"])
    end = _chord_end(spine, _along(spine, hip.point, HIP_MM), size * lengths["ROOT_TAIL"])
    if end is not None:
        levels["ROOT_TAIL"] = Level(spine.at(end), levels["ROOT_TAIL"].confidence)
    return levels, size


def _by_proportion(
    lengths: dict[str, float], spine: Spine, neck: Floats, hip: Floats | None
) -> tuple[dict[str, Level], float]:
    """Return the joints as chords of the way in the proportions of the body model."""
    start = _along(spine, neck, NECK_MM)
    chords = [lengths[bone] for bone in _TRUNK.values()]
    size, sure = 1.0, 0.4
    if hip is not None:
        end = _along(spine, hip, HIP_MM)
        size, sure = _size_between(spine, start, end, chords), _IN_PROPORTION
    places, along = {}, start
    chords.append(lengths["ROOT_TAIL"])
    for name, chord in zip((*_TRUNK, "ROOT_TAIL"), chords, strict=True):
        following = _chord_end(spine, along, chord * size)
        if following is None:
            places[name] = Level(_NEVER, 0.0)
            continue
        along = following
        index = int(min(round(along), len(spine.way.density) - 1))
        bone = float(spine.way.density[max(0, index - 2) : index + 3].mean())
        places[name] = Level(spine.at(along), round(sure * bone, 3))
    return places, size


def _lengths(body: BodyModel) -> dict[str, float]:
    lengths = np.linalg.norm(body.bone_vectors, axis=1)
    return dict(zip(body.skeleton.joint_names, lengths.tolist(), strict=True))


def _along(spine: Spine, point: Floats, expected: float) -> float:
    """Return where along the way, to a fraction of a mm, a point lies that is expected there."""
    points = spine.way.points
    gap = np.linalg.norm(points - point, axis=1)
    gap[np.abs(np.arange(len(points)) - expected) > 25] = np.inf
    k = int(np.argmin(gap))
    low, high = max(k - 1, 0), min(k + 1, len(points) - 1)
    tangent = points[high] - points[low]
    shift = (point - points[k]) @ tangent / max(float(np.linalg.norm(tangent)), 1e-9)
    return float(np.clip(k + np.clip(shift, -3.0, 1.0), -3.0, len(points) - 1))


def _chord_end(spine: Spine, along: float, chord: float) -> float | None:
    """Return where the way has gone `chord` mm, as the crow flies, from a place on it, or None."""
    fine = np.arange(along, len(spine.way.points) - 1, 0.1)
    if not len(fine):
        return None
    points = spine.at(fine)
    far = np.flatnonzero(np.linalg.norm(points - points[0], axis=1) >= chord)
    return float(fine[far[0]]) if len(far) else None


def _size_between(spine: Spine, start: float, end: float, chords: list[float]) -> float:
    """Return the size at which chords laid along the way from `start` reach `end`, by bisection."""
    low, high = 0.5, 1.6
    for _ in range(16):
        size = 0.5 * (low + high)
        along: float | None = start
        for chord in chords:
            along = None if along is None else _chord_end(spine, along, chord * size)
        low, high = (low, size) if along is None or along > end else (size, high)
    return 0.5 * (low + high)


def tail_levels(
    body: BodyModel, found: Segmentation, spine: Spine, root: Floats, size: float
) -> dict[str, Level]:
    """Return MID_TAIL and TIP_TAIL; both without a place where the scan cuts the tail."""
    nothing = {"MID_TAIL": Level(_NEVER, 0.0), "TIP_TAIL": Level(_NEVER, 0.0)}
    if not np.isfinite(root).all():
        return nothing
    tail = _tail(found, spine, root)
    volume = found.volume
    edge = volume.to_voxel(tail[-1])
    inner = np.minimum(edge, np.array(found.body.shape) - 1 - edge) * volume.spacing
    length = float(np.linalg.norm(np.diff(tail, axis=0), axis=1).sum())
    lengths = _lengths(body)
    whole = (lengths["MID_TAIL"] + lengths["TIP_TAIL"]) * size
    if inner.min() < _CUT_MM or length < _WHOLE * whole:
        return nothing
    first = np.linalg.norm(tail - tail[0], axis=1)
    second = np.linalg.norm(tail - tail[-1], axis=1)
    share = lengths["MID_TAIL"] / lengths["TIP_TAIL"]
    middle = int(np.argmin(np.abs(first - share * second)))
    return {"MID_TAIL": Level(tail[middle], 0.8), "TIP_TAIL": Level(tail[-1], 0.8)}


def _tail(found: Segmentation, spine: Spine, root: Floats) -> Floats:
    """Return the tail from its root to its tip (N, 3) mm: the spine, then on through the flesh."""
    points = spine.way.points
    first = int(np.argmin(np.linalg.norm(points - root, axis=1)))
    kept = points[first : max(first + 2, len(points) - 4)]
    end, heading = kept[-1], kept[-1] - kept[max(0, len(kept) - 6)]
    field = BoneField.of(found.volume, found.body, end[None] + np.array([[-30.0], [30.0]]))
    rest = trace(field, end, heading / max(float(np.linalg.norm(heading)), 1e-9)).points[1:]
    return resampled(np.concatenate([root[None], kept[1:], rest]), 0.5)
