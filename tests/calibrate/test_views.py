"""The search for a board in the footage of all cameras, and what is told when it fails."""

import numpy as np
import pytest

from boards import CHARUCO, film, held, make_camera, make_rig
from mousepose.errors import InputError

pytest.importorskip("cv2", reason="OpenCV is not installed")

from mousepose.calibrate.board_views import find_board  # noqa: E402

FRAMES = 5


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """A camera each in folders side and top, with the board; in empty without."""
    folder = tmp_path_factory.mktemp("footage")
    boards = held(CHARUCO, FRAMES)
    for camera, name in zip(make_rig(2), ("side", "top"), strict=True):
        film(folder / name, camera, CHARUCO, boards)
    away = boards.copy()
    away[:, :3, 3] += 9000
    film(folder / "empty", make_camera(), CHARUCO, away)
    return folder


def test_every_camera_and_frame_has_its_place(footage):
    stages = []
    views = find_board(
        [footage / "side", footage / "top"], CHARUCO, progress=lambda *told: stages.append(told)
    )
    assert views.names == ("side", "top")
    assert views.sizes == ((640, 512), (640, 512))
    assert views.searched == FRAMES
    assert not views.notes
    boards = held(CHARUCO, FRAMES)[views.frame_numbers]
    for camera, pixels in zip(make_rig(2), views.pixels, strict=True):
        for transform, found in zip(boards, pixels, strict=True):
            true = camera.project(CHARUCO.points @ transform[:3, :3].T + transform[:3, 3])
            assert np.nanmax(np.abs(found - true), initial=0) < 1.0
    assert stages[-1] == ("looking for the board in top", FRAMES, FRAMES)


def test_frames_asked_for_are_looked_at(footage):
    views = find_board([footage / "side"], CHARUCO, frames=3, also=[1], names=["left"])
    assert views.names == ("left",)
    assert views.searched == 4
    assert set(views.frame_numbers.tolist()) <= {0, 1, 2, 4}
    with pytest.raises(InputError, match="frame 9: the footage has the frames 0 to 4"):
        find_board([footage / "side"], CHARUCO, also=[9])


def test_a_board_that_is_not_there_is_told_with_what_is(footage):
    with pytest.raises(InputError) as caught:
        find_board([footage / "side", footage / "empty"], CHARUCO)
    for part in ("empty: the board (charuco of 6 x 8, 24 mm", "in 0 of 5 frames (0 to 4)",
                 "check that the whole board is in the picture"):  # fmt: skip
        assert part in str(caught.value)
    with pytest.raises(InputError, match="give --columns and --rows of the whole board"):
        find_board([footage / "side"], CHARUCO.resized(8, 6))


def test_images_of_two_sizes_are_refused(footage, tmp_path):
    from PIL import Image

    for name, size in (("1", (640, 512)), ("2", (320, 256))):
        Image.new("L", size).save(tmp_path / f"{name}.png")
    with pytest.raises(
        InputError, match=r"2.png: frame 1 has 320 x 256 px, the first one 640 x 512"
    ):
        find_board([tmp_path], CHARUCO)


def test_names_must_tell_cameras_apart(footage):
    with pytest.raises(InputError, match="two cameras have one name among side, side"):
        find_board([footage / "side"] * 2, CHARUCO)
    with pytest.raises(InputError, match="1 names for 2 cameras"):
        find_board([footage / "side", footage / "top"], CHARUCO, names=["a"])


def test_different_lengths_are_noted(footage, tmp_path):
    for name in ("0.png", "1.png", "2.png", "3.png"):
        (tmp_path / name).write_bytes((footage / "side" / name).read_bytes())
    views = find_board([footage / "side", tmp_path], CHARUCO, names=["side", "short"])
    (note,) = views.notes
    assert "different numbers of frames (side 5, short 4)" in note
