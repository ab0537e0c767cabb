"""What makes a camera no camera. Every check returns '' or what is wrong and what was expected.

Apart from `Camera`, so that a reader of files can report all faults of a file at once, by its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mousepose.geometry.distortion import TERMS
from mousepose.geometry.rotation import is_rotation

#: How far a given rotation may be from orthonormal: files often hold four digits.
ROTATION_TOLERANCE = 1e-3
#: Focal lengths (px) and plane normals below this are 0.
_LEAST_NORM = 1e-9
#: No length, pixel or coefficient of a real camera comes near this; its square is still a number.
_LARGEST = 1e100


def find_problems(*, model: Any = "pinhole", **fields: Any) -> dict[str, str]:
    """Return what is wrong with the given fields of a `Camera`: field -> what was expected."""
    problems = {}
    if model not in TERMS:
        problems["model"] = f"{model!r}, expected 'pinhole' or 'fisheye'"
    for field, value in fields.items():
        problem = _CHECKS[field](value)
        if not problem and field == "distortion" and model in TERMS:
            problem = _terms_problem(value, model)
        if problem:
            problems[field] = problem
    return problems


def array_problem(value: Any, shape: tuple[int, ...]) -> str:
    """Return what keeps `value` from being finite numbers of `shape` (-1: any), or ''."""
    expected = "x".join("n" if length < 0 else str(length) for length in shape)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return f"expected {expected} numbers, got rows of different lengths"
    has_truth = any(isinstance(leaf, bool) for leaf in np.asarray(value, object).flat)
    if has_truth or (array.dtype.kind not in "iuf" and array.size):
        return f"expected {expected} numbers, got {str(value)[:60]!r}"
    if len(array.shape) != len(shape) or any(
        want not in (-1, have) for have, want in zip(array.shape, shape, strict=True)
    ):
        return f"expected {expected} numbers, got shape {array.shape}"
    if not np.isfinite(array).all():
        return "expected finite numbers, got NaN or infinity"
    return "" if np.abs(array).max(initial=0) < _LARGEST else f"expected numbers below {_LARGEST:g}"


def _matrix_problem(value: Any) -> str:
    problem = array_problem(value, (3, 3))
    if problem:
        return problem
    matrix = np.asarray(value, np.float64)
    if not np.array_equal(matrix[2], [0, 0, 1]):
        return f"third row is {matrix[2].tolist()}, expected [0, 0, 1] (is it transposed?)"
    if matrix[1, 0] != 0:
        return f"second row starts with {matrix[1, 0]:g}, expected 0"
    if min(abs(matrix[0, 0]), abs(matrix[1, 1])) < _LEAST_NORM:
        return "is singular, expected focal lengths (px) other than 0 on its diagonal"
    return ""


def _transform_problem(value: Any) -> str:
    problem = array_problem(value, (4, 4))
    if problem:
        return problem
    transform = np.asarray(value, np.float64)
    if not np.array_equal(transform[3], [0, 0, 0, 1]):
        return f"last row is {transform[3].tolist()}, expected [0, 0, 0, 1]"
    return rotation_problem(transform[:3, :3])


def rotation_problem(value: Any) -> str:
    """Return what keeps `value` from being a rotation matrix (3, 3), or ''."""
    problem = array_problem(value, (3, 3))
    if problem:
        return problem
    matrix = np.asarray(value, np.float64)
    if is_rotation(matrix, ROTATION_TOLERANCE):
        return ""
    if is_rotation(-matrix, ROTATION_TOLERANCE):
        return "is a mirroring (determinant -1), expected a rotation (determinant +1)"
    shown = " ".join(f"{value:.4g}" for value in matrix.ravel())
    return f"[{shown}] is no rotation, expected orthonormal rows and determinant +1"


def _size_problem(value: Any) -> str:
    problem = array_problem(value, (2,))
    if problem:
        return problem
    size = np.asarray(value)
    if (size <= 0).any() or (size != np.rint(size)).any():
        return f"{size.tolist()}, expected two positive whole numbers (width, height)"
    return ""


def _distortion_problem(value: Any) -> str:
    return array_problem(value, (-1,))


def _terms_problem(value: Any, model: str) -> str:
    count, allowed = len(value), TERMS[model]
    if count in allowed:
        return ""
    return f"has {count} terms, expected {', '.join(map(str, allowed))} for a {model} lens"


def _plane_problem(value: Any) -> str:
    problem = "" if value is None else array_problem(value, (4,))
    if not problem and value is not None and np.abs(np.asarray(value)[:3]).max() < _LEAST_NORM:
        return "normal is 0, expected (a, b, c, d) with a x + b y + c z + d = 0"
    return problem


def _name_problem(value: Any) -> str:
    good = isinstance(value, str) and bool(value) and value.isprintable()
    return "" if good else f"{value!r}, expected a name of printable characters"


#: The check of each field of a `Camera` by itself: '' or what was expected.
_CHECKS: dict[str, Callable[[Any], str]] = {
    "matrix": _matrix_problem,
    "distortion": _distortion_problem,
    "T_camera_world": _transform_problem,
    "size": _size_problem,
    "name": _name_problem,
    "floor_plane": _plane_problem,
}
FIELDS = (*_CHECKS, "model")
