"""The plain linear model: the baseline that any fit of one view must beat.

Labelled poses of one animal, turned into a body frame (x from tail base to the front of the spine,
y to the left), with their mirror images, give a mean and principal components b_k. A view is then
fitted by x = R (mean + sum_k z_k b_k) + t with z_k ~ N(0, 1), least squares in pixels from twelve
headings, the best one kept. All starts of all problems are solved at once by Levenberg-Marquardt.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from problems import MARK_OF_JOINT, Flags, Problems, is_known, load_arrays, load_problems
from scoring import score_problems

from mousepose.geometry import rotation
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Ints

COMPONENTS = 14
#: The first of these steps are made from all starts, the others from the best few.
STEPS, STEPS_OF_ALL, KEPT_STARTS = 40, 12, 3
#: Poses whose distances between joints differ by less than this (mm) are one pose.
SAME_POSE_MM = 0.05
#: A body of 75 mm fills about as many pixels as the focal length has at that distance.
_USUAL_BODY_PX = 75.0
_TILTS_DEG = (90.0, 140.0, 180.0)
_YAWS_DEG = (0.0, 90.0, 180.0, 270.0)
_NEAREST_MM = 1.0


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Joints `names` (M,), their `mean` (M, 3) mm and `basis` (k, M, 3) mm per SD, body frame."""

    names: tuple[str, ...]
    mean: Floats
    basis: Floats


class _State(NamedTuple):
    """Where B starts stand: rotations (B, 3, 3), translations (B, 3) mm, coefficients (B, k)."""

    turn: Floats
    shift: Floats
    coefficients: Floats

    def take(self, rows: Ints) -> _State:
        return _State(*(array[rows] for array in self))

    def where(self, better: Flags, other: _State) -> _State:
        pairs = zip(self, other, strict=True)
        return _State(*(np.where(better.reshape(-1, *[1] * (b.ndim - 1)), b, a) for a, b in pairs))


def labelled_poses(data: Path, problems: Problems) -> tuple[tuple[str, ...], Floats, int]:
    """Return joint names, labelled poses (F, M, 3) mm that are not scored, and how many are.

    Poses of `dannce_mouse1` among the truths of `problems` are found by their shape and left out.
    Raises `CannotMeasure` where the recording or its joints are not there.
    """
    arrays = load_arrays(folder(data, "dannce_mouse1") / "dannce_mouse1.npz")
    marks = [str(name) for name in arrays["keypoint_names"]]
    names = problems.marked
    if {"SPINE_SHOULDER", "SPINE_MID", "ROOT_TAIL"} - set(names):
        raise CannotMeasure(f"{problems.name} lacks the joints that the linear model turns by")
    poses = arrays["points3d_mm"][:, [marks.index(MARK_OF_JOINT[name]) for name in names]]
    poses = poses[np.isfinite(poses).all(axis=(1, 2))]
    rows = [problems.joint_names.index(name) for name in names]
    truth = np.where(problems.counted[..., None], problems.truth, np.nan)[:, rows]
    scored = _same_poses(poses, truth)
    return names, poses[~scored], int(scored.sum())


def learn(names: tuple[str, ...], poses: Floats, components: int = COMPONENTS) -> LinearModel:
    """Return the linear model of poses (F, M, 3) mm and their mirror images."""
    body = _in_body_frame(names, poses)
    partner = [names.index(mirrored_name(name)) for name in names]
    both = np.concatenate([body, body[:, partner] * [1.0, -1.0, 1.0]])
    mean = both.mean(axis=0)
    _, values, vectors = np.linalg.svd((both - mean).reshape(len(both), -1), full_matrices=False)
    deviation = values[:components, None] / np.sqrt(len(both))
    return LinearModel(names, mean, (deviation * vectors[:components]).reshape(-1, *mean.shape))


