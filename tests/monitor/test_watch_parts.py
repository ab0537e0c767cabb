"""The parts of the dashboard: pictures, charts, words, and what is read from the room."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("sqlalchemy", reason="pip install 'mousepose[monitor]'")
pytest.importorskip("fsspec", reason="pip install 'mousepose[monitor]'")

from mousepose.errors import InputError
from mousepose.monitor.records import Segment, Written
from mousepose.monitor.room_settings import Room as RoomFile
from mousepose.monitor.room_watch import Watch
from mousepose.monitor.watch.charts import BINS, activity_chart, day_of_activity, scale
from mousepose.monitor.watch.history import DAY, SUMS, MouseMinutes
from mousepose.monitor.watch.html import element, joined, text
from mousepose.monitor.watch.keeper import Keeper
from mousepose.monitor.watch.page import View
from mousepose.monitor.watch.page_cage import cage_page
from mousepose.monitor.watch.page_room import room_page
from mousepose.monitor.watch.pictures import drawn, last_picture
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.words import duration, percent, rough, size
from mousepose.types import State
from mousepose.video import open_video, video_writer
from watched_room import NOW, Room

NAMES = ("NOSE", "NECK", "SPINE_MID", "ROOT_TAIL", "something")


class _Only(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.data += data


@given(words=st.text(), value=st.text())
def test_what_is_put_into_html_comes_out_as_text(words: str, value: str) -> None:
    parser = _Only()
    parser.feed(str(element("p", words, joined(words, element("b", words)), title=value, x=None)))
    parser.close()
    assert [tag for tag, _ in parser.tags] == ["p", "b"]
    shown = _Only()
    shown.feed(f"<p title='{text(value)}'>{text(words)}</p>")
    shown.close()
    assert list(parser.tags[0][1]) == ["title"]
    assert parser.data == 3 * shown.data
    assert all(c in "\t\n\r" or c.isprintable() or ord(c) > 127 for c in shown.data)
    assert element("b", True, hidden=True, off=False) == "<b hidden>True</b>"


def test_numbers_are_told_as_people_read_them() -> None:
    assert [duration(s) for s in (0, 59, 90, 3599, 5400, 7200, 200_000, float("nan"))] == [
        "0 s", "59 s", "90 s", "60 min", "90 min", "2 h", "2.3 days", "–"]  # fmt: skip
    assert [percent(p) for p in (0, 0.0001, 0.05, 0.5, 0.9999, 1, float("nan"))] == [
        "0 %", "0.1 %", "5.0 %", "50 %", "99.9 %", "100 %", "–"]  # fmt: skip
    assert [size(n) for n in (0, 999, 1500, 2.5e9)] == ["0 B", "999 B", "1.5 kB", "2.5 GB"]
    assert [rough(n) for n in (0, 999, 1872, 1_872_000, 3e9)] == [
        "0", "999", "1.9 k", "1.9 M", "3.0 G"]  # fmt: skip


class Shelf:
    """A store of one file."""

    def write_bytes(
        self, table: str, segment: Segment, content: bytes, suffix: str, part: str = ""
    ) -> Written:
        assert (table, suffix, part) == ("picture", ".jpg", "")
        self.content = content
        return Written(table, "key", 0, len(content), "", segment.start, segment.end)


def points_of(frames: int, states: list[int], xy: tuple[float, float]) -> pa.Table:
    columns: dict[str, object] = {"looked": [True] * frames, "state": pa.array(states, pa.uint8())}
    for name in NAMES:
        sure = 0.1 if name == "NECK" else 0.9
        columns |= {f"{name}_x": [xy[0]] * frames, f"{name}_y": [xy[1]] * frames,
                    f"{name}_confidence": [sure] * frames}  # fmt: skip
    return pa.table(columns)


def test_the_last_picture_is_the_newest_that_shows_a_mouse(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with video_writer(path, (320, 240), 10.0) as writer:
        for number in range(8):
            writer.write(np.full((240, 320, 3), 20 * number, np.uint8), number / 10)
    segment = Segment("A1", datetime(2026, 5, 1, tzinfo=UTC), str(path), 8, 10.0, 0.8, "d")
    seen, absent = int(State.SEEN), int(State.ABSENT)
    shelf = Shelf()
    with open_video(path) as video:
        table = points_of(8, [seen] * 5 + [absent] * 3, (160.0, 120.0))
        assert last_picture(segment, video, [table], shelf) is not None
        image = np.asarray(Image.open(BytesIO(shelf.content)).convert("RGB")).astype(int)
        assert image.shape == (240, 320, 3)
        assert abs(image[:40].mean() - 80) < 8  # frame 4
        assert np.ptp(image[118:123, 158:163], axis=2).max() > 60  # the mouse is drawn there
        empty = points_of(8, [absent] * 8, (np.nan, np.nan))
        assert last_picture(segment, video, [empty, empty], shelf) is not None
        image = np.asarray(Image.open(BytesIO(shelf.content)).convert("RGB")).astype(int)
        assert abs(image.mean() - 140) < 8 and np.ptp(image, axis=2).max() < 12
        first = shelf.content
        last_picture(segment, video, [], shelf)
        assert shelf.content == first  # the same again gives the same bytes


def test_a_large_picture_is_shrunk_with_what_is_drawn_on_it() -> None:
    image = np.zeros((1200, 1600, 3), np.uint8)
    xy = np.array([[800.0, 600.0], [np.nan, 3.0], [1e6, -1e6], [802.0, 640.0], [5.0, 5.0]])
    content = drawn(image, [(NAMES, xy)])
    small = np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)
    assert small.shape == (480, 640, 3) and len(content) < 60_000
    assert small[240, 320].max() > 100 and small[400:, 500:].max() < 40


def minutes(values: np.ndarray) -> MouseMinutes:
    sums = np.zeros((len(values), 16), np.float32)
    sums[:, SUMS.index("seconds")] = np.where(np.isfinite(values), 60, 0)
    sums[:, SUMS.index("time_mobile_s")] = 60 * np.nan_to_num(values)
    return MouseMinutes(0, sums)


def test_a_day_of_activity_is_drawn_against_the_usual() -> None:
    now = datetime(1970, 1, 6, tzinfo=UTC)
    values = np.full(5 * DAY, 0.2)
    values[-DAY:-600] = 0.5
    values[-60:] = np.nan
    day = day_of_activity([minutes(values)], now)
    assert day.end == now and len(day.share) == BINS
    np.testing.assert_allclose(day.share[:84], 0.5, atol=1e-6)
    np.testing.assert_allclose(day.share[84:-6], 0.2, atol=1e-6)
    assert np.isnan(day.share[-6:]).all()
    np.testing.assert_allclose(day.usual[:-10], 0.2, atol=1e-6)
    assert scale([day]) == 0.6
    settings = WatchSettings(zone="Europe/Berlin", lights_on=time(7), lights_off=time(19))
    told = activity_chart(day, None, settings, 0.6)
    assert told.count('class="night"') == 2 and told.count("h.84V60z") == BINS - 6
    assert "in the last hour 20 % of the time" in told or "–" in told
    # no minutes at all is a chart as well
    assert 'd=""' in activity_chart(day_of_activity([], now), None, settings, 0.1)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "Asia/Kathmandu", "America/New_York"])
def test_lights_follow_the_rooms_clock(zone: str) -> None:
    settings = WatchSettings(zone=zone, lights_on=time(7), lights_off=time(19))
    for hour in range(48):
        moment = datetime(2026, 3, 28, tzinfo=UTC) + timedelta(hours=hour, minutes=10)
        assert settings.is_dark(moment) == (not 7 <= settings.local(moment).hour < 19)
    with pytest.raises(InputError, match="both"):
        WatchSettings(lights_on=time(7))


def test_a_file_of_a_room_gives_the_settings(tmp_path: Path) -> None:
    watch = Watch.model_validate(
        {
            "token": "0123456789abcdef",
            "names": ["rack"],
            "lights-on": "07:00",
            "lights-off": "19:30",
        }
    )
    room = RoomFile.model_construct(
        study="ageing", watch=watch, time_zone="Europe/Berlin", store="s3://bucket/mice",
        spool=tmp_path, cage=(), alerts=WatchSettings().alerts,
    )  # fmt: skip
    settings = WatchSettings.of_room(room)
    assert (settings.title, settings.names, settings.disks) == ("ageing", ("rack",), (tmp_path,))
    assert settings.lights_off == time(19, 30) and settings.token == "0123456789abcdef"


def test_pages_tell_what_is_in_the_ledger_and_the_store(tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.days("A1", 4, 0.25, mice=("mouse0", "mouse1"))
    room.ledger.add_cages({"A1": 2})
    room.segment("A1", NOW - timedelta(hours=3), 180)
    room.work(share=0.1, seen=0.5, skipped=0.25, mice=("mouse0", "mouse1"))
    keeper = Keeper(
        room.ledger, room.store, WatchSettings(title="Room 7"), lambda: ["a worker died"]
    )
    keeper.refresh()
    snapshot = keeper.snapshot
    assert snapshot is not None
    cage = snapshot.cage("A1")
    assert cage is not None and snapshot.cage("A2") is None
    assert (cage.state, cage.level) == ("live", "good")
    view = View(keeper.settings)
    page = room_page(view, snapshot)
    for words in ("Room 7", "a worker died", "2 mice", "<b>10 %</b> <span>usual 25 %",
                  "<b>50 %</b>", "skipped most", "259,200 frames in 24 h"):  # fmt: skip
        assert words in page, words
    detail = cage_page(view, snapshot, cage)
    for words in ("left out to catch up", "mouse1: way", "mouse1: strides", "25 %", "1.4 px"):
        assert words in detail, words
    assert "drinking" not in detail
    json.dumps(page)  # no halves of characters
    room.close()
