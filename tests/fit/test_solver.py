"""The compiled solver: kinematics, steps, and the minimum that plain NumPy finds too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.prior import PosePrior
from mousepose.fit import terms
from mousepose.fit.arrays import TERMS, PoseArrays
from mousepose.fit.energy import information_of, new_normal
from mousepose.fit.kinematics import forward, new_state
from mousepose.fit.reference import minimise, plain_cost
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.solver import damped_step, fit_frames
from mousepose.types import Floats
from synthetic import Problem, draw_poses, make_problem, make_setup, ring, to_pose


def joints_of(setup: Setup, poses: PoseArrays) -> Floats:
    """Return the joints (T, J, 3) that the compiled kinematics finds."""
    body = body_arrays(setup, Animal.typical(setup))
    state = new_state(len(body.parent), poses.z.shape[1])
    out = np.zeros((len(poses.place), *body.bone.shape))
    for t in range(len(out)):
        forward(body, poses.rotation[t], poses.place[t], poses.z[t], state, True)
        out[t] = state.joint
    return out


def fit(problem: Problem, iterations: int) -> tuple[PoseArrays, Floats]:
    """Return improved poses and their cost (T,)."""
    poses = problem.poses.take(slice(None))
    frames = len(poses.place)
    cost = np.zeros((frames, len(TERMS)))
    fit_frames(
        problem.body, problem.views, problem.weights, problem.points, problem.poses.place, poses,
        iterations, cost, np.zeros(frames, np.int64), np.zeros((0, 0, 0)), np.zeros((0, 0)),
        np.zeros(frames, bool),
    )  # fmt: skip
    return poses, cost.sum(1)


def test_the_zero_pose_is_the_rest_pose(setup: Setup) -> None:
    isotropic = replace(setup, prior=PosePrior.isotropic(setup.body))
    r = isotropic.prior.coordinates
    still = PoseArrays(np.eye(3)[None], setup.body.rest[:1].copy(), np.zeros((1, r)))
    np.testing.assert_allclose(joints_of(isotropic, still)[0], setup.body.rest, atol=1e-12)


def test_kinematics_are_those_of_the_body(setup: Setup) -> None:
    poses = draw_poses(setup, 8, spread=1.0)
    want = setup.body.joints(to_pose(setup, poses))
    np.testing.assert_allclose(joints_of(setup, poses), want, atol=1e-9)
    body = body_arrays(setup, Animal.typical(setup))
    moved = terms.motion(body, poses)
    np.testing.assert_allclose(moved.joint, want, atol=1e-9)
    points, _ = terms.mark_points(body, moved)
    marks = setup.keypoint_map.marks(setup.body)
    np.testing.assert_allclose(points, setup.body.marks(to_pose(setup, poses), marks), atol=1e-9)


@pytest.mark.parametrize("n", [6, 7, 13, 30])
def test_a_step_solves_the_damped_equations(n: int, setup: Setup) -> None:
    random = np.random.default_rng(n)
    body = body_arrays(setup, Animal.typical(setup))
    r = n - 6
    normal = new_normal(body._replace(basis=np.zeros((*body.bone.shape, r))), 1)
    root = random.normal(size=(n, n + 5))
    hessian = root @ root.T
    normal.hessian[:n, :n] = np.triu(hessian)
    normal.gradient[:] = random.normal(size=n)
    step, factor = np.zeros(n), np.zeros((n, n))
    assert damped_step(normal, 0.3, factor, step)
    damped = hessian + 0.3 * np.diag(np.diag(hessian))
    np.testing.assert_allclose(step, -np.linalg.solve(damped, normal.gradient), rtol=1e-9)
    normal.hessian[n - 1, n - 1] = -1.0
    assert not damped_step(normal, 0.3, factor, step)
    normal.hessian[2, 2] = np.nan
    assert not damped_step(normal, 0.3, factor, step)


@pytest.mark.parametrize("cameras", [1, 3])
def test_the_oracle_finds_the_same_minimum(cameras: int) -> None:
    problem = make_problem(make_setup(ring(cameras, floor=True)), frames=8, away=0.1)
    body, views, weights = problem.body, problem.views, problem.weights
    white = np.zeros(problem.points.covariance.shape)
    for t, place in enumerate(problem.poses.place):
        information_of(body, views, problem.points.covariance[t], place, white[t])

    def parts(poses: PoseArrays, moved: terms.Motion) -> list[terms.Residuals]:
        return [
            terms.prior(poses, weights.prior),
            terms.limits(body, weights.limit, moved),
        ]

    def pairs(moved: terms.Motion) -> terms.Residuals:
        return terms.reprojection(body, views, problem.points.xy, white, moved)

    def on_floor(moved: terms.Motion) -> terms.Residuals:
        return terms.floor(body, views, weights.penetration, weights.contact, moved)

    def energy(poses: PoseArrays, moved: terms.Motion) -> list[terms.Residuals]:
        image = terms.robust(pairs(moved), weights.robust)
        return [image, on_floor(moved), *parts(poses, moved)]

    def cost(poses: PoseArrays, moved: terms.Motion) -> Floats:
        height = moved.joint[:, body.paw] @ views.floor[:3] + views.floor[3]
        above = weights.contact * height**2 / (1 + (height / terms.CONTACT_REACH) ** 2)
        floor = 0.5 * np.where(height < 0, weights.penetration * height**2, above).sum(1)
        image = terms.robust_cost(pairs(moved), weights.robust)
        return np.asarray(image + floor + plain_cost(parts(poses, moved)))

    _, want, _ = minimise(body, problem.poses, energy, cost, 60)
    poses, have = fit(problem, 60)
    # a frame stops when a step gains less than 1e-3 of its energy
    np.testing.assert_allclose(have, want, rtol=1e-2)
    np.testing.assert_allclose(have, cost(poses, terms.motion(body, poses)), rtol=1e-4)


def test_more_iterations_never_cost_more() -> None:
    problem = make_problem(make_setup(2), frames=20, away=0.8, unseen=0.5)
    costs = np.array([fit(problem, iterations)[1] for iterations in range(12)])
    assert (np.diff(costs, axis=0) <= 0).all()
    assert (costs[-1] < 0.5 * costs[0]).mean() > 0.8


def test_a_rotation_stays_a_rotation() -> None:
    poses, _ = fit(make_problem(make_setup(1), frames=10, away=0.8), 40)
    gram = np.swapaxes(poses.rotation, 1, 2) @ poses.rotation
    np.testing.assert_allclose(gram, np.tile(np.eye(3), (10, 1, 1)), atol=1e-12)


def test_a_frame_does_not_depend_on_those_beside_it() -> None:
    problem = make_problem(make_setup(1), frames=6)
    together, _ = fit(problem, 15)
    for t in (0, 3, 5):
        part = slice(t, t + 1)
        points = type(problem.points)(problem.points.xy[part], problem.points.covariance[part])
        alone, _ = fit(replace(problem, points=points, poses=problem.poses.take(part)), 15)
        np.testing.assert_array_equal(alone.z[0], together.z[t])
        np.testing.assert_array_equal(alone.place[0], together.place[t])
