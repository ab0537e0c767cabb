"""What all pages share: the frame around them, alerts, and how times are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from mousepose.monitor.records import Written
from mousepose.monitor.watch.alert_book import Alert
from mousepose.monitor.watch.html import Content, Html, element, joined
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.snapshot import Snapshot
from mousepose.monitor.watch.words import duration

#: Longest text of an alert or event that is shown.
_LONGEST = 600


@dataclass(frozen=True, eq=False)
class View:
    """How a page is shown: with the room's settings, in a `look` ("dark", "light" or "").

    `version` is that of the files that belong to the page; `stale` tells, in words, why what is
    shown is old, "" where it is not.
    """

    settings: WatchSettings
    look: str = ""
    version: str = ""
    stale: str = ""

    def link(self, page: str = "/", **values: str) -> str:
        """Return the address of another page, in the same look."""
        if self.look:
            values["look"] = self.look
        return f"{page}?{urlencode(values)}" if values else page

    def clock(self, moment: datetime, seconds: bool = False) -> str:
        """Return a time of the day on the room's clock."""
        return f"{self.settings.local(moment):%H:%M:%S}" if seconds else (
            f"{self.settings.local(moment):%H:%M}")  # fmt: skip

    def when(self, moment: datetime, now: datetime) -> Html:
        """Return a time: of the day alone where it is today."""
        local = self.settings.local(moment)
        today = local.date() == self.settings.local(now).date()
        short = f"{local:%H:%M}" if today else f"{local:%a %d %b %H:%M}"
        return element(
            "time", short, datetime=moment.isoformat(), title=f"{local:%Y-%m-%d %H:%M:%S %Z}"
        )


def page(view: View, title: str, *main: Content) -> str:
    """Return a whole page; scripts and styles are the server's own files."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content=view.look or "light dark"),
        element("title", title),
        element("link", rel="icon", href="/mark.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href=f"/watch.css?v={view.version}"),
        element("script", src=f"/watch.js?v={view.version}", defer=True),
        element("noscript", element("meta", http_equiv="refresh", content="30")),
    )
    every = f"{view.settings.refresh_s:g}"
    body = element(
        "body",
        element("p", "No connection to the monitor", id="lost", role="alert", hidden=True),
        element("main", *main),
        token_dialog() if view.settings.token else None,
        data_refresh=every,
    )
    return "<!doctype html>" + element("html", head, body, lang="en", data_look=view.look or None)


def token_dialog() -> Html:
    """Return the question for the token, which the script shows where it is needed."""
    return element(
        "dialog",
        element(
            "form",
            element("label", "The room's token", for_="token"),
            element("input", id="token", type="password", autocomplete="off", spellcheck="false"),
            element("div",
                    element("button", "Cancel", type="button", class_="quiet"),
                    element("button", "Go on", type="submit"), class_="row"),
            method="dialog",
        ),
        id="ask",
    )  # fmt: skip


def stale_note(view: View) -> Html | None:
    """Return why what is shown is old, None where it is not."""
    return element("p", view.stale, class_="note error", role="alert") if view.stale else None


def chip(words: str, level: str) -> Html:
    """Return a state in a coloured pill."""
    return element("span", words, class_=f"chip {level}")


def picture(
    view: View, cage: str, written: Written | None, now: datetime, age: bool = True
) -> Html:
    """Return a picture of a cage with its time, and its `age`; a dark field where there is none."""
    if written is None:
        return element("div", element("span", "no picture yet"), class_="picture none")
    told = f"Cage {cage}, {view.settings.local(written.last):%Y-%m-%d %H:%M:%S}"
    address = "/picture?" + urlencode({"cage": cage, "key": written.key})
    stamp = view.clock(written.last)
    if age:
        stamp = f"{stamp} · {duration((now - written.last).total_seconds())} ago"
    return element(
        "div",
        element("img", src=address, alt=told, decoding="sync"),
        element("span", stamp, class_="stamp"),
        class_="picture",
    )


def alert_list(view: View, alerts: Iterable[Alert], now: datetime, with_cage: bool) -> Html:
    """Return alerts as a list, with a button for each that no one knows of yet."""
    rows = []
    for alert in alerts:
        where: Content = None
        if with_cage and alert.cage:
            where = element(
                "a", alert.cage, href=view.link("/cage", name=alert.cage), class_="cage"
            )
        over = alert.cleared is not None
        state = "over" if over else "known" if alert.acknowledged else alert.level
        ended = joined(" – ", view.when(alert.cleared, now)) if alert.cleared else None
        button = None
        if view.settings.token and not over and alert.acknowledged is None:
            button = action("Acknowledge", "acknowledge", alert=str(alert.number))
        elif alert.acknowledged and not over:
            button = element("span", "acknowledged", class_="quiet")
        rows.append(element(
            "li", element("i", class_="dot", title=alert.level),
            element("span", view.when(alert.raised, now), ended, class_="when"), where,
            element("span", short(alert.text), class_="words"), button, class_=f"alert {state}",
        ))  # fmt: skip
    return element("ul", *rows, class_="alerts")


def action(words: str, what: str, **values: str) -> Html:
    """Return a button that asks for something to be changed; the script adds the token."""
    data = {f"data_{key}": value for key, value in values.items()}
    return element("button", words, type="button", data_action=what, **data)


def short(told: str) -> str:
    """Return a text that is not longer than people read."""
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "…"


def table(heads: Sequence[str], rows: Iterable[Sequence[Content]], numbers: int = 0) -> Html:
    """Return a table; the cells of the last `numbers` columns stand to the right."""

    def cell(name: str, place: int, content: Content) -> Html:
        right = "number" if place >= len(heads) - numbers else None
        return element(name, content, class_=right)

    head = element("tr", *(cell("th", place, words) for place, words in enumerate(heads)))
    body = [element("tr", *(cell("td", place, one) for place, one in enumerate(row)))
            for row in rows]  # fmt: skip
    return element("div", element("table", element("thead", head), element("tbody", *body)),
                   class_="scroll")  # fmt: skip


def top(view: View, snapshot: Snapshot, title: Content, *more: Content) -> Html:
    """Return the head of a page: its title, more beside it, and the room's clock."""
    local = view.settings.local(snapshot.moment)
    return element(
        "header",
        element("h1", title),
        element("div", *more, class_="chips"),
        element("time", element("b", f"{local:%H:%M}"), element("span", f"{local:%A %d %B, %Z}"),
                class_="clock", datetime=snapshot.moment.isoformat()),
    )  # fmt: skip
