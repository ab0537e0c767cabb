"""Limbs and skull of a scan, each fitted with the parametric mouse's bones, with a confidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_atlas import Piece, fore_pieces, hind_pieces, skull_piece
from mousepose.ct.joints.joints_fit import FINE_MM, Fit, Hold, fit_limb, piece_confidence
from mousepose.ct.joints.joints_levels import Level
from mousepose.ct.joints.joints_pelvis import Pelvis, find_pelvis
from mousepose.ct.joints.joints_start import girdle_turn, limb_turns, turn_between
from mousepose.ct.joints.joints_surface import surface_near
from mousepose.ct.joints.limbs import LimbBone
from mousepose.ct.joints.limbs_search import HIND, Chain, ChainKind
from mousepose.ct.joints.spine_levels import NECK_MM, Spine
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.geometry import rotation
from mousepose.types import Floats

_LIMB_MARGIN_MM = 4.0
_SKULL_MARGIN_MM = 17.0
#: Limbs with a long bone less sure than this are looked for again.
_SURE = 0.7
#: A limb is fitted from these shares of the size that is known: one start may end beside the hip.
#: The others count only where long bones fit this well; coarse voxels leave the size open.
_SIZES, _CLEAR = (1.0, 0.95, 1.06), 0.85
#: A limb of which every bone fits as well is fitted from no other size.
_DONE = 0.93
#: How surely the pelvis is known where it was found: mm, rad, log scale.
_PELVIS = Hold(0.03, 0.02, 0.01)
#: A first bone as sure as this is found, and the others are where they can be from its end: within
#: so many mm, swung from rest by so many degrees (forward up to back), in place this surely.
_FOUND, _SWING_MM = 0.5, 24.0
_SWINGS = (-50.0, -20.0, 10.0, 40.0, 70.0, 100.0)
_SWUNG = Hold(0.5, 0.2)
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


@dataclass(frozen=True, eq=False)
class Limbs:
    """The limbs of a kind by side, "LEFT" and "RIGHT", as far as found, and what they hang on."""

    by_side: dict[str, Limb]
    pelvis: Pelvis | None


def find_limbs(
    found: Segmentation, body: BodyModel, bone: LimbBone, kind: ChainKind, size: float
) -> Limbs:
    """Return the limbs of a kind; `size` is what is known of the animal's size.

    Where a limb is unsure, both are looked for again with the size that they have together.
    """
    search = _Search(found, body, bone, kind)
    chains = {side: bone.chain(kind, side, size) for side in ("LEFT", "RIGHT")}
    pelvis = None
    if kind is HIND:
        hips = [chain.points[0] for chain in chains.values() if chain is not None]
        pelvis = find_pelvis(found, body, bone.spine, hips, size)
        size = size if pelvis is None else pelvis.scale
    limbs = {}
    for side, chain in chains.items():
        limb = search.limb(side, size, chain, pelvis)
        if limb is not None:
            limbs[side] = limb
    weights = {side: float(limb.sure[1:3].min()) for side, limb in limbs.items()}
    if not limbs or min(weights.values()) > _SURE:
        return Limbs(limbs, pelvis)
    sizes = [limb.log_size for limb in limbs.values()]
    told = np.average(sizes, weights=[w + 1e-2 for w in weights.values()])
    # what an unsure limb says of the size counts half
    size = float(np.exp(0.5 * told + 0.5 * np.log(size)))
    for side, limb in list(limbs.items()):
        again = search.limb(side, size, bone.chain(kind, side, size), pelvis)
        if again is not None and again.sure[1:].mean() > limb.sure[1:].mean():
            limbs[side] = again
    return Limbs(limbs, pelvis)


@dataclass(frozen=True, eq=False)
class _Search:
    """Where limbs of one kind are looked for."""

    found: Segmentation
    body: BodyModel
    bone: LimbBone
    kind: ChainKind

    def limb(
        self, side: str, size: float, chain: Chain | None, pelvis: Pelvis | None
    ) -> Limb | None:
        """Return the limb that fits best, from its chain and, where that does not fit, another.

        A paw that touches skull or chest is near to the spine through their bone: the other chain
        does not ask for a way that grows along the limb.
        """
        best = None if chain is None else self._along(side, size, chain, pelvis)
        fine = float(self.found.volume.spacing.max()) <= FINE_MM
        if best is not None and (best.sure[1:].min() > _SURE or not fine):
            return best  # coarse voxels do not tell one limb from another
        free = replace(self.kind, outward=(self.kind.outward[0], 0.0, 0.0))
        other = self.bone.chain(free, side, size)
        limb = None if other is None else self._along(side, size, other, pelvis)
        if best is None or (limb is not None and limb.sure.mean() > best.sure.mean()):
            best = limb
        return best if best is None else self._swung(side, best)

    def _swung(self, side: str, limb: Limb) -> Limb:
        """Return a limb whose first bone is found with the others swung to where they fit best."""
        if limb.sure[1] < _FOUND or limb.sure[2:].min() > _SURE:
            return limb
        fit, best = limb.fit, limb
        surface = surface_near(self.found, fit.nodes[2:3], _SWING_MM)
        if surface is None:
            return limb
        pieces = self._pieces(side)
        for angle in np.deg2rad(_SWINGS):
            turns = fit.turns.copy()
            turns[2:] = fit.turns[1] @ rotation.exp(angle * self.body.axes[1])
            swung = fit_limb(pieces, surface, fit.nodes[0], turns, fit.scales, hold=_SWUNG)
            if piece_confidence(swung)[1:].mean() > best.sure[1:].mean():
                best = Limb(self.kind, swung, piece_confidence(swung))
        return best

    def _pieces(self, side: str) -> list[Piece]:
        return (hind_pieces if self.kind.names == HIND.names else fore_pieces)(self.body, side)

    def _along(self, side: str, size: float, chain: Chain, pelvis: Pelvis | None) -> Limb | None:
        """Return the limb fitted from a chain: the best of some sizes."""
        surface = surface_near(self.found, chain.points, _LIMB_MARGIN_MM)
        if surface is None:
            return None
        pieces = self._pieces(side)
        places, hold = chain.points.copy(), None
        _, along = self.bone.spine.nearest(places[:1])
        girdle = girdle_turn(self.body, self.bone.spine.frame_at(float(along[0])))
        if pelvis is not None:
            places[0], girdle, hold = pelvis.hips[side], pelvis.turn, _PELVIS
        turns = limb_turns(pieces, places, girdle)
        if pelvis is None and self.kind.names != HIND.names:
            turns[3] = turns[2]  # the paw is short: the forearm tells its direction better
        best: Limb | None = None
        for factor in _SIZES:
            scales = np.full(4, factor * size)
            scales[0] = scales[0] if pelvis is None else pelvis.scale
            fit = fit_limb(pieces, surface, places[0], turns, scales, hold=hold)
            limb = Limb(self.kind, fit, piece_confidence(fit))
            clear = limb.sure[1:3].min() > _CLEAR
            if best is None or (clear and limb.sure.mean() > best.sure.mean()):
                best = limb
            if limb.sure[1:].min() > _DONE:
                break
        return best


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
        fit = fit_limb([piece], surface, start, turn[None], np.ones(1), hold=Hold(_NECK_SD_MM))
        score = float(piece_confidence(fit)[0])
        if best is None or score > best[0]:
            best = score, fit
    assert best is not None
    return best[1], best[0]


def size_of(limbs: Limbs) -> float:
    """Return the size of the animal as its limbs tell it, drawn to 1 as far as they are unsure."""
    weights = [float(limb.sure[1:3].min()) for limb in limbs.by_side.values()]
    sizes = [limb.log_size for limb in limbs.by_side.values()]
    return float(np.exp(np.average([*sizes, 0.0], weights=[*weights, 0.1])))


def hip_of(body: BodyModel, limbs: Limbs) -> Level | None:
    """Return SPINE_HIP as the pelvis tells it, or the limbs' two halves of it, or None."""
    if limbs.pelvis is not None:
        return Level(limbs.pelvis.spine_hip, limbs.pelvis.sure)
    told, sure = [], []
    for side, limb in limbs.by_side.items():
        arm, fit = body.bone_vectors[body.skeleton.index(f"{side}_HIP")], limb.fit
        told.append(fit.nodes[0] - fit.scales[0] * fit.turns[0] @ arm)
        sure.append(float(np.sqrt(limb.sure[0] * limb.sure[1])))
    return Level(np.mean(told, axis=0), float(np.mean(sure))) if told else None
