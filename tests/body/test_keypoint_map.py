"""Keypoint maps: shipped ones fit the body, files round-trip, mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.body.keypoint_map import (
    KeypointMap,
    load_keypoint_map,
    shipped_maps,
    write_keypoint_map,
)
from mousepose.body.keypoint_names import other_side
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, InputError, MouseposeError, UnknownNameError
from mousepose.skeleton import ALIASES, KEYPOINT_NAMES, mirrored_name

GOOD = '[keypoints.A]\nbone = "NOSE"\noffset_mm = [1, 2.5, 3]\nsigma_mm = 1\n'


#: Every shipped map and how many keypoints it has.
SHIPPED = {
    "anatomy": 51, "beam15_left": 15, "beam15_right": 15, "dannce22": 22, "dataset22": 22,
    "homecage15": 15, "jabs12": 12, "mammal22": 22, "mirror7_side": 7, "mirror7_under": 7,
    "openfield4": 4, "superanimal27": 27, "treadmill6_left": 6, "treadmill6_right": 6,
}  # fmt: skip


def test_shipped_maps_are_known_and_fit_the_body(body: BodyModel) -> None:
    assert set(shipped_maps()) == set(SHIPPED)
    for name, count in SHIPPED.items():
        keypoint_map = load_keypoint_map(name)
        marks = keypoint_map.marks(body)
        assert len(marks) == count
        points = body.marks(body.rest_pose(), marks)
        # no mark is far from its bone's joint, under the floor or beside the animal
        assert np.abs(keypoint_map.offset).max() < 30
        assert (points[:, 2] > -4).all()
        assert (np.abs(points[:, 1]) < 20).all()
        assert (keypoint_map.sigma >= 1.5).all()
        assert keypoint_map.description.endswith(".")
        assert keypoint_map.source
    assert load_keypoint_map("dataset22").names == KEYPOINT_NAMES


@pytest.mark.parametrize("name", sorted(SHIPPED.keys() - {"dannce22", "dataset22"}))
def test_every_keypoint_says_where_its_offset_is_from(name: str) -> None:
    keypoint_map = load_keypoint_map(name)
    assert set(keypoint_map.origins) == set(keypoint_map.names)
    for origin in keypoint_map.origins.values():
        assert origin.startswith(("anatomical estimate", "as dannce22"))


def test_offsets_taken_from_another_map_are_those() -> None:
    dannce = load_keypoint_map("dannce22")
    places = {(b, tuple(o.round(1))) for b, o in zip(dannce.bones, dannce.offset, strict=True)}
    for name in SHIPPED:
        known = load_keypoint_map(name)
        for row, keypoint in enumerate(known.names):
            if known.origins.get(keypoint) == "as dannce22":
                assert (known.bones[row], tuple(known.offset[row])) in places


def test_the_orders_are_those_of_the_sources() -> None:
    assert load_keypoint_map("jabs12").names[3:8] == (
        "BASE_NECK", "LEFT_FRONT_PAW", "RIGHT_FRONT_PAW", "CENTER_SPINE", "LEFT_REAR_PAW",
    )  # fmt: skip
    mammal = load_keypoint_map("mammal22").names
    assert mammal[:3] == ("left_ear_tip", "right_ear_tip", "nose")
    assert mammal[-3:] == ("right_foot", "right_knee", "right_hip")
    topview = load_keypoint_map("superanimal27").names
    assert topview[13:19] == ("tail_base", "tail1", "tail2", "tail3", "tail4", "tail5")
    assert topview[-2:] == ("tail_end", "head_midpoint")


def test_shipped_maps_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_keypoint_map("jabs12").offset[0] = 1


@pytest.mark.parametrize("stem", ["beam15", "treadmill6"])
def test_maps_of_one_side_are_mirror_images(stem: str) -> None:
    left, right = (load_keypoint_map(f"{stem}_{side}") for side in ("left", "right"))
    assert left.names == right.names
    assert tuple(map(mirrored_name, left.bones)) == right.bones
    np.testing.assert_allclose(left.offset, right.offset * [1, -1, 1])


def test_the_dataset_map_is_the_joints_and_two_ears(body: BodyModel) -> None:
    points = body.keypoints_of(body.rest_pose())
    for name, point in zip(body.keypoints.names, points, strict=True):
        if not name.endswith("EAR"):
            np.testing.assert_allclose(point, body.rest[body.skeleton.index(name)])
    left, right = (points[KEYPOINT_NAMES.index(f"{side}_EAR")] for side in ("LEFT", "RIGHT"))
    np.testing.assert_allclose(left, right * [1, -1, 1])
    assert left[1] > 0


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_shipped_maps_are_the_same_on_both_sides(name: str) -> None:
    known = load_keypoint_map(name)
    for i, keypoint in enumerate(known.names):
        other = known.names.index(other_side(keypoint, known.names))
        if other != i:
            assert known.bones[other] == mirrored_name(known.bones[i])
            np.testing.assert_allclose(known.offset[other], known.offset[i] * [1, -1, 1])
            assert known.sigma[other] == known.sigma[i]
        elif not name.endswith(("left", "right")):
            assert known.offset[i, 1] == 0


def test_offsets_are_in_the_animals_own_axes(body: BodyModel) -> None:
    backwards = replace(body, axes=np.diag([-1.0, -1.0, 1.0]))
    ears = load_keypoint_map("dataset22").select(["LEFT_EAR"]).map
    here, there = ears.marks(body).offset, ears.marks(backwards).offset
    np.testing.assert_allclose(there, here * [-1, -1, 1])


def test_every_alias_of_the_dataset_is_found() -> None:
    keypoints = load_keypoint_map("dataset22")
    for alias, name in ALIASES.items():
        assert keypoints.select([alias.lower().replace("_", " ")]).map.names == (name,)


def test_columns_in_any_order_meet_their_keypoints() -> None:
    keypoints = load_keypoint_map("dannce22")
    order = np.random.default_rng(0).permutation(22)
    columns = [keypoints.names[i] for i in order] + ["mirror"]
    columns[3] = columns[3].upper()
    chosen = keypoints.select(columns)
    assert chosen.map.names == tuple(keypoints.names[i] for i in order)
    assert chosen.columns == tuple(range(22))
    assert chosen.unknown == ["mirror"]
    assert chosen.missing == []
    np.testing.assert_array_equal(chosen.map.offset, keypoints.offset[order])


def test_what_does_not_match_is_reported_with_the_nearest_name() -> None:
    chosen = load_keypoint_map("dannce22").select(["Snouty", "EarL"])
    assert chosen.map.names == ("EarL",)
    assert chosen.columns == (1,)
    assert chosen.unknown == ["Snouty"]
    assert "Snout" in chosen.missing
    assert len(chosen.missing) == 21
    assert "did you mean 'Snout'?" in chosen.problems[0]


def test_two_columns_for_one_keypoint_are_refused() -> None:
    with pytest.raises(InputError, match="are both keypoint 'NOSE'"):
        load_keypoint_map("dataset22").select(["nose", "Snout"])


def test_a_written_map_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    for name in shipped_maps():
        first = load_keypoint_map(name)
        write_keypoint_map(path, first)
        again = load_keypoint_map(path)
        assert again.names == first.names
        assert again.bones == first.bones
        assert dict(again.aliases) == dict(first.aliases)
        assert again.description == first.description
        np.testing.assert_allclose(again.offset, first.offset, atol=5e-4)
        np.testing.assert_allclose(again.sigma, first.sigma, atol=5e-4)
    assert list(tmp_path.iterdir()) == [path]


def test_origins_and_their_certainty_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    sd = np.array([[1.0, 0.0, 2.0], [np.nan] * 3, [1.5, 2.5, 3.5]])
    first = KeypointMap(
        ("A", "B", "C"), ("NOSE", "NECK", "LEFT_KNEE"), np.zeros((3, 3)), np.ones(3), {},
        origins={"A": "guess", "B": "guess", "C": "learned"}, offset_sd=sd,
    )  # fmt: skip
    comments = {"B": "a \u0000 comment\nof two lines"}
    write_keypoint_map(path, first, header="head", comments=comments, footer="[not] a table")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# head\n") and text.endswith("# [not] a table\n")
    assert '# a  comment\n# of two lines\n[keypoints."B"]' in text
    assert text.count("origin = ") == 2  # one for all, and the exception
    again = load_keypoint_map(path)
    assert again.origins == first.origins
    assert again.offset_sd is not None
    np.testing.assert_array_equal(again.offset_sd, sd)
    taken = again.select(["C"]).map
    assert taken.origins == {"C": "learned"}
    assert taken.offset_sd is not None
    np.testing.assert_array_equal(taken.offset_sd, sd[2:])


def test_a_map_goes_into_no_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        write_keypoint_map(tmp_path / "absent" / "own.toml", load_keypoint_map("jabs12"))


def test_a_pose_needs_no_more_keypoints_than_the_map_has() -> None:
    assert load_keypoint_map("superanimal27").needed(5) == 5
    assert load_keypoint_map("openfield4").needed(5) == 4
    assert load_keypoint_map("openfield4").select(["snout"]).map.needed(5) == 3


@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_name_survives_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.toml"
    one = KeypointMap((name,), ("NOSE",), np.ones((1, 3)), np.ones(1), {}, description=name)
    write_keypoint_map(path, one)
    assert load_keypoint_map(path).names == (name,)


def test_a_bone_that_a_body_lacks_is_named(body: BodyModel) -> None:
    with pytest.raises(UnknownNameError, match=r"'A'.*known: .*NOSE.*did you mean 'LEFT_KNEE'"):
        KeypointMap(("A",), ("LEFT_KNEEE",), np.zeros((1, 3)), np.zeros(1), {})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda s: s.replace("NOSE", "NOSEE"), "unknown bone 'NOSEE'"),
        (lambda s: s.replace("[1, 2.5, 3]", "[1, 2.5]"), "offset_mm = "),
        (lambda s: s.replace("[1, 2.5, 3]", "[1, 2.5, nan]"), "finite"),
        (lambda s: s.replace("sigma_mm = 1", "sigma_mm = -1"), "0 or more"),
        (lambda s: s.replace("sigma_mm = 1", "sigma_mm = true"), "sigma_mm = number"),
        (lambda s: s.replace("sigma_mm", "sigma"), "did you mean 'sigma_mm'"),
        (lambda s: s.replace('bone = "NOSE"\n', ""), "bone = "),
        (lambda s: s + "aliases = 3\n", "aliases = "),
        (lambda s: s + "origin = 3\n", "origin = "),
        (lambda s: s + "offset_sd_mm = [1]\n", "offset_sd_mm = "),
        (lambda s: s + "offset_sd_mm = [1, -1, 1]\n", "0 or more"),
        (lambda s: s + s.replace(".A]", ".a]"), "named twice"),
        (lambda s: s[:-20], "keypoint"),
        (lambda s: "keypoints = 3", "found none"),
        (lambda s: "", "found none"),
        (lambda s: "[[[", "keypoint map"),
    ],
)
def test_a_wrong_file_gives_one_clear_error(
    tmp_path: Path, change: Callable[[str], str], complaint: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(GOOD)
    assert load_keypoint_map(path).names == ("A",)
    path.write_text(change(GOOD))
    with pytest.raises(FileError, match=complaint) as raised:
        load_keypoint_map(path)
    assert "wrong.toml" in str(raised.value)


def test_an_unknown_map_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'dannce22'"):
        load_keypoint_map("dance22")
    with pytest.raises(FileError, match="cannot be read"):
        load_keypoint_map(tmp_path / "absent.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not a text file"):
        load_keypoint_map(tmp_path / "bytes.toml")


@given(content=st.binary(max_size=200))
def test_garbage_never_gets_past_our_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "garbage.toml"
    path.write_bytes(content)
    with pytest.raises(MouseposeError):
        load_keypoint_map(path)
