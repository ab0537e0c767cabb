"""The corners of a board in one image, in the board's own order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.calibrate.board_refine import Grey, refine, without_strays
from mousepose.calibrate.opencv import marker_dictionary, opencv_board, require_opencv
from mousepose.errors import InputError
from mousepose.geometry.homography import apply_homography, fit_homography
from mousepose.types import Floats

#: Fewer corners than this tell too little of a view: a pose has six unknowns.
LEAST_CORNERS = 6
#: Checkerboards are looked for in images no wider than this (px), corners refined in the whole one.
_QUICK_WIDTH, _THOROUGH_WIDTH = 1000, 640


#: Corners further than this share of the board's image from a flat view belong to another board.
_LARGEST_BEND = 0.04


class Detection(NamedTuple):
    """Corners (P, 2) px, NaN where not found, and how wide an edge is blurred, px."""

    pixels: Floats
    edge_width: float


class Detector:
    """Finds one kind of board in grey images (H, W); call it with an image."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._cv2 = require_opencv()
        self._charuco: list[Any] = []
        if board.kind == "charuco":
            layouts = [board.legacy] if board.rows % 2 else [board.legacy, not board.legacy]
            self._charuco = [_charuco_detector(replace(board, legacy=legacy)) for legacy in layouts]
        elif board.kind == "aruco-grid":
            self._markers = marker_detector(board.dictionary, board.marker_count)

    def __call__(self, image: Grey) -> Detection | None:
        """Return the corners of the board in an image, or None where it is not seen well enough."""
        pixels = {
            "charuco": self._find_charuco,
            "checkerboard": self._find_checkerboard,
            "aruco-grid": self._find_grid,
        }[self.board.kind](image)
        if self._tells_too_little(pixels):
            return None
        if self.board.kind == "charuco":
            pixels = refine(self.board, image, pixels)
        if self.board.kind != "aruco-grid":
            pixels = without_strays(self.board, pixels)
        if self._tells_too_little(pixels):
            return None
        seen = np.isfinite(pixels[:, 0])
        return Detection(pixels, edge_width(image, pixels[seen]))

    def _tells_too_little(self, pixels: Floats) -> bool:
        """Tell whether corners (P, 2) are few, nearly on a line, or not those of this board."""
        seen = np.isfinite(pixels[:, 0])
        if np.count_nonzero(seen) < LEAST_CORNERS or _is_line(pixels[seen]):
            return True
        return flatness(self.board.points[seen, :2], pixels[seen]) > _LARGEST_BEND

    def _empty(self) -> Floats:
        return np.full((len(self.board.points), 2), np.nan)

    def _find_charuco(self, image: Grey) -> Floats:
        best = self._empty()
        for place, detector in enumerate(self._charuco):
            corners, ids, _, _ = detector.detectBoard(image)
            found = self._empty()
            if ids is not None:
                found[np.asarray(ids).ravel()] = np.asarray(corners).reshape(-1, 2)
            if np.isfinite(found).sum() > np.isfinite(best).sum():
                best = found
                if np.isfinite(best).all() and place > 0:
                    # the layout that shows all corners is the one of this board: try it first
                    self._charuco.insert(0, self._charuco.pop(place))
            if np.isfinite(best).all():
                break
        return best

    def _find_grid(self, image: Grey) -> Floats:
        corners, ids, _ = self._markers.detectMarkers(image)
        found = self._empty()
        for index, corner in zip(np.ravel([] if ids is None else ids), corners, strict=True):
            if index < self.board.marker_count:
                found[4 * index : 4 * index + 4] = np.asarray(corner).reshape(4, 2)
        return found

    def _find_checkerboard(self, image: Grey) -> Floats:
        shape = (self.board.columns - 1, self.board.rows - 1)
        pixels = find_squares(image, shape)
        if pixels is None:
            return self._empty()
        return in_order(self.board, image, refine(self.board, image, pixels))


