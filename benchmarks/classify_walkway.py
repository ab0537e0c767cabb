"""The walkway recordings through one simulated camera, and in space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from classify_cohort import seen_through
from common import CannotMeasure, folder
from gait_real import walkway_points

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.analysis.attributes.segments import image_segments, space_segments
from mousepose.analysis.axes import body_axes
from mousepose.analysis.floor import above_floor, find_floor
from mousepose.analysis.motion import Motion, motion_of
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints3D

NOISE_PX = 2.0
#: Passages are short: segments of half a second.
SEGMENTS = SegmentConfig(seconds=0.5, least_segments=1)
_ELEVATION_DEG = 15.0
#: The trunk unknown for longer than this (s) parts two passages.
_PAUSE_S = 0.5


def walkway_segments(data: Path) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return recording, passage and mouse of each segment, and what image and space tell of it.

    The camera stands at the side of the walkway, with noise of 2 px. A passage is what lies between
    times in which the trunk is unknown. Recordings without a trunk are left out.
    """
    about: list[dict[str, str]] = []
    parts: dict[str, list[pd.DataFrame]] = {"2d": [], "3d": []}
    for path in sorted(folder(data, "walkway_c3d").glob("*.c3d")):
        motion = motion_of(walkway_points(path))
        if not all(map(motion.has, ("SPINE_MID", "SPINE_HIP"))):
            continue
        motion = above_floor(motion, find_floor(motion))
        for place, (start, stop) in enumerate(_passages(motion)):
            passage = motion.cut(start, stop)
            points = Keypoints3D(passage.xyz, passage.times, passage.names)
            seen = seen_through(_camera(points), points, NOISE_PX, len(about))
            image, space = image_segments(seen, SEGMENTS), space_segments(passage, SEGMENTS)
            if len(image) != len(space):
                raise CannotMeasure(f"{path.name}: image and space differ in what is known")
            parts["2d"].append(image)
            parts["3d"].append(space)
            about += [{
                "recording": path.stem, "mouse": path.name.split("_")[1],
                "passage": f"{path.stem}, {place}",
            }] * len(image)  # fmt: skip
    return pd.DataFrame(about), {
        name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()
    }


def _passages(motion: Motion) -> list[tuple[int, int]]:
    """Return the first frame and the end of each passage long enough for a segment."""
    known = np.flatnonzero(np.isfinite(body_axes(motion).heading))
    breaks = np.flatnonzero(np.diff(known) > _PAUSE_S * motion.rate)
    first = known[np.concatenate([[0], breaks + 1])]
    last = known[np.concatenate([breaks, [len(known) - 1]])]
    least = SEGMENTS.seconds * motion.rate
    return [(one, end + 1) for one, end in zip(first, last, strict=True) if end + 1 - one >= least]


def _camera(points: Keypoints3D) -> Camera:
    """Return a camera at the side of where the animal went."""
    flat = points.xyz[..., :2].reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(axis=1)]
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
    along = np.linalg.svd(flat[::50] - flat.mean(axis=0), full_matrices=False)[2][0]
    azimuth = np.rad2deg(np.arctan2(along[1], along[0])) - 90
    reach = np.ptp(flat @ along)
    return watching_camera(
        (*middle, 15.0), distance_mm=400 + reach, azimuth_deg=azimuth,
        elevation_deg=_ELEVATION_DEG, name="side",
    )  # fmt: skip
