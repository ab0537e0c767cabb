"""What goes over a border: whoever goes on from it does as if there had been none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.segments import FPS, Line, cage_work, cut, picture, segments_of, write_film
from mousepose.detect.sides import with_sides_kept
from mousepose.detect.track import TrackedFrame, Tracker
from mousepose.detect.types import Detections
from mousepose.errors import FileError
from mousepose.monitor.records import Stage
from mousepose.monitor.stages.carry import Carry, Kept
from mousepose.monitor.stages.stretch import Rows
from mousepose.monitor.store.store import Store
from mousepose.types import Keypoints2D

BOXES = st.lists(
    st.tuples(*[st.floats(0, 300)] * 2, *[st.floats(10, 60)] * 2, st.floats(0.2, 1)), max_size=3
)


def detections(found: list[tuple[float, ...]]) -> Detections:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in found]).reshape(-1, 4)
    return Detections(boxes, np.array([score for *_, score in found]))


def followed(frames: list[Detections], saved_at: int) -> list[TrackedFrame]:
    """What a tracker of two mice tells that is saved and restored before a frame."""
    tracker, told = Tracker(2, 20.0), []
    for number, frame in enumerate(frames):
        if number == saved_at:
            tracker = Tracker.restored(json.loads(json.dumps(tracker.save())))
        told.append(tracker.push(frame))
    return [one for one in told if one is not None] + tracker.finish()


@settings(max_examples=30)
@given(st.lists(BOXES, min_size=1, max_size=30), st.integers(0, 29))
def test_a_saved_tracker_goes_on_as_if_it_had_never_stopped(
    found: list[list[tuple[float, ...]]], place: int
) -> None:
    frames = [detections(one) for one in found]
    for one, other in zip(followed(frames, place), followed(frames, -1), strict=True):
        assert np.array_equal(one.boxes, other.boxes, equal_nan=True)
        assert np.array_equal(one.states, other.states)
        assert np.array_equal(one.swap_risk, other.swap_risk)
        assert (one.extra, one.event) == (other.extra, other.event)


def test_who_comes_back_is_who_was_there() -> None:
    """A tracker of another rate takes over who is who, though it must find them anew."""
    low, high = (40.0, 40.0, 30.0, 30.0, 0.9), (240.0, 40.0, 30.0, 30.0, 0.9)
    first = Tracker(2, 20.0)
    told = [first.push(detections([low, high])) for _ in range(20)]
    first.finish()
    known = next(one for one in told if one is not None and np.isfinite(one.boxes).all())
    second = Tracker(2, 10.0)
    second.go_on_from(first)
    again = [second.push(detections([high, low])) for _ in range(20)]
    later = next(one for one in again if one is not None and np.isfinite(one.boxes).all())
    assert np.allclose(known.boxes, later.boxes, atol=1.0)


def keypoints(count: int, exchanged: range = range(0)) -> Keypoints2D:
    """A left and a right paw that go on side by side, the other way in some frames."""
    x = 2.0 * np.arange(count)
    points = np.stack([np.stack([x, x * 0 + y], -1) for y in (0.0, 20.0)], 1)
    for n in exchanged:
        points[n] = points[n, ::-1]
    numbers = np.arange(count)
    return Keypoints2D(
        points[:, None], np.ones((count, 1, 2)), numbers / FPS, numbers,
        ("LEFT_FORE_PAW", "RIGHT_FORE_PAW"), "mouse0", np.tile(np.eye(2), (count, 1, 2, 1, 1)),
    )  # fmt: skip


def part(points: Keypoints2D, begin: int, end: int) -> Keypoints2D:
    assert points.covariance is not None
    return replace(
        points, xy=points.xy[begin:end], confidence=points.confidence[begin:end],
        times=points.times[begin:end], frame_numbers=points.frame_numbers[begin:end],
        covariance=points.covariance[begin:end],
    )  # fmt: skip


def test_sides_are_kept_over_a_border() -> None:
    seen, true = keypoints(40, range(20, 26)), keypoints(40)
    before, after = part(seen, 0, 20), part(seen, 20, 26)
    alone, none = with_sides_kept(after)
    assert none == 0  # all are alike: nothing tells
    kept, count = with_sides_kept(after, before)
    assert count == 6
    assert np.array_equal(kept.xy, part(true, 20, 26).xy)
    assert np.array_equal(alone.xy, after.xy)


def carry_of(rows: Rows, finder: bytes = b"") -> Carry:
    frame = TrackedFrame(
        np.array([[1.0, 2.0, 3.0, 4.0], [np.nan] * 4]), np.array([2, 0], np.uint8),
        np.array([0.5, 0.0]), np.array([0.1, 0.0]), 1, "camera bumped",
    )  # fmt: skip
    numbers = np.arange(5)
    kept = Kept(numbers, numbers + 100, numbers / FPS, [frame])
    tracker = Tracker(2, FPS).save()
    return Carry((64, 48), FPS, 1, 105, 4.2, finder, tracker, (kept,), (rows,), (rows,))


def test_what_is_carried_is_the_same_bytes_and_comes_back() -> None:
    rows = Rows(keypoints(5), np.full(5, 2, np.uint8))
    carry = carry_of(rows)
    content = carry.to_bytes()
    again = Carry.of_bytes(content)
    assert again.to_bytes() == content
    assert (again.size, again.fps, again.frames, again.elapsed) == ((64, 48), FPS, 105, 4.2)
    assert again.kept[0].mice[0].event == "camera bumped"
    assert np.isnan(again.kept[0].mice[0].boxes[1]).all()
    assert np.array_equal(again.tail[0].points.xy, rows.points.xy)
    for wrong in (b"", b"PK nothing", content[: len(content) // 2]):
        with pytest.raises(FileError):
            Carry.of_bytes(wrong)


def test_segments_shorter_than_what_is_kept_back_lose_nothing(tmp_path: Path) -> None:
    """Half a second later it is known whether a mouse was hidden: here that is three segments."""
    length, count = 5, 8
    film = write_film(tmp_path / "film.mp4", [picture(n) for n in range(length * count)], length)
    paths = cut(film, tmp_path / "cut", length / FPS)
    assert len(paths) == count
    line = Line(segments_of(paths), cage_work(), Store(str(tmp_path / "store"), "study"))
    line.store.write_bytes("carry", line.segments[0], b"", ".npz")  # makes the folder
    for number in range(count):
        outcome = line.do(Stage.POINTS, number)
        assert outcome.frames.total == length
        first = number * length
        frames = line.table("points", number)["frame"].to_pylist()
        assert frames == list(range(first, first + length))
    seen = [line.outcomes[Stage.POINTS, number].frames.seen for number in range(count)]
    assert sum(seen[2:]) == length * (count - 2)
