"""Limbs and skull of a scan, each fitted with the parametric mouse's bones, with a confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_atlas import fore_pieces, hind_pieces, skull_piece
from mousepose.ct.joints.joints_fit import Fit, fit_limb
from mousepose.ct.joints.joints_start import girdle_turn, limb_turns, turn_between
from mousepose.ct.joints.joints_surface import surface_near
from mousepose.ct.joints.limbs import LimbBone
from mousepose.ct.joints.limbs_search import HIND, ChainKind
from mousepose.ct.joints.spine_levels import NECK_MM, Spine
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.types import Floats

_LIMB_MARGIN_MM = 4.0
_SKULL_MARGIN_MM = 17.0
#: A median gap (mm) that halves the confidence, and a log scale beside the limb's mean that does.
_GAP_MM, _LOG_SCALE = 0.45, 0.18
#: Limbs with a long bone less sure than this are looked for again.
_SURE = 0.7
#: A limb is fitted from these shares of the size that is known: one start may end beside the hip.
#: The others count only where long bones fit this well; coarse voxels leave the size open.
_SIZES, _CLEAR = (1.0, 0.95, 1.06), 0.85
#: The head may be nodded so far from where the neck and the braincase say, degrees.
_NODS = (-25.0, 0.0, 25.0)
#: The way of the spine tells to this where the neck meets the skull, mm.
_NECK_SD_MM = 1.0


@dataclass(frozen=True, eq=False)
class Limb:
    """A limb found in a scan: its kind, its `fit`, and how sure (P,) its bones are."""

    kind: ChainKind
    fit: Fit
    sure: Floats

    @property
    def confidence(self) -> Floats:
        """Return how sure (4,) its places are: as its two bones together, at the ends as one."""
        first, second, third = self.sure[1:]
        return np.array([first, np.sqrt(first * second), np.sqrt(second * third), third])

    @property
    def log_size(self) -> float:
        """Return the log size of its two long bones, each as much as it is sure."""
        return float(np.average(np.log(self.fit.scales[1:3]), weights=self.sure[1:3] + 1e-3))


def find_limbs(
    found: Segmentation, body: BodyModel, bone: LimbBone, kind: ChainKind, size: float
) -> dict[str, Limb]:
    """Return the limbs of a kind by side, "LEFT" and "RIGHT", as far as they are found.

    `size` is what is known of the animal's size. Where a limb is unsure, both are looked for again
    with the size that they have together.
    """
    limbs = {}
    for side in ("LEFT", "RIGHT"):
        limb = _find_limb(found, body, bone, kind, side, size)
        if limb is not None:
            limbs[side] = limb
    weights = {side: float(limb.sure[1:3].min()) for side, limb in limbs.items()}
    if not limbs or min(weights.values()) > _SURE:
        return limbs
    sizes = [limb.log_size for limb in limbs.values()]
    told = np.average(sizes, weights=[w + 1e-2 for w in weights.values()])
    # what an unsure limb says of the size counts half
    size = float(np.exp(0.5 * told + 0.5 * np.log(size)))
    for side, limb in list(limbs.items()):
        again = _find_limb(found, body, bone, kind, side, size)
        if again is not None and again.sure[1:].mean() > limb.sure[1:].mean():
            limbs[side] = again
    return limbs


def _find_limb(
    found: Segmentation, body: BodyModel, bone: LimbBone, kind: ChainKind, side: str, size: float
) -> Limb | None:
    chain = bone.chain(kind, side, size)
    surface = None if chain is None else surface_near(found, chain.points, _LIMB_MARGIN_MM)
    if chain is None or surface is None:
        return None
    pieces = (hind_pieces if kind is HIND else fore_pieces)(body, side)
    _, along = bone.spine.nearest(chain.points[:1])
    girdle = girdle_turn(body, bone.spine.frame_at(float(along[0])))
    turns = limb_turns(pieces, chain.points, girdle)
    if kind is not HIND:  # the paw is short: the forearm tells its direction better
        turns[3] = turns[2]
    best: Limb | None = None
    for factor in _SIZES:
        fit = fit_limb(pieces, surface, chain.points[0], turns, np.full(4, factor * size))
        limb = Limb(kind, fit, piece_confidence(fit))
        clear = limb.sure[1:3].min() > _CLEAR
        if best is None or (clear and limb.sure.mean() > best.sure.mean()):
            best = limb
    return best


def piece_confidence(fit: Fit) -> Floats:
    """Return how sure (P,) each piece is: covered by bone, near its surface, of a usual size."""
    middle = np.median(np.log(fit.scales))
    odd = (np.log(fit.scales) - middle) / _LOG_SCALE
    return np.asarray(fit.covered * 0.5 ** ((fit.gaps / _GAP_MM) ** 2) * 0.5 ** (odd**2))


def fit_skull(found: Segmentation, body: BodyModel, spine: Spine) -> tuple[Fit, float]:
    """Return the skull fitted from the braincase and the neck, the best of some nods."""
    assert found.braincase is not None
    piece = skull_piece(body)
    surface = surface_near(found, found.braincase[None], _SKULL_MARGIN_MM, hollow=True)
    assert surface is not None  # the braincase is enclosed by bone
    neck, frame = spine.at(NECK_MM), spine.frame_at(NECK_MM)
    forward = found.braincase - neck
    middle = piece.pivot + 0.25 * (piece.end - piece.pivot) + 1.4 * body.axes[2]
    best: tuple[float, Fit] | None = None
    for nod in np.deg2rad(_NODS):
        left = np.cross(frame[2], forward)
        nodded = np.cos(nod) * forward + np.sin(nod) * np.cross(
            forward, left / np.linalg.norm(left)
        )
        turn = turn_between(middle - piece.pivot, body.axes[2], nodded, frame[2])
        start = found.braincase - turn @ (middle - piece.pivot)
        fit = fit_limb([piece], surface, start, turn[None], np.ones(1), root_sd=_NECK_SD_MM)
        score = float(piece_confidence(fit)[0])
        if best is None or score > best[0]:
            best = score, fit
    assert best is not None
    return best[1], best[0]


def size_of(limbs: dict[str, Limb]) -> float:
    """Return the size of the animal as its limbs tell it, drawn to 1 as far as they are unsure."""
    weights = [float(limb.sure[1:3].min()) for limb in limbs.values()]
    sizes = [limb.log_size for limb in limbs.values()]
    return float(np.exp(np.average([*sizes, 0.0], weights=[*weights, 0.1])))


def hip_of(body: BodyModel, limbs: dict[str, Limb]) -> Floats | None:
    """Return SPINE_HIP (3,) mm as the two sides of the pelvis tell it, or None without any."""
    told = []
    for side, limb in limbs.items():
        arm, fit = body.bone_vectors[body.skeleton.index(f"{side}_HIP")], limb.fit
        told.append(fit.nodes[0] - fit.scales[0] * fit.turns[0] @ arm)
    return np.mean(told, axis=0) if told else None
