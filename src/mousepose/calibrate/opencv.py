"""OpenCV, which finds boards in images; an optional library, and its absence told in one way."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.errors import InputError


def require_opencv() -> Any:
    """Return OpenCV. Raises `InputError` where it is missing or older than 4.8."""
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            "finding boards in images needs OpenCV: pip install 'mousepose[calibrate]'"
        ) from error
    if not (hasattr(cv2, "aruco") and hasattr(cv2.aruco, "CharucoDetector")):
        raise InputError(
            f"OpenCV {cv2.__version__} cannot find ChArUco boards, 4.8 or later can: "
            "pip install --upgrade 'mousepose[calibrate]'"
        )
    return cv2


def marker_dictionary(name: str, count: int | None = None) -> Any:
    """Return OpenCV's dictionary of markers with a name of `board.DICTIONARIES`.

    With `count` only of its first markers: to look for those of a board alone is up to ten times
    quicker than for a thousand.
    """
    cv2 = require_opencv()
    constant = f"DICT_{name.upper()}"
    constant = re.sub(r"(\d)H(\d)", r"\1h\2", constant)  # DICT_APRILTAG_36h11
    family = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, constant))
    if count is None:
        return family
    first = np.ascontiguousarray(family.bytesList[:count])
    return cv2.aruco.Dictionary(first, family.markerSize, family.maxCorrectionBits)


def opencv_board(board: Board) -> Any:
    """Return OpenCV's object of a ChArUco board."""
    cv2 = require_opencv()
    family = marker_dictionary(board.dictionary, board.marker_count)
    shape = (board.columns, board.rows)
    made = cv2.aruco.CharucoBoard(shape, board.square_mm, board.marker_mm, family)
    made.setLegacyPattern(board.legacy)
    return made
