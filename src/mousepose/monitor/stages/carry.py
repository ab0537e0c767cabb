"""What POINTS hands from a segment to the one that follows it, as bytes.

The finder's memory, the tracker, the frames that the tracker keeps back (half a second later it is
known whether a mouse was only hidden), and where left and right were. The segment that follows
tells those frames for good: their points are its `tail`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mousepose.detect.track import TrackedFrame
from mousepose.errors import FileError
from mousepose.monitor.stages.stretch import Rows
from mousepose.types import Floats, Ints, Keypoints2D

_VERSION = 1
#: Zip files hold times; the same content shall be the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Kept:
    """Frames that are not told yet: `numbers` (N,) in their video, and the `mice` known so far.

    `frames` (N,) are their numbers in the chain, `times` (N,) s those from its first frame. Those
    that are not `own` are of a segment before: nothing more can be said of them.
    """

    numbers: Ints
    frames: Ints
    times: Floats
    mice: list[TrackedFrame]
    own: bool = True


@dataclass(frozen=True, eq=False)
class Carry:
    """What is known at the end of a segment.

    `size` is that of its pictures, `fps` its frames a second, of which every `every`-th was looked
    at. The next segment's frame 0 is frame `frames` of the chain of segments, `elapsed` s after the
    chain's first. `settled` are each mouse's points before those that are `kept`, as far as left
    and right need them; `tail` the final ones of the end of the segment before.
    """

    size: tuple[int, int]
    fps: float
    every: int
    frames: int
    elapsed: float
    finder: bytes
    tracker: Mapping[str, Any]
    kept: tuple[Kept, ...]
    settled: tuple[Rows, ...]
    tail: tuple[Rows, ...] = ()

    def to_bytes(self) -> bytes:
        """Return it as an npz of plain arrays: the same bytes for the same content."""
        about = {
            "version": _VERSION, "size": list(self.size), "fps": self.fps, "every": self.every,
            "frames": self.frames, "elapsed": self.elapsed, "tracker": dict(self.tracker),
            "kept": [_kept_plain(one) for one in self.kept],
            "rows": [[len(rows), *_about(rows.points)] for rows in (*self.settled, *self.tail)],
            "settled": len(self.settled),
        }  # fmt: skip
        arrays = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        arrays["finder"] = np.frombuffer(_steady(self.finder), np.uint8)
        for number, rows in enumerate((*self.settled, *self.tail)):
            for name, values in _arrays(rows).items():
                arrays[f"{name}{number}"] = values
        return _npz(arrays)

    @classmethod
    def of_bytes(cls, content: bytes) -> Carry:
        """Return what `to_bytes` gave. Raises `FileError` for anything else."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                about = json.loads(bytes(file["about"]))
                if about["version"] != _VERSION:
                    raise FileError(f"what a segment left is of version {about['version']}")
                rows = [_rows(file, n, one) for n, one in enumerate(about["rows"])]
                return cls(
                    tuple(about["size"]), about["fps"], about["every"], about["frames"],
                    about["elapsed"], bytes(file["finder"]), about["tracker"],
                    tuple(map(_kept_of, about["kept"])), tuple(rows[: about["settled"]]),
                    tuple(rows[about["settled"] :]),
                )  # fmt: skip
        except FileError:
            raise
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise FileError(f"what a segment left for the next cannot be read: {error}") from error


def _kept_plain(kept: Kept) -> list[Any]:
    mice = [
        [
            frame.boxes.tolist(), frame.states.tolist(), frame.scores.tolist(),
            frame.swap_risk.tolist(), frame.extra, frame.event,
        ]
        for frame in kept.mice
    ]  # fmt: skip
    places = [kept.numbers.tolist(), kept.frames.tolist(), kept.times.tolist()]
    return [*places, mice, kept.own]


def _kept_of(plain: list[Any]) -> Kept:
    numbers, chain, times, mice, own = plain
    frames = [
        TrackedFrame(
            np.array(boxes, np.float64), np.array(states, np.uint8), np.array(scores, np.float64),
            np.array(risk, np.float64), extra, event,
        )
        for boxes, states, scores, risk, extra, event in mice
    ]  # fmt: skip
    return Kept(
        np.array(numbers, np.int64), np.array(chain, np.int64), np.array(times, np.float64),
        frames, own,
    )  # fmt: skip


def _about(points: Keypoints2D) -> list[Any]:
    return [points.animal, list(points.keypoint_names)]


def _arrays(rows: Rows) -> dict[str, Any]:
    points = rows.points
    covariance: Floats | None = points.covariance
    assert covariance is not None
    return {
        "xy": points.xy, "confidence": points.confidence, "covariance": covariance,
        "times": points.times, "frames": points.frame_numbers, "states": rows.states,
    }  # fmt: skip


def _rows(file: Any, number: int, about: list[Any]) -> Rows:
    _, animal, names = about
    points = Keypoints2D(
        file[f"xy{number}"], file[f"confidence{number}"], file[f"times{number}"],
        file[f"frames{number}"], tuple(names), animal, file[f"covariance{number}"],
    )  # fmt: skip
    return Rows(points, file[f"states{number}"])


def _npz(arrays: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            own = io.BytesIO()
            np.lib.format.write_array(own, np.asarray(values), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, own.getvalue())
    return file.getvalue()


def _steady(memory: bytes) -> bytes:
    """Return a finder's npz without the time at which it was made."""
    if not memory:
        return b""
    with np.load(io.BytesIO(memory), allow_pickle=False) as file:
        return _npz({name: file[name] for name in file.files})
