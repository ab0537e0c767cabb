"""Tables of what was found: Parquet for programs, csv for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.atomic import atomic_path
from mousepose.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as NAME.parquet and NAME.csv into a folder, which is made; return the paths.

    Raises `InputError` where the folder is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder}: is a file; give the path of a folder") from None
    written = []
    for name, table in tables.items():
        for ending in ("parquet", "csv"):
            path = folder / f"{name}.{ending}"
            with atomic_path(path) as temporary:
                if ending == "csv":
                    table.to_csv(temporary, index=False, float_format="%.6g")
                else:
                    table.to_parquet(temporary, index=False)
            written.append(path)
    return written
