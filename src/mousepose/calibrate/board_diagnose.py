"""Why a board was not found: what the frames show instead, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mousepose.calibrate.board import DICTIONARIES, Board
from mousepose.calibrate.board_detect import LEAST_CORNERS, flatness, marker_detector
from mousepose.calibrate.board_refine import Grey
from mousepose.calibrate.opencv import opencv_board, require_opencv

#: The largest dictionary of each family: it holds the markers of the smaller ones of 4x4 to 7x7.
_FAMILIES = [name for name in DICTIONARIES if not name.endswith(("_50", "_100", "_250"))]
#: Each search for a family of markers takes up to a second an image.
_FAMILY_IMAGES = 2
#: As many markers as this would give corners if they lay as on the board.
_MANY_MARKERS = 6
_LARGEST_WIDTH = 1000
_MOST_COLUMNS = 20
#: Grey values between the dark and the light squares of a board that is no noise.
_LEAST_CONTRAST = 40
_DARK_GREY = 25.0
#: Corners of a board of the right size lie flat within this share of its image.
_FLAT = 0.03


def diagnose(images: Sequence[Grey], board: Board) -> str:
    """Return what images (H, W) without the board show, and what to do, as the end of a sentence.

    Looks for markers of other dictionaries, for boards of other sizes, for mirrored images.
    """
    small = [_shrunk(image) for image in images]
    if not small:
        return "these views were too few; show it longer, in more places"
    if max(float(image.mean()) for image in small) < _DARK_GREY:
        return "the frames are nearly black; give more light"
    if board.has_markers:
        found = _diagnose_markers(small, board)
    else:
        found = _diagnose_squares(small, board)
    return found or (
        "nothing like it was seen; check that the whole board is in the picture, large, sharp and "
        "evenly lit, and that its kind is as given"
    )


def _shrunk(image: Grey) -> Grey:
    factor = _LARGEST_WIDTH / max(image.shape)
    if factor >= 1:
        return image
    cv2 = require_opencv()
    return np.asarray(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
    )


def _diagnose_markers(images: Sequence[Grey], board: Board) -> str:
    family = board.dictionary.rpartition("_")[0] + "_1000"
    own = family if family in DICTIONARIES else board.dictionary
    ids = _ids(images, own)
    mirrored = _ids([np.ascontiguousarray(image[:, ::-1]) for image in images], own)
    if len(mirrored) > 2 * len(ids):
        return "the images are mirrored: switch the mirroring off and record again"
    if len(ids):
        return _diagnose_size(images, board, own, ids)
    other = _dictionary_of(images)
    if other:
        return f"its markers are of the dictionary {other}: give that with --dictionary"
    if any(_squares(image) for image in images):
        return "a checkerboard without markers was seen: give --board checkerboard"
    return ""


def _dictionary_of(images: Sequence[Grey]) -> str:
    """Return the first dictionary whose markers are seen, or ''."""
    few = images[:_FAMILY_IMAGES]
    return next((name for name in _FAMILIES if len(_ids(few, name))), "")


def _ids(images: Sequence[Grey], dictionary: str) -> np.ndarray:
    """Return the numbers of all markers seen in images that show three or more."""
    detector = marker_detector(dictionary)
    found = [detector.detectMarkers(image)[1] for image in images]
    seen = [np.ravel(ids) for ids in found if ids is not None and len(ids) >= 3]
    return np.concatenate(seen).astype(int) if seen else np.zeros(0, int)


def _diagnose_size(images: Sequence[Grey], board: Board, family: str, ids: np.ndarray) -> str:
    """Return what the numbers of markers of the right family tell of the board's size."""
    fits = _fitting_size(images, board, family, int(ids.max()))
    if fits is not None and fits != (board.columns, board.rows):
        return (
            f"its markers belong to a board of {fits[0]} columns and at least {fits[1]} rows: give "
            "--columns and --rows of the whole board"
        )
    other = "charuco" if board.kind == "aruco-grid" else "aruco-grid"
    check = f"check --columns and --rows, and whether it is --board {other}"
    if ids.max() >= board.marker_count:
        return (
            f"markers up to number {ids.max()} were seen, but a board of {board.columns} x "
            f"{board.rows} has only 0 to {board.marker_count - 1}: {check}"
        )
    count = len(np.unique(ids))
    if count > _MANY_MARKERS:
        return f"{count} of its markers were seen, but they do not lie as on this board: {check}"
    return (
        f"{count} of its markers were seen, too few at once for corners; show the board larger, "
        "hold it still, give more light"
    )


