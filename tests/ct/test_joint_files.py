"""Landmark files: what is written is read back; what a person breaks gets one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.ct.joints.joint_files import JointTable, read_joints, write_joints
from mousepose.ct.types import NamedPoints
from mousepose.errors import FileError, InputError
from mousepose.skeleton import JOINT_NAMES


def some_joints() -> NamedPoints:
    rng = np.random.default_rng(1)
    points = rng.uniform(-60, 60, (len(JOINT_NAMES), 3))
    points[3] = np.nan
    confidence = rng.uniform(size=len(JOINT_NAMES))
    confidence[3] = 0
    return NamedPoints(JOINT_NAMES, points, confidence)


@pytest.mark.parametrize("suffix", [".csv", ".mrk.json"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    joints, path = some_joints(), tmp_path / f"joints{suffix}"
    sources = ("found",) * 5 + ("Ada",) + ("found",) * (len(JOINT_NAMES) - 6)
    write_joints(path, JointTable(joints, sources))
    again = read_joints(path, known=JOINT_NAMES)
    assert again.points.names == joints.names
    np.testing.assert_allclose(again.points.points, joints.points, atol=1e-4)
    np.testing.assert_allclose(again.points.confidence, joints.confidence, atol=1e-3)
    assert again.sources == sources
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # no temporary file is left


def test_slicer_gets_lps_and_may_give_ras(tmp_path: Path) -> None:
    path = tmp_path / "one.mrk.json"
    write_joints(path, NamedPoints(("NOSE",), np.array([[1.0, 2.0, 3.0]]), np.ones(1)))
    data = json.loads(path.read_text())
    assert data["markups"][0]["coordinateSystem"] == "LPS"
    assert data["markups"][0]["controlPoints"][0]["position"] == [-1, -2, 3]
    data["markups"][0]["coordinateSystem"] = "RAS"
    path.write_text(json.dumps(data))
    np.testing.assert_allclose(read_joints(path).points.points, [[-1, -2, 3]])


def test_a_person_may_leave_out_columns_and_add_comments(tmp_path: Path) -> None:
    path = tmp_path / "by_hand.csv"
    path.write_text("# mine\nz_mm,x_mm,name,y_mm\n3,1, NOSE ,2\n\n,,NECK,\n")
    table = read_joints(path)
    assert table.points.names == ("NOSE", "NECK")
    np.testing.assert_allclose(table.points.points[0], [1, 2, 3])
    assert np.isnan(table.points.points[1]).all()
    np.testing.assert_allclose(table.points.confidence, [1, 0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("name,x_mm,y_mm\nNOSE,1,2\n", "no column z_mm"),
        ("name,x_mm,y_mm,z_mm\n", "holds 0 places"),
        ("name,x_mm,y_mm,z_mm\nNOSE,1,2,3\nNOSE,1,2,3\n", "line 3 names NOSE again, after line 2"),
        ("name,x_mm,y_mm,z_mm\nNOSE,1,two,3\n", "not three numbers"),
        ("name,x_mm,y_mm,z_mm\nNOSE,1,,3\n", "not three numbers"),
        ("name,x_mm,y_mm,z_mm\nNOSE,1,nan,3\n", "not three numbers"),
        ("name,x_mm,y_mm,z_mm\nNOSE,1,2,30000\n", "not three numbers"),
        ("name,x_mm,y_mm,z_mm\n,1,2,3\n", "line 2 has no name"),
        ("name,x_mm,y_mm,z_mm\nSNOUT,1,2,3\n", "unknown name 'SNOUT'"),
        ("name,x_mm,y_mm,z_mm,confidence\nNOSE,1,2,3,7\n", "not in 0-1"),
    ],
)
def test_a_broken_table_gets_one_clear_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=told):
        read_joints(path, known=JOINT_NAMES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "no 'markups'"),
        ('{"markups": [{}]}', "no 'controlPoints'"),
        ('{"markups": [{}, {}]}', "2 lists of points"),
        ('{"markups": [{"coordinateSystem": "IJK", "controlPoints": []}]}', "LPS or RAS"),
        ('{"markups": [{"controlPoints": [3]}]}', "point 1: expected an object"),
        ('{"markups": [{"controlPoints": [{"label": "A"}]}]}', "three numbers"),
        ('{"markups": [{"controlPoints": [{"label": "A", "position": [1, 2, []]}]}]}', "three"),
    ],
)
def test_broken_markups_get_one_clear_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.mrk.json"
    path.write_text(text)
    with pytest.raises(FileError, match=told):
        read_joints(path)


def test_other_suffixes_folders_and_sizes_are_refused(tmp_path: Path) -> None:
    joints = some_joints()
    with pytest.raises(FileError, match=r"ends in .csv or .mrk.json"):
        write_joints(tmp_path / "joints.txt", joints)
    with pytest.raises(FileError, match="does not exist"):
        write_joints(tmp_path / "nowhere" / "joints.csv", joints)
    with pytest.raises(FileError, match="no such file"):
        read_joints(tmp_path / "absent.csv")
    (tmp_path / "big.csv").write_bytes(b"#" * 5_000_001)
    with pytest.raises(FileError, match="no landmark file"):
        read_joints(tmp_path / "big.csv")
    with pytest.raises(InputError, match="as many sources"):
        JointTable(joints, ("found",))


@given(st.text(max_size=200), st.sampled_from([".csv", ".mrk.json"]))
def test_garbage_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("garbage") / f"file{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(FileError):
        read_joints(path, known=JOINT_NAMES)
