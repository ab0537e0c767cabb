"""What a board is: its corners, its turns, what is printed, what is no board."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from boards import CHARUCO, HALF, QUARTER, TELLING
from mousepose.calibrate.board import DICTIONARIES, Board
from mousepose.calibrate.board_pattern import board_image, dark_parts
from mousepose.errors import InputError, UnknownNameError

GRID = Board("aruco-grid", 3, 4, 30.0, 24.0)
EVERY_BOARD = pytest.mark.parametrize("board", [CHARUCO, TELLING, HALF, QUARTER, GRID], ids=str)


@EVERY_BOARD
def test_corners_lie_inside_the_board_and_apart(board):
    points = board.points
    assert (points[:, :2] >= 0).all()
    assert (points[:, :2] <= board.size_mm).all()
    assert not points[:, 2].any()
    assert len(np.unique(points, axis=0)) == len(points)


def test_corners_are_counted_along_the_rows():
    np.testing.assert_array_equal(
        CHARUCO.points[[0, 1, 5]], [[24, 24, 0], [48, 24, 0], [24, 48, 0]]
    )
    assert len(CHARUCO.points) == 5 * 7
    # clockwise from the top left of the second marker
    expected = [[30, 0, 0], [54, 0, 0], [54, 24, 0], [30, 24, 0]]
    np.testing.assert_array_equal(GRID.points[4:8], expected)


@EVERY_BOARD
def test_turns_are_those_after_which_the_print_is_the_same(board):
    """Every quarter turn is tried on the printed image itself."""
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    image = board_image(board, 1.0, 0.0)
    alike = [
        count
        for count in range(4)
        if np.rot90(image, count).shape == image.shape and (np.rot90(image, count) == image).all()
    ]
    assert len(board.turns) == len(alike)
    middle = board.points.mean(axis=0)
    for order in board.turns:
        away, back = board.points[order] - middle, board.points - middle
        # a turn keeps all lengths and angles
        np.testing.assert_allclose(away @ away.T, back @ back.T, atol=1e-9)


def test_the_dark_half_of_a_checkerboard():
    parts = dark_parts(TELLING)
    assert len(parts) == 35
    assert (parts[:, 2:] == 20).all()
    np.testing.assert_array_equal(parts[0], [0, 0, 20, 20])
    image = board_image(TELLING, 2.0, 5.0)
    assert image.shape == (2 * 150, 2 * 210)
    assert (image[:10] == 255).all()
    assert (image[10:50, 10:50] == 0).all()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("rows", [8, 7])
def test_opencv_prints_the_same_charuco_board(rows, legacy):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    board = Board("charuco", 6, rows, 24.0, 18.0, legacy=legacy)
    shape, dictionary = (6, rows), cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    theirs = cv2.aruco.CharucoBoard(shape, 24.0, 18.0, dictionary)
    theirs.setLegacyPattern(legacy)
    image = theirs.generateImage((6 * 48, rows * 48), marginSize=0)
    np.testing.assert_array_equal(board_image(board, 2.0, 0.0), image)


@pytest.mark.parametrize("name", DICTIONARIES)
def test_every_dictionary_is_known_to_opencv(name):
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    from mousepose.calibrate.opencv import marker_dictionary

    assert len(marker_dictionary(name).bytesList) == DICTIONARIES[name]
    assert len(marker_dictionary(name, 5).bytesList) == 5


def test_dictionaries_are_understood_as_opencv_writes_them():
    assert Board("charuco", 6, 8, 24, 18, "DICT_5X5_250").dictionary == "5x5_250"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("charuco", 2, 8, 24, 18), "needs 3 columns and rows or more, got 2 x 8"),
        (("checkerboard", 2, 2, 24), "squares are counted, not inner corners"),
        (("charuco", 6, 8, 0, 18), "square: expected mm above 0, got 0"),
        (("charuco", 6, 8, float("nan"), 18), "square: expected mm above 0, got nan"),
        (("charuco", 6, 8, 24, 24), "marker: expected mm above 0 and below the square's 24"),
        (("charuco", 6, 8, 24), "needs the side of its markers"),
        (("charuco", 12, 12, 24, 18, "4x4_50"), "4x4_50 has 50 markers, the board 72"),
        (("chess", 6, 8, 24), "board 'chess': expected"),
    ],
)  # fmt: skip
def test_what_is_no_board(fields, message):
    with pytest.raises(InputError, match=message):
        Board(*fields)


def test_without_opencv_the_extra_is_named(monkeypatch):
    from mousepose.calibrate.opencv import require_opencv

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match=r"needs OpenCV: pip install 'mousepose\[calibrate\]'"):
        require_opencv()


def test_an_opencv_that_is_too_old_is_told(monkeypatch):
    from mousepose.calibrate.opencv import require_opencv

    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="4.5.1"))
    with pytest.raises(InputError, match="OpenCV 4.5.1 cannot find ChArUco boards, 4.8 or later"):
        require_opencv()


def test_an_unknown_dictionary_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"unknown dictionary '4x5_50'; known: 4x4_100, "):
        Board("charuco", 6, 8, 24, 18, "4x5_50")
