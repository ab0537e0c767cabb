"""Names of segments tell when they begin, in UTC, whatever clocks and seasons do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import InputError
from mousepose.monitor.sources.names import SPOOL_NAMES, FileNames

TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def time_of(names: FileNames, stem: str, **known: datetime) -> datetime:
    found = names.start(stem, **known)
    assert found is not None
    return found.time


@given(TIMES)
def test_a_name_is_read_as_it_was_written(time: datetime) -> None:
    assert time_of(SPOOL_NAMES, SPOOL_NAMES.name(time)) == time
    whole = time.replace(microsecond=0)
    patterns = ("{:%Y-%m-%d_%H-%M-%S}", "cam{:%y%j%H%M%S}x", "{unix}", "a {:%d.%m.%Y %I.%M.%S%p}")
    for names in map(FileNames, patterns):
        assert time_of(names, names.name(whole)) == whole
    milli = FileNames("{unix_ms}")
    assert abs(time_of(milli, milli.name(time)) - time) <= timedelta(milliseconds=1.1)


@given(st.text(max_size=40))
def test_any_name_is_read_or_is_none(stem: str) -> None:
    for names in (SPOOL_NAMES, FileNames(), FileNames("*{unix}*")):
        found = names.start(stem)
        assert found is None or found.time.tzinfo is not None


def test_zones_are_taken_out() -> None:
    names = FileNames("box3_{:%Y-%m-%d_%H-%M-%S}", "Europe/Berlin")
    assert time_of(names, "box3_2026-07-01_12-00-00") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert time_of(names, "box3_2026-12-01_12-00-00") == datetime(2026, 12, 1, 11, tzinfo=UTC)
    own = FileNames("{:%Y%m%dT%H%M%S%z}", "Europe/Berlin")
    told = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=-5)))
    assert time_of(own, "20260701T120000-0500") == told
    assert names.start("box4_2026-07-01_12-00-00") is None
    assert names.start("box3_2026-02-31_12-00-00") is None
    assert FileNames("*_{unix}").start("cam_7") is None  # no time of this century


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    names = FileNames(zone="Europe/Berlin")
    once, again = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    stem = "2026-10-25_02-30-00"
    assert time_of(names, stem) == once
    for true in (once, again):
        assert time_of(names, stem, finished=true + timedelta(minutes=10)) == true
    # the file's own time tells nothing: the order does
    copied = again + timedelta(days=3)
    assert time_of(names, stem, finished=copied, after=once) == once
    assert time_of(names, stem, finished=copied, after=once + timedelta(minutes=20)) == again
    spring = time_of(names, "2026-03-29_02-30-00")  # which no clock ever showed
    assert spring == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("cam", "one time in braces"), ("{:%Y}{:%m}", "one time in braces"),
        ("{:%Y-%m-%d}", "hour and minute"), ("{:%Y-%m-%d_%Q}", "%Q is not known"),
        ("{:%Y%m%d%H%M%M}", "twice"), ("a/{unix}", "no folder"), ("{:%Y%m%d%H%M%}", "not known"),
    ],
)  # fmt: skip
def test_a_pattern_that_tells_no_time_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FileNames(pattern)
    with pytest.raises(InputError, match="Atlantis.*not known"):
        FileNames(zone="Atlantis")
    with pytest.raises(InputError) as both:
        FileNames("cam", "Atlantis")
    assert "braces" in str(both.value)
    assert "Atlantis" in str(both.value)
