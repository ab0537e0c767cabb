"""What is free of mark offsets: one place for a mark and its partner, midline marks stay there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.keypoint_names import other_side
from mousepose.body.model import BodyModel
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Ints

#: mm; marks that mirror each other in a map are written so.
_SAME_PLACE = 0.01


@dataclass(frozen=True, eq=False)
class Ties:
    """Offsets of M marks as a linear function of G free numbers, each along one axis of the animal.

    `matrix` (3 M, G) gives offsets in rest axes; number g moves mark `mark[g]` along `axis[g]`
    (0 forward, 1 left, 2 up) and its partner as a mirror would. `partner` (M,) is a mark's own
    index where it has none.
    """

    matrix: Floats
    mark: Ints
    axis: Ints
    partner: Ints

    def offsets(self, values: Floats) -> Floats:
        """Return the offsets (M, 3) mm in rest axes of free numbers (G,)."""
        return np.asarray((self.matrix @ values).reshape(-1, 3))

    def values(self, offset: Floats) -> Floats:
        """Return the free numbers (G,) whose offsets are nearest to `offset` (M, 3)."""
        return np.asarray(np.linalg.lstsq(self.matrix, offset.ravel(), rcond=None)[0])

    def spread(self, per_value: Floats) -> Floats:
        """Return what is known of each free number (G,) for each mark and axis (M, 3).

        An axis along which a mark is held is NaN.
        """
        out = np.full((len(self.partner), 3), np.nan)
        out[self.mark, self.axis] = per_value
        right = self.partner[self.mark]
        out[right, self.axis] = per_value
        return out


def mirror_ties(keypoint_map: KeypointMap, body: BodyModel) -> Ties:
    """Return the ties of a map's marks: partners by name, or else by where the map puts them.

    A mark without a partner on a midline bone, and in the middle of it, stays in the middle.
    """
    partner = _partners(keypoint_map)
    mirror = np.eye(3) - 2 * np.outer(body.axes[1], body.axes[1])
    columns, marks, axes = [], [], []
    for mark, other in enumerate(partner):
        if other < mark:
            continue
        middle = other == mark and _in_the_middle(keypoint_map, mark)
        for axis in (0, 2) if middle else (0, 1, 2):
            column = np.zeros((len(partner), 3))
            column[other] = mirror @ body.axes[axis]
            column[mark] = body.axes[axis]
            columns.append(column.ravel())
            marks.append(mark)
            axes.append(axis)
    return Ties(np.array(columns).T, np.array(marks), np.array(axes), partner)


def _partners(keypoint_map: KeypointMap) -> Ints:
    names, bones, offset = keypoint_map.names, keypoint_map.bones, keypoint_map.offset
    partner = np.arange(len(names))
    for mark, name in enumerate(names):
        if partner[mark] != mark:
            continue
        there = [
            other
            for other in range(len(names))
            if other != mark and partner[other] == other
            and bones[other] == mirrored_name(bones[mark])
        ]  # fmt: skip
        by_name = [other for other in there if names[other] == other_side(name, names)]
        by_place = [
            other
            for other in there
            if np.abs(offset[other] - offset[mark] * [1, -1, 1]).max() < _SAME_PLACE
            and not _in_the_middle(keypoint_map, mark)
        ]
        for other in (by_name or by_place)[:1]:
            partner[mark], partner[other] = other, mark
    return partner


def _in_the_middle(keypoint_map: KeypointMap, mark: int) -> bool:
    bone = keypoint_map.bones[mark]
    return mirrored_name(bone) == bone and abs(keypoint_map.offset[mark, 1]) < _SAME_PLACE
