"""A parametric mouse: bones, skin and lungs as plain solids that follow the joints of any pose.

What hangs where stands in `data/anatomy.toml`. Every part is rigid on one bone of the body model,
or on a place of the smooth spine (`anatomy_spine.py`), and grows with that bone's length factor.
Where the joints lie in the bones:

    NECK, SPINE_*, ROOT_TAIL, MID_TAIL, TIP_TAIL   centre of a vertebra (see `data/anatomy.toml`)
    SHOULDER, HIP      centre of the round head of humerus and femur
    ELBOW, KNEE        between the condyles of humerus and femur
    FORE_PAW           middle of the metacarpals        HIND_PAW   middle of the metatarsals
    NOSE               the tip of the soft nose, 1.5 mm before the nasal bones
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy_solids import (
    Grid3,
    Lattice,
    Solids,
    blended_at,
    blended_on,
    blended_smooth_on,
    joined,
    nearest_on,
    part_distances,
    seamed,
)
from mousepose.ct.anatomy.anatomy_spine import SpineCurve
from mousepose.types import Floats, Pose

#: How far (mm) from a bone its distance is still told apart.
_BONE_BAND = 1.5


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One animal in one pose, in the axes of its pose, mm.

    `bones` are joined hard. `soft` and `fine` flesh are blended with `soft_blend` and `fine_blend`
    mm each, and then with each other with `seam` mm. `air` are the lungs. `soft_bones` (N, J) and
    `fine_bones` (N, J) say which bones of the body each part of the flesh rides on; rows sum to 1.
    Bowel gas lies beside the `spine` from `bowel_low` to `bowel_high` (u, left, up), `bubble` mm in
    radius.
    """

    bones: Solids
    soft: Solids
    fine: Solids
    air: Solids
    soft_blend: float
    fine_blend: float
    seam: float
    soft_bones: Floats
    fine_bones: Floats
    spine: SpineCurve
    bowel_low: Floats
    bowel_high: Floats
    bubble: tuple[float, float]

    def bone_distance(self, points: Floats) -> Floats:
        """Return how far (P,) mm points (P, 3) lie outside the bones, negative inside."""
        return np.asarray(part_distances(points, self.bones).min(axis=1))

    def skin_distance(self, points: Floats) -> Floats:
        """Return how far (P,) mm points (P, 3) lie outside the skin, negative inside.

        Right near the skin; far outside it stays at a few mm.
        """
        soft = blended_at(part_distances(points, self.soft), self.soft_blend)
        fine = blended_at(part_distances(points, self.fine), self.fine_blend)
        return seamed(soft, fine, self.seam)

    def bone_field(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to the bones, 1.5 mm where none is nearer."""
        return nearest_on(lattice, self.bones, _BONE_BAND)

    def skin_field(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to the skin, a few mm wherever it is far."""
        soft = blended_smooth_on(lattice, self.soft, self.soft_blend)
        fine = blended_on(lattice, self.fine, self.fine_blend)
        return seamed(soft, fine, self.seam)

    def air_field(self, lattice: Lattice) -> Grid3:
        """Return the distance (X, Y, Z) mm to the lungs, 1.5 mm where they are not nearer."""
        return nearest_on(lattice, self.air, _BONE_BAND)

    def bowel_gas(self, rng: np.random.Generator) -> Floats:
        """Return random bubbles (N, 6) in the bowel: centre and three radii, mm."""
        count = int(rng.integers(2, 7))
        share = rng.uniform(size=(count, 3))
        low, high = self.bowel_low, self.bowel_high
        places = self.spine.at(low[0] + share[:, 0] * (high[0] - low[0]))
        local = low + share * (high - low)
        local[:, 0] = 0
        radii = rng.uniform(*self.bubble, size=(count, 3)) * places.scale[:, None]
        return np.concatenate([places.point(local), radii], axis=1)

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Return the lowest and the highest corner (3,) mm of a box around the animal."""
        flesh = joined([self.soft, self.fine])
        return flesh.low.min(axis=0) - 1.0, flesh.high.max(axis=0) + 1.0


def mouse_anatomy(body: BodyModel, pose: Pose, *, build: float = 0.0) -> Anatomy:
    """Return the anatomy of a body in one pose.

    `build` is the log girth of the trunk and limbs, beside what the pose's shape says of size and
    lengths: 0 is an animal of 25 g, 0.1 one that is 10 % thicker. Raises `ModelError` for a body
    without the joints of the default one.
    """
    from mousepose.ct.anatomy.anatomy_parts import place_bones
    from mousepose.ct.anatomy.flesh import place_air, place_flesh

    table = anatomy_table()
    bowel = np.array([table["bowel"][key] for key in ("u", "left", "up")])
    spine = SpineCurve.of(body, pose, table["spine"]["lengths"])
    size = float(spine.scale[1:3].mean())  # of the trunk
    soft, soft_bones, fine, fine_bones = place_flesh(table, body, pose, build)
    return Anatomy(
        bones=place_bones(table, body, pose),
        soft=soft,
        fine=fine,
        air=place_air(table, body, pose),
        soft_blend=size * table["blend"]["soft"],
        fine_blend=size * table["blend"]["fine"],
        seam=size * table["blend"]["seam"],
        soft_bones=soft_bones,
        fine_bones=fine_bones,
        spine=spine,
        bowel_low=bowel[:, 0],
        bowel_high=bowel[:, 1],
        bubble=tuple(table["bowel"]["radius"]),
    )


@cache
def anatomy_table() -> dict[str, Any]:
    """Return `data/anatomy.toml`."""
    text = (resources.files("mousepose") / "data" / "anatomy.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
