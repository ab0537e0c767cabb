"""What a tracker's points look like before any fit: how often seen, how far apart, which side.

Nothing here needs a camera: it is told from the image points alone and from where a map puts them
on the standing animal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.keypoint_names import other_side
from mousepose.types import Floats, Keypoints2D

#: Points of a confidence below this count as not seen, as in a fit.
SEEN_FROM = 0.1
#: A pair that points against the others by more than this (cosine, mean of frames) is exchanged.
_AGAINST = -0.25
#: Left and right nearer to each other than this share of the animal's size tell nothing.
_APART = 0.05
#: An exchange must make the way of both points shorter by this factor, and be this many times the
#: usual way from frame to frame: labelled frames of a recording do not follow each other.
_SHORTER, _UNUSUAL = 3.0, 3.0
#: Share of frames that must agree on where the animal faces.
_CLEAR = 0.6


@dataclass(frozen=True)
class PointTrack:
    """One keypoint through a file: shares are 0 to 1, distances are medians in px.

    `neighbour` is the keypoint that is nearest to it on the standing animal, on the same side or in
    the middle, "" where there is none; `suspicion` says what looks wrong, "" where nothing does.
    """

    name: str
    seen: float
    confidence: float
    neighbour: str
    distance: float
    suspicion: str


def describe_tracks(keypoints: Keypoints2D, keypoint_map: KeypointMap) -> list[PointTrack]:
    """Return how every column of `keypoints` that the map knows looks, in the order of the file.

    Raises `InputError` where two columns are one keypoint.
    """
    selection = keypoint_map.select(keypoints.keypoint_names)
    columns = list(selection.columns)
    if not columns:
        return []
    xy, confidence = _flat(keypoints, columns)
    seen = np.asarray(np.isfinite(xy).all(-1) & (confidence >= SEEN_FROM))
    points = np.where(seen[..., None], xy, np.nan)
    nearest = _neighbours(selection.map)
    suspicions = _exchanged(points, selection.map)
    out = []
    for k, column in enumerate(columns):
        near = nearest[k]
        away = np.linalg.norm(points[:, k] - points[:, near], axis=-1) if near >= 0 else np.nan
        out.append(
            PointTrack(
                name=keypoints.keypoint_names[column],
                seen=float(seen[:, k].mean()) if len(seen) else 0.0,
                confidence=_mean(confidence[:, k][seen[:, k]]),
                neighbour=keypoints.keypoint_names[columns[near]] if near >= 0 else "",
                distance=_median(np.atleast_1d(away)),
                suspicion=suspicions.get(k, ""),
            )
        )
    return sorted(out, key=lambda track: keypoints.keypoint_names.index(track.name))


def seen_side(keypoints: Keypoints2D, keypoint_map: KeypointMap) -> str:
    """Return which side of the animal a side camera sees: "left", "right", "" where unclear.

    An animal that faces right in an upright image shows its right side.
    """
    selection = keypoint_map.select(keypoints.keypoint_names)
    if len(selection.columns) < 3:
        return ""
    xy, confidence = _flat(keypoints, list(selection.columns))
    x = np.where(confidence >= SEEN_FROM, xy[..., 0], np.nan)
    forward = _standing(selection.map)[:, 0]
    known = np.isfinite(x)
    count = np.maximum(known.sum(1, keepdims=True), 1)
    apart = np.where(known, x - np.where(known, x, 0).sum(1, keepdims=True) / count, 0)
    ahead = np.where(known, forward - np.where(known, forward, 0).sum(1, keepdims=True) / count, 0)
    way = np.sign((apart * ahead).sum(1))[known.sum(1) >= 3]
    if not len(way) or abs(way.mean()) < 2 * _CLEAR - 1:
        return ""
    return "right" if way.mean() > 0 else "left"


def _flat(keypoints: Keypoints2D, columns: list[int]) -> tuple[Floats, Floats]:
    """Return points (N, K, 2) and confidence (N, K) of all cameras, one after the other."""
    xy = np.moveaxis(keypoints.xy[:, :, columns], 1, 0).reshape(-1, len(columns), 2)
    confidence = np.moveaxis(keypoints.confidence[:, :, columns], 1, 0)
    return xy, np.nan_to_num(confidence.reshape(-1, len(columns)))


def _standing(keypoint_map: KeypointMap) -> Floats:
    """Return the keypoints (K, 3) mm of the standing animal: forward, left, up."""
    body = default_body()
    points = body.marks(body.rest_pose(), keypoint_map.marks(body))
    return np.asarray(points @ body.axes.T)


def _neighbours(keypoint_map: KeypointMap) -> list[int]:
    """Return for every keypoint the nearest that is not on the other side; -1 where alone."""
    points = _standing(keypoint_map)
    side = np.round(np.sign(points[:, 1]) * (np.abs(points[:, 1]) > 1)).astype(int)
    away = np.linalg.norm(points[:, None] - points, axis=-1)
    away[np.eye(len(points), dtype=bool) | (np.multiply.outer(side, side) < 0)] = np.inf
    return [int(row.argmin()) if np.isfinite(row).any() else -1 for row in away]


def _exchanged(points: Floats, keypoint_map: KeypointMap) -> dict[int, str]:
    """Return what is suspicious of left and right: pairs against all others, sudden exchanges."""
    names = keypoint_map.names
    pairs = [
        (k, names.index(partner))
        for k, (name, bone_side) in enumerate(
            zip(names, _standing(keypoint_map)[:, 1], strict=True)
        )
        if (partner := other_side(name, names)) != name and bone_side > 0
    ]
    out: dict[int, str] = {}
    if not pairs:
        return out
    left, right = (points[:, list(side)] for side in zip(*pairs, strict=True))
    across = left - right
    spread = _size(points)
    size = np.linalg.norm(across, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(size > _APART * spread, across / size, 0.0)
    unit = np.nan_to_num(unit)
    for k, pair in enumerate(pairs):
        others = unit.sum(1) - unit[:, k]
        told = (np.linalg.norm(others, axis=-1) > 0.5) & (np.linalg.norm(unit[:, k], axis=-1) > 0)
        notes = []
        if told.sum() >= 10 and len(pairs) > 2:
            towards = others[told] / np.linalg.norm(others[told], axis=-1, keepdims=True)
            if (unit[told, k] * towards).sum(-1).mean() < _AGAINST:
                notes.append("left and right against the other pairs: exchanged?")
        sudden = _sudden(left[:, k], right[:, k], _APART * spread)
        if sudden > 0:
            notes.append(f"left and right change places {sudden} times")
        if notes:
            out |= dict.fromkeys(pair, "; ".join(notes))
    return out


def _size(points: Floats) -> float:
    """Return the typical spread (1 SD) of the points (T, K, 2) of a frame, px; 0 if none."""
    known = np.isfinite(points[..., 0])
    count = np.maximum(known.sum(1), 1)[:, None]
    flat = np.where(known[..., None], points, 0.0)
    apart = np.where(known[..., None], points - flat.sum(1, keepdims=True) / count[..., None], 0.0)
    whole = known.sum(1) > 1
    variance = ((apart**2).sum((1, 2)) / count[:, 0])[whole]
    return float(np.sqrt(variance.mean())) if whole.any() else 0.0


def _sudden(left: Floats, right: Floats, least: float) -> int:
    """Return how often two tracks (T, 2) would go on more smoothly if they were exchanged."""

    def way(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.linalg.norm(a[1:] - b[:-1], axis=-1))

    keep, swap = way(left, left) + way(right, right), way(left, right) + way(right, left)
    with np.errstate(invalid="ignore"):
        worse: NDArray[np.bool_] = (keep > _SHORTER * swap) & (keep > 4 * least)
        worse &= keep > _UNUSUAL * _median(keep)
    return int(worse.sum())


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
