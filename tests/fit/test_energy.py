"""The compiled energy is the one that `terms` writes plainly: cost, gradient, Hessian."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.prior import load_prior
from mousepose.fit import terms
from mousepose.fit.arrays import TERMS, Points, PoseArrays, Weights
from mousepose.fit.config import Scale
from mousepose.fit.energy import information_of
from mousepose.fit.reference import normal_equations, plain_cost
from mousepose.fit.solver import fit_frames
from mousepose.types import Floats
from synthetic import Problem, make_problem, make_setup, ring

R = load_prior().coordinates
NONE = Weights(np.zeros(R), 0.0, 25.0, 0.0, 0.0, 0.0)
ALL = Weights(np.linspace(0.2, 1.2, R), 400.0, 25.0, 0.4, 0.3, 1e-3)
#: The weights under which each term stands alone; the image has no weight, it is hidden instead.
SINGLE = {
    "prior": NONE._replace(prior=np.full(R, 0.7), anchor=1e-3),
    "limits": NONE._replace(limit=400.0),
    "floor": NONE._replace(penetration=0.4, contact=0.3),
}


def problem_of(cameras: int, floor: bool, seed: int = 0) -> Problem:
    return make_problem(make_setup(ring(cameras, floor=floor)), seed=seed, away=0.5)


def whitening_of(problem: Problem, depth_from: Floats) -> Floats:
    out = np.zeros(problem.points.covariance.shape)
    for t in range(len(out)):
        information_of(
            problem.body, problem.views, problem.points.covariance[t], depth_from[t], out[t]
        )
    return out


def compiled(problem: Problem, weights: Weights, anchor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return cost by term (T, 4), Hessian and gradient as the kernels find them."""
    frames, n = len(anchor), 6 + problem.poses.z.shape[1]
    cost, hessian, gradient = (
        np.ones((frames, len(TERMS))),
        np.ones((frames, n, n)),
        np.ones((frames, n)),
    )
    tried = np.zeros(frames, np.int64)
    fit_frames(
        problem.body, problem.views, weights, problem.points, anchor, problem.poses, 0, cost, tried,
        hessian, gradient, np.zeros(len(anchor), bool),
    )  # fmt: skip
    return cost, hessian, gradient


