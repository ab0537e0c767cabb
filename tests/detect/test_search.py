"""A mouse found by the keypoint network alone, with a stand-in for the network that knows ovals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mousepose.detect import keypoint_detector
from mousepose.detect.blobs import overlap
from mousepose.detect.crops import MARGIN
from mousepose.detect.keypoint_detector import KeypointDetector
from mousepose.detect.network import CropKeypoints
from mousepose.detect.search import (
    apart,
    contrast_of,
    looked_at,
    overlap_of_pairs,
    search,
    windows_over,
)
from mousepose.errors import InputError

WIDTH, HEIGHT, LENGTH = 320, 240, 44
NAMES = ("NOSE", "LEFT_EAR", "RIGHT_EAR", "SPINE_MID", "ROOT_TAIL", "TIP_TAIL")
BRIGHT, DULL = 150, 180  #: grey levels: what it sees, and what it is not sure of


class Ovals:
    """Stands in for a `KeypointModel`: the points are the ends of what is bright in a crop."""

    names, size = NAMES, 64

    def __init__(self) -> None:
        self.crops = 0

    def predict(self, crops: Any, view: str | None = None) -> CropKeypoints:
        self.crops += len(crops)
        count = len(crops)
        xy, sure = np.full((count, len(NAMES), 2), 32.0), np.full((count, len(NAMES)), 0.05)
        for n, crop in enumerate(crops):
            y, x = np.nonzero(crop > BRIGHT)
            if len(x) < 12:
                continue
            ends = [np.argmin(x), np.argmin(y), np.argmax(y), len(x) // 2, np.argmax(x)]
            xy[n] = [*((x[end], y[end]) for end in ends), (0.0, 0.0)]
            whole = min(x.min(), y.min()) > 0 and max(x.max(), y.max()) < 63
            sure[n] = (0.9 if whole else 0.3) * (1.0 if crop.max() > DULL else 0.5)
        nothing = np.full((count, len(NAMES)), np.nan)
        spread = np.broadcast_to(np.eye(2), (count, len(NAMES), 2, 2)).copy()
        return CropKeypoints(xy, spread, sure, nothing, np.full((count, 3), np.nan))


def _frame(*middles: tuple[float, float]) -> np.ndarray:
    """Light ovals of a mouse's shape on a dark floor that is not quite even."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = 60 + 8 * np.sin(x / 5) + 8 * np.cos(y / 7)
    for u, v in middles:
        image[((x - u) / (LENGTH / 2)) ** 2 + ((y - v) / (LENGTH / 4)) ** 2 < 1] = 220
    return image.astype(np.uint8)


def _box(u: float, v: float) -> np.ndarray:
    return np.array([u - LENGTH / 2, v - LENGTH / 4, u + LENGTH / 2, v + LENGTH / 4])


@pytest.mark.parametrize("middle", [(50, 60), (160.5, 120.3), (290, 215)])
def test_one_mouse_is_found_wherever_it_is(middle: tuple[float, float]) -> None:
    found = search(Ovals(), _frame(middle), mice=3)  # type: ignore[arg-type]
    assert overlap(found.boxes[:1], _box(*middle)[None]) > 0.8
    assert found.scores[0] > 0.4
    assert (found.scores[1:] < 0.5 * found.scores[0]).all()


def test_two_mice_are_two_and_an_empty_cage_has_none() -> None:
    places = ((70, 60), (240, 180))
    found = search(Ovals(), _frame(*places), mice=2)  # type: ignore[arg-type]
    shared = overlap(found.boxes, np.stack([_box(*place) for place in places]))
    assert sorted(shared.argmax(1)) == [0, 1] and (shared.max(1) > 0.8).all()
    empty = search(Ovals(), _frame(), mice=2)  # type: ignore[arg-type]
    assert (empty.scores < 0.1).all()


def test_windows_cover_the_frame() -> None:
    side = 60.0
    boxes = windows_over((WIDTH, HEIGHT), [side])
    half = side / 2
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert np.allclose((boxes[:, 2:] - boxes[:, :2]) * MARGIN, side)
    covered = np.zeros((HEIGHT, WIDTH), int)
    for x, y in middles:
        covered[max(round(y - half + 0.5), 0) : round(y + half + 0.5),
                max(round(x - half + 0.5), 0) : round(x + half + 0.5)] += 1  # fmt: skip
    assert covered.min() >= 1
    assert len(windows_over((40, 50), [80.0])) == 1


