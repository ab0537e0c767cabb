"""A drawn cage seen by a fixed camera: bedding, and mice with tails that are somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

HEIGHT, WIDTH = 240, 320


def bedding(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Any:
    """Textured ground (H, W) of greys 80 to 180."""
    from scipy import ndimage

    random = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(random.normal(size=(height, width)), 3)
    return 130 + 50 * np.clip(rough / (3 * rough.std()), -1, 1)


def frame(
    ground: Any,
    mice: Any,
    *,
    grey: float = 25.0,
    noise: float = 2.0,
    seed: int = 0,
    length: float = 30.0,
) -> Any:
    """The ground with mice (x, y, heading), each an ellipse and a thin tail, uint8."""
    image = ground.copy()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    for mx, my, heading in mice:
        along = (x - mx) * np.cos(heading) + (y - my) * np.sin(heading)
        aside = -(x - mx) * np.sin(heading) + (y - my) * np.cos(heading)
        body = (along / length) ** 2 + (aside / (0.5 * length)) ** 2 < 1
        tail = (along < 0) & (along > -2.2 * length) & (np.abs(aside) < 1.5)
        image[body | tail] = grey
    noisy = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def box_of(mouse: Any, length: float = 30.0) -> Any:
    """The true box of a mouse's body."""
    mx, my, heading = mouse
    across = length * np.hypot(np.cos(heading), 0.5 * np.sin(heading))
    down = length * np.hypot(np.sin(heading), 0.5 * np.cos(heading))
    return np.array([mx - across, my - down, mx + across, my + down])


def walk(count: int, seed: int = 0) -> Any:
    """Places (count, 3) of a mouse that wanders around the cage."""
    n = np.arange(count)
    x = WIDTH / 2 + 100 * np.sin(0.05 * n + seed)
    y = HEIGHT / 2 + 70 * np.sin(0.083 * n + 2 * seed + 1)
    return np.stack([x, y, np.arctan2(np.gradient(y), np.gradient(x))], axis=1)