def fit(model: LinearModel, problems: Problems) -> Floats:
    """Return the joints (N, J, 3) mm of every problem, NaN for joints that the model has not."""
    rows = [problems.joint_names.index(name) for name in model.names]
    count = len(problems)
    points = np.where(problems.seen[:, rows, None], problems.points[:, rows], np.nan)
    view = _View(problems.matrix, points, max(float(problems.sigma.mean()), 1.0))
    headings = _headings()
    starts = len(headings)
    depth = problems.matrix[0, 0] * problems.body_length / _USUAL_BODY_PX
    state = _State(
        np.tile(headings, (count, 1, 1)),
        np.repeat(view.centre(depth), starts, axis=0),
        np.zeros((count * starts, len(model.basis))),
    )
    state, cost = _descend(model, view.repeat(starts), state, STEPS_OF_ALL)
    best = np.argsort(cost.reshape(count, starts), axis=1)[:, :KEPT_STARTS]
    state = state.take((best + starts * np.arange(count)[:, None]).ravel())
    state, cost = _descend(model, view.repeat(KEPT_STARTS), state, STEPS - STEPS_OF_ALL)
    best = cost.reshape(count, KEPT_STARTS).argmin(axis=1) + KEPT_STARTS * np.arange(count)
    joints = np.full(problems.truth.shape, np.nan)
    joints[:, rows] = _place(model, state.take(best))[0]
    return joints


class _View(NamedTuple):
    """What is seen: the camera's matrix, points (B, M, 2) px with NaN, their noise px."""

    matrix: Floats
    points: Floats
    sigma: float

    def repeat(self, times: int) -> _View:
        return self._replace(points=np.repeat(self.points, times, axis=0))

    def centre(self, depth: float) -> Floats:
        """Return the points (B, 3) mm at `depth` that lie behind the middle of what is seen."""
        pixels = np.nanmean(self.points, axis=1)
        ones = np.ones((len(pixels), 1))
        return np.asarray(np.hstack([pixels, ones]) @ np.linalg.inv(self.matrix).T * depth)


def _place(model: LinearModel, state: _State) -> tuple[Floats, Floats]:
    """Return the joints (B, M, 3) mm in the camera frame, and the same before the translation."""
    shape = model.mean + np.tensordot(state.coefficients, model.basis, 1)
    turned = shape @ state.turn.swapaxes(1, 2)
    return turned + state.shift[:, None], turned


def _residuals(view: _View, joints: Floats) -> tuple[Floats, Floats]:
    """Return the whitened pixel residuals (B, M, 2), 0 where not seen, and safe depths (B, M)."""
    depth = np.maximum(joints[..., 2], _NEAREST_MM)
    pixels = joints[..., :2] / depth[..., None] @ view.matrix[:2, :2].T + view.matrix[:2, 2]
    return np.nan_to_num((pixels - view.points) / view.sigma), depth


def _cost(model: LinearModel, view: _View, state: _State) -> Floats:
    residuals, _ = _residuals(view, _place(model, state)[0])
    return np.asarray((residuals**2).sum(axis=(1, 2)) + (state.coefficients**2).sum(axis=1))


def _normal_equations(model: LinearModel, view: _View, state: _State) -> tuple[Floats, Floats]:
    """Return J^T J (B, 6 + k, 6 + k) and J^T r (B, 6 + k): a left turn, a shift, coefficients."""
    joints, turned = _place(model, state)
    residuals, depth = _residuals(view, joints)
    count, marks = depth.shape
    perspective = np.zeros((count, marks, 2, 3))
    perspective[..., :2] = view.matrix[:2, :2]
    perspective[..., 2] = -(joints[..., :2] / depth[..., None]) @ view.matrix[:2, :2].T
    perspective /= depth[..., None, None] * view.sigma
    perspective[~is_known(view.points)] = 0.0
    basis = np.tensordot(state.turn, model.basis, axes=(2, 2)).transpose(0, 3, 1, 2)
    motion = np.empty((count, marks, 3, 6 + len(model.basis)))
    motion[..., :3] = -rotation.skew(turned)
    motion[..., 3:6] = np.eye(3)
    motion[..., 6:] = basis
    jacobian = (perspective @ motion).reshape(count, 2 * marks, -1)
    transposed = jacobian.swapaxes(1, 2)
    normal = transposed @ jacobian
    gradient = (transposed @ residuals.reshape(count, -1, 1))[..., 0]
    diagonal = np.arange(6, normal.shape[1])
    normal[:, diagonal, diagonal] += 1.0
    gradient[:, 6:] += state.coefficients
    return normal, gradient


