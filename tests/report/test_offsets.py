"""Pictures of maps and of learned offsets show every mark, and appear whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.errors import FileError
from mousepose.fit.offsets import LearnedOffsets
from mousepose.fit.offsets_quality import MarkQuality
from mousepose.report.offsets import plot_keypoint_map, plot_learned_offsets


def ink(path: Path) -> float:
    """Return the share of a picture that is not white."""
    image = matplotlib.image.imread(path)[..., :3]
    return float((image.min(axis=-1) < 0.95).mean())


def learned(name: str) -> LearnedOffsets:
    """Return offsets 3 mm further forward, of which those on the tail are kept."""
    guess = load_keypoint_map(name)
    marks = []
    for row, keypoint in enumerate(guess.names):
        kept = "TAIL" in guess.bones[row]
        shift = np.zeros(3) if kept else np.array([3.0, 0.0, 0.0])
        px = np.nan if keypoint == "Nose" else 4.0
        marks.append(
            MarkQuality(
                keypoint,
                guess.offset[row] + shift,
                shift,
                np.full(3, 1.5),
                np.full(3, not kept),
                2.0,
                1.0,
                px,
                px / 2,
                px,
                px / 2,
                False,
            )  # fmt: skip
        )
    offset = np.array([mark.offset for mark in marks])
    return LearnedOffsets(
        replace(guess, offset=offset), guess, tuple(marks), 100, 9.0, 50, "model", ()
    )


@pytest.mark.parametrize("name", ["anatomy", "openfield4"])
def test_every_map_can_be_drawn(tmp_path: Path, name: str) -> None:
    path = tmp_path / "map.png"
    plot_keypoint_map(load_keypoint_map(name), path)
    assert 0.01 < ink(path) < 0.5
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_learned_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "learned.png"
    plot_learned_offsets(learned("homecage15"), path)
    image = matplotlib.image.imread(path)[..., :3]
    moved = np.abs(image - [0xD5 / 255, 0x5E / 255, 0]).max(axis=-1) < 0.1
    kept = np.abs(image - 0x77 / 255).max(axis=-1) < 0.03
    assert moved.sum() > 1000
    assert kept.sum() > 100


def test_no_picture_goes_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        plot_keypoint_map(load_keypoint_map("jabs12"), tmp_path / "absent" / "map.png")
