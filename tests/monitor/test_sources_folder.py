"""A growing folder: every complete file once, in order, and nothing odd passes in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.segments import START, write_film
from mousepose.errors import InputError
from mousepose.monitor.records import Segment
from mousepose.monitor.sources import (
    SPOOL_NAMES,
    FileNames,
    FolderSource,
    Found,
    ListedSource,
    Replay,
)

FPS, GROUP = 20, 10
NAMES = FileNames()
BERLIN = FileNames(zone="Europe/Berlin")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds, a key frame each half second."""
    noise = np.random.default_rng(0).integers(0, 255, (6 * FPS, 64, 64), np.uint8)
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", list(noise), GROUP, FPS)


@pytest.fixture
def put(film: Path, tmp_path: Path) -> Callable[..., Path]:
    """Give what writes a file of two seconds (another one each time) under a name."""
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    paths: list[Path] = []
    replay = Replay(film, pieces, START, 2.0, float("inf"))
    replay.run(done=lambda path, _: paths.append(path))
    folder = tmp_path / "cage"
    folder.mkdir()

    def write(name: str, piece: int = 0, finished: datetime | None = None) -> Path:
        path = folder / f"{name}.mp4"
        shutil.copy(paths[piece], path)
        time = (finished or datetime.now(UTC)).timestamp()
        os.utime(path, (time, time))
        return path

    return write


def source(folder: Path, names: FileNames | None = NAMES, **settings: object) -> FolderSource:
    return FolderSource("cage1", folder / "cage", names, rest=5.0, **settings)  # type: ignore[arg-type]


def kinds(found: Found) -> list[str]:
    return [event.kind for event in found.events]


def rested(watched: FolderSource, now: datetime) -> Found:
    """What is found at a time of files that have been there for long enough."""
    first = watched.poll(now - timedelta(seconds=6))
    found = watched.poll(now)
    return Found(
        first.segments + found.segments, first.gaps + found.gaps, first.events + found.events
    )


NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_files_are_taken_once_in_order_and_joined(put: Callable[..., Path], tmp_path: Path) -> None:
    for place, name in ((2, "12-00-04"), (0, "12-00-00"), (1, "12-00-02")):
        put(f"2026-05-01_{name}", place, NOW)
    watched = source(tmp_path)
    assert not watched.poll(NOW)  # nothing rests long enough
    found = watched.poll(later(6))
    assert [segment.start for segment in found.segments] == [later(n) for n in (0, 2, 4)]
    assert [segment.follows for segment in found.segments] == [False, True, True]
    assert {(segment.frames, segment.seconds) for segment in found.segments} == {(40, 2.0)}
    assert len({segment.digest for segment in found.segments}) == 3
    assert not found.gaps
    assert not found.events
    assert not watched.poll(later(60))
    (tmp_path / "cage" / "copies").mkdir()
    put("copies/2026-05-01_12-00-00", 0, later(40))
    assert kinds(rested(watched, later(70))) == ["duplicate"]


