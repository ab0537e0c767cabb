"""What all readers of points in space share: rows as a file holds them in, checked tracks out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.rows import CONFIDENCE_SLACK, MAX_FRAME, choose_animal
from mousepose.io.poses.points import PointTrack, plain_track
from mousepose.types import Floats, Keypoints3D, State


class PointRows(NamedTuple):
    """Consecutive rows of one animal as the file holds them: N frames, K keypoints."""

    frames: Floats  # (N,)
    xyz: Floats  # (N, K, 3) mm
    times: Floats | None = None  # (N,) s
    covariance: Floats | None = None  # (N, K, 3, 3) mm^2
    state: Floats | None = None  # (N, K)
    confidence: Floats | None = None  # (N, K)


@dataclass(frozen=True)
class PointFile:
    """A file of points in space, its header read: the keypoints of each animal in it.

    `rows` gives the rows of an animal. `fps` is the frame rate that the file states, `about` what
    it says of each animal. `row_word` and `first_row` say how a message counts the rows.
    """

    path: Path
    animals: Mapping[str, tuple[str, ...]]
    rows: Callable[[str], Iterator[PointRows]]
    has_times: bool = False
    fps: float | None = None
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    row_word: str = "row"
    first_row: int = 0

    @property
    def is_timed(self) -> bool:
        """Whether the file itself tells the times of its frames."""
        return self.has_times or self.fps is not None

    def tracks(self, animal: str | None, fps: float | None) -> Iterator[PointTrack]:
        """Yield the checked frames of one animal in pieces.

        Times are frame / `fps` s; where `fps` is None the file's own times or rate are used.
        Raises `InputError` on an unknown animal or a missing rate, `FileError` with all problems
        of a piece, and on a file without frames.
        """
        chosen = choose_animal(self.path, tuple(self.animals), animal)
        rate = self.fps if fps is None and not self.has_times else fps
        if rate is None and not self.has_times:
            raise InputError(
                f"{self.path} holds no times: give the frame rate in frames per second "
                "(fps=..., --fps)"
            )
        return self._checked(chosen, rate)

    def _checked(self, animal: str, rate: float | None) -> Iterator[PointTrack]:
        names = self.animals[animal]
        last_frame, last_time, row = -np.inf, -np.inf, self.first_row
        for rows in self.rows(animal):
            if not len(rows.frames):
                continue
            times = rows.times if rate is None else rows.frames / rate
            if times is None:
                raise FileError(f"{self.path}: some of its rows have no times")
            self._refuse_problems(names, rows, times, row, last_frame, last_time)
            yield plain_track(
                Keypoints3D(rows.xyz, times, names, rows.covariance),
                rows.frames.astype(np.int64),
                confidence=None if rows.confidence is None else np.clip(rows.confidence, 0.0, 1.0),
                state=rows.state,
                animal=animal,
                about=self.about.get(animal),
            )
            last_frame, last_time, row = rows.frames[-1], times[-1], row + len(times)
        if row == self.first_row:
            raise FileError(f"{self.path} holds no frames of {animal}: it is empty or was cut")

    def _refuse_problems(
        self,
        names: tuple[str, ...],
        rows: PointRows,
        times: Floats,
        row: int,
        last_frame: float,
        last_time: float,
    ) -> None:
        """Raise `FileError` that tells each kind of problem, where it is first and how often."""
        frames = rows.frames
        whole = (np.abs(frames) < MAX_FRAME) & (frames == np.floor(frames)) & (frames >= 0)
        with np.errstate(invalid="ignore"):  # inf - inf of a broken column
            frame_step = np.diff(frames, prepend=last_frame)
            time_step = np.diff(times, prepend=last_time)
        faults = {
            "the frame number is no whole number from 0 on": ~whole,
            "the frame number does not increase": ~(frame_step > 0),
            "x, y or z is infinite": np.isinf(rows.xyz).any(axis=-1),
        }
        if times is rows.times:  # times made from frames would only repeat the frames' faults
            faults["the time does not increase"] = ~(np.isfinite(times) & (time_step > 0))
        if rows.confidence is not None:
            faults["the confidence lies outside 0-1"] = (rows.confidence < -CONFIDENCE_SLACK) | (
                rows.confidence > 1 + CONFIDENCE_SLACK
            )
        if rows.covariance is not None:
            faults["a variance is negative or infinite"] = _is_no_spread(rows.covariance)
        if rows.state is not None:
            known = np.isin(rows.state, [state.value for state in State])
            faults["the state is none of 0, 1, 2"] = ~(known | np.isnan(rows.state))
        found = [
            self._told(what, bad, row, frames, names) for what, bad in faults.items() if bad.any()
        ]
        if found:
            raise FileError(f"{self.path}: " + "; ".join(found))

    def _told(
        self, what: str, bad: NDArray[np.bool_], row: int, frames: Floats, names: tuple[str, ...]
    ) -> str:
        first = tuple(int(index) for index in np.argwhere(bad)[0])
        place = f"{self.row_word} {row + first[0]} (frame {frames[first[0]]:g})"
        if len(first) > 1:
            place += f", {names[first[1]]}"
        count = int(np.count_nonzero(bad))
        return f"{what} at {place}" + (f" and {count - 1} more" if count > 1 else "")


def _is_no_spread(covariance: Floats) -> NDArray[np.bool_]:
    """Tell which 3 x 3 matrices have a variance that is negative or infinite; NaN is unknown."""
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    return np.asarray((variance < 0).any(axis=-1) | np.isinf(covariance).any(axis=(-2, -1)))
