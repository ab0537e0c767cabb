"""What became of the film of each cage in the last day, segment by segment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.tables import events, segments, stages, to_number, to_time
from mousepose.monitor.records import Event, Stage, State
from mousepose.types import Ints

#: us in a second.
SECOND = 1_000_000
#: Segments whose length tells that of the next ones.
_LATEST = 20


@dataclass(frozen=True, eq=False)
class Film:
    """The segments (N,) of a cage in the order of time.

    `start` and `stop` are us from 1970; `looked` tells which POINTS is done of, `given_up` which
    are parked or lost. Of the first `decoded` counts the frames that were looked at, and `seen`
    those that show a mouse.
    """

    start: Ints
    stop: Ints
    looked: NDArray[np.bool_]
    given_up: NDArray[np.bool_]
    decoded: Ints
    seen: Ints

    @property
    def usual_s(self) -> float:
        """How long segments are, s; 0 where there are none."""
        lengths = (self.stop - self.start)[-_LATEST:] / SECOND
        return float(np.median(lengths)) if len(lengths) else 0.0

    @property
    def last(self) -> tuple[datetime, datetime] | None:
        """When the last segment that was looked at begins and ends."""
        places = np.flatnonzero(self.looked)
        if not len(places):
            return None
        return to_time(int(self.start[places[-1]])), to_time(int(self.stop[places[-1]]))

    @property
    def last_seen(self) -> float:
        """The share of the last segment's frames that show a mouse; 1 where nothing is known."""
        places = np.flatnonzero(self.looked & (self.decoded > 0))
        return float(self.seen[places[-1]] / self.decoded[places[-1]]) if len(places) else 1.0

    @property
    def unseen_s(self) -> float:
        """Seconds of film, up to the last that was looked at, in which no mouse is seen."""
        told = self.looked & (self.decoded > 0)
        seen = np.flatnonzero(told & (self.seen > 0))
        after = np.flatnonzero(told & (np.arange(len(told)) > (seen[-1] if len(seen) else -1)))
        return float((self.stop - self.start)[after].sum() / SECOND)

    def strip(self, start: int, stop: int, count: int) -> list[str]:
        """Return what is known of `count` equal stretches from `start` to `stop` us.

        Each is "seen", "unseen", "waiting", "lost" or "none", whichever most of it is.
        """
        edges = np.linspace(start, stop, count + 1)
        kinds = np.select(
            [self.given_up, ~self.looked, self.seen * 20 < self.decoded, self.decoded == 0],
            ["lost", "waiting", "unseen", "lost"],
            "seen",
        )
        names = ("seen", "unseen", "waiting", "lost")
        covered = np.zeros((len(names) + 1, count))
        for number, name in enumerate(names):
            own = kinds == name
            covered[number] = _covered(self.start[own], self.stop[own], edges)
        covered[-1] = np.diff(edges) - covered[:-1].sum(axis=0)
        return [(*names, "none")[place] for place in covered.argmax(axis=0)]


def _covered(start: Ints, stop: Ints, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each stretch between `edges` lies in segments that do not overlap."""
    ends = np.concatenate([start, stop]).astype(np.float64)
    steps = np.concatenate([np.ones(len(start)), -np.ones(len(stop))])
    order = np.argsort(ends, kind="stable")
    ends, inside = ends[order], np.cumsum(steps[order]) > 0
    if not len(ends):
        return np.zeros(len(edges) - 1)
    before = np.concatenate([[0.0], np.cumsum(np.diff(ends) * inside[:-1])])
    return np.asarray(np.diff(np.interp(edges, ends, before)))


def films(ledger: Ledger, since: datetime) -> dict[str, Film]:
    """Return the film of each cage of segments that start since a time."""
    query = (
        select(
            segments.c.cage, segments.c.start, segments.c.seconds, stages.c.state,
            segments.c.total, segments.c.damaged, segments.c.skipped, segments.c.seen,
        )
        .join(stages, stages.c.segment_id == segments.c.id)
        .where(stages.c.stage == Stage.POINTS, segments.c.start >= to_number(since))
        .order_by(segments.c.cage, segments.c.start)
    )  # fmt: skip
    by_cage: dict[str, list[Any]] = {}
    for row in ledger.database.rows(query):
        by_cage.setdefault(row.cage, []).append(row)
    return {cage: _film(rows) for cage, rows in by_cage.items()}


def _film(rows: list[Any]) -> Film:
    start = np.array([row.start for row in rows], np.int64)
    length = np.array([row.seconds for row in rows], np.float64) * SECOND
    state = np.array([row.state for row in rows])
    counts = np.array(
        [[row.total or 0, row.damaged or 0, row.skipped or 0, row.seen or 0] for row in rows],
        np.int64,
    )
    return Film(
        start, start + np.rint(length).astype(np.int64), state == State.DONE,
        np.isin(state, [State.PARKED, State.LOST]), counts[:, 0] - counts[:, 1] - counts[:, 2],
        counts[:, 3],
    )  # fmt: skip


def last_events(
    ledger: Ledger, kinds: Collection[str], since: datetime
) -> Mapping[tuple[str, str], Event]:
    """Return the last event of each cage and kind since a time."""
    query = (
        select(events)
        .where(events.c.kind.in_(list(kinds)), events.c.time >= to_number(since))
        .order_by(events.c.time, events.c.number)
    )
    return {
        (row.cage, row.kind): Event(row.cage, to_time(row.time), row.kind, row.text, row.level)
        for row in ledger.database.rows(query)
    }