def find_squares(image: Grey, shape: tuple[int, int]) -> Floats | None:
    """Return roughly where the inner corners (columns, rows) of a checkerboard are, or None.

    OpenCV's first method takes milliseconds and misses some; its second is a fallback.
    """
    cv2 = require_opencv()
    quick = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    for finder, width, flags in (
        (cv2.findChessboardCorners, _QUICK_WIDTH, quick),
        (cv2.findChessboardCornersSB, _THOROUGH_WIDTH, cv2.CALIB_CB_NORMALIZE_IMAGE),
    ):
        factor = min(1.0, width / image.shape[1])
        small = image
        if factor < 1:
            small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        found, corners = finder(small, shape, flags=flags)
        if found:
            rough = np.asarray(corners, np.float64).reshape(-1, 2)
            return np.asarray((rough + 0.5) / factor - 0.5)
    return None


def marker_detector(dictionary: str, count: int | None = None) -> Any:
    """Return OpenCV's detector of markers (the first `count`), their corners refined."""
    cv2 = require_opencv()
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    return cv2.aruco.ArucoDetector(marker_dictionary(dictionary, count), settings)


def _charuco_detector(board: Board) -> Any:
    return require_opencv().aruco.CharucoDetector(opencv_board(board))


def in_order(board: Board, image: Grey, pixels: Floats) -> Floats:
    """Return the corners (P, 2) of a checkerboard in the order in which it is seen upright.

    Never mirrored, and with a dark square at the top left where the colours tell one end from the
    other. Which of `board.turns` it is stays open.
    """
    grid = pixels.reshape(board.rows - 1, board.columns - 1, 2)
    across, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
    if across[0] * down[1] - across[1] * down[0] < 0:
        grid = grid[:, ::-1]
    step = 1 if board.columns == board.rows else 2
    candidates = [np.rot90(grid, count) for count in range(0, 4, step)]
    dark = [_dark_first(board, image, candidate.reshape(-1, 2)) for candidate in candidates]
    return candidates[int(np.argmax(dark))].reshape(-1, 2)


def _dark_first(board: Board, image: Grey, pixels: Floats) -> float:
    """Return how much darker the squares are that are dark when the top left one is."""
    column, row = np.meshgrid(np.arange(1, board.columns - 1), np.arange(1, board.rows - 1))
    centres = (np.stack([column, row], axis=-1).reshape(-1, 2) + 0.5) * board.square_mm
    place = apply_homography(fit_homography(board.points[:, :2], pixels), centres)
    x, y = np.clip(np.rint(place).astype(int), 0, np.array(image.shape[::-1]) - 1).T
    grey = image[y, x].astype(np.float64)
    is_dark = ((column + row) % 2 == 0).ravel()
    return float(grey[~is_dark].mean() - grey[is_dark].mean())


def edge_width(image: Grey, pixels: Floats) -> float:
    """Return over how many pixels the edges around corners (N, 2) go from dark to light.

    Contrast over the steepest slope: about 1 where sharp, more where out of focus or moved.
    """
    margin = 8
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - margin, 0)
    high = np.ceil(pixels.max(axis=0)).astype(int) + margin
    part = image[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if min(part.shape) < 3:
        raise InputError("the corners lie outside the image")
    down, across = np.gradient(part)
    slope = np.percentile(np.hypot(down, across), 99)
    contrast = np.subtract(*np.percentile(part, (95, 5)))
    return float(contrast / max(float(slope), 1e-6))


def flatness(points: Floats, pixels: Floats) -> float:
    """Return how far corners (N, 2) px are from any view of the board, as a share of its size.

    Lenses bend a board by a few hundredths; corners that belong elsewhere by tenths.
    """
    away = pixels - apply_homography(fit_homography(points, pixels), points)
    return float(np.sqrt((away**2).sum(axis=1).mean()) / np.linalg.norm(np.ptp(pixels, axis=0)))


def _is_line(pixels: Floats) -> bool:
    widths = np.linalg.svd(pixels - pixels.mean(axis=0), compute_uv=False)
    return bool(widths[1] < 0.05 * widths[0])
