"""Small charts as SVG: a day of activity against the usual, its film, days side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

import numpy as np

from mousepose.monitor.ledger.tables import to_number, to_time
from mousepose.monitor.watch.film import Film
from mousepose.monitor.watch.history import DAY, DAYS, MINUTE_US, MouseMinutes
from mousepose.monitor.watch.html import Html, element
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.words import percent
from mousepose.types import Floats

#: Minutes of a bar, and bars of a day.
BIN = 10
BINS = DAY // BIN
#: Height of the bars, and of the strip of film below them.
_HEIGHT, _STRIP, _GAP = 60.0, 5.0, 3.0
#: Earlier days that are needed before a usual day is drawn.
_LEAST_DAYS = 3
#: Bars over which the usual day is smoothed: an hour.
_SMOOTH = 7
_SECONDS = 60.0 * BIN

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class DayOfActivity:
    """The share of the time that mice moved, in bars (N,) up to `end`; NaN where it is not known.

    `usual` (N,) is the median of earlier days in the same hours, NaN where there are too few.
    """

    end: datetime
    share: Floats
    usual: Floats

    @property
    def start(self) -> datetime:
        """When the first bar begins."""
        return self.end - timedelta(minutes=DAY)

    @property
    def highest(self) -> float:
        """The highest value, 0 where none is known."""
        known = np.concatenate([self.share, self.usual])
        return float(np.nanmax(known, initial=0.0)) if np.isfinite(known).any() else 0.0


def day_of_activity(mice: Iterable[MouseMinutes], now: datetime) -> DayOfActivity:
    """Return the last 24 h of some mice together, in bars that begin at whole 10 minutes."""
    last = -(-to_number(now) // (MINUTE_US * BIN)) * BIN
    mice = list(mice)
    days = np.stack([_bars(mice, last - day * DAY) for day in range(DAYS + 1)])
    known = np.isfinite(days[1:]).sum(axis=0)
    middle = np.full(BINS, np.nan)
    enough = known >= _LEAST_DAYS
    if enough.any():
        middle[enough] = np.nanmedian(days[1:, enough], axis=0)
    return DayOfActivity(to_time(last * MINUTE_US), days[0], _smooth(middle))


def scale(days: Iterable[DayOfActivity]) -> float:
    """Return the top of the axis that fits all days."""
    highest = max((day.highest for day in days), default=0.0)
    return next((top for top in (0.1, 0.2, 0.4, 0.6, 0.8) if highest <= top), 1.0)


def activity_chart(
    day: DayOfActivity, film: Film | None, settings: WatchSettings, top: float
) -> Html:
    """Return a day of activity: bars, the usual day as a line, nights shaded, film below."""
    whole = _HEIGHT + _GAP + _STRIP
    start, end = to_number(day.start), to_number(day.end)
    strip = ["none"] * BINS if film is None else film.strip(start, end, BINS)
    last_hour = _mean(day.share[-7:])
    told = f"Activity in the last 24 hours: in the last hour {percent(last_hour)} of the time"
    return element(
        "svg",
        element("title", told),
        *(element("rect", x=x, y=0, width=width, height=_HEIGHT, class_="night")
          for x, width in _nights(day, settings)),
        element("path", d=_steps(day.share, top), class_="bars"),
        element("path", d=_line(day.usual, top), class_="usual"),
        *_strip(strip),
        class_="activity", viewBox=f"0 0 {BINS} {whole:g}", preserveAspectRatio="none", role="img",
        aria_label=told,
    )  # fmt: skip


def hours(day: DayOfActivity, settings: WatchSettings, every: int = 6) -> Html:
    """Return the axis below a day: hours on the room's clock."""
    marks = []
    for place in range(BINS):
        moment = settings.local(day.start + timedelta(minutes=place * BIN))
        if moment.minute < BIN and moment.hour % every == 0:
            marks.append(element("text", f"{moment:%H}", x=f"{100 * place / BINS:.2f}%", y="10"))
    return element("svg", *marks, class_="hours", aria_hidden="true")


def day_bars(values: Sequence[float], top: float) -> Html:
    """Return values of days as bars, the last one is today; NaN are left out."""
    bars = []
    for place, value in enumerate(values):
        if np.isfinite(value):
            height = _HEIGHT * min(value / top, 1.0) if top > 0 else 0.0
            kind = "today" if place == len(values) - 1 else "bars"
            bars.append(element(
                "rect", x=f"{place + 0.12:.2f}", y=f"{_HEIGHT - height:.2f}", width="0.76",
                height=f"{max(height, 0.6):.2f}", class_=kind,
            ))  # fmt: skip
    return element(
        "svg", *bars, class_="days", viewBox=f"0 0 {len(values)} {_HEIGHT:g}",
        preserveAspectRatio="none", aria_hidden="true",
    )  # fmt: skip


