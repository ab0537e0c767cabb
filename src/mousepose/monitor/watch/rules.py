"""What is wrong in a room: one rule a function, over facts that were read before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mousepose.monitor.ledger.overview import CageGlance, Trouble
from mousepose.monitor.ledger.tables import to_number
from mousepose.monitor.records import Event, State
from mousepose.monitor.watch.alert_book import Finding, Key
from mousepose.monitor.watch.baseline import Against, against_usual
from mousepose.monitor.watch.disks import Disk
from mousepose.monitor.watch.film import Film
from mousepose.monitor.watch.history import MINUTE_US, MouseMinutes
from mousepose.monitor.watch.words import duration, percent, size
from mousepose.types import Floats

if TYPE_CHECKING:
    from mousepose.monitor.room_watch import Alerts

#: A disk with less than this share of the wished room, or full within these hours, is an error.
_NEARLY_FULL, _SOON = 0.3, timedelta(hours=12)
#: A camera that was moved is told for so long: its calibration may be wrong since.
MOVED_FOR = timedelta(hours=24)
#: Minutes that the last segment may be old for an animal's movement to be told as of now.
_FRESH_MINUTES = 180
#: An alert on activity ends above this many times the limit, so that it does not come and go.
_OVER = 1.5


@dataclass(frozen=True, eq=False)
class Facts:
    """What rules look at: the cages, their film, minutes and last events, and the disks.

    `raised` are the alerts that last; no new film is awaited of `lists`.
    """

    now: datetime
    cages: Sequence[CageGlance]
    films: Mapping[str, Film] = field(default_factory=dict)
    minutes: Mapping[str, Mapping[str, MouseMinutes]] = field(default_factory=dict)
    events: Mapping[tuple[str, str], Event] = field(default_factory=dict)
    troubles: Sequence[Trouble] = ()
    disks: Sequence[Disk] = ()
    raised: frozenset[Key] = frozenset()
    lists: frozenset[str] = frozenset()


@dataclass(eq=False)
class Judgement:
    """What was found, and which kinds cannot be told now, by cage and kind."""

    findings: list[Finding] = field(default_factory=list)
    unknown: set[tuple[str, str]] = field(default_factory=set)


def judge(facts: Facts, limits: Alerts) -> Judgement:
    """Return what is wrong in a room now."""
    found = Judgement()
    for cage in facts.cages:
        film = facts.films.get(cage.cage)
        found.findings += gone(facts, cage, limits)
        found.findings += behind(cage, limits)
        if film is None or film.last is None:
            found.unknown |= {(cage.cage, kind) for kind in ("dark", "unseen")}
        else:
            found.findings += dark(facts, cage, film)
            found.findings += unseen(cage, film, limits)
        found.findings += moved(facts, cage)
        found.findings += parked(facts, cage)
        _judge_animals(facts, cage, limits, found)
    found.findings += filling(facts, limits)
    return found


def gone(facts: Facts, cage: CageGlance, limits: Alerts) -> Iterator[Finding]:
    """No new film comes of a cage."""
    if cage.newest is None or cage.cage in facts.lists:
        return
    age = (facts.now - cage.newest).total_seconds()
    film = facts.films.get(cage.cage)
    if age > awaited_s(film, limits):
        text = f"no film comes since {duration(age)}: is the camera or its recorder gone?"
        yield Finding(cage.cage, "gone", text, "error")


def awaited_s(film: Film | None, limits: Alerts) -> float:
    """Return the seconds without new film after which a camera is gone.

    A segment is told when it is complete, so the length of one is allowed for.
    """
    return 60 * limits.gone_minutes + 1.5 * (0.0 if film is None else film.usual_s)


def behind(cage: CageGlance, limits: Alerts) -> Iterator[Finding]:
    """More film waits than may."""
    if cage.backlog_s > 60 * limits.behind_minutes:
        text = f"falls behind: {duration(cage.backlog_s)} of film wait to be looked at"
        yield Finding(cage.cage, "behind", text)


def dark(facts: Facts, cage: CageGlance, film: Film) -> Iterator[Finding]:
    """The last film shows nothing: a lens cap, no light."""
    event = facts.events.get((cage.cage, "dark"))
    if event is None or film.last is None or film.last_seen > 0.5:
        return
    start, stop = film.last
    if start <= event.time < stop:
        yield Finding(cage.cage, "dark", event.text, "error")


def moved(facts: Facts, cage: CageGlance) -> Iterator[Finding]:
    """The camera was moved: what is in space may be wrong since."""
    event = facts.events.get((cage.cage, "moved"))
    if event is not None and facts.now - event.time < MOVED_FOR:
        text = f"{event.text}: check the camera, and calibrate it anew if it stays so"
        yield Finding(cage.cage, "moved", text)


def unseen(cage: CageGlance, film: Film, limits: Alerts) -> Iterator[Finding]:
    """No mouse is seen for long, though there is a picture."""
    if film.unseen_s > 60 * limits.unseen_minutes:
        text = f"no mouse is seen in the last {duration(film.unseen_s)} of film"
        yield Finding(cage.cage, "unseen", text)


def parked(facts: Facts, cage: CageGlance) -> Iterator[Finding]:
    """Segments failed so often that they wait for someone."""
    own = [one for one in facts.troubles
           if one.state == State.PARKED and one.segment.cage == cage.cage]  # fmt: skip
    if own:
        count = "1 segment is" if len(own) == 1 else f"{len(own)} segments are"
        yield Finding(cage.cage, "parked", f"{count} parked; the last one: {own[0].reason[:500]}")


def filling(facts: Facts, limits: Alerts) -> Iterator[Finding]:
    """A disk has little room left, or will have none soon."""
    for disk in facts.disks:
        low = disk.free_percent < limits.disk_free_percent
        soon = disk.full is not None and disk.full - facts.now < _SOON
        if not (low or soon):
            continue
        bad = soon or disk.free_percent < _NEARLY_FULL * limits.disk_free_percent
        text = f"{size(disk.free)} ({percent(disk.free_percent / 100)}) are free at {disk.folder}"
        if disk.full is not None:
            text += f", full in about {duration((disk.full - facts.now).total_seconds())}"
        yield Finding("", "disk", text, "error" if bad else "warning", disk.folder)


def still(facts: Facts, cage: str, limits: Alerts) -> Against | None:
    """Return how much the animals of a cage move against their usual, None for no minutes."""
    return _against(facts, cage, "time_mobile_s", limits.activity_hours, limits.activity_share,
                    limits.baseline_days)  # fmt: skip


def thirst(facts: Facts, cage: str, limits: Alerts) -> Against | None:
    """Return how much the animals of a cage drink against their usual, None for no minutes."""
    mice = facts.minutes.get(cage, {}).values()
    if not any(mouse.of("time_drinking_s").any() for mouse in mice):
        return None
    return _against(facts, cage, "time_drinking_s", limits.drinking_hours, limits.drinking_share,
                    limits.baseline_days)  # fmt: skip


def _against(
    facts: Facts, cage: str, what: str, hours: float, share: float, least_days: float
) -> Against | None:
    mice = list(facts.minutes.get(cage, {}).values())
    if not mice:
        return None
    measured = max(_last_minute(mouse.of("seconds"), mouse.first) for mouse in mice)
    if to_number(facts.now) // MINUTE_US - measured > _FRESH_MINUTES:
        return None
    return against_usual(mice, what, measured, round(60 * hours), share, least_days)


def _last_minute(seconds: Floats, first: int) -> int:
    """Return the minute after the last one of which there is film."""
    known = seconds.nonzero()[0]
    return first + (int(known[-1]) + 1 if len(known) else 0)


def _judge_animals(facts: Facts, cage: CageGlance, limits: Alerts, found: Judgement) -> None:
    """Animals that stopped moving or drinking; nothing is said of a cage without a picture."""
    blind = any(one.cage == cage.cage and one.kind in ("dark", "gone") for one in found.findings)
    for kind, verb, hours, against in (
        ("still", "moves", limits.activity_hours, still(facts, cage.cage, limits)),
        ("thirst", "drinks", limits.drinking_hours, thirst(facts, cage.cage, limits)),
    ):
        if against is None or against.holds is None or blind:
            found.unknown.add((cage.cage, kind))
            continue
        assert against.now is not None and against.usual is not None and against.low is not None
        lasts = (cage.cage, kind, "") in facts.raised and against.now < _OVER * against.low
        if against.holds or lasts:
            who = "the animal" if cage.animals in (None, 1) else "one of the animals"
            text = (
                f"{who} {verb} {percent(against.now)} of the time in the last {hours:g} h; usual "
                f"in these hours: {percent(against.usual)} (median of {against.days} earlier days)"
            )
            found.findings.append(Finding(cage.cage, kind, text, "error"))
