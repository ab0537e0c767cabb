"""How far a tracker's keypoints are apart on a mouse: what a rig without a board is measured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from mousepose.errors import InputError
from mousepose.fit.setup import Animal, Setup
from mousepose.geometry.bundle_points import Ties
from mousepose.types import Floats, Ints

#: Fewer keypoints that the map knows give no scale worth the name.
_LEAST_KEYPOINTS = 4
#: Postures that are drawn from the prior.
_POSTURES = 400
#: Distances whose logarithm varies more than this tell nothing.
_MOST_VARIED = 0.5
#: Frames beyond so many show postures that others show as well: together they tell as much.
_INDEPENDENT = 20
#: A distance this many standard deviations off counts no further.
_LIMIT = 3.0


@dataclass(frozen=True, eq=False)
class BodyDistances:
    """Pairs (P, 2) of a file's columns, the usual logarithm (P,) of their distance in mm, its SD.

    `size_sd` says how far, as a share, the animal's size is unsure.
    """

    pairs: Ints
    log_mm: Floats
    sd: Floats
    size_sd: float
    scale_from: str

    def ties(self, frames: int) -> Ties:
        """Return the distances as ties of a bundle adjustment of so many frames.

        Postures last and keypoints move together: all frames and pairs count as a few of them.
        """
        keypoints = len(np.unique(self.pairs))
        alike = min(1.0, _INDEPENDENT / frames) * min(1.0, keypoints / len(self.pairs))
        return Ties(self.pairs, self.log_mm, alike / self.sd**2)

    def compare(self, points: Floats) -> tuple[float, float, float]:
        """Return what points (T, K, 3) in any unit say: log scale, its SD, how unlike a mouse.

        Times exp(log scale) they are in mm. The last is the mean squared deviation of distances
        from those of mice, in SD, truncated; infinite where no distance is known.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.linalg.norm(points[:, self.pairs[:, 0]] - points[:, self.pairs[:, 1]], axis=2)
            off = self.log_mm - np.log(away)  # (T, P)
        known = np.isfinite(off)
        weight = np.where(known, self.sd**-2.0, 0.0)
        if not known.any():
            return 0.0, np.inf, np.inf
        scale = _weighted_median(off[known], weight[known])
        unlike = np.minimum(((off - scale) / self.sd) ** 2, _LIMIT**2)
        of_pair = [np.median(column[seen]) for column, seen in zip(off.T, known.T, strict=True)
                   if seen.any()]  # fmt: skip
        spread = 1.4826 * float(np.median(np.abs(np.array(of_pair) - scale)))
        keypoints = len(np.unique(self.pairs[known.any(axis=0)]))
        return scale, spread / np.sqrt(max(keypoints - 1, 1)), float(unlike[known].mean())


def body_distances(setup: Setup, names: Sequence[str]) -> BodyDistances:
    """Return the distances on the animal that `setup` assumes, for a file's keypoint `names`.

    Their spread is that of postures and of the marks' places. Raises `InputError` where the map
    knows too few of the names.
    """
    body, found = setup.body, setup.keypoint_map.select(names)
    if len(found.columns) < _LEAST_KEYPOINTS:
        raise InputError(
            f"the keypoint map knows {len(found.columns)} of the keypoints {', '.join(names)}, at "
            f"least {_LEAST_KEYPOINTS} are needed to measure by; give the map that fits "
            "(--keypoints), see `mousepose keypoints check`"
        )
    random = np.random.default_rng(0)
    animal = Animal.typical(setup)
    z = random.standard_normal((_POSTURES, animal.basis.shape[-1]))
    angles = animal.mean + np.einsum("jir,tr->tji", animal.basis, z)
    still = np.zeros((_POSTURES, 3))
    pose = replace(
        body.rest_pose(), root_rotation=still, root_translation=still, joint_rotation=angles,
        shape=animal.shape,
    )  # fmt: skip
    points = body.marks(pose, found.map.marks(body))
    points = points + found.map.sigma[:, None] * random.standard_normal(points.shape)
    pairs = np.array(list(combinations(range(len(found.columns)), 2)))
    away = np.log(np.linalg.norm(points[:, pairs[:, 0]] - points[:, pairs[:, 1]], axis=2))
    sd = away.std(axis=0)
    told = sd < _MOST_VARIED
    return BodyDistances(
        np.array(found.columns)[pairs[told]],
        np.median(away, axis=0)[told],
        sd[told],
        setup.scale_sd,
        f"a typical mouse, {setup.prior.typical_length:.0f} mm from snout to tail base"
        if setup.scale.kind == "none"
        else str(setup.scale),
    )


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
