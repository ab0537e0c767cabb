"""The ledger: what is known of every segment, and who may do what with it next.

It is what makes the work be done exactly once: a stage's files, events and counts become visible in
one transaction, and only for the one that holds the stage's token. Whoever dies leaves a lease that
runs out, and files that no one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from mousepose.closing import Closing
from mousepose.extras import needed
from mousepose.monitor.records import Event, Gap, Outcome, Segment, Stage, State, Task, Written

needed("monitor", "the ledger", "sqlalchemy")

from sqlalchemy import select  # noqa: E402

from mousepose.monitor.ledger import arrivals, claims, parts  # noqa: E402
from mousepose.monitor.ledger.database import Database  # noqa: E402
from mousepose.monitor.ledger.rows import in_batches, segment_of, segment_row, tell  # noqa: E402
from mousepose.monitor.ledger.tables import segments, stages, to_number  # noqa: E402

if TYPE_CHECKING:
    from sqlalchemy import Connection

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Ledger(Closing):
    """The ledger of a room in a database; any thread may use it, and other processes open it too.

    Every method is one transaction. Raises `FileError` where the database is out of reach for
    longer than the patience given to `open`, `InputError` for what cannot be meant.
    """

    def __init__(self, database: Database, clock: Clock, patience: claims.Patience) -> None:
        self.database = database
        self.clock = clock
        self._patience = patience

    @classmethod
    def open(
        cls,
        url: str,
        clock: Clock = utc_now,
        tries: int = 3,
        interruptions: int = 10,
        patience_s: float = 60.0,
        create: bool = True,
    ) -> Ledger:
        """Return the ledger at `url`, sqlite:///FILE or postgresql+pg8000://..., made if new.

        A stage that failed `tries` times or was cut off `interruptions` times is parked. Without
        `create` a ledger that is not there is a `FileError`.
        """
        patience = claims.Patience(tries, interruptions)
        return cls(Database(url, patience_s, create), clock, patience)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    # -- what sources tell -----------------------------------------------------------------------

    def add_cages(self, animals: Mapping[str, int]) -> None:
        """Add cages, or tell anew how many animals they have."""
        self.database.write(lambda it: arrivals.add_cages(it, animals))

    def add_segment(self, segment: Segment) -> bool:
        """Add a segment to be worked on; return whether it is new.

        The same content at the same start is known already. Another file at that start, after a
        clock was set back, is taken a microsecond later, told as the event "overlap"; nothing is
        lost, nothing overwritten. A file that changed at its place is taken as it is now while its
        frames are not read yet; else the event "changed" tells of it. One that follows a segment
        whose border is closed begins a track of its own, told as the event "late".
        """
        return self.database.write(lambda it: arrivals.add_segment(it, segment, self._now()))

    def add_gap(self, gap: Gap) -> bool:
        """Add a gap; one that is told again with a later end gets longer. Return if it is new."""
        return self.database.write(lambda it: arrivals.add_gap(it, gap))

    def add_event(self, event: Event) -> bool:
        """Add an event; return whether it was not there yet."""
        return self.database.write(lambda it: bool(tell(it, [event])))

    def close_border(self, segment_id: str) -> bool:
        """No segment will follow this one; return whether one still could."""
        return self.database.write(lambda it: arrivals.close_border(it, segment_id))

    def close_borders(self, timeout_s: float, but: Collection[str] = ()) -> list[str]:
        """Close the borders of segments whose next one is overdue, and return their ids.

        It is when more than the segment's own length and `timeout_s` passed since it was added. Of
        the cages `but` it is not: more is known to come.
        """
        return self.database.write(
            lambda it: arrivals.close_borders(it, timeout_s, frozenset(but), self._now())
        )

    def mark_lost(self, segment_id: str, reason: str) -> bool:
        """The file of a segment is gone before it was read; return whether it was to be read."""
        return self.database.write(
            lambda it: arrivals.mark_lost(it, segment_id, reason, self._now())
        )

    # -- work ------------------------------------------------------------------------------------

    def claim(
        self, worker: str, limit: int, lease_s: float, every: Mapping[str, int] | None = None
    ) -> list[Task]:
        """Take up to `limit` stages that are ready, each held for `lease_s` seconds.

        Cages take turns, the oldest segment of a cage first, and of that the first stage. `every`
        tells by cage that only every k-th frame is looked at; a segment keeps what it got first.
        """
        steps = every or {}
        return self.database.write(
            lambda it: claims.claim(it, worker, limit, self._in(lease_s), steps, self._now())
        )

    def beat(self, tokens: Collection[str], lease_s: float) -> frozenset[str]:
        """Hold on to work for `lease_s` more seconds; return the tokens that hold nothing more."""
        return self.database.write(lambda it: claims.beat(it, tokens, self._in(lease_s)))

    def commit(self, outcome: Outcome) -> bool:
        """Make what a stage gave count: files, events and frames at once, and the stage done.

        Return False, and do nothing, where its token holds the stage no more. Told again with the
        same token it is done already, and the answer is True.
        """
        return self.database.write(lambda it: claims.commit(it, outcome, self._now()))

    def fail(self, token: str, reason: str, log: str = "") -> State | None:
        """Note that a stage failed: tried again after a pause, or parked with the end of its log.

        Return its new state, None where the token holds nothing.
        """
        return self.database.write(
            lambda it: claims.fail(it, token, reason, log, self._patience, self._now())
        )

    def give_back(self, tokens: Collection[str]) -> int:
        """Let others do what was stopped on purpose; return how many stages that are."""
        return self.database.write(lambda it: claims.give_back(it, tokens, self._now()))

    def release_worker(self, worker: str) -> int:
        """Let others do what a worker that is gone held; return how many stages that are."""
        return self.database.write(
            lambda it: self._interrupt(it, claims.held_by(it, worker), f"{worker} is gone")
        )

    def release_expired(self) -> int:
        """Let others do what is held by a lease that ran out; return how many stages that are."""
        return self.database.write(
            lambda it: self._interrupt(it, claims.expired(it, self._now()), "its lease ran out")
        )

    def interrupt(self, tokens: Collection[str], reason: str) -> int:
        """Let others do what was cut off, as its worker died; return how many stages that are."""
        return self.database.write(lambda it: self._interrupt(it, tokens, reason))

    def postpone(self, tokens: Collection[str], seconds: float, reason: str) -> int:
        """Let what cannot be done now be tried again in some time; it counts as no try.

        As where a disk is full or a folder is out of reach. Return how many stages that are.
        """
        return self.database.write(
            lambda it: claims.postpone(it, tokens, self._in(seconds), reason, self._now())
        )

    def retry(self, segment_id: str) -> bool:
        """Try a segment again that is parked or lost; return whether it was."""
        return self.database.write(lambda it: claims.retry(it, segment_id, self._now()))

    # -- what is known ---------------------------------------------------------------------------

    def segment(self, segment_id: str) -> Segment:
        """Return a segment; it follows another where the ledger joined them."""
        return self.database.read(lambda it: segment_of(segment_row(it, segment_id)))

    def latest(self, cage: str) -> Segment | None:
        """Return the segment of a cage that starts last, None where there is none."""
        query = select(segments).where(segments.c.cage == cage)
        rows = self.database.rows(query.order_by(segments.c.start.desc()).limit(1))
        return segment_of(rows[0]) if rows else None

    def segments(self, cage: str) -> list[Segment]:
        """Return all segments of a cage, in the order of time."""
        query = select(segments).where(segments.c.cage == cage).order_by(segments.c.start)
        return [segment_of(row) for row in self.database.rows(query)]

    def known(self, cage: str, paths: Collection[str]) -> dict[str, str]:
        """Return those of some files that are segments of a cage, each with its last digest."""
        found: dict[str, str] = {}
        for some in in_batches(paths):
            query = select(segments.c.path, segments.c.digest).where(
                segments.c.cage == cage, segments.c.path.in_(some)
            )
            for row in self.database.rows(query.order_by(segments.c.start)):
                found[row.path] = row.digest
        return found

    def states(self, segment_id: str) -> dict[Stage, State]:
        """Return how far the stages of a segment are."""
        query = select(stages.c.stage, stages.c.state).where(stages.c.segment_id == segment_id)
        rows = self.database.rows(query.order_by(stages.c.position))
        return {Stage(row.stage): State(row.state) for row in rows}

    # -- files -----------------------------------------------------------------------------------

    def files(
        self,
        table: str,
        cage: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Written]:
        """Return the files of a table that count, with rows from `since` on and before `until`."""
        return self.database.read(lambda it: parts.live_files(it, table, cage, since, until))

    def day_parts(self, table: str, cage: str, day: date) -> list[Written]:
        """Return what segments gave for a table on a cage's day, in the order of time."""
        return self.database.read(lambda it: parts.day_parts(it, table, cage, day))

    def scattered_days(self, table: str, before: date) -> list[tuple[str, date]]:
        """Return cages and days that are over, have several files and nothing left to be done."""
        return self.database.read(lambda it: parts.scattered_days(it, table, before))

    def replace_files(self, old: Sequence[Written], new: Sequence[Written]) -> bool:
        """Let the rows of `old` be read from where they were copied to, `new`, one for one.

        The old files count no more from then on. Return False, and do nothing, where they are not
        what counts now, or not all that their files hold.
        """
        return self.database.write(lambda it: parts.replace_parts(it, old, new, self._now()))

    def retire(self, table: str, before: datetime) -> int:
        """Let files of a table count no more whose last row is older; return how many."""
        return self.database.write(lambda it: parts.retire(it, table, before, self._now()))

    def removable(self, grace_s: float) -> list[str]:
        """Return the files that count no more since `grace_s` seconds: no one reads them now."""
        return self.database.read(lambda it: parts.removable(it, self._in(-grace_s)))

    def forget(self, keys: Collection[str]) -> None:
        """Leave out files that are removed; those that count stay."""
        self.database.write(lambda it: parts.forget(it, keys))

    def orphans(self, keys: Collection[str]) -> list[str]:
        """Return those files that are neither known nor of a segment that is being worked on."""
        return self.database.read(lambda it: parts.orphans(it, keys))

    def _interrupt(self, connection: Connection, tokens: Collection[str], reason: str) -> int:
        return claims.interrupt(connection, tokens, reason, self._patience, self._now())

    def _now(self) -> int:
        return to_number(self.clock())

    def _in(self, seconds: float) -> int:
        return to_number(self.clock() + timedelta(seconds=seconds))
