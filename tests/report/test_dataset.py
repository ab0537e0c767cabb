"""Pictures of the data set are drawn whole, whatever is missing in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelled_frames import shared_twin
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.frame_table import TableBuilder
from mousepose.errors import FileError, InputError
from mousepose.report.dataset import plot_behaviours, plot_keypoints, plot_multiview


@pytest.fixture(scope="module")
def small_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_twin(tmp_path_factory)


def picture(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))


def test_a_row_for_each_behaviour(small_twin: Path, tmp_path: Path) -> None:
    with MousePoseDataset(small_twin, features={"behaviour": ""}) as data:
        plot_behaviours(data.frames, tmp_path / "one.png", columns=2)
    with MousePoseDataset(small_twin) as data:
        plot_behaviours(data.frames, tmp_path / "seven.png", columns=2)
    one, seven = picture(tmp_path / "one.png"), picture(tmp_path / "seven.png")
    assert seven.shape[0] > 5 * one.shape[0]
    assert one.std() > 20


def test_the_same_frames_for_the_same_seed(small_twin: Path, tmp_path: Path) -> None:
    with MousePoseDataset(small_twin) as data:
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            plot_behaviours(data.frames, tmp_path / f"{name}.png", columns=1, seed=seed)
    a, b, c = (picture(tmp_path / f"{name}.png") for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_points_are_drawn_where_they_lie(tmp_path: Path) -> None:
    builder = TableBuilder(50, ("NOSE", "NECK"), None)
    for n in range(50):
        builder.add(n, np.array([[10.0, 90.0], [np.nan, np.nan]]), (100, 100), (None,) * 3, None)
    plot_keypoints(builder.build(), tmp_path / "k.png")
    found = picture(tmp_path / "k.png")
    height, width = found.shape[:2]
    left = found[:, : width // 2].astype(int)
    dark = left.sum(axis=2) < 60  # the empty part of the map
    rows, columns = np.nonzero(dark)
    window = left[rows.min() : rows.max(), columns.min() : columns.max()]
    bright = np.argwhere(window.sum(axis=2) > 500)
    place = np.median(bright, axis=0) / window.shape[:2]
    np.testing.assert_allclose(place, [0.9, 0.1], atol=0.03)


def test_nothing_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frames"):
        plot_keypoints(TableBuilder(0, ("NOSE",), None).build(), tmp_path / "k.png")
    assert list(tmp_path.iterdir()) == []


def test_views_without_a_picture_say_so(small_twin: Path, tmp_path: Path) -> None:
    with MousePoseDataset(small_twin) as data:
        views = data.multiview
    plot_multiview(views, tmp_path / "all.png", moments=2)
    lost = type(views)(tmp_path, *[getattr(views, f) for f in list(vars(views))[1:]])
    plot_multiview(lost, tmp_path / "none.png", moments=2)
    full, empty = picture(tmp_path / "all.png"), picture(tmp_path / "none.png")
    assert full.shape == empty.shape
    assert (empty > 250).mean() > 0.8 > (full > 250).mean()


def test_the_plane_with_most_bone_is_drawn_and_damage_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="scans are DICOM files")
    from mousepose.ct.scans.write_dicom import write_dicom
    from mousepose.ct.types import Volume
    from mousepose.report.dataset_sheets import draw_dataset

    values = np.full((40, 40, 60), -1000, np.int16)
    values[4:8, 10:30, 10:50] = 1200  # bone far from the middle
    (tmp_path / "ct-scans").mkdir()
    (tmp_path / "ct-scans" / "a.dcm").write_bytes(b"damaged")
    write_dicom(Volume(values, np.diag([0.9, 0.9, 0.9, 1.0])), tmp_path / "ct-scans" / "b.dcm")
    with MousePoseDataset(tmp_path) as data:
        drawn = [path.name for path in draw_dataset(data, tmp_path / "pictures")]
        assert drawn == ["scans.png", "scan_b.png"]
        with pytest.raises(FileError, match=r"a\.dcm"):
            list(draw_dataset(data, tmp_path / "pictures", ["a"]))
    sheet = picture(tmp_path / "pictures" / "scan_b.png")
    assert (sheet[: len(sheet) // 2].min(axis=2) > 250).mean() < 0.9
    colours = sheet.reshape(-1, 3).astype(int)
    orange = np.abs(colours - [230, 159, 0]).max(axis=1) < 40
    assert orange.sum() > 300  # the outline of bone


def test_the_sites_samples_are_drawn(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    from mousepose.report.dataset_sheets import draw_dataset

    with MousePoseDataset(shared_data("mouse_pose_dataset_samples")) as data:
        drawn = [path.name for path in draw_dataset(data, tmp_path)]
    assert drawn == [
        "slices_ct_slices_41_intensity.png", "sample_multiview.png", "sample_running.png",
    ]  # fmt: skip
    assert all(picture(tmp_path / name).std() > 20 for name in drawn)


def test_a_folder_without_anything_to_draw_is_told(tmp_path: Path) -> None:
    from mousepose.report.dataset_sheets import draw_dataset

    (tmp_path / "intrinsics.txt").write_text("400 0 300\n0 400 200\n0 0 1\n", encoding="utf-8")
    with MousePoseDataset(tmp_path) as data, pytest.raises(FileError, match="nothing that can be"):
        list(draw_dataset(data, tmp_path / "pictures"))
    assert not (tmp_path / "pictures").exists()
