"""From tracked pixels to what the kernels read: names matched, numbers checked, lens taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.fit.arrays import Points
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Keypoints2D

#: A point this many image sizes outside the picture is a tracker's mistake, not an animal.
_FAR_OUTSIDE = 0.5
#: xx, xy, yy that stand where nothing was seen; any positive matrix would do.
_UNSEEN_COVARIANCE = np.array([1.0, 0.0, 1.0])
#: px^2; a variance outside these is no noise of an image point, and the point counts as not seen.
_VARIANCES = (1e-12, 1e12)
#: s; frames nearer in time come from times in another unit, and velocities would lose all digits.
_LEAST_INTERVAL = 1e-5
#: Names that are listed one by one in an error.
_LISTED = 6


@dataclass(frozen=True, eq=False)
class Observation:
    """Points for the kernels, which marks are seen in each frame (T, M), and what was set aside."""

    points: Points
    seen: NDArray[np.bool_]
    unknown_columns: tuple[str, ...]
    outside: int


def check_keypoints(keypoints: Keypoints2D) -> None:
    """Raise `InputError`, naming the frame, for numbers that no tracker means.

    Confidence outside 0-1, frame numbers or times that do not increase, infinite coordinates or
    times, times in another unit than s, covariances that are not symmetric.
    """
    problems = []
    frames = keypoints.frame_numbers

    def report(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            first = int(np.argmax(bad))
            problems.append(f"frame {frames[first]}: {what} ({int(bad.sum())} such frames)")

    confidence = keypoints.confidence
    wrong = (confidence < 0) | (confidence > 1)
    report(np.asarray(wrong.any(axis=(1, 2))), "confidence outside 0 to 1")
    report(np.asarray(np.isinf(keypoints.xy).any(axis=(1, 2, 3))), "infinite coordinates")
    report(np.r_[False, np.diff(frames) <= 0], "frame number does not increase")
    times = np.asarray(keypoints.times, np.float64)
    report(~np.isfinite(times), "time is not a number")
    step = np.diff(np.nan_to_num(times, posinf=0, neginf=0), prepend=-np.inf)
    report(~(step > 0), "time does not increase")
    report(
        (step > 0) & (step < _LEAST_INTERVAL),
        f"less than {_LEAST_INTERVAL:g} s after the frame before; times are in seconds",
    )
    if keypoints.covariance is not None:
        xy, yx = keypoints.covariance[..., 0, 1], keypoints.covariance[..., 1, 0]
        skewed = np.isfinite(xy) & np.isfinite(yx) & ~np.isclose(xy, yx)
        report(np.asarray(skewed.any(axis=(1, 2))), "covariance is not symmetric")
    if problems:
        raise InputError("keypoints cannot be used: " + "; ".join(problems))


def observe(keypoints: Keypoints2D, setup: Setup) -> Observation:
    """Return the keypoints as the kernels read them, in the order of the setup's keypoint map.

    Raises `InputError` where numbers are impossible, cameras do not match, or fewer than
    `min_keypoints` names are known.
    """
    check_keypoints(keypoints)
    if keypoints.xy.shape[1] != len(setup.cameras):
        raise InputError(
            f"keypoints come from {keypoints.xy.shape[1]} cameras, {len(setup.cameras)} were given"
        )
    selection = setup.keypoint_map.select(keypoints.keypoint_names)
    order = [setup.keypoint_map.names.index(name) for name in selection.map.names]
    if len(order) < setup.min_keypoints:
        needed = f"at least {setup.min_keypoints} are needed"
        raise InputError(
            f"only {len(order)} of the {len(keypoints.keypoint_names)} columns are keypoints of "
            f"the map, {needed}{_listed(selection.problems)}"
        )
    columns = list(selection.columns)
    frames, cameras, count = len(keypoints), len(setup.cameras), len(setup.keypoint_map)
    points = Points(
        np.full((frames, cameras, count, 2), np.nan),
        np.tile(_UNSEEN_COVARIANCE, (frames, cameras, count, 1)),
    )
    outside = 0
    for view, camera in enumerate(setup.cameras):
        xy = keypoints.xy[:, view, columns]
        confidence = np.nan_to_num(keypoints.confidence[:, view, columns])
        pixel = _pixel_covariance(keypoints, view, columns, confidence, setup.config.pixel_sigma)
        usable = np.isfinite(xy).all(-1) & (confidence >= setup.config.min_confidence)
        usable &= _is_noise(pixel)
        inside = _near_image(xy, camera)
        outside += int((usable & ~inside).sum())
        usable &= inside
        straight, spread = _undistort(xy, pixel, usable, camera)
        points.xy[:, view, order] = straight
        points.covariance[:, view, order] = spread
    return Observation(
        points,
        np.asarray(np.isfinite(points.xy[..., 0]).any(axis=1)),
        tuple(selection.unknown),
        outside,
    )


def check_axes(keypoints: Keypoints2D, setup: Setup) -> str | None:
    """Return a warning where points leave the image as they are, but fit it with x, y swapped."""
    for view, camera in enumerate(setup.cameras):
        xy = keypoints.xy[:, view]
        known = np.isfinite(xy).all(-1)
        if not known.any():
            continue
        outside = [
            float(np.mean(((p < -0.5) | (p > np.array(camera.size) - 0.5)).any(-1)))
            for p in (xy[known], xy[known][:, ::-1])
        ]
        if outside[0] > 0.05 and outside[1] < 0.2 * outside[0]:
            return (
                f"{100 * outside[0]:.0f} % of the points lie outside the image of camera "
                f"{camera.name!r}, {100 * outside[1]:.0f} % if x and y are swapped: "
                "are the columns in the right order?"
            )
    return None


def _listed(problems: list[str]) -> str:
    """Return ": " and the first problems with how many more there are, or nothing."""
    if not problems:
        return ""
    more = f"; and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
    return ": " + "; ".join(problems[:_LISTED]) + more


def _is_noise(pixel: Floats) -> NDArray[np.bool_]:
    """Return which covariances (*B, 2, 2) px^2 an image point can have."""
    low, high = _VARIANCES
    variance = np.diagonal(pixel, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", over="ignore"):
        narrow = np.abs(pixel[..., 0, 1]) < (1 - 1e-9) * np.sqrt(np.abs(variance).prod(-1))
        return np.asarray(((variance > low) & (variance < high)).all(-1) & narrow)


def _near_image(xy: Floats, camera: Camera) -> NDArray[np.bool_]:
    size = np.array(camera.size, np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(((xy > -_FAR_OUTSIDE * size) & (xy < (1 + _FAR_OUTSIDE) * size)).all(-1))


def _pixel_covariance(
    keypoints: Keypoints2D, view: int, columns: list[int], confidence: Floats, sigma: float
) -> Floats:
    """Return pixel covariances (T, K, 2, 2): as given, or sigma^2 / confidence."""
    if keypoints.covariance is not None:
        return keypoints.covariance[:, view, columns]
    variance = sigma**2 / np.maximum(confidence, 1e-6)
    return variance[..., None, None] * np.eye(2)


def _undistort(
    xy: Floats, pixel: Floats, usable: NDArray[np.bool_], camera: Camera
) -> tuple[Floats, Floats]:
    """Return points in normalised coordinates, NaN where unusable, and covariance xx, xy, yy."""
    straight = np.full(xy.shape, np.nan)
    spread = np.tile(_UNSEEN_COVARIANCE, (*xy.shape[:-1], 1))
    if not usable.any():
        return straight, spread
    found = camera.undistort(xy[usable])
    slope = camera.local_scale(xy[usable])
    lens = np.linalg.inv(camera.matrix[:2, :2]) @ slope
    turned = lens @ pixel[usable] @ np.swapaxes(lens, -1, -2)
    good = np.isfinite(found).all(-1) & (turned[:, 0, 0] > 0) & (np.linalg.det(turned) > 0)
    straight[usable] = np.where(good[:, None], found, np.nan)
    flat = np.stack([turned[:, 0, 0], turned[:, 0, 1], turned[:, 1, 1]], -1)
    spread[usable] = np.where(good[:, None], flat, _UNSEEN_COVARIANCE)
    return straight, spread
