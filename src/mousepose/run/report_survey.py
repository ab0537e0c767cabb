"""How good a result is from end to end, read once in flat memory: states, misfit, uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.run.report_result import Result
from mousepose.types import Floats, Ints, Progress, State, Status

#: Marks nearer in time than this (s) are one moment.
APART_S = 1.0
#: Frames with such an end have no pose, or one that agrees with nothing.
BAD = (Status.FAILED, Status.EMPTY, Status.POOR)
_REASONS = {
    Status.FAILED: "no pose: the solver failed",
    Status.EMPTY: "no pose: nothing was seen",
    Status.POOR: "the pose does not agree with the keypoints",
    Status.BRIDGED: "carried by its neighbours in time",
}


@dataclass(frozen=True, eq=False)
class Survey:
    """What holds for a whole result.

    `counts` (K, 3) are the frames in which each keypoint was absent, inferred, seen; `statuses`
    (5,) the frames by `Status`. For every frame, single precision: `misfit` (T,), how far keypoints
    lie from the pose in standard deviations (root mean square of x and y, from the robust cost; NaN
    where none was seen), `sd_mm` (T,), the mean standard deviation of its keypoints along an axis,
    and `seen` (T,), the share seen.
    """

    counts: Ints
    statuses: Ints
    misfit: NDArray[np.float32]
    sd_mm: NDArray[np.float32]
    seen: NDArray[np.float32]

    def share(self, state: State) -> float:
        """Return the share of all keypoints in all frames that are in a state."""
        return float(self.counts[:, state].sum() / max(1, self.counts.sum()))


@dataclass(frozen=True)
class Moment:
    """A frame worth a look: its place, its number, its time in s, and why, in words."""

    place: int
    number: int
    time: float
    why: str


@dataclass(frozen=True)
class Clip:
    """Some seconds: frames from place `start` to before `stop`, and what they show, in words."""

    start: int
    stop: int
    title: str
    why: str


def survey(result: Result, progress: Progress | None = None) -> Survey:
    """Return what a whole result holds, in one pass over its file. Raises `FileError`."""
    names = result.keypoint_names
    states = [f"{name}_state" for name in names]
    spreads = [f"{name}_cov_{axis}{axis}" for name in names for axis in "xyz"]
    views = max(1, len(result.provenance.get("cameras") or ()))
    cost = [name for name in ("cost_reprojection",) if name[5:] in result.cost_terms]
    counts = np.zeros((len(names), len(State)), np.int64)
    misfit, sd_mm, seen = (np.full(len(result), np.nan, np.float32) for _ in range(3))
    for first, table in result.columns([*states, *spreads, *cost]):
        part = slice(first, first + len(table))
        state = np.stack([table.column(name).to_numpy() for name in states], axis=-1)
        for kind in State:
            counts[:, kind] += (state == kind).sum(axis=0)
        of_points = (state == State.SEEN).sum(axis=1)
        seen[part] = of_points / max(1, len(names))
        variance = np.zeros(state.shape)
        for index, name in enumerate(spreads):
            variance[:, index // 3] += table.column(name).to_numpy()
        known = np.isfinite(variance)
        total = np.where(known, np.sqrt(np.maximum(variance, 0)), 0).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            sd_mm[part] = total / known.sum(axis=1) / np.sqrt(3)
            if cost:
                # E = 1/2 sum (x^2 + y^2) / sigma^2 of all points of all views
                energy = table.column(cost[0]).to_numpy() / (views * of_points)
                misfit[part] = np.where(of_points > 0, np.sqrt(np.maximum(energy, 0)), np.nan)
        if progress is not None:
            progress("looking through the result", first + len(table), len(result))
    statuses = np.bincount(result.status, minlength=len(Status))[: len(Status)]
    return Survey(counts, statuses, misfit, sd_mm, seen)


def worst_frames(result: Result, found: Survey, count: int = 20) -> list[Moment]:
    """Return the frames that need a look most, the worst first, each in a moment of its own.

    First those that failed or do not agree with their keypoints, then the largest misfits.
    """
    badness = np.nan_to_num(found.misfit.astype(np.float64), nan=0.0)
    badness += np.nan_to_num(found.sd_mm, nan=0.0) * 1e-3  # of equal ones the less certain
    for rank, status in enumerate(reversed(BAD), start=1):
        badness[result.status == status] += 1e6 * rank
    chosen: list[int] = []
    # Looking at the worst few thousand is enough: a moment hides its neighbours.
    most = min(len(badness), max(5000, 50 * count))
    candidates = np.argpartition(-badness, most - 1)[:most]
    for place in candidates[np.argsort(-badness[candidates], kind="stable")]:
        time = result.times[place]
        if all(abs(time - result.times[other]) > APART_S for other in chosen):
            chosen.append(int(place))
        if len(chosen) == count:
            break
    return [
        Moment(place, int(result.frame_numbers[place]), float(result.times[place]), why)
        for place in chosen
        if (why := _why(result, found, place))
    ]


def telling_clips(
    result: Result, found: Survey, seconds: float = 1.0, best: int = 3, worst: int = 3
) -> list[Clip]:
    """Return the worst and the best seconds of a result, none of which overlap.

    The best have all frames solved, most keypoints seen and the pose nearest to them. Windows of
    which more than half has no pose are left out; a short result gives fewer clips.
    Raises `InputError` unless `seconds` is positive.
    """
    if not seconds > 0:
        raise InputError(f"seconds: expected a positive number, got {seconds!r}")
    length = max(2, round(seconds / result.interval))
    count = len(result) // length
    if not count:
        whole = _described(result, found, 0, len(result))
        return [Clip(0, len(result), "All of it", whole)]
    score = _score_of_windows(result, found, length, count)
    order = np.argsort(score, kind="stable")
    with_pose = [int(w) for w in order if np.isfinite(score[w])]
    worst = min(worst, len(with_pose) // 2)
    best = min(best, len(with_pose) - worst)
    clips = []
    for title, windows in (
        ("Worst", with_pose[::-1][:worst]),
        ("Best", with_pose[:best]),
    ):
        for rank, window in enumerate(windows, start=1):
            start, stop = window * length, (window + 1) * length
            clips.append(
                Clip(start, stop, f"{title} {rank}", _described(result, found, start, stop))
            )
    return clips


def _score_of_windows(result: Result, found: Survey, length: int, count: int) -> Floats:
    """Return how bad each window (N,) is; infinite where less than half of it has a pose."""
    cut = slice(0, length * count)
    status = result.status[cut].reshape(count, length)
    misfit = np.nan_to_num(found.misfit[cut].astype(np.float64), nan=3.0).reshape(count, length)
    seen = np.nan_to_num(found.seen[cut].astype(np.float64)).reshape(count, length)
    lost = np.isin(status, (Status.EMPTY, Status.FAILED)).mean(axis=1)
    poor = np.isin(status, (Status.POOR, Status.BRIDGED)).mean(axis=1)
    score = misfit.mean(axis=1) + 3 * (1 - seen.mean(axis=1)) + 3 * poor + 3 * lost
    return np.where(lost > 0.5, np.inf, score)


def _described(result: Result, found: Survey, start: int, stop: int) -> str:
    """Return in words when a clip is, what was seen in it and how well it fits."""
    part = slice(start, stop)
    begin, end = result.times[start], result.times[stop - 1]
    told = [f"{begin:.2f} to {end:.2f} s", f"{found.seen[part].mean():.0%} of keypoints seen"]
    misfit = found.misfit[part][np.isfinite(found.misfit[part])]
    if len(misfit):
        told.append(f"misfit {float(np.median(misfit)):.1f} SD")
    bad = int(np.isin(result.status[part], BAD).sum())
    if bad:
        told.append(f"{bad} of {stop - start} frames without a pose that fits")
    return ", ".join(told)


def _why(result: Result, found: Survey, place: int) -> str:
    told = _REASONS.get(Status(min(int(result.status[place]), len(Status) - 1)), "")
    misfit = found.misfit[place]
    if np.isfinite(misfit):
        told = f"{told}, misfit {misfit:.1f} SD" if told else f"misfit {misfit:.1f} SD"
    return told
