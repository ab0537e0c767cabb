"""Gait of simulated walkers whose strides are known: their points, and seen through cameras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose import Scale, reconstruct
from mousepose.analysis.floor import above_floor, find_floor, on_belt
from mousepose.analysis.gait import Gait, analyse_gait
from mousepose.analysis.gait_support import PATTERNS, pattern_of
from mousepose.analysis.motion import Motion, motion_of
from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.simulate import GAITS, observe, walking_mouse, watching_camera
from mousepose.simulate.walk import SimulatedWalk
from mousepose.types import Floats, Keypoints3D

NOISE_MM, NOISE_PX = 0.7, 2.0
SECONDS, RATE = 4.0, 60.0
#: Stride lengths (mm), strides a second and radii of the path (mm) of the walkers of each gait.
RANGES = {
    "walk": ((32, 55), (1.8, 3.2), (180.0, 300.0, 1e6)),
    "trot": ((40, 62), (2.5, 5.0), (180.0, 300.0, 1e6)),
    "gallop": ((48, 68), (5.0, 8.0), (300.0, 1e6)),
}
#: The radius (mm) of the running wheel.
WHEEL_MM = 70.0
#: Concordance of fewer walkers tells nothing.
_FEWEST_FOR_CCC = 5
_LIMBS = ("left_fore", "right_fore", "left_hind", "right_hind")


@dataclass(frozen=True)
class Found:
    """What was found of one walker, of its longest bout; NaN where nothing was."""

    gait: str
    true: float
    events: float = np.nan
    spectral: float = np.nan
    inside: float = np.nan
    duty: float = np.nan
    phase: float = np.nan
    support: float = np.nan


def walkers(count: int, seed: int = 7) -> list[SimulatedWalk]:
    """Return `count` walkers of each gait that differ in stride, rhythm, path and body."""
    random = np.random.default_rng(seed)
    body, prior = default_body(), load_prior()
    found: list[SimulatedWalk] = []
    for gait in GAITS:
        (short, long), (slow, quick), radii = RANGES[gait]
        while sum(walk.gait.name == gait for walk in found) < count:
            shape = np.array(prior.shape)
            shape = shape + 0.5 * body.shape_space.sd * random.standard_normal(len(shape))
            try:
                found.append(
                    walking_mouse(
                        body, SECONDS, RATE, stride_length_mm=random.uniform(short, long),
                        strides_per_second=random.uniform(slow, quick),
                        turn_radius_mm=random.choice(radii), shape=shape, posture=prior.mean,
                        gait=gait, seed=int(random.integers(1 << 30)),
                    )
                )  # fmt: skip
            except InputError:  # a stride out of this body's reach
                continue
    return found


def from_points(walks: Sequence[SimulatedWalk], hidden: float) -> list[Found]:
    """Return what noisy points tell; paws are hidden for a share of the time, in runs of 0.3 s.

    At 1 knees and elbows are hidden too: nothing of the legs is known.
    """
    random = np.random.default_rng(3)
    return [compared(walk, analyse_gait(_noisy(walk, hidden, random))) for walk in walks]


def in_wheel(walks: Sequence[SimulatedWalk]) -> list[Found]:
    """Return what is told of straight walkers in a running wheel whose rim's speed is known."""
    random = np.random.default_rng(5)
    found = []
    for walk in walks:
        if np.ptp(walk.pose.root_translation[:, 1]) > 15:
            continue
        points = _noisy(walk, 0.0, random)
        speed = walk.stride_length_mm * walk.strides_per_second
        place = points.xyz[..., 0] - speed * points.times[:, None]
        angle = (place - np.median(place)) / WHEEL_MM
        away = WHEEL_MM - points.xyz[..., 2]
        rolled = np.stack(
            [away * np.sin(angle), points.xyz[..., 1], WHEEL_MM - away * np.cos(angle)], axis=-1
        )
        motion = motion_of(Keypoints3D(rolled, points.times, points.keypoint_names))
        found.append(compared(walk, analyse_gait(on_belt(motion, speed))))
    return found


