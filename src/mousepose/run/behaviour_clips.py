"""Labelled clips as a classifier is trained on them: from a table, or from the data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.behaviour.channels import (
    Kind,
    Layout,
    Points,
    View,
    layout_of,
    trunk_length,
)
from mousepose.analysis.behaviour.classifier import BehaviourModel, LabelledWindows
from mousepose.analysis.behaviour.windows import Windows, joined_windows, windows_of
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.frame_table import FrameTable, no_clips
from mousepose.dataset.frames import FRAMES_PER_SECOND, as_keypoints
from mousepose.errors import FileError, InputError
from mousepose.run.behaviour_points import (
    Recording,
    flat_points,
    frames_in,
    no_windows,
    whole_points,
)
from mousepose.types import Ints, Progress

if TYPE_CHECKING:
    import pandas as pd

#: What a table of clips must say of each, and what it may say.
NEEDED = ("path", "behaviour", "animal")
ALSO = ("start_s", "stop_s", "clip", "image", "track", "fps")
#: A clip gives at most so many windows, spread over its length: long ones say the same often.
_MOST_WINDOWS = 60
_MAX_ROWS = 1_000_000
#: Clips of the data set lie so far apart (s) when they are worked on together.
_APART_S = 1000.0
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class ClipOptions:
    """What is to be seen of clips; None = by what the clips or the recordings are.

    `kinds` is what is looked at, `window` the length of a window in s, `rate` in Hz that of all
    recordings, `view` how the camera of 2D keypoints looks, `up` (3,) where up is in space, `parts`
    the names of the keypoints, by default those of the first recording.
    """

    kinds: tuple[Kind, ...] | None = None
    window: float = 0.5
    rate: float | None = None
    view: View = "above"
    up: tuple[float, float, float] | None = None
    parts: tuple[str, ...] | None = None

    @classmethod
    def like(
        cls, model: BehaviourModel, up: tuple[float, float, float] | None = None
    ) -> ClipOptions:
        """Return the options under which a classifier was trained."""
        layout = model.layout
        window = model.length / model.rate
        return cls(layout.kinds, window, model.rate, layout.view, up, layout.parts)


def labelled_clips(
    source: Path,
    options: ClipOptions | None = None,
    animals: Path | None = None,
    progress: Progress | None = None,
) -> LabelledWindows:
    """Return the windows of a table of clips (.csv, .parquet), or of a folder of the data set.

    `animals` is a table with the columns clip and animal, for a data set that does not tell them.
    Raises `FileError` and `InputError` where something is missing, naming row or record.
    """
    options = options or ClipOptions()
    if source.suffix.lower() in (".csv", ".tsv", ".parquet"):
        if animals is not None:
            raise InputError("--animals is for a data set; a table of clips has a column animal")
        return windows_of_table(read_table(source), source.parent, options, progress)
    with MousePoseDataset(source, progress=progress) as dataset:
        table = dataset.frames.read_table(progress)
    return windows_of_dataset(table, options, None if animals is None else _animals_in(animals))


def read_table(path: Path) -> pd.DataFrame:
    """Return a table (.csv, .tsv, .parquet). Raises `FileError` where it is none."""
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        texts = {name: str for name in ("path", "behaviour", "animal", "clip", "image", "track")}
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        table: pd.DataFrame = pd.read_csv(
            path, sep=separator, dtype=texts, nrows=_MAX_ROWS + 1
        )  # fmt: skip
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read as a table: {error}") from error
    if len(table) > _MAX_ROWS:
        raise FileError(f"{path}: has more than {_MAX_ROWS:,} rows: give several tables")
    return table


def windows_of_table(
    table: pd.DataFrame, folder: Path, options: ClipOptions, progress: Progress | None = None
) -> LabelledWindows:
    """Return the windows of clips: rows with a path (below `folder`), a behaviour and an animal.

    `start_s` and `stop_s` cut a clip out of its recording, `clip` names it, `image` is a file of 2D
    keypoints beside poses, `track` the animal's name in the file, `fps` its frame rate. Raises
    `InputError` naming the row, counted from 1 after the header.
    """
    table = _checked(table)
    taken: list[tuple[Windows, Ints]] = []
    layout: Layout | None = None
    rate, length, longest = options.rate, 0, 0.0
    keys = [name for name in ("path", "image", "track", "fps") if name in table]
    groups = table.groupby(keys, sort=False, dropna=False)
    for number, (_, rows) in enumerate(groups):
        recording = _recording(rows.iloc[0], folder, options)
        with _naming(rows):
            points = whole_points(recording, rate)
            if layout is None:
                kinds = options.kinds or recording.kinds()
                layout = layout_of(kinds, options.view, options.parts or points.names())
                rate = rate or points.motion.rate
                length = frames_in(rate, options.window)
            every = windows_of(points, layout, length)
        times = points.motion.times
        first, last = times[every.starts], times[every.starts + length - 1]
        for row, start, stop in zip(rows.index, rows["start_s"], rows["stop_s"], strict=True):
            inside = (first >= start - _ROUNDING_S) & (last <= stop + _ROUNDING_S)
            inside = _spread(np.flatnonzero(inside), length)
            if len(inside):
                taken.append((_only_needed(every.chosen(inside)), np.full(len(inside), row)))
            longest = max(longest, min(stop, times[-1]) - max(start, times[0]))
        if progress is not None:
            progress("reading recordings", number + 1, groups.ngroups)
    if not taken:
        raise no_windows(f"{len(table)} clips", length, rate or 1.0, longest)
    row_of = np.concatenate([rows for _, rows in taken])
    return LabelledWindows(
        joined_windows([windows for windows, _ in taken]),
        table["behaviour"].to_numpy(str)[row_of],
        table["clip"].to_numpy(str)[row_of],
        table["animal"].to_numpy(str)[row_of],
    )


def windows_of_dataset(
    table: FrameTable, options: ClipOptions, animals: Mapping[str, str] | None = None
) -> LabelledWindows:
    """Return the windows of the data set's clips in 2D; one of 0.5 s has a clip of 12 frames.

    `animals` names the animal of each clip; without it clips stand for animals. Raises `InputError`
    where no clips or no behaviours are told, and where other kinds than 2D keypoints are asked for.
    """
    if options.kinds not in (None, ("keypoints2d",)):
        raise InputError(
            "the data set's frames hold 2D keypoints alone: train on 2d, or reconstruct the clips "
            "and give a table of them"
        )
    if not table.clip_names or (table.clip < 0).any():
        raise no_clips()
    behaviour = table.behaviour_of_clip()
    if (behaviour < 0).all():
        raise InputError("no feature of the records tells the behaviours")
    missing = sorted(set(table.clip_names) - set(animals)) if animals is not None else []
    if missing:
        raise InputError(f"the table of animals lacks {len(missing)} clips: {missing[0]}, ...")
    points, rate = _all_clips(table, options.rate)
    layout = layout_of(("keypoints2d",), options.view, options.parts or points.names())
    length = frames_in(rate, options.window)
    windows = windows_of(points, layout, length)
    clip = (points.motion.times[windows.starts] // _APART_S).astype(np.int64)
    first = np.r_[True, np.diff(clip) != 0] if len(clip) else np.zeros(0, bool)
    begin = np.maximum.accumulate(np.where(first, windows.starts, 0))
    chosen = ((windows.starts - begin) % max(1, length // 2) == 0) & (behaviour[clip] >= 0)
    if not chosen.any():
        longest = float(np.bincount(table.clip).max() / rate)
        raise no_windows(f"{len(table.clip_names)} clips", length, rate, longest)
    clip = clip[chosen]
    names = np.array(table.clip_names)[clip]
    return LabelledWindows(
        windows.chosen(chosen),
        np.array(table.behaviour_names)[behaviour[clip]],
        names,
        names if animals is None else np.array([animals[name] for name in names]),
        animals_known=animals is not None,
    )


def _all_clips(table: FrameTable, rate: float | None) -> tuple[Points, float]:
    """Return the points of all clips, one after the other with gaps, and their rate in Hz."""
    if rate is not None and rate != FRAMES_PER_SECOND:
        raise InputError(f"the data set has {FRAMES_PER_SECOND:g} frames/s, not {rate:g}")
    order = np.lexsort((table.frame, table.clip))
    clip, frame = table.clip[order].astype(np.int64), table.frame[order]
    if (frame < 0).any():
        raise InputError("no feature of the records tells the frame's number in its clip")
    twice = (np.diff(clip) == 0) & (np.diff(frame) == 0)
    if twice.any():
        name = table.clip_names[clip[int(np.argmax(twice))]]
        raise InputError(f"clip {name} has a frame twice: are all records of one clip its own?")
    begin = np.r_[True, np.diff(clip) != 0]
    first = frame[np.maximum.accumulate(np.where(begin, np.arange(len(frame)), 0))]
    keypoints = as_keypoints(table.xy[order].astype(np.float64), table.keypoint_names, frame)
    raw = flat_points(keypoints)._replace(
        times=clip * _APART_S + (frame - first) / FRAMES_PER_SECOND
    )
    motion = raw.motion()
    return Points(image=motion, unit=trunk_length(motion)), float(FRAMES_PER_SECOND)


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with plain rows, each with a clip. Raises `InputError` on what is wrong."""
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise InputError(
            f"a table of clips needs the columns {', '.join(NEEDED)} (and may have "
            f"{', '.join(ALSO)}); missing: {', '.join(missing)}"
        )
    if not len(table):
        raise InputError("the table of clips has no rows")
    table = table.reset_index(drop=True)
    for name in NEEDED:
        empty = table[name].isna() | (table[name].astype(str).str.strip() == "")
        if empty.any():
            raise InputError(f"row {int(np.argmax(empty)) + 1} of the clips has no {name}")
    if "fps" in table:
        table["fps"] = _numbers(table["fps"], "fps")
    for name, end in (("start_s", -np.inf), ("stop_s", np.inf)):
        table[name] = _numbers(table[name], name).fillna(end) if name in table else end
    wrong = (table["stop_s"] <= table["start_s"]).to_numpy()
    if wrong.any():
        raise InputError(f"row {int(np.argmax(wrong)) + 1} of the clips stops before it starts")
    if "clip" not in table:
        table["clip"] = [f"clip {row + 1}" for row in range(len(table))]
    owners = table.groupby("clip")["animal"].nunique()
    if (owners > 1).any():
        raise InputError(f"clip {owners.idxmax()} has several animals: a clip shows one")
    return table


