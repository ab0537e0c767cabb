"""A rig calibrated without a board: by the mouse that several cameras see at the same times.

Where the cameras stand follows from the images alone, but for the size of everything; that is taken
from how far a mouse's keypoints are apart. What the result is worth is measured, and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.body.keypoint_map import KeypointMap
from mousepose.calibrate.self_body import BodyDistances, body_distances
from mousepose.calibrate.self_start import (
    LEAST_SHARED,
    Sightings,
    check_connected,
    start_cameras,
)
from mousepose.calibrate.self_verdict import SelfQuality, judge_self
from mousepose.calibrate.verdict import Finding
from mousepose.errors import InputError
from mousepose.fit.config import Scale
from mousepose.fit.setup import Setup
from mousepose.geometry import rotation
from mousepose.geometry.bundle_points import PointAdjustment, adjust_points
from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_keypoints import check_camera_count, deviations
from mousepose.geometry.triangulate_noise import measure_noise
from mousepose.geometry.triangulate_robust import RobustTriangulation, triangulate_robust
from mousepose.types import Floats, Ints, Keypoints2D, Progress

#: Frames that are fitted, and those that the first search looks at.
_MOST_FRAMES, _FIRST_FRAMES = 100, 40
#: A frame counts where two cameras share so many keypoints.
_LEAST_IN_FRAME = 4
_ROUNDS = 3
#: The frames are cut into so many pieces of time, each of which is left out once.
_PIECES = 4
_STEPS, _AGAIN_STEPS = 40, 15
#: A place is a cube with edges of half a body length.
_PLACE_MM = 45.0


@dataclass(frozen=True, eq=False)
class SelfCalibration:
    """Cameras in the frame of the first of them, in mm, and what they are worth.

    `points` (T, K, 3) mm are those of the `frames` (T,) that were fitted. `scale_from` says what
    gives the size of everything. `findings` name all that is not good; one that is a "fail" means
    that the cameras are not fit for use.
    """

    cameras: tuple[Camera, ...]
    quality: SelfQuality
    findings: tuple[Finding, ...]
    scale_from: str
    frames: Ints
    points: Floats

    @property
    def good(self) -> bool:
        """Whether the cameras may be used."""
        return all(finding.level != "fail" for finding in self.findings)


def self_calibrate(
    keypoints: Keypoints2D,
    cameras: Sequence[Camera],
    *,
    keypoint_map: KeypointMap | str = "dataset22",
    scale: Scale | None = None,
    focal_sd: float = 0.0,
    pixel_sigma: float = 2.0,
    min_confidence: float = 0.1,
    progress: Progress = lambda stage, done, total: None,
) -> SelfCalibration:
    """Return where the cameras stand that saw `keypoints` (T, C, K) at the same times.

    `cameras` give image size, matrix and lens of each, in the order of the views; where they stand
    is not looked at. `focal_sd` is how sure their focal lengths are, as a share: 0 where they were
    calibrated, about 0.2 for a guess, which is then improved. The keypoint map says what a keypoint
    is; `scale` may be a body length, a weight or a bone of the animal. Raises `InputError` where
    cameras share too few points, or no answer is found.
    """
    check_camera_count(keypoints, cameras)
    setup = Setup.of(cameras[0], keypoint_map=keypoint_map, scale=scale)
    body = body_distances(setup, keypoints.keypoint_names)
    sight, frames = _chosen(keypoints, body, focal_sd, deviations(
        keypoints, pixel_sigma, min_confidence))  # fmt: skip
    names = [camera.name for camera in cameras]
    check_connected(sight.shared, names)
    lenses = [replace(camera, T_camera_world=np.eye(4), floor_plane=None) for camera in cameras]
    progress("placing cameras", 0, len(cameras))
    few = np.linspace(0, len(frames) - 1, min(len(frames), _FIRST_FRAMES)).astype(int)
    start = start_cameras(sight.frames(few), lenses)
    found = _fitted(sight, start, progress)
    known = int(np.isfinite(found.found.points).all(axis=-1).sum())
    if known < LEAST_SHARED:
        raise InputError(
            f"no place of the cameras explains what they saw (they agree on {known} points): are "
            "the files of different cameras, of the same moments and the same animal, and are the "
            "lenses right?"
        )
    without = []
    for piece in range(_PIECES):
        progress("measuring how sure they are", piece, _PIECES)
        kept = np.arange(len(frames)) * _PIECES // len(frames) != piece
        without.append(_adjusted(sight, found, found.cameras, _AGAIN_STEPS, kept).cameras)
    quality = _quality(sight, body, found, without)
    source = (
        f"the mouse itself: {len(frames)} frames, scale from {body.scale_from}, sure to "
        f"{quality.scale_percent:.0f} %"
    )
    home = found.cameras[0]
    placed = tuple(
        replace(
            camera, T_camera_world=camera.T_camera_world @ np.linalg.inv(home.T_camera_world),
            source=source,
        )
        for camera in found.cameras
    )  # fmt: skip
    return SelfCalibration(
        placed, quality, tuple(judge_self(quality, names)), body.scale_from, frames,
        home.to_camera(found.found.points),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Fit:
    cameras: tuple[Camera, ...]
    found: RobustTriangulation
    noise: Floats
    focal_sd: Floats


def _chosen(
    keypoints: Keypoints2D, body: BodyDistances, focal_sd: float, sd: Floats
) -> tuple[Sightings, Ints]:
    """Return what is fitted: frames that show several cameras most, spread over the recording."""
    pixels = np.moveaxis(keypoints.xy, 1, 0)
    whole = Sightings(pixels, sd, body, focal_sd)
    shared = (whole.seen.sum(axis=0) >= 2).sum(axis=1)
    usable = np.flatnonzero(shared >= _LEAST_IN_FRAME)
    if not len(usable):
        raise InputError(
            f"in no frame do two cameras see the same {_LEAST_IN_FRAME} keypoints: are the files "
            "of the same moments?"
        )
    # of every stretch of time the frame in which most is seen
    pieces = np.array_split(usable, min(len(usable), _MOST_FRAMES))
    views = whole.seen.sum(axis=(0, 2))
    frames = np.array([piece[views[piece].argmax()] for piece in pieces])
    return whole.frames(frames), frames


def _fitted(sight: Sightings, start: Sequence[Camera], progress: Progress) -> _Fit:
    """Return cameras adjusted to what they saw, wrong views left out anew in each round."""
    fit = _believed(sight, start)
    for turn in range(_ROUNDS):
        progress("adjusting cameras", turn, _ROUNDS)
        adjusted = _adjusted(sight, fit, fit.cameras, _STEPS)
        fit = _believed(sight, adjusted.cameras, adjusted.focal_sd)
    return fit


def _believed(sight: Sightings, cameras: Sequence[Camera], focal_sd: Floats | None = None) -> _Fit:
    """Return cameras with the points on which their views agree, and the noise of these."""
    noise = measure_noise(cameras, sight.pixels, sight.sd)
    found = triangulate_robust(cameras, sight.pixels, sight.sd, noise)
    unsure = np.zeros(len(cameras)) if focal_sd is None else focal_sd
    return _Fit(tuple(cameras), found, noise, unsure)


def _adjusted(
    sight: Sightings,
    fit: _Fit,
    cameras: Sequence[Camera],
    steps: int,
    kept: NDArray[np.bool_] | None = None,
) -> PointAdjustment:
    """Return cameras adjusted to the views that a fit believes, in the frames kept (T,)."""
    frames = np.ones(sight.sd.shape[1], bool) if kept is None else kept
    used = fit.found.used[:, frames]
    stated = np.where(used, sight.sd[:, frames] * fit.noise, 1.0)
    return adjust_points(
        cameras, fit.found.points[frames], sight.pixels[:, frames],
        np.where(used, stated**-2.0, 0.0), sight.body.ties(int(frames.sum())),
        focal_sd=sight.focal_sd, most_steps=steps,
    )  # fmt: skip


def _quality(
    sight: Sightings, body: BodyDistances, fit: _Fit, without: Sequence[Sequence[Camera]]
) -> SelfQuality:
    found = fit.found
    known = np.asarray(np.isfinite(found.points).all(axis=-1))
    _, scale_sd, unlike = body.compare(found.points)
    turn, shift = _jackknife(fit.cameras, without)
    in_frame = np.flatnonzero(known.any(axis=-1))
    middle = np.median(found.points[known], axis=0) if len(in_frame) else np.zeros(3)
    distance = np.array([np.linalg.norm(camera.position - middle) for camera in fit.cameras])
    centres = np.nanmedian(found.points[in_frame], axis=1)
    return SelfQuality(
        frames=found.points.shape[0],
        places=len(np.unique(np.floor(centres / _PLACE_MM), axis=0)),
        points=found.used.sum(axis=(1, 2)),
        shared=sight.shared,
        median_px=np.array(
            [_median(found.distance[c][found.used[c]]) for c in range(len(fit.cameras))]
        ),
        left_out=1 - float(found.used.sum() / max(int(sight.seen.sum()), 1)),
        degrees=_median(found.degrees[known]),
        scale_percent=100 * float(np.hypot(body.size_sd, scale_sd)),
        unlike=float(np.sqrt(unlike)),
        turn_sd=turn,
        place_sd=shift / distance,
        focal_sd=fit.focal_sd,
    )


def _jackknife(
    cameras: Sequence[Camera], without: Sequence[Sequence[Camera]]
) -> tuple[Floats, Floats]:
    """Return standard deviations of turns (C,) degrees and places (C,) mm, to the first camera.

    From fits without pieces of time (Efron & Stein, Annals of Statistics 9, 1981).
    """
    here = _relative(cameras)
    turns, shifts = [], []
    for others in without:
        there = _relative(others)
        apart = np.swapaxes(here[:, :3, :3], 1, 2) @ there[:, :3, :3]
        turns.append(rotation.log(apart))
        places = [-np.swapaxes(p[:, :3, :3], 1, 2) @ p[:, :3, 3:] for p in (here, there)]
        shifts.append((places[1] - places[0])[..., 0])
    count = len(without)
    spread = [
        ((np.array(off) - np.mean(off, axis=0)) ** 2).sum(axis=(0, 2)) for off in (turns, shifts)
    ]
    turn, shift = np.sqrt((count - 1) / count * np.array(spread))
    return np.degrees(turn), shift


def _relative(cameras: Sequence[Camera]) -> Floats:
    """Return the poses (C, 4, 4) of cameras to the first one."""
    home = np.linalg.inv(cameras[0].T_camera_world)
    return np.stack([camera.T_camera_world @ home for camera in cameras])


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else float("nan")
