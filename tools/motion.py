"""Real motion of a mouse, as angles of our body through time, from tracked 3D marks.

The marks are those of talmolab/stac-mjx (BSD-3): one running mouse, every frame, full limbs. They
are about 1.35 times life size and their frame rate is not stated; it is taken as 30 per second.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mousepose import default_body
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.learn import LearnConfig, Learned, angle_body, learn, start_poses
from mousepose.fit.reference import minimise, plain_cost

FIRST_GUESS = Path(__file__).with_name("stac_first_guess.toml")
LIFE_SIZE = 1 / 1.35
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # the set has y up
FRAMES_PER_SECOND = 30.0
_CHUNK = 300


def real_motion(file: Path) -> tuple[Learned, PoseArrays]:
    """Return the body fitted to the marks, and its pose in every frame (z: the free angles)."""
    data = np.load(file)
    names = [str(name) for name in data["keypoint_names"]]
    body = default_body()
    selection = load_keypoint_map(FIRST_GUESS).select(names)
    xyz = data["points3d"][:, list(selection.columns)].astype(np.float64) * LIFE_SIZE
    xyz = xyz @ Z_UP.T
    names = list(selection.map.names)
    at = {name: xyz[:, names.index(name)] for name in names}
    left = (at["Shoulder_L"] - at["Shoulder_R"] + at["Hip_L"] - at["Hip_R"]) / 2
    start = start_poses(body, at["Neck"], at["Neck"] - at["TTI"], left)
    marks = selection.map.marks(body)
    some = np.arange(0, len(xyz), 24)
    found = learn(body, marks, xyz[some], start.take(some), LearnConfig())
    return found, _fit_all(found, xyz, start)


def _fit_all(found: Learned, xyz: np.ndarray, start: PoseArrays) -> PoseArrays:
    arrays = angle_body(found)
    root = np.linalg.cholesky(np.linalg.inv(found.covariance))
    parts = []
    for first in range(0, len(xyz), _CHUNK):
        part = np.arange(first, min(first + _CHUNK, len(xyz)))

        def energy(poses: PoseArrays, moved: terms.Motion, part: np.ndarray = part) -> list:
            value = (poses.z - found.mean) @ root
            jacobian = np.zeros((len(value), value.shape[1], 6 + value.shape[1]))
            jacobian[:, :, 6:] = root.T
            data = terms.points_in_space(arrays, xyz[part], found.marks.sigma, moved)
            return [data, terms.Residuals(value, jacobian)]

        begun = start.take(part)
        begun.z[:] = found.mean
        parts.append(
            minimise(arrays, begun, energy, lambda p, m, e=energy: plain_cost(e(p, m)), 12)[0]
        )
    return PoseArrays(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def wandering(
    frames: int, sigma: np.ndarray, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """Return how marks slide on the skin (T, M, 3) mm: sd `sigma` (M,), correlated in time."""
    keep = np.exp(-1 / (seconds * FRAMES_PER_SECOND))
    noise = rng.normal(size=(frames, len(sigma), 3))
    for t in range(1, frames):
        noise[t] = keep * noise[t - 1] + np.sqrt(1 - keep**2) * noise[t]
    return noise * sigma[:, None]
