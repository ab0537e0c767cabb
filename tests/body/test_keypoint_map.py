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
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, InputError, MouseposeError, UnknownNameError
from mousepose.skeleton import ALIASES, KEYPOINT_NAMES, mirrored_name

GOOD = '[keypoints.A]\nbone = "NOSE"\noffset_mm = [1, 2.5, 3]\nsigma_mm = 1\n'


def test_both_shipped_maps_hold_22_keypoints(body: BodyModel) -> None:
    assert set(shipped_maps()) >= {"dannce22", "dataset22"}
    for name in shipped_maps():
        marks = load_keypoint_map(name).marks(body)
        assert len(marks) == 22
        assert np.isfinite(body.marks(body.rest_pose(), marks)).all()
    assert load_keypoint_map("dataset22").names == KEYPOINT_NAMES


def test_the_dataset_map_is_the_joints_and_two_ears(body: BodyModel) -> None:
    points = body.keypoints_of(body.rest_pose())
    for name, point in zip(body.keypoints.names, points, strict=True):
        if not name.endswith("EAR"):
            np.testing.assert_allclose(point, body.rest[body.skeleton.index(name)])
    left, right = (points[KEYPOINT_NAMES.index(f"{side}_EAR")] for side in ("LEFT", "RIGHT"))
    np.testing.assert_allclose(left, right * [1, -1, 1])
    assert left[1] > 0


def test_shipped_maps_are_the_same_on_both_sides() -> None:
    dannce = load_keypoint_map("dannce22")
    swap = {"L": "R", "R": "L"}
    for i, name in enumerate(dannce.names):
        if name[-1] in swap:
            other = dannce.names.index(name[:-1] + swap[name[-1]])
            assert dannce.bones[other] == mirrored_name(dannce.bones[i])
            np.testing.assert_allclose(dannce.offset[other], dannce.offset[i] * [1, -1, 1])


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