def _numbers(column: pd.Series, name: str) -> Any:
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce")
    wrong = (found.isna() & column.notna()).to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"row {row + 1} of the clips: {name} is no number: {column.iloc[row]!r}")
    return found


def _recording(row: pd.Series, folder: Path, options: ClipOptions) -> Recording:
    import pandas as pd

    def told(name: str) -> Any:
        return None if name not in row or pd.isna(row[name]) else row[name]

    image, track = told("image"), told("track")
    return Recording(
        folder / str(row["path"]), None if image is None else folder / str(image), told("fps"),
        None if track is None else str(track), options.up,
    )  # fmt: skip


@contextmanager
def _naming(rows: pd.DataFrame) -> Iterator[None]:
    """Name the first row that needs a file, and the file, in errors of the block."""
    try:
        yield
    except InputError as error:
        place = f"row {rows.index[0] + 1} of the clips, {rows['path'].iloc[0]}"
        raise type(error)(f"{place}: {error}") from error


def _spread(rows: Ints, length: int) -> Ints:
    """Return some of the windows of a clip: half overlapping, at most 60 over its length."""
    rows = rows[:: max(1, length // 2)]
    if len(rows) <= _MOST_WINDOWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST_WINDOWS).round().astype(np.int64)]


def _only_needed(windows: Windows) -> Windows:
    """Return the windows with the frames that they show alone: recordings are long."""
    begin, end = windows.starts.min(), windows.starts.max() + windows.length
    return Windows(
        windows.values[begin:end].copy(), windows.starts - begin, windows.length, windows.rate,
        windows.layout,
    )  # fmt: skip


def _animals_in(path: Path) -> dict[str, str]:
    table = read_table(path)
    absent = [name for name in ("clip", "animal") if name not in table]
    if absent:
        raise InputError(f"{path}: expected the columns clip and animal, missing: {absent[0]}")
    return dict(zip(table["clip"].astype(str), table["animal"].astype(str), strict=True))