def test_a_file_that_grows_is_waited_for(put: Callable[..., Path], tmp_path: Path) -> None:
    whole = put("2026-05-01_12-00-00", 0, NOW)
    content = whole.read_bytes()
    watched = source(tmp_path)
    for second in range(5):
        whole.write_bytes(content[: (second + 1) * len(content) // 5])
        os.utime(whole, (later(4 * second).timestamp(),) * 2)
        assert not watched.poll(later(4 * second))
    assert not watched.poll(later(20))
    assert watched.waiting
    assert [one.frames for one in watched.poll(later(22)).segments] == [40]
    assert not watched.waiting


def test_the_next_file_tells_that_one_is_complete(put: Callable[..., Path], tmp_path: Path) -> None:
    watched = source(tmp_path)
    put("2026-05-01_12-00-00", 0, NOW)
    assert not watched.poll(NOW)
    put("2026-05-01_12-00-02", 1, later(2))
    assert [one.start for one in watched.poll(later(2)).segments] == [NOW]
    assert not watched.poll(later(6))
    assert [one.start for one in watched.poll(later(8)).segments] == [later(2)]


def test_what_cannot_be_read_is_a_segment_that_fails(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    first, good = put("2026-05-01_12-00-00", 0, NOW), put("2026-05-01_12-00-02", 1, NOW)
    first.write_bytes(b"no video" * 100)
    os.utime(first, (NOW.timestamp(),) * 2)
    watched = source(tmp_path, patience=30.0)
    assert not watched.poll(NOW)
    assert not watched.poll(later(10))  # the good one waits for the first
    found = watched.poll(later(51))
    assert [one.frames for one in found.segments] == [0, 40]
    assert [one.follows for one in found.segments] == [False, False]
    assert kinds(found) == ["damaged"]
    assert found.gaps[0].stop == later(2)
    good.unlink()
    assert not watched.poll(later(60))  # what was taken may go


def test_one_that_never_ends_holds_up_others_only_so_long(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    stuck = put("2026-05-01_12-00-00", 0, NOW)
    put("2026-05-01_12-00-02", 1, NOW)
    watched = source(tmp_path, patience=30.0)
    taken: list[Segment] = []
    for second in range(0, 60, 2):
        with stuck.open("ab") as file:
            file.write(b"\0")
        os.utime(stuck, (later(second).timestamp(),) * 2)
        taken += watched.poll(later(second)).segments
    assert [one.start for one in taken] == [later(2)]
    stuck.unlink()
    assert kinds(watched.poll(later(61))) == ["lost"]


def test_gaps_and_strange_names_are_told(put: Callable[..., Path], tmp_path: Path) -> None:
    put("2026-05-01_12-00-00", 0, NOW)
    put("2026-05-01_12-10-00", 1, later(600))
    put("notes", 2, NOW)
    found = rested(source(tmp_path), later(700))
    assert [(gap.start, gap.stop) for gap in found.gaps] == [(later(2), later(600))]
    assert kinds(found) == ["unnamed"]


def test_a_clock_set_back_begins_a_track_of_its_own(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    watched = source(tmp_path)
    put("2026-05-01_12-00-00", 0, NOW)
    rested(watched, later(10))
    put("2026-05-01_11-59-59", 1, later(20))
    put("2026-05-01_12-00-01", 2, later(22))
    found = rested(watched, later(40))
    assert [one.start for one in found.segments] == [later(-1), later(1)]
    assert [one.follows for one in found.segments] == [False, True]
    assert kinds(found) == ["overlap"]


def test_what_follows_what_does_not_depend_on_when_one_looked(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    watched = source(tmp_path)
    put("2026-05-01_12-00-00", 0, later(2))
    before = rested(watched, later(10)).segments
    put("2026-05-01_12-00-02", 1, later(12))
    put("2026-05-01_11-45-00", 2, later(14))  # set back; its name comes first
    found = rested(watched, later(30))
    assert [one.start for one in found.segments] == [later(-900), later(2)]
    assert [one.follows for one in found.segments] == [False, True]
    assert not found.gaps
    put("2026-05-01_11-45-02", 0, later(32))
    again = source(tmp_path, known=before + found.segments)
    assert [one.follows for one in rested(again, later(60)).segments] == [True]


def test_a_late_file_is_no_ones_predecessor(put: Callable[..., Path], tmp_path: Path) -> None:
    watched = source(tmp_path)
    put("2026-05-01_12-00-10", 0, later(12))
    rested(watched, later(20))
    put("2026-05-01_12-00-00", 1, later(2))  # copied late, of before
    put("2026-05-01_12-00-12", 2, later(14))
    found = rested(watched, later(40))
    assert [one.follows for one in found.segments] == [False, True]


def test_both_hours_of_the_end_of_summer_time(put: Callable[..., Path], tmp_path: Path) -> None:
    once, again = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    put("2026-10-25_02-30-00", 0, once + timedelta(seconds=3))
    watched = source(tmp_path, BERLIN)
    assert [one.start for one in watched.poll(again).segments] == [once]
    put("2026-10-25_02-30-00", 1, again + timedelta(seconds=3))  # written over
    found = rested(watched, again + timedelta(seconds=20))
    assert [one.start for one in found.segments] == [again]
    assert kinds(found) == ["changed"]


def test_a_source_goes_on_where_another_ended(put: Callable[..., Path], tmp_path: Path) -> None:
    put("2026-05-01_12-00-00", 0, NOW)
    before = rested(source(tmp_path), later(10)).segments
    put("2026-05-01_12-00-02", 1, NOW)
    found = rested(source(tmp_path, known=before), later(10))
    assert [(one.start, one.follows) for one in found.segments] == [(later(2), True)]


def test_files_without_names_tell_their_times_themselves(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    put("a", 0, NOW)
    found = rested(source(tmp_path, None), later(10))
    assert found.segments[0].start == later(-2)
    assert kinds(found) == ["clock"]


def test_a_list_is_given_piece_by_piece(put: Callable[..., Path], tmp_path: Path) -> None:
    paths = [put(f"2026-05-01_12-00-0{second}", n, NOW) for n, second in enumerate((0, 2, 4))]
    listed = ListedSource("cage1", paths[::-1], NAMES)
    found = listed.poll(NOW)
    assert [one.follows for one in found.segments] == [False, True, True]
    assert listed.done
    again = ListedSource("cage1", paths, NAMES, known=found.segments)
    assert again.done
    with pytest.raises(InputError, match=r"b\.mp4.*a\.mp4.*none of"):
        ListedSource("cage1", [tmp_path / "b.mp4", put("a")], NAMES)


def test_a_replay_grows_as_a_recording(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cage"
    folder.mkdir()
    frames = Replay(film, folder, NOW, 2.0, 200.0, repeat=2).run()
    assert frames == 2 * 6 * FPS
    watched = FolderSource("cage1", folder, SPOOL_NAMES)
    found = rested(watched, datetime.now(UTC) + timedelta(seconds=60))
    assert [one.start for one in found.segments] == [later(n) for n in range(0, 12, 2)]
    assert sum(one.frames for one in found.segments) == frames
    assert all(one.follows for one in found.segments[1:])
    assert not list(folder.glob("*.part"))


def test_a_folder_that_is_out_of_reach_loses_nothing(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    for second, piece in ((0, 0), (2, 1), (4, 2)):
        put(f"2026-05-01_12-00-0{second}", piece, NOW)
    watched = source(tmp_path)
    assert len(rested(watched, later(10)).segments) == 3
    (tmp_path / "cage").rename(tmp_path / "away")
    assert kinds(watched.poll(later(20))) == ["away"]
    assert not watched.poll(later(30))
    (tmp_path / "cage").mkdir()  # where nothing is mounted
    assert not watched.poll(later(40))
    (tmp_path / "cage").rmdir()
    (tmp_path / "away").rename(tmp_path / "cage")
    found = rested(watched, later(60))
    assert kinds(found) == ["back"]
    assert not found.segments
