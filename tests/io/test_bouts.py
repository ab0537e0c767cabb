"""Bouts go out and come in again the same, and other programs find what they look for."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io.bouts import read_bouts, write_bouts


def bouts() -> pd.DataFrame:
    """Return bouts of two recordings; one begins as the other ends."""
    table = pd.DataFrame({
        "recording": ["day 1", "day 1", "day 2"],
        "animal": ["mouse 1", "mouse 1", "mouse 2"],
        "behaviour": ["eating", "wheel running", "eating"],
        "start_s": [0.5, 2.25, 1.0],
        "stop_s": [2.25, 3.0, 4.0],
    })  # fmt: skip
    table["duration_s"] = table["stop_s"] - table["start_s"]
    return table.assign(chance=[0.9, 0.75, 0.8])


@pytest.mark.parametrize("ending", ["csv", "parquet", "boris"])
def test_what_is_written_is_read_again(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bouts.{ending}"
    assert write_bouts(path, bouts()) == [path]
    again = read_bouts(path)
    expected = bouts().drop(columns="chance") if ending == "boris" else bouts()
    pd.testing.assert_frame_equal(again, expected, check_dtype=False)


def test_a_boris_project_has_what_boris_asks_for(tmp_path: Path) -> None:
    write_bouts(tmp_path / "bouts.boris", bouts())
    project = json.loads((tmp_path / "bouts.boris").read_text(encoding="utf-8"))
    assert project["project_format_version"] == "7.0"
    codes = {own["code"]: own for own in project["behaviors_conf"].values()}
    assert set(codes) == {"eating", "wheel running"}
    assert codes["eating"]["type"] == "State event"
    assert codes["eating"]["excluded"] == "wheel running"
    assert [own["name"] for own in project["subjects_conf"].values()] == ["mouse 1", "mouse 2"]
    day = project["observations"]["day 1"]
    assert day["type"] == "LIVE"
    # Every state has two events, in order of time; an end before the beginning at the same time.
    assert [event[:3] for event in day["events"]] == [
        [0.5, "mouse 1", "eating"], [2.25, "mouse 1", "eating"],
        [2.25, "mouse 1", "wheel running"], [3.0, "mouse 1", "wheel running"],
    ]  # fmt: skip


def test_point_events_of_boris_are_left_out_and_open_states_told(tmp_path: Path) -> None:
    path = tmp_path / "bouts.boris"
    write_bouts(path, bouts())
    project = json.loads(path.read_text(encoding="utf-8"))
    project["behaviors_conf"]["9"] = {"code": "sneeze", "type": "Point event"}
    project["observations"]["day 2"]["events"].insert(0, [0.1, "mouse 2", "sneeze", "", ""])
    path.write_text(json.dumps(project), encoding="utf-8")
    assert len(read_bouts(path)) == 3
    project["observations"]["day 2"]["events"].pop()
    path.write_text(json.dumps(project), encoding="utf-8")
    with pytest.raises(FileError, match=r"'eating' of mouse 2 begins at 1 s and does not end"):
        read_bouts(path)


def test_nwb_files_hold_intervals_of_one_recording_each(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="NWB files are written with pynwb")
    paths = write_bouts(tmp_path / "bouts.nwb", bouts())
    assert [path.name for path in paths] == ["bouts_day_1.nwb", "bouts_day_2.nwb"]
    with pynwb.NWBHDF5IO(str(paths[0]), "r") as stream:
        file = stream.read()
        table = file.processing["behavior"]["behaviour_bouts"].to_dataframe()
        assert file.subject.subject_id == "mouse 1"
    assert list(table["behaviour"]) == ["eating", "wheel running"]
    assert list(table["stop_time"]) == [2.25, 3.0]
    with pytest.raises(InputError, match="no bouts to write"):
        write_bouts(tmp_path / "none.nwb", bouts()[:0])
    with pytest.raises(InputError, match="2 animals: an NWB file holds one"):
        write_bouts(tmp_path / "two.nwb", bouts().assign(recording="day 1"))


def test_what_are_no_bouts_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="xlsx"):
        write_bouts(tmp_path / "bouts.xlsx", bouts())
    with pytest.raises(InputError, match="missing: animal"):
        write_bouts(tmp_path / "bouts.csv", bouts().drop(columns="animal"))
    with pytest.raises(InputError, match="row 2 of the bouts does not stop"):
        write_bouts(tmp_path / "bouts.csv", bouts().assign(stop_s=[3.0, 1.0, 2.0]))
    (tmp_path / "bouts.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(FileError, match="needs the columns recording"):
        read_bouts(tmp_path / "bouts.csv")
    assert not list(tmp_path.glob(".*"))


@given(st.binary(max_size=80))
def test_garbage_is_no_project(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.boris").write_bytes(content)
    with pytest.raises(FileError):
        read_bouts(tmp_path / "x.boris")
