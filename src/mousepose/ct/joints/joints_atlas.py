"""The parametric mouse's own bones as rigid pieces that can be fitted to a scan, limb by limb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy import anatomy_table
from mousepose.ct.anatomy.anatomy_parts import Place, part_solids, places
from mousepose.ct.anatomy.anatomy_solids import Solids, joined, part_distances
from mousepose.types import Floats

#: Surface points kept of a piece, per mm^2 of the box about it.
_SURFACE_POINTS = 350
_STEP = 0.05


@dataclass(frozen=True, eq=False)
class Piece:
    """A rigid bone at rest: `solids`, the place `pivot` (3,) it turns about, `end` (3,) mm.

    The next piece of a limb is hung on `end`. `surface` (N, 3) mm are points on its surface.
    """

    name: str
    solids: Solids
    pivot: Floats
    end: Floats
    surface: Floats

    def distance(self, points: Floats) -> Floats:
        """Return how far (N,) mm points (N, 3) lie outside the bone at rest."""
        return np.asarray(part_distances(points, self.solids).min(axis=1))

    def outward(self, points: Floats) -> Floats:
        """Return the gradient (N, 3) of `distance` at points (N, 3), by central differences."""
        steps = _STEP * np.concatenate([np.eye(3), -np.eye(3)])
        asked = (points[:, None] + steps).reshape(-1, 3)
        around = self.distance(asked).reshape(-1, 2, 3)
        return np.asarray((around[:, 0] - around[:, 1]) / (2 * _STEP))


def hind_pieces(body: BodyModel, side: str) -> list[Piece]:
    """Return pelvis, femur, shank and foot of a side ("LEFT" or "RIGHT")."""
    at = _Rest(body, side)
    hip, knee, paw = (at.joint(name) for name in ("HIP", "KNEE", "HIND_PAW"))
    shank = anatomy_table()["bones"]["shank"]["chains"][1][-1][:3]
    ankle = at.place("shank").points([shank])[0]
    return [
        at.piece("pelvis", ("pelvis",), hip, hip),
        at.piece("femur", ("femur",), hip, knee),
        at.piece("shank", ("shank",), knee, ankle),
        at.piece("hind foot", ("hind_foot",), ankle, paw),
    ]


def fore_pieces(body: BodyModel, side: str) -> list[Piece]:
    """Return shoulder blade, humerus, forearm and paw of a side ("LEFT" or "RIGHT")."""
    at = _Rest(body, side)
    shoulder, elbow, paw = (at.joint(name) for name in ("SHOULDER", "ELBOW", "FORE_PAW"))
    carpus = np.mean(anatomy_table()["bones"]["fore_foot"]["chains"][0], axis=0)[:3]
    wrist = at.place("fore_foot").points([carpus])[0]
    return [
        at.piece("shoulder blade", ("scapula",), shoulder, shoulder),
        at.piece("humerus", ("humerus",), shoulder, elbow),
        at.piece("forearm", ("forearm",), elbow, wrist),
        at.piece("fore foot", ("fore_foot",), wrist, paw),
    ]


def pelvis_piece(body: BodyModel) -> Piece:
    """Return the whole pelvis, which turns about the middle between the hips.

    It ends at SPINE_HIP, in the sacrum that it is one with.
    """
    at = _Rest(body, "LEFT")
    rest, names = body.rest, body.skeleton.joint_names
    hips = rest[[names.index("LEFT_HIP"), names.index("RIGHT_HIP")]]
    return at.piece(
        "pelvis", ("pelvis",), hips.mean(axis=0), rest[names.index("SPINE_HIP")], both=True
    )


def skull_piece(body: BodyModel) -> Piece:
    """Return the skull with its jaw, which turns about the neck and ends at the nose."""
    at = _Rest(body, "LEFT")
    rest, names = body.rest, body.skeleton.joint_names
    neck, nose = rest[names.index("NECK")], rest[names.index("NOSE")]
    parts = ("braincase", "bulla", "skull_base", "skull_side", "mandible")
    return at.piece("skull", parts, neck, nose, both=True)


@dataclass(frozen=True, eq=False)
class _Rest:
    """The anatomy of a body at rest, one side of it."""

    body: BodyModel
    side: str

    def joint(self, name: str) -> Floats:
        return np.asarray(self.body.rest[self.body.skeleton.index(f"{self.side}_{name}")])

    def place(self, part: str) -> Place:
        """Return where a paired part stands on this side."""
        table: dict[str, Any] = anatomy_table()["bones"][part]
        names = self.body.skeleton.joint_names
        found = [
            place
            for place in places(table, self.body, self.body.rest_pose())
            if names[place.bone].startswith(self.side)
        ]
        return found[0]

    def piece(
        self, name: str, parts: tuple[str, ...], pivot: Floats, end: Floats, both: bool = False
    ) -> Piece:
        table = anatomy_table()["bones"]
        pose = self.body.rest_pose()
        solids = joined(
            [
                part_solids(table[part], place)
                for part in parts
                for place in (places(table[part], self.body, pose) if both else (self.place(part),))
            ]
        )
        return Piece(f"{self.side} {name}", solids, pivot, end, _surface_of(solids))


def _surface_of(solids: Solids) -> Floats:
    """Return points (N, 3) on the outer surface of solids, about evenly spread."""
    rng = np.random.default_rng(0)
    low, high = solids.low.min(axis=0) - 0.3, solids.high.max(axis=0) + 0.3
    piece = Piece("", solids, low, high, np.empty((0, 3)))
    points = rng.uniform(low, high, (40_000, 3))
    points = points[np.abs(piece.distance(points)) < 0.6]
    for _ in range(3):  # Newton's steps onto the surface
        points = points - piece.distance(points)[:, None] * piece.outward(points)
    points = points[np.abs(piece.distance(points)) < 0.02]
    return points[rng.permutation(len(points))[:_SURFACE_POINTS]]