def _fitting_size(
    images: Sequence[Grey], board: Board, family: str, largest: int
) -> tuple[int, int] | None:
    """Return columns and rows of the ChArUco board to which the markers belong, if any fits."""
    if board.kind != "charuco":
        return None
    cv2, detector = require_opencv(), marker_detector(family)
    seen = [(image, *detector.detectMarkers(image)[:2]) for image in images]
    best, most = None, LEAST_CORNERS
    for columns in range(3, _MOST_COLUMNS + 1):
        rows = max(3, -(-2 * (largest + 1) // columns))
        if columns * rows // 2 > DICTIONARIES[family]:
            continue
        for legacy in (False, True)[: 1 + (rows % 2 == 0)]:
            trial = Board("charuco", columns, rows, 2.0, 1.0, family, legacy)
            finder = cv2.aruco.CharucoDetector(opencv_board(trial))
            count = sum(_corners(finder, trial, *view) for view in seen if view[2] is not None)
            if count > most:
                best, most = (columns, rows), count
    return best


def _corners(finder: Any, trial: Board, image: Grey, corners: Any, ids: Any) -> int:
    """Return how many corners of a trial board the markers give, 0 where they lie in no plane."""
    kept = np.ravel(ids) < trial.marker_count
    if kept.sum() < 3:
        return 0
    chosen = tuple(corner for corner, keep in zip(corners, kept, strict=True) if keep)
    found, numbers, _, _ = finder.detectBoard(image, None, None, chosen, ids[kept])
    if numbers is None or len(numbers) < LEAST_CORNERS:
        return 0
    points = trial.points[np.ravel(numbers), :2]
    pixels = np.asarray(found, np.float64).reshape(-1, 2)
    if min(np.ptp(points, axis=0)) == 0 or flatness(points, pixels) > _FLAT:
        return 0
    return len(points)


def _diagnose_squares(images: Sequence[Grey], board: Board) -> str:
    dictionary = _dictionary_of(images)
    if dictionary:
        return (
            f"a board with markers was seen instead: give --board charuco --dictionary {dictionary}"
            " and --marker"
        )
    sizes = [size for size in map(_squares, images) if size]
    if sizes:
        columns, rows = max(set(sizes), key=sizes.count)
        inner = {columns - 1, rows - 1} == {board.columns, board.rows}
        hint = " (count squares, not inner corners)" if inner else ""
        return (
            f"a checkerboard of {columns} x {rows} squares was seen instead: give --columns "
            f"{columns} --rows {rows}{hint}"
        )
    return ""


def _squares(image: Grey) -> tuple[int, int] | None:
    """Return columns and rows of squares of the checkerboard in an image, if there is one."""
    cv2 = require_opencv()
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_LARGER | cv2.CALIB_CB_EXHAUSTIVE
    found, corners, shape = cv2.findChessboardCornersSBWithMeta(image, (3, 3), flags)
    if not found:
        return None
    rows, columns = np.asarray(shape).shape[:2]
    low, high = (np.ravel(f(np.reshape(corners, (-1, 2)), axis=0)) for f in (np.min, np.max))
    part = image[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1]
    if np.subtract(*np.percentile(part, (95, 5))) < _LEAST_CONTRAST:
        return None  # noise has corners too
    return max(columns, rows) + 1, min(columns, rows) + 1
