"""Accuracy of the fit on lists of single views with true 3D, beside the plain linear model.

    python benchmarks/accuracy.py PROBLEMS.npz ... [--sequence]

A file with its own exact skeleton is fitted with that skeleton and an isotropic prior; any other
holds skin marks of a real mouse and is fitted with the default body, its learned prior, and the
file's body length as the scale. With --sequence, timed sequences are fitted through time; without
it every view stands alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import CannotMeasure, Measured, arguments, run
from fitting import fit_problems
from linear_baseline import fit as fit_linear
from linear_baseline import labelled_poses, learn
from problems import Problems, load_problems
from scoring import score_problems

_COLUMNS = (
    "problems", "method", "root", "median", "p90", "rigid", "trunk", "limbs", "similarity",
    "camera", "mirrored %", "lost %", "in 90 %", "unsolved",
)  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Fit and score every file."""
    through_time = bool(options.sequence)
    how = "through time where timed" if through_time else "every view alone"
    measured = Measured(f"Accuracy, {how} (mm)", _COLUMNS)
    for path in options.problems:
        problems = load_problems(path)
        fitted = fit_problems(problems, through_time=through_time)
        result = score_problems(problems, fitted.joints, fitted.covariance)
        measured.add_figures(problems.name, result)
        _add_row(measured, problems, "mousepose", result)
        baseline = _linear_baseline(options.data, problems)
        if baseline is not None:
            measured.add_figures(f"{problems.name}.linear_baseline", baseline)
            _add_row(measured, problems, "linear model", baseline)
        measured.ran_on.append(f"{problems.name} ({len(problems)} views)")
    return measured


def _linear_baseline(data: Path, problems: Problems) -> dict[str, Any] | None:
    """Return the linear model's score, or None where it has nothing to learn from."""
    if problems.exact_skeleton:
        return None  # its joints are no skin marks
    try:
        names, poses, _ = labelled_poses(data, problems)
    except CannotMeasure as error:
        print(f"no linear model beside it: {error}", file=sys.stderr)
        return None
    return score_problems(problems, fit_linear(learn(names, poses), problems))


def _add_row(
    measured: Measured, problems: Problems, method: str, result: Mapping[str, Any]
) -> None:
    rigid = result["rigid"]
    measured.add_row(
        problems.name, method, result["root"]["all"], result["root_median"], result["root_p90"],
        rigid["all"], rigid["trunk"], rigid["limbs"], result["similarity"]["all"],
        result["camera"]["all"], result["mirrored_percent"], result["over_30mm_percent"],
        float(result.get("inside_90_percent_region", np.nan)), result["unsolved"],
    )  # fmt: skip


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("problems", nargs="+", type=Path, metavar="PROBLEMS.npz")
    parser.add_argument("--sequence", action="store_true", help="fit timed sequences through time")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
