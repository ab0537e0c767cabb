"""Outlines from above: half widths and ridge of drawn animals, their flanks, gains found again."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="outlines are measured with OpenCV")
pytest.importorskip("skimage", reason="outlines are measured with scikit-image")
import cv2

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path += [str(REPOSITORY / name) for name in ("benchmarks", "tools")]


def module(name: str) -> Any:
    """Import a module of a folder that is no package."""
    return importlib.import_module(name)


boxes, girths = module("boxes"), module("girths")

SNOUT, TAIL = np.array([45.0, 100.0]), np.array([115.0, 100.0])


def animal(radius: int = 12, feet: bool = False) -> np.ndarray:
    """A sausage from snout to tail base along a row, with thin feet."""
    mask = np.zeros((200, 200), np.uint8)
    ends = (int(SNOUT[0]) + radius, 100), (int(TAIL[0]) - radius, 100)
    cv2.line(mask, *ends, 1, 2 * radius)
    for end in ends:
        cv2.circle(mask, end, radius, 1, -1)
    if feet:
        cv2.line(mask, (80, 70), (80, 130), 1, 3)
    return mask > 0


def picture(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, 25, 130).astype(np.uint8)


@pytest.mark.parametrize("radius", [8, 12, 17])
def test_the_half_width_of_a_sausage_is_its_radius(radius: int) -> None:
    outline = boxes.outline_of(animal(radius), SNOUT, TAIL)
    assert outline.half[20] == pytest.approx(radius, abs=1.0)
    assert outline.half[0] < 2
    np.testing.assert_allclose(outline.ridge[10:31, 1], 100, atol=1.0)
    assert outline.length == pytest.approx(70, abs=3)


def test_the_outline_goes_with_the_animal_and_does_not_change() -> None:
    mask = animal()
    moved = boxes.outline_of(np.roll(mask, (31, -17), (0, 1)), SNOUT + [-17, 31], TAIL + [-17, 31])
    still = boxes.outline_of(mask, SNOUT, TAIL)
    np.testing.assert_allclose(moved.half, still.half, atol=1e-6)
    np.testing.assert_allclose(moved.ridge - [-17, 31], still.ridge, atol=1e-6)


def test_opening_takes_feet_and_keeps_the_trunk() -> None:
    opened = boxes.opened(animal(feet=True))
    assert not opened[75, 80]
    assert (opened & animal()).sum() > 0.98 * animal().sum()


def test_a_mouse_is_found_and_one_in_a_shadow_is_left_out() -> None:
    labels = np.stack([SNOUT, SNOUT + [15, 0], TAIL])
    found = boxes._mouse(picture(animal()), labels)
    assert (found & animal()).sum() > 0.95 * (found | animal()).sum()
    shadowed = picture(animal())
    shadowed[100:, 60:100][animal()[100:, 60:100]] = 54
    assert boxes._mouse(shadowed, labels) is None


def test_flanks_lie_on_the_edges_left_on_the_left() -> None:
    labels = np.stack([SNOUT, SNOUT + [15, 0], TAIL])
    marks = boxes._marks(labels, boxes.outline_of(animal(), SNOUT, TAIL))
    # It looks to the left of the image from above: its left is the lower side of the image.
    assert marks["L2"][1] == pytest.approx(112, abs=1.5)
    assert marks["R2"][1] == pytest.approx(88, abs=1.5)


def test_gains_at_rest_and_with_posture_are_found_again_beside_each_animals_own_girth() -> None:
    random = np.random.default_rng(0)
    shorter, number = random.normal(0, 0.05, 60), np.repeat([0, 1, 2], 20)
    rest = 0.15 - 0.3 * (girths.PLACES - 0.5) ** 2
    logs = (
        np.interp(boxes.PLACES, girths.PLACES, rest)[None]
        + np.array([-0.1, 0, 0.1])[number][:, None]
    )
    logs = logs + 1.7 * shorter[:, None] * np.interp(boxes.PLACES, girths.PLACES, girths.WIDENS)
    logs += random.normal(0, 0.02, logs.shape)
    logs[random.uniform(size=logs.shape) < 0.03] += 1.0  # a foot beside the trunk
    found, slope = girths._explained(logs, shorter, number)
    np.testing.assert_allclose(found, rest, atol=0.03)
    assert slope == pytest.approx(1.7, abs=0.15)


def test_girths_survive_their_file(tmp_path: Path) -> None:
    kept = girths.load_girths()
    girths.write_girths(kept, tmp_path / "girths.toml")
    again = girths.load_girths(tmp_path / "girths.toml")
    for name in ("places", "rest", "shortened"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(again, name))
