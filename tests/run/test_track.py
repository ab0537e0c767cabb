"""Mice of a whole video: the same whether a run was interrupted or not; the check of videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import videos
from detect.cages import HEIGHT, WIDTH, bedding, box_of, frame, walk
from mousepose.detect.blobs import overlap
from mousepose.errors import FileError, InputError
from mousepose.report.overlay import write_box_overlay
from mousepose.run import film_pass
from mousepose.run.track import TrackJob, TrackOutcome, track_video
from mousepose.run.track_table import iterate_boxes
from mousepose.run.video_check import check_videos
from mousepose.types import State
from mousepose.video import open_video, video_writer

COUNT = 150
GROUND = bedding()


def quiet(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def write_cage(path: Path, images: list) -> Path:
    with video_writer(path, (WIDTH, HEIGHT), 30, quality=15) as writer:
        for number, image in enumerate(images):
            writer.write(image, number / 30)
    return path


@pytest.fixture(scope="module")
def cage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mouse that wanders, and is away from frame 60 to 100."""
    places = walk(COUNT)
    images = [frame(GROUND, [] if 60 <= n < 100 else [places[n]], seed=n) for n in range(COUNT)]
    return write_cage(tmp_path_factory.mktemp("cage") / "cage.mp4", images)


@pytest.fixture(scope="module")
def tracked(cage: Path) -> tuple[Path, TrackOutcome]:
    output = cage.with_name("boxes.parquet")
    return output, track_video(TrackJob(cage, output, chunk=50), quiet)


def test_boxes_of_a_video(tracked: tuple[Path, TrackOutcome]) -> None:
    path, outcome = tracked
    rows = list(iterate_boxes(path))
    assert [number for number, *_ in rows] == list(range(COUNT))
    boxes = np.stack([boxes[0] for _, boxes, _, _ in rows])
    states = np.array([states[0] for _, _, states, _ in rows])
    away = slice(60, 100)
    assert (states[away] == State.ABSENT).all()
    assert np.isnan(boxes[away]).all()
    seen = np.flatnonzero(states == State.SEEN)
    assert len(seen) > 105
    assert outcome.seen == [len(seen)]
    truth = np.stack([box_of(place) for place in walk(COUNT)])
    shared = [overlap(boxes[n : n + 1], truth[n : n + 1])[0, 0] for n in seen]
    assert np.median(shared) > 0.8
    table = pq.read_table(path)
    assert table["time"].to_numpy() == pytest.approx(np.arange(COUNT) / 30, abs=1e-3)
    assert not path.with_name("boxes.parquet.parts").exists()


def test_an_interrupted_run_goes_on_to_the_same_table(
    cage: Path,
    tracked: tuple[Path, TrackOutcome],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    job = TrackJob(cage, tmp_path / "boxes.parquet", chunk=50)
    written = []
    original = film_pass.write_detections

    def stop_after_two(*arguments: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(arguments)
        original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(film_pass, "write_detections", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        track_video(job, quiet)
    monkeypatch.undo()
    assert not job.output.exists()
    other = TrackJob(cage, job.output, chunk=50, animals=2)
    with pytest.raises(InputError, match="differs in: animals"):
        track_video(other, quiet)
    outcome = track_video(job, quiet)
    assert outcome.resumed == 100
    again, once = (pq.read_table(path).to_pandas() for path in (job.output, tracked[0]))
    pd.testing.assert_frame_equal(again, once)


def test_the_overlay_has_every_frame_with_its_box(
    cage: Path, tracked: tuple[Path, TrackOutcome], tmp_path: Path
) -> None:
    write_box_overlay(cage, tracked[0], tmp_path / "overlay.mp4", quiet)
    with open_video(cage) as source, open_video(tmp_path / "overlay.mp4") as drawn:
        assert len(drawn) == COUNT
        assert np.allclose(drawn.times, source.times, atol=1e-3)
        off = np.ptp(drawn.frame(30, colour=True).image.astype(int), axis=-1)[20:]
        assert (off > 60).sum() > 50  # the box is the only colour
        gone = np.ptp(drawn.frame(80, colour=True).image.astype(int), axis=-1)[20:]
        assert (gone > 60).sum() == 0


def test_what_cannot_be_tracked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="written as Parquet"):
        track_video(TrackJob(tmp_path / "a.mp4", tmp_path / "a.csv"), quiet)
    with pytest.raises(FileError, match="no such file"):
        track_video(TrackJob(tmp_path / "a.mp4", tmp_path / "a.parquet"), quiet)
    (tmp_path / "no.parquet").write_bytes(b"text")
    with pytest.raises(FileError, match="cannot be read as Parquet"):
        next(iterate_boxes(tmp_path / "no.parquet"))


def test_a_good_video_is_good(cage: Path) -> None:
    (found,) = check_videos([cage], quiet)
    assert found.verdict == "good", found.notes
    assert (found.frames, found.size, found.codec) == (COUNT, (WIDTH, HEIGHT), "h264")
    assert found.fps == pytest.approx(30, rel=1e-3)
    assert found.duration == pytest.approx(5, rel=1e-3)


def test_a_bump_and_a_switch_of_the_light_are_told(tmp_path: Path) -> None:
    ground = bedding()
    moved = np.roll(ground, (6, -10), (0, 1))
    images = [frame(ground if n < 75 else moved, [], seed=n) for n in range(150)]
    images += [frame(0.5 * moved, [], seed=n) for n in range(90)]
    (found,) = check_videos([write_cage(tmp_path / "a.mp4", images)], quiet)
    assert found.verdict == "look"
    assert [move[1:] for move in found.camera_moves] == [(-10, 6)]
    assert found.camera_moves[0][0] == pytest.approx(2.5, abs=0.1)
    assert len(found.light_switches) == 1
    assert found.light_switches[0][0] == pytest.approx(5, abs=1.1)


def test_odd_rates_damage_and_no_videos_are_told(tmp_path: Path) -> None:
    stamps = np.cumsum([0] + [1] * 20 + [9] + [1] * 18)
    varies = videos.write(tmp_path / "varies.mp4", numbers=range(40), stamps=stamps)
    content = bytearray(varies.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    (tmp_path / "damaged.mp4").write_bytes(content)
    (tmp_path / "empty.mp4").write_bytes(b"")
    paths = [varies, tmp_path / "damaged.mp4", tmp_path / "empty.mp4"]
    odd, damaged, empty = check_videos(paths, quiet)
    assert odd.variable_rate
    assert any("frame 21" in note for note in odd.notes)
    assert damaged.verdict == "bad"
    assert damaged.missing + damaged.damaged > 5
    assert empty.error.endswith("was the recording stopped at once?")
    assert empty.to_dict()["verdict"] == "bad"


def test_a_cut_video_is_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt = *videos.SIZE, "yuvj420p"
        for number in range(60):
            image = av.VideoFrame.from_ndarray(videos.picture(number), format="gray")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content[: len(content) // 2])
    (found,) = check_videos([tmp_path / "a.mkv"], quiet)
    assert any("it is cut" in note for note in found.notes)
