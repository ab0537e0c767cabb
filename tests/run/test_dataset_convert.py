"""What is converted is what the data set says, as the other programs' readers read it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelled_frames import shared_twin
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.frame_table import FrameTable
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import load_keypoints
from mousepose.run.dataset_convert import TARGETS, convert_dataset
from mousepose.run.dataset_export import safe_names
from mousepose.run.dataset_labels import edges_of
from mousepose.skeleton import KEYPOINT_NAMES


@pytest.fixture(scope="module")
def small_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_twin(tmp_path_factory)


def converted(twin: Path, folder: Path, to: str, **options: object) -> tuple[Path, FrameTable]:
    with MousePoseDataset(twin) as data:
        done = convert_dataset(data, folder / to, to, **options)  # type: ignore[arg-type]
        assert done.written == 84
        return done.path, data.frames.table


def test_coco(small_twin: Path, tmp_path: Path) -> None:
    folder, table = converted(small_twin, tmp_path, "coco")
    found = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    assert [c["keypoints"] for c in found["categories"]] == [list(KEYPOINT_NAMES)]
    assert len(found["images"]) == len(found["annotations"]) == 84
    for image, annotation in zip(found["images"], found["annotations"], strict=True):
        assert image["id"] == annotation["image_id"]
        values = np.array(annotation["keypoints"]).reshape(-1, 3)
        seen = table.visible[image["id"]]
        np.testing.assert_array_equal(values[:, 2], 2 * seen)
        np.testing.assert_allclose(values[seen, :2], table.xy[image["id"]][seen], atol=2e-3)
        left, top, width, height = annotation["bbox"]
        inside = (values[seen, :2] >= [left - 12, top - 12]).all()
        assert inside
        assert (values[seen, :2] <= [left + width + 12, top + height + 12]).all()
        assert (folder / image["file_name"]).read_bytes()[:2] == b"\xff\xd8"
    assert [1, 2] in found["categories"][0]["skeleton"]
    again = load_keypoints(folder / "annotations.json", fps=24)
    assert again.keypoint_names == KEYPOINT_NAMES


def test_deeplabcut(small_twin: Path, tmp_path: Path) -> None:
    pytest.importorskip("tables", reason="DeepLabCut's h5 is written by PyTables")
    folder, table = converted(small_twin, tmp_path, "deeplabcut")
    clips = sorted((folder / "labeled-data").iterdir())
    assert len(clips) == 7
    for n, clip in enumerate(clips):
        csv = pd.read_csv(
            clip / "CollectedData_mousepose.csv", header=[0, 1, 2], index_col=[0, 1, 2]
        )
        h5 = pd.read_hdf(clip / "CollectedData_mousepose.h5", key="df_with_missing")
        assert csv.columns.names == h5.columns.names == ["scorer", "bodyparts", "coords"]
        values = table.xy[12 * n : 12 * n + 12].reshape(12, -1)
        np.testing.assert_allclose(csv.to_numpy(), values, atol=1e-3)
        np.testing.assert_allclose(h5.to_numpy(), values, atol=1e-3)
        assert list(csv.index) == list(h5.index)
        assert all((folder / "/".join(path)).is_file() for path in csv.index)
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml", reason="DeepLabCut reads its config with it")
    assert yaml.safe_load(config)["bodyparts"] == list(KEYPOINT_NAMES)


def test_lightning_pose(small_twin: Path, tmp_path: Path) -> None:
    folder, table = converted(small_twin, tmp_path, "lightning-pose")
    csv = pd.read_csv(folder / "CollectedData.csv", header=[0, 1, 2], index_col=0)
    np.testing.assert_allclose(csv.to_numpy(), table.xy.reshape(84, -1), atol=1e-3)
    assert csv.index[0] == "labeled-data/clip_0000/frame00000000.png"
    assert (folder / csv.index[-1]).read_bytes()[:4] == b"\x89PNG"
    assert "keypoint_names" in (folder / "project.yaml").read_text(encoding="utf-8")


def test_sleap(small_twin: Path, tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io", reason="SLEAP's labels are written with sleap-io")
    folder, table = converted(small_twin, tmp_path, "sleap")
    labels = sio.load_file(str(folder / "labels.slp"))
    assert len(labels) == 84
    assert len(labels.videos) == 7
    assert labels.skeleton.node_names == list(KEYPOINT_NAMES)
    for n in (0, 83):
        frame = labels[n]
        np.testing.assert_allclose(frame.instances[0].numpy(), table.xy[n], atol=1e-3)
        assert frame.image.shape == (162, 216, 3)


def test_yolo(small_twin: Path, tmp_path: Path) -> None:
    folder, table = converted(small_twin, tmp_path, "yolo", fractions={"train": 0.6, "val": 0.4})
    texts = sorted((folder / "labels").rglob("*.txt"))
    assert len(texts) == 84
    clips = {}
    for text in texts:
        clip, _, number = text.stem.rpartition("_")
        clips.setdefault(clip, set()).add(text.parent.name)
        row = table.clip_names.index(clip) * 12 + int(number)
        assert (folder / "images" / text.parent.name / f"{text.stem}.jpg").is_file()
        values = np.array(text.read_text(encoding="utf-8").split(), float)
        assert ((values[1:] >= 0) & (values[5:].max() <= 2)).all()
        points = values[5:].reshape(-1, 3)
        seen = table.visible[row]
        np.testing.assert_allclose(
            points[seen, :2] * table.size[row] - 0.5, table.xy[row][seen], atol=2e-3
        )
    assert all(len(parts) == 1 for parts in clips.values())
    assert {part for parts in clips.values() for part in parts} == {"train", "val"}
    yaml = pytest.importorskip("yaml", reason="YOLO reads its data.yaml with it")
    data = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))
    assert data["kpt_shape"] == [22, 3]
    flipped = [KEYPOINT_NAMES[k] for k in data["flip_idx"]]
    assert flipped[KEYPOINT_NAMES.index("LEFT_EAR")] == "RIGHT_EAR"
    assert (data["train"], data["val"]) == ("images/train", "images/val")


def test_parquet(small_twin: Path, tmp_path: Path) -> None:
    folder, table = converted(small_twin, tmp_path, "parquet")
    found = pd.read_parquet(folder / "frames.parquet")
    np.testing.assert_allclose(
        found["NECK_x"], table.xy[:, KEYPOINT_NAMES.index("NECK"), 0], atol=1e-4
    )
    assert found["behaviour"].nunique() == 7
    assert (folder / found["picture"].iloc[5]).is_file()


def test_scans_become_nifti(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="the scans are DICOM files")
    nibabel = pytest.importorskip("nibabel", reason="NIfTI is written with it")
    from mousepose.ct.scans.scan import load_scan
    from mousepose.run.dataset_twin import TwinOptions, make_twin

    twin = make_twin(tmp_path / "twin", TwinOptions(clips=0, moments=0, scans=1, scan_voxel_mm=0.8))
    with MousePoseDataset(twin) as data:
        done = convert_dataset(data, tmp_path / "scans", "nifti")
    assert done.written == 1
    scan = load_scan(data.scans[0])
    image = nibabel.load(done.path / "20190729_M1.nii.gz")
    np.testing.assert_allclose(image.header.get_zooms(), 0.8, atol=1e-3)
    np.testing.assert_array_equal(image.get_fdata(), scan.values)
    np.testing.assert_allclose(image.affine, scan.T_world_voxel, atol=1e-4)


def test_what_cannot_be_written_leaves_nothing(small_twin: Path, tmp_path: Path) -> None:
    with MousePoseDataset(small_twin) as data:
        with pytest.raises(UnknownNameError, match="unknown format 'xml'; known: coco"):
            convert_dataset(data, tmp_path / "a", "xml")
        with pytest.raises(FileError, match="holds no ct-scans"):
            convert_dataset(data, tmp_path / "a", "nifti")
        with pytest.raises(FileError, match="is there already"):
            convert_dataset(data, tmp_path, "coco")
        with pytest.raises(FileError, match="does not exist; make it first"):
            convert_dataset(data, tmp_path / "b" / "c", "coco")
        with pytest.raises(InputError, match="a sum of 1"):
            convert_dataset(data, tmp_path / "a", "coco", fractions={"train": 0.5})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "library", "extra"), [("sleap", "sleap_io", "formats"), ("nifti", "nibabel", "ct")]
)
def test_a_missing_library_is_named_before_anything_is_written(
    small_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    to: str, library: str, extra: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, library, None)
    with (
        MousePoseDataset(small_twin) as data,
        pytest.raises(InputError, match=rf"{library}.*mousepose\[{extra}\]"),
    ):
        convert_dataset(data, tmp_path / "a", to)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_removes_what_was_written(
    small_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("mousepose.run.dataset_convert.write_coco", broken)
    with MousePoseDataset(small_twin) as data, pytest.raises(OSError, match="disk is full"):
        convert_dataset(data, tmp_path / "coco", "coco")
    assert list(tmp_path.iterdir()) == []


def test_names_become_safe_and_stay_different() -> None:
    names = ["a/b", "a\\b", "..", "A-B", "clip 1", ""]
    safe = safe_names(names)
    assert len({name.lower() for name in safe}) == len(names)
    assert all("/" not in name and "\\" not in name and name.strip(".") for name in safe)


def test_lines_join_neighbours_that_are_there() -> None:
    assert edges_of(("NOSE", "SPINE_SHOULDER", "LEFT_EAR")) == [(1, 0), (1, 2)]
    assert len(edges_of(KEYPOINT_NAMES)) == 21
    assert "coco" in TARGETS
