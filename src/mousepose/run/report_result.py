"""A file of poses opened part by part: of two million frames only those that are looked at.

Times, frame numbers and statuses of all frames are kept, 17 bytes each; poses are read a row group
at a time, and the last few stay in memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mousepose.closing import Closing
from mousepose.errors import FileError
from mousepose.io.keypoints.rows import choose_animal
from mousepose.io.keypoints.table import opened, rows_of
from mousepose.io.poses.sequence_header import Header
from mousepose.sequence import slice_sequence
from mousepose.types import Bytes, Floats, Ints, PoseSequence

#: The file that `mousepose reconstruct` of a video writes into its folder.
POSES = "poses.parquet"
#: Row groups kept in memory, some 20 MB each.
_KEPT = 4


def result_path(path: str | Path) -> Path:
    """Return the file of poses that `path` is, or that lies in it as `POSES`.

    Raises `FileError` where there is none.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / POSES).is_file():
            raise FileError(f"{path}: no {POSES} in this folder; give the file of poses itself")
        return path / POSES
    if not path.exists():
        raise FileError(f"{path}: there is no such file or folder")
    return path


class Result(Closing):
    """The poses of one animal in a file, read where they are asked for.

    `times` (T,) s, `frame_numbers` (T,) and `status` (T,) are those of all frames; `about` holds
    what the file says of the animal (shape, frame, scale_source, provenance). Use it in a `with`
    block, or close it; several threads may read from it.
    """

    def __init__(self, path: str | Path, animal: str | None = None) -> None:
        """Open `path`, a file or its folder; `animal` chooses among several.

        Raises `FileError` on a file that is cut, of another version, without a frame, or no file
        of poses.
        """
        self.path = result_path(path)
        self._open = ExitStack()
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, PoseSequence] = OrderedDict()
        try:
            self._file = self._open.enter_context(opened(self.path))
            header = Header.read(self.path, self._file)
            self.animals = tuple(header.animals)
            self.animal = choose_animal(self.path, self.animals, animal)
            self._layout = header.layout
            self.about: Mapping[str, Any] = header.animals[self.animal]
            self._survey()
        except BaseException:
            self._open.close()
            raise

    def __len__(self) -> int:
        return len(self.times)

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """The names of the keypoints (K)."""
        return self._layout.keypoint_names

    @property
    def cost_terms(self) -> tuple[str, ...]:
        """The names of the terms of the fit's cost."""
        return self._layout.cost_terms

    @property
    def provenance(self) -> Mapping[str, Any]:
        """How the poses came about."""
        found: Mapping[str, Any] = self.about["provenance"]
        return found

    @property
    def interval(self) -> float:
        """The median time between two frames in s; 1/30 where there is one frame."""
        return float(np.median(np.diff(self.times))) if len(self) > 1 else 1 / 30

    @property
    def groups(self) -> int:
        """How many row groups the file has."""
        return len(self._starts) - 1

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def place_at(self, time: float) -> int:
        """Return the place of the frame nearest to `time` s."""
        after = int(np.searchsorted(self.times, time))
        if after in (0, len(self)):
            return min(after, len(self) - 1)
        return after if self.times[after] - time < time - self.times[after - 1] else after - 1

    def places_of(self, start_s: float, stop_s: float) -> tuple[int, int]:
        """Return the places from the first frame at `start_s` or later to before `stop_s`."""
        first, last = np.searchsorted(self.times, [start_s, stop_s])
        return int(first), int(last)

    def at(self, place: int) -> tuple[PoseSequence, int]:
        """Return the row group that holds a frame, and the frame's index in it.

        Raises `IndexError` for a place that is not there, `FileError` where the file is damaged.
        """
        if not 0 <= place < len(self):
            raise IndexError(f"place {place}: the result has {len(self)} frames, the first is 0")
        group = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self.group(group), place - int(self._starts[group])

    def span(self, start: int, stop: int) -> list[PoseSequence]:
        """Return the frames from place `start` to before `stop`, in one piece a row group."""
        start, stop = max(start, 0), min(stop, len(self))
        pieces = []
        while start < stop:
            group, index = self.at(start)
            pieces.append(slice_sequence(group, index, min(len(group), index + stop - start)))
            start += len(pieces[-1])
        return pieces

    def group(self, number: int) -> PoseSequence:
        """Return a row group's frames of this animal; the last few are kept."""
        with self._lock:
            if number not in self._kept:
                table = self._layout.conform(self.path, self._read(number, None))
                rows = rows_of(table, self.animal)
                self._kept[number] = self._layout.sequence(rows, self.animal, self.about)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            return self._kept[number]

    def has(self, place: int) -> bool:
        """Tell whether the frame at a place is in memory already."""
        group = int(np.searchsorted(self._starts, place, side="right")) - 1
        return group in self._kept

    def columns(self, names: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield some columns, a row group at a time, each with the place of its first frame."""
        for number in range(self.groups):
            with self._lock:
                table = self._read(number, [*names, "animal"])
            yield int(self._starts[number]), rows_of(table, self.animal)

    def _read(self, number: int, names: list[str] | None) -> pa.Table:
        """Return a row group, whole or some columns. Raises `FileError` where it is damaged."""
        missing = set(names or ()) - set(self._file.schema_arrow.names)
        if missing:
            raise FileError(f"{self.path}: columns are missing: {', '.join(sorted(missing))}")
        try:
            return self._file.read_row_group(number, columns=names)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise FileError(
                f"{self.path}: part {number + 1} of {self._file.metadata.num_row_groups} cannot "
                f"be read, the file is damaged there: {error}"
            ) from error

    def _survey(self) -> None:
        """Read the times, numbers and statuses of all frames."""
        times: list[Floats] = []
        numbers: list[Ints] = []
        status: list[Bytes] = []
        for group in range(self._file.metadata.num_row_groups):
            rows = self._read(group, ["frame", "time_s", "animal", "status"])
            rows = rows_of(rows, self.animal)
            times.append(rows.column("time_s").to_numpy().astype(np.float64))
            numbers.append(rows.column("frame").to_numpy().astype(np.int64))
            status.append(rows.column("status").to_numpy().astype(np.uint8))
        self._starts = np.cumsum([0, *(len(part) for part in times)])
        if not self._starts[-1]:
            raise FileError(f"{self.path}: has no frame of {self.animal!r}")
        self.times = np.concatenate(times)
        self.frame_numbers = np.concatenate(numbers)
        self.status = np.concatenate(status)
        falls = np.flatnonzero(~(np.diff(self.times) > 0))
        if len(falls):
            row = int(falls[0]) + 1
            raise FileError(
                f"{self.path}: time_s does not increase at frame {self.frame_numbers[row]} "
                f"({self.times[row - 1]:g} s, then {self.times[row]:g} s)"
            )


@contextmanager
def open_results(paths: Sequence[str | Path], animal: str | None = None) -> Iterator[list[Result]]:
    """Give the results of some files, open together. Raises `FileError`, `InputError`."""
    with ExitStack() as stack:
        yield [stack.enter_context(Result(path, animal)) for path in paths]
