"""Compiling ahead: on a first run another process compiles what this one needs last.

Numba compiles one kernel at a time in a process and keeps the machine code in a cache on disk. The
solver takes most of the time and is needed first, so the kernels of smoothing and of covariances,
which come after it, are compiled beside it and found in the cache when they are needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from mousepose.fit import smooth, uncertainty


def is_compiled() -> bool:
    """Return whether the cache on disk holds the kernels that are needed last."""
    cache = getattr(uncertainty.carry, "_cache", None)
    folder = getattr(cache, "cache_path", None)
    return folder is None or any(Path(folder).glob("uncertainty.carry-*.nbc"))


def compile_ahead() -> None:
    """Start a process that compiles the last kernels, where none are compiled and a core is free.

    It ends by itself; whatever goes wrong in it only means that they are compiled here later.
    """
    if (os.cpu_count() or 1) < 2 or is_compiled():
        return
    subprocess.Popen(
        [sys.executable, "-c", "from mousepose.fit.ahead import compile_here; compile_here()"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def compile_here() -> None:
    """Compile the kernels of smoothing and covariances by using them once."""
    from mousepose.fit.arrays import Points, PoseArrays
    from mousepose.fit.setup import Animal, Setup, body_arrays
    from mousepose.geometry.camera import pinhole

    setup = Setup.of(pinhole((640, 480), 500.0))
    body, views = body_arrays(setup, Animal.typical(setup)), setup.views()
    n, frames, marks = 6 + setup.prior.coordinates, 3, len(setup.keypoint_map)
    poses = PoseArrays(
        np.tile(np.eye(3), (frames, 1, 1)), np.tile([0.0, 0.0, 500.0], (frames, 1)),
        np.zeros((frames, n - 6)),
    )  # fmt: skip
    points = Points(np.zeros((frames, 1, marks, 2)), np.ones((frames, 1, marks, 3)))
    covariance = np.tile(np.eye(n), (frames, 1, 1))
    uncertainty.estimate_points(body, views, points, poses, covariance)
    stencil = smooth.stencil(np.arange(frames, dtype=np.float64))
    band = np.zeros((2 * n + 1, frames * n))
    smooth.assemble(covariance, stencil.factor, stencil.weight, np.ones(n), 0.0, band)
    factor = np.asfortranarray(band + 1.0)  # as LAPACK leaves it
    smooth.selected_inverse(factor, stencil.factor, covariance, np.zeros((frames - 2, n)))
