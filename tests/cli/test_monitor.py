"""`mousepose monitor` as a user gives it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("sqlalchemy", reason="the ledger needs SQLAlchemy")

from monitor.segments import SIZE, cut, picture, write_film
from monitor.workers import minute
from mousepose.cli.monitor import app
from mousepose.geometry.camera import pinhole
from mousepose.io import write_cameras
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.records import Stage, State
from mousepose.monitor.sources import SPOOL_NAMES
from mousepose.monitor.work.batch import videos_below

ROOM = f"""
study = "try"
[[cage]]
name = "A1"
camera = "camera.toml"
view = "top"
body-length = 90.0
[cage.source]
kind = "folder"
folder = "films"
pattern = "{SPOOL_NAMES.pattern}"
"""


def mousepose(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A room whose cage has two short films."""
    write_cameras(tmp_path / "camera.toml", [pinhole((SIZE, SIZE), 400.0)])
    film = write_film(tmp_path / "film.mp4", [picture(n) for n in range(48)], 24)
    cut(film, tmp_path / "films", 1.0)
    path = tmp_path / "room.toml"
    path.write_text(ROOM, encoding="utf-8")
    return path


def test_the_example_can_be_begun_with(tmp_path: Path) -> None:
    printed = mousepose("example")
    written = mousepose("example", tmp_path / "room.toml")
    assert printed.exit_code == written.exit_code == 0
    assert (tmp_path / "room.toml").read_text(encoding="utf-8") == printed.stdout
    again = mousepose("example", tmp_path / "room.toml")
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_a_room_that_is_well_passes_its_check(room: Path) -> None:
    found = mousepose("check", room)
    assert found.exit_code == 0, found.stderr
    assert found.stdout.count("ok") == 4  # ledger, store, network, camera
    assert not (room.parent / "ledger.db").exists()
    assert not (room.parent / "store").exists()


def test_a_check_tells_all_that_is_wrong(room: Path) -> None:
    write_cameras(room.parent / "camera.toml", [pinhole((SIZE + 2, SIZE), 400.0)])
    text = room.read_text(encoding="utf-8")
    (room.parent / "empty").mkdir()
    other = ROOM.partition("[[cage]]")[2].replace("A1", "A2").replace('"films"', '"empty"')
    room.write_text(text + "[[cage]]" + other, encoding="utf-8")
    found = mousepose("check", room)
    assert found.exit_code == 1
    assert "2 of 6 checks failed" in found.stderr
    told = " ".join(found.stdout.replace("│", " ").split())
    assert "there is no video yet" in told
    assert "160 x 160 px" in told


def test_faults_of_the_file_are_listed_and_nothing_runs(room: Path) -> None:
    room.write_text(ROOM.replace("view =", "viw =").replace("90.0", "-1"), encoding="utf-8")
    for command in ("run", "check", "status", "retry", "compact"):
        found = mousepose(command, room)
        assert found.exit_code == 1
        assert "2 faults" in found.stderr
        assert "did you mean 'view'?" in found.stderr


@pytest.fixture
def parked(room: Path) -> Path:
    """The room, in which one segment was parked and one waits."""
    with Ledger.open(f"sqlite:///{room.parent / 'ledger.db'}", tries=1) as ledger:
        for number in (0, 1):
            ledger.add_segment(minute(number, "A1", follows=False))
        ledger.fail(ledger.claim("here", 1, 60)[0].token, "no [video]", "log")
    return room


def test_the_status_accounts_for_every_frame(parked: Path) -> None:
    found = mousepose("status", parked)
    assert found.exit_code == 0
    told = " ".join(found.stdout.split())
    assert "1,800 wait, 1,800 parked, 0 lost, 0 unaccounted for" in told
    assert f"parked {minute(0, 'A1').id}" in told
    assert "no [video]" in told  # what a log says is no markup
    as_json = json.loads(mousepose("status", parked, "--json").stdout)
    assert as_json["frames"]["parked"] == 1800
    assert as_json["cages"][0]["cage"] == "A1"
    assert as_json["troubles"][0]["segment"] == minute(0, "A1").id


@pytest.mark.parametrize("named", [True, False])
def test_parked_segments_are_tried_again(parked: Path, named: bool) -> None:
    segment = minute(0, "A1").id
    found = mousepose("retry", parked, *([segment] if named else []))
    assert found.stdout == "1 of 1 segments are tried again\n"
    with Ledger.open(f"sqlite:///{parked.parent / 'ledger.db'}") as ledger:
        assert ledger.states(segment)[Stage.POINTS] == State.WAITING
    unknown = mousepose("retry", parked, "A1/never")
    assert unknown.exit_code == 1
    assert "no segment" in unknown.stderr


def test_upkeep_tells_what_it_did(parked: Path) -> None:
    found = mousepose("compact", parked)
    assert found.exit_code == 0
    assert found.stdout.startswith("0 files of 0 days put together")


def test_an_unknown_cluster_is_told_before_anything_starts(room: Path) -> None:
    found = mousepose("run", room, "--cluster", "somewhere", "--no-dashboard")
    assert found.exit_code == 1
    assert "expected local, tcp://HOST:PORT" in found.stderr


def test_videos_of_a_cohort_get_names_of_their_own(tmp_path: Path) -> None:
    for name in ("g1/m 1.mp4", "g1/m-1.mp4", "g2/m-1.avi", ".hidden.mp4", "notes.txt", "é.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = videos_below([tmp_path, tmp_path / "g1"])
    assert {path.name for path in found.values()} == {"m 1.mp4", "m-1.mp4", "m-1.avi", "é.mkv"}
    assert {"g1_m-1", "g2_m-1"} <= set(found)
    assert all(name.isascii() and " " not in name for name in found)


def test_a_batch_of_nothing_is_told(tmp_path: Path) -> None:
    found = mousepose("batch", tmp_path, "-c", tmp_path / "c.toml", "-s", tmp_path / "out")
    assert found.exit_code == 1
    assert "there is no video below" in found.stderr
    gone = mousepose("batch", tmp_path / "gone", "-c", "c.toml", "-s", tmp_path / "out")
    assert "there is no such file or folder" in gone.stderr


def test_a_batch_does_every_video_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    write_cameras(tmp_path / "camera.toml", [pinhole((SIZE, SIZE), 400.0)])
    (tmp_path / "films").mkdir()
    write_film(tmp_path / "films" / "mouse1.mp4", [picture(n) for n in range(20)], 20)
    command = ["batch", tmp_path / "films", "-c", tmp_path / "camera.toml", "-s",
               tmp_path / "out", "--view", "top", "--body-length", 90]  # fmt: skip
    found = mousepose(*command)
    assert found.exit_code == 0
    told = " ".join(found.stdout.split())
    assert "1 segments with 20 frames in all: 20 looked at" in told
    with Ledger.open(f"sqlite:///{tmp_path / 'out' / 'ledger.db'}") as ledger:
        files = ledger.files("poses")
        assert sum(one.rows for one in files) == 20
    mousepose(*command)
    with Ledger.open(f"sqlite:///{tmp_path / 'out' / 'ledger.db'}") as ledger:
        assert ledger.files("poses") == files  # nothing is done twice
