"""COLMAP's text model: round trips, its pixels, its models, and what is wrong with a row."""

import numpy as np
import pytest

from mousepose.errors import CameraError, FileError
from mousepose.geometry.camera import Camera
from mousepose.io.cameras.files import read_cameras, write_cameras

CAMERAS = "# comment\n1 OPENCV 640 480 500 501 320 240 -0.1 0.02 0.001 -0.002\n"
IMAGES = "# comment\n1 1 0 0 0 1 2 300 1 side.png\n12.5 13.5 -1\n2 0 1 0 0 1 2 300 1 top.png\n\n"


def model(tmp_path, cameras=CAMERAS, images=IMAGES):
    (tmp_path / "cameras.txt").write_text(cameras, encoding="utf-8")
    if images:
        (tmp_path / "images.txt").write_text(images, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "lenses", [["none"], ["five"], ["fisheye"], ["four", "eight", "fisheye", "none"]]
)
def test_what_is_written_is_read_back(tmp_path, rig, same_cameras, lenses):
    cameras = rig(*lenses)
    folder = tmp_path / "sparse"
    write_cameras(folder, cameras, format="colmap")
    same_cameras(cameras, read_cameras(folder))
    same_cameras(cameras, read_cameras(folder / "cameras.txt"))


def test_half_a_pixel_lies_between_the_two_conventions(tmp_path):
    (camera, _) = read_cameras(model(tmp_path))
    np.testing.assert_array_equal(camera.matrix, [[500, 0, 319.5], [0, 501, 239.5], [0, 0, 1]])
    assert camera.distortion.tolist() == [-0.1, 0.02, 0.001, -0.002]


def test_every_image_is_a_camera(tmp_path):
    side, top = read_cameras(model(tmp_path))
    assert (side.name, top.name) == ("side", "top")
    np.testing.assert_array_equal(side.T_camera_world[:3, 3], [1, 2, 300])
    np.testing.assert_allclose(top.rotation, np.diag([1, -1, -1]), atol=1e-15)
    assert side.source == "cameras.txt (units not stated: mm assumed)"


def test_without_images_every_camera_is_its_own_world(tmp_path):
    (camera,) = read_cameras(model(tmp_path, images=""))
    assert camera.name == "cam_1"
    np.testing.assert_array_equal(camera.T_camera_world, np.eye(4))


def test_images_of_one_name_in_several_folders_keep_the_folder(tmp_path):
    images = "1 1 0 0 0 0 0 0 1 side/1.png\n\n2 1 0 0 0 0 0 0 1 top/1.png\n\n"
    cameras = read_cameras(model(tmp_path, images=images))
    assert [camera.name for camera in cameras] == ["side/1.png", "top/1.png"]


@pytest.mark.parametrize(
    ("row", "terms", "focals"),
    [
        ("SIMPLE_PINHOLE 640 480 500 320 240", [], (500, 500)),
        ("PINHOLE 640 480 500 501 320 240", [], (500, 501)),
        ("SIMPLE_RADIAL 640 480 500 320 240 0.1", [0.1, 0, 0, 0], (500, 500)),
        ("RADIAL 640 480 500 320 240 0.1 0.2", [0.1, 0.2, 0, 0], (500, 500)),
        ("FULL_OPENCV 640 480 500 501 320 240 1 2 3 4 5 6 7 8", list(range(1, 9)), (500, 501)),
        ("OPENCV_FISHEYE 640 480 500 501 320 240 .1 .2 .3 .4", [0.1, 0.2, 0.3, 0.4], (500, 501)),
    ],
)  # fmt: skip
def test_the_models(tmp_path, row, terms, focals):
    (camera,) = read_cameras(model(tmp_path, f"1 {row}\n", ""))
    assert camera.distortion.tolist() == terms
    assert (camera.matrix[0, 0], camera.matrix[1, 1]) == focals
    assert camera.model == ("fisheye" if "FISHEYE" in row else "pinhole")


@pytest.mark.parametrize(
    ("cameras", "images", "message"),
    [
        ("1 FOV 640 480 1 2 3 4 5\n", "", "MODEL: 'FOV', expected one of SIMPLE_PINHOLE"),
        ("1 PINHOLE 640 480 1 2 3\n", "", "PINHOLE: has 3 parameters, expected 4"),
        ("1 PINHOLE 0 480 1 2 3 4\n", "", "size: "),
        ("1 PINHOLE 640 480 0 2 3 4\n", "", "matrix: is singular"),
        (CAMERAS + CAMERAS, "", "'1' names several cameras"),
        (CAMERAS, IMAGES.replace("300 1 top", "300 7 top"), "CAMERA_ID: 7, but cameras.txt has 1"),
        (CAMERAS, IMAGES.replace("2 0 1 0 0", "2 0 2 0 0"), "QW QX QY QZ: has length 2"),
        (CAMERAS, IMAGES.replace("top.png", "side.png"), "'side.png' names several"),
        (CAMERAS, IMAGES.replace("1 2 300", "nan 2 300"), "TX TY TZ: expected finite"),
        (CAMERAS, "# nothing\n", "rows: none"),
    ],
)
def test_each_fault_is_named(tmp_path, cameras, images, message):
    with pytest.raises(CameraError) as caught:
        read_cameras(model(tmp_path, cameras, images))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("cameras", "images", "message"),
    [
        ("1 PINHOLE 640 480 wide 2 3 4\n", "", "line 1: expected CAMERA_ID MODEL"),
        (CAMERAS, "1 1 0 0 0 1 2 300 1\n", "line 1: expected IMAGE_ID QW"),
        (CAMERAS, IMAGES + "3 1 0 0\n", "line 6: expected IMAGE_ID QW"),
    ],
)
def test_rows_that_are_cut(tmp_path, cameras, images, message):
    with pytest.raises(FileError, match=message):
        read_cameras(model(tmp_path, cameras, images))


def test_poses_alone_and_folders_without_cameras(tmp_path):
    with pytest.raises(FileError, match="folder without a cameras.txt"):
        read_cameras(tmp_path)
    path = tmp_path / "images.txt"
    path.write_text(IMAGES, encoding="utf-8")
    with pytest.raises(FileError, match=r"give the cameras.txt"):
        read_cameras(path)


def test_a_skew_has_no_model(tmp_path):
    skewed = Camera([[500, 3, 320], [0, 500, 240], [0, 0, 1]], [], np.eye(4), (640, 480))
    with pytest.raises(CameraError, match="knows no skew"):
        write_cameras(tmp_path / "sparse", [skewed], format="colmap")
