"""Frames are what was written: points in px, labels found by guess or by the user's word."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from labelled_frames import picture, record
from mousepose.dataset.example import serialise_example
from mousepose.dataset.frames import Frames, to_normalised, to_pixels
from mousepose.dataset.pictures import MAX_PIXELS, PictureError, picture_size
from mousepose.dataset.tfrecord_write import write_records
from mousepose.dataset.torch_frames import TorchFrames
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.skeleton import KEYPOINT_NAMES

Make = Callable[..., Path]


def test_a_frame_is_what_was_written(make_records: Make) -> None:
    with Frames(make_records()) as frames:
        assert len(frames) == 36
        assert frames.keypoint_names == KEYPOINT_NAMES
        frame = frames[13]
        assert (frame.behaviour, frame.clip, frame.frame) == ("eating", "clip_001", 1)
        assert (frame.number, frame.size) == (13, (64, 48))
        assert np.abs(frame.image.astype(int) - picture(13)).max() < 6
        nose = [record(13)[f"NOSE/region/point/{axis}"][0] for axis in "xy"]
        k = frame.keypoint_names.index("NOSE")
        np.testing.assert_allclose(frame.xy[k], np.array(nose) * [64, 48] - 0.5, atol=1e-4)
        np.testing.assert_allclose(frame.box, [5.9, 9.1, 31.5, 47.5], atol=1e-4)
        assert [n for n, seen in zip(KEYPOINT_NAMES, frame.visible, strict=True) if not seen] == [
            "TIP_TAIL"
        ]
        assert frames[-1].number == 35


def test_views_are_lazy_and_tables_hold_all(make_records: Make) -> None:
    with Frames(make_records()) as frames:
        view = frames[4:30:5]
        assert [f.number for f in view] == [4, 9, 14, 19, 24, 29]
        assert [f.number for f in view[1:3]] == [9, 14]
        assert [f.number for f in frames[np.array([3, 1])]] == [3, 1]
        assert [f.number for f in frames[np.arange(36) % 20 == 3]] == [3, 23]
        table = frames.table
        assert table.behaviour_names == ("walking", "eating", "wheel running")
        assert table.clip_names == ("clip_000", "clip_001", "clip_002")
        for frame in frames:
            np.testing.assert_allclose(table.xy[frame.number], frame.xy, atol=1e-4)
        index = frames.index()
        assert index.loc[13, "behaviour"] == "eating"
        assert (index["keypoints"] == 21).all()
        clip = frames.clip("clip_002")
        assert [f.frame for f in clip] == list(range(12))
        keypoints = clip.keypoints()
        assert keypoints.xy.shape == (12, 1, 22, 2)
        np.testing.assert_allclose(np.diff(keypoints.times), 1 / 24)
        with pytest.raises(UnknownNameError, match="unknown clip 'x'"):
            frames.clip("x")


def test_normalised_points_and_pixels_are_inverse() -> None:
    points = np.random.default_rng(0).uniform(-1, 2, (50, 2))
    np.testing.assert_allclose(to_normalised(to_pixels(points, (864, 648)), (864, 648)), points)
    # The image reaches from half a pixel before its first centre to half a pixel behind its last.
    corners = to_pixels(np.array([[0.0, 0.0], [1.0, 1.0]]), (4, 2))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [3.5, 1.5]])


def test_what_is_guessed_is_said_and_the_users_word_goes_before(make_records: Make) -> None:
    path = make_records(strain=["DO"])
    with Frames(path) as frames:
        found = frames.feature_map
        assert found.roles["behaviour"] == "clip/behavior/label"
        assert found.roles["clip"] == "clip/id"
        assert found.roles["frame"] == "clip/frame_number"
        assert any("'clip/id' is taken for the clip" in told for told in found.guessed)
        assert set(found.unused) == {"image/width", "strain"}
        assert frames.found["strain"].example == "DO"
    with Frames(path, features={"behaviour": "strain", "clip": ""}) as frames:
        assert frames[0].behaviour == "DO"
        assert frames[0].clip is None
    with pytest.raises(
        UnknownNameError, match=r"video_frames.tfrecord: unknown feature \(for clip\)"
    ):
        Frames(path, features={"clip": "nonsense"})
    with pytest.raises(UnknownNameError, match="unknown role of a feature 'colour'"):
        Frames(path, features={"colour": "strain"})


def test_a_missing_point_is_not_labelled(make_records: Make) -> None:
    nothing = np.array([], np.float32)
    with Frames(make_records(count=3, NOSE__region__point__x=nothing)) as frames:
        k = frames.keypoint_names.index("NOSE")
        assert not frames[0].visible[k]
        assert frames[0].visible.sum() == 20


def test_records_in_a_row_are_clips_only_when_said(make_records: Make) -> None:
    path = make_records(clip__id=None, clip__frame_number=None)
    with Frames(path) as frames, pytest.raises(InputError, match="records_per_clip=12"):
        frames.clip("0")
    with Frames(path, records_per_clip=12) as frames:
        assert [f.number for f in frames.clip("1")] == list(range(12, 24))
        assert frames.table.frame[13] == 1


def test_what_is_no_frame_is_told_or_left_out(tmp_path: Path) -> None:
    examples = [record(n) for n in range(5)]
    examples[2]["image/encoded"] = [b"no picture"]
    examples[3]["image/encoded"] = [examples[3]["image/encoded"][0][:-30]]
    path = tmp_path / "video_frames.tfrecord"
    write_records(path, map(serialise_example, examples))
    with Frames(path) as frames:
        with pytest.raises(FileError, match=r"record 2 at byte \d+: its picture is no JPEG"):
            frames[2]
        with pytest.raises(
            FileError, match=r"tfrecord: record 3 at byte \d+: its picture is damaged"
        ):
            _ = frames[3].image
        with pytest.raises(FileError, match="record 2"):
            list(frames)
    with Frames(path, skip_faults=True) as frames:
        assert [f.number for f in frames] == [0, 1, 3, 4]
        assert [fault.record for fault in frames.records.faults] == [2]
        assert len(frames.table) == 4


def test_other_records_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    write_records(path, [serialise_example({"x": np.array([1.0], np.float32)})])
    with pytest.raises(InputError, match=r"a.tfrecord: no feature 'image/encoded'.*have: x"):
        Frames(path)
    write_records(path, [serialise_example({"image/encoded": [b""]})])
    with pytest.raises(InputError, match="no feature is called NAME/region/point/x"):
        Frames(path)
    write_records(path, [])
    with pytest.raises(InputError, match="holds no records"):
        Frames(path)


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    header = bytes.fromhex("ffd8ffc0001108ffffffff03011100021101031101")
    assert MAX_PIXELS < 0xFFFF**2
    with pytest.raises(PictureError, match="its picture is too large"):
        picture_size(header + bytes.fromhex("ffda0008010100003f00"))


def test_frames_travel_to_another_process(make_records: Make) -> None:
    with Frames(make_records(count=12)) as frames:
        _ = frames[0]
        again = pickle.loads(pickle.dumps(frames))
        np.testing.assert_array_equal(again[5].xy, frames[5].xy)
        again.close()


def test_items_for_pytorch_hold_what_the_frames_do(
    make_records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Arrays stand in for tensors: what goes into them is ours, the rest is PyTorch's.
    stand_in = SimpleNamespace(from_numpy=np.asarray, tensor=np.asarray)
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    with Frames(make_records()) as frames:
        items = TorchFrames(frames, [5, 13], transform=lambda item: item | {"mine": 1})
        assert len(items) == 2
        item = items[1]
        np.testing.assert_array_equal(item["image"], frames[13].image.transpose(2, 0, 1))
        np.testing.assert_array_equal(item["visible"], frames[13].visible)
        assert items.behaviours[int(item["behaviour"])] == frames[13].behaviour
        assert (int(item["record"]), item["mine"]) == (13, 1)
        again = pickle.loads(pickle.dumps(TorchFrames(frames)))  # as a worker by spawn gets it
        assert len(again) == 36
        np.testing.assert_array_equal(again[35]["image"].shape, (3, 48, 64))


def test_without_pytorch_the_extra_is_named(
    make_records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with Frames(make_records()) as frames, pytest.raises(InputError, match=r"mousepose\[train\]"):
        TorchFrames(frames)


def test_pytorch_gets_tensors(make_records: Make) -> None:
    pytest.importorskip("torch", reason="PyTorch takes the frames")
    from torch.utils.data import DataLoader

    with Frames(make_records()) as frames:
        loader = DataLoader(TorchFrames(frames, [5, 13, 30]), batch_size=3)
        batch = next(iter(loader))
        assert tuple(batch["image"].shape) == (3, 3, 48, 64)
        assert batch["record"].tolist() == [5, 13, 30]
        assert batch["behaviour"].tolist() == [0, 1, 2]
        np.testing.assert_allclose(batch["keypoints"][1], frames[13].xy, atol=1e-4)
