"""Each file of a data set is told for what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelled_frames import shared_twin
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.samples import load_slices
from mousepose.errors import FileError
from mousepose.run.dataset_convert import convert_dataset
from mousepose.run.dataset_files import describe_files
from mousepose.run.dataset_film import read_film
from mousepose.run.dataset_scans import slices_spacing, validate_dataset, volume_of


def told(path: Path) -> dict[str, str]:
    with MousePoseDataset(path) as data:
        return {note.name: note.what for note in describe_files(data)}


def test_the_files_of_a_twin(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = told(shared_twin(tmp_path_factory))
    assert found["video_frames.tfrecord"] == "labelled frames"
    assert "synthetic twin" in found["twin.json"]
    assert "points in keypoints.csv" in found["multiview/"]
    assert "not the published one" in found["intrinsics.txt"]  # a quarter of its size


def test_files_that_are_damaged_or_of_others_are_told(tmp_path: Path) -> None:
    (tmp_path / "intrinsics.txt").write_text("no matrix", encoding="utf-8")
    (tmp_path / "slices.gif").write_bytes(b"GIF89a and no more")
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "twin.json").write_text("{", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    found = told(tmp_path)
    for name in ("intrinsics.txt", "slices.gif", "clip.mp4", "a.png"):
        assert found[name].startswith("cannot be read: ")
        assert str(tmp_path) not in found[name]
    assert found["notes.txt"] == found["folder/"] == "not of the data set"
    assert "cannot be read" in found["twin.json"]
    with MousePoseDataset(tmp_path) as data:
        checked = validate_dataset(data)
    assert checked.counts == {"scan": 1}
    assert checked.problems[0].where == "slices.gif"


def test_slices_become_a_volume_and_nifti(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="NIfTI is read with it")
    pytest.importorskip("pydicom", reason="of the same extra")
    values = np.random.default_rng(0).integers(0, 255, (5, 8, 10), np.uint8)
    np.savez(tmp_path / "a.npz", intensity=values)
    slices = load_slices(tmp_path / "a.npz")
    np.testing.assert_allclose(slices_spacing(slices), [58.44 / 80, 58.44 / 8, 92.04 / 10])
    assert not volume_of(slices).hounsfield
    with MousePoseDataset(tmp_path) as data:
        assert validate_dataset(data).good
        done = convert_dataset(data, tmp_path / "nifti", "nifti")
    image = nibabel.load(done.path / "a_npz.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), values)
    np.testing.assert_allclose(image.header.get_zooms(), slices_spacing(slices), rtol=1e-6)


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x" * 100)
    with pytest.raises(FileError, match=r"a\.mp4: cannot be read as a video"):
        read_film(tmp_path / "a.mp4", 2)


def test_the_published_samples_are_told_and_read(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("mouse_pose_dataset_samples")
    found = told(folder)
    assert "fx 411.15, fy 410, cx 443, cy 332.24 px, as published" in found["intrinsics.txt"]
    assert "40 sagittal slices" in found["ct_slices_41.gif"]
    assert "0.73 x 0.18 x 0.18 mm" in found["ct_slices_41.gif"]
    assert "0.73 x 0.18 x 0.18 mm" in found["ct_slices_41_intensity.npz"]
    assert "3 views" in found["multiview.png"]
    assert "22 keypoints" in found["keypoints-definition.png"]
    assert "98 frames, 1728 x 648 px" in found["running.mp4"]
    film = read_film(folder / "running.mp4", 2)
    assert [picture.shape for picture in film.pictures] == [(648, 1728, 3)] * 2
    assert not np.array_equal(*film.pictures)
