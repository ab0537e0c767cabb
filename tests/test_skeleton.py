"""The names agree with each other: tree, keypoints, mirror pairs, spellings."""

from __future__ import annotations

import pytest

from mousepose.errors import UnknownNameError
from mousepose.skeleton import (
    ALIASES,
    JOINT_NAMES,
    KEYPOINT_NAMES,
    MOUSE_SKELETON,
    PUBLISHED_JOINT_NAMES,
    PUBLISHED_SKELETON,
    Skeleton,
    canonical_name,
    mirrored_name,
    side_pairs,
)

TREES = pytest.mark.parametrize("skeleton", [PUBLISHED_SKELETON, MOUSE_SKELETON])


def test_counts_are_those_of_the_dataset() -> None:
    assert len(KEYPOINT_NAMES) == len(set(KEYPOINT_NAMES)) == 22
    assert len(PUBLISHED_JOINT_NAMES) == 18
    assert KEYPOINT_NAMES[:18] == PUBLISHED_JOINT_NAMES == JOINT_NAMES[:18]
    assert set(KEYPOINT_NAMES) - set(JOINT_NAMES) == {"LEFT_EAR", "RIGHT_EAR"}


@TREES
def test_the_tree_has_one_root_and_parents_come_first(skeleton: Skeleton) -> None:
    assert skeleton.parents[0] == -1
    assert all(0 <= parent < joint for joint, parent in enumerate(skeleton.parents) if joint > 0)


@TREES
def test_a_path_leads_from_the_root_down_to_the_joint(skeleton: Skeleton) -> None:
    assert skeleton.path(0) == []
    for joint in range(1, len(skeleton.joint_names)):
        path = skeleton.path(joint)
        assert path[-1] == joint
        assert [skeleton.parents[step] for step in path] == [0, *path[:-1]]


def test_known_paths() -> None:
    def names(joint: str) -> list[str]:
        path = MOUSE_SKELETON.path(MOUSE_SKELETON.index(joint))
        return [MOUSE_SKELETON.joint_names[step] for step in path]

    assert names("NOSE") == ["NECK", "NOSE"]
    assert names("TIP_TAIL") == ["SPINE_MID", "SPINE_HIP", "ROOT_TAIL", "MID_TAIL", "TIP_TAIL"]
    assert names("LEFT_FORE_PAW") == ["LEFT_SHOULDER", "LEFT_ELBOW", "LEFT_FORE_PAW"]


@TREES
def test_the_mirror_is_its_own_inverse_and_keeps_the_tree(skeleton: Skeleton) -> None:
    mirror = skeleton.mirror
    assert [mirror[partner] for partner in mirror] == list(range(len(mirror)))
    for joint, parent in enumerate(skeleton.parents[1:], start=1):
        assert skeleton.parents[mirror[joint]] == mirror[parent]


def test_pairs_are_left_and_right_of_each_other() -> None:
    pairs = side_pairs(KEYPOINT_NAMES)
    assert sorted(KEYPOINT_NAMES[left] for left, _ in pairs) == sorted(
        name for name in KEYPOINT_NAMES if name.startswith("LEFT_")
    )
    for left, right in pairs:
        assert KEYPOINT_NAMES[right] == mirrored_name(KEYPOINT_NAMES[left])
    assert side_pairs(["RIGHT_KNEE", "NOSE", "LEFT_EAR"]) == []


def test_mirrored_names_are_keypoints() -> None:
    partners = [mirrored_name(name) for name in KEYPOINT_NAMES]
    assert sorted(partners) == sorted(KEYPOINT_NAMES)
    assert mirrored_name("NOSE") == "NOSE"
    assert mirrored_name("LEFT_KNEE") == "RIGHT_KNEE"


def test_aliases_lead_to_keypoints_and_hide_none() -> None:
    assert set(ALIASES.values()) <= set(KEYPOINT_NAMES)
    assert all(ALIASES[name] == name for name in set(ALIASES) & set(KEYPOINT_NAMES))


@pytest.mark.parametrize("name", KEYPOINT_NAMES)
def test_a_keypoint_is_known_in_any_spelling(name: str) -> None:
    for spelling in (name, name.lower(), name.replace("_", " "), f" {name.replace('_', '-')} "):
        assert canonical_name(spelling) == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("SPINE UPPER", "SPINE_SHOULDER"),
        ("SPINE LOWER", "SPINE_HIP"),
        ("LEFT ANKLE", "LEFT_HIND_PAW"),
        ("RIGHT WRIST", "RIGHT_FORE_PAW"),
        ("UpperSpine", "SPINE_MID"),
        ("LeftLeg", "LEFT_KNEE"),
        ("RightArm", "RIGHT_ELBOW"),
        ("tail base", "ROOT_TAIL"),
        ("snout", "NOSE"),
    ],
)
def test_other_spellings(spelling: str, name: str) -> None:
    assert canonical_name(spelling) == name


@pytest.mark.parametrize("name", ["", "SNOOT", "LEFT", "LEFT_NOSE"])
def test_an_unknown_name_is_refused_with_the_list(name: str) -> None:
    with pytest.raises(UnknownNameError, match="known: .*SPINE_MID"):
        canonical_name(name)
    with pytest.raises(UnknownNameError, match="known: .*SPINE_MID"):
        MOUSE_SKELETON.index(name)
