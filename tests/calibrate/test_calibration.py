"""From views of a board to cameras with a verdict; the floor; known lenses."""

from dataclasses import replace

import numpy as np
import pytest

from boards import CHARUCO, DISTANCE, HALF, film, held, make_camera, make_rig, see
from mousepose.calibrate.board_calibration import calibrate_board, calibrate_views
from mousepose.errors import InputError
from mousepose.geometry import rotation


@pytest.fixture(scope="module")
def good_camera():
    camera = make_camera()
    return calibrate_views(see(CHARUCO, [camera], held(CHARUCO, 20)))


@pytest.fixture(scope="module")
def good_rig():
    true = make_rig(3)
    return calibrate_views(see(CHARUCO, true, held(CHARUCO, 20)), terms=4)


def texts(calibration, level=None):
    return " | ".join(f.what for f in calibration.findings if level in (None, f.level))


def test_a_good_calibration_passes_and_is_true(good_camera):
    assert good_camera.passed
    (camera,), (report,) = good_camera.cameras, good_camera.lens_reports
    assert camera.matrix[0, 0] == pytest.approx(520, rel=0.005)
    assert report.focal_doubt < 0.004
    assert report.held_out_px == pytest.approx(0.14, abs=0.03)
    assert 0.4 < report.coverage <= 1
    assert "charuco of 6 x 8, 24 mm" in camera.source
    assert "px in views left out" in camera.source
    assert good_camera.rig is None


def test_a_good_rig_passes_and_is_true(good_rig):
    assert good_rig.passed, texts(good_rig)
    true = make_rig(3)
    for index, camera in enumerate(good_rig.cameras[1:], start=1):
        distance = np.linalg.norm(true[index].position)
        assert np.linalg.norm(camera.position) == pytest.approx(distance, rel=0.01)
    report = good_rig.rig_report
    assert (report.shared == report.shared.T).all()
    assert abs(report.held_out_scale) < 0.003
    assert report.position_sd[0] == 0


def test_cameras_in_write_files_that_are_read_again(good_rig, tmp_path):
    from mousepose.io import read_cameras, write_cameras

    write_cameras(tmp_path / "rig.toml", good_rig.cameras)
    for camera, back in zip(good_rig.cameras, read_cameras(tmp_path / "rig.toml"), strict=True):
        np.testing.assert_allclose(back.T_camera_world, camera.T_camera_world, atol=1e-12)
        assert back.source == camera.source


@pytest.mark.parametrize(
    ("settings", "frames", "expected"),
    [
        ({"tilt": 0.02, "turn": 0.0}, 12, "the board was hardly tilted"),
        ({}, 6, "6 views of the board are few"),
    ],
)
def test_bad_views_fail_with_a_reason(settings, frames, expected):
    camera = make_camera()
    found = calibrate_views(see(CHARUCO, [camera], held(CHARUCO, frames, **settings)), terms=4)
    assert not found.passed
    assert expected in texts(found, "fail")
    assert all(finding.advice for finding in found.findings)


def test_a_board_that_stays_in_the_middle_fails():
    camera = make_camera()
    boards = held(CHARUCO, 16)
    boards[:, :3, 3] = [0, 0, 1100] - boards[:, :3, :3] @ CHARUCO.points.mean(axis=0)
    found = calibrate_views(see(CHARUCO, [camera], boards), terms=4)
    for part in ("corners cover", "no corner came near", "the board stayed at one distance"):
        assert part in texts(found)


def test_a_wrong_square_shape_is_found():
    """A board printed 4 % too wide: the pixels seem not to be square."""
    camera = make_camera()
    wide = replace(CHARUCO)
    views = see(wide, [camera], held(wide, 14))
    stretched = views.pixels.copy()
    stretched[..., 0] *= 1.04
    found = calibrate_views(replace(views, pixels=stretched), terms=4)
    assert "pixels are not square: fx and fy differ by 3.9" in texts(found, "fail")


def test_noise_fails():
    camera = make_camera()
    found = calibrate_views(see(CHARUCO, [camera], held(CHARUCO, 14), noise=2.0), terms=4)
    assert "the error in views left out is 2" in texts(found, "fail")


