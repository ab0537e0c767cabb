"""Every rule of the data set that its frames and views break, each with the record's number.

Rules that only raise a suspicion say so. Scans are checked by `run.dataset_scans`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.dataset.dataset import PUBLISHED
from mousepose.dataset.features import BEHAVIOURS
from mousepose.dataset.frame_table import NONE, FrameTable
from mousepose.dataset.frames import Frames, labelled
from mousepose.dataset.multiview import MultiView
from mousepose.dataset.pictures import PictureError, decode_picture
from mousepose.dataset.sides import swapped_sides
from mousepose.errors import FileError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import Progress

#: What the rules are called, with what they ask for.
RULES = {
    "record": "every record is whole and an Example",
    "picture": "every picture can be decoded",
    "picture size": "all pictures of a clip have one size",
    "names": "the 22 keypoints of the data set are there",
    "keypoints": "a frame has at least 3 labelled keypoints",
    "outside": "points lie inside the picture",
    "sides": "left and right are not swapped (a suspicion)",
    "duplicate": "no picture occurs twice",
    "clip": "every frame belongs to a clip, and a clip has 12 frames, numbered on",
    "behaviour": "every clip has one of the published behaviours",
    "views": "every moment has a labelled picture in every view",
    "scan": "a scan can be read, in Hounsfield units, of the published size and orientation",
}
#: Problems that are kept of each rule; the rest is only counted.
MAX_KEPT = 200
MIN_KEYPOINTS = 3
#: Points so far beyond the edge (px) are outside: labels are not exact.
_EDGE = 1.0
#: Numbers that grow by so much from frame to frame are times.
_TIMES = 10


class Problem(NamedTuple):
    """A broken rule: its name, where (a record, clip, picture or file), and what is wrong."""

    rule: str
    where: str
    what: str


@dataclass
class Validation:
    """What was checked and what broke: `problems` (at most 200 of a rule) and `counts` of all."""

    checked: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether no rule was broken; a suspicion alone breaks none."""
        return not any(count for rule, count in self.counts.items() if rule != "sides")

    def add(self, rule: str, where: str, what: str) -> None:
        """Add a problem, or only count it where there are many of its rule."""
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if self.counts[rule] <= MAX_KEPT:
            self.problems.append(Problem(rule, where, what))


def validate_frames(
    frames: Frames, found: Validation, *, pictures: bool = True, progress: Progress | None = None
) -> None:
    """Check the frames, opened with `skip_faults`; problems go into `found`.

    `pictures` decodes every picture, which takes most of the time.
    """
    found.checked.append(f"{len(frames)} frames")
    seen: dict[bytes, int] = {}
    for frame in frames:
        digest = hashlib.blake2b(frame.encoded, digest_size=16).digest()
        if digest in seen:
            found.add("duplicate", record(frame.number), f"the picture of record {seen[digest]}")
        seen.setdefault(digest, frame.number)
        if pictures:
            try:
                decode_picture(frame.encoded)
            except PictureError as error:
                found.add("picture", record(frame.number), str(error))
        if progress is not None and frame.number % 50 == 0:
            progress("frames", frame.number, len(frames))
    # What the pass above met; the table's own pass would meet the same faults again.
    for fault in list(frames.records.faults):
        where = f"{fault.path.name}: record {fault.record} at byte {fault.offset}"
        found.add("record", where, fault.problem)
    extra = frames.records.total_faults - len(frames.records.faults)
    if extra > 0:
        found.add("record", str(frames.path), f"{extra} more damaged records")
    _check_names(frames, found)
    for check in (_check_points, _check_clips, _check_behaviours, _check_sizes):
        check(frames.table, found)
    for number, pair in swapped_sides(frames.table):
        found.add("sides", record(number), f"left and right {pair} seem to have changed places")


def validate_multiview(views: MultiView, found: Validation, *, pictures: bool = True) -> None:
    """Check the multi-view part; problems go into `found`."""
    found.checked.append(f"{views.rows} multi-view pictures")
    seen = labelled(views.xy)
    for moment, moment_name in enumerate(views.moment_names):
        for view, view_name in enumerate(views.view_names):
            where = views.pictures[moment][view] or f"moment {moment_name}, view {view_name}"
            if views.pictures[moment][view] is None:
                found.add("views", where, "no picture")
                continue
            if not seen[moment, view].any():
                found.add("views", where, "no labelled keypoint")
            if pictures:
                _check_view_picture(views, moment, view, found)


def _check_view_picture(views: MultiView, moment: int, view: int, found: Validation) -> None:
    where = str(views.pictures[moment][view])
    try:
        height, width = views.picture(moment, view).shape[:2]
    except FileError as error:
        found.add("picture", where, str(error).rpartition(": ")[2])
        return
    outside = _outside(views.xy[moment, view][None], np.array([[width, height]]))[0]
    for k in np.flatnonzero(outside):
        found.add(
            "outside", where, f"{views.keypoint_names[k]} at {_at(views.xy[moment, view, k])}"
        )


