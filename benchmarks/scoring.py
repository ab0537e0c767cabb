"""Scores joints against the truth: distances after four alignments, mirrored fits, coverage.

The errors of one problem are means over its scored joints; those of a set are means over its solved
problems. `camera` is the distance as it stands, `root` after the first joints are laid upon each
other, `rigid` after the best rotation and translation, `similarity` with the best scale too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from problems import Flags, Problems, is_known

from mousepose.types import Floats

#: The midline; all other joints are limbs.
TRUNK = frozenset({"SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL", "NECK", "NOSE"})
#: Root-aligned error (mm) from which a fit counts as lost.
LOST_MM = 30.0
#: Square of the radius within which a Gaussian in three dimensions has 90 % of its mass.
CHI_SQUARE_90 = 6.251


def score_problems(
    problems: Problems, joints: Floats, covariance: Floats | None = None
) -> dict[str, Any]:
    """Return the score of `joints` (N, J, 3) mm, NaN = not solved, of the problems of a file."""
    trunk = np.array([name in TRUNK for name in problems.joint_names])
    groups = {"trunk": trunk, "limbs": ~trunk}
    return score(
        problems.truth, joints, problems.counted, groups, covariance=covariance, seen=problems.seen
    )


def score(
    truth: Floats,
    joints: Floats,
    counted: Flags,
    groups: Mapping[str, Flags],
    *,
    covariance: Floats | None = None,
    seen: Flags | None = None,
) -> dict[str, Any]:
    """Return every figure of `joints` (N, J, 3) mm against `truth` (N, J, 3) mm.

    `counted` (N, J) joints have a truth and count. `groups` are named parts (J,) of the body. With
    `covariance` (N, J, 3, 3) mm^2 the share of truths inside the 90 % region is added, with `seen`
    (N, J) also for seen and for inferred joints apart.
    """
    solved = np.asarray((is_known(joints) | ~counted).all(axis=1))
    truth, joints, use = truth[solved], joints[solved], counted[solved]
    errors = _errors(truth, joints, use)
    parts = {"all": np.ones(truth.shape[1], bool), **groups}
    result: dict[str, Any] = {
        kind: {part: _typical(_mean(error, use & joints_of)) for part, joints_of in parts.items()}
        for kind, error in errors.items()
    }
    root = _mean(errors["root"], use)
    mirrored = _mirrored(truth, joints, use)
    result |= {
        "root_median": _typical(root, np.median),
        "root_p90": _typical(root, lambda values: np.percentile(values, 90)),
        "mirrored_percent": _percent(mirrored),
        "over_30mm_percent": _percent(root > LOST_MM),
        "solved": int(solved.sum()),
        "unsolved": int((~solved).sum()),
    }
    if covariance is not None:
        inside = squared_distance(joints - truth, covariance[solved]) < CHI_SQUARE_90
        result["inside_90_percent_region"] = _percent(inside[use])
        if seen is not None:
            for name, which in (("seen", seen[solved]), ("inferred", ~seen[solved])):
                if (use & which).any():
                    result[f"inside_90_percent_region_{name}"] = _percent(inside[use & which])
    return result


def align(source: Floats, target: Floats, use: Flags, scale: bool) -> Floats:
    """Return `source` (N, J, 3) turned, moved (and scaled) onto `target` by the joints in `use`.

    Least squares by singular values (Umeyama, IEEE PAMI 13:376, 1991): never a mirror image.
    """
    here, there = centroid(source, use), centroid(target, use)
    a, b = (np.where(use[..., None], x - c, 0.0) for x, c in ((source, here), (target, there)))
    u, s, vt = np.linalg.svd(a.swapaxes(1, 2) @ b)
    signs = np.ones_like(s)
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    factor = np.ones(len(a))
    if scale:
        with np.errstate(invalid="ignore", divide="ignore"):  # all joints in one place
            factor = (s * signs).sum(axis=1) / (a**2).sum(axis=(1, 2))
    turn = (u * signs[:, None]) @ vt
    return np.asarray(factor[:, None, None] * (source - here) @ turn + there)


def centroid(points: Floats, use: Flags) -> Floats:
    """Return the mean (N, 1, 3) of the points in `use`."""
    total = np.where(use[..., None], points, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(total / use.sum(axis=1)[:, None, None])


def squared_distance(difference: Floats, covariance: Floats) -> Floats:
    """Return d^T C^-1 d (*B) for differences (*B, 3); NaN where C is no proper covariance."""
    proper = np.asarray(np.isfinite(covariance).all(axis=(-2, -1)))
    proper &= np.linalg.det(np.where(proper[..., None, None], covariance, 0.0)) > 0
    safe = np.where(proper[..., None, None], covariance, np.eye(3))
    whitened = np.linalg.solve(safe, difference[..., None])[..., 0]
    return np.where(proper, (difference * whitened).sum(axis=-1), np.nan)


def _errors(truth: Floats, joints: Floats, use: Flags) -> dict[str, Floats]:
    aligned = {
        "camera": (joints, truth),
        "root": (joints - joints[:, :1], truth - truth[:, :1]),
        "rigid": (align(joints, truth, use, scale=False), truth),
        "similarity": (align(joints, truth, use, scale=True), truth),
    }
    return {k: np.asarray(np.linalg.norm(p - t, axis=-1)) for k, (p, t) in aligned.items()}


def _mirrored(truth: Floats, joints: Floats, use: Flags) -> Flags:
    """Tell which fits lie nearer to the truth when they are mirrored in depth."""
    a, b = joints - centroid(joints, use), truth - centroid(truth, use)
    turned = _mean(np.linalg.norm(a * [1, 1, -1] - b, axis=-1), use)
    return np.asarray(turned < _mean(np.linalg.norm(a - b, axis=-1), use))


def _mean(values: Floats, use: Flags) -> Floats:
    """Return the mean (N,) over the joints in `use`; NaN where there are none."""
    total, count = np.where(use, values, 0.0).sum(axis=1), use.sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _percent(flags: Flags) -> float:
    return round(100 * float(flags.mean()), 1) if flags.size else np.nan


def _typical(values: Floats, statistic: Callable[[Floats], Any] = np.mean) -> float:
    """Return a statistic of the problems' errors, to 1 um; NaN where there are no problems."""
    return round(float(statistic(values)), 3) if values.size else np.nan
