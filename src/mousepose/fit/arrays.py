"""The arrays that the compiled kernels read, grouped by what they describe.

A pose has n = 6 + r variables: a turn of the root (3), its place (3) and r pose coordinates z.
Joint angles are ``mean + basis @ z``; z is drawn from N(0, 1) by the learned prior, so the prior
needs no matrix and the time smoothing, whose cost grows with n^3, stays small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats, Ints


class BodyArrays(NamedTuple):
    """One animal's body as the kernels read it: J joints, M marks, r coordinates."""

    parent: Ints  #: (J,)
    bone: Floats  #: (J, 3) mm, scaled to the animal
    mean: Floats  #: (J, 3) rad, the prior's mean rotation of every bone
    basis: Floats  #: (J, 3, r) rad per pose coordinate
    low: Floats  #: (J, 3) rad
    high: Floats  #: (J, 3) rad
    mark_bone: Ints  #: (M,)
    mark_offset: Floats  #: (M, 3) mm, scaled to the animal
    mark_variance: Floats  #: (M,) mm^2, how far a mark wanders from its place
    paw: Ints  #: (P,) joints that touch the floor


class Views(NamedTuple):
    """Cameras as the kernels see them, after lens and intrinsics were taken out of the points."""

    rotation: Floats  #: (C, 3, 3) world to camera
    translation: Floats  #: (C, 3) mm
    floor: Floats  #: (4,) unit normal and offset of the floor in the world
    floor_known: bool


class Weights(NamedTuple):
    """How much each term counts; a term with weight 0 is off."""

    prior: Floats  #: (r,) factor on the square of every pose coordinate
    limit: float  #: 1 / rad^2 beyond a joint limit
    robust: float  #: squared whitened distance at which a point's pull is halved (inf: never)
    penetration: float  #: 1 / mm^2 below the floor
    contact: float  #: 1 / mm^2 above the floor, fading with height
    anchor: float  #: weak pull of the root to its start, so that no frame is singular


class Points(NamedTuple):
    """Observed points in normalised image coordinates (x / z, y / z)."""

    xy: Floats  #: (T, C, M, 2), NaN = not seen
    covariance: Floats  #: (T, C, M, 3) xx, xy, yy of the image noise


class PoseArrays(NamedTuple):
    """Poses of T frames: `rotation` (T, 3, 3), `place` (T, 3) mm, `z` (T, r)."""

    rotation: Floats
    place: Floats
    z: Floats

    def take(self, frames: NDArray[np.int64] | slice) -> PoseArrays:
        """Return copies of some frames."""
        return PoseArrays(
            self.rotation[frames].copy(), self.place[frames].copy(), self.z[frames].copy()
        )


#: Names of the energy terms, in the order of the kernels' cost vector.
TERMS = ("reprojection", "prior", "limits", "floor")
