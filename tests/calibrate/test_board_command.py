"""`mousepose calibrate board` and `print-board` as their users meet them."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from boards import CHARUCO, film, held, make_camera, make_rig
from mousepose.cli.calibrate import app
from mousepose.io import read_cameras, write_cameras

pytest.importorskip("cv2", reason="OpenCV is not installed")

BOARD = ("--columns", 6, "--rows", 8, "--square", 24, "--marker", 18)


def program(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Let pictures have few pixels: they are looked at in the tests of the reports."""
    monkeypatch.setattr("mousepose.report.canvas.DPI", 30)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """Ten frames of a rig in folders side and top; the board looks alike in all of flat."""
    folder = tmp_path_factory.mktemp("footage")
    boards = held(CHARUCO, 10, seed=2)
    for camera, name in zip(make_rig(2), ("side", "top"), strict=True):
        film(folder / name, camera, CHARUCO, boards)
    flat = np.repeat(held(CHARUCO, 1, tilt=0.0, turn=0.0), 3, axis=0)
    film(folder / "flat", make_camera(), CHARUCO, flat)
    return folder


def test_a_rig_becomes_a_file_and_pictures(footage, tmp_path):
    out = tmp_path / "rig.toml"
    found = program(
        "board", footage / "side", footage / "top", *BOARD, "--distortion", 4, "-o", out
    )
    assert found.exit_code == 0, found.output
    assert "PASS" in found.stdout
    assert re.search(r"side +\d+/\d+ +5[12]\d", found.stdout)
    assert "top stands at" in found.stdout
    side, top = read_cameras(out)
    assert (side.name, top.name) == ("side", "top")
    for camera, true in zip((side, top), make_rig(2), strict=True):
        assert camera.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=0.02)
    distance = np.linalg.norm(make_rig(2)[1].position)
    assert np.linalg.norm(top.position) == pytest.approx(distance, rel=0.02)
    pictures = sorted(path.name for path in (tmp_path / "rig-plots").iterdir())
    assert pictures == ["rig.png", "side.png", "top.png"]


def test_what_fails_is_not_written_unless_forced(footage, tmp_path):
    out = tmp_path / "camera.toml"
    words = ("board", footage / "flat", *BOARD, "-o", out, "--distortion", "0")
    found = program(*words)
    assert found.exit_code == 3
    assert "FAIL flat: 3 views of the board are few" in found.stdout
    assert "record longer" in found.stdout
    assert f"did not pass; {out} was not written" in found.stderr
    assert not out.exists()
    assert (tmp_path / "camera-plots" / "flat.png").exists()
    forced = program(*words, "--force")
    assert forced.exit_code == 3
    assert "written all the same" in forced.stderr
    assert len(read_cameras(out)) == 1


def test_the_floor_and_known_lenses(footage, tmp_path):
    known = make_camera("four", name="side")
    write_cameras(tmp_path / "lens.toml", [known])
    out = tmp_path / "camera.yaml"
    found = program(
        "board", footage / "side", *BOARD, "-o", out, "--intrinsics", tmp_path / "lens.toml",
        "--floor-frame", 2, "--board-thickness", 3, "--plots", tmp_path / "pictures",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    (camera,) = read_cameras(out)
    np.testing.assert_array_equal(camera.matrix, known.matrix)
    np.testing.assert_array_equal(camera.floor_plane, [0, 0, 1, 0])
    assert (tmp_path / "pictures" / "side.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.mp4", *BOARD, "-o", "x.toml"), "none.mp4: there is no such file or folder"),
        (("side", *BOARD, "-o", "none/x.toml"), "the folder none does not exist; make it first"),
        (("side", *BOARD[:6], "-o", "x.toml"), "--marker: a charuco board has markers"),
        (("side", "--columns", 8, "--rows", 6, *BOARD[4:], "-o", "x.toml"),
         "in 0 of 10 frames (0 to 9); its markers belong to a board of 6 columns"),
        (("side", *BOARD, "--dictionary", "9x9_10", "-o", "x.toml"), "unknown dictionary '9x9_10'"),
        (("side", "side", *BOARD, "-o", "x.toml"), "two cameras have one name"),
        (("side", *BOARD, "--floor-frame", 99, "-o", "x.toml"), "has the frames 0 to 9"),
        (("side", *BOARD, "--fisheye", "--distortion", 5, "-o", "x.toml"), "has 0, 4 terms, not 5"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(footage, monkeypatch, words, message):
    monkeypatch.chdir(footage)
    found = program("board", *words)
    assert found.exit_code == (2 if message.startswith("--marker") else 1)
    (line,) = [line for line in found.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("error: ")
    assert message in line


def test_a_board_to_print(tmp_path):
    found = program("print-board", *BOARD, "-o", tmp_path / "board.svg")
    assert found.exit_code == 0
    assert "charuco of 6 x 8, 24 mm, markers 18 mm of 4x4_1000, on 168 x 225 mm" in found.stdout
    assert "A4" not in found.stdout
    large = ("--columns", 8, "--rows", 11, "--square", 30, "--marker", 20)
    assert "larger than A4" in program("print-board", *large, "-o", tmp_path / "b.svg").stdout
    wrong = program("print-board", *BOARD, "-o", tmp_path / "board.pdf")
    assert wrong.exit_code == 1
    assert "ends in .svg or .png" in wrong.stderr
