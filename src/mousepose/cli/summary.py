"""What is said of a finished run: how much was seen, how well it fits, what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.run.residuals import reprojection_residuals
from mousepose.run.streaming import Job, Outcome, results
from mousepose.types import Ints, Progress, State, Status

#: Bins of the residual histogram (px): a median without holding every residual.
_BIN, _LARGEST = 0.01, 500.0
#: The share of frames with a pose that fits below which a result does not pass.
_LEAST_GOOD = 0.5


@dataclass(frozen=True)
class Summary:
    """Numbers of a finished run: shares (0-1) of keypoints by state, frames by status.

    `failure` says why the result is not to be trusted, "" where nothing speaks against it.
    """

    frames: int
    seen: float
    inferred: float
    absent: float
    median_residual_px: float
    statuses: dict[str, int]
    scale_source: str
    failure: str = ""


def summarise(job: Job, outcome: Outcome, progress: Progress) -> Summary:
    """Return the summary of a finished job, in flat memory."""
    setup, done = job.setup, 0
    states = np.zeros(len(State), np.int64)
    statuses = np.zeros(len(Status), np.int64)
    histogram = np.zeros(round(_LARGEST / _BIN) + 1, np.int64)
    for keypoints, sequence in results(job):
        done += len(sequence)
        progress("summing up", done, outcome.frames)
        states += np.bincount(sequence.state.ravel(), minlength=len(State))
        statuses += np.bincount(sequence.report.status, minlength=len(Status))
        residuals, _ = reprojection_residuals(
            sequence, keypoints, setup.cameras, setup.body, setup.keypoint_map,
            outcome.animal.offset,
        )  # fmt: skip
        known = residuals[np.isfinite(residuals)]
        places = np.minimum(known / _BIN, len(histogram) - 1).astype(np.int64)
        histogram += np.bincount(places, minlength=len(histogram))
    share = states / max(states.sum(), 1)
    return Summary(
        outcome.frames,
        float(share[State.SEEN]),
        float(share[State.INFERRED]),
        float(share[State.ABSENT]),
        _median(histogram),
        {status.name.lower(): int(statuses[status]) for status in Status if statuses[status]},
        setup.scale_source,
        _failure(statuses),
    )


def lines(summary: Summary, job: Job, outcome: Outcome, written: list[Path]) -> list[str]:
    """Return the summary in words, a plain warning among them where the scale is assumed."""
    solved = outcome.frames - outcome.resumed
    speed = f"{solved / outcome.seconds:,.0f} frames/s" if solved else "nothing left to solve"
    kept = f", {outcome.resumed:,} kept from the interrupted run" if outcome.resumed else ""
    shown = [
        f"{summary.frames:,} frames ({_counted(summary.statuses)}){kept}; {speed}",
        f"keypoints: {summary.seen:.1%} seen, {summary.inferred:.1%} inferred, "
        f"{summary.absent:.1%} absent; median residual {summary.median_residual_px:.2f} px",
        f"scale from: {summary.scale_source}; in the frame of the {job.setup.frame}",
    ]
    if outcome.left_out:
        shown.append(outcome.left_out)
    if summary.scale_source == "none":
        floor = any(camera.floor_plane is not None for camera in job.setup.cameras)
        shown.append(
            "WARNING: nothing gives the scale, so lengths are those of a typical mouse: one camera "
            "cannot tell size from distance. Give --body-length, --weight or --bone"
            + (", or --floor (the camera file has a floor)." if floor else ".")
        )
    if outcome.warning is not None:
        shown.append(f"WARNING: {outcome.warning}")
    if summary.failure:
        shown.append(f"NOT GOOD ENOUGH: {summary.failure}")
    shown += [f"wrote {path}" for path in written]
    return shown


def _failure(statuses: Ints) -> str:
    """Return why a result is not to be trusted, "" where most poses fit what was seen.

    Frames in which too little was seen do not count: the animal may not have been there.
    """
    good = int(statuses[Status.OK] + statuses[Status.BRIDGED])
    tried = int(statuses.sum() - statuses[Status.EMPTY])
    if tried and good >= _LEAST_GOOD * tried:
        return ""
    return (
        f"only {good:,} of {tried:,} frames in which the mouse was seen have a pose that agrees "
        "with the keypoints. Look at the pictures (--plots), and check the camera, the keypoint "
        "map and the tracking"
    )


def _counted(statuses: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in statuses.items())


def _median(histogram: Ints) -> float:
    total = int(histogram.sum())
    if total == 0:
        return float("nan")
    middle = np.searchsorted(np.cumsum(histogram), (total + 1) / 2)
    return float((middle + 0.5) * _BIN)
