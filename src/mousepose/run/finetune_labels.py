"""Labels without a person: what the 3D fit through time says of each frame, where it is sure.

The fit knows bones, the usual poses and the frames before and after; where the network lost a point
or exchanged two, it often does not. Its points, drawn back into the picture, are labels that teach
the network what it did not know. Only frames that the fit explains well count, and of these only
points that it is sure of and that no sure point of the network contradicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.train.labelled import body_length
from mousepose.train.samples import HIDDEN, UNLABELLED, VISIBLE
from mousepose.types import Bytes, Floats, Keypoints2D, PoseSequence, Status


@dataclass(frozen=True)
class Limits:
    """When a point that was drawn back is a label; lengths in per cent of the body's length.

    `spread` is the most that the fit may be unsure of it (1 SD), `contradicted` how far a point of
    which the network is surer than `sure` may be from it. Of the frames that were solved the share
    `best` is kept, those that the network's sure points fit best; each with `least_points` labels.
    """

    spread: float = 8.0
    contradicted: float = 10.0
    sure: float = 0.5
    best: float = 0.7
    least_points: int = 10

    def __post_init__(self) -> None:
        for name in ("spread", "contradicted", "best", "least_points"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.best > 1 or not 0 <= self.sure <= 1:
            raise InputError("best and sure are shares, from 0 to 1")


@dataclass(frozen=True, eq=False)
class FitLabels:
    """Labels of T frames: `xy` (T, K, 2) px, NaN where unsure; `state` (T, K) as of samples.

    `kept` (T,) are the frames worth learning from, `misfit` (T,) the median distance of the
    network's sure points from the fit in per cent of `length`, the body's in px; NaN where there is
    none.
    """

    xy: Floats
    state: Bytes
    kept: NDArray[np.bool_]
    misfit: Floats
    length: float


def labels_of_fit(
    found: Keypoints2D, sequence: PoseSequence, camera: Camera, limits: Limits | None = None
) -> FitLabels:
    """Return the labels that a fit through time gives the frames of the points that it came from.

    `found` are the network's keypoints of one camera, of the same names and frames as `sequence`.
    Raises `InputError` where they are not, and where no frame was solved.
    """
    limits = limits or Limits()
    if found.keypoint_names != sequence.keypoint_names or len(found) != len(sequence):
        raise InputError("labels of a fit: the keypoints are not those that were fitted")
    xy, spread = drawn_back(sequence, camera)
    solved = (sequence.report.status == Status.OK) & np.isfinite(xy).all((1, 2))
    if not solved.any():
        raise InputError("the fit solved no frame of this video: there is nothing to learn from")
    length = body_length(xy[solved])
    off = 100 * np.linalg.norm(found.xy[:, 0] - xy, axis=-1) / length
    sure = (found.confidence[:, 0] > limits.sure) & np.isfinite(off)
    known = np.where(sure, off, np.nan)
    misfit = np.full(len(xy), np.nan)
    told = sure.any(1) & solved
    misfit[told] = np.nanmedian(known[told], axis=1)
    with np.errstate(invalid="ignore"):
        good = (100 * spread / length <= limits.spread) & ~(known > limits.contradicted)
    good &= solved[:, None]
    kept = told & (good.sum(1) >= limits.least_points)
    if kept.any():
        kept &= misfit <= np.quantile(misfit[kept], limits.best)
    state = np.where(good, np.where(sure, VISIBLE, HIDDEN), UNLABELLED).astype(np.uint8)
    return FitLabels(np.where(good[..., None], xy, np.nan), state, kept, misfit, length)


def drawn_back(sequence: PoseSequence, camera: Camera) -> tuple[Floats, Floats]:
    """Return the points of a sequence in the picture (T, K, 2) px, and their spread (T, K) px.

    The spread is the longer half axis of the covariance drawn back, 1 SD.
    """
    points, covariance = sequence.keypoints, sequence.covariance
    if sequence.frame != "world":
        points = camera.to_world(points)
        covariance = camera.rotation.T @ covariance @ camera.rotation
    xy, slope = camera.project(points, jacobian=True)
    flat = slope @ covariance @ np.swapaxes(slope, -1, -2)
    spread = np.full(xy.shape[:2], np.nan)
    finite = np.isfinite(flat).all((-1, -2))
    spread[finite] = np.sqrt(np.maximum(np.linalg.eigvalsh(flat[finite])[..., -1], 0.0))
    return xy, spread
