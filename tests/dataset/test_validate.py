"""Every rule that is broken on purpose is found, with the record's number, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelled_frames import record
from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.example import serialise_example
from mousepose.dataset.frame_table import TableBuilder
from mousepose.dataset.frames import Frames
from mousepose.dataset.multiview import load_multiview
from mousepose.dataset.sides import swapped_sides
from mousepose.dataset.summary import summarise
from mousepose.dataset.tfrecord_write import write_records
from mousepose.dataset.validate import (
    MAX_KEPT,
    RULES,
    Validation,
    is_published,
    validate_frames,
    validate_multiview,
)
from mousepose.skeleton import KEYPOINT_NAMES

Make = Callable[..., Path]


def examples(count: int = 36) -> list[dict[str, Any]]:
    """Frames of three clips with all keypoints, which break no rule."""
    out = [record(n) for n in range(count)]
    for example in out:
        for axis in "xy":
            example[f"TIP_TAIL/region/point/{axis}"] = np.array([0.5], np.float32)
    return out


def checked(path: Path, records: Iterable[dict[str, Any] | bytes]) -> Validation:
    payloads = (r if isinstance(r, bytes) else serialise_example(r) for r in records)
    write_records(path, payloads)
    found = Validation()
    with Frames(path, skip_faults=True) as frames:
        validate_frames(frames, found)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "video_frames.tfrecord"


def without_sides(found: Validation) -> dict[str, int]:
    """The counts without the suspicion, which random points raise."""
    return {rule: count for rule, count in found.counts.items() if rule != "sides"}


def test_a_good_file_breaks_no_rule(path: Path) -> None:
    found = checked(path, examples())
    assert without_sides(found) == {}
    assert found.good
    assert found.checked == ["36 frames"]


def change(number: int, **changes: Any) -> Callable[[list[Any]], None]:
    def made(records: list[Any]) -> None:
        records[number] |= {name.replace("__", "/"): value for name, value in changes.items()}

    return made


def few_points(records: list[Any]) -> None:
    for name in KEYPOINT_NAMES[2:]:
        for axis in "xy":
            del records[8][f"{name}/region/point/{axis}"]


def same_picture(records: list[Any]) -> None:
    records[30]["image/encoded"] = records[4]["image/encoded"]


def cut_picture(records: list[Any]) -> None:
    records[5]["image/encoded"] = [records[5]["image/encoded"][0][:-40]]


def one_less(records: list[Any]) -> None:
    del records[35]


@pytest.mark.parametrize(
    ("change", "rule", "where", "what"),
    [
        (few_points, "keypoints", "record 8", "2 labelled keypoints"),
        (same_picture, "duplicate", "record 30", "the picture of record 4"),
        (cut_picture, "picture", "record 5", "its picture is damaged"),
        (one_less, "clip", "clip clip_002", "11 frames, expected 12"),
        (
            change(7, NOSE__region__point__x=np.array([1.2], np.float32)),
            "outside", "record 7", "NOSE at (76,",
        ),
        (
            change(7, clip__frame_number=np.array([40])),
            "clip", "clip clip_000", "not numbered on: 0, 1, 2, 3, 4, 5, 6, 8",
        ),
        (change(7, clip__id=[]), "clip", "record 7", "no clip"),
        (
            change(7, clip__behavior__label=["eating"]),
            "behaviour", "clip clip_000", "more than one: walking, eating",
        ),
        (
            change(7, clip__behavior__label=["flying"]),
            "behaviour", "1 frames", "'flying' is none of the published",
        ),
        (change(7, image__encoded=[b"GIF89a"]), "record", "record 7 at byte", "no JPEG or PNG"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told(
    path: Path, change: Callable[[list[Any]], None], rule: str, where: str, what: str
) -> None:
    records = examples()
    change(records)
    found = checked(path, records)
    assert not found.good
    told = [p for p in found.problems if p.rule == rule]
    assert any(where in p.where and what in p.what for p in told), found.problems
    assert rule in RULES


def test_missing_names_and_broken_records_are_told(path: Path) -> None:
    records: list[Any] = [record(n) for n in range(36)]
    found = checked(path, records)
    assert without_sides(found) == {"names": 1}
    assert "no record has TIP_TAIL" in found.problems[0].what
    records[3] = b"\x0a\x7f"
    found = checked(path, records)
    where = [p.where for p in found.problems if p.rule == "record"]
    assert where[0].startswith("video_frames.tfrecord: record 3 at byte")


def test_many_problems_are_counted_and_few_kept(path: Path) -> None:
    nothing = np.array([], np.float32)
    empty = {f"{n}/region/point/{a}": nothing for n in KEYPOINT_NAMES for a in "xy"}
    found = checked(path, [examples()[0], *(record(n % 36) | empty for n in range(1, 300))])
    assert found.counts["keypoints"] == 299
    assert len([p for p in found.problems if p.rule == "keypoints"]) == MAX_KEPT


@pytest.mark.parametrize("name", ["walking", "Wheel_Running", "background/standing", "EATING"])
def test_published_behaviours_are_known_in_any_spelling(name: str) -> None:
    assert is_published(name)
    assert not is_published("flying")


def test_views_are_checked(make_multiview: Make) -> None:
    folder = make_multiview()
    found = Validation()
    validate_multiview(load_multiview(folder), found)
    assert found.counts == {}
    (folder / "m001_top.jpg").unlink()
    (folder / "m002_top.jpg").write_bytes(b"\xff\xd8")
    lines = (folder / "keypoints.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = "m000_side1.jpg,900,2,1,1"
    del lines[-1]
    (folder / "keypoints.csv").write_text("\n".join(lines), encoding="utf-8")
    found = Validation()
    validate_multiview(load_multiview(folder), found)
    assert found.counts == {"picture": 2, "outside": 1, "views": 1}
    assert {p.where for p in found.problems if p.rule == "picture"} == {
        "m001_top.jpg", "m002_top.jpg",
    }  # fmt: skip


# Sides ------------------------------------------------------------------------------------------

NAMES = ("LEFT_EAR", "RIGHT_EAR", "LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_HIP", "RIGHT_HIP",
         "LEFT_KNEE", "RIGHT_KNEE", "NOSE")  # fmt: skip


def mouse(frames: int = 24) -> np.ndarray:
    """A mouse seen from above that walks and turns a little, (T, 9, 2) px."""
    rest = np.array(
        [
            [35, 8],
            [35, -8],
            [20, 9],
            [20, -9],
            [-20, 10],
            [-20, -10],
            [-15, 14],
            [-15, -14],
            [50, 0],
        ]
    )
    turn = np.linspace(0, 1.0, frames)
    turned = np.stack([np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)], -1)
    place = np.stack([200 + 4 * np.arange(frames), 150 + 2 * np.arange(frames)], -1)
    return rest @ turned.reshape(-1, 2, 2).swapaxes(1, 2) + place[:, None]


def suspects(xy: np.ndarray) -> list[tuple[int, str]]:
    builder = TableBuilder(len(xy), NAMES, None)
    for n, points in enumerate(xy):
        builder.add(n, points, (640, 480), ("walking", f"c{n // 12}", n % 12), None)
    return swapped_sides(builder.build())


def test_a_walking_mouse_raises_no_suspicion() -> None:
    random = np.random.default_rng(0)
    assert suspects(mouse() + random.normal(0, 1, (24, 9, 2))) == []


def test_swapped_points_are_suspected() -> None:
    xy = mouse()
    xy[5, [2, 3]] = xy[5, [3, 2]]  # one frame: there and back again
    xy[15:, [6, 7]] = xy[15:, [7, 6]]  # from here on
    assert suspects(xy) == [(5, "SHOULDER"), (6, "SHOULDER"), (15, "KNEE")]
    alone = mouse()[:1]
    alone[:, [4, 5]] = alone[:, [5, 4]]
    assert suspects(alone) == [(0, "HIP")]


def test_nothing_is_said_of_points_that_are_not_there() -> None:
    xy = mouse()
    xy[::2] = np.nan
    assert suspects(xy) == []


def test_the_summary_counts(make_records: Make, make_multiview: Make) -> None:
    make_multiview()
    folder = make_records().parent
    with MousePoseDataset(folder) as data:
        found = summarise(data)
    assert found.counts == {
        "scans": 0, "frames": 36, "clips": 3, "frames a clip": 12, "behaviours": 3,
        "multi-view pictures": 15, "views": 3, "moments": 5,
    }  # fmt: skip
    assert found.differences()["frames"] == (36, 5460)
    assert "frames a clip" not in found.differences()
    assert found.behaviours == {"walking": 12, "eating": 12, "wheel running": 12}
    assert found.labelled["NOSE"] == 1
    assert found.roles["clip/id"] == "clip"
    assert any("'clip/id' is taken for the clip" in note for note in found.notes)


@pytest.mark.parametrize(
    ("numbers", "good"),
    [
        (np.arange(12), True),
        (np.round(np.arange(12) * 1e6 / 24).astype(int), True),  # times in microseconds
        (np.array([*range(6), *range(7, 13)]), False),
        (np.array([*range(11), 10]), False),
    ],
)
def test_frames_are_numbered_on_or_timed_evenly(
    path: Path, numbers: np.ndarray, good: bool
) -> None:
    given = [record(n, clip__frame_number=np.array([numbers[n]])) for n in range(12)]
    told = [p.what for p in checked(path, given).problems if p.rule == "clip"]
    assert any("not numbered on" in what for what in told) != good
