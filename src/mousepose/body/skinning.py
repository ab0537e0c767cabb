"""Linear blend skinning of a mesh, one pose or many, compiled.

A vertex hangs on two bones on average and on six at most, so only weights that are not zero are
stored and read: 9,000 of 94,000 for the published skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """Weights row by row: those of vertex v are `value[start[v]:start[v + 1]]` on bones `bone`."""

    start: Indices
    bone: Indices
    value: Floats

    @classmethod
    def of(cls, weights: Floats) -> SparseWeights:
        """Return the non-zero entries of a weight matrix (V, J)."""
        vertex, bone = np.nonzero(weights)
        start = np.searchsorted(vertex, np.arange(len(weights) + 1))
        return cls(start.astype(np.int32), bone.astype(np.int32), weights[vertex, bone])


def skin(vertices: Floats, weights: SparseWeights, transforms: Floats) -> Floats:
    """Return the skin (*B, V, 3) mm of rest `vertices` (V, 3) under `transforms` (*B, J, 3, 4).

    The vertices may differ from pose to pose (*B, V, 3). The transforms carry rest points on bone j
    to where they are (`BodyModel.bone_transforms`).
    """
    batch, joints = transforms.shape[:-3], transforms.shape[-3]
    flat = np.ascontiguousarray(transforms, np.float64).reshape(-1, joints, 12)
    count = vertices.shape[-2]
    rest = np.ascontiguousarray(vertices, np.float64).reshape(-1, count, 3)
    moved: Floats = _skin_all(rest, weights.start, weights.bone, weights.value, flat)
    return moved.reshape(*batch, count, 3)


# Sums may be reordered and fused; NaN stays NaN, so that a frame without a pose has no skin.
@numba.njit(cache=True, fastmath={"contract", "reassoc"})
def _skin_all(
    rest: Floats, start: Indices, bone: Indices, value: Floats, transforms: Floats
) -> Floats:  # pragma: no cover - compiled
    moved = np.empty((len(transforms), rest.shape[1], 3))
    for b in range(len(transforms)):
        own = rest[b if len(rest) > 1 else 0]
        for v in range(len(own)):
            x, y, z = own[v, 0], own[v, 1], own[v, 2]
            new_x = new_y = new_z = 0.0
            for k in range(start[v], start[v + 1]):
                m, w = transforms[b, bone[k]], value[k]
                new_x += w * (m[0] * x + m[1] * y + m[2] * z + m[3])
                new_y += w * (m[4] * x + m[5] * y + m[6] * z + m[7])
                new_z += w * (m[8] * x + m[9] * y + m[10] * z + m[11])
            moved[b, v, 0], moved[b, v, 1], moved[b, v, 2] = new_x, new_y, new_z
    return moved
