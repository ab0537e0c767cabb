"""The samples on the data set's site: slices of one CT scan, and a picture of several views.

The slices come as an animation, its colours those of a map of intensities, or as an array
(`intensity`, and if told `spacing_mm`). Neither holds Hounsfield units.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousepose.dataset.multiview import read_picture
from mousepose.errors import FileError
from mousepose.types import Bytes, Floats

INTENSITY, SPACING = "intensity", "spacing_mm"
#: More is no sample of a scan.
MAX_SLICES, MAX_BYTES = 2000, 512 * 2**20
#: Colours that lie further from the map (mean of RGB, 0 to 255) are colours of another one.
_ODD_COLOUR = 12.0
#: A border between two views: all but this share of a column differs from the next by so much (0 to
#: 255) and so many times the usual; and how narrow a view may be (px).
_SHARE, _BORDER, _BORDER_TIMES, _NARROWEST = 0.25, 6.0, 4.0, 64


@dataclass(frozen=True, eq=False)
class CtSlices:
    """Sagittal slices: `intensity` (slices, rows, columns) 0 to 255, and their distances (3,) mm.

    Rows go from the back to the belly, columns from the tail to the nose. `spacing_mm` is None
    where the file does not tell it.
    """

    path: Path
    intensity: Bytes
    spacing_mm: Floats | None


def holds_slices(path: Path) -> bool:
    """Tell whether a file is an animation, or an archive with an array of intensities."""
    if path.suffix.lower() == ".gif":
        return True
    if path.suffix.lower() != ".npz" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return f"{INTENSITY}.npy" in archive.namelist()


def load_slices(path: str | Path) -> CtSlices:
    """Return the slices in a GIF or an npz. Raises `FileError` on what holds none."""
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    try:
        found = _of_archive(path) if path.suffix.lower() == ".npz" else _of_animation(path)
    except FileError:
        raise
    except Exception as error:  # whatever a damaged file makes a decoder raise
        text = str(error).replace(str(path), path.name)
        told = text.splitlines()[0][:160] if text else type(error).__name__
        raise FileError(f"{path}: no slices of a scan can be read from it: {told}") from error
    if found.intensity.ndim != 3 or min(found.intensity.shape) < 2:
        raise FileError(
            f"{path}: expected several slices (slices, rows, columns), got {found.intensity.shape}"
        )
    return found


def view_panels(path: str | Path) -> list[Bytes]:
    """Return the views (H, W, 3) that a picture shows side by side, from left to right.

    They meet where most of a column differs from the next. Raises `FileError`.
    """
    picture = read_picture(Path(path))
    change = np.abs(np.diff(picture.astype(np.int16), axis=1)).max(axis=2)
    step = np.quantile(change, _SHARE, axis=0)
    sharp = step > max(_BORDER, _BORDER_TIMES * float(np.median(step)))
    edges = [0]
    for column in np.flatnonzero(sharp) + 1:
        if column - edges[-1] >= _NARROWEST and picture.shape[1] - column >= _NARROWEST:
            edges.append(int(column))
    return np.split(picture, edges[1:], axis=1)


def _of_archive(path: Path) -> CtSlices:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_BYTES:
        raise FileError(f"{path}: unpacks to {size / 2**20:.0f} MB, too many for slices of a scan")
    with np.load(path, allow_pickle=False) as file:
        if INTENSITY not in file:
            raise FileError(f"{path}: holds no array {INTENSITY!r} but {', '.join(file)}")
        values = file[INTENSITY]
        spacing = file[SPACING].astype(np.float64) if SPACING in file else None
    if values.dtype != np.uint8:
        raise FileError(f"{path}: {INTENSITY} has {values.dtype}, expected uint8")
    right = spacing is None or (spacing.shape == (3,) and bool((spacing > 0).all()))
    if not right or (spacing is not None and not np.isfinite(spacing).all()):
        raise FileError(f"{path}: {SPACING} is {spacing}, expected three sizes in mm")
    return CtSlices(path, values, spacing)


def _of_animation(path: Path) -> CtSlices:
    from PIL import Image

    with Image.open(path, formats=("GIF",)) as film:
        count, (width, height) = int(getattr(film, "n_frames", 1)), film.size
        if count > MAX_SLICES or count * width * height > MAX_BYTES:
            raise FileError(f"{path}: {count} pictures of {width} x {height} px are too many")
        values = np.empty((count, height, width), np.uint8)
        for number in range(count):
            film.seek(number)
            values[number] = _intensity_of(path, np.asarray(film.convert("RGB")))
    return CtSlices(path, values, None)


def _intensity_of(path: Path, colours: Bytes) -> Bytes:
    """Return the intensities (H, W) of colours (H, W, 3) that are grey or those of viridis."""
    if (np.ptp(colours, axis=-1) < 2).mean() > 0.99:
        return np.ascontiguousarray(colours[..., 0])
    flat = colours.reshape(-1, 3).astype(np.uint32)
    packed = np.asarray(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2])
    codes, where = np.unique(packed, return_inverse=True)
    own = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.float64)
    away: NDArray[np.float64] = np.linalg.norm(own[:, None] - _viridis(), axis=-1)
    if float(away.min(axis=1)[where].mean()) > _ODD_COLOUR:
        raise FileError(f"{path}: its colours are neither grey nor those of the map viridis")
    nearest = away.argmin(axis=1).astype(np.uint8)
    return np.asarray(nearest[where].reshape(colours.shape[:2]))


def _viridis() -> Floats:
    from matplotlib import colormaps

    return np.asarray((colormaps["viridis"](np.arange(256))[:, :3] * 255).round())
