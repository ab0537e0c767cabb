"""Skin, points, bones and regions of one frame as the browser draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.geometry import rotation
from mousepose.report.stick import Stick
from mousepose.types import Bytes, Floats, Ints, Pose, State

#: Scene units in a mm: the browser's near and far planes are made for things of size 1.
UNIT = 0.01
#: Radius in SD of the region that holds 90 % of a normal variable in three dimensions.
REGION_90 = 2.5003
#: A region of a point of which nothing is known would fill the scene.
_LARGEST_MM = 60.0
_DASHES = 5

Colours = NDArray[np.uint8]


def sphere(around: int = 12, up: int = 8) -> tuple[Floats, Ints]:
    """Return a ball of radius 1: vertices (V, 3) and faces (F, 3)."""
    polar = np.linspace(0, np.pi, up + 1)
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    sides = np.sin(polar)[:, None, None] * ring
    heights = np.broadcast_to(np.cos(polar)[:, None, None], (up + 1, around, 1))
    vertices = np.concatenate([sides, heights], axis=-1).reshape(-1, 3)
    row, column = np.divmod(np.arange(up * around), around)
    here, beside = row * around + column, row * around + (column + 1) % around
    below, below_beside = here + around, beside + around
    faces = np.concatenate(
        [np.stack([here, below, below_beside], -1), np.stack([here, below_beside, beside], -1)]
    )
    return vertices, faces


def disc(around: int = 20) -> tuple[Floats, Ints]:
    """Return a flat disc of radius 1 in z = 0: vertices (V, 3) and faces (F, 3)."""
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    rim = np.stack([np.cos(turn), np.sin(turn), np.zeros(around)], axis=-1)
    own = np.arange(around) + 1
    faces = np.stack([np.zeros(around, np.int64), own, own % around + 1], axis=-1)
    return np.concatenate([np.zeros((1, 3)), rim]), faces


@dataclass(frozen=True, eq=False)
class Balls:
    """Balls or ellipsoids: places (N, 3), turns (N, 4) scalar first, radii (N, 3), scene units.

    What is not to be drawn has radius 0: the browser keeps their number.
    """

    positions: Floats
    turns: Floats
    radii: Floats


def skin(body: BodyModel, pose: Pose) -> Floats:
    """Return the skin (V, 3) mm of one pose, as `BodyModel.vertices` does but without numba.

    To start that takes longer than all else up to the first picture. Raises `ModelError` for a body
    without a skin.
    """
    if body.mesh is None:
        raise ModelError(f"body {body.name!r} has no skin")
    transforms = body.bone_transforms(pose)
    own = (body.mesh.weights @ transforms.reshape(len(transforms), 12)).reshape(-1, 3, 4)
    rest = body.mesh.at_rest(pose.joint_rotation)
    return np.asarray(np.einsum("vij,vj->vi", own[..., :3], rest) + own[..., 3])


def joints(points: Floats, state: Bytes, radius_mm: float = 1.7) -> Balls:
    """Return a ball for each point (K, 3) mm; those without evidence are smaller."""
    known = np.isfinite(points).all(axis=-1) & (state != State.ABSENT)
    radius = np.where(state == State.SEEN, radius_mm, 0.75 * radius_mm) * known
    turns = np.tile([1.0, 0.0, 0.0, 0.0], (len(points), 1))
    return Balls(np.nan_to_num(points) * UNIT, turns, np.tile(radius[:, None], 3) * UNIT)


def regions(points: Floats, covariance: Floats, state: Bytes) -> Balls:
    """Return the ellipsoid that holds each point (K, 3) mm with 90 %, as far as that is known."""
    known = np.isfinite(points).all(axis=-1) & np.isfinite(covariance).all(axis=(-2, -1))
    known &= state != State.ABSENT
    variance, axes = np.linalg.eigh(np.where(known[:, None, None], covariance, np.eye(3)))
    axes[..., 0] *= np.linalg.det(axes)[:, None]  # a turn, no mirror
    radii = np.minimum(REGION_90 * np.sqrt(np.maximum(variance, 0.0)), _LARGEST_MM)
    turns = rotation.to_quaternion(axes)
    return Balls(np.nan_to_num(points) * UNIT, turns, radii * known[:, None] * UNIT)


def bones(
    stick: Stick, points: Floats, state: Bytes, colours: Colours
) -> tuple[tuple[Floats, Colours], tuple[Floats, Colours]]:
    """Return whole and dashed lines of points (K, 3) mm: segments (N, 2, 3), colours (N, 2, 3).

    Dashed is what ends in a point without evidence of its own.
    """
    whole: list[tuple[int, int]] = []
    dashed: list[tuple[int, int]] = []
    known = np.isfinite(points).all(axis=-1) & (state != State.ABSENT)
    for a, b in stick.edges:
        if known[a] and known[b]:
            (whole if state[b] == State.SEEN else dashed).append((a, b))
    cuts = np.linspace(0, 1, 2 * _DASHES)[:, None]
    pieces = [
        (points[a] + cuts * (points[b] - points[a])).reshape(_DASHES, 2, 3) for a, b in dashed
    ]
    lines = points[np.array(whole, np.int64).reshape(-1, 2)]
    return (
        (lines * UNIT, _of_lines(colours, [b for _, b in whole], 1)),
        (np.array(pieces).reshape(-1, 2, 3) * UNIT, _of_lines(colours, [b for _, b in dashed], 5)),
    )


def way(points: Floats) -> Floats:
    """Return the lines (N, 2, 3), scene units, between successive known points (T, 3) mm."""
    pairs = np.stack([points[:-1], points[1:]], axis=1)
    return np.asarray(pairs[np.isfinite(pairs).all(axis=(1, 2))] * UNIT)


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of "#RRGGBB"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def paler(colours: Colours, state: Bytes) -> Colours:
    """Return colours (K, 3) of which those of points without evidence are nearly white."""
    pale = 255 - (255 - colours.astype(int)) * 0.3
    return np.where((state == State.SEEN)[:, None], colours, pale).astype(np.uint8)


def _of_lines(colours: Colours, ends: list[int], times: int) -> Colours:
    return np.repeat(
        np.repeat(colours[np.array(ends, np.int64)], times, axis=0)[:, None], 2, axis=1
    )