def _descend(model: LinearModel, view: _View, state: _State, steps: int) -> tuple[_State, Floats]:
    """Return the states after `steps` of Levenberg-Marquardt, and their costs (B,)."""
    cost = _cost(model, view, state)
    damping = np.full(len(cost), 1e-2)
    normal, gradient = _normal_equations(model, view, state)
    every = np.arange(normal.shape[1])
    for _ in range(steps):
        damped = normal.copy()
        damped[:, every, every] *= 1.0 + damping[:, None]
        step = -np.linalg.solve(damped, gradient[..., None])[..., 0]
        moved = _State(
            rotation.exp(step[:, :3]) @ state.turn,
            state.shift + step[:, 3:6],
            state.coefficients + step[:, 6:],
        )
        moved_cost = _cost(model, view, moved)
        better = moved_cost < cost
        state, cost = state.where(better, moved), np.where(better, moved_cost, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-9, 1e9)
        normal, gradient = _normal_equations(model, view, state)
    return state, cost


def _headings() -> Floats:
    """Return the twelve starts (12, 3, 3): the animal from the side, from above, and between."""
    tilts = rotation.exp(np.deg2rad(_TILTS_DEG)[:, None] * np.eye(3)[0])
    yaws = rotation.exp(np.deg2rad(_YAWS_DEG)[:, None] * np.eye(3)[2])
    return (tilts[:, None] @ yaws).reshape(-1, 3, 3)


def _in_body_frame(names: tuple[str, ...], poses: Floats) -> Floats:
    """Return poses (F, M, 3) about SPINE_MID, x forward along the back, y left, z up."""

    def joint(name: str) -> Floats:
        return np.asarray(poses[:, names.index(name)])

    forward = joint("SPINE_SHOULDER") - joint("ROOT_TAIL")
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    pairs = [p for p in ("SHOULDER", "KNEE") if f"LEFT_{p}" in names and f"RIGHT_{p}" in names]
    if not pairs:
        raise CannotMeasure("the linear model needs the shoulders or the knees of both sides")
    left = np.mean([joint(f"LEFT_{p}") - joint(f"RIGHT_{p}") for p in pairs], axis=0)
    left -= (left * forward).sum(axis=1, keepdims=True) * forward
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    axes = np.stack([forward, left, np.cross(forward, left)], axis=1)
    return np.asarray((poses - joint("SPINE_MID")[:, None]) @ axes.swapaxes(1, 2))


def _same_poses(poses: Floats, truth: Floats) -> Flags:
    """Tell which poses (F, M, 3) are, but for their place, among `truth` (N, M, 3), NaN unknown."""
    first, second = np.triu_indices(poses.shape[1], k=1)

    def spans(joints: Floats) -> Floats:
        return np.asarray(np.linalg.norm(joints[:, first] - joints[:, second], axis=-1))

    difference = np.abs(spans(poses)[:, None] - spans(truth)[None])
    worst = np.max(np.nan_to_num(difference), axis=-1)
    enough = np.isfinite(difference).sum(axis=-1) >= len(first) // 2
    return np.asarray((enough & (worst < SAME_POSE_MM)).any(axis=1))


def measure(options: argparse.Namespace) -> Measured:
    """Fit the linear model to every file."""
    title = f"Plain linear model, {options.components} components (mm)"
    measured = Measured(title, ("problems", "poses", "root", "rigid", "trunk", "limbs"))
    for path in options.problems:
        problems = load_problems(path)
        names, poses, _ = labelled_poses(options.data, problems)
        result = score_problems(problems, fit(learn(names, poses, options.components), problems))
        rigid = result["rigid"]
        measured.add_row(
            problems.name, len(poses), result["root"]["all"], rigid["all"], rigid["trunk"],
            rigid["limbs"],
        )  # fmt: skip
        measured.add_figures(f"{problems.name}.linear_baseline", result)
        measured.ran_on.append(problems.name)
    return measured


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("problems", nargs="+", type=Path, metavar="PROBLEMS.npz")
    parser.add_argument("--components", type=int, default=COMPONENTS)
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
