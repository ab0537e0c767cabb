"""Whether cameras calibrated by the mouse itself may be used: plain reasons, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mousepose.calibrate.verdict import Finding
from mousepose.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class SelfQuality:
    """What is known of a self-calibration, for C cameras.

    `frames` were fitted, the animal in `places` half a body length apart. `points` (C,) images
    agree, `shared` (C, C) are seen by both cameras, `median_px` (C,) is their distance from the
    points, `left_out` the share that does not agree. `degrees` is the usual widest angle between
    rays. `scale_percent` is one standard deviation of all lengths; `unlike` how far distances
    between keypoints are off those of mice, in their standard deviations. `turn_sd` (C,) degrees
    and `place_sd` (C,), as a share of the distance to the animal, are how far answers without
    pieces of time differ, to the first camera; `focal_sd` (C,) is a share, 0 where it was known.
    """

    frames: int
    places: int
    points: Ints
    shared: Ints
    median_px: Floats
    left_out: float
    degrees: float
    scale_percent: float
    unlike: float
    turn_sd: Floats
    place_sd: Floats
    focal_sd: Floats


def judge_self(quality: SelfQuality, names: Sequence[str]) -> Iterator[Finding]:
    """Yield what is not good about a self-calibration."""
    few = "record the animal longer, walking through the whole cage"
    if quality.frames < 15:
        yield Finding(
            "fail" if quality.frames < 8 else "warn", "rig", f"{quality.frames} frames are few", few
        )
    if quality.places < 9:
        yield Finding(
            "fail" if quality.places < 5 else "warn", "rig",
            f"the animal was in {quality.places} different places (half a body length apart): it "
            "hardly moved", few,
        )  # fmt: skip
    yield from _of_cameras(quality, names)
    if quality.degrees < 20:
        yield Finding(
            "fail" if quality.degrees < 8 else "warn", "rig",
            f"rays meet at {quality.degrees:.0f} degrees: depth is unsure",
            "put cameras farther apart",
        )  # fmt: skip
    if quality.left_out > 0.15:
        yield Finding(
            "fail" if quality.left_out > 0.4 else "warn", "rig",
            f"{quality.left_out:.0%} of the images do not agree with the others",
            "check that the files are of the same moments, and that left and right are not swapped",
        )  # fmt: skip
    if quality.unlike > 1.6:
        yield Finding(
            "fail" if quality.unlike > 2.2 else "warn", "rig",
            f"the animal is unlike a mouse: distances are {quality.unlike:.1f} times as far off as "
            "they usually are",
            "check the keypoint map (--keypoints), the focal lengths and the image sizes",
        )  # fmt: skip


def _of_cameras(quality: SelfQuality, names: Sequence[str]) -> Iterator[Finding]:
    """Yield what is not good about single cameras."""
    advice = "give frames in which it sees the animal together with others, at more places"
    for index, name in enumerate(names):
        turn, place = float(quality.turn_sd[index]), float(quality.place_sd[index])
        bad: Literal["fail", "warn"] = "fail" if turn > 3 or place > 0.1 else "warn"
        if turn > 0.7 or place > 0.03 or not np.isfinite(turn + place):
            yield Finding(
                bad, name,
                f"its place to {names[0]} is unsure: by {turn:.1f} degrees and {place:.1%} of the "
                "distance to the animal (1 SD)", advice,
            )  # fmt: skip
        if quality.points[index] < 100:
            yield Finding(
                "fail" if quality.points[index] < 30 else "warn", name,
                f"{quality.points[index]} of its images agree with the others: few", advice,
            )  # fmt: skip
        if quality.median_px[index] > 3 or not np.isfinite(quality.median_px[index]):
            yield Finding(
                "fail" if not quality.median_px[index] <= 8 else "warn", name,
                f"its images are {quality.median_px[index]:.1f} px from the points (median)",
                "check its focal length and lens: best is a calibration file of the lens alone",
            )  # fmt: skip
        if quality.focal_sd[index] > 0.02:
            yield Finding(
                "warn", name,
                f"its focal length is unsure by {quality.focal_sd[index]:.1%}",
                "give a file of its lens (--camera), from a board or another recording",
            )  # fmt: skip
