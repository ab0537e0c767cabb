"""COCO's json of keypoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.errors import FileError
from mousepose.io.keypoints import coco
from mousepose.io.keypoints.registry import load_keypoints, load_tracks

MOUSE = {"id": 1, "name": "mouse", "keypoints": ["nose", "tail"]}


def content(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], *categories: dict[str, Any]
) -> dict[str, Any]:
    return {
        "info": {},
        "images": images,
        "annotations": annotations,
        "categories": list(categories) or [MOUSE],
    }


def image(number: int, name: str | None = None) -> dict[str, Any]:
    return {"id": number, "file_name": name or f"v/img{number}.png"}


def mark(image: int, x: float, category: int = 1, **more: Any) -> dict[str, Any]:
    points = [x, x + 1, 2, x + 2, x + 3, 1]
    return {"image_id": image, "category_id": category, "keypoints": points, **more}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], Path]:
    def save(found: Any) -> Path:
        path = tmp_path / "labels.json"
        path.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
        return path

    return save


def test_visibility_0_is_not_there_1_is_a_guess_2_is_sure(saved: Callable[[Any], Path]) -> None:
    marked = mark(0, 5)
    marked["keypoints"][2] = 0
    points = load_keypoints(saved(content([image(0), image(1)], [marked, mark(1, 7)])), fps=1)
    assert np.isnan(points.xy[0, 0, 0]).all()
    assert points.confidence[:, 0].tolist() == [[0, 0.5], [1, 0.5]]
    assert points.xy[1, 0].tolist() == [[7, 8], [9, 10]]


def test_frames_are_the_numbers_in_the_file_names(saved: Callable[[Any], Path]) -> None:
    images = [image(1, "v\\img0030.png"), image(2, "v\\img0004.png")]
    points = load_keypoints(saved(content(images, [mark(1, 3), mark(2, 1)])), fps=1)
    assert points.frame_numbers.tolist() == [4, 30]
    assert points.xy[:, 0, 0, 0].tolist() == [1, 3]


@pytest.mark.parametrize("names", [("a/img1.png", "b/img1.png"), ("nose.png", "tail.png")])
def test_frames_are_ids_where_file_names_tell_none(
    saved: Callable[[Any], Path], names: tuple[str, str]
) -> None:
    images = [image(8, names[0]), image(6, names[1])]
    points = load_keypoints(saved(content(images, [mark(8, 3)])), fps=1)
    assert points.frame_numbers.tolist() == [6, 8]
    assert np.isfinite(points.xy[:, 0, 0, 0]).tolist() == [False, True]


@pytest.mark.parametrize(
    "told", [lambda n: {"track_id": n}, lambda n: {"attributes": {"object_id": n}}]
)
def test_each_category_and_each_identity_is_a_track(
    saved: Callable[[Any], Path], told: Callable[[int], dict[str, Any]]
) -> None:
    rat = {"id": 2, "name": "rat", "keypoints": ["nose", "ear"]}
    marks = [
        mark(0, 1, **told(7)),
        mark(0, 2, **told(9)),
        mark(1, 4, **told(9)),
        mark(1, 3, **told(7)),
        mark(1, 5, category=2),
    ]
    tracks = load_tracks(saved(content([image(0), image(1)], marks, MOUSE, rat)), fps=1)
    assert list(tracks) == ["mouse_7", "mouse_9", "rat"]
    assert tracks["mouse_9"].xy[:, 0, 0, 0].tolist() == [2, 4]
    assert tracks["rat"].keypoint_names == ("nose", "ear")


@pytest.mark.parametrize("numbered", [False, True])
def test_without_identities_animals_are_taken_in_their_order(
    saved: Callable[[Any], Path], numbered: bool
) -> None:
    marks = [mark(0, 1), mark(0, 2), mark(1, 3)]
    for number, unique in enumerate(marks if numbered else []):
        unique["track_id"] = number  # a number of its own for each is no identity
    tracks = load_tracks(saved(content([image(0), image(1)], marks)), fps=1)
    assert tracks["mouse_0"].xy[:, 0, 0, 0].tolist() == [1, 3]
    assert np.isnan(tracks["mouse_1"].xy[1]).all()


def test_boxes_without_keypoints_are_passed_over(saved: Callable[[Any], Path]) -> None:
    box = {"image_id": 0, "category_id": 3, "bbox": [0, 0, 1, 1]}
    empty = {"image_id": 0, "category_id": 1, "keypoints": []}
    cage = {"id": 3, "name": "cage"}
    found = saved(content([image(0)], [box, empty, mark(0, 1)], MOUSE, cage))
    assert list(load_tracks(found, fps=1)) == ["mouse"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(saved: Callable[[Any], Path], encoding: str) -> None:
    path = saved(content([image(0)], [mark(0, 1)]))
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert len(load_keypoints(path, fps=1)) == 1


GOOD = content([image(0), image(1)], [mark(0, 1)])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"x": 1}, "JSON file of no known format: expected the lists images, annotations"),
        ([{"image_id": 1, "keypoints": [1, 2, 2]}], "JSON file of no known format"),
        (json.dumps(GOOD)[:-9], "no whole json, it may be cut"),
        ('{"images":' + "[" * 100_000, "no known format"),
        ('{"annotations": 0, "categories": 0, "images":' + "[" * 100_000, "no whole json"),
        (GOOD | {"images": {}}, "holds the keys info, images"),
        (GOOD | {"images": [1]}, "item 0 of images is no object"),
        (GOOD | {"images": []}, "expected images, each with an id"),
        (GOOD | {"images": [image(0), image(0)]}, "each with an id of its own"),
        (GOOD | {"images": [image(0), {"id": [1]}]}, "each with an id of its own"),
        (GOOD | {"images": [{"id": 0}, {"id": "b"}]}, "frames can be told neither"),
        (GOOD | {"annotations": [mark(9, 1)]}, "is of image 9, which is not listed"),
        (GOOD | {"annotations": [mark(0, 1, category=9)]}, "category 9, which has no list"),
        (GOOD | {"annotations": [mark(0, 1) | {"keypoints": [1, 2]}]}, "expected 6 numbers"),
        (GOOD | {"annotations": [mark(0, 1) | {"keypoints": ["left"] * 6}]}, "are no numbers"),
        (GOOD | {"annotations": [mark(0, 1) | {"keypoints": [[1]] * 6}]}, "expected a flat list"),
        (GOOD | {"annotations": [mark(0, 1) | {"keypoints": [1, 2, 0.7] * 2}]}, "0, 1 or 2"),
        (GOOD | {"annotations": []}, "holds no annotation with keypoints"),
        (GOOD | {"categories": [{"id": 1, "name": "m", "keypoints": ["a", "a"]}]}, "named twice"),
        (
            GOOD | {"annotations": [mark(0, n, track_id=n // 2) for n in range(3)]},
            "holds mouse_0 twice in one image",
        ),
    ],
)
def test_bad_files_are_refused(saved: Callable[[Any], Path], found: Any, message: str) -> None:
    path = saved(found)
    with pytest.raises(FileError, match=message) as refusal:
        load_tracks(path, fps=1)
    assert str(path) in str(refusal.value)


def test_a_json_too_large_for_memory_is_refused(
    saved: Callable[[Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "MAX_JSON_BYTES", 100)
    with pytest.raises(FileError, match="a json is read up to 0 MB: split it"):
        load_tracks(saved(GOOD), fps=1)


def test_what_sleap_io_writes_is_read(tmp_path: Path, mice: Callable, write: dict) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="the extra formats is not installed")
    truth = mice(12)
    write["slp"](tmp_path / "a.slp", truth)
    labels = sleap_io.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    sleap_io.save_coco(labels, str(tmp_path / "a.json"))
    tracks = load_tracks(tmp_path / "a.json", fps=1)
    for animal, track in enumerate(tracks.values()):
        np.testing.assert_array_equal(track.xy[:, 0], truth.xy[animal])