def _check_names(frames: Frames, found: Validation) -> None:
    table = frames.table
    counts = table.visible.sum(axis=0)
    ever = {name for name, count in zip(table.keypoint_names, counts, strict=True) if count}
    missing = [name for name in KEYPOINT_NAMES if name not in ever]
    if missing:
        found.add("names", str(frames.path), f"no record has {', '.join(missing)}")
    other = [name for name in frames.keypoint_names if name not in KEYPOINT_NAMES]
    if other:
        found.add("names", str(frames.path), f"not of the data set: {', '.join(other)}")


def _check_points(table: FrameTable, found: Validation) -> None:
    counts = table.visible.sum(axis=1)
    for row in np.flatnonzero(counts < MIN_KEYPOINTS):
        found.add("keypoints", record(table.record[row]), f"{counts[row]} labelled keypoints")
    outside = _outside(table.xy, table.size)
    for row, k in zip(*np.nonzero(outside), strict=True):
        what = f"{table.keypoint_names[k]} at {_at(table.xy[row, k])}"
        width, height = table.size[row]
        found.add("outside", record(table.record[row]), f"{what} of {width} x {height} px")


def _outside(xy: NDArray[np.floating], size: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which points (N, K) of `xy` (N, K, 2) lie outside pictures of `size` (N, 2)."""
    with np.errstate(invalid="ignore"):
        beyond = (xy < -0.5 - _EDGE) | (xy > size[:, None] - 0.5 + _EDGE)
    return np.asarray(beyond.any(axis=-1))


def _check_clips(table: FrameTable, found: Validation) -> None:
    if not table.clip_names:
        found.add("clip", "all frames", "no feature tells the clips (see features and --clip)")
        return
    for row in np.flatnonzero(table.clip == NONE):
        found.add("clip", record(table.record[row]), "no clip")
    expected = PUBLISHED["frames a clip"]
    for clip, name, rows in _clips(table):
        del clip
        if len(rows) != expected:
            found.add("clip", f"clip {name}", f"{len(rows)} frames, expected {expected}")
        numbers = np.sort(table.frame[rows])
        if (numbers != NONE).any() and not _even(numbers):
            shown = ", ".join(map(str, numbers[:14]))
            found.add("clip", f"clip {name}", f"frames are not numbered on: {shown}")


def _even(numbers: NDArray[np.int64]) -> bool:
    """Tell whether sorted numbers or times of frames go on in even steps; times are rounded."""
    steps = np.diff(numbers)
    if not len(steps):
        return True
    rounding = 1 if steps.min() >= _TIMES else 0
    return bool(steps.min() >= 1 and np.ptp(steps) <= rounding)


def _check_behaviours(table: FrameTable, found: Validation) -> None:
    if not table.behaviour_names:
        found.add("behaviour", "all frames", "no feature tells the behaviour (see --behaviour)")
        return
    strange = [n for n in table.behaviour_names if not is_published(n)]
    for name in strange:
        count = int((table.behaviour == table.behaviour_names.index(name)).sum())
        found.add("behaviour", f"{count} frames", f"{name!r} is none of the published behaviours")
    for row in np.flatnonzero(table.behaviour == NONE):
        found.add("behaviour", record(table.record[row]), "no behaviour")
    for clip, name, rows in _clips(table):
        del clip
        kinds = np.unique(table.behaviour[rows])
        if len(kinds) > 1:
            told = ", ".join(table.behaviour_names[k] for k in kinds if k != NONE)
            found.add("behaviour", f"clip {name}", f"more than one: {told}")


def _check_sizes(table: FrameTable, found: Validation) -> None:
    for _, name, rows in _clips(table):
        sizes = np.unique(table.size[rows], axis=0)
        if len(sizes) > 1:
            shown = ", ".join(f"{w} x {h}" for w, h in sizes[:4])
            found.add("picture size", f"clip {name}", f"pictures of {shown} px")


def _clips(table: FrameTable) -> Iterator[tuple[int, str, NDArray[np.int64]]]:
    """Yield each clip's number, name and rows."""
    order = np.argsort(table.clip, kind="stable")
    starts = np.searchsorted(table.clip[order], np.arange(len(table.clip_names) + 1))
    for clip, name in enumerate(table.clip_names):
        yield clip, name, order[starts[clip] : starts[clip + 1]]


def is_published(behaviour: str) -> bool:
    """Tell whether a behaviour is one of the published ones, in any usual spelling."""
    bare = "".join(c for c in behaviour.lower() if c.isalpha())
    known = {"".join(c for c in name if c.isalpha()) for name in (*BEHAVIOURS, "standing")}
    return bare in known or bare in {"wheel", "running", "backgroundstanding", "walk", "eat"}


def record(number: int) -> str:
    """Return how a record is called in a report."""
    return f"record {number}"


def _at(point: NDArray[np.floating]) -> str:
    return f"({point[0]:.0f}, {point[1]:.0f})"
