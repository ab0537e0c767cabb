"""The table of a cohort: its recordings, of which animals they are, and what is known of these."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousepose.errors import FileError, InputError

if TYPE_CHECKING:
    import pandas as pd

#: Columns of files, relative to the table's folder: 2D keypoints, and poses or points in space.
KEYPOINTS, POSES = "keypoints", "poses"
#: Columns that say how to read the files of a row.
READING = ("fps", "belt_speed", "name_in_file")
_MAX_BYTES = {".toml": 10_000_000, ".csv": 1_000_000_000, ".parquet": 4_000_000_000}


def read_cohort(path: Path) -> pd.DataFrame:
    """Return a row for each recording (or each stride) in a .csv, .parquet or .toml file.

    A TOML file has a `[[recording]]` for each. Paths are made absolute. Raises `FileError` on a
    file that is none of these, and `InputError` on a table without rows or animals and on files
    that are not there, all of them at once.
    """
    import pandas as pd

    if path.suffix not in _MAX_BYTES:
        raise FileError(f"{path}: expected a table that ends in .csv, .parquet or .toml")
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    if path.stat().st_size > _MAX_BYTES[path.suffix]:
        raise FileError(f"{path}: larger than {_MAX_BYTES[path.suffix] / 1e6:,.0f} MB")
    try:
        if path.suffix == ".toml":
            table = pd.DataFrame(_recordings(path))
        elif path.suffix == ".csv":
            table = pd.read_csv(path, dtype={"animal": str, "cage": str, "camera": str})
        else:
            table = pd.read_parquet(path)
    except (tomllib.TOMLDecodeError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise FileError(f"{path}: cannot be read as a table: {error}") from None
    if not len(table):
        raise InputError(f"{path}: the table has no rows")
    return _with_files(path, table)


def chosen_columns(table: pd.DataFrame, patterns: Sequence[str]) -> list[str]:
    """Return the columns of numbers whose names match any of the patterns ("swing_*").

    Raises `InputError` where a pattern matches no column, or one that is no number.
    """
    from pandas.api.types import is_numeric_dtype

    found: list[str] = []
    for pattern in patterns:
        own = [name for name in map(str, table) if fnmatchcase(name, pattern)]
        if not own:
            raise InputError(
                f"no column matches {pattern!r}; the table has: {', '.join(map(str, table))}"
            )
        words = [name for name in own if not is_numeric_dtype(table[name])]
        if words:
            raise InputError(f"column {words[0]!r} holds no numbers and cannot be a feature")
        found += [name for name in own if name not in found]
    return found


def joined_values(
    table: pd.DataFrame, sample: pd.Series[Any], columns: Sequence[str]
) -> pd.DataFrame:
    """Return the values of some columns for each sample; several different ones as "a + b".

    Numbers stay numbers where each sample has one.
    """

    def of(values: pd.Series[Any]) -> Any:
        own = values.dropna().unique()
        return own[0] if len(own) == 1 else " + ".join(sorted(map(str, own))) if len(own) else None

    grouped = table[list(columns)].groupby(sample.to_numpy(), sort=True)
    return grouped.agg(of).infer_objects() if columns else grouped.size().to_frame("n")[[]]


def _recordings(path: Path) -> list[dict[str, Any]]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    recordings = content.get("recording")
    if not isinstance(recordings, list) or not all(isinstance(row, dict) for row in recordings):
        raise InputError(f"{path}: expected a [[recording]] table for each recording")
    return recordings


def _with_files(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with paths from the table's folder. Raises `InputError` on lost files."""
    table = table.reset_index(drop=True)
    lost: list[str] = []
    for column in (KEYPOINTS, POSES):
        if column not in table:
            continue
        known = table[column].notna()
        lost += [f"row {row + 1} has no {column}" for row in table.index[~known]]
        paths = table[column].astype(str).map(lambda name: path.parent / str(name))
        lost += [f"{one} is not there" for one in paths[known].unique() if not one.is_file()]
        table[column] = paths.astype(str).where(known)
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        raise InputError(f"{path}: {'; '.join(lost[:5])}{more}")
    return table
