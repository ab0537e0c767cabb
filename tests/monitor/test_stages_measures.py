"""Measures of a walk in pieces: nothing is told twice, nothing is lost, minutes add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.analysis.behaviour import acts

from monitor.segments import START, Line, cage_work
from mousepose.analysis.behaviour import boosting
from mousepose.analysis.behaviour.cross_validate import train_behaviour
from mousepose.analysis.behaviour.model_file import save_behaviour
from mousepose.analysis.floor import WORLD_FLOOR
from mousepose.analysis.gait import analyse_gait
from mousepose.body.default import default_body
from mousepose.fit.setup import Animal, Setup
from mousepose.monitor.minutes import COUNTS, SUMS, WHOLE_MINUTES
from mousepose.monitor.records import Segment, Stage
from mousepose.monitor.stages.animal import Known, floor_under
from mousepose.monitor.stages.stretch import Rows
from mousepose.monitor.stages.tables import points_table, poses_table
from mousepose.monitor.store.store import Store
from mousepose.simulate import walking_mouse
from mousepose.types import FitReport, Keypoints2D, Keypoints3D, Pose, PoseSequence, State

FPS, FRAMES = 60.0, 900
#: Segments of this many frames: the borders are at no whole seconds, the first one before midnight.
LENGTH = 290
BEGIN = START + timedelta(seconds=-3)


def poses_of(source: Keypoints3D) -> PoseSequence:
    """Points in the world as poses: of the body's joints nothing is asked."""
    frames, points = source.xyz.shape[:2]
    nothing = np.zeros((frames, 3))
    return PoseSequence(
        Pose(nothing, nothing, np.zeros((frames, 1, 3)), np.zeros(1)), source.xyz,
        np.tile(0.25 * np.eye(3), (frames, points, 1, 1)),
        np.full((frames, points), State.SEEN, np.uint8), np.full((frames, 1, 3), 0.05),
        source.times, np.arange(frames),
        FitReport(np.zeros(frames, np.uint8), np.ones(frames, np.int64), {}),
        source.keypoint_names, ("ROOT_TAIL",), "mouse0", "world",
    )  # fmt: skip


@pytest.fixture(scope="module")
def walk() -> PoseSequence:
    """A mouse that walks for 15 s."""
    body = default_body()
    found = walking_mouse(body, FRAMES / FPS, FPS, seed=3)
    points = Keypoints3D(body.keypoints_of(found.pose), found.times, tuple(body.keypoints.names))
    return poses_of(points)


def measured(
    walk: PoseSequence, folder: Path, length: int, fps: float = FPS, **settings: object
) -> Line:
    """The measures of poses in segments of some frames."""
    folder.mkdir()
    store = Store(str(folder), "study")
    begins = range(0, len(walk), length)
    segments = [
        Segment(
            "cage1", BEGIN + timedelta(seconds=begin / fps), "", len(walk[begin : begin + length]),
            fps, len(walk[begin : begin + length]) / fps, f"{begin}", begin > 0,
        )
        for begin in begins
    ]  # fmt: skip
    line = Line(segments, cage_work(**settings), store)
    known = Known(Animal.typical(line.cage.setup()), WORLD_FLOOR)
    for begin, segment in zip(begins, segments, strict=True):
        part = walk[begin : begin + length]
        within = part.times - part.times[0]
        rows = poses_table(segment, within, part, np.full(len(part), 1.5))
        xy = np.full((len(part), 1, 2, 2), 50.0)
        seen = Keypoints2D(
            xy, np.full((len(part), 1, 2), 0.9), part.times, part.frame_numbers,
            ("NOSE", "ROOT_TAIL"), "mouse0", np.zeros((len(part), 1, 2, 2, 2)),
        )  # fmt: skip
        states = np.full(len(part), State.SEEN, np.uint8)
        points = points_table(segment, within, Rows(seen, states), np.ones(len(part), bool))
        line.written[segment.id] = (
            store.write("poses", segment, rows, "mouse0"),
            store.write("points", segment, points, "mouse0"),
            store.write_bytes("animal", segment, known.to_bytes(), ".json", "mouse0"),
        )
    line.do_all(Stage.MEASURES)
    return line


