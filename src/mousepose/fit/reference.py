"""Levenberg-Marquardt in plain NumPy over a batch of frames: the oracle of the compiled solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mousepose.fit.arrays import BodyArrays, PoseArrays
from mousepose.fit.terms import Motion, Residuals, motion
from mousepose.geometry import rotation
from mousepose.types import Floats

#: From poses and their motion to the residuals of every term, robust weights already on.
Energy = Callable[[PoseArrays, Motion], Sequence[Residuals]]
#: The same, but to the cost (T,) itself, since robust losses are no plain squares.
Cost = Callable[[PoseArrays, Motion], Floats]


def plain_cost(terms: Sequence[Residuals]) -> Floats:
    """Return half the sum of squares (T,) of some terms."""
    return np.asarray(sum(0.5 * (term.value**2).sum(-1) for term in terms))


def normal_equations(terms: Sequence[Residuals]) -> tuple[Floats, Floats]:
    """Return H (T, n, n) and g (T, n) of some terms."""
    hessian = sum(np.swapaxes(t.jacobian, -1, -2) @ t.jacobian for t in terms)
    gradient = sum((t.value[:, None, :] @ t.jacobian)[:, 0] for t in terms)
    return np.asarray(hessian), np.asarray(gradient)


def moved(poses: PoseArrays, step: Floats) -> PoseArrays:
    """Return poses one step (T, n) further."""
    turn = rotation.exp(step[:, :3])
    return PoseArrays(turn @ poses.rotation, poses.place + step[:, 3:6], poses.z + step[:, 6:])


def minimise(
    body: BodyArrays, poses: PoseArrays, energy: Energy, cost: Cost, iterations: int = 15
) -> tuple[PoseArrays, Floats, Floats]:
    """Return improved poses, their cost (T,) and H (T, n, n). No frame's cost ever grows."""
    here = motion(body, poses)
    value = cost(poses, here)
    hessian, gradient = normal_equations(energy(poses, here))
    damping = np.full(len(value), 1e-3)
    n = gradient.shape[1]
    for _ in range(iterations):
        diagonal = np.einsum("tii->ti", hessian)
        damped = hessian + np.eye(n) * (damping[:, None] * diagonal + 1e-9)[:, None, :]
        step = -np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = moved(poses, step)
        there = motion(body, trial)
        after = cost(trial, there)
        better = after <= value
        poses = PoseArrays(*(
            np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in zip(trial, poses, strict=True)
        ))  # fmt: skip
        value = np.where(better, after, value)
        damping = np.clip(np.where(better, damping * 0.2, damping * 5), 1e-7, 1e6)
        hessian, gradient = normal_equations(energy(poses, motion(body, poses)))
    return poses, value, hessian
