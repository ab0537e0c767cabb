"""Which of the 22 keypoints a tracker's own points are: those that sit in nearly the same place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mousepose.body.keypoint_check import check_names
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.errors import InputError

#: A point farther from its keypoint on the body (mm) is another place, and teaches a wrong one.
NEAR_MM = 9.0
#: And one of the midline is none of a side.
_MIDLINE_MM = 1.0


def keypoint_places(
    columns: Sequence[str], keypoints: str | None = None, where: str = "labels"
) -> dict[str, str]:
    """Return the dataset's name of each column that marks one of the 22 keypoints.

    `keypoints` names a shipped map or a TOML file, by default the one that fits best. A column is
    the keypoint of its bone whose offset is nearest, if within `NEAR_MM`; what marks another place
    is left out. Raises `InputError` where nothing is left, `where` telling of what.
    """
    check = check_names(tuple(columns), keypoints)
    found = check.match.selection
    if found is None:
        raise InputError(f"{where}: {check.match.clash}")
    nearest = _nearest(found.map)
    used = [columns[place] for place in found.columns]
    places = {c: nearest[n] for c, n in zip(used, found.map.names, strict=True) if n in nearest}
    if not places:
        raise InputError(
            f"{where}: none of the points {', '.join(columns)} is one of the 22 keypoints (map "
            f"{check.match.name}); give the map of these names: keypoints=MAP"
        )
    return places


def _nearest(keypoint_map: KeypointMap) -> dict[str, str]:
    """Return for names of a map the one of the 22 that sits there, each of the 22 once."""
    known = load_keypoint_map("dataset22")
    pairs = []
    for name, bone, offset in zip(
        keypoint_map.names, keypoint_map.bones, keypoint_map.offset, strict=True
    ):
        for other, its_bone, its_offset in zip(known.names, known.bones, known.offset, strict=True):
            distance = float(np.linalg.norm(offset - its_offset))
            sides = [np.sign(y) * (abs(y) > _MIDLINE_MM) for y in (offset[1], its_offset[1])]
            beside = bone.partition("_")[0] not in ("LEFT", "RIGHT") and sides[0] != sides[1]
            if bone == its_bone and distance <= NEAR_MM and not beside:
                pairs.append((distance, name, other))
    nearest: dict[str, str] = {}
    for _, name, other in sorted(pairs):
        if name not in nearest and other not in nearest.values():
            nearest[name] = other
    return nearest
