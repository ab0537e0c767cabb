"""The twin has the data set's layout, and what is read from it is its known truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelled_frames import shared_twin
from mousepose.body.default import default_body
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.features import BEHAVIOURS
from mousepose.errors import FileError, InputError
from mousepose.io import read_cameras
from mousepose.run.dataset_scans import scan_problems, validate_dataset
from mousepose.run.dataset_twin import TwinOptions, home_cage_camera, make_twin, one_pose
from mousepose.run.dataset_twin_picture import Drawer, bedding, rounded_bones
from mousepose.run.dataset_twin_poses import POSTURES, act, placed

TIMES = np.arange(12) / 24


@pytest.fixture(scope="module")
def small_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_twin(tmp_path_factory)


def test_the_layout_is_the_data_sets(small_twin: Path) -> None:
    names = {path.relative_to(small_twin).as_posix() for path in small_twin.rglob("*.*")}
    assert {
        "intrinsics.txt", "video_frames.tfrecord", "multiview/keypoints.csv", "twin_truth.npz",
        "multiview/calibration.toml", "multiview/images/moment_000_top.jpg", "twin.json",
    } <= names  # fmt: skip
    with MousePoseDataset(small_twin) as data:
        assert len(data.frames) == 84
        assert data.frames.table.behaviour_names == BEHAVIOURS
        assert len(data.multiview.view_names) == 3
        features = data.frames[0].features
        assert all(f"NECK/region/point/{axis}" in features for axis in "xy")


def test_the_home_cage_camera_is_the_published_one() -> None:
    camera = home_cage_camera()
    expected = [[411.15, 0, 443.0], [0, 410.0, 332.24], [0, 0, 1]]
    np.testing.assert_allclose(camera.matrix, expected)
    small, point = home_cage_camera(0.5), [[10.0, 20.0, 5.0]]
    # Half the size: the same point, counted from the same corner of the image.
    np.testing.assert_allclose(small.project(point) + 0.5, (camera.project(point) + 0.5) / 2)


def test_what_is_read_is_the_truth(small_twin: Path) -> None:
    truth = np.load(small_twin / "twin_truth.npz")
    (lens,) = read_cameras(small_twin / "intrinsics.txt")
    np.testing.assert_allclose(lens.matrix, truth["matrix"])
    camera = replace(lens, T_camera_world=truth["T_camera_world"])
    np.testing.assert_allclose(camera.project(truth["xyz_mm"]), truth["xy_px"], atol=1e-3)
    with MousePoseDataset(small_twin) as data:
        table = data.frames.table
        assert table.keypoint_names == tuple(truth["keypoint_names"])
        np.testing.assert_array_equal(table.visible, truth["visible"])
        seen = truth["visible"]
        np.testing.assert_allclose(table.xy[seen], truth["xy_px"][seen], atol=2e-3)
        assert seen.mean() > 0.4
        size = np.array(lens.size)
        assert ((table.xy[seen] > -0.5) & (table.xy[seen] < size - 0.5)).all()


def test_views_are_projections_of_the_truth(small_twin: Path) -> None:
    truth = np.load(small_twin / "twin_truth.npz")
    cameras = {
        c.name.replace("_", ""): c
        for c in read_cameras(small_twin / "multiview" / "calibration.toml")
    }
    with MousePoseDataset(small_twin) as data:
        views = data.multiview
    names = truth["multiview_names"].tolist()
    chosen = [names.index(name) for name in views.keypoint_names]
    for view, name in enumerate(views.view_names):
        xy = cameras[name].project(truth["multiview_xyz_mm"][:, chosen])
        seen = np.isfinite(views.xy[:, view, :, 0])
        assert seen.any()
        np.testing.assert_allclose(views.xy[:, view][seen], xy[seen], atol=0.006)
    assert "TIP_TAIL" not in views.keypoint_names


def test_the_views_cameras_are_told_or_not(tmp_path: Path) -> None:
    for told in (True, False):
        options = TwinOptions(clips=0, moments=1, scans=0, calibration=told)
        folder = make_twin(tmp_path / str(told), options)
        with MousePoseDataset(folder) as data:
            path = data.multiview.calibration_path()
            assert data.multiview.picture(0, 2).shape == (480, 640, 3)
        assert (path is not None) == told
        truth = np.load(folder / "twin_truth.npz")
        assert truth["multiview_views"].tolist() == list(data.multiview.view_names)
        if path is not None:
            for k, camera in enumerate(read_cameras(path)):
                np.testing.assert_allclose(camera.matrix, truth["multiview_matrix"][k])
                np.testing.assert_allclose(
                    camera.T_camera_world, truth["multiview_T_camera_world"][k], atol=1e-6
                )


def test_it_breaks_no_rule(small_twin: Path) -> None:
    with MousePoseDataset(small_twin, skip_faults=True) as data:
        found = validate_dataset(data)
    assert found.counts.keys() <= {"names"}  # in so few frames a paw may never be seen
    assert found.checked == ["84 frames", "12 multi-view pictures"]


def test_the_seed_decides(tmp_path: Path) -> None:
    options = TwinOptions(clips=2, moments=0, scans=0, image_scale=0.1, frames_per_clip=3)
    made = [
        (
            make_twin(tmp_path / name, replace(options, seed=seed)) / "video_frames.tfrecord"
        ).read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert made[0] == made[1] != made[2]


def test_a_folder_with_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileError, match="not empty; give a new folder"):
        make_twin(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clips": -1}, "clips"),
        ({"image_scale": 9}, "image_scale"),
        ({"noise_px": -1}, "noise_px"),
        ({"scan_voxel_mm": 3}, "scan_voxel_mm"),
        ({"shards": 0}, "shards"),
    ],
)
def test_sizes_that_are_none_are_told(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TwinOptions(**options)  # type: ignore[arg-type]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("mousepose.run.dataset_twin._write_multiview", broken)
    options = TwinOptions(clips=1, moments=1, scans=0, image_scale=0.1, frames_per_clip=2)
    with pytest.raises(OSError, match="disk is full"):
        make_twin(tmp_path / "twin", options)
    assert list(tmp_path.iterdir()) == []


def test_noise_moves_labels_by_what_it_says(tmp_path: Path) -> None:
    folder = make_twin(
        tmp_path / "noisy", TwinOptions(clips=3, moments=0, scans=0, image_scale=0.2, noise_px=5)
    )
    truth = np.load(folder / "twin_truth.npz")
    with MousePoseDataset(folder) as data:
        away = (data.frames.table.xy - truth["xy_px"])[truth["visible"]]
    assert away.std() == pytest.approx(1.0, abs=0.1)


def test_scans_are_those_of_the_scanner(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="scans are DICOM files")
    from mousepose.ct.scans.scan import load_scan

    folder = make_twin(
        tmp_path / "scans", TwinOptions(clips=0, moments=0, scans=1, scan_voxel_mm=0.8)
    )
    with MousePoseDataset(folder, skip_faults=True) as data:
        assert [path.name for path in data.scans] == ["20190729_M1.dcm"]
        found = validate_dataset(data)
        assert found.good, found.problems
        volume = load_scan(data.scans[0])
        truth = np.load(folder / "twin_truth.npz")
        spine = truth["scan_joint_names"].tolist().index("SPINE_HIP")
        x, y, z = np.rint(volume.to_voxel(truth["scan_joints_mm"][0, spine])).astype(int)
        near = volume.values[x - 3 : x + 4, y - 3 : y + 4, z - 3 : z + 4]
        assert near.max() > 300  # bone is where the joint is said to be
        data.scans[0].write_bytes(data.scans[0].read_bytes()[:5000])
        found = validate_dataset(data)
    assert found.counts == {"scan": 1}
    assert found.problems[0].where == "20190729_M1.dcm"


def test_the_scanner_sees_what_lies_in_its_field_from_the_nose_on() -> None:
    from mousepose.ct.types import Volume
    from mousepose.run.dataset_twin_scans import in_field_of_view

    values = np.arange(70 * 60 * 100, dtype=np.float32).reshape(70, 60, 100)
    whole = Volume(values, np.diag([1.0, 1.0, 1.0, 1.0]))
    seen = in_field_of_view(whole)
    assert seen.values.shape == (58, 58, 92)
    point = seen.to_world([3, 4, 91])
    i, j, k = np.rint(whole.to_voxel(point)).astype(int)
    assert k == 99
    assert seen.values[3, 4, 91] == values[i, j, k]
    assert in_field_of_view(seen).values.shape == seen.values.shape


def test_scans_that_are_wrong_are_told() -> None:
    from mousepose.ct.types import Volume

    random = np.random.default_rng(0)
    air = random.normal(-1000, 20, (50, 50, 90)).astype(np.int16)
    body = air.copy()
    body[15:35, 15:35, 10:80] = 30
    body[24:26, 24:26, 20:70] = 900
    assert scan_problems(Volume(body, np.eye(4))) == []
    assert scan_problems(Volume(air, np.eye(4))) == ["it shows nothing but air"]
    shifted = scan_problems(Volume((body + 1000).astype(np.int16), np.eye(4)))
    assert len(shifted) == 1
    assert "expected about -1000" in shifted[0]
    assert "the orientation is wrong" in scan_problems(Volume(body.swapaxes(0, 2), np.eye(4)))[0]
    assert "field of view" in scan_problems(Volume(body, np.diag([1.0, 1.0, 2.0, 1.0])))[0]
    assert scan_problems(Volume(body, np.eye(4), hounsfield=False)) == [
        "its values are not Hounsfield units"
    ]


# Poses and pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", list(POSTURES))
def test_poses_stay_within_the_body_and_above_the_floor(behaviour: str) -> None:
    body = default_body()
    pose = act(behaviour, body, body.shape_space.mean, TIMES, np.random.default_rng(5))
    angles = pose.joint_rotation
    low, high = body.limits[..., 0], body.limits[..., 1]
    assert ((angles >= low - 1e-9) & (angles <= high + 1e-9)).all()
    names = body.skeleton.joint_names
    trunk = [names.index(n) for n in ("SPINE_MID", "SPINE_HIP", "NECK", "NOSE", "SPINE_SHOULDER")]
    joints = body.joints(pose)
    assert joints[:, trunk, 2].min() > 5
    assert np.abs(np.diff(joints[:, trunk], axis=0)).max() < 16  # mm in 1/24 s


def test_placing_turns_and_moves() -> None:
    body = default_body()
    pose = act("eating", body, body.shape_space.mean, TIMES, np.random.default_rng(0))
    turned = placed(pose, np.array([10.0, 20.0]), np.pi / 2)
    expected = body.joints(pose) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + [10, 20, 0]
    np.testing.assert_allclose(body.joints(turned), expected, atol=1e-9)


def test_bones_are_closed_and_as_thick_as_said() -> None:
    starts, stops = np.array([[0.0, 0, 0], [5, 5, 5]]), np.array([[10.0, 0, 0], [5, 5, 5]])
    vertices, faces = rounded_bones(starts, stops, np.array([[2.0, 2.0], [3.0, 3.0]]))
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    inner = times[times != 1]  # the poles' rings are points: their edges have no length
    assert (inner == 2).all()
    first = vertices[: len(vertices) // 2]
    nearest = np.clip(first[:, 0], 0, 10)[:, None] * [1.0, 0, 0]
    np.testing.assert_allclose(np.linalg.norm(first - nearest, axis=1), 2.0, atol=1e-9)
    second = vertices[len(vertices) // 2 :]
    np.testing.assert_allclose(np.linalg.norm(second - 5.0, axis=1), 3.0, atol=1e-9)


def test_a_picture_differs_from_the_floor_where_the_mouse_is() -> None:
    body, camera = default_body(), home_cage_camera(0.25)
    pose = one_pose(act("walking", body, body.shape_space.mean, TIMES, np.random.default_rng(0)), 0)
    floor = bedding(camera, 0)
    drawer = Drawer(body, "albino")
    picture, depth = drawer.draw(pose, camera, floor)
    mouse = np.isfinite(depth)
    np.testing.assert_array_equal(picture[~mouse], floor[~mouse])
    assert 200 < mouse.sum() < 4000
    assert np.median(picture[mouse]) > np.median(floor) + 30
    points = body.keypoints_of(pose)
    seen = drawer.visible(points, body.keypoints.names, camera, depth)
    near = drawer.visible(points, body.keypoints.names, camera, depth - 100.0)
    assert seen.any()
    assert not near[seen].all()  # something in front hides them
