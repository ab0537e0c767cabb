"""A room that is watched: cages with film, minutes, events and alerts in a ledger and a store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import insert

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.tables import cages
from mousepose.monitor.records import Event, FrameCount, Outcome, Segment, Stage, Written
from mousepose.monitor.store.store import Store

#: When all is told: a Friday night.
NOW = datetime(2026, 5, 15, 21, 40, tzinfo=UTC)
FPS = 24.0


def jpeg(level: int = 90, width: int = 64, height: int = 36) -> bytes:
    """Return a small grey picture."""
    from PIL import Image

    written = BytesIO()
    Image.new("RGB", (width, height), (level, level, level)).save(written, "JPEG")
    return written.getvalue()


@dataclass
class Room:
    """A ledger and a store with a clock that is set by hand."""

    folder: Path
    now: datetime = NOW
    ledger: Ledger = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{self.folder / 'ledger.db'}"
        self.ledger = Ledger.open(url, clock=lambda: self.now)
        self.store = Store(str(self.folder / "store"), "study")

    def close(self) -> None:
        self.ledger.close()

    def add_cages_past_the_door(self, names: Sequence[str]) -> None:
        """Add cages with names that the ledger refuses, as one who can write to its database."""
        rows = [{"name": name, "animals": 1, "settled": False} for name in names]
        self.ledger.database.write(lambda it: it.execute(insert(cages), rows))

    def segment(self, cage: str, start: datetime, minutes: float = 10.0) -> Segment:
        """Add a segment that waits."""
        seconds = 60 * minutes
        path = f"/videos/{cage}/{start:%Y-%m-%d_%H-%M-%S}.mp4"
        one = Segment(cage, start, path, round(FPS * seconds), FPS, seconds, f"{cage}{start}")
        assert self.ledger.add_segment(one)
        self.ledger.close_border(one.id)
        return one

    def work(
        self,
        share: float | None = 0.3,
        seen: float = 0.98,
        skipped: float = 0.0,
        picture: bytes | None = None,
        events: tuple[Event, ...] = (),
        mice: tuple[str, ...] = ("mouse0",),
    ) -> None:
        """Do all that waits; `share` of the time is spent moving, None: as the hour has it."""
        while tasks := self.ledger.claim("tests", 200, 600.0):
            for task in tasks:
                one = task.segment
                frames, written = FrameCount(), []
                if task.stage == Stage.POINTS:
                    left = round(one.frames * skipped)
                    decoded = one.frames - left
                    frames = FrameCount(one.frames, 0, left, round(seen * decoded))
                    if picture is not None:
                        written.append(self.store.write_bytes("picture", one, picture, ".jpg"))
                if task.stage == Stage.MEASURES:
                    written.append(self.minutes(one, share, seen, mice))
                told = tuple(e for e in events if one.start <= e.time < one.end
                             and e.cage == one.cage and task.stage == Stage.POINTS)  # fmt: skip
                spent = {"decode": 1.5, "network": 4.0}
                outcome = Outcome(
                    one.id, task.stage, task.token, frames, tuple(written), told, spent
                )
                assert self.ledger.commit(outcome)

    def minutes(
        self, one: Segment, share: float | None, seen: float, mice: tuple[str, ...]
    ) -> Written:
        """Write the minutes of a segment."""
        count = max(round(one.seconds / 60), 1)
        rows: dict[str, list[object]] = {}
        for number, mouse in enumerate(mice):
            random = np.random.default_rng(int(one.start.timestamp()) + 7 * number)
            for minute in range(count):
                time = one.start + timedelta(minutes=minute)
                active = usual_share(time, random) if share is None else share
                told = {
                    "time": time, "mouse": mouse, "frames": 1440, "looked": 1440,
                    "seen": round(1440 * seen), "solved": round(1400 * seen), "seconds": 60.0,
                    "distance_mm": 60.0 * active * 90, "strides": round(60 * active),
                    "time_mobile_s": 60 * active, "time_rearing_s": 6 * active,
                    "confidence": 0.91, "inferred": 0.06, "residual_px": 1.4,
                }  # fmt: skip
                for name, value in told.items():
                    rows.setdefault(name, []).append(value)
        table = pa.table(rows)
        place = table.schema.get_field_index("time")
        return self.store.write(
            "minutes", one, table.set_column(place, "time", table["time"].cast(_TIME))
        )

    def days(self, cage: str, count: int, share: float | None = 0.3, **others: object) -> None:
        """Work on whole days before today's midnight, a segment of a day each."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in range(count, 0, -1):
            self.segment(cage, midnight - timedelta(days=day), 24 * 60.0)
        self.work(share, **others)  # type: ignore[arg-type]


_TIME = pa.timestamp("us", "UTC")


def usual_share(time: datetime, random: np.random.Generator) -> float:
    """Return the share of a minute that a mouse moves at a time of the day: most in the night."""
    hour = time.hour + time.minute / 60
    night = 1 / (1 + math.exp(-3 * (abs((hour - 1) % 24 - 12) - 6)))
    bout = 0.5 + 0.5 * math.sin(2 * math.pi * time.timestamp() / 5400 + random.random())
    return float(np.clip((0.04 + 0.38 * night * bout) * random.gamma(4, 0.25), 0, 1))
