"""A folder of images as if it were a video: every image a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError
from mousepose.video.container import MAX_PIXELS
from mousepose.video.types import Bytes

#: Endings of files that are images.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})


def images_in(folder: Path) -> tuple[Path, ...]:
    """Return the images in a folder in the natural order of their names, 2 before 10.

    Raises `FileError` where there are none.
    """
    images = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES]
    images = [file for file in images if not file.name.startswith(".")]
    if not images:
        raise FileError(f"{folder}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    images.sort(key=lambda file: _natural(file.name))
    return tuple(images)


def _natural(name: str) -> list[str | int]:
    """Return what to sort a name by: text and numbers in turn, text first."""
    return [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", name.lower())]


def read_image(path: Path, colour: bool, size: tuple[int, int] | None = None) -> Bytes:
    """Return an image as (H, W) grey or (H, W, 3) RGB, uint8; 16 bits become 8.

    An image that says which side is up is turned so; where `size` (width, height) differs it is
    scaled. Raises `FileError` where it cannot be read or is larger than a camera's.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise FileError(f"{path}: claims {image.width} x {image.height} px, as no camera")
            upright = ImageOps.exif_transpose(_to_8_bits(image))
            upright = upright.convert("RGB" if colour else "L")
            if size is not None and upright.size != size:
                upright = upright.resize(size, Image.Resampling.BILINEAR)
            return np.array(upright, np.uint8)
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise FileError(f"{path}: is no image, or it is cut") from error
    except OSError as error:
        raise FileError(f"{path}: is no image, or it is cut ({error.strerror or error})") from error


def _to_8_bits(image: Any) -> Any:
    """Return an image of 16-bit greys as one of 8; Pillow would cut them off at 255."""
    if not image.mode.startswith("I"):
        return image
    from PIL import Image

    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))


def sizes_of(images: Sequence[Path]) -> tuple[int, int]:
    """Return the upright width and height of the first image that can be read."""
    failed = None
    for path in images:
        try:
            height, width = read_image(path, colour=False).shape
            return width, height
        except FileError as error:
            failed = failed or error
    raise failed or FileError("no images")
