"""Clips from tables and from the data set; long recordings in parts are those of the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.behaviour.acts import ACTS, doll

from mousepose.analysis.behaviour.bouts import BoutConfig
from mousepose.analysis.behaviour.channels import layout_of
from mousepose.analysis.behaviour.classifier import BehaviourModel
from mousepose.analysis.behaviour.cross_validate import train_behaviour
from mousepose.dataset.frame_table import FrameTable
from mousepose.errors import FileError, InputError
from mousepose.io import write_dlc_csv, write_sequence
from mousepose.io.bouts import read_bouts
from mousepose.run import behaviour_points, gait_parts
from mousepose.run.behaviour_apply import BehaviourFiles, behaviour_of, write_behaviour
from mousepose.run.behaviour_clips import (
    ClipOptions,
    labelled_clips,
    windows_of_dataset,
    windows_of_table,
)
from mousepose.run.behaviour_points import Recording, windows_in_parts
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import Keypoints2D, Keypoints3D

UP = (0.0, 0.0, 1.0)
ACT_S = 1.5


def acted(seed: int, rate: float = 24.0) -> Keypoints3D:
    """Return one animal that does each act for 1.5 s."""
    parts = [doll(act, ACT_S, seed, rate).xyz for act in ACTS]
    xyz = np.concatenate(parts)
    return Keypoints3D(xyz, np.arange(len(xyz)) / rate, KEYPOINT_NAMES)


def cohort(folder: Path, animals: int = 4, rate: float = 24.0) -> pd.DataFrame:
    """Write a recording of each animal and return the table of their clips."""
    rows = []
    for animal in range(animals):
        write_sequence(folder / f"m{animal}.parquet", acted(animal, rate))
        for place, act in enumerate(ACTS):
            span = (place * ACT_S, (place + 1) * ACT_S)
            rows.append((f"m{animal}.parquet", act, f"mouse {animal}", *span))
    return pd.DataFrame(rows, columns=["path", "behaviour", "animal", "start_s", "stop_s"])


def filmed(source: Keypoints3D) -> Keypoints2D:
    """Return what a camera from above sees, in px."""
    xy = source.xyz[:, None, :, :2] * [2.0, -2.0] + 500.0
    numbers = np.arange(len(xy))
    return Keypoints2D(xy, np.ones(xy.shape[:3]), source.times, numbers, KEYPOINT_NAMES)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BehaviourModel]:
    """Return a folder with recordings and a classifier of the first three animals."""
    pytest.importorskip("sklearn", reason="classifiers are trained with scikit-learn")
    folder = tmp_path_factory.mktemp("cohort")
    table = cohort(folder)
    options = ClipOptions(kinds=("angles",), up=UP)
    data = windows_of_table(table[table["animal"] != "mouse 3"], folder, options)
    return folder, train_behaviour(data, folds=3)[0]


def test_clips_of_a_table_lie_within_their_rows(tmp_path: Path) -> None:
    table = cohort(tmp_path, animals=2)
    table.to_csv(tmp_path / "clips.csv", index=False)
    data = labelled_clips(tmp_path / "clips.csv", ClipOptions(up=UP))
    assert data.classes == ACTS
    assert set(data.animals) == {"mouse 0", "mouse 1"}
    assert data.windows.layout.kinds == ("keypoints3d", "angles")
    assert len(data) == 2 * 3 * 5  # 36 frames: half overlapping windows of 12 from 0 to 24
    bobbing = data.windows.layout.names.index("3D NOSE up")
    features = data.windows.features()[:, 4 * bobbing + 1]
    assert features[data.labels == "bobbing"].min() > 2 * features[data.labels == "still"].max()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"behaviour": None}, "row 1 of the clips has no behaviour"),
        ({"animal": " "}, "row 1 of the clips has no animal"),
        ({"start_s": 9.0}, "row 1 of the clips stops before"),
        ({"start_s": "x"}, "row 1 of the clips: start_s is no number: 'x'"),
        ({"path": "none.parquet"}, "row 1 of the clips, none.parquet: .*none.parquet"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    table = cohort(tmp_path, animals=1).astype(object)
    for name, value in change.items():
        table.loc[0, name] = value
    with pytest.raises(InputError, match=said):
        windows_of_table(table, tmp_path, ClipOptions(up=UP))


def test_wrong_tables_are_told(tmp_path: Path) -> None:
    table = cohort(tmp_path, animals=1)
    with pytest.raises(InputError, match="missing: animal"):
        windows_of_table(table.drop(columns="animal"), tmp_path, ClipOptions())
    with pytest.raises(InputError, match="no rows"):
        windows_of_table(table[:0], tmp_path, ClipOptions())
    short = table.assign(stop_s=table["start_s"] + 0.2)
    with pytest.raises(InputError, match=r"none is as long as a window of 12 frames \(0.5 s\)"):
        windows_of_table(short, tmp_path, ClipOptions(up=UP))
    shared = table.assign(clip="a", animal=["x", "y", "y"])
    with pytest.raises(InputError, match="clip a has several animals"):
        windows_of_table(shared, tmp_path, ClipOptions(up=UP))
    (tmp_path / "clips.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="cannot be read as a table"):
        labelled_clips(tmp_path / "clips.csv")


def test_a_recording_slower_than_the_others_is_told(tmp_path: Path) -> None:
    table = cohort(tmp_path, animals=1, rate=48.0)
    slow = tmp_path / "slow"
    slow.mkdir()
    later = cohort(slow, animals=1).assign(path="slow/m0.parquet", animal="other")
    with pytest.raises(InputError, match=r"row 4 .*slow/m0.parquet.*24 frames/s"):
        windows_of_table(pd.concat([table, later]), tmp_path, ClipOptions(up=UP))


def test_bouts_follow_the_acts(trained: tuple[Path, BehaviourModel], tmp_path: Path) -> None:
    folder, model = trained
    config = BoutConfig(start=0.5, stop=0.3)
    found = behaviour_of(Recording(folder / "m3.parquet", up=UP), model, config)
    middle = [ACT_S * (place + 0.5) for place in range(3)]
    bouts = found.bouts
    for act, when in zip(ACTS, middle, strict=True):
        inside = bouts[(bouts["start_s"] < when) & (bouts["stop_s"] > when)]
        assert list(inside["behaviour"]) == [act]
    assert found.chances.start[0] == 0
    assert found.chances.stop[-1] == pytest.approx(3 * ACT_S)
    written = write_behaviour([found], BehaviourFiles(tmp_path / "out", ("csv", "boris")))
    assert {path.name for path in written} == {
        "bouts.parquet", "bouts.csv", "bouts.boris", "time-budget.csv", "chances_m3.parquet",
    }  # fmt: skip
    again = read_bouts(tmp_path / "out" / "bouts.csv")
    np.testing.assert_allclose(again["start_s"], bouts["start_s"], atol=1e-5)


@pytest.mark.parametrize("rate", [24.0, 50.0])
def test_in_parts_the_windows_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    write_sequence(tmp_path / "m.parquet", acted(0, rate))
    recording = Recording(tmp_path / "m.parquet", up=UP)
    layout = layout_of(["keypoints3d", "angles"])

    def found() -> tuple[np.ndarray, np.ndarray]:
        parts = list(windows_in_parts(recording, layout, 12, 24.0, 3))
        features = np.concatenate([part.windows.features() for part in parts])
        return np.concatenate([part.first for part in parts]), features

    first, whole = found()
    monkeypatch.setattr(gait_parts, "FRAMES_AT_ONCE", 40)
    monkeypatch.setattr("mousepose.io.poses.point_table.ROWS_AT_ONCE", 7)
    again, parts = found()
    np.testing.assert_allclose(first, again)
    np.testing.assert_allclose(whole, parts, rtol=1e-3, atol=1e-2)


def test_2d_keypoints_in_parts_and_beside_poses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = acted(0)
    write_sequence(tmp_path / "m.parquet", source)
    write_dlc_csv(tmp_path / "m.csv", filmed(source))
    recording = Recording(tmp_path / "m.parquet", tmp_path / "m.csv", fps=24.0, up=UP)
    assert recording.kinds() == ("keypoints2d", "keypoints3d", "angles")
    layout = layout_of(recording.kinds())
    monkeypatch.setattr(gait_parts, "FRAMES_AT_ONCE", 40)
    monkeypatch.setattr(behaviour_points, "FRAMES_AT_ONCE", 25)
    monkeypatch.setattr("mousepose.io.poses.point_table.ROWS_AT_ONCE", 7)
    parts = list(windows_in_parts(recording, layout, 12, 24.0, 3))
    assert sum(len(part.windows) for part in parts) == (len(source.times) - 12) // 3 + 1
    alone = Recording(tmp_path / "m.csv", fps=24.0)
    only = list(windows_in_parts(alone, layout_of(["keypoints2d"]), 12, 24.0, 3))
    both = parts[0].windows.features()[:, : only[0].windows.features().shape[1]]
    same = min(len(both), len(only[0].windows))
    np.testing.assert_allclose(both[:same], only[0].windows.features()[:same], rtol=0.1, atol=0.1)
    cut = filmed(replace(source, xyz=source.xyz[:20], times=source.times[:20]))
    write_dlc_csv(tmp_path / "m.csv", cut)
    with pytest.raises(InputError, match="does not hold the same frames"):
        list(windows_in_parts(recording, layout, 12, 24.0, 3))


def test_names_of_other_programs_are_understood(tmp_path: Path) -> None:
    names = {"ROOT_TAIL": "TTI", "SPINE_MID": "Trunk", "LEFT_SHOULDER": "Shoulder_left",
             "RIGHT_SHOULDER": "Shoulder_right", "LEFT_KNEE": "Haunch_left"}  # fmt: skip
    keypoints = filmed(acted(0))
    kept = [place for place, name in enumerate(KEYPOINT_NAMES) if name in names]
    part = replace(
        keypoints, xy=keypoints.xy[:, :, kept], confidence=keypoints.confidence[:, :, kept],
        keypoint_names=tuple(names[KEYPOINT_NAMES[place]] for place in kept),
    )  # fmt: skip
    write_dlc_csv(tmp_path / "m.csv", part)
    points = behaviour_points.whole_points(Recording(tmp_path / "m.csv", fps=24.0), None)
    assert set(points.names()) == {
        "ROOT_TAIL", "SPINE_MID", "LEFT_SHOULDER", "RIGHT_SHOULDER", "Haunch_left",
    }  # fmt: skip


def test_missing_limbs_are_named(trained: tuple[Path, BehaviourModel], tmp_path: Path) -> None:
    _, model = trained
    source = acted(3)
    kept = [place for place, name in enumerate(KEYPOINT_NAMES) if "PAW" not in name]
    names = tuple(KEYPOINT_NAMES[place] for place in kept)
    write_sequence(tmp_path / "m.parquet", Keypoints3D(source.xyz[:, kept], source.times, names))
    found = behaviour_of(Recording(tmp_path / "m.parquet", up=UP), model)
    assert len(found.missing) == 4
    assert all("PAW" in name for name in found.missing)


def test_what_cannot_be_told_is_said(trained: tuple[Path, BehaviourModel], tmp_path: Path) -> None:
    folder, model = trained
    write_sequence(tmp_path / "short.parquet", doll("still", 0.3))
    with pytest.raises(InputError, match=r"no stretch of 0\.5 s"):
        behaviour_of(Recording(tmp_path / "short.parquet", up=UP), model)
    write_dlc_csv(tmp_path / "flat.csv", filmed(acted(0)))
    with pytest.raises(InputError, match="angles needs poses"):
        behaviour_of(Recording(tmp_path / "flat.csv", fps=24.0), model)
    with pytest.raises(InputError, match="holds no times"):
        behaviour_of(Recording(tmp_path / "flat.csv"), model)
    with pytest.raises(InputError, match="cannot be the rate"):
        behaviour_of(Recording(tmp_path / "flat.csv", fps=2400.0), model)
    (tmp_path / "text.csv").write_text("hello\n", encoding="utf-8")
    with pytest.raises(FileError, match="no known format"):
        behaviour_of(Recording(tmp_path / "text.csv"), model)
    found = behaviour_of(Recording(folder / "m3.parquet", up=UP), model)
    with pytest.raises(InputError, match="two recordings are called m3"):
        write_behaviour([found, found], BehaviourFiles(tmp_path))


def frame_table(animals: int = 4) -> FrameTable:
    """Return clips of 12 frames of every act as the data set holds them."""
    xy, clip, frame, behaviour = [], [], [], []
    for number in range(3 * animals):
        xy.append(filmed(doll(ACTS[number % 3], 0.5, number)).xy[:, 0])
        clip += [number] * 12
        frame += list(range(12))
        behaviour += [number % 3] * 12
    count = len(clip)
    return FrameTable(
        np.arange(count), KEYPOINT_NAMES, np.concatenate(xy).astype(np.float32),
        np.full((count, 2), 1000, np.int32), np.array(behaviour, np.int32), ACTS,
        np.array(clip, np.int32), tuple(f"clip_{n}" for n in range(3 * animals)),
        np.array(frame), np.full((count, 4), np.nan, np.float32),
    )  # fmt: skip


def test_a_clip_of_the_data_set_is_a_window() -> None:
    table = frame_table()
    data = windows_of_dataset(table, ClipOptions())
    assert len(data) == 12
    assert not data.animals_known
    assert list(data.clips) == list(table.clip_names)
    assert list(data.labels[:3]) == list(ACTS)
    owners = {name: f"mouse {number % 4}" for number, name in enumerate(table.clip_names)}
    assert set(windows_of_dataset(table, ClipOptions(), owners).animals) == set(owners.values())


def test_what_the_data_set_cannot_give_is_said() -> None:
    table = frame_table(1)
    with pytest.raises(InputError, match="2D keypoints alone"):
        windows_of_dataset(table, ClipOptions(kinds=("keypoints3d",)))
    with pytest.raises(InputError, match="lacks 2 clips: clip_1"):
        windows_of_dataset(table, ClipOptions(), {"clip_0": "a"})
    with pytest.raises(InputError, match="no feature tells the clips"):
        windows_of_dataset(replace(table, clip_names=()), ClipOptions())
    with pytest.raises(InputError, match="24 frames/s, not 30"):
        windows_of_dataset(table, ClipOptions(rate=30.0))
    with pytest.raises(InputError, match="as long as a window of 24 frames"):
        windows_of_dataset(table, ClipOptions(window=1.0))
    with pytest.raises(InputError, match="a frame twice"):
        windows_of_dataset(replace(table, frame=0 * table.frame), ClipOptions())
