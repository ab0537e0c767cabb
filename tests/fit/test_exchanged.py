"""Left and right exchanged by a tracker: found by the body, put back, and only those."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.fit.config import FitConfig
from mousepose.fit.setup import Setup
from mousepose.method import solve
from mousepose.types import Floats, Keypoints2D
from synthetic import draw_motion, make_setup, moving_animal, see, swapped, to_pose

TIME = FitConfig(animal_shape=False)
FRAMES = 60
#: One pair in each of these frames, and every pair in the last.
WRONG = (10, 11, 25, 40)


def film(setup: Setup, noise: float = 1.0) -> tuple[Keypoints2D, Floats]:
    """A moving mouse as the cameras of a setup see it, and the true keypoints."""
    motion = to_pose(setup, draw_motion(setup, np.arange(FRAMES) / 60))
    return see(setup, motion, noise=noise), setup.body.keypoints_of(motion)


def exchanged(keypoints: Keypoints2D) -> Keypoints2D:
    names = keypoints.keypoint_names
    xy = keypoints.xy.copy()
    pair = [names.index("LEFT_KNEE"), names.index("RIGHT_KNEE")]
    for frame in WRONG[:-1]:
        xy[frame, 0, pair] = xy[frame, 0, pair[::-1]]
    xy[WRONG[-1], 0] = xy[WRONG[-1], 0, swapped(names)]
    return replace(keypoints, xy=xy)


@pytest.mark.parametrize("cameras", [1, 2])
def test_exchanged_pairs_are_put_back(cameras: int) -> None:
    setup = make_setup(cameras, TIME)
    keypoints, truth = film(setup)
    animal = moving_animal(setup)
    clean = solve(keypoints, setup, animal)
    assert clean.provenance["pairs_exchanged"] == 0
    mended = solve(exchanged(keypoints), setup, animal)
    without = make_setup(cameras, replace(TIME, exchange=False))
    left = solve(exchanged(keypoints), without, animal)
    assert mended.provenance["pairs_exchanged"] >= len(WRONG)
    names = clean.keypoint_names
    feet = [names.index(f"{side}_KNEE") for side in ("LEFT", "RIGHT")]
    off = {
        key: np.linalg.norm((s.keypoints - truth)[list(WRONG)][:, feet], axis=-1).mean()
        for key, s in (("clean", clean), ("mended", mended), ("left", left))
    }
    assert off["mended"] < off["clean"] + 0.3 * (off["left"] - off["clean"])


def test_without_pairs_or_points_nothing_is_exchanged() -> None:
    setup = make_setup(1, TIME)
    keypoints, _ = film(setup)
    midline = [k for k, n in enumerate(keypoints.keypoint_names) if "LEFT" not in n]
    part = replace(
        keypoints,
        xy=keypoints.xy[:, :, midline],
        confidence=keypoints.confidence[:, :, midline],
        keypoint_names=tuple(keypoints.keypoint_names[k] for k in midline),
    )
    assert solve(part, setup, moving_animal(setup)).provenance["pairs_exchanged"] == 0
