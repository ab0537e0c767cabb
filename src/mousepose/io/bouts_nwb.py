"""Bouts as intervals in Neurodata Without Borders (NWB), a file a recording."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.extras import needed

if TYPE_CHECKING:
    import pandas as pd

#: The name of the table of intervals in the file.
TABLE = "behaviour_bouts"
#: When the recording was made is not in a table of bouts; this is plainly no such time.
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def write_nwb(path: Path, bouts: pd.DataFrame) -> list[Path]:
    """Write the bouts of each recording as a table of intervals; return the paths.

    One recording gives `path`, several `<STEM>_<RECORDING>.nwb`. The session's start is set to 1970
    as bouts do not tell it: times count from the recording's first frame. Raises `InputError`
    where pynwb is not installed, where a recording has several animals, and where there are no
    bouts, as nothing tells the recording then.
    """
    needed("nwb", "writing NWB files", "pynwb")
    if not len(bouts):
        raise InputError(f"{path}: there are no bouts to write into an NWB file")
    groups = list(bouts.groupby("recording", sort=False))
    written = []
    for recording, own in groups:
        animals = own["animal"].unique()
        if len(animals) > 1:
            raise InputError(
                f"recording {recording} has {len(animals)} animals: an NWB file holds one; give "
                "the recordings names of their own"
            )
        safe = re.sub(r"[^\w.-]+", "_", str(recording))
        target = path if len(groups) == 1 else path.with_name(f"{path.stem}_{safe}.nwb")
        if target in written:
            raise InputError(f"two recordings would both be written to {target.name}")
        with atomic_path(target) as temporary:
            _write(temporary, str(recording), str(animals[0]), own)
        written.append(target)
    return written


def _write(path: Path, recording: str, animal: str, bouts: pd.DataFrame) -> None:
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.epoch import TimeIntervals
    from pynwb.file import Subject

    file = NWBFile(
        session_description="Bouts of behaviour, as mousepose tells them from poses.",
        identifier=recording,
        session_start_time=_NO_TIME,
        subject=Subject(subject_id=animal, species="Mus musculus"),
    )
    table = TimeIntervals(name=TABLE, description="Bouts of behaviour; they do not overlap.")
    table.add_column(name="behaviour", description="what the animal does")
    has_chance = "chance" in bouts
    if has_chance:
        table.add_column(name="chance", description="mean chance of the behaviour, 0 to 1")
    ordered = bouts.sort_values("start_s")
    starts, stops = (ordered[name].to_numpy(float) for name in ("start_s", "stop_s"))
    for place, behaviour in enumerate(ordered["behaviour"].astype(str)):
        more = {"chance": float(ordered["chance"].iloc[place])} if has_chance else {}
        table.add_row(
            start_time=starts[place], stop_time=stops[place], behaviour=behaviour, **more
        )  # fmt: skip
    module = file.create_processing_module(name="behavior", description="what the animal does")
    module.add(table)
    with NWBHDF5IO(str(path), "w") as stream:
        stream.write(file)
