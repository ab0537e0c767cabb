"""Laws of NWB files: they read back equal, others open them, and the inspector finds no fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from motions import moving_sequence
from mousepose.errors import FileError, InputError
from mousepose.io import (
    Recording,
    VideoFile,
    convert,
    iterate_nwb,
    load,
    load_keypoints,
    read_nwb,
    read_points,
    read_sequence,
    read_session,
    write_nwb,
)
from mousepose.io.nwb.session import EXAMPLE, Session
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints2D, PoseSequence

pytest.importorskip("ndx_pose", reason="NWB needs pynwb and ndx-pose")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries about each other's versions


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("session") / "session.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return read_session(path)


def tracks_of(sequence: PoseSequence, cameras: int = 2) -> Keypoints2D:
    """Return 2D points of some cameras for the frames of a sequence, some of them not seen."""
    random = np.random.default_rng(0)
    xy = random.uniform(0, 1000, (len(sequence), cameras, 3, 2))
    xy[random.random(xy.shape[:3]) < 0.2] = np.nan
    confidence = np.where(np.isnan(xy[..., 0]), 0.0, 0.75)
    return Keypoints2D(
        xy, confidence, sequence.times, sequence.frame_numbers, ("nose", "left ear", "tail/base")
    )


def assert_equal(found: PoseSequence, source: PoseSequence) -> None:
    for name in ("keypoints", "covariance", "state", "rotation_sd", "frame_numbers"):
        np.testing.assert_array_equal(getattr(found, name), getattr(source, name), name)
    for name in ("root_rotation", "root_translation", "joint_rotation", "shape"):
        np.testing.assert_array_equal(getattr(found.pose, name), getattr(source.pose, name), name)
    np.testing.assert_allclose(found.times, source.times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.report.status, source.report.status)
    np.testing.assert_array_equal(found.report.iterations, source.report.iterations)
    assert found.report.cost.keys() == source.report.cost.keys()
    for term, cost in source.report.cost.items():
        np.testing.assert_array_equal(found.report.cost[term], cost)
    for name in (
        "keypoint_names", "joint_names", "animal", "frame", "scale_source", "provenance",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(source, name)


@pytest.mark.parametrize("regular", [True, False])
def test_a_sequence_comes_back_equal(
    tmp_path: Path, session: Session, sequence: Callable[..., PoseSequence], regular: bool
) -> None:
    source = sequence(30, "m1", 7)
    if not regular:  # a camera that jitters, and a frame that was lost
        jitter = np.random.default_rng(0).uniform(0, 0.01, 30)
        source = replace(source, times=source.times + jitter)[np.arange(30) != 11]
    path = tmp_path / "a.nwb"
    assert write_nwb(path, Recording(session, [source[:8], source[8:]])) == len(source)
    assert_equal(read_nwb(path), source)
    loaded = load(path)
    assert isinstance(loaded, PoseSequence)
    assert_equal(loaded, source)
    pieces = list(iterate_nwb(path, 7))
    assert [len(piece) for piece in pieces] == [7] * (len(source) // 7) + [len(source) % 7]
    np.testing.assert_array_equal(read_points(path).xyz, source.keypoints)
    convert(path, tmp_path / "back.parquet")
    assert_equal(read_sequence(tmp_path / "back.parquet"), source)


def test_the_inspector_finds_no_fault_and_pynwb_opens_it(tmp_path: Path, session: Session) -> None:
    import pandas as pd
    from pynwb import NWBHDF5IO

    source = moving_sequence(60, lost=(5,))
    cameras = [watching_camera(azimuth_deg=angle, name=f"cam:{angle}") for angle in (-90, 0)]
    (tmp_path / "side.mp4").write_bytes(b"not looked into")
    videos = [
        VideoFile(tmp_path / "side.mp4", source.times, (640, 480)),
        VideoFile(tmp_path / "side.mp4", source.times + 0.001 * np.arange(60) ** 2, (640, 480)),
    ]
    strides = pd.DataFrame(
        {"limb": ["left hind", "right hind"], "contact_s": [0.1, 0.3], "next_contact_s": [0.3, 0.5],
         "stride_length_mm": [50.0, 51.5], "step_length_mm": [np.nan, np.nan]}
    )  # fmt: skip
    bouts = pd.DataFrame({"start_s": [0.5, 0.0], "stop_s": [0.9, 0.4], "speed_mm_s": [100.0, 90.0]})
    behaviour = bouts.assign(behaviour=["rear", "walk"])
    path = tmp_path / "all.nwb"
    videos[1] = replace(videos[1], path=tmp_path / "top.mp4")
    (tmp_path / "top.mp4").write_bytes(b"neither")
    write_nwb(
        path,
        Recording(
            session, [source], [tracks_of(source)], cameras, videos, strides, bouts, behaviour
        ),
    )
    with NWBHDF5IO(path, "r") as io:
        file = io.read()
        pose = file.processing["behavior"]["pose_3d"]
        nose = pose.pose_estimation_series["NOSE"]
        index = source.keypoint_names.index("NOSE")
        np.testing.assert_array_equal(nose.data[:], source.keypoints[:, index])
        assert (nose.unit, nose.rate, len(nose.confidence)) == ("millimeters", 50.0, 60)
        view = pose.pose_estimations["cam_0"]
        assert view.device.name == "cam_0"
        np.testing.assert_allclose(view.device.intrinsic_matrix[:], cameras[1].matrix)
        np.testing.assert_array_equal(view["tail_base"].data[:], tracks_of(source).xy[:, 1, 2])
        assert view.source_video.external_file[0] == "top.mp4"
        table = file.processing["behavior"]["gait_strides"].to_dataframe()
        assert list(table["stride_length_mm"]) == [50.0, 51.5]
        assert "step_length_mm" not in table  # nothing is known in it
        epochs = file.intervals["behaviour_bouts"].to_dataframe()
        assert list(epochs["behaviour"]) == ["walk", "rear"]
        assert list(epochs["start_time"]) == [0.0, 0.5]
        assert file.subject.subject_id == "mouse-017"
        assert file.subject.species == "Mus musculus"
    nwbinspector = pytest.importorskip("nwbinspector", reason="it looks for violations")
    found = [str(m.message) for m in nwbinspector.inspect_nwbfile(nwbfile_path=path)]
    assert found == []


def test_all_series_share_the_times_of_a_jittering_camera(tmp_path: Path, session: Session) -> None:
    source = moving_sequence(12)
    times = source.times + np.random.default_rng(1).uniform(0, 0.01, 12)
    path = tmp_path / "a.nwb"
    write_nwb(path, Recording(session, [replace(source, times=times)]))
    with h5py.File(path) as file:
        pose = file["processing/behavior/pose_3d"]
        for name in source.keypoint_names:
            np.testing.assert_array_equal(pose[name]["timestamps"][:], times)
        stored = {pose[name]["timestamps"].name for name in source.keypoint_names}
        assert len({pose[name]["timestamps"].id for name in source.keypoint_names}) <= len(stored)
        np.testing.assert_array_equal(
            file["processing/behavior/joint_rotation/timestamps"][:], times
        )


def test_points_of_others_in_images_and_in_space(tmp_path: Path, session: Session) -> None:
    from ndx_pose import PoseEstimation, PoseEstimationSeries, Skeleton, Skeletons
    from pynwb import NWBHDF5IO, NWBFile

    random = np.random.default_rng(0)
    flat, deep = random.normal(size=(2, 9, 2)), random.normal(size=(2, 9, 3))
    for name, data, unit in (("2d", flat, "pixels"), ("3d", deep, "meters")):
        file = NWBFile("a", "b", session.start_time)
        module = file.create_processing_module("behavior", "x")
        skeleton = Skeleton(name="s", nodes=["tail", "nose"])
        module.add(Skeletons(skeletons=[skeleton]))
        series = [
            PoseEstimationSeries(
                name=part, data=values, unit=unit, reference_frame="x", rate=20.0,
                starting_time=1.0, confidence=np.full(9, 0.5),
            )
            for part, values in zip(("tail", "nose"), data, strict=True)
        ]  # fmt: skip
        module.add(PoseEstimation(pose_estimation_series=series, skeleton=skeleton))
        with NWBHDF5IO(tmp_path / f"{name}.nwb", "w") as io:
            io.write(file)
    seen = load_keypoints(tmp_path / "2d.nwb")
    assert seen.keypoint_names == ("tail", "nose")
    np.testing.assert_array_equal(seen.xy[:, 0], flat.transpose(1, 0, 2))
    np.testing.assert_array_equal(seen.confidence, 0.5)
    np.testing.assert_allclose(seen.times, 1 + np.arange(9) / 20)
    points = read_points(tmp_path / "3d.nwb")
    np.testing.assert_allclose(points.xyz, 1000 * deep.transpose(1, 0, 2))
    done = convert(tmp_path / "3d.nwb", tmp_path / "3d.trc")
    assert done.kind == "3D"


def test_parts_that_do_not_go_together_are_refused(tmp_path: Path, session: Session) -> None:
    import pandas as pd

    source = moving_sequence(6)
    one, two = (watching_camera(name=name) for name in ("a", "b"))
    video = VideoFile(tmp_path, source.times, (1, 1))
    bouts = pd.DataFrame({"start_s": [0.0], "stop_s": [1.0]})
    tracks = [tracks_of(source)]
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("2D points are of 2 cameras, 1 are given", {"tracks": tracks, "cameras": [one]}),
        ("called the same", {"cameras": [one, one]}),
        ("1 videos of 2", {"cameras": [one, two], "videos": [video]}),
        ("behaviour lacks the columns behaviour", {"behaviour": bouts}),
    ]
    for message, parts in wrong:
        with pytest.raises(InputError, match=message):
            write_nwb(tmp_path / "a.nwb", Recording(session, [source], **parts))
    with pytest.raises(InputError, match="holds one animal; got m1 and m2"):
        write_nwb(tmp_path / "a.nwb", Recording(session, [source, replace(source, animal="m2")]))
    with pytest.raises(InputError, match="no frames were given"):
        write_nwb(tmp_path / "a.nwb", Recording(session, []))
    with pytest.raises(InputError, match="ends in .nwb"):
        write_nwb(tmp_path / "a.h5", Recording(session, [source]))
    assert not list(tmp_path.iterdir())


def test_a_cut_file_and_another_schema_are_refused(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "a.nwb"
    write_nwb(path, Recording(session, [moving_sequence(4)]))
    with h5py.File(path, "r+") as file:
        told = json.loads(file["general/notes"][()])
        del file["general/notes"]
        file["general/notes"] = json.dumps(told | {"schema_version": 9})
    with pytest.raises(FileError, match="schema version 9, this mousepose reads 1"):
        load(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="may be cut"):
        load(path)


def test_a_series_that_was_shortened_is_noticed(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "a.nwb"
    write_nwb(path, Recording(session, [moving_sequence(8)]))
    with h5py.File(path, "r+") as file:
        file["processing/behavior/joint_rotation/data"].resize(5, axis=0)
    with pytest.raises(FileError, match="joint_rotation"):
        read_nwb(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("start_time = 2026-03-02T10:15:00+01:00", ""), "session.start_time is missing"),
        (("+01:00", ""), "session.start_time: expected a date and time with its zone"),
        (('sex = "F"', 'sex = "female"'), "subject.sex: expected F, M, O or U"),
        (('age = "P90D"', ""), "subject.age or subject.date_of_birth is missing"),
        (("lab = ", "laboratory = "), "session.laboratory is unknown"),
        (('["mouse", "gait"]', '"mouse"'), "session.keywords: expected a list of texts"),
        (("[subject]", "[animal]"), r"the table \[subject\] is missing"),
        (("[session]", "[session"), "is no TOML"),
    ],
)
def test_a_session_says_all_that_is_wrong(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    (tmp_path / "s.toml").write_text(EXAMPLE.replace(*change), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_session(tmp_path / "s.toml")


def test_a_session_is_read(session: Session) -> None:
    assert session.start_time.utcoffset() is not None
    assert session.subject["age"] == "P90D"
    assert session.about["keywords"] == ["mouse", "gait"]
