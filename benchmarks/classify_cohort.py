"""Simulated cohorts in which an attribute changes how limbs are held, but hardly the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mousepose import Scale, reconstruct
from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.analysis.attributes.gait_measures import gait_segments
from mousepose.analysis.attributes.pool import pooled
from mousepose.analysis.attributes.segments import angle_segments, image_segments, space_segments
from mousepose.analysis.floor import above_floor, find_floor
from mousepose.analysis.gait import analyse_gait
from mousepose.analysis.motion import Motion, motion_of
from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.simulate.walk import SimulatedWalk
from mousepose.types import Keypoints2D, Keypoints3D

SECONDS, RATE = 5.0, 30.0
NOISE_PX, NOISE_MM = 2.0, 0.7
#: Animals of the second class hold their hind limbs outward by so much (rad); animals differ in
#: every angle of the hind limbs by a standard deviation of the other.
OUTWARD, SPREAD = 0.08, 0.03
SEGMENTS = SegmentConfig(seconds=1.0, least_segments=3)


@dataclass(frozen=True)
class View:
    """How high above the floor and from where (None: from anywhere) the camera looks, in degrees.

    `radius_mm` is that of the path: straight ones are long.
    """

    elevation_deg: float
    azimuth_deg: float | None
    radius_mm: float


#: Half a circle seen from anywhere: where a limb lies in the image says more of the animal's
#: heading than of the attribute, as in a cage.
TURNING = View(30.0, None, 180.0)
#: Straight past a camera at the side, as on a walkway: all animals are seen from one side.
SIDE = View(12.0, -90.0, 1e6)


@dataclass(frozen=True, eq=False)
class Cohort:
    """Animals with their class, and for each set of features a row for each."""

    samples: pd.DataFrame
    sets: dict[str, pd.DataFrame]


def cohort(animals: int, view: View, seed: int = 0) -> Cohort:
    """Return a cohort seen by one camera; every second animal holds its hind limbs outward.

    Sets: `2d` of the image, `3d`, `angles` and `gait` of the poses reconstructed from that image,
    and the same three of the true points (`true 3d`, ...) with noise of 0.7 mm.
    """
    random = np.random.default_rng([seed, 11])
    parts: dict[str, list[pd.DataFrame]] = {}
    names = [f"animal{number}" for number in range(animals)]
    affected = np.arange(animals) % 2 == 1
    for name, is_affected in zip(names, affected, strict=True):
        walk = walker(random, OUTWARD if is_affected else 0.0, view)
        for key, table in _measured(walk, view, random).items():
            parts.setdefault(key, []).append(table.assign(animal=name))
    sets = {}
    for key, tables in parts.items():
        joined = pd.concat(tables, ignore_index=True)
        own = pooled(joined.drop(columns="animal"), joined["animal"], SEGMENTS.least_segments)
        sets[key] = own.reindex(names)
    samples = pd.DataFrame(
        {"animal": names, "attribute": np.where(affected, "outward", "usual")}, index=names
    )
    return Cohort(samples, sets)


def walker(random: np.random.Generator, outward: float, view: View) -> SimulatedWalk:
    """Return an animal of its own size, stride and posture, its hind limbs `outward` rad."""
    body, prior = default_body(), load_prior()
    forward = body.axes[0]
    while True:
        shape = np.array(prior.shape)
        shape = shape + 0.5 * body.shape_space.sd * random.standard_normal(len(shape))
        posture = np.array(prior.mean, np.float64).reshape(-1, 3).copy()
        for side, sign in (("LEFT", 1.0), ("RIGHT", -1.0)):
            for joint in ("HIP", "KNEE"):
                place = body.skeleton.index(f"{side}_{joint}")
                posture[place] += random.normal(0, SPREAD, 3)
            hip = body.skeleton.index(f"{side}_HIP")
            posture[hip] += sign * outward * forward
        try:
            return walking_mouse(
                body, SECONDS, RATE, stride_length_mm=random.uniform(40, 52),
                strides_per_second=random.uniform(2.2, 2.8), shape=shape, posture=posture,
                turn_radius_mm=view.radius_mm, seed=int(random.integers(1 << 30)),
            )  # fmt: skip
        except InputError:  # a stride out of this body's reach
            continue


def _measured(
    walk: SimulatedWalk, view: View, random: np.random.Generator
) -> dict[str, pd.DataFrame]:
    body = default_body()
    sequence = walk.sequence(body)
    middle = (*walk.pose.root_translation[:, :2].mean(axis=0), 15.0)
    distance = random.uniform(700, 800)
    azimuth = random.uniform(0, 360) if view.azimuth_deg is None else view.azimuth_deg
    camera = watching_camera(
        middle, distance_mm=distance, azimuth_deg=azimuth, elevation_deg=view.elevation_deg
    )
    seed = int(random.integers(1 << 30))
    seen = observe(body, walk.pose, walk.times, camera, noise_px=NOISE_PX, seed=seed)
    found = motion_of(reconstruct(seen, [camera], scale=Scale.floor()))
    xyz = sequence.keypoints + random.normal(0, NOISE_MM, sequence.keypoints.shape)
    true = motion_of(Keypoints3D(xyz, sequence.times, sequence.keypoint_names))
    return in_sets(seen, {"": above_floor(found, find_floor(found)), "true ": true}, SEGMENTS)


def in_sets(
    seen: Keypoints2D, motions: dict[str, Motion], config: SegmentConfig
) -> dict[str, pd.DataFrame]:
    """Return the segments of each set of features: of the image and of each motion in space."""
    tables = {"2d": image_segments(seen, config)}
    for prefix, motion in motions.items():
        tables[f"{prefix}3d"] = space_segments(motion, config)
        tables[f"{prefix}angles"] = angle_segments(motion, config)
        tables[f"{prefix}gait"] = gait_segments(analyse_gait(motion))
    return tables


def seen_through(camera: Camera, points: Keypoints3D, noise_px: float, seed: int) -> Keypoints2D:
    """Return what a camera sees of points in the world's frame."""
    random = np.random.default_rng(seed)
    xy = camera.project(points.xyz)
    xy = xy + noise_px * random.standard_normal(xy.shape)
    known = np.isfinite(xy).all(axis=-1)
    return Keypoints2D(
        xy[:, None], known[:, None].astype(np.float64), points.times,
        np.arange(len(points.times)), points.keypoint_names,
    )  # fmt: skip
