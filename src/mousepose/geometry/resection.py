"""Where a known object stands before a camera: poses from points and their pixels, many at once.

A plane has two poses of nearly the same image when it is far and small: its normal and the one
mirrored at the line of sight (Schweighofer & Pinz, IEEE PAMI 28, 2006). Both are refined, the
better one is kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.geometry.homography import fit_homography
from mousepose.types import Floats, require

_STEPS = 30
_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e9
#: A step that lowers the cost by less than this share ends the search.
_CONVERGED = 1e-7
_LEAST_POINTS = 4


class Poses(NamedTuple):
    """T_camera_object (V, 4, 4) and the rms distance (V,) px; NaN where no pose was found."""

    transforms: Floats
    rms: Floats

    def of(self, views: NDArray[Any]) -> Poses:
        """Return the poses of the views that a mask (V,) or their places name."""
        return Poses(self.transforms[views], self.rms[views])


def moved(transforms: Floats, steps: Floats) -> Floats:
    """Return transforms (*B, 4, 4) after steps (*B, 6): a turn (rad) of R from the left, a shift.

    The turn is about the object's own origin: R becomes exp(w) R, t becomes t + v.
    """
    result = transforms.copy()
    result[..., :3, :3] = rotation.exp(steps[..., :3]) @ transforms[..., :3, :3]
    result[..., :3, 3] += steps[..., 3:]
    return result


def is_seen(pixels: Floats) -> NDArray[np.bool_]:
    """Return which points (*B) have pixels (*B, 2): those that are NaN were not seen."""
    return np.asarray(np.isfinite(pixels).all(axis=-1))


def plane_poses(camera: Camera, points: ArrayLike, pixels: ArrayLike) -> Poses:
    """Return where a plane stands in V views: points (P, 3) mm with z = 0, pixels (V, P, 2).

    NaN pixels are not seen. NaN poses where fewer than four points are seen or all on one line. The
    camera's own pose plays no part: the poses are in its frame.
    """
    plane, seen_at = np.asarray(points, np.float64), np.asarray(pixels, np.float64)
    require(
        plane.ndim == 2 and plane.shape[1] == 3 and seen_at.shape[1:] == (len(plane), 2),
        f"expected points (P, 3) and pixels (V, P, 2), got {plane.shape} and {seen_at.shape}",
    )
    flat = camera.undistort(seen_at)
    starts = np.stack([_starts(plane, view) for view in flat]).reshape(-1, 2, 4, 4)
    first = refine_poses(camera, plane, seen_at, starts[:, 0])
    second = refine_poses(camera, plane, seen_at, starts[:, 1])
    better = np.nan_to_num(second.rms, nan=np.inf) < np.nan_to_num(first.rms, nan=np.inf)
    return Poses(
        np.where(better[:, None, None], second.transforms, first.transforms),
        np.where(better, second.rms, first.rms),
    )


def refine_poses(camera: Camera, points: Floats, pixels: Floats, starts: Floats) -> Poses:
    """Return the poses (V, 4, 4) that fit pixels (V, P, 2) best, from `starts` (V, 4, 4).

    `points` (P, 3) mm are in the object's frame. Levenberg-Marquardt, all views at once; a view
    whose start is NaN or behind the camera stays NaN.
    """
    own = Camera(camera.matrix, camera.distortion, np.eye(4), camera.size, model=camera.model)
    transforms = starts.copy()
    damping = np.full(len(starts), _FIRST_DAMPING)
    residual, jacobian = _residuals(own, points, pixels, transforms)
    cost = (residual**2).sum(axis=(1, 2))
    active = np.isfinite(cost)
    for _ in range(_STEPS):
        if not active.any():
            break
        views = np.flatnonzero(active)
        steps = _steps(residual[views], jacobian[views], damping[views])
        proposal = moved(transforms[views], steps)
        new_residual, new_jacobian = _residuals(own, points, pixels[views], proposal)
        new_cost = (new_residual**2).sum(axis=(1, 2))
        better = new_cost < cost[views]
        done = np.where(better, cost[views] - new_cost < _CONVERGED * cost[views], False)
        taken = views[better]
        transforms[taken], cost[taken] = proposal[better], new_cost[better]
        residual[taken], jacobian[taken] = new_residual[better], new_jacobian[better]
        damping[views] *= np.where(better, 0.1, 10.0)
        active[views[done]] = False
        active &= damping < _LARGEST_DAMPING
    seen = is_seen(pixels).sum(axis=1)
    good = np.isfinite(cost) & (seen >= _LEAST_POINTS)
    with np.errstate(invalid="ignore", divide="ignore"):
        rms = np.where(good, np.sqrt(cost / seen), np.nan)
    return Poses(np.where(good[:, None, None], transforms, np.nan), rms)


def _residuals(
    camera: Camera, points: Floats, pixels: Floats, transforms: Floats
) -> tuple[Floats, Floats]:
    """Return residuals (V, P, 2) px, 0 where not seen, and their derivatives (V, P, 2, 6).

    A seen point behind the camera makes the residual infinite.
    """
    turned = np.einsum("vij,pj->vpi", transforms[:, :3, :3], points)
    image, slope = camera.project(turned + transforms[:, None, :3, 3], jacobian=True)
    seen = is_seen(pixels)[..., None]
    residual = np.where(seen, pixels - image, 0.0)
    residual[np.isnan(residual)] = np.inf
    jacobian = np.concatenate([slope @ -rotation.skew(turned), slope], axis=-1)
    return residual, np.where(seen[..., None], jacobian, 0.0)


def _steps(residual: Floats, jacobian: Floats, damping: Floats) -> Floats:
    """Return the damped Gauss-Newton steps (V, 6)."""
    normal = np.einsum("vpki,vpkj->vij", jacobian, jacobian)
    gradient = np.einsum("vpki,vpk->vi", jacobian, residual)
    diagonal = np.einsum("vii->vi", normal)
    diagonal *= 1 + damping[:, None]
    diagonal += 1e-300  # a point-less view has no slope
    return np.asarray(np.linalg.solve(normal, gradient[..., None])[..., 0])


def _starts(plane: Floats, view: Floats) -> Floats:
    """Return two poses (2, 4, 4) of a plane seen at normalised points (P, 2), NaN where none."""
    seen = is_seen(view)
    if np.count_nonzero(seen) < _LEAST_POINTS:
        return np.full((2, 4, 4), np.nan)
    try:
        homography = fit_homography(plane[seen, :2], view[seen])
    except InputError:
        return np.full((2, 4, 4), np.nan)
    centre = np.append(plane[seen, :2].mean(axis=0), 0.0)
    first = _decomposed(homography, centre)
    return np.stack([first, _mirrored(first, centre)])


def _decomposed(homography: Floats, centre: Floats) -> Floats:
    """Return the pose (4, 4) whose first two axes and shift are the columns of a homography.

    Of its two signs the one that puts the plane's point `centre` (3,) before the camera.
    """
    scale = 2 / np.linalg.norm(homography[:, :2], axis=0).sum()
    columns = homography * scale * np.sign(homography[2] @ (*centre[:2], 1.0))
    axes = np.column_stack([columns[:, :2], np.cross(columns[:, 0], columns[:, 1])])
    left, _, right = np.linalg.svd(axes)
    pose = np.eye(4)
    pose[:3, :3] = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    pose[:3, 3] = columns[:, 2]
    return pose


def _mirrored(pose: Floats, centre: Floats) -> Floats:
    """Return the pose whose plane is mirrored at the line of sight to its point `centre` (3,)."""
    place = pose[:3, :3] @ centre + pose[:3, 3]
    sight = place / np.linalg.norm(place)
    normal = pose[:3, 2]
    # the turn that takes the normal to its mirror image, about the axis across both
    axis = np.cross(normal, sight) * np.sign(normal @ sight or 1.0)
    angle = 2 * np.arctan2(np.linalg.norm(axis), abs(normal @ sight))
    length = np.linalg.norm(axis)
    other = np.eye(4)
    turn = rotation.exp(axis / length * angle) if length > 0 else np.eye(3)
    other[:3, :3] = turn @ pose[:3, :3]
    other[:3, 3] = place - other[:3, :3] @ centre
    return other
