"""A body's skin: triangles that hang on the bones, fur, and how the flesh gives way to posture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mousepose.errors import ModelError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    from mousepose.body.skinning import SparseWeights


def _expect(good: bool, message: str) -> None:
    if not good:
        raise ModelError(message)


def _none() -> Floats:
    return np.zeros((0, 0, 3))


@dataclass(frozen=True, eq=False)
class Mesh:
    """A skin: `vertices` (V, 3) rest mm, `faces` (F, 3) from 0, `weights` (V, J), rows sum to 1.

    `coat` (V,) mm is the thickness of the fur. `builds` (N, V, 3) mm per SD are the ways in which
    the skins of animals differ besides their bones, named `build_names`. `bulges` (P, V, 3) mm are
    how the flesh gives way to posture, each as far as its `drivers` (P, J, 3) per rad say: rest
    vertices move by sum_p (sum_j driver_pj . a_j) bulge_p, with a_j the joint rotations (pose blend
    shapes as in Loper et al. 2015, SMPL, but few and linear in the rotation vectors).
    Raises `ModelError` where the fields do not fit together.
    """

    vertices: Floats
    faces: Ints
    weights: Floats
    coat: Floats | None = None
    builds: Floats = field(default_factory=_none)
    build_names: tuple[str, ...] = ()
    bulges: Floats = field(default_factory=_none)
    drivers: Floats = field(default_factory=_none)

    def __post_init__(self) -> None:
        count = len(self.vertices)
        _expect(
            self.vertices.ndim == 2 and self.vertices.shape[1] == 3 and count > 0,
            f"mesh vertices: expected (V, 3), got {self.vertices.shape}",
        )
        _expect(
            self.faces.ndim == 2 and self.faces.shape[1] == 3,
            f"mesh faces: expected (F, 3), got {self.faces.shape}",
        )
        _expect(
            self.weights.ndim == 2 and len(self.weights) == count,
            f"mesh weights: expected ({count}, J), got {self.weights.shape}",
        )
        _expect(bool(np.isfinite(self.vertices).all()), "mesh vertices must be finite")
        inside = self.faces.size == 0 or (self.faces.min() >= 0 and self.faces.max() < count)
        _expect(bool(inside), f"mesh faces name vertices outside 0..{count - 1}")
        _expect(
            bool((self.weights >= 0).all() and np.allclose(self.weights.sum(axis=1), 1, atol=1e-4)),
            "mesh weights: every row must be non-negative and sum to 1",
        )
        self._check_flesh()

    def _check_flesh(self) -> None:
        count, joints = self.weights.shape
        if self.coat is not None:
            _expect(self.coat.shape == (count,), f"mesh coat: expected ({count},)")
            _expect(bool((self.coat >= 0).all()), "mesh coat: a thickness is never negative")
        for name, array, rows, columns in (
            ("builds", self.builds, len(self.build_names), count),
            ("bulges", self.bulges, len(self.drivers), count),
            ("drivers", self.drivers, len(self.bulges), joints),
        ):
            want = (rows, columns if rows else array.shape[1], 3)
            _expect(array.shape == want, f"mesh {name}: expected {want}, got {array.shape}")
            _expect(bool(np.isfinite(array).all()), f"mesh {name} must be finite")

    @cached_property
    def sparse_weights(self) -> SparseWeights:
        """Return the few weights that are not zero, in the order in which skinning reads them."""
        from mousepose.body.skinning import SparseWeights  # starts numba

        return SparseWeights.of(self.weights)

    @cached_property
    def normals(self) -> Floats:
        """Return the unit normals (V, 3) at rest, each the mean of its triangles by area."""
        return vertex_normals(self.vertices, self.faces)

    def at_rest(
        self, joint_rotation: Floats, build: ArrayLike | None = None, coat: bool = False
    ) -> Floats:
        """Return the vertices (V, 3) or (*B, V, 3) mm that skinning carries into these poses.

        `joint_rotation` (*B, J, 3) rad. Raises `ModelError` for a build of another length.
        """
        rest = self.vertices
        if build is not None:
            given = np.asarray(build, np.float64)
            names = ", ".join(self.build_names) or "none"
            _expect(
                given.shape == (len(self.builds),),
                f"expected {len(self.builds)} build coefficients ({names}), got {given.shape}",
            )
            if len(given):
                rest = rest + np.tensordot(given, self.builds, 1)
        if coat and self.coat is not None:
            rest = rest + self.coat[:, None] * self.normals
        if len(self.bulges):
            drive = np.einsum("pjx,...jx->...p", self.drivers, joint_rotation)
            rest = rest + np.tensordot(drive, self.bulges, 1)
        return rest