@pytest.fixture(scope="module")
def cut(walk: PoseSequence, tmp_path_factory: pytest.TempPathFactory) -> Line:
    return measured(walk, tmp_path_factory.mktemp("cut") / "store", LENGTH)


@pytest.fixture(scope="module")
def uncut(walk: PoseSequence, tmp_path_factory: pytest.TempPathFactory) -> Line:
    return measured(walk, tmp_path_factory.mktemp("uncut") / "store", FRAMES)


def whole(line: Line, name: str) -> pa.Table:
    tables = []
    for segment in line.segments:
        tables += [line.store.read(w) for w in line.written[segment.id] if w.table == name]
    return pa.concat_tables(tables, promote_options="default")


def test_strides_are_told_once(cut: Line, uncut: Line, walk: PoseSequence) -> None:
    found, truth = (whole(line, "strides").to_pandas() for line in (cut, uncut))
    assert len(found) == len(truth) == len(analyse_gait(walk).strides) > 20
    order = ["time", "limb"]
    found, truth = (table.sort_values(order, ignore_index=True) for table in (found, truth))
    assert (found["limb"] == truth["limb"]).all()
    assert ((found["time"] - truth["time"]).abs() < timedelta(milliseconds=1)).all()
    for name in ("stride_length_mm", "speed_mm_s", "stance_s"):
        assert np.allclose(found[name], truth[name], rtol=0, atol=1e-6, equal_nan=True)


def test_bouts_begin_in_their_segment(cut: Line, uncut: Line) -> None:
    found, truth = (whole(line, "bouts").to_pandas() for line in (cut, uncut))
    assert found["time"].tolist() == truth["time"].tolist()
    assert set(found["behaviour"]) == {"walk"}
    # a bout over both neighbours and further ends with them
    assert (found["stop"] <= truth["stop"] + timedelta(milliseconds=1)).all()


def test_minutes_add_up(cut: Line, uncut: Line) -> None:
    found, truth = (
        whole(line, "minutes").to_pandas().groupby("time").sum(numeric_only=True)
        for line in (cut, uncut)
    )
    assert found.index.tolist() == truth.index.tolist()
    assert len(truth) == 2  # the walk passes a full minute
    for name in (*COUNTS, *SUMS):
        if name != "time_drinking_s":
            assert np.allclose(found[name], truth[name], rtol=0, atol=1e-6), name
    assert found["frames"].sum() == FRAMES
    assert found["seconds"].sum() == pytest.approx(FRAMES / FPS)
    assert found["distance_mm"].sum() > 300


def test_whole_minutes_are_one_row_each(cut: Line, uncut: Line) -> None:
    duckdb = pytest.importorskip("duckdb", reason="queries need DuckDB")
    rows = {}
    for name, line in (("cut", cut), ("uncut", uncut)):
        table = whole(line, "minutes")
        for folder in ("study", "cage"):
            table = table.append_column(folder, pa.repeat("one", len(table)))
        with duckdb.connect() as connection:
            connection.register("parts", table)
            query = f"SELECT * FROM ({WHOLE_MINUTES.format(minutes='parts')}) ORDER BY time"
            rows[name] = connection.sql(query).to_arrow_table().to_pandas()
    assert rows["cut"].columns.tolist() == rows["uncut"].columns.tolist()
    assert "time_rearing_s" in rows["cut"]
    assert len(rows["cut"]) == len(rows["uncut"]) == 2
    for name in ("frames", "distance_mm", "speed_mm_s", "max_speed_mm_s", "residual_px"):
        assert np.allclose(rows["cut"][name], rows["uncut"][name]), name
    assert rows["cut"]["time_drinking_s"].isna().all()


