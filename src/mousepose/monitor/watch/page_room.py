"""The page of the room: every cage at a glance, made for a wall and for a phone."""

from __future__ import annotations

from collections import Counter

from mousepose.monitor.watch.baseline import Against
from mousepose.monitor.watch.charts import (
    DayOfActivity,
    activity_chart,
    day_of_activity,
    hours,
    legend,
    scale,
)
from mousepose.monitor.watch.html import Content, Html, element
from mousepose.monitor.watch.page import (
    View,
    alert_list,
    chip,
    page,
    picture,
    short,
    stale_note,
    top,
)
from mousepose.monitor.watch.snapshot import LEVELS, CageView, Snapshot
from mousepose.monitor.watch.words import count, duration, percent, rough, size

#: Alerts that are shown before the others are folded away.
_ALERTS = 4


def room_page(view: View, snapshot: Snapshot) -> str:
    """Return the page of all cages."""
    days = {cage.name: day_of_activity(cage.minutes.values(), snapshot.moment)
            for cage in snapshot.cages}  # fmt: skip
    highest = scale(days.values())
    cards = [card(view, snapshot, cage, days[cage.name], highest) for cage in snapshot.cages]
    empty = None if cards else element("p", "No cage is known yet.", class_="note")
    return page(
        view,
        f"{_title(snapshot)}{view.settings.title}",
        top(view, snapshot, view.settings.title, *_counts(snapshot)),
        stale_note(view),
        *(element("p", short(warning), class_="note warning") for warning in snapshot.warnings),
        _alerts(view, snapshot),
        empty,
        element("section", *cards, class_="cages"),
        legend() if cards else None,
        _foot(view, snapshot),
    )


def card(
    view: View, snapshot: Snapshot, cage: CageView, day: DayOfActivity, highest: float
) -> Html:
    """Return a cage at a glance."""
    glance = cage.glance
    newest = cage.pictures[0] if cage.pictures else None
    lag = "–" if glance.lag_s is None else duration(glance.lag_s)
    worst = [alert for alert in cage.alerts if alert.cleared is None and not alert.acknowledged]
    worst.sort(key=lambda alert: -LEVELS.index(alert.level) if alert.level in LEVELS else 0)
    mice = "" if not glance.animals else "1 mouse" if glance.animals == 1 else (
        f"{glance.animals} mice")  # fmt: skip
    chart = (activity_chart(day, cage.film, view.settings, highest)
             if cage.minutes or cage.film is not None else None)  # fmt: skip
    return element(
        "article",
        element(
            "div",
            element("h2", element("a", cage.name, href=view.link("/cage", name=cage.name))),
            element("span", mice, class_="quiet"),
            chip(cage.state, cage.level),
            class_="name",
        ),
        element("p", short(worst[0].text), class_=f"say {worst[0].level}") if worst else None,
        element(
            "div",
            element("a", picture(view, cage.name, newest, snapshot.moment),
                    href=view.link("/cage", name=cage.name),
                    aria_label=f"Cage {cage.name} in detail"),
            element("dl", *facts(view, cage), _fact("behind", lag, _waiting(cage))),
            class_="middle",
        ),
        chart, hours(day, view.settings) if chart is not None else None,
        class_=f"card {cage.level}",
    )  # fmt: skip


def _waiting(cage: CageView) -> str:
    """Return how much film waits, in words."""
    return f"{duration(cage.glance.backlog_s)} wait" if cage.glance.backlog_s else ""


def facts(view: View, cage: CageView) -> list[Html]:
    """Return the numbers of a card: how much the mouse moves, and how good the data is."""
    accounts = cage.glance.accounts
    decoded = accounts.total - accounts.damaged - accounts.skipped
    lost = accounts.damaged + accounts.skipped + accounts.parked + accounts.lost
    listed = accounts.listed - accounts.waiting
    moves, usual = moving(cage.moves)
    return [
        _fact(f"moving, {view.settings.alerts.activity_hours:g} h", moves, usual),
        _fact("mouse seen, 24 h", percent(accounts.seen / decoded) if decoded else "–",
              f"of {rough(decoded)}"),
        _fact("frames not used", percent(lost / listed) if listed else "–",
              "" if not lost else _reasons(cage)),
    ]  # fmt: skip


def moving(against: Against | None) -> tuple[str, str]:
    """Return how much an animal moves now, and what is usual, in words."""
    if against is None or against.now is None:
        return "–", "not measured"
    if against.usual is None:
        days = "1 day" if against.days == 1 else f"{against.days} days"
        return percent(against.now), f"{days} known" if against.days else "new"
    return percent(against.now), f"usual {percent(against.usual)}"


def _fact(what: str, value: str, more: str) -> Html:
    return element(
        "div", element("dt", what), element("dd", element("b", value), " ", element("span", more))
    )


def _reasons(cage: CageView) -> str:
    accounts = cage.glance.accounts
    told = {"skipped": accounts.skipped, "damaged": accounts.damaged, "parked": accounts.parked,
            "lost": accounts.lost}  # fmt: skip
    return max(told, key=lambda name: told[name]) + " most"


def _counts(snapshot: Snapshot) -> list[Content]:
    """Return how many cages are in each state, the worst first."""
    states = Counter((cage.level, cage.state) for cage in snapshot.cages)
    ordered = sorted(states.items(), key=lambda item: (-LEVELS.index(item[0][0]), -item[1]))
    return [chip(f"{state} · {number}", level) for (level, state), number in ordered]


def _title(snapshot: Snapshot) -> str:
    lasting = [one for one in snapshot.alerts if one.cleared is None and not one.acknowledged]
    return f"({len(lasting)}) " if lasting else ""


def _alerts(view: View, snapshot: Snapshot) -> Html | None:
    """Return alerts that last; those someone knows of come last."""
    lasting = [alert for alert in snapshot.alerts if alert.cleared is None]
    lasting.sort(key=lambda alert: (alert.acknowledged is not None, alert.level != "error"))
    if not lasting:
        return None
    first = alert_list(view, lasting[:_ALERTS], snapshot.moment, with_cage=True)
    rest: Html | None = None
    if len(lasting) > _ALERTS:
        more = alert_list(view, lasting[_ALERTS:], snapshot.moment, with_cage=True)
        rest = element("details", element("summary", f"{len(lasting) - _ALERTS} more"), more,
                       data_fold="alerts")  # fmt: skip
    return element("section", first, rest, class_="panel", aria_label="Alerts")


def _foot(view: View, snapshot: Snapshot) -> Html:
    accounts = snapshot.accounts
    total = sum(bytes_ for _, bytes_ in snapshot.stored.values())
    parts: list[Content] = [
        element("span", f"{count(accounts.total)} frames in 24 h"),
        element("span", f"{count(accounts.waiting)} waiting"),
        element("span", f"{size(total)} in the store"),
        *(element("span", f"{size(disk.free)} free ({percent(disk.free_percent / 100)}) at "
                  f"{disk.folder}") for disk in snapshot.disks),
    ]  # fmt: skip
    if snapshot.untold:
        parts.append(element("span", f"{snapshot.untold} alerts wait for the webhook"))
    links = [element("a", words, href=address)
             for words, address in (("health", "/health"), ("metrics", "/metrics"))]  # fmt: skip
    return element("footer", *parts, *links)
