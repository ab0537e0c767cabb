"""Mice against the empty cage: found, kept while they sit, through bumps and lights."""

from __future__ import annotations

import numpy as np
import pytest

from detect.cages import HEIGHT, WIDTH, bedding, box_of, frame, walk
from mousepose.detect.background import Background, gradient, learn_background, shrink
from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.background_kernels import offset_of
from mousepose.detect.background_shift import is_shift, shift_between
from mousepose.detect.blobs import overlap
from mousepose.errors import InputError

GROUND = bedding()


def video(places, ground=GROUND, **settings):
    return np.stack([frame(ground, [p], seed=n, **settings) for n, p in enumerate(places)])


def overlaps(found, places):
    """The overlap of the best box with the true one, 0 where there is none."""
    return np.array(
        [
            overlap(each.boxes[:1], box_of(place)[None])[0, 0] if len(each) else 0.0
            for each, place in zip(found, places, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def learned():
    return learn_background(video(walk(240)[::6]))


def fresh(learned):
    import copy

    return BackgroundDetector(copy.deepcopy(learned))


@pytest.mark.parametrize(("grey", "sign"), [(25.0, "darker"), (235.0, "lighter")])
def test_a_mouse_is_found_without_its_tail(grey, sign):
    places = walk(240)
    images = video(places, grey=grey)
    background = learn_background(images[::6])
    assert background.sign == sign
    found = BackgroundDetector(background).detect(images[::3])
    assert overlaps(found, places[::3]).min() > 0.75
    assert np.mean([len(each) for each in found]) == 1
    assert min(each.scores[0] for each in found) > 0.5
    assert not any(each.event for each in found)


def test_a_larger_frame_gives_the_same_boxes(learned):
    places = walk(60)
    images = video(places)
    large = images.repeat(3, axis=1).repeat(3, axis=2)
    detector = BackgroundDetector(learn_background(video(walk(240)[::6]).repeat(3, 1).repeat(3, 2)))
    small = np.concatenate([each.boxes[:1] for each in fresh(learned).detect(images[:8])])
    big = np.concatenate([each.boxes[:1] for each in detector.detect(large[:8])])
    assert np.abs((big + 0.5) / 3 - (small + 0.5)).max() < 2.5


def test_an_empty_cage_has_no_mouse(learned):
    images = np.stack([frame(GROUND, [], seed=n) for n in range(20)])
    assert sum(len(each) for each in fresh(learned).detect(images)) == 0


def test_a_mouse_that_sits_still_does_not_melt_into_the_cage(learned):
    detector, place = fresh(learned), (200.0, 100.0, 0.4)
    for n in range(0, 2400, 100):
        image = frame(GROUND, [place], seed=n)
        found = detector.detect(np.broadcast_to(image, (100, HEIGHT, WIDTH)))
        assert all(len(each) == 1 for each in found)
    assert overlaps(found[-1:], [place])[0] > 0.75


def test_three_quarters_in_one_place_is_still_a_mouse():
    places = np.concatenate([np.tile([[60.0, 60, 0]], (30, 1)), walk(240)[::24]])
    background = learn_background(video(places))
    found = BackgroundDetector(background).detect(video(places[:3]))
    assert overlaps(found, places[:3]).min() > 0.7


def test_where_the_mouse_was_at_first_no_ghost_stays():
    places = np.concatenate([np.tile([[60.0, 60, 0]], (32, 1)), walk(96)[20:]])
    detector = BackgroundDetector()
    images = video(places)
    detector.detect(images[:32])  # the mouse is part of what is learned
    found = [each for n in range(32, len(images), 8) for each in detector.detect(images[n : n + 8])]
    last = found[-8:]
    assert all(len(each) == 1 for each in last)
    assert overlaps(last, places[-8:]).min() > 0.6


def test_a_bump_moves_the_background_and_is_told(learned):
    large = bedding(0, HEIGHT, WIDTH)
    moved_ground = np.roll(large, (7, -12), (0, 1))
    detector, places = fresh(learned), walk(80)
    detector.detect(video(places[:40]))
    found = detector.detect(video(places[40:], ground=moved_ground))
    events = [each.event for each in found if each.event]
    assert events == ["camera bumped: the picture moved -12, +7 px"]
    assert overlaps(found, places[40:])[2:].min() > 0.6


def test_lights_on_is_told_and_the_mouse_stays(learned):
    detector, places = fresh(learned), walk(120)
    detector.detect(video(places[:40]))
    # another light: contrasts of the ground turn round, the mouse stays dark
    found = detector.detect(video(places[40:], ground=330 - 1.2 * GROUND))
    events = [each.event for each in found if each.event]
    assert len(events) == 1
    assert events[0].startswith("light changed: mean grey 1")
    assert np.median(overlaps(found, places[40:])[-32:]) > 0.6


def test_two_mice_are_two(learned):
    places = walk(60), walk(60, seed=2)
    pairs = zip(*places, strict=True)
    images = np.stack([frame(GROUND, pair, seed=n) for n, pair in enumerate(pairs)])
    found = fresh(learned).detect(images)
    apart = np.hypot(*(places[0] - places[1])[:, :2].T) > 80
    assert apart.sum() > 20
    assert np.mean([len(each) == 2 for each, far in zip(found, apart, strict=True) if far]) > 0.95


def test_shifts_are_found_whatever_the_light():
    before = bedding(4)
    for right, down in ((5, 0), (-9, 13), (1, -1)):
        after = 0.6 * np.roll(before, (down, right), (0, 1)) + 30
        found = shift_between(before, after)
        assert found[:2] == (right, down)
        assert is_shift(found)
    assert not is_shift(shift_between(before, before))
    assert not is_shift(shift_between(before, bedding(5)))


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_small_copies_are_means(factor):
    image = np.random.default_rng(0).integers(0, 256, (23, 31), np.uint8)
    small = shrink(image, factor)
    height, width = 23 // factor, 31 // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    assert np.allclose(small, blocks.mean(axis=(1, 3)), atol=1e-4)


@pytest.mark.parametrize("shape", [(9, 13), (12, 8)])
def test_compiled_pictures_are_those_of_numpy(shape):
    random = np.random.default_rng(1)
    small, level = random.uniform(0, 255, (2, *shape)).astype(np.float32)
    assert np.allclose(gradient(small), np.hypot(*np.gradient(small)), atol=1e-4)
    offset = offset_of(small, level)
    assert offset == np.median((small - level)[::4, ::4])
    noise = random.uniform(1.5, 20, shape).astype(np.float32)
    for sign, way in (("darker", -1), ("lighter", 1)):
        signed, mask, changed = Background(level, noise, 1, sign).difference(small)
        assert np.allclose(signed, way * (small - level - offset), atol=1e-4)
        assert np.array_equal(mask, signed > np.maximum(10, 4 * noise))
        assert changed == np.mean(np.abs(signed) > np.maximum(10, 4 * noise))


def test_frames_that_do_not_fit(learned):
    with pytest.raises(InputError, match="100 x 90 px do not fit the background"):
        fresh(learned).detect(np.zeros((1, 90, 100), np.uint8))
    with pytest.raises(InputError, match="learned from frames"):
        learn_background(np.zeros((0, 4, 4), np.uint8))
