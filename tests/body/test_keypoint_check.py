"""Which map fits a file, what is left over, and a first map of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.body.keypoint_check import (
    check_names,
    enough,
    one_side,
    rank_maps,
    starting_map,
)
from mousepose.body.keypoint_map import (
    load_keypoint_map,
    shipped_maps,
    write_keypoint_map,
)
from mousepose.body.keypoint_names import LANDMARKS
from mousepose.errors import InputError, UnknownNameError


@pytest.mark.parametrize("name", [n for n in shipped_maps() if not n.endswith(("left", "right"))])
def test_a_file_of_a_tracker_finds_its_map(name: str) -> None:
    known = load_keypoint_map(name)
    found = check_names(known.names)
    assert found.match.name == name
    assert found.unknown == found.missing == ()
    assert "all" in found.reason
    # in any order, and with something else in the file
    mixed = [*reversed(known.names), "water bottle"]
    again = check_names(mixed)
    assert again.match.name == name
    assert again.unknown == ("water bottle",)


@pytest.mark.parametrize("stem", ["beam15", "treadmill6"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_that_is_seen_decides(stem: str, side: str) -> None:
    names = load_keypoint_map(f"{stem}_left").names
    found = check_names(names, seen_side=side)
    assert found.match.name == f"{stem}_{side}"
    assert side in found.reason
    assert one_side(found.match.keypoint_map) == side
    unsure = check_names(names)
    assert "could not be told" in unsure.reason


def test_the_mirror_mouse_has_its_side_view_taken() -> None:
    names = [
        *(n for k in ("side", "under") for n in load_keypoint_map(f"mirror7_{k}").names),
        "obs_top",
    ]
    found = check_names(names)
    assert found.match.name == "mirror7_side"
    assert set(found.unknown) == {*load_keypoint_map("mirror7_under").names, "obs_top"}


def test_names_of_no_tracker_are_landmarks() -> None:
    columns = ["nose", "left_ear_tip", "left knee", "right knee", "left heel", "right heel"]
    found = check_names(columns)
    assert found.match.name == LANDMARKS
    assert enough(found, 5)
    assert "LEFT_KNEE" not in found.unseen_bones
    assert "LEFT_ELBOW" in found.unseen_bones


def test_ranks_are_sorted_and_hold_every_map() -> None:
    ranked = rank_maps(load_keypoint_map("jabs12").names)
    assert ranked[0].name == "jabs12"
    assert ranked[0].share == 1
    counts = [match.mapped for match in ranked]
    assert counts == sorted(counts, reverse=True)
    assert {match.name for match in ranked} == set(shipped_maps())


def test_columns_that_clash_count_as_none() -> None:
    found = check_names(["nose", "snout", "neck"], "dataset22")
    assert found.match.mapped == 0
    assert "are both keypoint 'NOSE'" in found.match.clash
    assert not enough(found, 3)
    assert found.unknown == ("nose", "snout", "neck")


def test_unknown_maps_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        check_names(["nose"], "jabs")


def test_a_first_map_can_be_used_as_it_is(tmp_path: Path) -> None:
    columns = ["snoot", "Ear_L", "Ear_R", "tail base", "hind_paw_l", "hind_paw_r", "light"]
    found = check_names(columns)
    first, comments = starting_map(found, "our file")
    assert first.names == tuple(columns[:-1])
    assert "CHECK" in comments["snoot"]
    assert "CHECK" not in comments["hind_paw_l"]
    np.testing.assert_allclose(first.offset[4], first.offset[5] * [1, -1, 1])
    path = tmp_path / "own.toml"
    write_keypoint_map(path, first, comments=comments)
    again = check_names(columns, path)
    assert again.match.mapped == 6
    assert again.unknown == ("light",)


def test_names_that_say_nothing_give_no_map() -> None:
    with pytest.raises(InputError, match="no column says"):
        starting_map(check_names(["a", "b"]), "")
