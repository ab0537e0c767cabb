"""From boxes in single frames to mice through time: who is who, seen, hidden or gone.

A frame is told `lag` frames after it came, when it is known whether a mouse that was lost was only
hidden for a moment. A mouse that is not there has no box: NaN, and the state ABSENT.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mousepose.detect.track_filter import BoxFilter, as_edges, smoothed
from mousepose.detect.types import Detections
from mousepose.errors import InputError
from mousepose.types import Bytes, Floats, State

#: A box further from where a mouse is expected is not that mouse: squared sds, 4 numbers.
_GATE = 25.0
#: The gate widens while a mouse is not seen: at most so many body sizes.
_REACH = 3.0
#: So many sights among as many frames and half as many again make a mouse of what was seen.
_CONFIRM = 3
#: A detection that is less sure than this is none.
LEAST_SCORE = 0.3
#: Only what looks so much like a mouse is told to be one too many: reflections score less.
_EXTRA_SCORE = 0.55
#: Two mice are one to the detector where the boxes are nearer than this share of their size.
_TOUCHING = 0.9


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame of N promised mice: `boxes` (N, 4) px, `states` (N,) `State`, `scores` (N,).

    SEEN: detected in this frame; INFERRED: hidden between two sights, the box is where it must
    be; ABSENT: nowhere, the box is NaN. `swap_risk` (N,) is the chance that the mouse was taken for
    another since it was last alone. `extra` counts mice beyond those that were promised.
    """

    boxes: Floats
    states: Bytes
    scores: Floats
    swap_risk: Floats
    extra: int = 0
    event: str = ""


@dataclass(eq=False)
class _Moment:
    """A mouse in one frame: filtered mean and covariance, whether it was seen, how surely."""

    mean: Floats
    covariance: Floats
    seen: bool
    score: float
    risk: float

    def save(self) -> list[Any]:
        """Return it as plain data, for `_mouse_of`."""
        return [
            self.mean.tolist(), self.covariance.tolist(), self.seen, self.score, self.risk,
        ]  # fmt: skip


@dataclass(eq=False)
class _Mouse:
    """A mouse that is followed; `history` covers the frames that are not told yet."""

    filter: BoxFilter
    history: deque[_Moment] = field(default_factory=deque)
    slot: int = -1  #: which promised mouse it is; -1 while it is not confirmed, or is beyond them
    missed: int = 0
    sights: int = 1
    risk: float = 0.0

    def save(self) -> dict[str, Any]:
        """Return it as plain data, for `_mouse_of`."""
        return {
            "filter": self.filter.save(), "history": [moment.save() for moment in self.history],
            "slot": self.slot, "missed": self.missed, "sights": self.sights, "risk": self.risk,
        }  # fmt: skip


