"""Names in any spelling say the same side and part; suggestions name landmarks that they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.body.keypoint_map import load_keypoint_map, shipped_maps
from mousepose.body.keypoint_names import LANDMARKS, other_side, read_name, suggest


@pytest.mark.parametrize(
    ("spellings", "side", "words"),
    [
        (
            (
                "hindpaw_L", "LeftHindPaw", "left hind paw", "LEFT_REAR_PAW", "paw1LH", "LH_paw",
                "Paw Back Left", "L_B_Paw", "lefthindpaw", "left-posterior-paw", "HindpawL",
            ),
            "left", ("hind", "paw"),
        ),
        (("EarR", "right_ear", "rightear", "Ear_R", "R ear", "RightEar"), "right", ("ear",)),
        (("tailbase", "Tail(base)", "tail_root", "TTI", "BASE_TAIL", "tailStart"), "",
         ("base", "tail")),
        (("snout", "Nose", "NOSE", "nose_top"), "", ("nose",)),
        (("tail_2", "Tail2", "TAIL 2"), "", ("2", "tail")),
        (("right_hand", "FR_paw", "RightFrontPaw", "forepaw_R"), "right", ("fore", "paw")),
        (("left_ankle", "hind_ankle_left", "LAnkle"), "left", ("ankle",)),
    ],
)  # fmt: skip
def test_spellings_say_the_same(
    spellings: tuple[str, ...], side: str, words: tuple[str, ...]
) -> None:
    for spelling in spellings:
        assert read_name(spelling) == (side, words), spelling


@given(name=st.text())
def test_any_text_has_a_reading(name: str) -> None:
    side, words = read_name(name)
    assert side in ("", "left", "right")
    assert words == tuple(sorted(words))
    assert other_side(name, [name]) == name


def test_partners_are_partners_both_ways() -> None:
    for shipped in shipped_maps():
        names = load_keypoint_map(shipped).names
        for name in names:
            assert other_side(other_side(name, names), names) == name


def test_every_landmark_and_alias_is_suggested_for_itself() -> None:
    known = load_keypoint_map(LANDMARKS)
    for name in known.names:
        for spelling in (name, *known.aliases.get(name, ())):
            (found,) = suggest([spelling])
            assert (found.landmark, found.sure, found.guess) == (name, 1.0, "")
            row = known.names.index(name)
            assert found.bone == known.bones[row]
            assert found.offset == tuple(known.offset[row])


@pytest.mark.parametrize(
    "name", ["mammal22", "jabs12", "openfield4", "homecage15", "mirror7_side", "beam15_right"]
)
def test_suggestions_agree_with_maps_made_by_hand(name: str) -> None:
    known = load_keypoint_map(name)
    found = suggest(known.names, "right")
    assert len(found) == len(known)
    assert [s.bone for s in found] == list(known.bones)


def test_what_is_guessed_is_said() -> None:
    assert suggest(["shoudler_left"])[0].landmark == "left_shoulder"
    assert suggest(["snoot"])[0].landmark == "nose"
    assert suggest(["left_paw"])[0].landmark == "left_fore_paw"
    for column, guess in (
        ("shoudler_left", "spelling"), ("snoot", "spelling"), ("left_paw", "fore limb")
    ):  # fmt: skip
        (found,) = suggest([column])
        assert found.sure < 1
        assert guess in found.guess
    (knee,) = suggest(["knee"], "right")
    assert knee.landmark == "right_knee"
    assert "right" in knee.guess


def test_a_limb_without_a_side_is_none_unless_one_is_given() -> None:
    assert suggest(["knee"]) == []
    assert suggest(["objectA", "bedding", "x"], "left") == []


def test_no_landmark_is_suggested_twice() -> None:
    found = suggest(["snout", "snoot", "nose tip"])
    assert [s.column for s in found] == ["snout"]


def test_a_numbered_tail_goes_along_the_tail_in_even_steps() -> None:
    columns = ["tail_tip", "tail3", "tail1", "tail2", "tail_base"]
    found = {s.column: s for s in suggest(columns)}
    assert list(found) == columns
    assert found["tail2"].bone == "MID_TAIL"
    assert found["tail2"].offset == (0.0, 0.0, 0.0)
    assert found["tail1"].bone == "MID_TAIL" and found["tail1"].offset[0] > 15
    assert found["tail3"].bone == "TIP_TAIL" and found["tail3"].offset[0] > 15
    assert found["tail_tip"].landmark == "tail_tip"
