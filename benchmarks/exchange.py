"""Left and right exchanged by a tracker: how many are found, and what that does for the limbs.

    python benchmarks/exchange.py [--json FILE]

A simulated mouse trots for 20 s before one camera aslant, 60 frames/s, noise of 2 px. Of the pairs
of left and right points (ears, shoulders, elbows, paws, hips, knees) a share is exchanged at random
in every frame. Per share, in mm: the error of the paws as solved without exchanged points, with
them (`FitConfig(exchange=False)`), and with them put back; the share of pairs that was found, and
how many pairs in a thousand were exchanged that were right.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
from common import Measured, arguments, run
from numpy.typing import NDArray

from mousepose import FitConfig, Scale, default_body
from mousepose.fit.exchanged import exchanged_pairs
from mousepose.fit.observe import observe as as_seen
from mousepose.fit.result import Track
from mousepose.fit.setup import Setup
from mousepose.fit.track import solve_track, tracks
from mousepose.method import learn_animal, solve
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Keypoints2D

SEED = 7
SHARES = (0.01, 0.05, 0.2)


def measure(options: argparse.Namespace) -> Measured:
    """Solve the walk with a growing share of exchanged pairs."""
    columns = (
        "exchanged %",
        "paws: none exchanged",
        "exchanged",
        "put back",
        "found %",
        "false, of 1000",
    )
    measured = Measured("Left and right exchanged (mm)", columns)
    body = default_body()
    walk = walking_mouse(body, 20.0, seed=SEED)
    truth = body.keypoints_of(walk.pose)
    camera = watching_camera()
    clean = observe(body, walk.pose, walk.times, camera, noise_px=2.0, seed=SEED)
    setups = [
        Setup.of(camera, body, "dataset22", None, Scale.model(), FitConfig(exchange=on))
        for on in (False, True)
    ]
    without = _paws(clean, setups[0], truth)
    for share in SHARES:
        keypoints, wrong, columns_of = exchanged(clean, share)
        name = f"share{round(100 * share)}"
        left, put_back = (_paws(keypoints, setup, truth) for setup in setups)
        found, false = _found(keypoints, wrong, columns_of, setups[1])
        figures = {
            "paws_clean_mm": without,
            "paws_left_mm": left,
            "paws_put_back_mm": put_back,
            "found_percent": found,
            "false_per_mille": false,
        }
        measured.add_figures(name, figures)
        measured.add_row(f"{100 * share:.0f}", without, left, put_back, found, false)
    measured.ran_on.append(f"a simulated trot, {len(walk)} frames")
    return measured


def exchanged(
    clean: Keypoints2D, share: float
) -> tuple[Keypoints2D, NDArray[np.bool_], NDArray[np.int64]]:
    """Return keypoints with a share of pairs exchanged, where (T, P), and the pairs (P, 2)."""
    names = clean.keypoint_names
    pairs = np.array(
        [(k, names.index(mirrored_name(n))) for k, n in enumerate(names) if n.startswith("LEFT_")]
    )
    wrong = np.random.default_rng(SEED).random((len(clean), len(pairs))) < share
    xy = clean.xy.copy()
    points = xy[:, 0][:, pairs]
    xy[:, 0, pairs] = np.where(wrong[..., None, None], points[:, :, ::-1], points)
    return replace(clean, xy=xy), wrong, pairs


def _paws(keypoints: Keypoints2D, setup: Setup, truth: Floats) -> float:
    sequence = solve(keypoints, setup, learn_animal(keypoints, setup))
    paws = [k for k, name in enumerate(sequence.keypoint_names) if name.endswith("_PAW")]
    return float(np.linalg.norm((sequence.keypoints - truth)[:, paws], axis=-1).mean())


def _found(
    keypoints: Keypoints2D, wrong: NDArray[np.bool_], pairs: NDArray[np.int64], setup: Setup
) -> tuple[float, float]:
    animal, seen = learn_animal(keypoints, setup), as_seen(keypoints, setup)
    usable, track = np.ones(len(keypoints), bool), Track.empty(len(keypoints), setup)
    for part in tracks(usable, keypoints.times, setup.config):
        solve_track(seen, keypoints.times, usable, part, setup, animal, track, None)
    columns, told = exchanged_pairs(seen, track, setup, animal)
    order = [setup.keypoint_map.names.index(keypoints.keypoint_names[k]) for k in pairs[:, 0]]
    told = told[:, 0][:, [columns[:, 0].tolist().index(k) for k in order]]
    return float(100 * told[wrong].mean()), float(1000 * told[~wrong].mean())


if __name__ == "__main__":
    sys.exit(run(arguments(__doc__), measure))
