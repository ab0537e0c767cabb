"""What is compiled ahead is what the solver uses."""

from __future__ import annotations

import numpy as np

from mousepose.fit.ahead import compile_linearise
from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.energy import linearise
from mousepose.fit.place import fit_each
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.solver import damped_step
from mousepose.geometry.camera import pinhole


def test_the_solver_finds_the_kernels_compiled_ahead() -> None:
    """Were their types others than the solver's, it would compile its own and wait for them."""
    setup = Setup.of(pinhole((640, 480), 500.0))
    body, views = body_arrays(setup, Animal.typical(setup)), setup.views()
    marks = len(setup.keypoint_map)
    points = Points(np.zeros((1, 1, marks, 2)), np.ones((1, 1, marks, 3)))
    compile_linearise(body, views, setup.weights(), points.xy[0])
    before = [list(kernel.overloads) for kernel in (linearise, damped_step)]
    poses = PoseArrays(
        np.eye(3)[None], np.array([[0.0, 0.0, 500.0]]), np.zeros((1, setup.prior.coordinates))
    )
    fit_each(body, views, setup.weights(), points, poses, 2)
    assert before == [list(kernel.overloads) for kernel in (linearise, damped_step)]
