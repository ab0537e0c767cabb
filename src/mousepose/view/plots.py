"""Pages of a plot: some seconds of a point's place or of an angle, with the shown moment marked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.report.angles import joint_angles
from mousepose.report.canvas import BAND_90
from mousepose.report.page_stage import Stage
from mousepose.run.report_result import Result
from mousepose.types import Floats

#: Seconds on a page, and most samples of it.
PAGE_S = 8.0
_MOST_SAMPLES = 400
_AXES = ("x", "y", "z")
_PAGES_KEPT = 8


@dataclass(frozen=True, eq=False)
class Page:
    """A stretch of time: `times` (N,) s, and of each line its `values` (N,), NaN where unknown.

    `low` and `high` (N,) bound the first line with 90 %. The plot spans `first` to `last` s.
    """

    times: Floats
    values: tuple[Floats, ...]
    low: Floats
    high: Floats
    first: float
    last: float

    def with_cursor(self, time: float) -> tuple[Floats, ...]:
        """Return x, the band's ends, the lines, and a line that stands at `time`: (N + 2,) each.

        The two added samples are at `time` itself; lines go through them undisturbed.
        """
        at = int(np.searchsorted(self.times, time))
        times = np.insert(self.times, at, [time, time])
        lines = [self.low, self.high, *self.values]
        filled = []
        for line in lines:
            now = np.nan
            if len(line):
                near = line[max(0, at - 1) : at + 1]
                now = float(near.mean()) if np.isfinite(near).all() else np.nan
            filled.append(np.insert(line, at, [now, now]))
        bottom, top = self.limits()
        cursor = np.full(len(times), np.nan)
        cursor[at : at + 2] = bottom, top
        return (times, *filled, cursor)

    def limits(self) -> tuple[float, float]:
        """Return the lowest and highest value to show, with some room; 0 and 1 without values."""
        known = np.concatenate([self.low, self.high, *self.values])
        known = known[np.isfinite(known)]
        if not len(known):
            return 0.0, 1.0
        low, high = float(known.min()), float(known.max())
        room = max(0.05 * (high - low), 0.5)
        return low - room, high + room


class Pages:
    """Reads pages of results that are shown together, each by its own times; keeps the last few."""

    def __init__(
        self, results: Sequence[Result], stages: Sequence[Stage], body: BodyModel | None
    ) -> None:
        self._results, self._stages, self._body = results, stages, body
        self._kept: OrderedDict[tuple[object, ...], Page] = OrderedDict()

    def number(self, time: float) -> int:
        """Return the number of the page that holds `time` s."""
        return int((time - float(self._results[0].times[0])) // PAGE_S)

    def of_point(self, number: int, keypoint: str, axis: str) -> Page:
        """Return a page of one coordinate (mm) of a keypoint; results without it are unknown."""
        return self._page(number, (keypoint, axis))

    def of_angle(self, number: int, angle: str) -> Page:
        """Return a page of one angle (degrees)."""
        return self._page(number, (angle,))

    def _page(self, number: int, what: tuple[str, ...]) -> Page:
        key = (number, *what)
        if key not in self._kept:
            self._kept[key] = self._read(number, what)
            while len(self._kept) > _PAGES_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _read(self, number: int, what: tuple[str, ...]) -> Page:
        first = float(self._results[0].times[0]) + number * PAGE_S
        lines = []
        spreads = np.zeros(0)
        times = np.zeros(0)
        for index, (result, stage) in enumerate(zip(self._results, self._stages, strict=True)):
            own, values, sd = self._line(result, stage, first, what)
            if index == 0:
                times, spreads = own, sd
                lines.append(values)
            else:
                lines.append(_on(times, own, values))
        half = BAND_90 * spreads
        return Page(
            times, tuple(lines), lines[0] - half, lines[0] + half, first, first + PAGE_S
        )  # fmt: skip

    def _line(
        self, result: Result, stage: Stage, first: float, what: tuple[str, ...]
    ) -> tuple[Floats, Floats, Floats]:
        """Return times (N,), values (N,) and their standard deviations (N,) of one result."""
        start, stop = result.places_of(first, first + PAGE_S)
        step = max(1, -(-(stop - start) // _MOST_SAMPLES))
        pieces = [piece[::step] for piece in result.span(start, stop)]
        if not pieces:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        times = np.concatenate([piece.times for piece in pieces])
        if len(what) == 2:
            if what[0] not in result.keypoint_names:
                unknown = np.full(len(times), np.nan)
                return times, unknown, unknown
            k, axis = result.keypoint_names.index(what[0]), _AXES.index(what[1])
            values = [stage.place(piece.keypoints[:, k])[:, axis] for piece in pieces]
            variance = [stage.spread(piece.covariance[:, k])[:, axis, axis] for piece in pieces]
            sd = np.sqrt(np.maximum(np.concatenate(variance), 0.0))
            return times, np.concatenate(values), sd
        if self._body is None:
            return times, np.full(len(times), np.nan), np.full(len(times), np.nan)
        found = [joint_angles(self._body, piece) for piece in pieces]
        degrees = [angles.degrees[what[0]] for angles in found]
        return times, np.concatenate(degrees), np.concatenate([one.sd[what[0]] for one in found])


def _on(times: Floats, own: Floats, values: Floats) -> Floats:
    """Return the values at other times, NaN outside the own ones and where they are unknown."""
    if not len(own):
        return np.full(len(times), np.nan)
    return np.asarray(np.interp(times, own, values, left=np.nan, right=np.nan))
