"""Every term's derivative is its finite difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mousepose.body.mixture import PositionMixture
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.reference import moved, normal_equations
from mousepose.types import Floats
from synthetic import Problem, draw_poses, make_problem, make_setup, ring

Term = Callable[[PoseArrays, terms.Motion], terms.Residuals]
STEP = 1e-5


@pytest.fixture(scope="module")
def problem() -> Problem:
    return make_problem(make_setup(ring(3, floor=True)), frames=3, away=0.5)


def difference(problem: Problem, value: Callable[[PoseArrays, terms.Motion], Floats]) -> Floats:
    """Return how values (T, ...) move with every variable, last axis, by central differences."""
    frames, n = len(problem.poses.place), 6 + problem.poses.z.shape[1]
    columns = []
    for move in np.eye(n):
        ends = [
            moved(problem.poses, np.tile(sign * STEP * move, (frames, 1))) for sign in (1.0, -1.0)
        ]
        ahead, behind = (value(poses, terms.motion(problem.body, poses)) for poses in ends)
        columns.append((ahead - behind) / (2 * STEP))
    return np.stack(columns, axis=-1)


def holds(problem: Problem, term: Term) -> Floats:
    here = term(problem.poses, terms.motion(problem.body, problem.poses))
    numeric = difference(problem, lambda poses, motion: term(poses, motion).value)
    scale = max(1.0, float(np.abs(here.jacobian).max()))
    np.testing.assert_allclose(here.jacobian, numeric, atol=2e-7 * scale)
    assert np.abs(here.jacobian).max() > 0
    return here.value


def gradient_holds(problem: Problem, term: Term, cost: Callable[..., Floats]) -> None:
    """Of robust terms only the gradient is exact: J^T r is the slope of the cost."""
    here = term(problem.poses, terms.motion(problem.body, problem.poses))
    _, gradient = normal_equations([here])
    scale = max(1.0, float(np.abs(gradient).max()))
    np.testing.assert_allclose(gradient, difference(problem, cost), atol=2e-7 * scale)


def whitening(problem: Problem) -> Floats:
    random = np.random.default_rng(0)
    shape = problem.points.covariance.shape
    return np.asarray(random.uniform(100, 300, shape) * [1, 0.3, 1])


def test_joints_and_bones_move_as_their_velocities_say(problem: Problem) -> None:
    here = terms.motion(problem.body, problem.poses)
    numeric = difference(problem, lambda _, motion: motion.joint)
    np.testing.assert_allclose(here.velocity, numeric, atol=1e-6)
    turned = difference(problem, lambda _, motion: motion.rotation)
    cross = np.einsum("tjabn,tjcb->tjacn", turned, here.rotation)
    spun = np.stack([cross[:, :, 2, 1], cross[:, :, 0, 2], cross[:, :, 1, 0]], axis=2)
    np.testing.assert_allclose(here.turn, spun, atol=1e-8)


def test_marks_move_as_their_velocities_say(problem: Problem) -> None:
    points, velocity = terms.mark_points(problem.body, terms.motion(problem.body, problem.poses))
    numeric = difference(problem, lambda _, motion: terms.mark_points(problem.body, motion)[0])
    assert points.shape == velocity.shape[:-1]
    np.testing.assert_allclose(velocity, numeric, atol=1e-6)


def test_reprojection(problem: Problem) -> None:
    white, xy = whitening(problem), problem.points.xy
    value = holds(
        problem,
        lambda _, motion: terms.reprojection(problem.body, problem.views, xy, white, motion),
    )
    unseen = np.repeat(np.isnan(xy[..., 0]).reshape(len(xy), -1), 2, axis=1)
    assert unseen.any()
    assert not value[unseen].any()
    assert (value[~unseen] != 0).all()


def test_reprojection_under_the_robust_loss(problem: Problem) -> None:
    white = whitening(problem)

    def pairs(motion: terms.Motion) -> terms.Residuals:
        return terms.reprojection(problem.body, problem.views, problem.points.xy, white, motion)

    gradient_holds(
        problem,
        lambda _, motion: terms.robust(pairs(motion), 4.0),
        lambda _, motion: terms.robust_cost(pairs(motion), 4.0),
    )
    here = pairs(terms.motion(problem.body, problem.poses))
    np.testing.assert_allclose(terms.robust_cost(here, 1e30), 0.5 * (here.value**2).sum(-1))


def test_points_in_space(problem: Problem) -> None:
    random = np.random.default_rng(2)
    marks = len(problem.body.mark_bone)
    xyz = random.normal(0, 30, (3, marks, 3))
    xyz[:, ::4] = np.nan
    sigma = random.uniform(1, 3, marks)
    value = holds(
        problem, lambda _, motion: terms.points_in_space(problem.body, xyz, sigma, motion)
    )
    assert not value.reshape(xyz.shape)[:, ::4].any()


def test_prior(problem: Problem) -> None:
    value = holds(problem, lambda poses, _: terms.prior(poses, 0.7))
    np.testing.assert_allclose((value**2).sum(1), 0.7 * (problem.poses.z**2).sum(1))


def test_limits(problem: Problem) -> None:
    value = holds(problem, lambda _, motion: terms.limits(problem.body, 400.0, motion))
    angle = terms.motion(problem.body, problem.poses).angle.reshape(value.shape)
    within = (angle >= problem.body.low.ravel()) & (angle <= problem.body.high.ravel())
    assert not value[within].any()


def test_floor(problem: Problem) -> None:
    plane = problem.views.floor

    def cost(_: PoseArrays, motion: terms.Motion) -> Floats:
        height = motion.joint[:, problem.body.paw] @ plane[:3] + plane[3]
        above = 0.3 * height**2 / (1 + (height / terms.CONTACT_REACH) ** 2)
        return np.asarray(0.5 * np.where(height < 0, 0.4 * height**2, above).sum(1))

    gradient_holds(
        problem, lambda _, motion: terms.floor(problem.body, problem.views, 0.4, 0.3, motion), cost
    )


def test_published_mixture() -> None:
    random = np.random.default_rng(0)
    factors = np.tril(random.normal(0, 0.1, (3, 54, 54)), -1) + np.diag(random.uniform(0.5, 2, 54))
    mixture = PositionMixture(np.log([0.2, 0.3, 0.5]), random.normal(0, 1, (3, 54)), factors)
    setup = make_setup(1)
    problem = make_problem(setup, frames=3)
    value = holds(problem, lambda _, motion: terms.published_prior(mixture, 18, 5.0, motion))
    assert value.shape == (3, 55)
    # the mixture compares animals of any size, anywhere
    poses = draw_poses(setup, 3, spread=0.0)
    still = terms.published_prior(mixture, 18, 5.0, terms.motion(problem.body, poses)).value
    np.testing.assert_allclose(still, np.tile(still[0], (3, 1)), atol=1e-9)