def plain(problem: Problem, weights: Weights, anchor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the same from the terms in NumPy."""
    body, views, poses = problem.body, problem.views, problem.poses
    moved = terms.motion(body, poses)
    whitening = whitening_of(problem, anchor)
    pairs = terms.reprojection(body, views, problem.points.xy, whitening, moved)
    prior = terms.prior(poses, weights.prior)
    pull = np.zeros((len(anchor), 3, 6 + poses.z.shape[1]))
    pull[:, :, 3:6] = np.sqrt(weights.anchor) * np.eye(3)
    anchored = terms.Residuals(np.sqrt(weights.anchor) * (poses.place - anchor), pull)
    limits = terms.limits(body, weights.limit, moved)
    parts = [terms.robust(pairs, weights.robust), prior, anchored, limits]
    cost = np.zeros((len(anchor), len(TERMS)))
    cost[:, 0] = terms.robust_cost(pairs, weights.robust)
    cost[:, 1] = plain_cost([prior, anchored])
    cost[:, 2] = plain_cost([limits])
    if views.floor_known:
        parts.append(terms.floor(body, views, weights.penetration, weights.contact, moved))
        cost[:, TERMS.index("floor")] = floor_cost(problem, weights, moved)
    hessian, gradient = normal_equations(parts)
    hessian[:, range(3), range(3)] += 1e-6
    return cost, hessian, gradient


def floor_cost(problem: Problem, weights: Weights, moved: terms.Motion) -> Floats:
    """Return the floor's energy as the text has it: a spring below, a fading pull above."""
    plane = problem.views.floor
    height = moved.joint[:, problem.body.paw] @ plane[:3] + plane[3]
    above = weights.contact * height**2 / (1 + (height / terms.CONTACT_REACH) ** 2)
    return np.asarray(
        0.5 * np.where(height < 0, weights.penetration * height**2, above).sum(axis=1)
    )


def agree(problem: Problem, weights: Weights) -> Floats:
    anchor = problem.poses.place + np.random.default_rng(1).normal(0, 5, problem.poses.place.shape)
    cost, hessian, gradient = compiled(problem, weights, anchor)
    want_cost, want_hessian, want_gradient = plain(problem, weights, anchor)
    np.testing.assert_allclose(cost, want_cost, rtol=1e-9, atol=1e-12)
    for have, want in ((gradient, want_gradient), (hessian, want_hessian)):
        np.testing.assert_allclose(have, want, rtol=1e-8, atol=1e-10 * np.abs(want).max())
    np.testing.assert_array_equal(hessian, np.swapaxes(hessian, 1, 2))
    return cost


@pytest.mark.parametrize("cameras", [1, 3])
@pytest.mark.parametrize("floor", [False, True])
def test_all_terms_together(cameras: int, floor: bool) -> None:
    cost = agree(problem_of(cameras, floor), ALL)
    assert (cost[:, [0, 1]] > 0).all()
    assert (cost[:, 2] > 0).any()
    assert (cost[:, 3] > 0).any() == floor


@pytest.mark.parametrize("term", SINGLE)
def test_each_term_alone(term: str) -> None:
    problem = problem_of(1, floor=term == "floor", seed=3)
    hidden = Points(np.full_like(problem.points.xy, np.nan), problem.points.covariance)
    cost = agree(replace(problem, points=hidden), SINGLE[term])
    assert cost[:, TERMS.index(term)].any()
    assert not np.delete(cost, TERMS.index(term), axis=1).any()


@pytest.mark.parametrize("robust", [1.0, 25.0, 1e30])
def test_the_image_alone(robust: float) -> None:
    cost = agree(problem_of(3, floor=False, seed=4), NONE._replace(robust=robust))
    assert (cost[:, 0] > 0).all()
    assert not cost[:, 1:].any()


def test_odd_and_even_numbers_of_variables() -> None:
    """Columns are multiplied two by two, so an odd number needs care."""
    whole = problem_of(1, floor=True)
    for r in (0, 1, 6, 7):
        body = whole.body._replace(basis=np.ascontiguousarray(whole.body.basis[..., :r]))
        z = np.ascontiguousarray(whole.poses.z[:, :r])
        agree(
            replace(whole, body=body, poses=whole.poses._replace(z=z)),
            ALL._replace(prior=ALL.prior[:r]),
        )


def test_the_noise_is_that_of_image_and_wandering_together() -> None:
    problem = problem_of(3, floor=False)
    place = problem.poses.place
    a, b, c = np.moveaxis(whitening_of(problem, place), -1, 0)
    zero = np.zeros_like(a)
    factor = np.stack([np.stack([a, b], -1), np.stack([zero, c], -1)], -2)
    depth = np.einsum("ci,ti->tc", problem.views.rotation[:, 2], place)
    depth += problem.views.translation[:, 2]
    xx, xy, yy = np.moveaxis(problem.points.covariance, -1, 0)
    noise = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    noise += (problem.body.mark_variance / depth[..., None] ** 2)[..., None, None] * np.eye(2)
    assert problem.body.mark_variance.max() > 0
    np.testing.assert_allclose(
        np.swapaxes(factor, -1, -2) @ factor @ noise, np.eye(2) + np.zeros_like(noise), atol=1e-9
    )


def test_a_point_behind_the_camera_costs_as_much_as_a_blunder() -> None:
    problem = problem_of(1, floor=False)
    behind = 2 * problem.poses.place - 3 * ring(1)[0].position
    there = PoseArrays(problem.poses.rotation, -behind, problem.poses.z)
    cost, hessian, gradient = compiled(replace(problem, poses=there), NONE, -behind)
    seen = np.isfinite(problem.points.xy[..., 0]).sum((1, 2))
    # 1/2 q / (1 + q / 25) with q = 2e6
    np.testing.assert_allclose(cost[:, 0], seen * 0.5 * 2e6 / (1 + 2e6 / 25))
    assert not gradient.any()
    assert not hessian[:, 3:, 3:].any()


def test_hidden_points_cost_nothing() -> None:
    setup = make_setup(1, scale=Scale.model())
    problem = make_problem(setup, unseen=1.0)
    cost, _, _ = compiled(problem, setup.weights(), problem.poses.place)
    assert not cost[:, 0].any()
