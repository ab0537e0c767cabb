"""Real recordings in 3D seen through one simulated camera, reconstructed, and their gait measured.

The markers are projected with 2 px of noise and reconstructed by the method with the default body,
as tracked points of a video would be; markers on skin and on a head stage are taken for the joints
they are nearest to. What the camera gives is compared with the references of `gait_real.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import folder
from gait_real import (
    BELT_MM_S,
    agreement,
    in_windows,
    reference_cycles,
    spans,
    strides_of,
    treadmill_points,
    walkway_points,
)

from mousepose import reconstruct
from mousepose.analysis.floor import Floor, above_floor, find_floor, on_belt
from mousepose.analysis.gait import analyse_gait
from mousepose.analysis.locomotion import find_locomotion
from mousepose.analysis.motion import Motion, motion_of
from mousepose.simulate import watching_camera
from mousepose.types import Floats, Keypoints2D

NOISE_PX = 2.0
#: The camera's frames a second, at most; the markers have 200 or 300.
FASTEST_HZ = 100.0
_FRESH_S = 0.5


def treadmill_chain(data: Path) -> dict[str, dict[str, float]]:
    """Return how the gait seen by one camera agrees with the cycles of the knee marker."""
    held = motion_of(treadmill_points(data))
    over_belt = on_belt(held, BELT_MM_S)
    start, stop, length = reference_cycles(over_belt, held)
    # Ankles are known for too short a time to show the plane they stand on; the file has z up.
    ankles = np.concatenate([held.of(name)[:, 2] for name in held.names if name.endswith("PAW")])
    belt = Floor.level(np.array([0.0, 0.0, 1.0]), float(np.nanpercentile(ankles, 5)))
    seen = through_one_camera(above_floor(held, belt))
    gait = analyse_gait(on_belt(seen, BELT_MM_S))
    windows, lengths = spans(gait)
    reference = in_windows(windows, start, stop, length)
    return {
        "camera_spectral": agreement(reference, lengths),
        "camera_events": agreement(reference, in_windows(windows, *strides_of(gait))),
    }


def walkway_chain(data: Path) -> dict[str, dict[str, float]]:
    """Return how the gait of each pass seen by one camera agrees with that of the markers."""
    passes = []
    for path in sorted(folder(data, "walkway_c3d").glob("*.c3d")):
        motion = motion_of(walkway_points(path))
        if not all(map(motion.has, ("SPINE_MID", "SPINE_HIP"))):
            continue
        motion = above_floor(motion, find_floor(motion))
        paws = analyse_gait(motion).bouts
        locomotion = find_locomotion(motion)
        for row, (first, end) in enumerate(zip(locomotion.start, locomotion.stop, strict=True)):
            margin = round(_FRESH_S * motion.rate)
            part = motion.cut(max(0, first - margin), min(len(motion), end + margin))
            bouts = analyse_gait(through_one_camera(part)).bouts
            if len(bouts):
                seen = bouts.loc[bouts["duration_s"].idxmax()]
                passes.append(
                    (paws.iloc[row]["events_stride_length_mm"], seen["spectral_stride_length_mm"])
                )
    table = np.array(passes, np.float64)
    return {"camera_spectral": agreement(table[:, 0], table[:, 1])}


def through_one_camera(motion: Motion) -> Motion:
    """Return the motion of the poses reconstructed from what one camera would track of it."""
    step = max(1, int(np.ceil(motion.rate / FASTEST_HZ)))
    xyz, times = motion.xyz[::step], motion.times[::step]
    place = np.nanmedian(xyz[..., :2].reshape(-1, 2), axis=0)
    across = np.nanmax(np.ptp(_known(xyz[..., :2].reshape(-1, 2)), axis=0))
    camera = watching_camera((place[0], place[1], 15.0), distance_mm=350.0 + across)
    random = np.random.default_rng(0)
    xy = camera.project(xyz)
    xy = xy + NOISE_PX * random.standard_normal(xy.shape)
    known = np.isfinite(xy).all(axis=-1)
    tracked = Keypoints2D(
        xy=xy[:, None], confidence=np.where(known, 0.9, 0.0)[:, None], times=times,
        frame_numbers=np.arange(len(times)), keypoint_names=motion.names,
    )  # fmt: skip
    return motion_of(reconstruct(tracked, camera))


def _known(places: Floats) -> Floats:
    return places[np.isfinite(places).all(axis=1)]
