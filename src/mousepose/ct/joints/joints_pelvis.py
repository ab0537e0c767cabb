"""The pelvis of a scan: one bone of two sides, fitted as a whole.

A hip alone is easily lost: half a pelvis slides along its long, nearly straight blade, and a femur
follows. Both halves together fit in one place only; with it both sockets are known, the sacrum
between them, and how large the animal is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_atlas import pelvis_piece
from mousepose.ct.joints.joints_fit import Fit, fit_limb, piece_confidence
from mousepose.ct.joints.joints_start import girdle_turn
from mousepose.ct.joints.joints_surface import surface_near
from mousepose.ct.joints.spine_levels import HIP_MM, Spine
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.geometry import rotation
from mousepose.types import Floats

#: The pelvis reaches so far from the middle between the hips, mm at most.
_MARGIN_MM = 14.0
#: Starts: so far along the spine (mm) and nodded so far (degrees), the likeliest first.
_STARTS = ((0, 0), (-3, 0), (0, -15), (0, 15), (-3, -15), (-3, 15), (3, 15), (3, 0), (3, -15))
#: A pelvis as sure as this is not looked for further; one less sure than the second is not found.
_CLEAR, _LEAST = 0.93, 0.4


@dataclass(frozen=True, eq=False)
class Pelvis:
    """A pelvis in a scan: `hips` (3,) mm by side, SPINE_HIP, its `turn` from rest and its size."""

    hips: dict[str, Floats]
    spine_hip: Floats
    turn: Floats
    scale: float
    sure: float


def find_pelvis(
    found: Segmentation, body: BodyModel, spine: Spine, hips: list[Floats], size: float
) -> Pelvis | None:
    """Return the pelvis, looked for where limbs seem to begin, or None where it is not seen.

    `hips` are such places (3,) mm, of either side or both; `size` is what is known of the animal's.
    """
    _, places = spine.nearest(np.array(hips)) if hips else (None, np.array([HIP_MM]))
    along = float(np.mean(places))
    frame = spine.frame_at(along)
    names = body.skeleton.joint_names
    sides = {side: body.rest[names.index(f"{side}_HIP")] for side in ("LEFT", "RIGHT")}
    piece = pelvis_piece(body)
    middle = piece.pivot - piece.end
    start = spine.at(along) + size * frame.T @ (body.axes @ middle)
    if len(hips) == len(sides):
        start = np.mean(hips, axis=0)
    surface = surface_near(found, start[None], _MARGIN_MM)
    if surface is None:
        return None
    best: tuple[float, Fit] | None = None
    for shift, nod in _STARTS:
        turn = rotation.exp(np.deg2rad(nod) * frame[1]) @ girdle_turn(body, frame)
        fit = fit_limb([piece], surface, start + shift * frame[0], turn[None], np.array([size]))
        sure = float(piece_confidence(fit)[0])
        if best is None or sure > best[0]:
            best = sure, fit
        if best[0] > _CLEAR:
            break
    if best is None or best[0] < _LEAST:
        return None
    sure, fit = best
    scale, turn = float(fit.scales[0]), fit.turns[0]
    placed = {side: fit.nodes[0] + scale * turn @ (at - piece.pivot) for side, at in sides.items()}
    return Pelvis(placed, fit.nodes[1], turn, scale, sure)
