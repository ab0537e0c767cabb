"""The world of cameras that see a board lying on the floor: its plane, and z up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mousepose.errors import InputError
from mousepose.geometry.bundle import adjust
from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import is_seen, plane_poses
from mousepose.types import Floats

#: Board axes to world axes: the board looks up, so its z, into it, is down.
_UPRIGHT = np.diag([1.0, -1.0, -1.0])


def on_floor(
    cameras: Sequence[Camera], points: Floats, pixels: Floats, thickness_mm: float = 0.0
) -> list[Camera]:
    """Return the cameras (C) in the world of a board that lies on the floor, print up.

    `pixels` (C, P, 2) of its corners (P, 3) are those of one frame, NaN where not seen. The world's
    origin is on the floor below the board's own, x along its columns, z up; the print lies
    `thickness_mm` above the floor. Raises `InputError` where no camera sees the board then.
    """
    seen = is_seen(pixels).any(axis=1)
    if not seen.any():
        raise InputError("no camera sees the board in the frame in which it lies on the floor")
    best = int(np.argmax(is_seen(pixels).sum(axis=1)))
    own = plane_poses(cameras[best], points, pixels[best][None]).transforms
    start = np.linalg.inv(cameras[best].T_camera_world) @ own
    if not np.isfinite(start).all():
        raise InputError("the board on the floor is seen too badly to tell how it lies")
    fitted = adjust(
        cameras, points, pixels[:, None], start, intrinsics=False, extrinsics=False
    ).T_world_object[0]
    T_floor_board = np.eye(4)
    T_floor_board[:3, :3] = _UPRIGHT
    T_floor_board[2, 3] = thickness_mm
    T_world_floor = fitted @ np.linalg.inv(T_floor_board)
    plane = np.array([0.0, 0.0, 1.0, 0.0])
    return [
        replace(camera, T_camera_world=camera.T_camera_world @ T_world_floor, floor_plane=plane)
        for camera in cameras
    ]
