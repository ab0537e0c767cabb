"""Points in space on their way into files and out of them: one animal, with what is known of it.

`PointTrack` is what every format of 3D points is read as. A `PoseSequence` becomes one by leaving
out the body's rotations, `Keypoints3D` by adding what a file needs besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import erf

from mousepose.io.keypoints.rows import ONLY_ANIMAL
from mousepose.io.keypoints.streams_write import Again, Piece, Stream
from mousepose.io.poses.sequence_layout import PAIR_COLUMNS, PAIR_ROWS, PAIRS
from mousepose.types import (
    Bytes,
    Floats,
    Ints,
    Keypoints3D,
    PoseSequence,
    State,
)

#: What is known of each keypoint in space, in this order; the last six only where known.
SPACE_CHANNELS = ("x", "y", "z", "confidence", "state")
SPACE_COVARIANCE = tuple(f"cov_{pair}" for pair in PAIRS)
#: The confidence of a point is the probability that it lies within this distance (mm) of the truth.
CONFIDENCE_RADIUS_MM = 5.0
SPACE_UNITS = {
    "position": "mm",
    "covariance": "mm^2",
    "time": "s",
    "confidence": f"probability that the point lies within {CONFIDENCE_RADIUS_MM:g} mm, "
    "by its covariance; as the source gives it where no covariance is known",
}


@dataclass(frozen=True)
class PointTrack:
    """One animal's points in T frames: `points`, and what a file may know besides.

    `frame_numbers` (T,) increase from 0 on; `state` (T, K) is `State`; `confidence` (T, K) lies in
    0-1, NaN where there is no point. `about` holds plain data: frame of reference, scale,
    provenance.
    """

    points: Keypoints3D
    frame_numbers: Ints
    state: Bytes
    confidence: Floats
    animal: str = ONLY_ANIMAL
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame_numbers)


def track_of(source: PoseSequence | Keypoints3D) -> PointTrack:
    """Return the points of a sequence, or plain points, as a track.

    The frames of plain points are numbered from 0, and every given point counts as seen.
    """
    if isinstance(source, PoseSequence):
        points = Keypoints3D(
            source.keypoints, source.times, source.keypoint_names, source.covariance
        )
        about = {
            "frame": source.frame,
            "scale_source": source.scale_source,
            "provenance": dict(source.provenance),
        }
        return PointTrack(
            points, source.frame_numbers, source.state, confidence_of(points), source.animal, about
        )
    return plain_track(source, np.arange(len(source.times)))


def plain_track(
    points: Keypoints3D,
    frames: Ints,
    *,
    confidence: Floats | None = None,
    state: Floats | None = None,
    animal: str = ONLY_ANIMAL,
    about: Mapping[str, Any] | None = None,
) -> PointTrack:
    """Return the track of points of which a file may say no more than where they are.

    A given point counts as seen where `state` (T, K) does not tell, and `confidence` (T, K) follows
    from the covariance, 1 where there is none. Points without all three numbers are absent.
    """
    given = np.isfinite(points.xyz).all(axis=-1)
    told = np.full(given.shape, np.nan) if state is None else state
    sure = confidence_of(points) if confidence is None else confidence
    return PointTrack(
        points,
        frames,
        np.where(given, np.nan_to_num(told, nan=State.SEEN), float(State.ABSENT)).astype(np.uint8),
        np.where(given, sure, np.nan),
        animal,
        about or {},
    )


def confidence_of(points: Keypoints3D) -> Floats:
    """Return for each point the probability (T, K) that the truth is within 5 mm of it.

    For an error with the covariance's mean variance in every direction: a Maxwell distribution.
    Without covariance a given point has 1. NaN where there is no point.
    """
    given = np.isfinite(points.xyz).all(axis=-1)
    if points.covariance is None:
        return np.where(given, 1.0, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        variance = np.trace(points.covariance, axis1=-2, axis2=-1) / 3
        reach = CONFIDENCE_RADIUS_MM / np.sqrt(variance)
        inside = erf(reach / np.sqrt(2)) - np.sqrt(2 / np.pi) * reach * np.exp(-(reach**2) / 2)
    inside = np.where(variance <= 0, 1.0, inside)  # no spread at all
    return np.where(given, np.clip(inside, 0.0, 1.0), np.nan)


def point_stream(chunks: Iterable[PointTrack], *, has_times: bool = True) -> Stream:
    """Return the stream of one animal's chunks, which can be gone through more than once."""
    first = next(iter(chunks))
    uncertain = first.points.covariance is not None
    return Stream(
        first.animal,
        first.points.keypoint_names,
        SPACE_CHANNELS + (SPACE_COVARIANCE if uncertain else ()),
        Again(lambda: (_piece(chunk, uncertain) for chunk in chunks)),
        has_times,
        first.about,
    )


def _piece(chunk: PointTrack, uncertain: bool) -> Piece:
    points = chunk.points
    parts = [points.xyz, chunk.confidence[..., None], chunk.state[..., None].astype(np.float64)]
    if uncertain and points.covariance is not None:
        parts.append(points.covariance[..., PAIR_ROWS, PAIR_COLUMNS])
    return Piece(chunk.frame_numbers, points.times, np.concatenate(parts, axis=-1))