def test_drinking_is_the_nose_at_the_spout(walk: PoseSequence, tmp_path: Path) -> None:
    line = measured(walk[:FRAMES], tmp_path / "store", FRAMES, spout=(40.0, 40.0, 60.0, 60.0))
    table = whole(line, "minutes").to_pandas()
    assert table["time_drinking_s"].sum() == pytest.approx(FRAMES / FPS)


def test_a_slow_video_is_told_and_counted_all_the_same(walk: PoseSequence, tmp_path: Path) -> None:
    slow = replace(walk, times=walk.times * 10)
    line = measured(slow, tmp_path / "store", FRAMES)
    (event,) = line.outcomes[Stage.MEASURES, 0].events
    assert event.kind == "unknown"
    assert "too slow" in event.text
    table = whole(line, "minutes").to_pandas()
    assert table["frames"].sum() == FRAMES
    assert table["distance_mm"].isna().all()
    assert isinstance(table["time"][0], datetime)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of what a doll acts."""
    pytest.importorskip("sklearn", reason="classifiers are trained with scikit-learn")
    path = tmp_path_factory.mktemp("classifier") / "acts.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(boosting.SETTINGS, "max_iter", 10)
        model, _ = train_behaviour(acts.cohort(4), folds=2)
    save_behaviour(path, model)
    return path


def test_behaviours_lie_alike_in_every_segment(classifier: Path, tmp_path: Path) -> None:
    parts = [acts.doll(act, 5.0, 7).xyz for act in (*acts.ACTS, *acts.ACTS)]
    xyz = np.concatenate(parts)
    times = np.arange(len(xyz)) / acts.RATE
    acted = poses_of(Keypoints3D(xyz, times, acts.KEYPOINT_NAMES))
    found = {}
    for name, length in (("cut", 250), ("uncut", len(xyz))):
        line = measured(acted, tmp_path / name, length, acts.RATE, behaviour=classifier)
        assert not line.outcomes[Stage.MEASURES, 0].events
        found[name] = whole(line, "bouts").to_pandas(), whole(line, "minutes").to_pandas()
    (bouts, minutes), (true_bouts, true_minutes) = found["cut"], found["uncut"]
    told, truth = (
        table[table["behaviour"] != "walk"].sort_values("time", ignore_index=True)
        for table in (bouts, true_bouts)
    )
    assert set(truth["behaviour"]) == set(acts.ACTS)
    assert told["behaviour"].tolist() == truth["behaviour"].tolist()
    assert told["time"].tolist() == truth["time"].tolist()
    for act in acts.ACTS:
        seconds = minutes[f"time_{act}_s"].sum()
        assert seconds == pytest.approx(true_minutes[f"time_{act}_s"].sum(), abs=1e-5)
        assert 7 < seconds < 13


def test_the_floor_is_what_is_said_else_what_the_view_tells(walk: PoseSequence) -> None:
    seen = replace(walk[:60], frame="camera")
    setup = cage_work().setup()
    for settings, up in (
        ({"view": "top"}, (0, 0, -1)), ({"view": "bottom"}, (0, 0, 1)),
        ({"up": (0.0, 2.0, 0.0)}, (0, 1, 0)),
    ):  # fmt: skip
        floor = floor_under(seen, setup, cage_work(**settings))
        assert floor is not None
        assert np.allclose(floor.turn[2], up)
    found = floor_under(seen, setup, cage_work(view="side"))
    assert found is not None
    assert found.turn[2] @ [0, 0, 1] > 0.99  # from the paws
    plane = np.array([0.0, 0.6, -0.8, 300.0])
    camera = replace(setup.cameras[0], floor_plane=plane)
    known = floor_under(seen, Setup.of(camera), cage_work())
    assert known is not None
    assert np.allclose(known.turn[2], plane[:3])
    assert known.height == pytest.approx(-300.0)