def test_a_fisheye_taken_for_a_pinhole_does_not_pass_unseen():
    camera = make_camera("fisheye", 260.0)
    boards = held(CHARUCO, 16)
    boards[:, 2, 3] -= 270
    views = see(CHARUCO, [camera], boards)
    right = calibrate_views(views, model="fisheye")
    assert right.cameras[0].matrix[0, 0] == pytest.approx(260, rel=0.01)
    wrong = calibrate_views(views, terms=0)
    assert not wrong.passed


def on_floor(count=1):
    """A rig and a board that lies on the floor in frame 0, print up; the floor in the world."""
    cameras = make_rig(count)
    boards = held(CHARUCO, 14)
    axes = rotation.exp([0.9, 0.1, 0.2])
    boards[0, :3, :3] = axes
    boards[0, :3, 3] = [0, 20, DISTANCE] - axes @ CHARUCO.points.mean(axis=0)
    normal = -axes[:, 2]  # towards who looks at the print
    return cameras, boards, normal


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("thickness", [0.0, 5.0])
def test_a_board_on_the_floor_gives_the_floor_and_an_upright_world(count, thickness):
    true, boards, normal = on_floor(count)
    views = see(CHARUCO, true, boards, noise=0.02)
    found = calibrate_views(views, terms=4, floor_frame=0, thickness_mm=thickness)
    print_at = boards[0, :3, :3] @ CHARUCO.points.mean(axis=0) + boards[0, :3, 3]
    for camera, expected in zip(found.cameras, true, strict=True):
        np.testing.assert_array_equal(camera.floor_plane, [0, 0, 1, 0])
        height = normal @ (expected.position - print_at) + thickness
        assert camera.position[2] == pytest.approx(height, rel=0.01)
        up = camera.rotation @ [0, 0, 1]
        np.testing.assert_allclose(up, expected.rotation @ normal, atol=0.01)
    # the first corner of the print stands where the board's own frame says
    corner = found.cameras[0].to_world(true[0].to_camera(boards[0, :3, 3]))
    np.testing.assert_allclose(corner, [0, 0, thickness], atol=4)


def test_a_floor_frame_without_the_board_is_told():
    camera = make_camera()
    views = see(CHARUCO, [camera], held(CHARUCO, 8))
    with pytest.raises(InputError, match="frame 99: no camera sees the board there"):
        calibrate_views(views, terms=4, floor_frame=99)


def test_known_lenses_are_kept_and_matched_by_name():
    true = make_rig(2)
    views = see(CHARUCO, true, held(CHARUCO, 16))
    other = [replace(true[1], T_camera_world=np.eye(4)), true[0]]
    found = calibrate_views(views, known=other)
    for camera, expected in zip(found.cameras, true, strict=True):
        np.testing.assert_array_equal(camera.matrix, expected.matrix)
        np.testing.assert_allclose(camera.T_camera_world, expected.T_camera_world, atol=4)
    renamed = [replace(camera, name=f"x{camera.name}") for camera in true]
    assert [c.name for c in calibrate_views(views, known=renamed).cameras] == ["cam_0", "cam_1"]
    with pytest.raises(InputError, match="the known lenses are of xcam_0; expected cam_0, cam_1"):
        calibrate_views(views, known=renamed[:1])
    small = [replace(camera, size=(320, 256)) for camera in true]
    with pytest.raises(InputError, match="the known lens is of 320 x 256 px, the footage has 640"):
        calibrate_views(views, known=small)


def test_a_symmetric_checkerboard_calibrates_a_rig():
    true = make_rig(2)
    found = calibrate_views(see(HALF, true, held(HALF, 22), turned=True), terms=4)
    assert "rig" not in {finding.who for finding in found.findings if finding.level == "fail"}
    distance = np.linalg.norm(true[1].position)
    assert np.linalg.norm(found.cameras[1].position) == pytest.approx(distance, rel=0.02)


def test_from_images_to_a_camera_within_two_percent(tmp_path):
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    camera = make_camera("four")
    film(tmp_path / "side", camera, CHARUCO, held(CHARUCO, 9))
    found = calibrate_board([tmp_path / "side"], CHARUCO)
    assert found.passed, texts(found)
    assert found.cameras[0].name == "side"
    assert found.cameras[0].matrix[0, 0] == pytest.approx(520, rel=0.02)
    assert found.lens_reports[0].held_out_px < 0.4
    with pytest.raises(InputError, match="a fisheye lens has 0, 4 terms, not 5"):
        calibrate_board([tmp_path / "side"], CHARUCO, model="fisheye", terms=5)
