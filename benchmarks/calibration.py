"""Whether the stated uncertainty is true: how often the truth lies inside the stated regions.

The twenty held-out poses of `dannce_mouse1`, each through every one of its six cameras alone, with
noise of 2 % of the body length. Limbs are hidden at random from a joint of theirs outwards, so that
seen and inferred joints are counted apart. Positions in the camera frame: the uncertainty of depth
is part of what is tested.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import accumulate

import numpy as np
from common import Measured, arguments, run
from fitting import REAL_MAP, reported
from held_out import NOISE, HeldOut, as_track, in_frame_of, load_held_out
from problems import Flags, is_known
from scipy.stats import chi2
from scoring import squared_distance

from mousepose import FitConfig, Scale, reconstruct
from mousepose.types import Floats

SEED = 20_230_825
LEVELS = (50, 80, 90, 95)
#: Joints of a limb from the trunk outwards: what hides one hides those after it.
LIMBS = (("SHOULDER", "ELBOW", "FORE_PAW"), ("KNEE", "HIND_PAW"))
HIDDEN_SHARE = 0.5


def measure(options: argparse.Namespace) -> Measured:
    """Count truths inside the regions, for seen and inferred joints, and for all."""
    columns = ("joints", *(f"in {level} %" for level in LEVELS), "error", "stated", "count")
    title = "Share of truths inside the stated regions (%), error and stated SD (mm rms per axis)"
    measured = Measured(title, columns)
    held_out = load_held_out(options.data)
    distance, error, stated, seen = _fit_all(held_out, options.repeats, options.noise)
    for name, which in (("seen", seen), ("inferred", ~seen), ("all", np.ones_like(seen))):
        shares = {
            f"inside_{level}": 100 * float((distance[which] < chi2.ppf(level / 100, 3)).mean())
            for level in LEVELS
        }
        rms = {
            "error_mm": float(np.sqrt(np.mean(error[which] ** 2) / 3)),
            "stated_mm": float(np.sqrt(np.mean(stated[which]) / 3)),
        }
        measured.add_figures(name, shares | rms | {"count": int(which.sum())})
        measured.add_row(name, *shares.values(), *rms.values(), int(which.sum()))
    views = options.repeats * len(held_out.cameras) * len(held_out.truth)
    measured.ran_on.append(f"dannce_mouse1 ({views} single views of 20 held-out poses)")
    return measured


def _fit_all(held_out: HeldOut, repeats: int, noise: float) -> tuple[Floats, Floats, Floats, Flags]:
    """Return for all labelled joints: squared distance, error, variance (traced), whether seen."""
    random = np.random.default_rng(SEED)
    found = []
    for index, camera in enumerate(held_out.cameras):
        points = [held_out.images(random, noise)[:, [index]] for _ in range(repeats)]
        images = np.concatenate(points)
        images[hidden(held_out.joint_names, len(images), random)[:, None]] = np.nan
        sequence = reconstruct(
            as_track(images, held_out.marks),
            (camera,),
            keypoint_map=REAL_MAP,
            scale=Scale.body_length(held_out.body_length),
            config=replace(
                FitConfig(),
                report="marks",
                temporal=False,
                pixel_sigma=float(held_out.noise_px(noise)[:, index].mean()),
            ),
        )
        joints, covariance = reported(sequence, held_out.marks)
        truth = np.tile(in_frame_of(sequence.frame, camera, held_out.truth), (repeats, 1, 1))
        use = is_known(truth) & is_known(joints)
        difference, spread = (joints - truth)[use], covariance[use]
        found.append((
            squared_distance(difference, spread),
            np.linalg.norm(difference, axis=-1),
            np.trace(spread, axis1=-2, axis2=-1),
            is_known(images[:, 0])[use],
        ))  # fmt: skip
    distance, error, stated, seen = (np.concatenate(part) for part in zip(*found, strict=True))
    return distance, error, stated, seen


def hidden(joint_names: tuple[str, ...], count: int, random: np.random.Generator) -> Flags:
    """Return which joints (count, M) are hidden: half the limbs, from a random joint outwards."""
    mask = np.zeros((count, len(joint_names)), bool)
    for side in ("LEFT", "RIGHT"):
        for limb in LIMBS:
            columns = [joint_names.index(f"{side}_{joint}") for joint in limb]
            first = random.integers(0, len(limb), count)
            struck = random.random(count) < HIDDEN_SHARE
            starts = [struck & (first == place) for place in range(len(limb))]
            mask[:, columns] = np.stack(list(accumulate(starts, np.logical_or)), axis=1)
    return mask


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="noise and hiding drawn so often")
    parser.add_argument("--noise", type=float, default=NOISE, help="share of the body length")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
