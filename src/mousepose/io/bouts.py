"""Tables of bouts, in and out: csv, Parquet, BORIS projects and NWB intervals.

A bout is a row with recording, animal, behaviour, start_s, stop_s, duration_s and its mean chance.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io.bouts_boris import read_boris, write_boris
from mousepose.io.bouts_nwb import write_nwb

if TYPE_CHECKING:
    import pandas as pd

#: What a table of bouts must have.
NEEDED = ("recording", "animal", "behaviour", "start_s", "stop_s")
#: Formats by the ending of a file.
FORMATS = ("csv", "parquet", "boris", "nwb")


def write_bouts(path: str | Path, bouts: pd.DataFrame) -> list[Path]:
    """Write bouts in the format of the path's ending; return the paths of the files.

    An NWB file has one animal and one recording: of several it makes `<STEM>_<RECORDING>.nwb` each.
    Raises `UnknownNameError` on another ending, `InputError` on a table that has no such bouts, and
    where NWB is asked for without pynwb.
    """
    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise UnknownNameError.of("format of bouts", ending, FORMATS)
    check_bouts(bouts)
    if ending == "nwb":
        return write_nwb(path, bouts)
    with atomic_path(path) as temporary:
        if ending == "csv":
            bouts.to_csv(temporary, index=False, float_format="%.6f")
        elif ending == "parquet":
            bouts.to_parquet(temporary, index=False)
        else:
            write_boris(temporary, bouts, path.stem)
    return [path]


def read_bouts(path: str | Path) -> pd.DataFrame:
    """Return the bouts in a .csv, a .parquet or a .boris file.

    Raises `FileError` where it is none, `InputError` where bouts are no bouts.
    """
    import pandas as pd

    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending == "boris":
        return read_boris(path)
    if ending not in ("csv", "parquet"):
        raise UnknownNameError.of("format of bouts", ending, ("csv", "parquet", "boris"))
    try:
        texts = {name: str for name in ("recording", "animal", "behaviour")}
        table: pd.DataFrame = (
            pd.read_csv(path, dtype=texts) if ending == "csv" else pd.read_parquet(path)
        )
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read as a table of bouts: {error}") from error
    try:
        check_bouts(table)
    except InputError as error:
        raise FileError(f"{path}: {error}") from error
    return table


def check_bouts(bouts: pd.DataFrame) -> None:
    """Raise `InputError` where a table is none of bouts: names the column or the row."""
    missing = [name for name in NEEDED if name not in bouts]
    if missing:
        raise InputError(
            f"a table of bouts needs the columns {', '.join(NEEDED)}; missing: {', '.join(missing)}"
        )
    for name in ("start_s", "stop_s"):
        if len(bouts) and bouts[name].dtype.kind not in "fi":
            raise InputError(f"the column {name} of the bouts does not hold numbers")
    wrong = ~(bouts["stop_s"].to_numpy() > bouts["start_s"].to_numpy())
    if wrong.any():
        raise InputError(
            f"row {int(wrong.argmax()) + 1} of the bouts does not stop after it starts"
        )