def _noisy(walk: SimulatedWalk, hidden: float, random: np.random.Generator) -> Keypoints3D:
    sequence = walk.sequence(default_body())
    xyz = sequence.keypoints + random.normal(0, NOISE_MM, sequence.keypoints.shape)
    for index, name in enumerate(sequence.keypoint_names):
        if hidden >= 1 and name.endswith(("PAW", "KNEE", "ELBOW")):
            xyz[:, index] = np.nan
        elif name.endswith("PAW"):
            run = round(0.3 * RATE)
            gone = np.repeat(random.random(len(walk) // run + 1) < hidden, run)[: len(walk)]
            xyz[gone, index] = np.nan
    return Keypoints3D(xyz, sequence.times, sequence.keypoint_names)


def through_cameras(walks: Sequence[SimulatedWalk], cameras: int, hidden: float) -> list[Found]:
    """Return what the poses tell that are reconstructed from tracked points of 1 to 3 cameras."""
    found = []
    for seed, walk in enumerate(walks):
        motion = reconstructed(walk, cameras, hidden, seed)
        found.append(compared(walk, analyse_gait(motion)))
    return found


def reconstructed(walk: SimulatedWalk, cameras: int, hidden: float, seed: int) -> Motion:
    """Return the motion above the floor of the poses that cameras around the walker give."""
    middle = (*walk.pose.root_translation[:, :2].mean(axis=0), 15.0)
    far = 350.0 + np.ptp(walk.pose.root_translation[:, :2], axis=0).max()
    views = [
        watching_camera(middle, distance_mm=far, azimuth_deg=120.0 * n - 90, name=f"view{n}")
        for n in range(cameras)
    ]
    seen = observe(
        default_body(), walk.pose, walk.times, views, noise_px=NOISE_PX,
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
    return above_floor(motion, find_floor(motion))


def compared(walk: SimulatedWalk, gait: Gait) -> Found:
    """Return true and found strides; errors of duty factor, phases and support are absolute."""
    true, name = walk.stride_length_mm, walk.gait.name
    if not len(gait.bouts):
        return Found(name, true)
    bout = gait.bouts.loc[gait.bouts["duration_s"].idxmax()]
    low, high = bout["spectral_stride_length_low_mm"], bout["spectral_stride_length_high_mm"]
    inside = float(low <= true <= high) if np.isfinite(low) else np.nan
    good = gait.strides[gait.strides["quality"].isin(("good", "hidden"))]
    events = bout["events_stride_length_mm"]
    found = Found(name, true, events, bout["spectral_stride_length_mm"], inside)
    if len(good) < 4:
        return found
    apart = []
    for limb, phase in zip(_LIMBS, walk.gait.phases, strict=True):
        own = good[good["limb"] == limb.replace("_", " ")]
        for other, its in zip(_LIMBS, walk.gait.phases, strict=True):
            if other != limb and own[f"phase_{other}"].notna().any():
                turned = np.exp(2j * np.pi * own[f"phase_{other}"].dropna().to_numpy())
                wrong = np.angle(turned.mean() * np.exp(-2j * np.pi * (its - phase)))
                apart.append(abs(wrong) / (2 * np.pi))
    shares = np.bincount(pattern_of(walk.paw_contacts), minlength=len(PATTERNS)) / len(walk)
    carried = good[[f"support_{pattern}" for pattern in PATTERNS]].mean().to_numpy()
    return replace(
        found,
        duty=float(good["duty_factor"].median() - walk.gait.duty),
        phase=float(np.mean(apart)) if apart else np.nan,
        support=float(np.abs(carried - shares).sum() / 2),
    )


def figures(found: Iterable[Found]) -> dict[str, float]:
    """Return bias, mean error and concordance of the paws, and as `rhythm_*` of the rhythm.

    Where the paws tell too little the rhythm's figures have the plain names too.
    """
    rows = list(found)
    true = np.array([row.true for row in rows])
    rhythm = _errors(true, np.array([row.spectral for row in rows]))
    paws = _errors(true, np.array([row.events for row in rows]))
    told = (paws or rhythm) | {f"rhythm_{key}": value for key, value in rhythm.items()}
    inside = np.array([row.inside for row in rows])
    if np.isfinite(inside).any():
        told["rhythm_interval_holds_percent"] = float(100 * np.nanmean(inside))
    for name, values in (
        ("duty_bias", [row.duty for row in rows]), ("phase_error", [row.phase for row in rows]),
        ("support_error", [row.support for row in rows]),
    ):  # fmt: skip
        if paws and np.isfinite(values).any():
            told[name] = float(np.nanmean(values))
    return told


def by_gait(found: Sequence[Found]) -> dict[str, object]:
    """Return the figures of all walkers, and under its name those of each gait."""
    told: dict[str, object] = dict(figures(found))
    for gait in GAITS:
        own = [row for row in found if row.gait == gait]
        if own:
            told[gait] = figures(own)
    return told


def _errors(true: Floats, values: Floats) -> dict[str, float]:
    known = np.isfinite(values)
    if known.sum() < 2:
        return {}
    error = values[known] - true[known]
    told = {
        "stride_bias_mm": float(error.mean()),
        "stride_error_mm": float(np.abs(error).mean()),
        "found_percent": float(100 * known.mean()),
    }
    if known.sum() >= _FEWEST_FOR_CCC:
        told["ccc"] = concordance(true[known], values[known])
    return told


def concordance(one: Floats, other: Floats) -> float:
    """Return Lin's concordance correlation coefficient (Biometrics 45, 1989)."""
    covariance = np.mean((one - one.mean()) * (other - other.mean()))
    return float(2 * covariance / (one.var() + other.var() + (one.mean() - other.mean()) ** 2))