def test_contrast_knows_a_body_from_a_flat_crop() -> None:
    crops = np.full((2, 64, 64), 60, np.uint8)
    crops[0, 16:48, 20:44] = 200
    points = np.array([[[20.0, 16], [44, 16], [20, 48], [44, 48], [32, 32]]] * 2)
    body, flat = contrast_of(crops, points)
    assert body > 0.9 and flat == 0
    assert contrast_of(255 - crops, points)[0] == pytest.approx(body)


def test_pairs_agree_with_the_overlap_of_all() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 50, (2, 20, 2))
    boxes, others = (np.concatenate([c, c + random.uniform(1, 40, c.shape)], 1) for c in corners)
    np.testing.assert_allclose(overlap_of_pairs(boxes, others), overlap(boxes, others).diagonal())


def test_frames_of_another_shape_are_told() -> None:
    with pytest.raises(InputError, match="grey frames"):
        search(Ovals(), np.zeros((4, 5, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mice: expected 1 or more"):
        KeypointDetector(Ovals(), 0)  # type: ignore[arg-type]


def test_the_best_of_a_mouse_is_kept() -> None:
    boxes = np.stack([_box(80, 80), _box(83, 81), _box(200, 100)])
    seen = looked_at(Ovals(), _frame((80, 80))[None], boxes, np.zeros(3, np.int64))  # type: ignore[arg-type]
    kept = apart(seen, 3)
    assert len(kept.scores) == 2 and kept.scores[0] == seen.scores.max()


def _walk(frames: int, step: float) -> list[tuple[float, float]]:
    return [(60 + step * n, 100 + 10 * np.sin(n / 6)) for n in range(frames)]


@pytest.mark.parametrize("step", [0.0, 2.0, 9.0])
def test_a_mouse_is_followed_at_rest_and_on_the_run(step: float) -> None:
    way = _walk(24, step)
    model = Ovals()
    detector = KeypointDetector(model)  # type: ignore[arg-type]
    images = np.stack([_frame(place) for place in way])
    assert detector.learn(images[::8]) == 1.0
    model.crops = 0
    found = detector.detect(images)
    shared = [overlap(one.boxes, _box(*place)[None])[0, 0]
              for one, place in zip(found, way, strict=True)]  # fmt: skip
    assert min(shared) > 0.7
    assert all(one.scores[0] > 0.5 for one in found)
    if step < 9:
        assert model.crops < 1000  # one search, and not much more than a look at each frame


def test_a_mouse_that_leaves_is_lost_and_found_again() -> None:
    images = np.stack([_frame((80, 90))] * 10 + [_frame()] * 10 + [_frame((200, 120))] * 40)
    detector = KeypointDetector(Ovals())  # type: ignore[arg-type]
    detector.learn(images[::6])
    counts = [len(one) for one in detector.detect(images)]
    assert counts[:10] == [1] * 10 and counts[10:20] == [0] * 10
    assert counts[40:] == [1] * 20


def test_what_was_taken_for_a_mouse_gives_way_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keypoint_detector, "_CHECK", 8)
    monkeypatch.setattr(keypoint_detector, "_LEAST_SCORE", 0.2)
    dull = np.minimum(_frame((80, 60)), DULL)
    images = np.stack([dull] * 6 + [np.maximum(dull, _frame((230, 170)))] * 20)
    detector = KeypointDetector(Ovals())  # type: ignore[arg-type]
    found = detector.detect(images)
    assert overlap(found[0].boxes, _box(80, 60)[None]) > 0.5
    assert overlap(found[-1].boxes, _box(230, 170)[None]) > 0.7


def test_it_goes_on_from_what_was_saved() -> None:
    images = np.stack([_frame(place) for place in _walk(16, 3.0)])
    whole, first = (KeypointDetector(Ovals()) for _ in range(2))  # type: ignore[arg-type]
    for one in (whole, first):
        one.learn(images[::5])
    expected = whole.detect(images[:8]) + whole.detect(images[8:])
    first.detect(images[:8])
    second = KeypointDetector(Ovals())  # type: ignore[arg-type]
    second.restore(first.save())
    for one, other in zip(second.detect(images[8:]), expected[8:], strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)