class Tracker:
    """Follows up to `animals` mice: give it each frame's detections, take what it tells.

    `lag` frames are kept back; `fps` tells how far a mouse may get from one to the next.
    """

    def __init__(self, animals: int = 1, fps: float = 30.0, lag: int | None = None) -> None:
        if animals < 1:
            raise InputError(f"animals: expected one or more, got {animals}")
        self.animals = animals
        usual = round(0.5 * fps) if np.isfinite(fps) else 15
        self.lag = max(2, usual) if lag is None else lag
        self._fps = fps
        self._mice: list[_Mouse] = []
        self._waiting: deque[tuple[int, str]] = deque()  #: number of extra mice, event, by frame
        self._last: list[Floats | None] = [None] * animals  #: where each was when last told

    def push(self, detections: Detections) -> TrackedFrame | None:
        """Take the next frame; return the frame of `lag` before, None where there is none yet."""
        good = detections.scores >= LEAST_SCORE
        boxes, scores = detections.boxes[good], detections.scores[good]
        for mouse in self._mice:
            mouse.filter.predict()
        taken = self._assign(boxes, scores)
        for place in np.flatnonzero(~taken):
            self._mice.append(_Mouse(BoxFilter(boxes[place], self._fps)))
            self._note(self._mice[-1], True, float(scores[place]))
        self._confirm()
        extra = sum(self._is_extra(mouse) for mouse in self._mice)
        self._waiting.append((extra, detections.event))
        return self._tell() if len(self._waiting) > self.lag else None

    def finish(self) -> list[TrackedFrame]:
        """Return the frames that were kept back."""
        told = []
        while self._waiting:
            told.append(self._tell())
        return told

    def save(self) -> dict[str, Any]:
        """Return all that is remembered as plain data, for `restored`."""
        return {
            "animals": self.animals, "fps": self._fps, "lag": self.lag,
            "mice": [mouse.save() for mouse in self._mice],
            "waiting": [list(one) for one in self._waiting],
            "last": [None if place is None else place.tolist() for place in self._last],
        }  # fmt: skip

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Tracker:
        """Return the tracker that was saved: it goes on as if it had never stopped."""
        tracker = cls(saved["animals"], saved["fps"], saved["lag"])
        tracker._mice = [_mouse_of(mouse) for mouse in saved["mice"]]
        tracker._waiting = deque((extra, event) for extra, event in saved["waiting"])
        tracker._last = [None if place is None else np.array(place) for place in saved["last"]]
        return tracker

    def go_on_from(self, other: Tracker) -> None:
        """Take over where another tracker told its mice last: who comes back is who was there."""
        self._last = list(other._last)

    @property
    def _needed(self) -> int:
        """How many sights make a mouse."""
        return min(_CONFIRM, self.lag)

    def _assign(self, boxes: Floats, scores: Floats) -> np.ndarray:
        """Give the boxes to the mice so that all together fit best; return which were given."""
        from scipy.optimize import linear_sum_assignment

        taken = np.zeros(len(boxes), bool)
        cost = np.full((len(self._mice), len(boxes)), 10 * _GATE)
        for row, mouse in enumerate(self._mice):
            distance = mouse.filter.distance(boxes)
            reach = np.hypot(*(_centres(boxes) - mouse.filter.mean[:2, 0]).T) / mouse.filter.scale
            able = (distance < _GATE) | (mouse.slot >= 0) & (
                reach < min(0.5 + 0.1 * mouse.missed, _REACH)
            )
            handicap = 0.0 if mouse.slot >= 0 else _GATE  # those that are known come first
            cost[row, able] = np.minimum(distance[able], _GATE) + handicap
        rows, places = linear_sum_assignment(cost)
        given = dict(zip(rows.tolist(), places.tolist(), strict=True))
        self._weigh_swaps(cost, given)
        for row, mouse in enumerate(self._mice):
            place = given.get(row)
            if place is not None and cost[row, place] < 10 * _GATE:
                taken[place] = True
                mouse.filter.correct(boxes[place])
                mouse.missed, mouse.sights = 0, mouse.sights + 1
                self._note(mouse, True, float(scores[place]))
            else:
                mouse.missed += 1
                self._note(mouse, False, 0.0)
        self._mice = [m for m in self._mice if not self._is_over(m)]
        return taken

    def _is_extra(self, mouse: _Mouse) -> bool:
        """Tell whether this is, in the newest frame, a mouse beyond those that were promised."""
        if mouse.slot >= 0 or mouse.sights < self._needed or mouse.missed:
            return False
        return float(np.mean([moment.score for moment in mouse.history])) >= _EXTRA_SCORE

    def _is_over(self, mouse: _Mouse) -> bool:
        """Tell whether a mouse is no longer waited for."""
        patience = self.lag if mouse.slot >= 0 else max(1, self._needed // 2)
        return mouse.missed > patience and not any(m.seen for m in mouse.history)

    def _weigh_swaps(self, cost: np.ndarray, given: dict[int, int]) -> None:
        """Note how likely each pair of mice near each other would fit as well exchanged.

        The chance of the other assignment, as if both were likely before: 1 / (1 + exp(d / 2)) with
        d the difference of squared distances (a ratio of Gaussian likelihoods). It stays with both.
        """
        rows = [row for row, mouse in enumerate(self._mice) if mouse.slot >= 0]
        for i, a in enumerate(rows):
            for b in rows[i + 1 :]:
                one, two = self._mice[a], self._mice[b]
                apart = np.hypot(*(one.filter.mean[:2, 0] - two.filter.mean[:2, 0]))
                if apart > 2 * _TOUCHING * max(one.filter.scale, two.filter.scale):
                    continue
                risk = 0.5
                if a in given and b in given:
                    kept = cost[a, given[a]] + cost[b, given[b]]
                    swapped = cost[a, given[b]] + cost[b, given[a]]
                    risk = float(1 / (1 + np.exp(np.clip((swapped - kept) / 2, 0, 60))))
                one.risk, two.risk = max(one.risk, risk), max(two.risk, risk)

    def _note(self, mouse: _Mouse, seen: bool, score: float) -> None:
        mean, covariance = mouse.filter.mean.copy(), mouse.filter.covariance.copy()
        mouse.history.append(_Moment(mean, covariance, seen, score, mouse.risk))

    def _confirm(self) -> None:
        """Let what was seen often enough be the promised mouse it most likely is."""
        for mouse in self._mice:
            if mouse.slot >= 0 or mouse.sights < self._needed or mouse.missed:
                continue
            held = {m.slot for m in self._mice if m.slot >= 0 and m.missed <= self.lag}
            free = [slot for slot in range(self.animals) if slot not in held]
            if not free:
                continue
            place = mouse.filter.mean[:2, 0]
            mouse.slot = min(free, key=lambda slot: self._far(slot, place))
            for old in [m for m in self._mice if m.slot == mouse.slot and m is not mouse]:
                old.slot = -1
            come_back = sum(self._last[slot] is not None for slot in free)
            if come_back > 1:  # several are gone: which one came back is a guess
                mouse.risk = 1 - 1 / come_back
                for moment in mouse.history:
                    moment.risk = mouse.risk

    def _far(self, slot: int, place: Floats) -> float:
        """Return how far a promised mouse was when last told; one never seen comes last."""
        last = self._last[slot]
        return np.inf if last is None else float(np.hypot(*(last - place)))

    def _tell(self) -> TrackedFrame:
        """Tell the oldest frame that was kept back, and forget it."""
        extra, event = self._waiting.popleft()
        kept = len(self._waiting) + 1
        boxes = np.full((self.animals, 4), np.nan)
        states = np.full(self.animals, State.ABSENT, np.uint8)
        scores, risks = np.zeros(self.animals), np.zeros(self.animals)
        for mouse in self._mice:
            if len(mouse.history) < kept:
                continue
            moments = list(mouse.history)
            mouse.history.popleft()
            sights = [n for n, moment in enumerate(moments) if moment.seen]
            known = moments[0].seen or mouse.missed < len(moments) and bool(sights)
            if mouse.slot < 0 or not known:
                continue
            run = moments[: sights[-1] + 1]
            mean = smoothed(
                np.stack([m.mean for m in run]), np.stack([m.covariance for m in run]),
                mouse.filter.process,
            )  # fmt: skip
            boxes[mouse.slot] = as_edges(mean[:, 0])
            states[mouse.slot] = State.SEEN if moments[0].seen else State.INFERRED
            scores[mouse.slot], risks[mouse.slot] = moments[0].score, moments[0].risk
            self._last[mouse.slot] = mean[:2, 0]
        return TrackedFrame(boxes, states, scores, risks, extra, event)


def _centres(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def _mouse_of(saved: Mapping[str, Any]) -> _Mouse:
    history = deque(
        _Moment(np.array(mean), np.array(covariance), seen, score, risk)
        for mean, covariance, seen, score, risk in saved["history"]
    )
    numbers = {name: saved[name] for name in ("slot", "missed", "sights", "risk")}
    return _Mouse(BoxFilter.restored(saved["filter"]), history, **numbers)
