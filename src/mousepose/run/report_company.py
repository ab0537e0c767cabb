"""What lies beside a result: its camera, its keypoints, the tables of gait and behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.errors import FileError, InputError, MouseposeError
from mousepose.geometry.camera import Camera
from mousepose.io import read_cameras
from mousepose.run.report_result import Result

if TYPE_CHECKING:
    import pandas as pd

#: Camera files as our own commands name them.
_CAMERA_FILES = ("camera.toml", "cameras.toml", "calibration.toml", "rig.toml")
_BEHAVIOUR = ("behaviour", "start_s", "stop_s")
#: Columns that tell the tables of `mousepose gait` from others of the same name.
_STRIDES = ("bout", "limb", "marker", "contact_s", "lift_off_s", "quality")
_WALKS = ("bout", "start_s", "stop_s")
#: A table of more rows than this is none of a recording.
_MOST_ROWS = 5_000_000


@dataclass(frozen=True, eq=False)
class Company:
    """What was found: cameras, in the order of the fit, and tables, each None where it is not.

    `strides` and `walks` are tables of `mousepose gait`, in `gait_folder`; `behaviour` has a row
    for each bout. `notes` tell of files that could not be used.
    """

    cameras: tuple[Camera, ...] = ()
    camera_file: Path | None = None
    keypoints: Path | None = None
    gait_folder: Path | None = None
    strides: pd.DataFrame | None = None
    walks: pd.DataFrame | None = None
    behaviour: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    @property
    def camera(self) -> Camera | None:
        """The first camera of the fit, whose frame the poses may be in."""
        return self.cameras[0] if self.cameras else None


def company_of(
    result: Result,
    camera: Path | None = None,
    gait: Path | None = None,
    behaviour: Path | None = None,
) -> Company:
    """Return what belongs to a result: the given files, else those that lie beside it.

    A given file that cannot be used is an error (`FileError`, `InputError`); one that only lies
    there becomes a note.
    """
    notes: list[str] = []
    cameras, camera_file = _cameras(result, camera, notes)
    folder = _gait_folder(result, gait)
    strides = walks = None
    if folder is not None:
        strides = _told(folder / "strides.parquet", _STRIDES, gait is not None, notes)
        walks = _told(folder / "bouts.parquet", _WALKS, gait is not None, notes)
    return Company(
        cameras=cameras,
        camera_file=camera_file,
        keypoints=_keypoints(result),
        gait_folder=folder,
        strides=strides,
        walks=walks,
        behaviour=_behaviour(result, behaviour, notes),
        notes=tuple(notes),
    )


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a table, csv or Parquet, that has `columns`. Raises `FileError`."""
    import pandas as pd
    import pyarrow as pa

    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    try:
        csv = path.suffix.lower() == ".csv"
        table = pd.read_csv(path, nrows=_MOST_ROWS) if csv else pd.read_parquet(path)
    except (pa.ArrowException, pd.errors.ParserError, OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read as a table, it may be cut: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise FileError(f"{path}: columns are missing: {', '.join(missing)}")
    for name in columns:
        if name.endswith("_s") and not pd.api.types.is_numeric_dtype(table[name].dtype):
            raise FileError(f"{path}: column {name!r} holds {table[name].dtype}, expected seconds")
    return table


def _cameras(
    result: Result, given: Path | None, notes: list[str]
) -> tuple[tuple[Camera, ...], Path | None]:
    """Return the cameras of the fit in its order, and their file."""
    wanted = [str(name) for name in result.provenance.get("cameras") or ()]
    if given is not None:
        return _ordered(read_cameras(given), wanted, given), given
    for name in _CAMERA_FILES:
        path = result.path.parent / name
        if path.is_file():
            try:
                return _ordered(read_cameras(path), wanted, path), path
            except MouseposeError as error:
                notes.append(f"the camera file beside the result is not used: {error}")
    return (), None


def _ordered(cameras: list[Camera], wanted: list[str], path: Path) -> tuple[Camera, ...]:
    """Return the cameras of the fit in its order; all where the fit names none."""
    by_name = {camera.name: camera for camera in cameras}
    if not wanted:
        return tuple(cameras)
    missing = [name for name in wanted if name not in by_name]
    if not missing:
        return tuple(by_name[name] for name in wanted)
    if len(cameras) == len(wanted) == 1:  # a matrix alone has no name of its own
        return tuple(cameras)
    raise InputError(
        f"{path}: has no camera {', '.join(map(repr, missing))} that the result was made with; it "
        f"has {', '.join(map(repr, by_name))}. Give the file of the fit with --camera"
    )


def _gait_folder(result: Result, given: Path | None) -> Path | None:
    if given is not None:
        if not (given / "strides.parquet").is_file():
            raise FileError(f"{given}: no strides.parquet in this folder; run mousepose gait first")
        return given
    beside = result.path.parent
    for folder in (beside / f"{result.path.stem}-gait", beside / "gait", beside):
        if (folder / "strides.parquet").is_file():
            return folder
    return None


def _told(path: Path, columns: Sequence[str], given: bool, notes: list[str]) -> pd.DataFrame | None:
    """Return a table; where it was only found and is none, None and a note."""
    try:
        return read_table(path, columns)
    except FileError as error:
        if given:
            raise
        notes.append(f"a table beside the result is not used: {error}")
        return None


def _behaviour(result: Result, given: Path | None, notes: list[str]) -> pd.DataFrame | None:
    if given is not None:
        return read_table(given, _BEHAVIOUR)
    for path in _behaviour_files(result.path.parent):
        if path.is_file():
            return _told(path, _BEHAVIOUR, False, notes)
    return None


def _behaviour_files(folder: Path) -> Iterator[Path]:
    for ending in (".parquet", ".csv"):
        yield folder / f"behaviour{ending}"
        yield folder / "behaviour" / f"bouts{ending}"
        yield folder / "behaviour" / f"behaviour{ending}"


def _keypoints(result: Result) -> Path | None:
    """Return the only file of keypoints of a video that lies beside a result."""
    found = sorted(result.path.parent.glob("*.keypoints.parquet"))
    return found[0] if len(found) == 1 else None
