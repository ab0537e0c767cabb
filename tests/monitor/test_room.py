"""A room's file: what it says, and everything that is wrong with it at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mousepose.errors import FileError
from mousepose.geometry.camera import pinhole
from mousepose.io import write_cameras
from mousepose.monitor.room import Room, example_room, load_room
from mousepose.monitor.room_settings import RtspCamera, WatchedFolder

SMALL = """
study = "s"
[[cage]]
name = "A1"
camera = "A1.toml"
[cage.source]
kind = "folder"
folder = "videos/A1"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the examples name."""
    camera = pinhole((640, 480), 500.0)
    plane = np.array([0.0, 0.0, -1.0, 500.0])
    for name in ("A1", "A2"):
        write_cameras(tmp_path / f"{name}.toml", [replace(camera, name=name, floor_plane=plane)])
    both = [replace(camera, name="left"), replace(camera, name="right")]
    write_cameras(tmp_path / "both.toml", both)
    (tmp_path / "videos" / "A1").mkdir(parents=True)
    return tmp_path


def loaded(folder: Path, text: str) -> Room:
    path = folder / "room.toml"
    path.write_text(text, encoding="utf-8")
    return load_room(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(FileError) as caught:
        loaded(folder, text)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_the_example_is_a_room(folder: Path) -> None:
    room = loaded(folder, example_room())
    assert list(room.cages) == ["A1", "A2"]
    one, two = room.cages.values()
    assert isinstance(one.source, WatchedFolder) and isinstance(two.source, RtspCamera)
    assert (one.count, two.count) == (1, 2)
    assert one.animal[0].model_extra == {"group": "old"}
    assert room.ledger == f"sqlite:///{folder}/ledger.db"
    assert (room.store, room.spool) == (str(folder / "store"), folder / "spool")
    assert one.source.folder == folder / "videos" / "A1"
    assert (str(one.scale), str(two.scale)) == ("floor", "body_length 85 mm")
    assert room.retention == {"points": 30.0, "carry": 2.0, "picture": 2.0}
    assert (room.watch.host, room.watch.port, room.cluster) == ("127.0.0.1", 8470, "local")


def test_little_is_needed(folder: Path) -> None:
    room = loaded(folder, SMALL)
    assert (room.time_zone, room.workers, room.behind.every) == ("UTC", 1, 1)
    assert room.alerts.webhook is None
    with room.open_ledger() as ledger:
        assert ledger.latest("A1") is None
    assert room.open_store().study == "s"


def test_a_cage_tells_the_stages_what_they_need(folder: Path) -> None:
    pytest.importorskip("mousepose.monitor.stages", reason="the stages cannot be imported")
    work = loaded(folder, example_room()).cages["A2"].work(threads=2)
    assert (work.cage, work.animals, work.camera.name, work.threads) == ("A2", 2, "A2", 2)
    assert str(work.scale) == "body_length 85 mm"


def test_nothing_of_a_room_changes(folder: Path) -> None:
    room = loaded(folder, SMALL)
    with pytest.raises(ValidationError, match="frozen"):
        room.workers = 3  # type: ignore[misc]


def test_all_faults_are_told_at_once(folder: Path) -> None:
    text = example_room()
    wrong = {
        'study = "ageing"': 'study = "../up"',
        "Europe/Berlin": "Berlin",
        "sqlite:///": "mysql://",
        "workers = 2": 'workers = "two"',
        "lease = ": "leese = ",
        "points = 30": "point = 30",
        "# webhook": "webhook",
        "floor = true": "floor = true\nweight = 20.0",
        "videos/A1": "videos/none",
        "{:%Y": "{%Y",
        'name = "A2"': 'name = "a1"',
        "A2.toml": "A3.toml",
        "animals = 2": "animals = 0",
        'kind = "rtsp"': 'kind = "rtps"',
    }
    for good, bad in wrong.items():
        assert good in text
        text = text.replace(good, bad)
    told = faults(folder, text)
    places = [
        "study", "time-zone", "ledger", "workers", "leese: unknown key; did you mean 'lease'?",
        "retention: no tables: 'point'", "alerts.webhook: the environment has no variable HOOK",
        "cage A1: source.folder: there is no folder", "cage A1: source.pattern",
        "cage A1: floor and weight", "cage a1: camera: there is no file",
        "cage a1: animals: expected greater than or equal to 1, got 0", "cage a1: source.kind",
        "cage a1: 2 cages have this name",
    ]  # fmt: skip
    for place in places:
        assert any(line.startswith(place) for line in told), (place, told)
    assert len(told) == len(places) == len(wrong)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ('camera = "A1.toml"', 'camera = "both.toml"', "say which, camera-name"),
        ('"A1.toml"', '"both.toml"\ncamera-name = "up"', "has no camera 'up'"),
        ('"A1.toml"', '"both.toml"\ncamera-name = "left"\nfloor = true', "knows no floor"),
        ('camera = "A1.toml"', 'camera = "room.toml"', "room.toml"),
        ('camera = "A1.toml"', "", "cage A1: camera: is missing"),
        ('"A1.toml"', '"A1.toml"\nanimal = [{id = "a"}, {id = "a"}]', "two animals have one id"),
        ('"A1.toml"', '"A1.toml"\nanimals = 2\nanimal = [{id = "a"}]', "but 1 are listed"),
        ('"A1.toml"', '"A1.toml"\nanimal = [{id = "../a"}]', "animal.1.id: expected"),
        ('"A1.toml"', '"A1.toml"\nmodel = "none.onnx"', "model: there is no file"),
        ('"A1.toml"', '"A1.toml"\nkeypoints = "none"', "unknown keypoint map 'none'"),
        ('"A1.toml"', '"A1.toml"\nbehaviour = "A1.toml"', "cage A1: behaviour: "),
        ('"A1.toml"', '"A1.toml"\nup = [0.0, 1.0]', "cage A1: up"),
        ('"A1.toml"', '"A1.toml"\nweight = -3.0', "weight: expected greater than 0, got -3.0"),
        ('name = "A1"', 'name = "<b>A1</b>"', "cage <b>A1</b>: name: expected"),
        ('name = "A1"', "name = 3", "cage 1: name: expected a text in quotes, got 3"),
        ('kind = "folder"', "", "source.kind: expected one of folder, files"),
        ('kind = "folder"\nfolder = "videos/A1"', 'kind = "rtsp"\nurl = "http://x"', "rtsp://"),
        ('kind = "folder"\nfolder = "videos/A1"', 'kind = "files"\nfiles = ["*.mp4"]', "no file"),
        ('kind = "folder"\nfolder = "videos/A1"', 'kind = "files"\nfiles = []', "at least one"),
        (
            'kind = "folder"\nfolder = "videos/A1"',
            'kind = "replay"\nfile = "A1.toml"\nstart = 2026-01-01T00:00:00', "with its zone",
        ),
        ('study = "s"', 'study = "s"\nborder-timeout = -1.0', "border-timeout: expected greater"),
        ('study = "s"', 'study = "s"\ncompaction-hour = 24.0', "compaction-hour: expected less"),
        ('study = "s"', 'study = "s"\ncluster = "host"', "cluster: expected local, slurm"),
        ('study = "s"', 'study = "s"\nwatch = {token = "short"}', "watch.token: expected 16"),
        ('"A1.toml"', '"A1.toml"\nspout = [9.0, 0.0, 3.0, 5.0]', "spout: expected left, top"),
        ('study = "s"', 'study = "s"\nledger = "sqlite://"', "ledger: expected sqlite:///FILE"),
    ],
)  # fmt: skip
def test_one_fault_is_one_line(folder: Path, good: str, bad: str, words: str) -> None:
    assert good in SMALL
    (line,) = faults(folder, SMALL.replace(good, bad))
    assert words in line


def test_two_cages_cannot_watch_the_same_files(folder: Path) -> None:
    second = SMALL[SMALL.index("[[cage]]") :].replace('name = "A1"', 'name = "A2"')
    assert faults(folder, SMALL + second) == ["cage A2: watches the same files as cage A1"]


def test_files_may_be_patterns(folder: Path) -> None:
    for name in ("b.mp4", "a.mp4"):
        (folder / name).touch()
    text = SMALL.replace('kind = "folder"', 'kind = "files"')
    room = loaded(folder, text.replace('folder = "videos/A1"', 'files = ["*.mp4", "a.mp4"]'))
    source = room.cages["A1"].source
    assert source.kind == "files"
    assert source.files == (str(folder / "a.mp4"), str(folder / "b.mp4"))


def test_secrets_come_from_the_environment_and_are_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOUSE_SECRET", "hush")
    where = 'ledger = "postgresql://mouse:${MOUSE_SECRET}@host/db"\nstore = "s3://${MOUSE_SECRET}"'
    room = loaded(folder, SMALL.replace('study = "s"', f'study = "s"\n{where}'))
    assert room.ledger == "postgresql://mouse:hush@host/db"
    assert room.store == "s3://hush"
    assert "hush" not in repr(room)


@pytest.mark.parametrize(
    "text", ["", "cage = 3", "study = 's'\ncage = [3]", "cage = []", "[[cage]]"]
)
def test_a_file_that_is_no_room_is_refused(folder: Path, text: str) -> None:
    assert faults(folder, text)


def test_what_is_no_file_of_settings_is_refused(folder: Path) -> None:
    for content, words in (
        (b"\xff\xfe\x00", "not a text"),
        (b"a = [", "no TOML"),
        (b"#" * 2_000_001, "larger"),
    ):
        (folder / "room.toml").write_bytes(content)
        with pytest.raises(FileError, match=words):
            load_room(folder / "room.toml")
    with pytest.raises(FileError, match="cannot be read"):
        load_room(folder / "none.toml")


LINES = example_room().splitlines()


@given(st.lists(st.sampled_from(LINES), max_size=30), st.text(max_size=20))
def test_any_file_is_a_room_or_one_clear_error(folder: Path, lines: list[str], odd: str) -> None:
    try:
        loaded(folder, "\n".join([*lines, odd]))
    except FileError as error:
        assert str(error).startswith(str(folder / "room.toml"))
