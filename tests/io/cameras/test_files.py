"""Camera files: round trips, units, and every fault told with its table and key."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import CameraError, FileError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.io.cameras.files import read_cameras, write_cameras
from mousepose.io.cameras.text import LARGEST_FILE_BYTES

MATRIX = [[900.5, -3.0, 570.1], [0, 910, 500], [0, 0, 1]]

GOOD = """
[cam_0]
name = "side"
size = [1152, 1024]
matrix = [[900, 0, 570], [0, 910, 500], [0, 0, 1]]
distortions = [-0.16, 0.94, -0.001, -0.004, -2.7]
rotation = [0.1, -2.0, 0.3]
translation = [1.0, 2.0, 30.0]

[metadata]
units = "cm"
floor_plane = [0.0, 0.0, 1.0, -2.0]
source = "board"
"""


def write(tmp_path, text, name="calibration.toml"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def two_cameras(**changes):
    transform = np.eye(4)
    transform[:3, :3] = rotation.exp([3.0, 0.5, -0.4])
    transform[:3, 3] = 1 / 3, -2e-7, 1e5
    fields = {"floor_plane": [0.6, 0, 0.8, -3.3], "source": 'a "quoted" \\ café\n\x7f 😀'} | changes
    lens = [-0.3, 0.1, 1e-3, -2e-3, 0.01, 0.02, 0.03, 0.04]
    return [
        Camera(MATRIX, lens, transform, (1152, 1024), "side", **fields),
        Camera(MATRIX, [1e-3] * 4, np.eye(4), (640, 480), "top", "fisheye", **fields),
    ]


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "calibration.toml"
    cameras = two_cameras()
    write_cameras(path, cameras)
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.toml"]
    for camera, back in zip(cameras, read_cameras(path), strict=True):
        assert (back.name, back.size, back.model) == (camera.name, camera.size, camera.model)
        assert back.source == camera.source
        np.testing.assert_array_equal(back.matrix, camera.matrix)
        np.testing.assert_array_equal(back.distortion, camera.distortion)
        np.testing.assert_allclose(back.T_camera_world, camera.T_camera_world, atol=1e-15)
        np.testing.assert_allclose(back.floor_plane, camera.floor_plane, atol=1e-15)


def test_a_lens_without_terms_is_written_with_zeros_and_means_the_same(tmp_path):
    path = tmp_path / "calibration.toml"
    camera = pinhole((640, 480), 500)
    write_cameras(path, [camera])
    (back,) = read_cameras(path)
    assert back.distortion.tolist() == [0] * 5
    points = np.random.default_rng(0).uniform(50, 100, (9, 3))
    np.testing.assert_array_equal(back.project(points), camera.project(points))
    assert back.floor_plane is None


def test_lengths_become_mm(tmp_path):
    (camera,) = read_cameras(write(tmp_path, GOOD))
    np.testing.assert_allclose(camera.translation, [10, 20, 300])
    np.testing.assert_allclose(camera.floor_plane, [0, 0, 1, -20])
    np.testing.assert_allclose(camera.rotation, rotation.exp([0.1, -2.0, 0.3]), atol=1e-15)
    for units, mm in (("mm", 1), ("dm", 100), ("m", 1000)):
        (other,) = read_cameras(write(tmp_path, changed('"cm"', f'"{units}"')))
        np.testing.assert_allclose(other.translation, np.array([1, 2, 30]) * mm)
    (unstated,) = read_cameras(write(tmp_path, changed('units = "cm"', "")))
    np.testing.assert_allclose(unstated.translation, [1, 2, 30])
    assert unstated.source == "board (units not stated: mm assumed)"


@pytest.mark.parametrize("layout", ["rotation", "T_camera_world"])
def test_matrices_stand_for_the_rodrigues_vector(tmp_path, layout):
    (expected,) = read_cameras(write(tmp_path, GOOD))
    turn = rotation.exp([0.1, -2.0, 0.3])
    pose = {
        "rotation": f"rotation = {turn.tolist()}\ntranslation = [1.0, 2.0, 30.0]",
        "T_camera_world": "T_camera_world = "
        + str([*np.column_stack([turn, [1, 2, 30]]).tolist(), [0, 0, 0, 1]]),
    }[layout]
    text = changed("rotation = [0.1, -2.0, 0.3]\ntranslation = [1.0, 2.0, 30.0]", pose)
    (camera,) = read_cameras(write(tmp_path, text))
    np.testing.assert_allclose(camera.T_camera_world, expected.T_camera_world, atol=1e-12)


def test_a_camera_without_pose_is_the_world_and_foreign_keys_are_left(tmp_path):
    text = changed("rotation = [0.1, -2.0, 0.3]\ntranslation = [1.0, 2.0, 30.0]", "gain = 3")
    (camera,) = read_cameras(write(tmp_path, text + "adjusted = false\nerror = 0.3\n"))
    np.testing.assert_array_equal(camera.T_camera_world, np.eye(4))


def test_order_of_the_file_is_kept(tmp_path):
    block = "[cam_{}]\nsize = [640, 480]\nmatrix = [[500, 0, 320], [0, 500, 240], [0, 0, 1]]\n"
    text = "".join(block.format(index) for index in (2, 10, 0))
    cameras = read_cameras(write(tmp_path, "\ufeff" + text))
    assert [camera.name for camera in cameras] == ["cam_2", "cam_10", "cam_0"]
    assert cameras[0].source == "calibration.toml (units not stated: mm assumed)"


TURN = "rotation = [0.1, -2.0, 0.3]"
SHIFT = "translation = [1.0, 2.0, 30.0]"
PLANE = "floor_plane = [0.0, 0.0, 1.0, -2.0]"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[900, 0, 570], [0, 910, 500], ", "[", "[cam_0] matrix: expected 3x3 numbers, got shape"),
        ("[0, 0, 1]", "[0, 1, 0]", "[cam_0] matrix: third row is [0.0, 1.0, 0.0]"),
        ("900", "nan", "[cam_0] matrix: expected finite numbers"),
        ("900", "true", "[cam_0] matrix"),
        ("900", "1" + "0" * 400, "[cam_0] matrix: expected 3x3 numbers"),
        ("matrix =", "camera =", "[cam_0] matrix: missing, expected 3 rows of 3 numbers"),
        ("size =", "resolution =", "[cam_0] size: missing, expected [width, height]"),
        ("[1152, 1024]", "[1152, 0]", "[cam_0] size: [1152, 0], expected two positive"),
        ("-2.7]", "-2.7, 1]", "[cam_0] distortions: has 6 terms, expected 0, 4, 5, 8"),
        ("distortions", "distortion", "[cam_0] distortion: unknown key, expected 'distortions'?"),
        ("size =", "fisheye = 1\nsize =", "[cam_0] fisheye: 1, expected true or false"),
        ('name = "side"', 'name = ""', "[cam_0] name: ''"),
        ('name = "side"', "name = 3", "[cam_0] name: 3"),
        (TURN, "rotation = [1, 2]", "[cam_0] rotation: expected 3x3 numbers"),
        (TURN, "rotation = [[-1,0,0],[0,1,0],[0,0,1]]", "[cam_0] rotation: is a mirroring"),
        (TURN, "rotation = [[2,0,0],[0,1,0],[0,0,1]]", "is no rotation"),
        (TURN, "", "[cam_0] rotation: missing"),
        (SHIFT, "", "[cam_0] translation: missing"),
        (SHIFT, "translation = ['a', 1, 2]", "[cam_0] translation: expected 3 numbers"),
        (SHIFT, SHIFT + "\nT_camera_world = [[1]]", "[cam_0] T_camera_world: expected 4x4"),
        ('"cm"', '"inch"', "[metadata] units: 'inch', expected one of mm, cm, dm, m"),
        ('"cm"', "[1]", "[metadata] units: [1], expected one of"),
        ("units", "unit", "[metadata] unit: unknown key, expected 'units'?"),
        (PLANE, "floor_plane = [0, 0, 0, 1]", "[metadata] floor_plane: normal is 0"),
        ('"board"', "3", "[metadata] source: expected a text, got 3"),
    ],
)  # fmt: skip
def test_each_fault_names_table_key_and_expectation(tmp_path, old, new, message):
    path = write(tmp_path, changed(old, new))
    with pytest.raises(CameraError) as caught:
        read_cameras(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    text = changed("[1152, 1024]", "[0, 0]") + "\n[cam_1]\nname = 'side'\n" + "[cam_2]\nsize = 3\n"
    with pytest.raises(CameraError) as caught:
        read_cameras(write(tmp_path, text.replace('"cm"', '"foot"')))
    for part in (
        "[cam_0] size", "[cam_1] matrix", "[cam_1] size", "[cam_2] size", "[metadata] units"
    ):  # fmt: skip
        assert part in str(caught.value)


def test_faults_of_the_whole_file(tmp_path):
    cases = {
        "x = 3\n": "[x] value: outside of any table",
        "[metadata]\n": "[cam_0] table: missing",
        "metadata = 3\n" + GOOD.partition("[metadata]")[0]: "[metadata] value: expected a table",
        GOOD + GOOD.partition("[metadata]")[0].replace("cam_0", "cam_1"): "names several cameras",
    }
    for text, message in cases.items():
        with pytest.raises(CameraError) as caught:
            read_cameras(write(tmp_path, text))
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"#" * (LARGEST_FILE_BYTES + 1), "larger than"),
        (GOOD[:150].encode(), "neither a calibration TOML"),
        (b"a = " + b"[" * 100_000, "neither a calibration TOML"),
        (b"a = " + b"1" * 10_000, "neither a calibration TOML"),
        (b"1 0 2\n0 1\n0 0 1\n", "line 2: expected 3 numbers"),
        (b"1 0 2\n\n0 x 2\n0 0 1\n", "line 3: expected 3 numbers"),
    ],
)
def test_what_is_no_camera_file(tmp_path, content, message):
    with pytest.raises(FileError, match=message):
        read_cameras(write(tmp_path, content))


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(FileError, match="cannot be read"):
            read_cameras(path)
    with pytest.raises(FileError):
        write_cameras(tmp_path / "none" / "calibration.toml", [pinhole((640, 480), 500)])


@given(st.one_of(st.binary(max_size=300), st.text(string.printable, max_size=300).map(str.encode)))
def test_garbage_gives_one_clear_error(tmp_path_factory, content):
    with pytest.raises((FileError, CameraError)):
        read_cameras(write(tmp_path_factory.mktemp("garbage"), content))


@given(st.integers(0, len(GOOD) - 1), st.sampled_from('0-9.[]"=# \nx'))
def test_one_wrong_letter_gives_cameras_or_one_clear_error(tmp_path_factory, place, letter):
    path = write(tmp_path_factory.mktemp("letter"), GOOD[:place] + letter + GOOD[place + 1 :])
    try:
        cameras = read_cameras(path)
    except (FileError, CameraError) as error:
        assert str(path) in str(error)
    else:
        assert len(cameras) == 1


def test_cameras_that_cannot_share_a_file(tmp_path):
    path = tmp_path / "calibration.toml"
    side, _ = two_cameras()
    _, other = two_cameras(floor_plane=None)
    for cameras, message in (
        ([], "different names"), ([side, side], "different names"), ([side, other], "floor_plane")
    ):  # fmt: skip
        with pytest.raises(CameraError, match=message):
            write_cameras(path, cameras)
    assert not path.exists()


def test_bare_matrix(tmp_path):
    text = "# np.loadtxt\n411.15  0  443.0\n0 410.0  332.24 # centre\n0  0  1\n"
    path = write(tmp_path, text, "intrinsics.txt")
    (guessed,) = read_cameras(path)
    np.testing.assert_array_equal(guessed.matrix, [[411.15, 0, 443], [0, 410, 332.24], [0, 0, 1]])
    assert guessed.size == (886, 664)
    assert "size guessed" in guessed.source
    (stated,) = read_cameras(path, size=(848, 640))
    assert stated.size == (848, 640)
    assert stated.source == "intrinsics.txt"
    for bad, message in (("1 0 2\n0 1 2\n0 0 2", "third row"), ("1 0 2\n0 1 2\n", "3x3")):
        with pytest.raises(CameraError, match=message):
            read_cameras(write(tmp_path, bad, "intrinsics.txt"))


def test_a_bare_matrix_is_written_where_it_says_it_all(tmp_path):
    path = tmp_path / "intrinsics.txt"
    camera = Camera([[900.5, -3.0, 570.1], [0, 910, 500], [0, 0, 1]], [], np.eye(4), (1152, 1024))
    write_cameras(path, [camera])
    (back,) = read_cameras(path)
    np.testing.assert_array_equal(back.matrix, camera.matrix)
    assert back.size == camera.size
    np.testing.assert_array_equal(np.loadtxt(path), camera.matrix)
    side, _ = two_cameras()
    with pytest.raises(CameraError, match="would lose the distortion, pose, floor_plane of 'side'"):
        write_cameras(path, [side])
    with pytest.raises(CameraError, match="holds one camera, got 2"):
        write_cameras(path, [camera, pinhole((640, 480), 500, "top")], format="matrix")


def test_the_suffix_or_a_name_gives_the_format(tmp_path):
    camera = pinhole((640, 480), 500)
    for name, start in (("a.toml", "[cam_0]"), ("a.YML", "%YAML"), ("a.xml", "<?xml"), ("a", "[")):
        write_cameras(tmp_path / name, [camera])
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    write_cameras(tmp_path / "b.toml", [camera], format="opencv")
    assert read_cameras(tmp_path / "b.toml")[0].name == "cam_0"
    with pytest.raises(CameraError, match="unknown camera format 'ros'; known: anipose"):
        write_cameras(tmp_path / "c.toml", [camera], format="ros")


def test_published_intrinsics(shared_data):
    (camera,) = read_cameras(shared_data("mouse_pose_dataset_samples/intrinsics.txt"))
    np.testing.assert_array_equal(np.diag(camera.matrix), [411.15, 410.0, 1])
