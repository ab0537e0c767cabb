"""Corners found in rendered images, against where the camera put them; and why none were found."""

import re
from dataclasses import replace

import numpy as np
import pytest

from boards import CHARUCO, DISTANCE, HALF, QUARTER, TELLING, held, make_camera, renderer
from mousepose.calibrate.board import Board
from mousepose.geometry import rotation

pytest.importorskip("cv2", reason="OpenCV is not installed")

from mousepose.calibrate.board_detect import Detector, in_order  # noqa: E402
from mousepose.calibrate.board_diagnose import diagnose  # noqa: E402

GRID = Board("aruco-grid", 4, 5, 36.0, 28.0)
LEGACY = replace(CHARUCO, legacy=True)
CAMERA = make_camera()


def picture(board, transform=None, **faults):
    """An image of a board held slantwise, and the true pixels of its corners."""
    if transform is None:
        axes = rotation.exp([0.3, -0.25, 0.4])
        transform = np.eye(4)
        transform[:3, :3] = axes
        transform[:3, 3] = [5, -8, DISTANCE] - axes @ board.points.mean(axis=0)
    corners = board.points @ transform[:3, :3].T + transform[:3, 3]
    return renderer(CAMERA, board)(transform, **faults), CAMERA.project(corners)


@pytest.fixture(scope="module")
def pictures():
    """One picture of every board."""
    return {repr(b): picture(b) for b in (CHARUCO, LEGACY, TELLING, HALF, QUARTER, GRID)}


@pytest.mark.parametrize("board", [CHARUCO, TELLING], ids=str)
def test_corners_are_found_to_a_tenth_of_a_pixel(board, pictures):
    image, true = pictures[repr(board)]
    found = Detector(board)(image)
    assert np.abs(found.pixels - true).max() < 0.3
    assert np.sqrt(((found.pixels - true) ** 2).sum(axis=1).mean()) < 0.12
    assert np.abs((found.pixels - true).mean(axis=0)).max() < 0.03  # no bias
    assert 1 < found.edge_width < 4


@pytest.mark.parametrize("board", [HALF, QUARTER], ids=str)
def test_a_board_that_looks_the_same_turned_is_found_in_one_of_its_orders(board, pictures):
    image, true = pictures[repr(board)]
    found = Detector(board)(image).pixels
    assert min(np.abs(found - true[order]).max() for order in board.turns) < 0.3


def test_marker_corners_are_found_without_a_shift(pictures):
    image, true = pictures[repr(GRID)]
    error = Detector(GRID)(image).pixels - true
    assert np.abs(error).max() < 1.3  # blur pulls each marker's corners inwards
    assert np.abs(error.mean(axis=0)).max() < 0.05


@pytest.mark.parametrize("given", [CHARUCO, LEGACY], ids=["new", "legacy"])
def test_the_layout_of_old_charuco_boards_is_recognised(given, pictures):
    image, true = pictures[repr(LEGACY)]
    image_of_legacy, _ = picture(LEGACY)
    detector = Detector(given)
    for _ in range(2):
        assert np.abs(detector(image_of_legacy).pixels - true).max() < 0.4


def test_a_part_of_a_charuco_board_is_enough():
    transform = held(CHARUCO, 1)[0]
    transform[:3, 3] += [190, 0, 0]
    image, true = picture(CHARUCO, transform)
    found = Detector(CHARUCO)(image).pixels
    seen = np.isfinite(found[:, 0])
    assert 6 <= seen.sum() < len(true)
    assert np.abs(found - true)[seen].max() < 0.4


def test_blur_is_measured(pictures):
    sharp = Detector(CHARUCO)(pictures[repr(CHARUCO)][0])
    blurred = Detector(CHARUCO)(picture(CHARUCO, blur_px=1.2)[0])
    assert blurred.edge_width > 1.2 * sharp.edge_width


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("board", [TELLING, HALF, QUARTER], ids=str)
def test_any_order_becomes_one_that_the_board_allows(board, count, mirrored, pictures):
    """Half turns of 10 x 7 squares are told apart by the colours; no order stays mirrored."""
    image, true = pictures[repr(board)]
    grid = true.reshape(board.rows - 1, board.columns - 1, 2)
    grid = np.rot90(grid[:, ::-1] if mirrored else grid, count)
    if grid.shape[:2] != (board.rows - 1, board.columns - 1):
        return  # a detector never gives rows for columns
    found = in_order(board, image, grid.reshape(-1, 2))
    assert any(np.array_equal(found, true[order]) for order in board.turns)


@pytest.mark.parametrize("board", [CHARUCO, TELLING, GRID], ids=str)
def test_nothing_is_found_where_nothing_is(board):
    assert Detector(board)(np.full((240, 320), 120, np.uint8)) is None


@pytest.mark.parametrize(
    ("shown", "given", "message"),
    [
        (CHARUCO, CHARUCO.resized(8, 6), "belong to a board of 6 columns and at least 8 rows"),
        (LEGACY, CHARUCO.resized(5, 7), "belong to a board of 6 columns and at least 8 rows"),
        (CHARUCO, replace(CHARUCO, dictionary="5x5_250"), "dictionary 4x4_1000: give that with"),
        (CHARUCO, Board("aruco-grid", 6, 8, 24.0, 18.0), "do not lie as on this board"),
        (CHARUCO, TELLING, "a board with markers was seen instead: give --board charuco"),
        (GRID, CHARUCO.resized(4, 5), "whether it is --board aruco-grid"),
        (TELLING, CHARUCO, "a checkerboard without markers was seen: give --board checkerboard"),
        (TELLING, TELLING.resized(9, 6), "of 10 x 7 squares was seen .* not inner corners"),
        (TELLING, TELLING.resized(9, 7), "of 10 x 7 squares was seen instead: give --columns 10"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_seen_instead_is_told(shown, given, message, pictures):
    image, _ = pictures[repr(shown)]
    assert Detector(given)(image) is None
    assert re.search(message, diagnose([image], given))


def test_mirrored_dark_and_empty_images_are_told(pictures):
    image, _ = pictures[repr(CHARUCO)]
    mirrored = np.ascontiguousarray(image[:, ::-1])
    assert Detector(CHARUCO)(mirrored) is None
    assert "the images are mirrored" in diagnose([mirrored], CHARUCO)
    assert "nearly black" in diagnose([image // 20], CHARUCO)
    assert "nothing like it was seen" in diagnose([np.full((100, 150), 99, np.uint8)], CHARUCO)
    assert "too few" in diagnose([], CHARUCO)
