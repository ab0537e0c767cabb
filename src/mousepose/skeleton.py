"""Names: the 18 joints and 22 keypoints of the Mouse Pose Analysis Dataset, tree and aliases.

The kinematic chain is that of Hu et al. 2023 (Sci Rep 13:13554), whose first 18 joints are kept in
its order; two tail joints are added so that the tail can bend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mousepose.errors import UnknownNameError

#: The published 18 joints, in the published order, each with its parent's name.
PUBLISHED_PARENTS: dict[str, str | None] = {
    "SPINE_SHOULDER": None,
    "SPINE_MID": "SPINE_SHOULDER",
    "SPINE_HIP": "SPINE_MID",
    "LEFT_HIP": "SPINE_HIP",
    "LEFT_KNEE": "LEFT_HIP",
    "LEFT_HIND_PAW": "LEFT_KNEE",
    "RIGHT_HIP": "SPINE_HIP",
    "RIGHT_KNEE": "RIGHT_HIP",
    "RIGHT_HIND_PAW": "RIGHT_KNEE",
    "ROOT_TAIL": "SPINE_HIP",
    "NECK": "SPINE_SHOULDER",
    "NOSE": "NECK",
    "LEFT_SHOULDER": "SPINE_SHOULDER",
    "LEFT_ELBOW": "LEFT_SHOULDER",
    "LEFT_FORE_PAW": "LEFT_ELBOW",
    "RIGHT_SHOULDER": "SPINE_SHOULDER",
    "RIGHT_ELBOW": "RIGHT_SHOULDER",
    "RIGHT_FORE_PAW": "RIGHT_ELBOW",
}
TAIL_PARENTS: dict[str, str | None] = {"MID_TAIL": "ROOT_TAIL", "TIP_TAIL": "MID_TAIL"}

JOINT_NAMES: tuple[str, ...] = (*PUBLISHED_PARENTS, *TAIL_PARENTS)
PUBLISHED_JOINT_NAMES: tuple[str, ...] = tuple(PUBLISHED_PARENTS)
KEYPOINT_NAMES: tuple[str, ...] = (*PUBLISHED_PARENTS, "LEFT_EAR", "RIGHT_EAR", *TAIL_PARENTS)

#: Other spellings of the same body parts: the site's, the notebook's, the published files'.
ALIASES: dict[str, str] = {
    "SPINE_UPPER": "SPINE_SHOULDER", "UPPER_SPINE": "SPINE_SHOULDER", "ROOT": "SPINE_SHOULDER",
    "UPPERSPINE": "SPINE_MID",
    "SPINE_LOWER": "SPINE_HIP", "LOWER_SPINE": "SPINE_HIP", "LOWERSPINE": "SPINE_HIP",
    "TAILBASE": "ROOT_TAIL", "TAIL_BASE": "ROOT_TAIL", "TAIL_ROOT": "ROOT_TAIL",
    "HEAD": "NOSE", "SNOUT": "NOSE",
    "TAIL_MID": "MID_TAIL", "TAIL_TIP": "TIP_TAIL", "TAIL_END": "TIP_TAIL",
    **{
        f"{side}{gap}{other}": f"{side}_{name}"
        for side in ("LEFT", "RIGHT")
        for gap in ("", "_")
        for other, name in (
            ("HIP", "HIP"), ("LEG", "KNEE"), ("KNEE", "KNEE"), ("ANKLE", "HIND_PAW"),
            ("HINDPAW", "HIND_PAW"), ("SHOULDER", "SHOULDER"), ("ARM", "ELBOW"),
            ("ELBOW", "ELBOW"), ("WRIST", "FORE_PAW"), ("FOREPAW", "FORE_PAW"), ("EAR", "EAR"),
        )
    },
}  # fmt: skip


def canonical_name(name: str) -> str:
    """Return the dataset's name of a keypoint written in any known spelling.

    Raises `UnknownNameError` with the list of names.
    """
    key = "_".join(name.strip().upper().replace("-", " ").replace("_", " ").split())
    key = ALIASES.get(key, key)
    if key not in KEYPOINT_NAMES:
        raise UnknownNameError.of("keypoint", name, KEYPOINT_NAMES)
    return key


def mirrored_name(name: str) -> str:
    """Return the name on the other side of the body (LEFT_X for RIGHT_X; itself on the midline)."""
    if name.startswith("LEFT_"):
        return "RIGHT_" + name[5:]
    return "LEFT_" + name[6:] if name.startswith("RIGHT_") else name


def side_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of the left and the right name of each part that has both in `names`."""
    places = {name: place for place, name in enumerate(names)}
    return [
        (left, places[mirrored_name(name)])
        for name, left in places.items()
        if name.startswith("LEFT_") and mirrored_name(name) in places
    ]


@dataclass(frozen=True)
class Skeleton:
    """A kinematic tree: joint names and each joint's parent (-1 for the root, always joint 0)."""

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]

    def index(self, name: str) -> int:
        """Return the index of a joint. Raises `UnknownNameError` with the list of names."""
        try:
            return self.joint_names.index(name)
        except ValueError:
            raise UnknownNameError.of("joint", name, self.joint_names) from None

    def path(self, joint: int) -> list[int]:
        """Return the joints from the root's child down to `joint` (empty for the root)."""
        steps: list[int] = []
        while joint > 0:
            steps.append(joint)
            joint = self.parents[joint]
        return steps[::-1]

    @property
    def mirror(self) -> tuple[int, ...]:
        """Return for each joint the index of its partner on the other side."""
        return tuple(self.index(mirrored_name(name)) for name in self.joint_names)


def _tree(parents: dict[str, str | None]) -> Skeleton:
    names = tuple(parents)
    return Skeleton(names, tuple(-1 if p is None else names.index(p) for p in parents.values()))


#: The tree of the published files: 18 joints.
PUBLISHED_SKELETON = _tree(PUBLISHED_PARENTS)
#: The same tree with a tail of two bones: 20 joints.
MOUSE_SKELETON = _tree(PUBLISHED_PARENTS | TAIL_PARENTS)
