"""Which combinations of joint angles move the animal most: the coordinates that a fit keeps."""

from __future__ import annotations

import numpy as np

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, PoseArrays
from mousepose.types import Floats

#: mm, the lever by which an angle counts that moves no mark.
_LEAST_LEVER = 2.0


def leading_coordinates(body: BodyArrays, covariance: Floats, count: int) -> Floats:
    """Return the combinations (A, count) of the body's z that move its marks most, unit variance.

    Principal axes of the covariance (A, A) of z in the metric of how far the marks go, so that a
    turn of the shoulder counts more than one of the tail's tip. With every axis kept, the product
    with its transpose is the covariance.
    """
    columns = len(covariance)
    still = PoseArrays(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, columns)))
    velocity = terms.mark_points(body, terms.motion(body, still))[1][0, ..., 6:]
    flat, angles = velocity.reshape(-1, columns), body.basis.reshape(-1, columns)
    metric = flat.T @ flat / len(velocity) + _LEAST_LEVER**2 * angles.T @ angles
    root = np.linalg.cholesky(metric)
    values, vectors = np.linalg.eigh(root.T @ covariance @ root)
    first = np.argsort(-values, kind="stable")[:count]
    return np.asarray(np.linalg.solve(root.T, vectors[:, first] * np.sqrt(values[first])))
