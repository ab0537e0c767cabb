"""From a file of results to every format of whole poses, as the program does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motions import moving_sequence
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import SequenceWriter, read_bvh, read_glb, read_nwb, write_sequence
from mousepose.io.nwb.session import EXAMPLE
from mousepose.io.poses import parquet, sequence_header
from mousepose.run.export import EXPORTS, ExportJob, NwbParts, export, export_format
from mousepose.run.report_result import Result
from mousepose.types import PoseSequence
from mousepose.video import video_writer


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    """A result of 20 frames from frame 5 on, in row groups of its own."""
    write_sequence(tmp_path / "poses.parquet", moving_sequence(20, first_frame=5))
    return tmp_path / "poses.parquet"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    pytest.importorskip("ndx_pose", reason="NWB needs pynwb and ndx-pose")
    (tmp_path / "session.toml").write_text(EXAMPLE, encoding="utf-8")
    return tmp_path / "session.toml"


def test_the_ending_or_the_name_tells_the_format() -> None:
    for name, one in EXPORTS.items():
        assert export_format(Path("a" + one.ending.upper()), None) is one
        assert export_format(Path("folder"), name) is one
    assert export_format(Path("a.csv"), None) is None
    assert export_format(Path("a.glb"), "csv") is None


def test_frames_are_chosen_by_their_numbers(poses: Path, tmp_path: Path) -> None:
    done = export(ExportJob(poses, tmp_path / "a.glb", frames=(10, 14)))
    assert (done.frames, done.animals, done.written) == (4, ("m1",), (tmp_path / "a.glb",))
    assert read_glb(tmp_path / "a.glb").about["start_s"] == pytest.approx(10 / 50)
    done = export(ExportJob(poses, tmp_path / "m.ply", frames=(24, 90)))
    assert done.written == (tmp_path / "m.ply",)
    with pytest.raises(InputError, match="no frame of m1 from 90 to before 95"):
        export(ExportJob(poses, tmp_path / "b.bvh", frames=(90, 95)))


def test_of_a_long_file_only_the_chosen_frames_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 5)
    write_sequence(tmp_path / "long.parquet", moving_sequence(40, first_frame=100))
    read: list[int] = []
    group = Result.group

    def watched(own: Result, number: int) -> PoseSequence:
        read.append(number)
        return group(own, number)

    monkeypatch.setattr(Result, "group", watched)
    done = export(ExportJob(tmp_path / "long.parquet", tmp_path / "a.glb", frames=(118, 123)))
    assert done.frames == 5 and set(read) == {3, 4}
    assert read_glb(tmp_path / "a.glb").about["start_s"] == pytest.approx(118 / 50)


def test_every_animal_gets_a_file_and_nwb_one_animal(tmp_path: Path, session: Path) -> None:
    source = tmp_path / "two.parquet"
    one = moving_sequence(4)
    write_sequence(source, one, replace(moving_sequence(6, seed=1), animal="m2"))
    done = export(ExportJob(source, tmp_path / "out.bvh"))
    assert [path.name for path in done.written] == ["out_m1.bvh", "out_m2.bvh"]
    assert [len(read_bvh(path).root) for path in done.written] == [4, 6]
    only = export(ExportJob(source, tmp_path / "only.glb", animal="m2"))
    assert (only.animals, only.frames) == (("m2",), 6)
    parts = NwbParts(session)
    with pytest.raises(InputError, match="2 animals: m1, m2"):
        export(ExportJob(source, tmp_path / "a.nwb", nwb=parts))
    export(ExportJob(source, tmp_path / "a.nwb", animal="m1", nwb=parts))
    np.testing.assert_array_equal(read_nwb(tmp_path / "a.nwb").keypoints, one.keypoints)


def test_nwb_takes_the_times_of_the_video(poses: Path, tmp_path: Path, session: Path) -> None:
    video = tmp_path / "side.mp4"
    with video_writer(video, (64, 48), fps=25) as film:
        for frame in range(30):
            film.write(np.zeros((48, 64), np.uint8), frame / 25)
    export(ExportJob(poses, tmp_path / "a.nwb", nwb=NwbParts(session, videos=(video,))))
    np.testing.assert_allclose(read_nwb(tmp_path / "a.nwb").times, np.arange(5, 25) / 25, atol=1e-6)
    short = tmp_path / "short.mp4"
    with video_writer(short, (64, 48), fps=25) as film:
        for frame in range(10):
            film.write(np.zeros((48, 64), np.uint8), frame / 25)
    with pytest.raises(InputError, match="has 10 frames and the result has a frame 24"):
        export(ExportJob(poses, tmp_path / "b.nwb", nwb=NwbParts(session, videos=(short,))))
    with pytest.raises(FileError, match=r"gone.mp4: there is no such file"):
        missing = NwbParts(session, videos=(tmp_path / "gone.mp4",))
        export(ExportJob(poses, tmp_path / "b.nwb", nwb=missing))
    assert not (tmp_path / "b.nwb").exists()


def test_tables_come_from_their_files(poses: Path, tmp_path: Path, session: Path) -> None:
    import h5py

    bouts = "recording,animal,behaviour,start_s,stop_s\nr,m1,rear,0.1,0.2\nr,m9,walk,0,0.3\n"
    (tmp_path / "bouts.csv").write_text(bouts)
    parts = NwbParts(session, behaviour=tmp_path / "bouts.csv")
    export(ExportJob(poses, tmp_path / "a.nwb", nwb=parts))
    with h5py.File(tmp_path / "a.nwb") as file:
        assert file["intervals/behaviour_bouts/behaviour"].asstr()[:].tolist() == ["rear"]
    with pytest.raises(FileError, match="strides.parquet: there is no such file"):
        export(ExportJob(poses, tmp_path / "b.nwb", nwb=NwbParts(session, gait=tmp_path)))
    (tmp_path / "bouts.csv").write_text(bouts.replace("m1", "m8"))
    with pytest.raises(InputError, match="expected the bouts of m1 in one recording, got those of"):
        export(ExportJob(poses, tmp_path / "b.nwb", nwb=parts))


def test_bad_results_are_refused_in_one_line(
    poses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = poses.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(FileError, match="it may be cut"):
        export(ExportJob(tmp_path / "cut.parquet", tmp_path / "a.glb"))
    monkeypatch.setattr(sequence_header, "SCHEMA_VERSION", 7)
    with SequenceWriter(tmp_path / "later.parquet") as writer:
        writer.append(moving_sequence(2))
    monkeypatch.undo()
    with pytest.raises(FileError, match="schema version 7, this mousepose reads 1"):
        export(ExportJob(tmp_path / "later.parquet", tmp_path / "a.glb"))
    write_sequence(tmp_path / "points.csv", moving_sequence(2))
    with pytest.raises(FileError, match="holds no whole sequence"):
        export(ExportJob(tmp_path / "points.csv", tmp_path / "a.glb"))
    with pytest.raises(UnknownNameError, match="unknown format 'csv'"):
        export(ExportJob(poses, tmp_path / "a.glb", "csv"))
    assert not (tmp_path / "a.glb").exists()


def test_settings_that_mean_nothing_are_refused(poses: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--coat: means nothing to the format 'bvh'"):
        export(ExportJob(poses, tmp_path / "a.bvh", coat=True))
    with pytest.raises(InputError, match="go into an .nwb only, not into a.glb"):
        export(ExportJob(poses, tmp_path / "a.glb", nwb=NwbParts(poses)))
    with pytest.raises(InputError, match="write a small TOML"):
        export(ExportJob(poses, tmp_path / "a.nwb"))


def test_an_animal_on_its_back_is_noticed(poses: Path, tmp_path: Path) -> None:
    up = export(ExportJob(poses, tmp_path / "a.glb")).back_up
    down = export(ExportJob(poses, tmp_path / "a.glb", up=(0, 0, -2))).back_up
    assert up == pytest.approx(-down)
    assert -1 <= up <= 1
