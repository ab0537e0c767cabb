"""One, two, three and six cameras, and paws that no camera sees, on real poses of a mouse.

The twenty held-out poses of `dannce_mouse1` through its own cameras and lenses, with noise of 2 %
of the body length in every image and a fixed seed. Fewer than six cameras: the mean over sets of
cameras that together are all six. Each moment is fitted alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

import numpy as np
from common import Measured, arguments, mean_of, run
from fitting import REAL_MAP, reported
from held_out import HeldOut, as_track, in_frame_of, load_held_out
from problems import is_known
from scoring import TRUNK, score

from mousepose import FitConfig, Scale, reconstruct
from mousepose.types import Floats

SEED = 20_230_824
CAMERA_SETS: dict[str, tuple[tuple[int, ...], ...]] = {
    "one": ((0,), (1,), (2,), (3,), (4,), (5,)),
    "two": ((0, 3), (1, 4), (2, 5)),
    "three": ((0, 2, 4), (1, 3, 5)),
    "six": ((0, 1, 2, 3, 4, 5),),
}


def measure(options: argparse.Namespace) -> Measured:
    """Fit with every set of cameras, with all keypoints and without the paws."""
    columns = ("cameras", "keypoints", "root", "rigid", "trunk", "limbs", "paws", "in 90 %")
    measured = Measured("Several cameras, every moment alone (mm)", columns)
    held_out = load_held_out(options.data)
    points = held_out.images(np.random.default_rng(SEED))
    paws = np.array([name.endswith("_PAW") for name in held_out.joint_names])
    hidden = points.copy()
    hidden[:, :, paws] = np.nan
    for name, sets in CAMERA_SETS.items():
        for keypoints, images in (("all", points), ("paws_hidden", hidden)):
            result = mean_of(_score(held_out, images, cameras) for cameras in sets)
            measured.add_figures(f"{name}.{keypoints}", result)
            root = result["root"]
            measured.add_row(
                name, keypoints.replace("_", " "), root["all"], result["rigid"]["all"],
                root["trunk"], root["limbs"], root["paws"], result["inside_90_percent_region"],
            )  # fmt: skip
    measured.ran_on.append(f"dannce_mouse1 ({len(points)} held-out poses, six cameras)")
    return measured


def _score(held_out: HeldOut, images: Floats, chosen: tuple[int, ...]) -> dict[str, Any]:
    cameras = tuple(held_out.cameras[index] for index in chosen)
    sigma = float(held_out.noise_px()[:, list(chosen)].mean())
    sequence = reconstruct(
        as_track(images[:, list(chosen)], held_out.marks),
        cameras,
        keypoint_map=REAL_MAP,
        scale=Scale.body_length(held_out.body_length),
        config=replace(FitConfig(), report="marks", temporal=False, pixel_sigma=sigma),
    )
    joints, covariance = reported(sequence, held_out.marks)
    truth = in_frame_of(sequence.frame, cameras[0], held_out.truth)
    trunk = np.array([name in TRUNK for name in held_out.joint_names])
    paws = np.array([name.endswith("_PAW") for name in held_out.joint_names])
    groups = {"trunk": trunk, "limbs": ~trunk, "paws": paws}
    seen = np.asarray(is_known(images[:, list(chosen)]).any(axis=1))
    return score(truth, joints, held_out.known, groups, covariance=covariance, seen=seen)


def main() -> int:
    """Run from the command line."""
    return run(arguments(__doc__), measure)


if __name__ == "__main__":
    sys.exit(main())