def meter(share: float, kind: str, words: str) -> Html:
    """Return a share as a bar."""
    width = 100 * min(max(share, 0.0), 1.0) if np.isfinite(share) else 0.0
    return element(
        "svg",
        element("rect", x=0, y=0, width=100, height=4, class_="rail"),
        element("rect", x=0, y=0, width=f"{width:.1f}", height=4, class_=kind),
        class_="meter", viewBox="0 0 100 4", preserveAspectRatio="none", role="img",
        aria_label=words,
    )  # fmt: skip


def _bars(mice: Sequence[MouseMinutes], last: int) -> Floats:
    """Return the mean share (N,) of the time that mice moved, in the day before minute `last`."""
    moved, seconds = np.zeros(DAY), np.zeros(DAY)
    for mouse in mice:
        place = np.arange(last - DAY, last) - mouse.first
        inside = (place >= 0) & (place < len(mouse.sums))
        moved[inside] += mouse.of("time_mobile_s")[place[inside]]
        seconds[inside] += mouse.of("seconds")[place[inside]]
    moved, seconds = (one.reshape(BINS, BIN).sum(axis=1) for one in (moved, seconds))
    share = np.full(BINS, np.nan)
    known = seconds > 0.1 * _SECONDS * max(len(mice), 1)
    share[known] = np.minimum(moved[known] / seconds[known], 1.0)
    return share


def _smooth(values: Floats) -> Floats:
    """Return values (N,) of a day that repeats, each the mean of those around it."""
    known = np.isfinite(values)
    half = _SMOOTH // 2
    kernel = np.ones(_SMOOTH)
    around = np.pad(np.where(known, values, 0.0), half, mode="wrap")
    weight = np.pad(known.astype(float), half, mode="wrap")
    total, count = (np.convolve(one, kernel, "valid") for one in (around, weight))
    return np.where(known, total / np.maximum(count, 1.0), np.nan)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _steps(values: Floats, top: float) -> str:
    """Return the outline of bars, of which unknown ones are left out."""
    parts = []
    for place in np.flatnonzero(np.isfinite(values)).tolist():
        height = _HEIGHT * min(float(values[place]) / top, 1.0)
        parts.append(f"M{place + 0.08:.2f} {_HEIGHT:g}v-{max(height, 0.5):.1f}h.84V{_HEIGHT:g}z")
    return "".join(parts)


def _line(values: Floats, top: float) -> str:
    """Return a line through the middles of bars, broken where they are unknown."""
    parts, before = [], False
    for place, value in enumerate(values.tolist()):
        known = bool(np.isfinite(value))
        if known:
            y = _HEIGHT * (1 - min(value / top, 1.0))
            parts.append(f"{'L' if before else 'M'}{place + 0.5:g} {y:.1f}")
        before = known
    return "".join(parts)


def _nights(day: DayOfActivity, settings: WatchSettings) -> list[tuple[int, int]]:
    """Return where it is dark in the room: the first bar and the number of bars."""
    dark = [settings.is_dark(day.start + timedelta(minutes=(place + 0.5) * BIN))
            for place in range(BINS)]  # fmt: skip
    return [(first, length) for first, length, is_dark in _runs(dark) if is_dark]


def _strip(kinds: Sequence[str]) -> list[Html]:
    return [
        element("rect", x=first, y=f"{_HEIGHT + _GAP:g}", width=length, height=f"{_STRIP:g}",
                class_=f"film-{kind}")
        for first, length, kind in _runs(kinds)
    ]  # fmt: skip


def _runs(values: Iterable[Value]) -> list[tuple[int, int, Value]]:
    """Return runs of equal values: where each begins, its length, its value."""
    found, first = [], 0
    for value, same in groupby(values):
        length = len(list(same))
        found.append((first, length, value))
        first += length
    return found


def legend() -> Html:
    """Return what the colours of the charts mean."""
    entries = [("bars", "share of time moving"), ("usual", "usual for the hour (14 days)"),
               ("night", "lights off"), ("film-seen", "film, mouse seen"),
               ("film-unseen", "no mouse seen"), ("film-waiting", "waits"),
               ("film-lost", "given up"), ("film-none", "no film")]  # fmt: skip
    return element(
        "p",
        *(element("span", element("i", class_=f"key {kind}"), words) for kind, words in entries),
        class_="legend",
    )
