"""Segments give what the uncut film gives: nothing is lost, doubled or changed at a border."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.segments import (
    FPS,
    START,
    Line,
    cage_work,
    cut,
    picture,
    segment_of,
    segments_of,
    write_film,
)
from mousepose import load_keypoints
from mousepose.detect.shipped import shipped_model
from mousepose.errors import FileError
from mousepose.io.keypoints.registry import joined
from mousepose.method import solve
from mousepose.monitor.records import Stage
from mousepose.monitor.stages import poses, run_stage
from mousepose.monitor.stages.animal import known_animal, mouse_of
from mousepose.monitor.stages.carry import Carry
from mousepose.monitor.stages.poses import points_around
from mousepose.monitor.stages.tables import raw_points_of
from mousepose.monitor.stages.work import inputs_of
from mousepose.monitor.store.store import Store
from mousepose.run import film_pass, keypoint_files
from mousepose.run.mouse_finder import chosen_finder
from mousepose.run.predict import VideoJob, predict
from mousepose.sequence import slice_sequence
from mousepose.skeleton import mirrored_name
from mousepose.types import Keypoints2D, State
from mousepose.video import open_video

GROUP = 40
FRAMES = 3 * GROUP
#: Hidden over the first border and over the second: whether a mouse is only hidden is known late.
HIDDEN = [*range(GROUP - 4, GROUP + 3), *range(2 * GROUP - 1, 2 * GROUP + 4)]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    images = [picture(n, HIDDEN) for n in range(FRAMES)]  # type: ignore[arg-type]
    return write_film(path, images, GROUP)


@pytest.fixture(scope="module")
def line(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The film in three segments, each with its points and poses."""
    folder = tmp_path_factory.mktemp("store")
    paths = cut(film, film.parent / "cut", GROUP / FPS)
    assert len(paths) == 3
    line = Line(segments_of(paths), cage_work(), Store(str(folder), "study"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poses, "LEAST_FRAMES", 30)
        line.do_all(Stage.POINTS, Stage.POSES, Stage.MEASURES)
    return line


@pytest.fixture(scope="module")
def uncut(film: Path, line: Line, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keypoints that `predict` finds in the film as it is, seeking as the cut one does."""
    output = tmp_path_factory.mktemp("uncut") / "mouse.parquet"
    job = VideoJob(film, output, shipped_model(), view="top", chunk=GROUP)
    with open_video(line.segments[0].path) as first:
        finder = chosen_finder(job.search, first, lambda *_: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film_pass, "chosen_finder", lambda *_: finder)
        predict(job, lambda *_: None)
    return output


def points_in(line: Line, number: int) -> Keypoints2D:
    """What the poses of a segment are made of: its points, the last ones as told for good."""
    task = line.task(Stage.POSES, number)
    own = inputs_of(task, task.segment, "points")[0]
    around = points_around(task, line.store, own, line.cage.setup())
    return keypoint_files.cut(around.points, around.start, around.stop)


def test_points_are_those_of_the_uncut_film(line: Line, uncut: Path) -> None:
    truth = load_keypoints(uncut)
    mirror = [truth.keypoint_names.index(mirrored_name(name)) for name in truth.keypoint_names]
    for number in range(3):
        found = points_in(line, number)
        place = slice(number * GROUP, (number + 1) * GROUP)
        assert found.frame_numbers.tolist() == truth.frame_numbers[place].tolist()
        assert np.allclose(found.times, truth.times[place], rtol=0, atol=1e-9)
        assert np.array_equal(np.isnan(found.xy), np.isnan(truth.xy[place]))
        # an ellipse has no left and right: which is which may come out the other way
        straight, crossed = (
            np.nanmax(np.abs(found.xy - truth.xy[place][:, :, order]), axis=(1, 2, 3)) < 1e-6
            for order in (slice(None), mirror)
        )
        assert (straight | crossed).all()
        assert straight.mean() > 0.7


def test_poses_are_those_of_the_uncut_points(line: Line) -> None:
    whole = joined([points_in(line, number) for number in range(3)])
    setup = line.cage.setup()
    files = [one for of in line.written.values() for one in of if one.table == "animal"]
    assert [mouse_of(one) for one in files] == ["mouse0"]  # learned once
    known = known_animal(files, "mouse0", line.store)
    assert known is not None
    chunks = iter([keypoint_files.cut(whole, n, n + GROUP) for n in range(0, FRAMES, GROUP)])
    context = setup.config.overlap
    for number, (points, start, stop) in enumerate(keypoint_files.with_context(chunks, context)):
        truth = slice_sequence(solve(points, setup, known.animal), start, stop)
        found = raw_points_of(line.table("poses", number))
        assert np.nanmax(np.abs(found.xyz - truth.keypoints)) < 1e-6
        assert np.array_equal(found.times, truth.times)
        assert (found.seen == (truth.state == State.SEEN)).all()


def test_every_frame_is_accounted_for(line: Line) -> None:
    for number, segment in enumerate(line.segments):
        count = line.outcomes[Stage.POINTS, number].frames
        rows = line.table("points", number)
        assert count.total == segment.frames == len(rows) == GROUP
        assert count.skipped == count.damaged == 0
        shown = [n for n in range(number * GROUP, (number + 1) * GROUP) if n not in HIDDEN]
        assert abs(count.seen - len(shown)) <= 1
        times = rows["time"].to_pylist()
        assert times[0] == segment.start
        assert times[-1] < segment.end
        minutes = line.table("minutes", number).to_pydict()
        assert sum(minutes["frames"]) == GROUP
        assert sum(minutes["seen"]) == count.seen


def test_work_that_is_done_again_gives_the_same(line: Line) -> None:
    for stage in Stage:
        before = line.outcomes[stage, 1].written
        assert line.do(stage, 1).written == before


def test_frames_are_left_out_evenly_over_borders(line: Line, tmp_path: Path) -> None:
    behind = Line(line.segments, line.cage, Store(str(tmp_path), "study"))
    behind.do(Stage.POINTS, 0, every=3)
    behind.do(Stage.POINTS, 1, every=3)
    looked = [behind.table("points", number)["looked"].to_numpy() for number in (0, 1)]
    assert np.flatnonzero(np.concatenate(looked)).tolist() == list(range(0, 2 * GROUP, 3))
    for number in (0, 1):
        outcome = behind.outcomes[Stage.POINTS, number]
        assert outcome.frames.skipped == int((~looked[number]).sum())
        assert "skipped" in [event.kind for event in outcome.events]
        nose = behind.table("points", number)["NOSE_x"].to_numpy()
        assert np.isnan(nose[~looked[number]]).all()
    # once it has caught up, the same mouse goes on
    caught_up = behind.do(Stage.POINTS, 2)
    assert caught_up.frames.skipped == 0
    assert not caught_up.events
    assert behind.table("points", 2)["frame"].to_pylist() == list(range(2 * GROUP, FRAMES))


def test_a_file_that_is_gone_or_changed_is_an_error(line: Line, film: Path) -> None:
    gone = replace(line.segments[0], path=str(film.with_name("gone.mp4")))
    with pytest.raises(FileError, match="gone"):
        run_stage(replace(line.task(Stage.POINTS, 0), segment=gone), line.cage, line.store)
    changed = replace(line.segments[0], frames=7)
    with pytest.raises(FileError, match="changed since"):
        run_stage(replace(line.task(Stage.POINTS, 0), segment=changed), line.cage, line.store)


def test_without_the_file_before_the_track_goes_on(line: Line, tmp_path: Path) -> None:
    """Its last half second keeps what was told of it at first."""
    moved = replace(line.segments[0], path=str(tmp_path / "gone.mp4"))
    task = replace(line.task(Stage.POINTS, 1), before=moved)
    written = {one.table: one for one in run_stage(task, line.cage, line.store).written}
    assert not Carry.of_bytes(line.store.read_bytes(written["carry"])).tail
    found, usual = line.store.read(written["points"]), line.table("points", 1)
    assert found["frame"] == usual["frame"]
    away = np.abs(found["NOSE_x"].to_numpy() - usual["NOSE_x"].to_numpy())
    assert np.nanmedian(away) < 1e-6


def test_pictures_of_another_size_begin_a_new_track(line: Line, tmp_path: Path) -> None:
    small = [picture(n)[:128, :128] for n in range(12)]
    segment = segment_of(
        write_film(tmp_path / "small.mp4", small, GROUP), line.segments[0].end, follows=True
    )
    other = Line([line.segments[0], segment], line.cage, Store(str(tmp_path), "study"))
    other.written[line.segments[0].id] = tuple(
        other.store.write_bytes("carry", line.segments[0], line.store.read_bytes(one), ".npz")
        for one in line.written[line.segments[0].id]
        if one.table == "carry"
    )
    outcome = other.do(Stage.POINTS, 1)
    (event,) = [event for event in outcome.events if event.kind == "chain"]
    assert "160 x 160 px and are 128 x 128 px" in event.text
    (event,) = [event for event in outcome.events if event.kind == "size"]
    assert "128 x 128 px, and the camera's file is of 160 x 160 px" in event.text
    assert event.level == "error"
    assert other.table("points", 1)["frame"].to_pylist() == list(range(12))


def test_damaged_frames_are_counted_and_told(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    content = bytearray(film.read_bytes())
    for place in range(len(content) // 3, len(content) // 3 + 1500, 40):
        content[place] ^= 0xFF
    path.write_bytes(content)
    line = Line([segment_of(path)], cage_work(), Store(str(tmp_path), "study"))
    outcome = line.do(Stage.POINTS, 0)
    assert outcome.frames.total == FRAMES
    assert outcome.frames.damaged > 0
    assert "damaged" in [event.kind for event in outcome.events]
    assert len(line.table("points", 0)) == FRAMES


def test_a_cage_that_is_dark_or_empty_is_told(tmp_path: Path) -> None:
    images = [np.full((64, 64), 3, np.uint8)] * 30 + [np.full((64, 64), 120, np.uint8)] * 18
    path = write_film(tmp_path / "dark.mp4", images, 48)
    line = Line([segment_of(path)], cage_work(method="background"), Store(str(tmp_path), "study"))
    outcome = line.do(Stage.POINTS, 0)
    told = {event.kind: event for event in outcome.events}
    assert "1.3 s" in told["dark"].text
    assert told["dark"].time == START
    assert "2 s" in told["no mouse"].text
    assert outcome.frames.seen == 0
    line.do(Stage.POSES, 0)
    line.do(Stage.MEASURES, 0)
    assert not line.outcomes[Stage.POSES, 0].written
    minutes = line.table("minutes", 0).to_pydict()
    assert sum(minutes["frames"]) == 48
    assert minutes["distance_mm"] == [None] * len(minutes["frames"])


def test_two_mice_keep_their_names_over_a_border(tmp_path: Path) -> None:
    images = [np.minimum(picture(n), picture(n + 30)) for n in range(40)]
    paths = cut(write_film(tmp_path / "two.mp4", images, 20), tmp_path / "cut", 20 / FPS)
    line = Line(segments_of(paths), cage_work(animals=2), Store(str(tmp_path / "store"), "study"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poses, "LEAST_FRAMES", 10)
        line.do_all(Stage.POINTS, Stage.POSES, Stage.MEASURES)
    for number in range(2):
        files = line.written[line.segments[number].id]
        assert [mouse_of(one) for one in files if one.table == "points"] == ["mouse0", "mouse1"]
        assert sum(one.table == "animal" for one in files) == (0 if number else 2)
        rows = line.table("minutes", number).to_pydict()
        assert sorted(set(rows["mouse"])) == ["mouse0", "mouse1"]
        assert sum(rows["frames"]) == 2 * 20
    # both go round: neither takes the other's place from one segment to the next
    places = [
        np.concatenate([
            line.store.read(one)["SPINE_MID_x"].to_numpy()
            for number in range(2)
            for one in line.written[line.segments[number].id]
            if one.table == "points" and mouse_of(one) == mouse
        ])
        for mouse in ("mouse0", "mouse1")
    ]  # fmt: skip
    for place in places:
        assert np.nanmax(np.abs(np.diff(place))) < 30
