"""What trackers would write of a known pose: noise, hidden feet, gaps, blunders; seeded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.model import BodyModel, Marks
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.types import Floats, Keypoints2D, Pose, require

#: A hidden paw stays hidden for about this long (s).
_HIDDEN_SECONDS = 0.3
#: A blunder lands this far off (px), at most.
_OUTLIER_PX = 60.0


def observe(
    body: BodyModel,
    pose: Pose,
    times: Floats,
    camera: Camera | Sequence[Camera],
    keypoints: Marks | KeypointMap | str | Path = "dataset22",
    *,
    noise_px: float = 2.0,
    occluded_feet: float = 0.0,
    gaps: Sequence[tuple[float, float]] = (),
    outliers: float = 0.0,
    seed: int = 0,
) -> Keypoints2D:
    """Return what one or more cameras see of `pose` (T) at `times` (T,) s, as a tracker tells it.

    Each coordinate has normal noise of `noise_px`. `occluded_feet` is the share of time (0-1) for
    which each paw is hidden, in runs of about 0.3 s; in `gaps`, spans (from, to) in s, nothing is
    seen; `outliers` is the share of points that land anywhere within 60 px. What lies outside the
    image is not seen. The same `seed` gives the same points. Raises `InputError` on shares outside
    0-1 and on negative noise.
    """
    require(noise_px >= 0, f"noise_px: expected 0 or more, got {noise_px}")
    require(0 <= occluded_feet < 1, f"occluded_feet: expected 0 to below 1, got {occluded_feet}")
    require(0 <= outliers <= 1, f"outliers: expected 0 to 1, got {outliers}")
    cameras = [camera] if isinstance(camera, Camera) else list(camera)
    marks = _marks_of(body, keypoints)
    random = np.random.default_rng(seed)
    points = body.marks(pose, marks)
    xy = np.stack([view.project(points) for view in cameras], axis=1)  # (T, C, K, 2)
    inside = _inside(xy, cameras)
    xy = xy + noise_px * random.standard_normal(xy.shape)
    confidence = random.uniform(0.85, 1.0, xy.shape[:-1])
    blunder = random.random(xy.shape[:-1]) < outliers
    xy[blunder] += random.uniform(-_OUTLIER_PX, _OUTLIER_PX, (np.count_nonzero(blunder), 2))
    confidence[blunder] = random.uniform(0.3, 1.0, np.count_nonzero(blunder))

    feet = np.array([body.skeleton.joint_names[bone].endswith("_PAW") for bone in marks.bone])
    hidden = np.zeros(xy.shape[:-1], bool)
    if occluded_feet > 0 and feet.any():
        hidden[..., feet] = _runs(random, times, hidden[0][:, feet].size, occluded_feet).reshape(
            len(times), len(cameras), -1
        )
    for start, stop in gaps:
        hidden |= ((times >= start) & (times < stop))[:, None, None]
    seen = inside & ~hidden
    return Keypoints2D(
        xy=np.where(seen[..., None], xy, np.nan),
        confidence=np.where(seen, confidence, 0.0),
        times=np.asarray(times, np.float64),
        frame_numbers=np.arange(len(times)),
        keypoint_names=marks.names,
    )


def watching_camera(
    target: Sequence[float] = (0.0, 0.0, 15.0),
    *,
    distance_mm: float = 650.0,
    azimuth_deg: float = -90.0,
    elevation_deg: float = 35.0,
    focal_px: float = 1100.0,
    size: tuple[int, int] = (1280, 1024),
    name: str = "cam_0",
) -> Camera:
    """Return a camera that looks at `target` (x, y, z) mm and knows the floor z = 0.

    `azimuth_deg` is where the camera stands about the target (0: on +x, 90: on +y),
    `elevation_deg` how far above the horizon, below 90.
    """
    require(distance_mm > 0, f"distance_mm: expected a positive number, got {distance_mm}")
    require(abs(elevation_deg) < 90, f"elevation_deg: expected -90 to 90, got {elevation_deg}")
    azimuth, elevation = np.deg2rad([azimuth_deg, elevation_deg])
    outwards = np.array([
        np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation),
    ])  # fmt: skip
    ahead = -outwards
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    transform = np.eye(4)
    transform[:3, :3] = rotation.exp(rotation.log(np.stack([right, np.cross(ahead, right), ahead])))
    transform[:3, 3] = -transform[:3, :3] @ (np.asarray(target) + distance_mm * outwards)
    lens = pinhole(size, focal_px)
    return Camera(
        lens.matrix,
        lens.distortion,
        transform,
        size,
        name=name,
        floor_plane=np.array([0.0, 0.0, 1.0, 0.0]),
        source="simulated",
    )


def _marks_of(body: BodyModel, keypoints: Marks | KeypointMap | str | Path) -> Marks:
    if isinstance(keypoints, Marks):
        return keypoints
    if not isinstance(keypoints, KeypointMap):
        keypoints = load_keypoint_map(keypoints)
    return keypoints.restricted_to(body).marks(body)


def _inside(xy: Floats, cameras: Sequence[Camera]) -> NDArray[np.bool_]:
    """Return (T, C, K) whether points lie on their camera's image."""
    corner = np.array([camera.size for camera in cameras], np.float64)[:, None] - 0.5
    return np.asarray(((xy >= -0.5) & (xy < corner)).all(axis=-1))  # NaN, behind it, is not inside


def _runs(
    random: np.random.Generator, times: Floats, count: int, share: float
) -> NDArray[np.bool_]:
    """Return (T, count) what is hidden for `share` of the time, in runs of about 0.3 s."""
    span = float(times[-1] - times[0]) + _HIDDEN_SECONDS
    shown_seconds = _HIDDEN_SECONDS * (1 - share) / share
    pairs = int(np.ceil(3 * span / (_HIDDEN_SECONDS + shown_seconds))) + 8
    lengths = random.uniform(0.5, 1.5, (count, pairs, 2)) * [shown_seconds, _HIDDEN_SECONDS]
    # Begin anywhere in the first pair, so that the first frames are like all others.
    ends = np.cumsum(lengths.reshape(count, -1), axis=1)
    ends -= random.uniform(0, shown_seconds + _HIDDEN_SECONDS, (count, 1))
    since = times - times[0]
    # Even stretches show the paw, odd ones hide it.
    stretch = np.stack([np.searchsorted(row, since, side="right") for row in ends], axis=1)
    return np.asarray(stretch % 2 == 1)
