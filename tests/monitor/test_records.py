"""Records tell what they are of, in UTC, whatever zone they were given in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import InputError
from mousepose.monitor.ledger.tables import to_number, to_time
from mousepose.monitor.records import Segment, stamp
from mousepose.monitor.store.layout import named, segment_key

TIMES = st.datetimes(
    datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)


def made(start: datetime) -> Segment:
    return Segment("A1", start, "a.mp4", 240, 24.0, 10.0, "d")


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="needs a time zone"):
        made(datetime(2026, 1, 1))


@given(TIMES, st.integers(-14 * 60, 14 * 60))
def test_one_moment_has_one_name_in_every_zone(time: datetime, minutes: int) -> None:
    elsewhere = time.astimezone(timezone(timedelta(minutes=minutes)))
    assert made(elsewhere).id == made(time).id == f"A1/{stamp(time)}"
    assert made(elsewhere).end == time + timedelta(seconds=10)


@given(TIMES, TIMES)
def test_names_are_in_the_order_of_time(one: datetime, other: datetime) -> None:
    assert (stamp(one) < stamp(other)) == (one < other)


@given(TIMES)
def test_times_come_back_from_the_ledger_exactly(time: datetime) -> None:
    assert to_time(to_number(time)) == time


@given(TIMES)
def test_a_files_name_tells_the_segment(time: datetime) -> None:
    key = segment_key("poses", "s", "A1", time, "mouse0", "0123456789abcdef99", ".parquet")
    told = named(key)
    assert told is not None
    assert (told.table, told.study, told.cage, told.part) == ("poses", "s", "A1", "mouse0")
    assert told.segment_id == made(time).id
    assert told.date == time.date()


def test_the_hour_that_summer_time_repeats_is_two_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=0)
    second = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1)
    assert made(first).id != made(second).id
