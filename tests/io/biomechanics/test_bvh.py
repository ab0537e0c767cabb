"""Laws of motion capture's text: the joints read back are those of the body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from motions import moving_sequence
from mousepose.body.default import default_body
from mousepose.errors import FileError, InputError
from mousepose.io import read_bvh, write_bvh
from mousepose.io.biomechanics.bvh import zxy
from mousepose.io.mesh.node_tree import upright

#: Six digits of a degree at the end of seven bones, and six of a mm.
EXACT_MM = 1e-4
UP = upright(np.array([0.0, 0.0, 1.0]))


def joints_of(path: Path) -> np.ndarray:
    """Return the joints (T, J, 3) of a file by their names, in the world's axes."""
    motion = read_bvh(path)
    columns = [motion.names.index(name) for name in default_body().skeleton.joint_names]
    return motion.places()[:, columns] @ UP


def test_the_joints_come_back(tmp_path: Path) -> None:
    sequence = moving_sequence(15, first_frame=4)
    rows = write_bvh(tmp_path / "a.bvh", [sequence[:6], sequence[6:]])
    assert rows == (15, 0)
    expected = default_body().joints(sequence.pose)
    np.testing.assert_allclose(joints_of(tmp_path / "a.bvh"), expected, atol=EXACT_MM)
    assert read_bvh(tmp_path / "a.bvh").frame_time == pytest.approx(1 / 50)


def test_frames_without_a_pose_repeat_the_one_before(tmp_path: Path) -> None:
    sequence = moving_sequence(10, lost=(0, 4, 5, 9))
    pieces = [sequence[:5], sequence[6:]]  # and one is not there at all
    assert write_bvh(tmp_path / "a.bvh", pieces) == (8, 2)
    places = [1, 2, 3, 3, 3, 6, 7, 8]
    expected = default_body().joints(sequence.pose)[places]
    np.testing.assert_allclose(joints_of(tmp_path / "a.bvh"), expected, atol=EXACT_MM)


def test_pieces_do_not_show(tmp_path: Path) -> None:
    sequence = moving_sequence(9)
    write_bvh(tmp_path / "a.bvh", [sequence])
    write_bvh(tmp_path / "b.bvh", [sequence[:2], sequence[2:7], sequence[7:]])
    assert (tmp_path / "a.bvh").read_bytes() == (tmp_path / "b.bvh").read_bytes()


def test_at_rest_the_animal_stands_and_looks_along_z(tmp_path: Path) -> None:
    write_bvh(tmp_path / "a.bvh", [moving_sequence(1)])
    motion = read_bvh(tmp_path / "a.bvh")
    at = np.zeros((len(motion.names), 3))
    for node, parent in enumerate(motion.parents):
        at[node] = motion.offsets[node] + (at[parent] if parent >= 0 else 0)
    place = dict(zip(motion.names, at, strict=True))
    assert place["NOSE"][2] > place["ROOT_TAIL"][2] + 30
    assert place["SPINE_MID"][1] > place["LEFT_HIND_PAW"][1] + 5
    assert place["LEFT_HIND_PAW"][0] > place["RIGHT_HIND_PAW"][0] + 5


@settings(max_examples=60)
@given(st.lists(st.floats(-180, 180), min_size=3, max_size=3), st.booleans())
def test_angles_give_the_rotation(angles: list[float], locked: bool) -> None:
    if locked:
        angles[1] = 90.0
    turn = Rotation.from_euler("ZXY", angles, degrees=True).as_matrix()
    again = Rotation.from_euler("ZXY", zxy(turn)).as_matrix()
    np.testing.assert_allclose(again, turn, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.text(max_size=5), st.booleans())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: float, damage: str, cut: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.bvh"
    if not whole.exists():
        write_bvh(whole, [moving_sequence(2)])
    content = whole.read_text()
    start = int(place * len(content))
    path = folder / "damaged.bvh"
    rest = "" if cut else content[start + len(damage) :]
    path.write_text(content[:start] + damage + rest, encoding="utf-8")
    try:
        assert read_bvh(path).places().shape[2] == 3
    except FileError as error:
        assert "damaged.bvh" in str(error)


def test_what_is_no_motion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame has a pose"):
        write_bvh(tmp_path / "a.bvh", [moving_sequence(2, lost=(0, 1))])
    (tmp_path / "b.bvh").write_text("HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Wposition\n}\n"
                                    "MOTION\nFrames: 1\nFrame Time: 1\n0\n")  # fmt: skip
    with pytest.raises(FileError, match="'Wposition' of a is no known channel"):
        read_bvh(tmp_path / "b.bvh")
    (tmp_path / "c.bvh").write_text("frame,time\n")
    with pytest.raises(FileError, match="does not begin with HIERARCHY"):
        read_bvh(tmp_path / "c.bvh")
    with pytest.raises(FileError, match="cannot be read"):
        read_bvh(tmp_path / "d.bvh")
