"""What is printed on a board: its dark parts in mm, and its image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.calibrate.board import Board
from mousepose.calibrate.opencv import marker_dictionary, require_opencv
from mousepose.types import Floats

#: A marker has a border of one dark module on each side of its bits.
_BORDER = 1


def dark_parts(board: Board) -> Floats:
    """Return the dark rectangles (N, 4) of a board: x, y, width, height in mm in its frame."""
    parts = [] if board.kind == "aruco-grid" else _dark_squares(board)
    if board.has_markers:
        for index, corner in enumerate(_marker_corners(board)):
            parts += _dark_modules(board, index, corner)
    return np.array(parts, np.float64).reshape(-1, 4)


def board_image(board: Board, pixels_per_mm: float, margin_mm: float) -> NDArray[np.uint8]:
    """Return the board (H, W) as grey values 0 or 255, with a light margin around it.

    Pixel (x, y) shows the place ((x + 0.5, y + 0.5) / pixels_per_mm - margin_mm) of the board.
    """
    width, height = (round((side + 2 * margin_mm) * pixels_per_mm) for side in board.size_mm)
    image = np.full((height, width), 255, np.uint8)
    for x, y, w, h in dark_parts(board):
        edges = (np.array([x, y, x + w, y + h]) + margin_mm) * pixels_per_mm
        left, top, right, bottom = np.rint(edges).astype(int)
        image[top:bottom, left:right] = 0
    return image


def _dark_squares(board: Board) -> list[tuple[float, ...]]:
    side = board.square_mm
    first = _first_dark(board)
    return [
        (column * side, row * side, side, side)
        for row in range(board.rows)
        for column in range(board.columns)
        if (row + column) % 2 == first
    ]


def _first_dark(board: Board) -> int:
    """Return 0 where the square at the top left is dark, 1 where it is light."""
    return int(board.legacy and board.rows % 2 == 0)


def _marker_corners(board: Board) -> list[tuple[float, float]]:
    """Return the top left corner of each marker, in the order of their numbers."""
    side, marker = board.square_mm, board.marker_mm or 0.0
    cells = [(column, row) for row in range(board.rows) for column in range(board.columns)]
    if board.kind == "aruco-grid":
        return [(column * side, row * side) for column, row in cells]
    gap = (side - marker) / 2
    return [
        (column * side + gap, row * side + gap)
        for column, row in cells
        if (row + column) % 2 != _first_dark(board)
    ]


def _dark_modules(board: Board, index: int, corner: tuple[float, float]) -> list[tuple[float, ...]]:
    """Return the dark runs of marker number `index`, row by row of its modules."""
    cv2 = require_opencv()
    family = marker_dictionary(board.dictionary)
    count = family.markerSize + 2 * _BORDER
    bits = cv2.aruco.generateImageMarker(family, index, count, borderBits=_BORDER) == 0
    module = (board.marker_mm or 0.0) / count
    runs: list[tuple[float, ...]] = []
    for row, dark in enumerate(bits):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], dark, [False]]).astype(int)))
        for start, stop in edges.reshape(-1, 2):
            x, y = corner[0] + start * module, corner[1] + row * module
            runs.append((x, y, (stop - start) * module, module))
    return runs
