"""The four limbs of an animal, found in its bone beside the spine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.limbs_search import FORE, HIND, Chain, ChainKind, find_chain, thinned
from mousepose.ct.joints.spine_levels import NECK_MM, Spine
from mousepose.types import Floats, Ints

#: Bone below this density is no place for a joint of a limb.
_BULKY = 0.25
#: Bone that lies nearer to the spine is spine or rib heads.
_SPINE_MM = 2.0
#: A limb's bone lies at least so far to its side of the spine.
_SIDE_MM = 0.8
#: From the middle of the brain, along the spine: where hips and shoulders are looked for, mm.
_STARTS = {HIND.names: (42.0, 76.0), FORE.names: (2.0, 28.0)}
#: Before and behind this place, no bone of hind and fore limbs is looked for, mm.
_HIND_FROM, _FORE_TO = 25, 50


@dataclass(frozen=True, eq=False)
class LimbBone:
    """The bone of an animal's limbs: `cells` (N, 3) mm, `along` the spine and `side` of it (N,) mm.

    `way` holds the way through bone from the spine.
    """

    field: BoneField
    spine: Spine
    way: BoneField
    cells: Floats
    along: Ints
    side: Floats

    @classmethod
    def of(cls, field: BoneField, spine: Spine) -> LimbBone:
        """Return the bone beside the spine that is nearer to it than to the skull, through bone."""
        points = spine.way.points
        neck = int(min(NECK_MM + 1, len(points) - 2))
        way = field.ways_from(points[neck:])
        skull_way = field.ways_from(points[: max(neck - 3, 1)])
        cells = field.cells(_BULKY)
        outward = way.nearest(cells)
        gap, along = spine.nearest(cells)
        free = np.isfinite(outward) & (outward < skull_way.nearest(cells)) & (gap > _SPINE_MM)
        cells = cells[free]
        return cls(field, spine, way, cells, along[free], spine.leftward(cells))

    def chain(self, kind: ChainKind, side: str, size: float = 1.0) -> Chain | None:
        """Return the limb of a kind on a side ("LEFT" or "RIGHT"), or None where there is none.

        `size` is the animal's, 1 for the default body's 25 g.
        """
        sign = 1.0 if side == "LEFT" else -1.0
        region = self.along > _HIND_FROM if kind is HIND else self.along < _FORE_TO
        mine = self.cells[(sign * self.side > _SIDE_MM) & region]
        if not len(mine):
            return None
        places = thinned(mine)
        gap, along = self.spine.nearest(places)
        low, high = _STARTS[kind.names]
        starts = (gap > kind.reach[0]) & (gap < kind.reach[1]) & (along > low) & (along < high)
        return find_chain(self.field, kind, places, self.way.nearest(places), starts, size)
