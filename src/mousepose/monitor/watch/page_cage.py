"""The page of one cage: its day, its days, how good the data is, and what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np

from mousepose.monitor.ledger.tables import to_number, to_time
from mousepose.monitor.records import Stage, State
from mousepose.monitor.watch.charts import (
    DayOfActivity,
    activity_chart,
    day_bars,
    day_of_activity,
    hours,
    legend,
    meter,
    scale,
)
from mousepose.monitor.watch.history import DAY, DAYS, MINUTE_US, MouseMinutes
from mousepose.monitor.watch.html import Content, Html, element, joined
from mousepose.monitor.watch.page import (
    View,
    action,
    alert_list,
    chip,
    page,
    picture,
    short,
    stale_note,
    table,
    top,
)
from mousepose.monitor.watch.page_room import facts
from mousepose.monitor.watch.snapshot import LEVELS, CageView, Snapshot
from mousepose.monitor.watch.words import count, distance, duration, percent

#: Days side by side, and gaps and troubles that are listed.
_DAYS, _LISTED = DAYS + 1, 30
#: The end of a log that is shown, characters.
_LOG = 6000
#: What is measured of days: in words, its values, and how one is shown.
_Measure = tuple[str, list[float], Callable[[float], str]]


def cage_page(view: View, snapshot: Snapshot, cage: CageView) -> str:
    """Return the page of a cage."""
    back = element("a", view.settings.title, href=view.link("/"), class_="back")
    glance = cage.glance
    lag = "nothing looked at yet" if glance.lag_s is None else f"{duration(glance.lag_s)} behind"
    return page(
        view,
        f"{cage.name} · {view.settings.title}",
        top(view, snapshot, joined(back, cage.name), chip(cage.state, cage.level),
            element("span", lag, class_="lag")),
        stale_note(view),
        _panel("Alerts", alert_list(view, cage.alerts, snapshot.moment, with_cage=False),
               when=bool(cage.alerts)),
        element("div", _pictures(view, snapshot, cage), _activity(view, snapshot, cage),
                class_="two"),
        _panel("Days", _days(view, snapshot, cage), when=bool(cage.minutes)),
        element("div", _quality(snapshot, cage), _work(cage), class_="two"),
        _troubles(view, snapshot, cage),
        element("div", _events(view, snapshot, cage), _gaps(view, snapshot, cage), class_="two"),
    )  # fmt: skip


def _panel(title: str, *parts: Content, when: bool = True) -> Html | None:
    return element("section", element("h2", title), *parts, class_="panel") if when else None


def _pictures(view: View, snapshot: Snapshot, cage: CageView) -> Html | None:
    newest = cage.pictures[0] if cage.pictures else None
    earlier = [picture(view, cage.name, one, snapshot.moment, age=False)
               for one in cage.pictures[1:]]  # fmt: skip
    return _panel(
        "Last picture",
        picture(view, cage.name, newest, snapshot.moment),
        element("div", *earlier, class_="earlier") if earlier else None,
    )


def _activity(view: View, snapshot: Snapshot, cage: CageView) -> Html | None:
    """Return the day of each mouse; several have a chart each."""
    days: list[tuple[str, DayOfActivity]] = [
        (mouse if len(cage.minutes) > 1 else "", day_of_activity([minutes], snapshot.moment))
        for mouse, minutes in cage.minutes.items()
    ]
    highest = scale(day for _, day in days)
    charts: list[Content] = []
    for name, day in days or [("", day_of_activity([], snapshot.moment))]:
        charts.append(element(
            "figure",
            element("figcaption", element("b", name),
                    element("span", f"to {percent(highest)} of the time moving", class_="quiet")),
            activity_chart(day, cage.film, view.settings, highest or 0.1),
            hours(day, view.settings, every=3), class_="tall" if len(days) < 2 else None,
        ))  # fmt: skip
    return _panel("Last 24 hours", *charts, element("dl", *facts(view, cage)), legend())


def _days(view: View, snapshot: Snapshot, cage: CageView) -> Html:
    """Return what the mice did on each of the last days, up to now; days are those of UTC."""
    today = to_number(snapshot.moment) // MINUTE_US // DAY
    rows = []
    for name, minutes in cage.minutes.items():
        spans = [((day * DAY) - minutes.first, (day + 1) * DAY - minutes.first)
                 for day in range(today - _DAYS + 1, today + 1)]  # fmt: skip
        for words, values, shown in _of_days(minutes, spans):
            known = [value for value in values[:-1] if np.isfinite(value)]
            usual = shown(float(np.median(known))) if known else "–"
            highest = max([value for value in values if np.isfinite(value)], default=0.0)
            now = shown(values[-1]) if np.isfinite(values[-1]) else "–"
            label = f"{name}: {words}" if len(cage.minutes) > 1 else words
            rows.append((label, day_bars(values, highest), now, usual))
    first = to_time((today - _DAYS + 1) * DAY * MINUTE_US)
    span = f"{first:%d %b} to today (UTC days)"
    return table(("", span, "today so far", "median of earlier days"), rows, numbers=2)


def _of_days(minutes: MouseMinutes, spans: Sequence[tuple[int, int]]) -> list[_Measure]:
    """Return what a mouse did on days, each from minute to minute; NaN where there is no film."""

    def sums(name: str) -> list[float]:
        return [minutes.total(name, *span) if film else float("nan")
                for span, film in zip(spans, seconds, strict=True)]  # fmt: skip

    seconds = [minutes.total("seconds", *span) for span in spans]
    measures: list[_Measure] = [
        ("way", sums("distance_mm"), distance),
        ("time moving", sums("time_mobile_s"), duration),
        ("rearing", sums("time_rearing_s"), duration),
        ("strides", sums("strides"), count),
        ("drinking", sums("time_drinking_s"), duration),
    ]
    told = [one for one in measures if any(value > 0 for value in one[1])]
    return [*told, ("film", [one if one else float("nan") for one in seconds], duration)]


def _quality(snapshot: Snapshot, cage: CageView) -> Html | None:
    """Return what became of the frames, and how well the mice were seen."""
    accounts = cage.glance.accounts
    decoded = accounts.total - accounts.damaged - accounts.skipped
    listed = max(accounts.listed, 1)
    rows: list[Sequence[Content]] = []
    for words, number, kind in (
        ("looked at", decoded, "good"), ("left out to catch up", accounts.skipped, "warning"),
        ("damaged", accounts.damaged, "error"), ("waiting", accounts.waiting, "idle"),
        ("in parked files", accounts.parked, "error"), ("in files that got lost", accounts.lost,
        "error"), ("promised by files, not there", max(accounts.missing, 0), "error"),
    ):  # fmt: skip
        if number or words == "looked at":
            share = number / listed
            rows.append((words, meter(share, kind, words), percent(share), count(number)))
    if decoded:
        share = accounts.seen / decoded
        rows.append(("a mouse seen", meter(share, "good", "seen"), percent(share),
                     count(accounts.seen)))  # fmt: skip
    stop = to_number(snapshot.moment) // MINUTE_US + 1
    for name, minutes in cage.minutes.items():
        span = (stop - DAY - minutes.first, stop - minutes.first)
        before = f"{name}: " if len(cage.minutes) > 1 else ""
        for words, column in (("confidence of keypoints", "confidence"),
                              ("keypoints inferred, not seen", "inferred")):  # fmt: skip
            mean = minutes.mean(column, *span)
            if np.isfinite(mean):
                bar = meter(mean, "good" if column == "confidence" else "idle", words)
                rows.append((before + words, bar, percent(mean), ""))
        residual = minutes.mean("residual_px", *span)
        if np.isfinite(residual):
            rows.append((f"{before}pose to keypoints", "", f"{residual:.1f} px", ""))
    return _panel("Frames and data, 24 h", table(("", "", "share", "frames"), rows, numbers=2))


def _work(cage: CageView) -> Html | None:
    """Return how many segments are in which state, by stage."""
    states = [state for state in State
              if any(of.get(state) for of in cage.glance.states.values())]  # fmt: skip
    rows = [
        (stage.value, *(count(cage.glance.states.get(stage, {}).get(state, 0)) for state in states))
        for stage in Stage
    ]
    told = table(("stage", *(state.value for state in states)), rows, numbers=len(states))
    ends = [f"{words} up to {moment:%Y-%m-%d %H:%M:%S} UTC"
            for words, moment in (("film", cage.glance.newest), ("keypoints", cage.glance.looked),
                                  ("measures", cage.glance.measured)) if moment]  # fmt: skip
    return _panel("Segments, 24 h", told, element("p", "; ".join(ends), class_="quiet"))


def _troubles(view: View, snapshot: Snapshot, cage: CageView) -> Html | None:
    """Return what was given up, with its log, and a button to try it again."""
    items = []
    for trouble in cage.troubles[:_LISTED]:
        segment = trouble.segment
        again = None
        if view.settings.token:
            again = action("Try again", "retry", segment=segment.id)
        log = trouble.log[-_LOG:]
        items.append(element(
            "li",
            element("div", view.when(segment.start, snapshot.moment), " ",
                    element("b", f"{trouble.stage.value} {trouble.state.value}"), " ",
                    element("span", short(trouble.reason), class_="words"), again, class_="row"),
            element("p", segment.path, class_="quiet"),
            element("details", element("summary", f"log, after {trouble.tries} tries"),
                    element("pre", log), data_fold=segment.id) if log else None,
        ))  # fmt: skip
    return _panel("Given up", element("ul", *items, class_="troubles"), when=bool(items))


def _events(view: View, snapshot: Snapshot, cage: CageView) -> Html | None:
    rows = [
        (view.when(event.time, snapshot.moment), chip(event.kind, _level(event.level)),
         short(event.text))
        for event in cage.events
    ]  # fmt: skip
    none = element("p", "Nothing happened in the last 7 days.", class_="quiet")
    return _panel("Events", table(("when", "", ""), rows) if rows else none)


def _gaps(view: View, snapshot: Snapshot, cage: CageView) -> Html | None:
    gaps = sorted(cage.gaps, key=lambda gap: gap.start, reverse=True)[:_LISTED]
    rows = [
        (view.when(gap.start, snapshot.moment), view.when(gap.stop, snapshot.moment),
         duration((gap.stop - gap.start) / timedelta(seconds=1)), short(gap.reason))
        for gap in gaps
    ]  # fmt: skip
    none = element("p", "There is film of all of the last 24 hours that were recorded.",
                   class_="quiet")  # fmt: skip
    return _panel("Gaps", table(("from", "to", "length", "why"), rows) if rows else none)


def _level(level: str) -> str:
    return {"info": "idle"}.get(level, level if level in LEVELS else "idle")
