"""What each part of the fit is worth: every term on and off, on real and on synthetic views.

    python benchmarks/ablation.py PROBLEMS.npz ...

Each row differs from "full" in the one thing it names. Rows with outliers have 5 % of all points
moved by 40 px (1 SD per axis). `offsets_to_skin` moves the learned mark offsets to the nearest
point of the default skin, `joints_to_skin` takes the skin nearest to the joints instead. "time"
fits timed sequences through time. A file with its own exact skeleton has no learned prior, limits,
shape or mark offsets, so it has no such rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import Measured, arguments, run
from fitting import Method, fit_problems, method_for
from problems import Problems, load_problems
from scipy.spatial import cKDTree
from scoring import score_problems

from mousepose import KeypointMap, default_body

SEED = 20_230_826
OUTLIER_SHARE, OUTLIER_PX = 0.05, 40.0
#: A prior this weak only keeps what nothing else determines from running away.
WEAK_PRIOR = 0.01


def measure(options: argparse.Namespace) -> Measured:
    """Fit every file in every variant."""
    columns = ("problems", "variant", "root", "rigid", "trunk", "limbs", "mirrored %")
    measured = Measured("Each term on and off (mm)", columns)
    for path in options.problems:
        problems = load_problems(path)
        for name, views, method, through_time in variants(problems):
            fitted = fit_problems(views, method, through_time=through_time)
            result = score_problems(problems, fitted.joints, fitted.covariance)
            rigid = result["rigid"]
            figures = {
                "root": result["root"]["all"],
                "rigid": rigid["all"],
                "trunk": rigid["trunk"],
                "limbs": rigid["limbs"],
                "mirrored_percent": result["mirrored_percent"],
            }
            measured.add_figures(f"{problems.name}.{name}", figures)
            measured.add_row(problems.name, name.replace("_", " "), *figures.values())
        measured.ran_on.append(f"{problems.name} ({len(problems)} views)")
    return measured


def variants(problems: Problems) -> Iterator[tuple[str, Problems, Method, bool]]:
    """Yield the name of each variant, the views it sees, how it fits, and whether through time."""
    full = method_for(problems)

    def with_config(**changes: Any) -> Method:
        return replace(full, config=replace(full.config, **changes))

    yield "full", problems, full, False
    yield "weak_prior", problems, with_config(prior_weight=WEAK_PRIOR), False
    if not problems.exact_skeleton:
        yield "isotropic_prior", problems, with_config(prior="isotropic"), False
        yield "no_limits", problems, with_config(limits=False), False
        yield "no_bending", problems, with_config(animal_bending=False), False
        yield "no_animal_shape", problems, with_config(animal_shape=False), False
        bare = replace(full.keypoint_map, offset=np.zeros_like(full.keypoint_map.offset))
        yield "no_mark_offsets", problems, replace(full, keypoint_map=bare), False
        for name, start in (("offsets_to_skin", full.keypoint_map), ("joints_to_skin", bare)):
            yield name, problems, replace(full, keypoint_map=on_skin(start)), False
    if np.isfinite(problems.times).any():
        yield "time", problems, full, True
    struck = with_outliers(problems)
    yield "outliers_robust", struck, full, False
    yield "outliers_squared", struck, with_config(robust=float("inf")), False
    if np.isfinite(problems.times).any():
        yield "outliers_robust_time", struck, full, True
        yield "outliers_squared_time", struck, with_config(robust=float("inf")), True


def on_skin(keypoint_map: KeypointMap) -> KeypointMap:
    """Return the map with every mark at the point of the default body's skin nearest to it."""
    body = default_body()
    bones = np.array([body.skeleton.index(bone) for bone in keypoint_map.bones])
    skin = body.vertices(body.rest_pose(), coat=True)
    nearest = cKDTree(skin).query(body.rest[bones] + keypoint_map.offset)[1]
    return replace(keypoint_map, offset=skin[nearest] - body.rest[bones])


def with_outliers(problems: Problems) -> Problems:
    """Return the same views with 5 % of the points somewhere else; always the same ones."""
    random = np.random.default_rng(SEED)
    struck = random.random(problems.seen.shape) < OUTLIER_SHARE
    jump = OUTLIER_PX * random.standard_normal(problems.points.shape)
    return replace(problems, points=problems.points + np.where(struck[..., None], jump, 0.0))


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("problems", nargs="+", type=Path, metavar="PROBLEMS.npz")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
