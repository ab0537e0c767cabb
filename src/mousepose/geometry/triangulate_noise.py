"""How exact images are, told by how well the views of the same points fit together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.special import chdtri

from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_robust import (
    RobustConfig,
    check_views,
    triangulate_robust,
    views_of,
)
from mousepose.geometry.triangulate_solve import Views, linearised, refined
from mousepose.types import Floats

#: A keypoint leans on all others as if so many of its misfits had been of their size.
_SHARED = 30.0
_ROUNDS = 2
#: px; images are never told to be more exact.
_EXACT_PX = 1e-6


def measure_noise(
    cameras: Sequence[Camera],
    pixels: Floats,
    sd: Floats,
    config: RobustConfig | None = None,
) -> Floats:
    """Return how many times larger (K,) than `sd` (C, T, K) px the noise of `pixels` really is.

    First from the median misfit of all pairs of views, which wrong views hardly move while less
    than three in ten are wrong; then from the views that agree. 1 where nothing tells. Raises
    `InputError` on shapes that do not fit together.
    """
    check_views(cameras, pixels, sd)
    noise = _typical(_pair_misfits(cameras, pixels, sd), np.ones(pixels.shape[2]))
    for _ in range(_ROUNDS if len(cameras) > 2 else 0):
        found = triangulate_robust(cameras, pixels, sd, noise, config)
        stated = np.maximum(sd * noise, _EXACT_PX)
        cost = np.where(found.used, (found.distance / stated) ** 2, 0.0).sum(axis=0)
        freedom = 2 * found.n_views - 3
        # two views can agree by chance, three hardly ever
        told = np.where(freedom >= 3, cost / chdtri(np.maximum(freedom, 1), 0.5), np.nan)
        noise = noise * _typical(told[None], np.ones(len(noise)))
    return noise


def _pair_misfits(cameras: Sequence[Camera], pixels: Floats, sd: Floats) -> Floats:
    """Return the misfit (P, T, K) of each of P pairs, its median 1 for the right `sd`."""
    flat, spread = pixels.reshape(len(cameras), -1, 2), sd.reshape(len(cameras), -1)
    views, undistorted = views_of(cameras, flat, spread, 0.0)
    misfits = []
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        linear = linearised(views, undistorted)
        for pair in map(list, combinations(range(len(cameras)), 2)):
            two = Views([cameras[i] for i in pair], views.pixels[pair], views.weights[pair])
            _, system = refined(two, linear.points(pair), 1)
            both = (two.weights > 0).all(axis=0) & np.isfinite(system.cost)
            misfits.append(np.where(both, system.cost / chdtri(1, 0.5), np.nan))
    return np.reshape(misfits, (len(misfits), *sd.shape[1:]))


def _typical(misfits: Floats, usual: Floats) -> Floats:
    """Return the root of the median (K,) of misfits (P, T, K), `usual` where there are none."""
    known = np.isfinite(misfits)
    if not known.any():
        return usual
    overall = float(np.median(misfits[known]))
    counts = known.sum(axis=(0, 1))
    filled = np.where(known | (counts == 0), misfits, np.nan)
    filled = np.where(counts > 0, filled, overall)
    own = np.nanmedian(filled, axis=(0, 1))
    return np.asarray(np.sqrt((counts * own + _SHARED * overall) / (counts + _SHARED)))
