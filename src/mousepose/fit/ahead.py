"""Compiling ahead: on a first run another process compiles what this one needs last.

Numba compiles one kernel at a time in a process and keeps the machine code in a cache on disk. The
solver takes most of the time and is needed first. So its second half is compiled beside the first,
and after it the kernels of smoothing and covariances, and found in the cache when they are needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numba
import numpy as np

from mousepose.fit import smooth, uncertainty
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.energy import linearise, new_normal
from mousepose.fit.kinematics import new_state
from mousepose.fit.solver import damped_step
from mousepose.types import Floats


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
    process = subprocess.Popen(
        [sys.executable, "-c", "from mousepose.fit.ahead import compile_here; compile_here()"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    Thread(target=process.wait, daemon=True).start()  # else its end would be nobody's to collect


def compile_here() -> None:
    """Compile half of the solver, then the kernels of smoothing and covariances by using them."""
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
    compile_linearise(body, views, setup.weights(), points.xy[0])
    covariance = np.tile(np.eye(n), (frames, 1, 1))
    uncertainty.estimate_points(body, views, points, poses, covariance)
    stencil = smooth.stencil(np.arange(frames, dtype=np.float64))
    band = np.zeros((2 * n + 1, frames * n))
    smooth.assemble(covariance, stencil.factor, stencil.weight, np.ones(n), 0.0, band)
    factor = np.asfortranarray(band + 1.0)  # as LAPACK leaves it
    smooth.selected_inverse(factor, stencil.factor, covariance, np.zeros((frames - 2, n)))


def compile_linearise(body: BodyArrays, views: Views, weights: Weights, xy: Floats) -> None:
    """Compile what the solver comes to last, for the very types that it calls it with."""
    state = new_state(len(body.parent), body.basis.shape[2])
    normal = new_normal(body, len(views.rotation))
    vector, matrices = np.zeros(3), np.zeros((1, 1, 3))
    linearise.compile(_types(body, views, weights, xy, matrices, vector, vector, state, normal))
    damped_step.compile(_types(normal, 1.0, normal.hessian, vector))


def _types(*arguments: object) -> tuple[numba.types.Type, ...]:
    return tuple(numba.typeof(a) for a in arguments)  # type: ignore[no-untyped-call]
