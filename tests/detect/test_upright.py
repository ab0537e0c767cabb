"""Crops turned so that the mouse heads up, and their points turned back."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.detect.heatmaps import Decoded
from mousepose.detect.upright import (
    NEARLY_UP,
    UP,
    looked_upright,
    turned,
    turned_covariance,
    turned_points,
)
from mousepose.types import Bytes, Floats, Ints

SIZE = 64
NAMES = ("NOSE", "ROOT_TAIL", "LEFT_EAR", "RIGHT_EAR")


def spots(places: Floats) -> Bytes:
    """Pictures (N, S, S) of one bright spot each, at (N, 2) px."""
    steps = np.arange(SIZE)
    off = np.stack(np.meshgrid(steps, steps), -1) - places[:, None, None]
    return np.asarray(np.round(250 * np.exp(-0.5 * (off**2).sum(-1) / 2.0**2)), np.uint8)


def centre_of(crops: Bytes) -> Floats:
    """The centre of mass (N, 2) px of each picture."""
    steps, mass = np.arange(SIZE), crops.sum((1, 2), dtype=float)
    return np.stack([(crops.sum(axis) * steps).sum(1) / mass for axis in (1, 2)], -1)


def mouse(angle: Floats) -> Floats:
    """Keypoints (N, 4, 2) px of mice that head `angle` (N,) in the middle of a picture."""
    upright = np.array([[0.0, -20.0], [0.0, 15.0], [-5.0, -14.0], [5.0, -14.0]])
    return turned_points(np.tile(upright + (SIZE - 1) / 2, (len(angle), 1, 1)), angle - UP, SIZE)


def test_points_turn_with_the_picture() -> None:
    places = np.random.default_rng(0).uniform(20, 44, (9, 2))
    angle = np.linspace(-3, 3, 9)
    found = centre_of(turned(spots(places), angle))
    np.testing.assert_allclose(found, turned_points(places[:, None], angle, SIZE)[:, 0], atol=0.1)


def test_a_quarter_turn_is_exact() -> None:
    crops = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE), dtype=np.uint8)
    done = turned(crops, np.full(2, np.pi / 2)).astype(int)
    assert np.abs(done - np.rot90(crops, -1, (1, 2))).max() <= 1


def test_turning_back_gives_points_and_covariances_again() -> None:
    random = np.random.default_rng(2)
    xy, angle = random.normal(size=(5, 4, 2)), random.uniform(-3, 3, 5)
    root = random.normal(size=(5, 4, 2, 2))
    covariance = root @ root.swapaxes(-1, -2)
    np.testing.assert_allclose(turned_points(turned_points(xy, angle, SIZE), -angle, SIZE), xy)
    there = turned_covariance(covariance, angle)
    np.testing.assert_allclose(np.linalg.det(there), np.linalg.det(covariance))
    np.testing.assert_allclose(turned_covariance(there, -angle), covariance)


class Eyes:
    """Sees points where they are, but the ears right only where the mouse heads nearly up."""

    def __init__(self, angle: Floats, *, flipped_at_first: int | None = None) -> None:
        self.angle, self.asked = angle, []  # type: ignore[var-annotated]
        self.flipped = flipped_at_first

    def __call__(self, crops: Bytes, rows: Ints) -> Decoded:
        # the spot of a crop lies where its mouse's nose is
        nose = centre_of(crops) - (SIZE - 1) / 2
        angle = np.arctan2(nose[:, 1], nose[:, 0])
        up = np.abs(angle - UP) <= NEARLY_UP + 0.05
        xy = mouse(angle)
        xy[~up] = xy[~up][:, [0, 1, 3, 2]]
        if self.flipped is not None and not self.asked:
            xy[self.flipped] = mouse(angle[self.flipped : self.flipped + 1] + np.pi)[0]
        self.asked.append(rows)
        score = np.where(up, 0.9, 0.4)[:, None] * np.ones(len(NAMES))
        return Decoded(xy, np.tile(np.eye(2), (len(rows), len(NAMES), 1, 1)), score)


@pytest.mark.parametrize("flipped", [None, 4])
def test_what_is_told_apart_only_upright_is_told_apart_any_way_up(flipped: int | None) -> None:
    angle = np.linspace(-3, 3, 9)
    truth = mouse(angle)
    crops, eyes = spots(truth[:, 0]), Eyes(angle, flipped_at_first=flipped)
    found = looked_upright(eyes, crops, NAMES, lambda: np.ones(9, bool), np.zeros(9))
    np.testing.assert_allclose(found.xy, truth, atol=0.3)
    assert len(eyes.asked) == (2 if flipped is None else 3)
    assert len(eyes.asked[1]) < 9  # those that headed up already are not looked at again


def test_a_good_guess_needs_one_look_and_a_side_view_is_left_alone() -> None:
    angle = np.linspace(-3, 3, 9)
    truth = mouse(angle)
    eyes = Eyes(angle)
    found = looked_upright(eyes, spots(truth[:, 0]), NAMES, lambda: np.ones(9, bool), UP - angle)
    assert len(eyes.asked) == 1
    np.testing.assert_allclose(found.xy, truth, atol=0.3)
    eyes = Eyes(angle)
    looked_upright(eyes, spots(truth[:, 0]), NAMES, lambda: np.zeros(9, bool), np.zeros(9))
    assert len(eyes.asked) == 1
