"""Gait of simulated walkers whose strides are known: their points, and seen through cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose import Scale, reconstruct
from mousepose.analysis.floor import above_floor, find_floor
from mousepose.analysis.gait import Gait, analyse_gait
from mousepose.analysis.motion import motion_of
from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.simulate.walk import SimulatedWalk
from mousepose.types import Floats, Keypoints3D

NOISE_MM, NOISE_PX = 0.7, 2.0
SECONDS, RATE = 4.0, 60.0


@dataclass(frozen=True)
class Compared:
    """Stride lengths (N,) mm of walkers: true, by paws, by rhythm; and if the interval holds."""

    true: Floats
    events: Floats
    spectral: Floats
    inside: Floats

    def figures(self) -> dict[str, dict[str, float]]:
        """Return bias, mean error and concordance of both methods; NaN where none was found."""
        methods = {"events": self.events, "spectral": self.spectral}
        found = {}
        for name, values in methods.items():
            known = np.isfinite(values)
            if known.sum() > 2:
                error = values[known] - self.true[known]
                found[name] = {
                    "stride_bias_mm": float(error.mean()),
                    "stride_error_mm": float(np.abs(error).mean()),
                    "ccc": concordance(self.true[known], values[known]),
                    "found_percent": float(100 * known.mean()),
                }
        if "spectral" in found:
            found["spectral"]["interval_holds_percent"] = float(100 * np.nanmean(self.inside))
        return found


def concordance(one: Floats, other: Floats) -> float:
    """Return Lin's concordance correlation coefficient (Biometrics 45, 1989)."""
    covariance = np.mean((one - one.mean()) * (other - other.mean()))
    return float(2 * covariance / (one.var() + other.var() + (one.mean() - other.mean()) ** 2))


def walkers(count: int) -> list[SimulatedWalk]:
    """Return walkers that differ in stride, rhythm, path and body."""
    random = np.random.default_rng(7)
    body, prior = default_body(), load_prior()
    found: list[SimulatedWalk] = []
    while len(found) < count:
        shape = np.array(prior.shape)
        shape = shape + 0.5 * body.shape_space.sd * random.standard_normal(len(shape))
        try:
            found.append(
                walking_mouse(
                    body, SECONDS, RATE, stride_length_mm=random.uniform(38, 62),
                    strides_per_second=random.uniform(2.0, 5.0),
                    turn_radius_mm=random.choice([180.0, 300.0, 1e6]), shape=shape,
                    posture=prior.mean, seed=int(random.integers(1 << 30)),
                )
            )  # fmt: skip
        except InputError:  # a stride out of this body's reach
            continue
    return found


def from_points(walks: Sequence[SimulatedWalk], hidden: float) -> Compared:
    """Return what noisy points tell; paws are hidden for a share of the time, in runs of 0.3 s.

    At 1 knees and elbows are hidden too: nothing of the legs is known.
    """
    random = np.random.default_rng(3)
    gaits = []
    for walk in walks:
        sequence = walk.sequence(default_body())
        xyz = sequence.keypoints + random.normal(0, NOISE_MM, sequence.keypoints.shape)
        for index, name in enumerate(sequence.keypoint_names):
            if hidden >= 1 and name.endswith(("PAW", "KNEE", "ELBOW")):
                xyz[:, index] = np.nan
            elif name.endswith("PAW"):
                run = round(0.3 * RATE)
                gone = np.repeat(random.random(len(walk) // run + 1) < hidden, run)[: len(walk)]
                xyz[gone, index] = np.nan
        gaits.append(analyse_gait(Keypoints3D(xyz, sequence.times, sequence.keypoint_names)))
    return compared(walks, gaits)


def through_cameras(walks: Sequence[SimulatedWalk], cameras: int, hidden: float) -> Compared:
    """Return what the poses tell that are reconstructed from tracked points of 1 to 3 cameras."""
    body = default_body()
    gaits = []
    for seed, walk in enumerate(walks):
        middle = (*walk.pose.root_translation[:, :2].mean(axis=0), 15.0)
        far = 350.0 + np.ptp(walk.pose.root_translation[:, :2], axis=0).max()
        views = [
            watching_camera(middle, distance_mm=far, azimuth_deg=120.0 * n - 90, name=f"view{n}")
            for n in range(cameras)
        ]
        seen = observe(
            body, walk.pose, walk.times, views, noise_px=NOISE_PX,
            occluded_feet=min(hidden, 0.99), seed=seed,
        )  # fmt: skip
        if hidden >= 1:
            gone = np.array([name.endswith("PAW") for name in seen.keypoint_names])
            seen = replace(
                seen, xy=np.where(gone[:, None], np.nan, seen.xy),
                confidence=np.where(gone, 0.0, seen.confidence),
            )  # fmt: skip
        scale = Scale.floor() if cameras == 1 else None
        motion = motion_of(reconstruct(seen, views, scale=scale))
        gaits.append(analyse_gait(above_floor(motion, find_floor(motion))))
    return compared(walks, gaits)


def compared(walks: Sequence[SimulatedWalk], gaits: Sequence[Gait]) -> Compared:
    """Return true and found stride lengths; the longest bout of each walker counts."""
    rows = []
    for walk, gait in zip(walks, gaits, strict=True):
        true = walk.stride_length_mm
        if not len(gait.bouts):
            rows.append((true, np.nan, np.nan, np.nan))
            continue
        bout = gait.bouts.loc[gait.bouts["duration_s"].idxmax()]
        low, high = bout["spectral_stride_length_low_mm"], bout["spectral_stride_length_high_mm"]
        inside = float(low <= true <= high) if np.isfinite(low) else np.nan
        events = bout["events_stride_length_mm"]
        rows.append((true, events, bout["spectral_stride_length_mm"], inside))
    return Compared(*np.array(rows, np.float64).T)
