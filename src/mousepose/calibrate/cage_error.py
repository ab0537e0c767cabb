"""How far a camera found from a cage may be off, and whether its corners fit the cage at all.

What is sought has, to first order, the covariance (J^T J)^-1 with J the derivative of the residuals
in units of their standard deviations: click noise, and how sure what is presumed of the lens is.
Whatever is a function of it follows by its gradient.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.calibrate.cage_geometry import CameraUncertainty, millimetres_per_pixel
from mousepose.calibrate.cage_solve import (
    CENTRE,
    LENS,
    LOG_FOCAL,
    PARAMETERS,
    Pose,
    Sight,
    residuals,
)
from mousepose.geometry.camera import Camera
from mousepose.types import Floats

#: Steps of the numeric derivatives: rad, mm, log, k1, px.
_STEPS = np.array([*[1e-5] * 3, *[1e-2] * 3, 1e-4, 1e-4, 1e-1, 1e-1])


def uncertainty(
    sight: Sight, pose: Pose, camera: Camera, floor_pixels: Floats
) -> CameraUncertainty:
    """Return how far the `camera` of `pose` may be off, looked at in `floor_pixels` (N, 2)."""
    free = sight.free
    _, jacobian = residuals(sight, pose)
    # The rows of the pseudo-inverse are what each residual does to what is sought.
    by_residual = _gradient(camera, floor_pixels, free) @ np.linalg.pinv(jacobian[:, free])
    variance = (by_residual**2).sum(axis=1)
    return CameraUncertainty(
        scale_percent=100 * float(np.sqrt(np.nanmean(variance[4:]))),
        focal_percent=100 * float(np.sqrt(variance[0])),
        tilt_degrees=float(np.rad2deg(np.sqrt(variance[1:4].sum()))),
    )


def _gradient(camera: Camera, floor_pixels: Floats, columns: list[int]) -> Floats:
    """Return the derivative (4+N, P) of log focal, floor normal (3) and log scale (N)."""
    rows = np.zeros((4 + len(floor_pixels), len(columns)))
    for place, column in enumerate(columns):
        change = np.zeros(PARAMETERS)
        change[column] = _STEPS[column]
        after = _figures(_moved(camera, change), floor_pixels)
        before = _figures(_moved(camera, -change), floor_pixels)
        rows[:, place] = (after - before) / (2 * _STEPS[column])
    return rows


def _moved(camera: Camera, change: Floats) -> Camera:
    """Return the camera after a change (10,) of the parameters."""
    moved = Pose(camera.rotation, camera.translation, np.zeros(4)).moved(change)
    matrix, lens = camera.matrix.copy(), camera.distortion
    matrix[:2, :2] *= np.exp(change[LOG_FOCAL])
    matrix[:2, 2] += change[CENTRE]
    if change[LENS]:
        lens = np.append(lens, np.zeros(max(0, 5 - len(lens))))
        lens[0] += change[LENS]
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = moved.rotation, moved.translation
    return replace(camera, matrix=matrix, distortion=lens, T_camera_world=transform)


def _figures(camera: Camera, floor_pixels: Floats) -> Floats:
    floor = camera.floor_in_camera
    assert floor is not None
    scale = np.log(millimetres_per_pixel(camera, floor_pixels))
    return np.concatenate([[np.log(camera.matrix[0, 0])], floor[:3], scale])
