"""Pictures of a calibration and boards to print: they are drawn, whole, and hold what they must."""

import re

import numpy as np
import pytest
from PIL import Image

from boards import CHARUCO, TELLING, held, make_camera, make_rig, see
from mousepose.calibrate.board_calibration import calibrate_views
from mousepose.calibrate.board_pattern import dark_parts
from mousepose.errors import FileError
from mousepose.report.board_sheet import write_board_sheet
from mousepose.report.calibration import plot_lens, plot_rig


@pytest.fixture(scope="module")
def rig():
    views = see(CHARUCO, make_rig(2), held(CHARUCO, 16))
    views.pixels[0, 3] += 7 * np.random.default_rng(0).normal(size=views.pixels[0, 3].shape)
    return calibrate_views(views, terms=4)


def inked(path):
    """How much of each quarter of a picture is not white."""
    grey = np.asarray(Image.open(path).convert("L"))
    height, width = grey.shape
    quarters = [grey[: height // 2, : width // 2], grey[: height // 2, width // 2 :],
                grey[height // 2 :, : width // 2], grey[height // 2 :, width // 2 :]]  # fmt: skip
    return [float((quarter < 250).mean()) for quarter in quarters]


def test_all_four_panels_of_each_picture_are_drawn(rig, tmp_path):
    for index, camera in enumerate(rig.cameras):
        plot_lens(rig, index, tmp_path / f"{camera.name}.png")
        assert min(inked(tmp_path / f"{camera.name}.png")) > 0.01
    plot_rig(rig, tmp_path / "rig.png")
    assert min(inked(tmp_path / "rig.png")) > 0.01
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cam_0.png", "cam_1.png", "rig.png"]


def test_one_camera_is_no_rig(tmp_path):
    alone = calibrate_views(see(CHARUCO, [make_camera()], held(CHARUCO, 6)), terms=4)
    plot_lens(alone, 0, tmp_path / "lens.png")
    with pytest.raises(ValueError, match="one camera is no rig"):
        plot_rig(alone, tmp_path / "rig.png")


def test_a_printed_board_has_its_true_size(tmp_path):
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    for board in (CHARUCO, TELLING):
        width, height = write_board_sheet(tmp_path / "board.png", board)
        with Image.open(tmp_path / "board.png") as image:
            dots = np.array(image.info["dpi"]) / 25.4
            np.testing.assert_allclose(np.array(image.size) / dots, [width, height], atol=0.1)
        write_board_sheet(tmp_path / "board.svg", board)
        text = (tmp_path / "board.svg").read_text(encoding="utf-8")
        assert f'width="{width}mm" height="{height}mm"' in text
        drawn = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h", text)
        np.testing.assert_allclose(np.array(drawn, float), dark_parts(board), atol=1e-4)
        assert ("the bar is 100 mm" in text) == (board.size_mm[0] >= 100)


def test_the_printed_board_is_the_one_that_is_found(tmp_path):
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    from mousepose.calibrate.board_detect import Detector

    write_board_sheet(tmp_path / "board.png", CHARUCO)
    image = Image.open(tmp_path / "board.png").convert("L")
    small = np.asarray(image.reduce(4))
    found = Detector(CHARUCO)(small).pixels
    # the margin is half a square; the centre of the top-left pixel is (0, 0)
    expected = (CHARUCO.points[:, :2] + 12) * 600 / 25.4 / 4 - 0.5
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"ends in \.svg or \.png"):
        write_board_sheet(tmp_path / "board.pdf", CHARUCO)
