"""A recording that is planned: where its cameras stand, what their tracker marks, and how well.

`record` plays a walking mouse in front of it. The marks slide on the skin as real ones do, by the
keypoint map's own figures, so that what comes out is not better than the body model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.body.prior import PosePrior
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.simulate.observe import observe, watching_camera
from mousepose.simulate.walk import SimulatedWalk, walking_mouse
from mousepose.types import Floats, Keypoints2D, require

#: A walk, 143 mm/s.
_STRIDE_MM, _STRIDES_PER_SECOND = 55.0, 2.6
#: The mouse goes round in circles, so that it shows itself from all sides: least and greatest
#: radius (mm), and the radius as a share of what the cameras see to either side.
_RADIUS_MM, _RADIUS_SHARE = (60.0, 100.0), 0.5
#: The middle of a standing mouse, at which cameras look (mm).
_MIDDLE = (0.0, 0.0, 15.0)
#: Skin slides over bone, and slides back, in about this time (s).
_SLIDE_SECONDS = 0.3


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras that stand about a floor z = 0 and look at its middle, and the tracker behind them.

    `keypoints` names a keypoint map. Image points have normal noise of `noise_px` an axis; every
    paw is hidden for `hidden_feet` (0-1) of the time. Raises `InputError` on numbers that make no
    recording.
    """

    cameras: tuple[Camera, ...]
    keypoints: str = "dataset22"
    noise_px: float = 2.0
    hidden_feet: float = 0.3
    frames_per_second: float = 60.0

    def __post_init__(self) -> None:
        require(len(self.cameras) > 0, "a rig needs at least one camera")
        require(self.noise_px >= 0, f"noise: expected 0 px or more, got {self.noise_px:g}")
        require(
            0 <= self.hidden_feet < 1,
            f"hidden feet: expected a share from 0 to below 1, got {self.hidden_feet:g}",
        )
        require(
            5 <= self.frames_per_second <= 1000,
            f"frames a second: expected 5 to 1000, got {self.frames_per_second:g}",
        )

    @property
    def distance_mm(self) -> float:
        """Return how far the cameras stand from a mouse in the middle, on average."""
        away = [np.linalg.norm(camera.position - np.array(_MIDDLE)) for camera in self.cameras]
        return float(np.mean(away))

    @property
    def elevation_deg(self) -> float:
        """Return how far above the mouse's horizon the cameras stand, on average."""
        away = np.stack([camera.position - np.array(_MIDDLE) for camera in self.cameras])
        return float(np.rad2deg(np.arcsin(away[:, 2] / np.linalg.norm(away, axis=1)).mean()))


@dataclass(frozen=True, eq=False)
class Recording:
    """What a rig saw of a walk, and the walk."""

    keypoints: Keypoints2D
    walk: SimulatedWalk


def cameras_around(
    lens: Camera, count: int, distance_mm: float, elevation_deg: float
) -> tuple[Camera, ...]:
    """Return `count` cameras of one lens around a mouse at (0, 0), all as far away and as high.

    `elevation_deg` counts from the mouse's horizon, 90 looks straight down, below 0 from beneath a
    glass floor. Raises `InputError` on a place that is none.
    """
    require(1 <= count <= 16, f"cameras: expected 1 to 16, got {count}")
    require(50 <= distance_mm <= 10_000, f"distance: expected 50 to 10000 mm, got {distance_mm:g}")
    require(
        -90 <= elevation_deg <= 90, f"elevation: expected -90 to 90 degrees, got {elevation_deg:g}"
    )
    steep = float(np.clip(elevation_deg, -89.9, 89.9))  # straight down no side is up
    placed = []
    for k in range(count):
        stand = watching_camera(
            _MIDDLE,
            distance_mm=distance_mm,
            azimuth_deg=-90.0 + 360.0 * k / count,
            elevation_deg=steep,
        )
        placed.append(
            replace(
                lens,
                T_camera_world=stand.T_camera_world,
                floor_plane=stand.floor_plane,
                name=f"cam_{k}",
            )
        )
    return tuple(placed)


