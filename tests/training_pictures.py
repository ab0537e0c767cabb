"""Small pictures of known keypoints, and small networks, that training can be tested on."""

from __future__ import annotations

import numpy as np

from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.samples import Samples


def ellipses(count: int, size: int = 32, seed: int = 0) -> Samples:
    """Bright ellipses with a brighter head on dark ground; the keypoints lie at fixed places."""
    random = np.random.default_rng(seed)
    places = np.random.default_rng(7).uniform(-1, 1, (len(KEYPOINT_NAMES), 2)) * [8, 3]
    y, x = np.mgrid[:size, :size]
    images = np.empty((count, size, size), np.uint8)
    xy = np.empty((count, len(KEYPOINT_NAMES), 2), np.float32)
    for k in range(count):
        turn = random.uniform(-np.pi, np.pi)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = (size - 1) / 2 + random.uniform(-2, 2, 2)
        u, v = rotation.T @ np.stack([x.ravel() - centre[0], y.ravel() - centre[1]])
        grey = 40 + 90 * ((u / 10) ** 2 + (v / 4) ** 2 < 1) + 80 * ((u - 8) ** 2 + v**2 < 9)
        noisy = grey + random.normal(0, 4, grey.shape)
        images[k] = np.clip(noisy, 0, 255).reshape(size, size)
        xy[k] = places @ rotation.T + centre
    state = np.full((count, len(KEYPOINT_NAMES)), 2, np.uint8)
    length = np.full(count, 16, np.float32)
    return Samples(images, xy, state, np.ones(count, np.uint8), length)
