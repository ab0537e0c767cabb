"""From the files of a cohort to the segments of each set of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.analysis.attributes.gait_measures import gait_segments
from mousepose.analysis.attributes.segments import angle_segments, image_segments, space_segments
from mousepose.analysis.floor import Floor, above_floor
from mousepose.analysis.motion import Motion
from mousepose.errors import InputError
from mousepose.io.keypoints.registry import load_keypoints
from mousepose.run.attributes_cohort import KEYPOINTS, POSES
from mousepose.run.gait import GaitJob, analyse_file
from mousepose.run.gait_parts import FRAMES_AT_ONCE, floor_of, parts_of
from mousepose.types import Keypoints2D, Progress

if TYPE_CHECKING:
    import pandas as pd

#: Each set of features and the column of files that it is made of.
SETS = {"2d": KEYPOINTS, "3d": POSES, "angles": POSES, "gait": POSES}


def sets_of(table: Any, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the wanted sets of features, by default all of which the table names files.

    Raises `InputError` on an unknown set, and where there are no files for one or for any.
    """
    for name in wanted:
        if name not in SETS:
            raise InputError(f"unknown set of features {name!r}; known: {', '.join(SETS)}")
        if SETS[name] not in table:
            raise InputError(f"features {name!r} need a column {SETS[name]!r} of files")
    found = tuple(wanted) or tuple(name for name, column in SETS.items() if column in table)
    if not found:
        raise InputError(
            f"the table has no column {POSES!r} or {KEYPOINTS!r} of files; where it holds the "
            "measures itself, name their columns (--features NAME=COLUMN,COLUMN)"
        )
    return found


def cohort_segments(
    table: pd.DataFrame,
    sets: Sequence[str],
    config: SegmentConfig,
    up: tuple[float, float, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the segments of all recordings for each set; `row` is the place of the recording.

    Raises what reading and analysing raise, with the recording named.
    """
    import pandas as pd

    found: dict[str, list[pd.DataFrame]] = {name: [] for name in sets}
    for place in range(len(table)):
        about = table.iloc[place]
        try:
            for name, part in _of_recording(about, sets, config, up):
                found[name].append(part.assign(row=place))
        except InputError as error:
            raise InputError(f"row {place + 1} (animal {about['animal']}): {error}") from None
        if progress is not None:
            progress("reading recordings", place + 1, len(table))
    joined = {}
    for name, parts in found.items():
        filled = [part for part in parts if len(part)]
        joined[name] = pd.concat(filled or parts[:1], ignore_index=True)
    return joined


def _of_recording(
    about: pd.Series[Any],
    sets: Sequence[str],
    config: SegmentConfig,
    up: tuple[float, float, float] | None,
) -> Iterator[tuple[str, pd.DataFrame]]:
    fps, belt = (_number(about, name) for name in ("fps", "belt_speed"))
    animal = None if (name := _given(about, "name_in_file")) is None else str(name)
    if "2d" in sets:
        keypoints = load_keypoints(about[KEYPOINTS], fps=fps, animal=animal)
        for part in _parts(keypoints):
            yield "2d", image_segments(part, config)
    if "3d" in sets or "angles" in sets:
        for motion in _motions(Path(about[POSES]), fps, animal, up):
            if "3d" in sets:
                yield "3d", space_segments(motion, config)
            if "angles" in sets:
                yield "angles", angle_segments(motion, config)
    if "gait" in sets:
        job = GaitJob(Path(about[POSES]), up, belt, None, fps, animal)
        yield "gait", gait_segments(analyse_file(job).gait)


def _motions(
    path: Path, fps: float | None, animal: str | None, up: tuple[float, float, float] | None
) -> Iterator[Motion]:
    """Yield the motion above the floor of consecutive parts of a file."""
    floor: Floor | None = None
    for raw, _, about in parts_of(path, fps, animal):
        motion = raw.motion()
        if floor is None:
            floor = floor_of(motion, up, str(about.get("frame", "")))[0]
        yield above_floor(motion, floor)


def _parts(keypoints: Keypoints2D) -> Iterator[Keypoints2D]:
    """Yield consecutive parts of keypoints of a size that is worked on at once."""
    number = max(1, len(keypoints) // FRAMES_AT_ONCE)
    for frames in np.array_split(np.arange(len(keypoints)), number):
        part = slice(int(frames[0]), int(frames[-1]) + 1)
        yield replace(
            keypoints, xy=keypoints.xy[part], confidence=keypoints.confidence[part],
            times=keypoints.times[part], frame_numbers=keypoints.frame_numbers[part],
            covariance=None,
        )  # fmt: skip


def _given(about: pd.Series[Any], name: str) -> Any:
    """Return what a row says in a column, None where it says nothing."""
    return about.dropna().get(name)


def _number(about: pd.Series[Any], name: str) -> float | None:
    value = _given(about, name)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected a number, got {value!r}") from None
