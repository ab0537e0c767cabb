"""Compiled forward kinematics of one pose, and how every joint moves with the pose coordinates.

The derivative of a joint with respect to a rotation above it is a cross product, so angular and
linear velocities per coordinate are carried down the tree (Featherstone, Rigid Body Dynamics
Algorithms, 2008), r columns at a time: inner loops run over contiguous memory.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from mousepose.fit.arrays import BodyArrays
from mousepose.types import Floats

_FASTMATH = {"contract", "reassoc", "arcp", "nsz"}
#: For kernels that Python calls, tests among them.
njit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FASTMATH)
#: For kernels that only other kernels call: without a door for Python they compile in a third less.
inner = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath=_FASTMATH,
    no_cpython_wrapper=True, no_cfunc_wrapper=True,
)  # type: ignore[call-overload]  # fmt: skip

#: For what one kernel calls from one line: it becomes part of it, and is optimised once, not twice.
once = numba.njit(inline="always", error_model="numpy", fastmath=_FASTMATH)


class State(NamedTuple):
    """Room for one pose: what forward kinematics finds."""

    rotation: Floats  #: (J, 3, 3) of every bone, to the world
    joint: Floats  #: (J, 3) mm
    angle: Floats  #: (J, 3) rad
    turn: Floats  #: (J, 3, r) angular velocity of bone j per coordinate
    velocity: Floats  #: (J, 3, r) velocity of joint j per coordinate
    local: Floats  #: (3, 3)
    spread: Floats  #: (3, 3)


@njit
def new_state(joints: int, r: int) -> State:
    """Return room for a pose of `joints` joints and `r` coordinates."""
    return State(
        np.zeros((joints, 3, 3)), np.zeros((joints, 3)), np.zeros((joints, 3)),
        np.zeros((joints, 3, r)), np.zeros((joints, 3, r)), np.zeros((3, 3)), np.zeros((3, 3)),
    )  # fmt: skip


@inner
def exponential(x: float, y: float, z: float, out: Floats, jacobian: Floats) -> None:
    """Write the rotation of the vector (x, y, z) to `out` and its left Jacobian to `jacobian`."""
    square = x * x + y * y + z * z
    if square < 1e-8:
        sine, cosine, third = 1 - square / 6, 0.5 - square / 24, 1 / 6 - square / 120
    else:
        angle = math.sqrt(square)
        sine, cosine = math.sin(angle) / angle, (1 - math.cos(angle)) / square
        third = (1 - sine) / square
    _combine(x, y, z, sine, cosine, out)
    _combine(x, y, z, cosine, third, jacobian)


@inner
def _combine(x: float, y: float, z: float, first: float, second: float, out: Floats) -> None:
    """Write I + first K + second K^2 with K the cross product matrix of (x, y, z)."""
    out[0, 0], out[1, 1] = 1 - second * (y * y + z * z), 1 - second * (x * x + z * z)
    out[2, 2] = 1 - second * (x * x + y * y)
    out[0, 1], out[1, 0] = second * x * y - first * z, second * x * y + first * z
    out[0, 2], out[2, 0] = second * x * z + first * y, second * x * z - first * y
    out[1, 2], out[2, 1] = second * y * z - first * x, second * y * z + first * x


@njit
def forward(
    body: BodyArrays, root: Floats, place: Floats, z: Floats, state: State, velocities: bool
) -> None:
    """Fill `state` for one pose; `velocities` too where the Jacobian is wanted."""
    rotation, joint, angle, local = state.rotation, state.joint, state.angle, state.local
    parents, bone, basis = body.parent, body.bone, body.basis
    for i in range(3):
        joint[0, i] = place[i]
        for k in range(3):
            rotation[0, i, k] = root[i, k]
    for j in range(1, len(parents)):
        q = parents[j]
        for i in range(3):
            total = body.mean[j, i]
            for c in range(len(z)):
                total += basis[j, i, c] * z[c]
            angle[j, i] = total
        exponential(angle[j, 0], angle[j, 1], angle[j, 2], local, state.spread)
        for i in range(3):
            a, b, c = rotation[q, i, 0], rotation[q, i, 1], rotation[q, i, 2]
            for k in range(3):
                rotation[j, i, k] = a * local[0, k] + b * local[1, k] + c * local[2, k]
            joint[j, i] = joint[q, i] + (
                rotation[j, i, 0] * bone[j, 0]
                + rotation[j, i, 1] * bone[j, 1]
                + rotation[j, i, 2] * bone[j, 2]
            )
        if velocities:
            _carry_velocities(j, q, basis, state)


@inner
def _carry_velocities(j: int, q: int, basis: Floats, state: State) -> None:
    rotation, spread, turn, velocity = state.rotation, state.spread, state.turn, state.velocity
    r = turn.shape[2]
    for i in range(3):
        x, y, z = rotation[q, i, 0], rotation[q, i, 1], rotation[q, i, 2]
        a = x * spread[0, 0] + y * spread[1, 0] + z * spread[2, 0]
        b = x * spread[0, 1] + y * spread[1, 1] + z * spread[2, 1]
        c = x * spread[0, 2] + y * spread[1, 2] + z * spread[2, 2]
        for k in range(r):
            turn[j, i, k] = (
                turn[q, i, k] + a * basis[j, 0, k] + b * basis[j, 1, k] + c * basis[j, 2, k]
            )
    x = state.joint[j, 0] - state.joint[q, 0]
    y = state.joint[j, 1] - state.joint[q, 1]
    z = state.joint[j, 2] - state.joint[q, 2]
    for k in range(r):
        velocity[j, 0, k] = velocity[q, 0, k] + turn[j, 1, k] * z - turn[j, 2, k] * y
    for k in range(r):
        velocity[j, 1, k] = velocity[q, 1, k] + turn[j, 2, k] * x - turn[j, 0, k] * z
    for k in range(r):
        velocity[j, 2, k] = velocity[q, 2, k] + turn[j, 0, k] * y - turn[j, 1, k] * x


@inner
def mark_place(body: BodyArrays, mark: int, state: State, point: Floats, arm: Floats) -> None:
    """Write where a mark is to `point` (3,) and its way from its bone's joint to `arm` (3,)."""
    bone, offset = body.mark_bone[mark], body.mark_offset
    for i in range(3):
        arm[i] = (
            state.rotation[bone, i, 0] * offset[mark, 0]
            + state.rotation[bone, i, 1] * offset[mark, 1]
            + state.rotation[bone, i, 2] * offset[mark, 2]
        )
        point[i] = state.joint[bone, i] + arm[i]
