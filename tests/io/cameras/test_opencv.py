"""OpenCV's YAML and XML: round trips, foreign spellings, OpenCV's own reader, hostile files."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import CameraError, FileError
from mousepose.geometry import rotation
from mousepose.io.cameras.files import read_cameras, write_cameras

SUFFIXES = pytest.mark.parametrize("suffix", [".yaml", ".yml", ".xml"])

SAMPLE = """%YAML:1.0
---
calibration_time: "Tue 01 May 2024 10:00:00"
nr_of_frames: 25
image_width: 640
image_height: 480
flags: 0   # none
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 5.3591573396163199e+02, 0., 3.4228315473308373e+02, 0.,
       5.3592573396163199e+02, 2.3557082909788173e+02, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.6637260909660682e-01, -3.8588898922304653e-02,
       1.7831947042852964e-03, -2.8122100441115472e-04, 2.3839153080878486e-01 ]
avg_reprojection_error: 3.9220e-01
"""

ROS = """image_width: 640
image_height: 480
camera_name: narrow
camera_matrix:
  rows: 3
  cols: 3
  data: [500, 0, 320, 0, 501, 240, 0, 0, 1]
distortion_model: {model}
distortion_coefficients:
  rows: 1
  cols: {count}
  data: {terms}
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
"""


def write(tmp_path, text, name="camera.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@SUFFIXES
@pytest.mark.parametrize(
    "lenses", [["none"], ["five"], ["fisheye"], ["four", "eight", "fisheye", "none"]]
)
def test_what_is_written_is_read_back(tmp_path, rig, same_cameras, suffix, lenses):
    cameras = rig(*lenses)
    path = tmp_path / f"rig{suffix}"
    write_cameras(path, cameras)
    back = read_cameras(path)
    same_cameras(cameras, back)
    assert back[0].source == cameras[0].source


@SUFFIXES
def test_opencv_reads_what_is_written(tmp_path, rig, suffix):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    (camera,) = rig("five")
    path = tmp_path / f"camera{suffix}"
    write_cameras(path, [camera])
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    np.testing.assert_array_equal(storage.getNode("camera_matrix").mat(), camera.matrix)
    lens = storage.getNode("distortion_coefficients").mat()
    np.testing.assert_array_equal(lens.ravel(), camera.distortion)
    assert storage.getNode("camera_name").string() == camera.name
    assert int(storage.getNode("image_width").real()) == camera.size[0]


@SUFFIXES
def test_what_opencv_writes_is_read(tmp_path, rig, same_cameras, suffix):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    (camera,) = rig("eight", floor=False)
    path = tmp_path / f"camera{suffix}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("cameraMatrix", camera.matrix)
    storage.write("distCoeffs", camera.distortion[:, None])
    storage.write("image_size", np.array(camera.size))
    storage.write("rvec", rotation.log(camera.rotation)[:, None])
    storage.write("tvec", camera.translation[:, None])
    storage.write("camera_name", camera.name)
    storage.release()
    (back,) = read_cameras(path)
    same_cameras([camera], [back])
    assert "mm assumed" in back.source


def test_the_sample_of_opencv(tmp_path):
    (camera,) = read_cameras(write(tmp_path, SAMPLE))
    assert camera.size == (640, 480)
    assert camera.matrix[1, 1] == 535.92573396163199
    assert camera.distortion.tolist()[4] == 2.3839153080878486e-01
    assert camera.source == "camera.yaml"


@pytest.mark.parametrize(
    ("model", "terms", "expected"),
    [
        ("plumb_bob", [-0.1, 0.2, 1e-3, 0, 0], "pinhole"),
        ("rational_polynomial", [0.1] * 8, "pinhole"),
        ("equidistant", [0.01] * 4, "fisheye"),
    ],
)
def test_camera_info_of_ros(tmp_path, model, terms, expected):
    text = ROS.format(model=model, count=len(terms), terms=terms)
    (camera,) = read_cameras(write(tmp_path, text))
    assert (camera.name, camera.model, camera.distortion.tolist()) == ("narrow", expected, terms)


def test_the_pose_of_a_stereo_pair_belongs_to_the_second_camera(tmp_path):
    rows = "!!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: "
    text = "%YAML:1.0\n---\nimageSize: [640, 480]\n"
    for number in (1, 2):
        text += f"M{number}: {rows}[500., 0., 320., 0., 500., 240., 0., 0., 1.]\n"
        text += f"D{number}: [0.1, 0.0, 0.0, 0.0]\n"
        text += f"R{number}: {rows}[0., 1., 0., -1., 0., 0., 0., 0., 1.]\n"  # rectifying: no pose
    turn = rotation.exp([0.1, 0.2, 0.3])
    text += f"R: {rows}{turn.ravel().tolist()}\nT: [1., 2., 3.]\n"
    first, second = read_cameras(write(tmp_path, text))
    np.testing.assert_array_equal(first.T_camera_world, np.eye(4))
    np.testing.assert_allclose(second.rotation, turn, atol=1e-12)
    assert second.translation.tolist() == [1, 2, 3]


def test_coefficients_listed_one_by_one(tmp_path):
    text = SAMPLE.partition("distortion_coefficients")[0] + "k1: -0.2\nk2: 0.1\np2: 0.001\n"
    (camera,) = read_cameras(write(tmp_path, text))
    assert camera.distortion.tolist() == [-0.2, 0.1, 0.0, 0.001]


def test_zeros_of_a_thin_prism_are_no_fault(tmp_path):
    lens = SAMPLE.partition("distortion_coefficients")[0] + "dist: "
    (camera,) = read_cameras(write(tmp_path, lens + str([0.1] * 8 + [0.0] * 4) + "\n"))
    assert camera.distortion.tolist() == [0.1] * 8
    with pytest.raises(CameraError, match="has 12 terms"):
        read_cameras(write(tmp_path, lens + str([0.1] * 12) + "\n"))


def test_the_size_may_be_given_where_the_file_states_none(tmp_path):
    text = SAMPLE.replace("image_width: 640\nimage_height: 480\n", "")
    with pytest.raises(CameraError, match=r"image_size: missing, expected image_width"):
        read_cameras(write(tmp_path, text))
    (camera,) = read_cameras(write(tmp_path, text), size=(640, 480))
    assert camera.size == (640, 480)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0., 0., 1. ]", "0., 1., 0. ]", "camera_matrix: third row"),
        ("0., 0., 1. ]", "0., 0. ]", "camera_matrix: expected 3x3 numbers"),
        ("camera_matrix", "matrix_of_camera", "[camera_matrix] key: missing"),
        ("rows: 5", "rows: 6", "distortion_coefficients: expected n numbers"),
        ("image_width: 640", "image_width: wide", "image_size: "),
        ("nr_of", "R: [1, 2, 3]\nnr_of", "translation: missing"),
        ("nr_of", "R: [1, 2]\nT: [1, 2, 3]\nnr_of", "rotation: expected 3x3"),
        ("nr_of", "units: foot\nnr_of", "units: 'foot', expected one of mm"),
        ("nr_of", "K: [1]\nnr_of", "a second matrix of one camera"),
    ],
)
def test_each_fault_is_named(tmp_path, old, new, message):
    assert old in SAMPLE
    path = write(tmp_path, SAMPLE.replace(old, new))
    with pytest.raises(CameraError) as caught:
        read_cameras(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SAMPLE[: SAMPLE.index("0.,\n")], "line 8: .*|line 12: a list is not closed"),
        ("%YAML:1.0\nimage_width: 3\nimage_width: 4\n", "line 3: 'image_width' is there twice"),
        ("%YAML:1.0\na: [[1, 2]\n", "a list is not closed"),
        ("%YAML:1.0\na: [1]]\n", "brackets do not match"),
        ("%YAML:1.0\na: " + "[" * 20 + "]" * 20 + "\n", "brackets do not match"),
        ("%YAML:1.0\n!!python/object:os.system\n", "expected `key: value`"),
        ("".join(" " * n + "a:\n" for n in range(12)), "nested deeper"),
        ("<opencv_storage><a>", "is cut or no XML"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
        ("<a>" * 12 + "<b/>" + "</a>" * 12, "nested deeper"),
    ],
)
def test_what_is_cut_or_hostile_is_refused(tmp_path, text, message):
    with pytest.raises(FileError, match=message):
        read_cameras(write(tmp_path, text))


@given(st.text(string.printable, max_size=200), st.sampled_from(["%YAML:1.0\n", "<a>", "a: 1\n"]))
def test_garbage_gives_one_clear_error(tmp_path_factory, text, start):
    path = write(tmp_path_factory.mktemp("garbage"), start + text)
    with pytest.raises((FileError, CameraError)):
        read_cameras(path)


@given(st.integers(0, len(SAMPLE) - 1), st.sampled_from("0-9.[]: \n!x\"'"))
def test_one_wrong_letter_gives_a_camera_or_one_clear_error(tmp_path_factory, place, letter):
    text = SAMPLE[:place] + letter + SAMPLE[place + 1 :]
    path = write(tmp_path_factory.mktemp("letter"), text)
    try:
        cameras = read_cameras(path)
    except (FileError, CameraError) as error:
        assert str(path) in str(error)
    else:
        assert len(cameras) == 1
