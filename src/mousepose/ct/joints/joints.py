"""The 20 joints of the mouse, found in the bones of a scan.

The spine is traced from the braincase; on both sides of it limbs are found as chains of straight
bones; then the parametric mouse's own bones are laid on them and fitted (`joints_fit.py`), which
tells where the centres of the joints are. What is left and right follows from where the head and
the belly lie, whatever the file says of the axes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.joints_levels import Level, tail_levels, trunk_levels
from mousepose.ct.joints.joints_limbs import Limbs, find_limbs, fit_skull, hip_of, size_of
from mousepose.ct.joints.limbs import LimbBone
from mousepose.ct.joints.limbs_search import FORE, HIND
from mousepose.ct.joints.spine_levels import NECK_MM, Spine, find_spine
from mousepose.ct.segmentation.segment_types import Progress, Segmentation
from mousepose.ct.types import NamedPoints
from mousepose.errors import InputError
from mousepose.skeleton import MOUSE_SKELETON
from mousepose.types import Floats

#: Places that are found beside the 20 joints.
EXTRA_NAMES = ("LEFT_ANKLE", "RIGHT_ANKLE", "LEFT_WRIST", "RIGHT_WRIST")


@dataclass
class _Board:
    """The places found so far, by name."""

    levels: dict[str, Level] = field(default_factory=dict)

    def put(self, name: str, point: Floats, confidence: float) -> None:
        self.levels[name] = Level(point, float(np.clip(confidence, 0.0, 1.0)))

    def points(self) -> NamedPoints:
        names = (*MOUSE_SKELETON.joint_names, *EXTRA_NAMES)
        missing = Level(np.full(3, np.nan), 0.0)
        levels = [self.levels.get(name, missing) for name in names]
        return NamedPoints(
            names,
            np.array([level.point for level in levels]),
            np.array([level.confidence for level in levels]),
        )


def locate_joints(
    segmentation: Segmentation, *, body: BodyModel | None = None, progress: Progress | None = None
) -> NamedPoints:
    """Return the 20 joints of `MOUSE_SKELETON`, and ankles and wrists, with a confidence each.

    Joints lie where `ct/anatomy/` says: hips and shoulders in the heads of femur and humerus,
    HIND_PAW and FORE_PAW in the middle of the metatarsals and metacarpals. A joint that cannot be
    found (a limb or a tail that the scan cuts) is NaN with confidence 0. `body` gives the bones'
    usual lengths: the default body. `progress` is told what is done and the share that is behind.
    Raises `InputError` where there is no skull to begin at, or no spine behind it.
    """
    body = default_body() if body is None else body
    tell = progress or (lambda what, share: None)
    name = segmentation.volume.name
    if segmentation.braincase is None or not segmentation.bone.any():
        raise InputError(f"scan {name!r}: no skull in it, so no joints; read its notes")
    tell("spine", 0.0)
    density = BoneField.of(segmentation.volume, segmentation.bone)
    spine = find_spine(segmentation, density)
    if len(spine.way.points) < 2 * NECK_MM:
        raise InputError(f"scan {name!r}: no spine goes out from its skull, so no joints")
    board = _Board()
    tell("limbs", 0.2)
    bone = LimbBone.of(density, spine)
    limbs: dict[tuple[str, ...], Limbs] = {}
    size = 1.0
    # fore limbs first: their size helps where the scan or the folded foot hides the hind ones
    for kind, share in ((FORE, 0.4), (HIND, 0.6)):
        tell("hind limbs" if kind is HIND else "fore limbs", share)
        limbs[kind.names] = find_limbs(segmentation, body, bone, kind, size)
        size = size_of(limbs[kind.names])
        for side, limb in limbs[kind.names].by_side.items():
            for place, point, sure in zip(
                kind.names, limb.fit.nodes[1:], limb.confidence, strict=True
            ):
                board.put(f"{side}_{place}", point, sure)
    tell("skull", 0.8)
    neck = _put_head(board, segmentation, body, spine)
    hip = hip_of(body, limbs[HIND.names])
    levels, size = trunk_levels(body, density, spine, neck, hip)
    board.levels |= levels
    tell("tail", 0.9)
    board.levels |= tail_levels(body, segmentation, spine, levels["ROOT_TAIL"].point, size)
    tell("done", 1.0)
    return board.points()


def _put_head(board: _Board, found: Segmentation, body: BodyModel, spine: Spine) -> Floats:
    fit, confidence = fit_skull(found, body, spine)
    board.put("NECK", fit.nodes[0], confidence)
    board.put("NOSE", fit.nodes[1], confidence)
    return np.asarray(fit.nodes[0])