def cameras_on_floor(cameras: Sequence[Camera]) -> tuple[Camera, ...]:
    """Return placed cameras in a world whose floor is z = 0; they look at a mouse at (0, 0).

    Raises `InputError` where no camera knows the floor or one does not look at it.
    """
    plane = next((c.floor_plane for c in cameras if c.floor_plane is not None), None)
    if plane is None:
        raise InputError("no camera knows its floor: where it stands must be told")
    normal = plane[:3]
    raised = plane - np.array([0.0, 0.0, 0.0, _MIDDLE[2]])
    looked_at = np.mean([_looked_at(camera, raised) for camera in cameras], axis=0)
    # x is any direction in the floor
    across = np.cross(np.eye(3)[np.argmin(np.abs(normal))], normal)
    across /= np.linalg.norm(across)
    old_from_new = np.eye(4)
    old_from_new[:3, :3] = np.stack([across, np.cross(normal, across), normal], axis=1)
    old_from_new[:3, 3] = looked_at - _MIDDLE[2] * normal
    flat = np.array([0.0, 0.0, 1.0, 0.0])
    return tuple(
        replace(c, T_camera_world=c.T_camera_world @ old_from_new, floor_plane=flat)
        for c in cameras
    )


def _looked_at(camera: Camera, plane: Floats) -> Floats:
    """Return the point (3,) of a plane that lies in the middle of a camera's view."""
    start, ahead = camera.position, camera.rotation[2]
    height, fall = plane[:3] @ start + plane[3], plane[:3] @ ahead
    if height * fall >= 0:
        raise InputError(f"camera {camera.name!r} does not look at its floor")
    return np.asarray(start - height / fall * ahead)


def record(
    rig: Rig, body: BodyModel, prior: PosePrior, seconds: float = 4.0, seed: int = 0
) -> Recording:
    """Return what a rig sees of a mouse that walks in circles, and the walk itself.

    The mouse stands as the prior's mean does and differs from it in size and shape; each `seed` is
    another mouse.
    """
    random = np.random.default_rng([seed, 7])
    shape = np.array(prior.shape) + 0.5 * body.shape_space.sd * random.standard_normal(
        len(body.shape_space)
    )
    walk = walking_mouse(
        body, seconds, rig.frames_per_second, stride_length_mm=_STRIDE_MM,
        strides_per_second=_STRIDES_PER_SECOND, turn_radius_mm=_radius(rig), shape=shape,
        posture=prior.mean, seed=seed,
    )  # fmt: skip
    marks = load_keypoint_map(rig.keypoints).restricted_to(body).marks(body)
    seen = observe(
        body, walk.pose, walk.times, rig.cameras, marks, noise_px=rig.noise_px,
        occluded_feet=rig.hidden_feet, seed=seed,
    )  # fmt: skip
    rotations, _ = body.bones(walk.pose)
    points = body.marks(walk.pose, marks)
    away = _slides(random, walk.times, marks.sigma)
    slid = points + (rotations[:, marks.bone] @ away[..., None])[..., 0]
    moved = [camera.project(slid) - camera.project(points) for camera in rig.cameras]
    return Recording(replace(seen, xy=seen.xy + np.stack(moved, axis=1)), walk)


def _radius(rig: Rig) -> float:
    """Return the radius (mm) of a path that the cameras see."""
    reach = [
        np.linalg.norm(c.position - np.array(_MIDDLE)) * min(c.size) / 2 / c.matrix[0, 0]
        for c in rig.cameras
    ]  # mm to either side
    return float(np.clip(_RADIUS_SHARE * min(reach), *_RADIUS_MM))


def _slides(random: np.random.Generator, times: Floats, sigma: Floats) -> Floats:
    """Return how far (T, M, 3) mm marks lie off their places: of SD `sigma` (M,), changing slowly.

    An Ornstein-Uhlenbeck process of `_SLIDE_SECONDS`, run in before the first frame.
    """
    step = float(times[1] - times[0]) if len(times) > 1 else _SLIDE_SECONDS
    kept = np.exp(-step / _SLIDE_SECONDS)
    before = int(np.ceil(5 * _SLIDE_SECONDS / step))
    noise = random.standard_normal((before + len(times), len(sigma), 3))
    slow = lfilter([np.sqrt(1 - kept**2)], [1.0, -kept], noise, axis=0)
    return np.asarray(slow[before:] * sigma[:, None])
