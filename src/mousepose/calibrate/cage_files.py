"""What people give of a cage: corners as text or in a TOML file, sizes, and the image."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box
from mousepose.errors import FileError, InputError

#: A file of corners has a few hundred bytes.
_LARGEST_FILE_BYTES = 100_000
#: No camera has more; what claims more pixels than this is no photograph.
_MOST_PIXELS = 200_000_000
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")

Corners = dict[str, tuple[float, ...]]


def read_corners(given: str) -> Corners:
    """Return corners (name -> x, y in px) given as "x1,y1 x2,y2 ..." or as a TOML file of names.

    Without names they are the four of the floor, or these and the four of the rim, in the order of
    `CORNER_NAMES`. A file has a line for each corner that is seen, `floor_front_left = [x, y]`, and
    for each mark of another known place, `any_name = [x, y, X, Y, Z]` (px, mm in the cage).
    Raises `InputError` for text of another form, `FileError` for a file that cannot be read.
    """
    if given.strip().lower().endswith(".toml"):
        return _corners_of_file(Path(given.strip()))
    pairs = [pair for pair in re.split(r"[\s;]+", given.strip()) if pair]
    numbers = [_numbers(pair, ",") for pair in pairs]
    wrong = next((p for p, n in zip(pairs, numbers, strict=True) if len(n) != 2), None)
    if wrong is not None:
        raise InputError(
            f'corners: {wrong[:40]!r} is no corner, expected "x1,y1 x2,y2 x3,y3 x4,y4" (px) or the '
            "name of a .toml file"
        )
    if len(pairs) not in (4, 8):
        raise InputError(
            f"corners: {len(pairs)} given, expected 4 (the floor) or 8 (floor, then rim): "
            f"{', '.join(CORNER_NAMES)}. Where some cannot be seen, name the others in a .toml file"
        )
    return {name: tuple(xy) for name, xy in zip(CORNER_NAMES, numbers, strict=False)}


def read_box(size: str, rim: str | None = None) -> Box:
    """Return the cage of LENGTHxWIDTH or LENGTHxWIDTHxHEIGHT mm, `rim` LENGTHxWIDTH at its top.

    Raises `InputError` for another text, and for lengths that no cage has.
    """
    sides = _numbers(size, "x")
    if len(sides) not in (2, 3):
        raise InputError(
            f"cage size: expected LENGTHxWIDTH or LENGTHxWIDTHxHEIGHT in mm, as 370x210x150, got "
            f"{size[:40]!r}"
        )
    top = None
    if rim is not None:
        length_and_width = _numbers(rim, "x")
        if len(length_and_width) != 2:
            raise InputError(f"rim: expected LENGTHxWIDTH in mm, as 390x230, got {rim[:40]!r}")
        top = (length_and_width[0], length_and_width[1])
    return Box(sides[0], sides[1], sides[2] if len(sides) == 3 else None, top)


def read_picture(path: str | os.PathLike[str], frame: int = 0) -> NDArray[np.uint8]:
    """Return an image (H, W) or (H, W, 3): a picture file, or a frame of a video by its number.

    A photograph that says which side is up is turned so. Raises `FileError` where it cannot be
    read, and `InputError` where a video needs a library that is not installed.
    """
    path = Path(path)
    if path.suffix.lower() in _IMAGE_SUFFIXES:
        return _read_image(path)
    from mousepose.calibrate.board_frames import open_footage, read_frames

    footage = open_footage(path)
    if not 0 <= frame < footage.count:
        raise InputError(f"{path}: has {footage.count} frames, there is no frame {frame}")
    for _, image in read_frames(footage, [frame]):
        return image
    raise FileError(f"{path}: frame {frame} cannot be read; is the video cut?")


def _read_image(path: Path) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise FileError(f"{path}: claims {width} x {height} px, which no camera has")
            turned = ImageOps.exif_transpose(image)
            return np.asarray(turned.convert("L" if _is_grey(turned.mode) else "RGB"), np.uint8)
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise FileError(f"{path}: is no image that can be read") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error


def _is_grey(mode: str) -> bool:
    return mode in ("1", "L", "LA", "I", "F") or mode.startswith("I;")


def _corners_of_file(path: Path) -> Corners:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) > _LARGEST_FILE_BYTES:
        raise FileError(f"{path}: larger than {_LARGEST_FILE_BYTES} bytes, so no file of corners")
    try:
        table: dict[str, Any] = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: is no TOML file ({str(error)[:120]})") from error
    corners: Corners = {}
    for name, value in table.items():
        lengths = (2,) if name in CORNER_NAMES else (2, 5)
        if not (isinstance(value, list) and len(value) in lengths and all(map(_is_number, value))):
            raise FileError(
                f"{path}: {name}: expected [x, y] px of a corner, or [x, y, X, Y, Z] px and mm of "
                f"a mark, got {str(value)[:40]!r}"
            )
        corners[name] = tuple(float(number) for number in value)
    return corners


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(text: str, separator: str) -> list[float]:
    """Return the numbers of a text, none where one of them is no number."""
    try:
        return [float(word) for word in text.lower().replace("×", "x").split(separator)]
    except ValueError:
        return []
