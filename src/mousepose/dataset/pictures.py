"""Encoded pictures of records and folders: their size and pixels, with limits for hostile ones."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

from mousepose.types import Bytes

#: A frame of a video has two million at most; a picture of more is no frame.
MAX_PIXELS = 64 * 2**20
_FORMATS = ("JPEG", "PNG")


class PictureError(ValueError):
    """The bytes are no picture that can be read."""


def picture_size(encoded: bytes) -> tuple[int, int]:
    """Return (width, height) px of an encoded picture, its pixels unread. Raises `PictureError`."""
    size: tuple[int, int] = _opened(encoded).size
    return size


def decode_picture(encoded: bytes) -> Bytes:
    """Return the pixels (H, W, 3) RGB of an encoded picture. Raises `PictureError`."""
    picture = _opened(encoded)
    try:
        return np.asarray(picture.convert("RGB"))
    except Exception as error:  # whatever a damaged stream makes the decoder raise
        raise PictureError(f"its picture is damaged ({error})") from error


def encode_jpeg(pixels: Bytes, quality: int = 90) -> bytes:
    """Return pixels (H, W, 3) RGB or (H, W) as a JPEG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _opened(encoded: bytes) -> Any:
    from PIL import Image

    if not encoded:
        raise PictureError("its picture is empty")
    try:
        with warnings.catch_warnings(action="ignore"):
            picture = Image.open(io.BytesIO(encoded), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise PictureError(f"its picture is too large ({error})") from error
    except Exception as error:  # whatever a damaged header makes the decoder raise
        shown = encoded[:8].hex(" ")
        raise PictureError(f"its picture is no JPEG or PNG (it starts with {shown})") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise PictureError(f"its picture has {picture.width} x {picture.height} px, too many")
    return picture
