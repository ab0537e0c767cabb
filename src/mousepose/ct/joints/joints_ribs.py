"""The chest's ends on the spine, by its ribs: the first and the last of thirteen pairs.

Ribs leave the spine in even steps, a comb that lies in one place only: the parametric mouse's ribs
are laid along the curve through neck, chest and sacrum, and the ends of the chest are moved until
bone is where ribs are, none between them, and none where a rib before the first or behind the last
would be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from mousepose.ct.anatomy.anatomy import anatomy_table
from mousepose.ct.anatomy.anatomy_spine import SpineCurve
from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.spine_levels import Spine
from mousepose.types import Floats

#: The part of the ribs that is looked at, degrees about the chest: nearer it is spine, further the
#: ribs of animals differ.
_ANGLES = np.deg2rad(np.linspace(20.0, 110.0, 10))
#: Bone denser than this counts no more: shoulder blades lie on the ribs.
_FULL = 0.3
#: What bone in the places of a rib too many takes off.
_BEYOND = 0.15
#: Ends are tried so far from where they are first put, mm along the spine: more than one rib.
_TRIED = np.arange(-2.2, 2.3, 0.4)
#: SD of the ends about where they are first put (mm) and of the spine's turn about itself (rad),
#: where the ribs' bone is told to 0.03.
_PLACE_SD, _TURN_SD = 1.4, 0.2
_NOISE = 0.03
#: Of the bone in ribs, the share by which it is more than between them where ribs are sure.
_SURE = 0.4


@dataclass(frozen=True, eq=False)
class Chest:
    """The places of the first and the last chest vertebra (3,) mm, and how sure they are."""

    first: Floats
    last: Floats
    sure: float


def find_chest(field: BoneField, spine: Spine, knots: Floats) -> Chest:
    """Return the chest between `knots` (4, 3) mm: neck, first guesses of its two ends, sacrum.

    `field` is the density of bone. A chest whose ribs are not seen has a low `sure`.
    """
    comb = _Comb(field, spine, knots)
    starts = np.zeros((len(_TRIED), len(_TRIED), 8))
    starts[..., 0], starts[..., 3] = _TRIED[:, None], _TRIED[None, :]
    start = min(starts.reshape(-1, 8), key=comb.misfit)
    found = optimize.minimize(comb.misfit, start, method="BFGS", options={"eps": 1e-3})
    curve = comb.curve(found.x)
    ribs, between, _ = comb.densities(curve)
    contrast = (ribs - between) / max(ribs, 1e-3)
    return Chest(curve.knots[1], curve.knots[2], float(np.clip(contrast / _SURE, 0.0, 1.0)))


class _Comb:
    """The ribs of a chest between knots.

    Unknowns are its two ends (3 + 3 mm, in the spine's frames) and the turns of the spine about
    itself there (2 rad).
    """

    def __init__(self, field: BoneField, spine: Spine, knots: Floats) -> None:
        table = anatomy_table()
        self.field, self.knots = field, knots
        _, along = spine.nearest(knots)
        self.frames = spine.frames[along]
        self.lengths = np.array(table["spine"]["lengths"][: len(knots) - 1])
        ribs = table["ribs"]
        self.count = len(ribs["width"])
        between = np.arange(-0.5, self.count, 1.0)
        self.places = np.concatenate([np.arange(self.count), between, [-1.0, self.count]])
        self.kind = np.repeat([0, 1, 2], [self.count, self.count + 1, 2])
        width, depth, sweep, end = (
            np.interp(self.places, np.arange(self.count), ribs[key])[:, None]
            for key in ("width", "depth", "sweep", "end")
        )
        down = 0.5 * depth * (1 - np.cos(_ANGLES))
        side = width * np.sin(_ANGLES)
        local = [np.stack([-sweep * down / depth, s * side, -down], axis=2) for s in (1, -1)]
        self.local = np.concatenate(local, axis=1)  # (places, points, 3)
        self.there = np.tile(np.rad2deg(_ANGLES) <= end - 5, 2)

    def curve(self, unknowns: Floats) -> SpineCurve:
        knots, up = self.knots.copy(), self.frames[:, 2].copy()
        knots[1] += self.frames[1].T @ unknowns[:3]
        knots[2] += self.frames[2].T @ unknowns[3:6]
        for k, turn in ((1, unknowns[6]), (2, unknowns[7])):
            up[k] = np.cos(turn) * up[k] + np.sin(turn) * self.frames[k, 1]
        lengths = np.linalg.norm(np.diff(knots, axis=0), axis=1)
        way = np.concatenate([[0.0], np.cumsum(lengths)])
        slopes = np.gradient(knots, way, axis=0)
        return SpineCurve(knots, slopes, lengths, up, lengths / self.lengths, np.arange(3))

    def densities(self, curve: SpineCurve) -> tuple[float, float, float]:
        """Return the mean density of bone in ribs, between them, and in ribs too many."""
        at = curve.at(1 + self.places / (self.count - 1))
        offset = at.scale[:, None, None] * (self.local @ at.axes)
        bone = np.minimum(self.field.at(at.centre[:, None] + offset), _FULL)
        first, second, third = (
            float(bone[self.kind == k][self.there[self.kind == k]].mean()) for k in range(3)
        )
        return first, second, third

    def misfit(self, unknowns: Floats) -> float:
        ribs, between, beyond = self.densities(self.curve(unknowns))
        far = (unknowns[:6] ** 2).sum() / _PLACE_SD**2 + (unknowns[6:] ** 2).sum() / _TURN_SD**2
        return float(between + _BEYOND * beyond - ribs + 0.5 * _NOISE**2 * far)
