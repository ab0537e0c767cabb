"""Corners of squares to parts of a pixel, and those that went astray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.calibrate.board import Board
from mousepose.calibrate.opencv import require_opencv
from mousepose.geometry.homography import apply_homography, fit_homography
from mousepose.types import Floats

Grey = NDArray[np.uint8]

#: Half the window of a refinement: as a share of the distance between corners, or of the light gap
#: between a corner and the nearest marker, whose edges would pull it; and in px.
_SPACING_SHARE, _FIRST_SHARE, _GAP_SHARE = 0.3, 0.35, 0.9
_SMALLEST, _LARGEST_FIRST, _LARGEST = 2, 5, 11
#: A corner this many times the median, and this many px, away from its neighbours' warp is astray.
_ASTRAY, _LEAST_ASTRAY_PX = 4.0, 0.3
#: Powers of the warp of lens and perspective that neighbours share, by the number of corners.
_CUBIC_FROM, _ROUNDS = 16, 5


def refine(board: Board, image: Grey, pixels: Floats) -> Floats:
    """Return corners (P, 2) of squares at the saddle points of an image's grey values.

    NaN stays NaN. On boards with markers in two steps: the first forgives a rough start, the second
    looks no further than the markers; on small boards that halves the error.
    """
    seen = np.isfinite(pixels[:, 0])
    spacing = _spacing(board, pixels)
    refined = pixels.copy()
    if board.has_markers:
        gap = 0.5 * (1 - (board.marker_mm or 0.0) / board.square_mm) * spacing
        windows = [
            np.clip(_FIRST_SHARE * spacing, _SMALLEST, _LARGEST_FIRST),
            np.clip(_GAP_SHARE * gap, _SMALLEST, _LARGEST),
        ]
    else:
        windows = [np.clip(_SPACING_SHARE * spacing, _SMALLEST, _LARGEST)]
    for half in windows:
        refined[seen] = _saddles(image, refined[seen], int(half))
    return refined


def without_strays(board: Board, pixels: Floats) -> Floats:
    """Return corners (P, 2) with NaN for those that lie off the smooth warp of the others."""
    seen = np.flatnonzero(np.isfinite(pixels[:, 0]))
    plane, found = board.points[seen, :2], pixels[seen]
    away = found - apply_homography(fit_homography(plane, found), plane)
    flat = (plane - plane.mean(axis=0)) / np.abs(plane - plane.mean(axis=0)).max()
    degree = 3 if len(seen) >= _CUBIC_FROM else 1
    x, y = flat.T
    powers = [x**a * y**b for a in range(degree + 1) for b in range(degree + 1 - a)]
    terms = np.stack(powers, axis=1)
    weight = np.ones(len(seen))
    for _ in range(_ROUNDS):
        warp = np.linalg.lstsq(terms * weight[:, None], away * weight[:, None], rcond=None)[0]
        distance = np.linalg.norm(away - terms @ warp, axis=1)
        usual = float(np.median(distance))
        weight = 1 / np.maximum(1.0, distance / (2 * usual + 1e-9))
    kept = pixels.copy()
    kept[seen[distance > max(_ASTRAY * usual, _LEAST_ASTRAY_PX)]] = np.nan
    return kept


def _spacing(board: Board, pixels: Floats) -> float:
    """Return the smallest distance (px) between neighbouring corners of a board seen so."""
    seen = np.isfinite(pixels[:, 0])
    plane = board.points[:, :2]
    grid = apply_homography(fit_homography(plane[seen], pixels[seen]), plane)
    grid = grid.reshape(board.rows - 1, board.columns - 1, 2)
    steps = [np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1)]
    return float(min(steps))


def _saddles(image: Grey, pixels: Floats, half: int) -> Floats:
    cv2 = require_opencv()
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    start = np.array(pixels, np.float32).reshape(-1, 1, 2)
    refined = cv2.cornerSubPix(image, start, (half, half), (-1, -1), criteria)
    return np.asarray(refined, np.float64).reshape(-1, 2)
