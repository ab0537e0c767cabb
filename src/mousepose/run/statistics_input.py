"""Tables of strides, bouts or recordings from files, with what is known of each animal beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.errors import FileError, InputError

if TYPE_CHECKING:
    import pandas as pd

#: The column that tells which file a row is from.
SOURCE = "source"
#: A table larger than this is no table of strides.
_MAX_BYTES = 4_000_000_000
#: Names that `mousepose gait` and others give: the folder tells the recording.
_GENERAL = ("strides", "bouts", "rhythm")
#: Columns of the tables of mousepose that are numbers, but no measures.
_NO_MEASURES = frozenset({
    "bout", "contact_frame", "contact_s", "contact_sd_s", "lift_off_s", "next_contact_s", "seen",
    "start_s", "stop_s", "start", "stop", "frame", "time_s", "stride_length_sd_mm", SOURCE,
})  # fmt: skip
_PHASE = "phase_"


def read_tables(paths: Sequence[Path], about: Path | None = None) -> pd.DataFrame:
    """Return the rows of all files as one table, `source` telling where each is from.

    A folder of `mousepose gait` stands for its strides. `about` is a table with a row for each
    animal, or for each source, which is joined by the one column that both have. Raises
    `FileError` where a file is none, `InputError` where the tables do not fit together.
    """
    import pandas as pd

    files = [_file(path) for path in paths]
    names = _sources(files)
    parts = []
    for file, name in zip(files, names, strict=True):
        part = read_table(file)
        if SOURCE not in part.columns:
            part[SOURCE] = name
        parts.append(part)
    filled = [part for part in parts if len(part)]
    if not filled:
        raise InputError(f"no row in {', '.join(map(str, files))}: nothing to compare")
    table = pd.concat(filled, ignore_index=True)
    return table if about is None else _joined(table, read_table(about), about)


def read_table(path: Path) -> pd.DataFrame:
    """Return the table of a .parquet or .csv file. Raises `FileError`."""
    import pandas as pd

    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    if path.stat().st_size > _MAX_BYTES:
        raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no table of strides")
    suffix = path.suffix.lower()
    if suffix not in {".parquet", ".csv"}:
        raise FileError(f"{path}: expected a table, .parquet or .csv")
    try:
        return pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:  # pyarrow's and pandas' errors are among them
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise FileError(f"{path}: is no readable {suffix[1:]} table ({reason})") from error


def measures_in(table: pd.DataFrame, roles: Sequence[str]) -> list[str]:
    """Return the columns that can be compared: numbers that vary and have no other role.

    Raises `InputError` where there is none.
    """
    import pandas as pd

    found = [
        str(name)
        for name in table.columns
        if name not in _NO_MEASURES
        and name not in roles
        and pd.api.types.is_numeric_dtype(table[name])
        and not pd.api.types.is_bool_dtype(table[name])
        and table[name].nunique() > 1
    ]
    if not found:
        raise InputError(
            "no column of numbers that vary is left to compare; name the measures with --measure. "
            f"Columns: {', '.join(map(str, table.columns))}"
        )
    return found


def phases_in(table: pd.DataFrame, measures: Sequence[str]) -> tuple[str, ...]:
    """Return the measures that are phases by their name: round the circle from 0 to 1."""
    return tuple(
        name
        for name in measures
        if name.startswith(_PHASE) and table[name].dropna().between(0.0, 1.0).all()
    )


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in ("strides.parquet", "strides.csv"):
        if (path / name).is_file():
            return path / name
    raise FileError(f"{path}: a folder without strides.parquet or strides.csv")


def _sources(files: Sequence[Path]) -> list[str]:
    """Return a name for each file: its own, or its folder's where that says more."""
    names = [file.parent.name if file.stem in _GENERAL else file.stem for file in files]
    if len(set(names)) == len(names) and all(names):
        return names
    return [file.with_suffix("").as_posix() for file in files]


def _joined(table: pd.DataFrame, about: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the table with the columns of `about`, joined by the one column of both."""
    shared = [name for name in about.columns if name in table.columns]
    if len(shared) > 1 and SOURCE in shared:
        shared = [SOURCE]
    if len(shared) != 1:
        raise InputError(
            f"{path}: expected one column that the tables have too, to join by ({SOURCE!r}, say), "
            f"found {', '.join(map(repr, shared)) or 'none'}; its columns: "
            f"{', '.join(map(str, about.columns))}; theirs: {', '.join(map(str, table.columns))}"
        )
    key = shared[0]
    about = about.assign(**{key: about[key].astype(str)})
    twice = about[key][about[key].duplicated()]
    if len(twice):
        raise InputError(f"{path}: {key} {twice.iloc[0]!r} has more than one row")
    own = table[key].astype(str)
    unknown = sorted(set(own) - set(about[key]))
    if unknown:
        raise InputError(
            f"{path}: has no row for {key} {', '.join(unknown[:5])}"
            f"{' ...' if len(unknown) > 5 else ''}; it has {', '.join(about[key][:5])} ..."
        )
    return table.assign(**{key: own}).merge(about, on=key, how="left", validate="many_to_one")
