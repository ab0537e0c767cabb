"""Long recordings through a trained classifier: chances, bouts and the time of each behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.behaviour.bouts import (
    BoutConfig,
    Chances,
    cells_of,
    find_bouts,
    time_budget,
)
from mousepose.analysis.behaviour.classifier import BehaviourModel
from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.io.bouts import write_bouts
from mousepose.run.behaviour_points import Recording, windows_in_parts
from mousepose.types import Progress

if TYPE_CHECKING:
    import pandas as pd

#: Windows follow each other by this share of their length.
_HOP = 0.25


@dataclass(frozen=True, eq=False)
class Behaviour:
    """What one recording shows: the chances through time, and the bouts of `animal`.

    `missing` are keypoints of the classifier that the recording does not have anywhere.
    """

    recording: str
    animal: str
    chances: Chances
    bouts: pd.DataFrame
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class BehaviourFiles:
    """What is written besides tables: `formats` are endings, csv, boris and nwb."""

    folder: Path
    formats: Sequence[str] = field(default=("csv",))


def behaviour_of(
    recording: Recording,
    model: BehaviourModel,
    config: BoutConfig | None = None,
    animal: str | None = None,
    progress: Progress | None = None,
) -> Behaviour:
    """Return what an animal does in a recording, however long, in flat memory.

    Raises `InputError` where the recording lacks what the classifier looks at, is shorter than one
    of its windows, or slower than it; `FileError` on a file of no known format.
    """
    hop = max(1, round(_HOP * model.length))
    chances, first, last = [], [], []
    missing = set(model.layout.parts)
    for part in windows_in_parts(recording, model.layout, model.length, model.rate, hop, progress):
        chances.append(model.chances(part.windows))
        missing &= set(part.missing)
        first.append(part.first)
        last.append(part.last)
    if not sum(map(len, first)):
        raise InputError(
            f"{recording.path}: no stretch of {model.length / model.rate:.3g} s, a window of the "
            "classifier, shows the animal without a gap in time"
        )
    start, stop = cells_of(np.concatenate(first), np.concatenate(last))
    found = Chances(model.classes, start, stop, np.concatenate(chances))
    name = recording.path.stem
    absent = tuple(part for part in model.layout.parts if part in missing)
    who = animal or recording.track or name
    return Behaviour(name, who, found, find_bouts(found, config), absent)


def joined_bouts(found: Sequence[Behaviour]) -> pd.DataFrame:
    """Return the bouts of all recordings, with the columns recording and animal in front."""
    import pandas as pd

    tables = []
    for one in found:
        table = one.bouts.copy()
        table.insert(0, "animal", one.animal)
        table.insert(0, "recording", one.recording)
        tables.append(table)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def write_behaviour(found: Sequence[Behaviour], files: BehaviourFiles) -> list[Path]:
    """Write bouts, time budgets and each recording's chances into a folder; return the paths.

    Raises `InputError` on two recordings of one name, on an unknown format, and where a library
    for it is missing.
    """
    names = [one.recording for one in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"two recordings are called {min(twice)}: their tables would be one file")
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{files.folder}: is a file; give the path of a folder") from None
    bouts = joined_bouts(found)
    written = []
    for ending in dict.fromkeys(("parquet", *files.formats)):
        written += write_bouts(files.folder / f"bouts.{ending}", bouts)
    budgets = files.folder / "time-budget.csv"
    with atomic_path(budgets) as temporary:
        budget_of(bouts).to_csv(temporary, index=False, float_format="%.6g")
    written.append(budgets)
    for one in found:
        path = files.folder / f"chances_{one.recording}.parquet"
        with atomic_path(path) as temporary:
            one.chances.table().astype("float32", errors="ignore").to_parquet(temporary)
        written.append(path)
    return written


def budget_of(bouts: pd.DataFrame) -> pd.DataFrame:
    """Return the time of each behaviour in each recording: bouts, total_s, mean_s, share."""
    import pandas as pd

    parts = []
    for (recording, animal), own in bouts.groupby(["recording", "animal"], sort=False):
        table = time_budget(own)
        table.insert(0, "animal", str(animal))
        table.insert(0, "recording", str(recording))
        parts.append(table)
    if parts:
        return pd.concat(parts, ignore_index=True)
    table = time_budget(bouts)
    table.insert(0, "animal", "")
    table.insert(0, "recording", "")
    return table
