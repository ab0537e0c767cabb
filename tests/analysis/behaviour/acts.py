"""A jointed doll of a mouse that acts three behaviours, in plain numbers: quick, truth known."""

from __future__ import annotations

import numpy as np

from mousepose.analysis.behaviour.channels import Layout, Points, layout_of
from mousepose.analysis.behaviour.classifier import LabelledWindows
from mousepose.analysis.behaviour.windows import Windows, joined_windows, windows_of
from mousepose.analysis.motion import Motion, motion_of
from mousepose.skeleton import KEYPOINT_NAMES, mirrored_name
from mousepose.types import Floats, Keypoints3D

RATE = 24.0
ACTS = ("bobbing", "going", "still")
#: Forward, left and up (mm) of the midline and the left side.
_PLACES = {
    "SPINE_SHOULDER": (20, 0, 25), "SPINE_MID": (0, 0, 28), "SPINE_HIP": (-22, 0, 26),
    "ROOT_TAIL": (-32, 0, 20), "NECK": (28, 0, 26), "NOSE": (48, 0, 18),
    "MID_TAIL": (-65, 0, 8), "TIP_TAIL": (-100, 0, 3), "LEFT_EAR": (34, 8, 30),
    "LEFT_HIP": (-20, 10, 20), "LEFT_KNEE": (-12, 14, 12), "LEFT_HIND_PAW": (-18, 14, 2),
    "LEFT_SHOULDER": (18, 8, 18), "LEFT_ELBOW": (14, 10, 11), "LEFT_FORE_PAW": (20, 9, 2),
}  # fmt: skip


def doll(act: str, seconds: float, seed: int = 0, rate: float = RATE) -> Keypoints3D:
    """Return the points of an act, at a place and heading drawn by `seed`, with noise of 0.5 mm."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    size, phase = random.uniform(0.85, 1.15), random.uniform(0, 2 * np.pi)
    xyz = np.array([_place(name) for name in KEYPOINT_NAMES], float) * size
    xyz = np.tile(xyz, (len(times), 1, 1))
    wave = np.sin(2 * np.pi * 4 * times + phase)
    if act == "bobbing":
        for name in ("NOSE", "NECK", "LEFT_FORE_PAW", "RIGHT_FORE_PAW"):
            xyz[:, KEYPOINT_NAMES.index(name), 2] += 6 * wave
    elif act == "going":
        xyz[..., 0] += 120 * times[:, None]
        for place, name in enumerate(("LEFT_HIND_PAW", "RIGHT_HIND_PAW")):
            xyz[:, KEYPOINT_NAMES.index(name), 0] += 9 * wave * (-1) ** place
    angle = random.uniform(-np.pi, np.pi)
    xyz = turned(xyz, angle) + np.array([*random.uniform(-100, 100, 2), 0.0])
    xyz += random.normal(0, 0.5, xyz.shape)
    return Keypoints3D(xyz, times, KEYPOINT_NAMES)


def turned(xyz: Floats, angle: float) -> Floats:
    """Return points turned about the vertical."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.asarray(xyz @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1.0]]))


def mirrored(source: Keypoints3D) -> Keypoints3D:
    """Return the mirror image: left limbs are right ones, y is turned."""
    order = [KEYPOINT_NAMES.index(mirrored_name(name)) for name in KEYPOINT_NAMES]
    xyz = source.xyz[:, order] * np.array([1.0, -1.0, 1.0])
    return Keypoints3D(xyz, source.times, source.keypoint_names)


def flat(source: Keypoints3D) -> Motion:
    """Return what a camera from above sees, in px of 0.5 mm."""
    return motion_of(Keypoints3D(source.xyz * [2.0, -2.0, 0.0], source.times, KEYPOINT_NAMES))


def windows(source: Keypoints3D, layout: Layout, length: int = 12, hop: int = 6) -> Windows:
    """Return windows of a doll in space and from above."""
    return windows_of(Points(motion_of(source), flat(source), 120.0), layout, length, hop)


def cohort(animals: int = 6, seconds: float = 2.0, kinds: tuple = ("angles",)) -> LabelledWindows:
    """Return windows of every act of every animal."""
    layout = layout_of(kinds)
    parts, labels, clips, owners = [], [], [], []
    for animal in range(animals):
        for place, act in enumerate(ACTS):
            own = windows(doll(act, seconds, seed=10 * animal + place), layout)
            parts.append(own)
            labels += [act] * len(own)
            clips += [f"{animal} {act}"] * len(own)
            owners += [f"mouse {animal}"] * len(own)
    return LabelledWindows(
        joined_windows(parts), np.array(labels), np.array(clips), np.array(owners)
    )


def _place(name: str) -> tuple[float, float, float]:
    if name.startswith("RIGHT_"):
        forward, left, up = _PLACES[mirrored_name(name)]
        return forward, -left, up
    return _PLACES[name]
