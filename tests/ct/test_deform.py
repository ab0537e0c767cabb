"""Laws of the smooth deformation and of what a mesh gives it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ct.test_register import TURN, blob, sphere
from mousepose.ct.registration.deform import nearest, node_graph, solve
from mousepose.ct.registration.deform_mesh import (
    cotangent_laplacian,
    edge_laplacian,
    mesh_edges,
    vertex_areas,
)
from mousepose.ct.registration.register_match import Cloud, match

AFFINE = np.array([[1.2, 0.3, 0.0], [-0.2, 0.9, 0.1], [0.05, 0.0, 1.1]])


def test_nodes_blend_to_one_and_leave_everything_at_first() -> None:
    points = blob().vertices
    graph = node_graph(points, 2.0)
    np.testing.assert_allclose(np.asarray(graph.blend.sum(axis=1)).ravel(), 1)
    np.testing.assert_allclose(graph.basis @ graph.identity, points, atol=1e-9)
    np.testing.assert_allclose(graph.roughness @ graph.identity, 0, atol=1e-9)
    apart = cKDTree(graph.nodes).query(graph.nodes, k=2)[0][:, 1]
    assert apart.min() >= 2.0
    assert cKDTree(graph.nodes).query(points)[0].max() < 4.0


@pytest.mark.parametrize("stiffness", [1e3, 1.0, 1e-3])
def test_an_affine_map_costs_nothing(stiffness: float) -> None:
    points = blob().vertices
    graph, goals = node_graph(points, 2.0), points @ AFFINE.T + [5.0, -3.0, 1.0]
    weights = np.ones(len(points))
    weights[::3] = 0
    goals[::3] = np.nan
    moved = graph.basis @ solve(graph, goals, weights, stiffness)
    np.testing.assert_allclose(moved, points @ AFFINE.T + [5.0, -3.0, 1.0], atol=1e-3)


def test_softer_follows_closer() -> None:
    points = blob().vertices
    goals = points + 0.5 * np.sin(points[:, [1, 2, 0]])
    graph = node_graph(points, 1.5)
    misses = [
        np.linalg.norm(graph.basis @ solve(graph, goals, np.ones(len(points)), s) - goals)
        for s in (100.0, 1.0, 0.01)
    ]
    assert misses[0] > misses[1] > misses[2]


def test_layout_keeps_apart_what_touches() -> None:
    points = np.random.default_rng(0).uniform(0, 5, (400, 3))
    side = np.arange(400) % 2
    graph = node_graph(points, 1.5, np.concatenate([points, 50.0 * side[:, None]], axis=1))
    goals = points + np.where(side[:, None], 2.0, -2.0)
    moved = graph.basis @ solve(graph, goals, np.ones(400), 10.0)
    np.testing.assert_allclose(moved, goals, atol=1e-3)  # each side moves as a whole
    together = node_graph(points, 1.5)
    moved = together.basis @ solve(together, goals, np.ones(400), 10.0)
    assert np.abs(moved - goals).mean() > 1.0


def test_laplacians_know_no_constants_and_no_direction() -> None:
    surface = blob()
    for laplacian in (
        edge_laplacian(surface.faces, len(surface.vertices)),
        cotangent_laplacian(surface.vertices, surface.faces),
    ):
        np.testing.assert_allclose(laplacian @ np.ones(len(surface.vertices)), 0, atol=1e-9)
        assert abs(laplacian - laplacian.T).max() < 1e-9
        random = np.random.default_rng(0).normal(size=(5, len(surface.vertices)))
        assert ((random @ laplacian) * random).sum(axis=1).min() > 0
    turned = cotangent_laplacian(3.0 * surface.vertices @ TURN.T, surface.faces)
    assert abs(turned - cotangent_laplacian(surface.vertices, surface.faces)).max() < 1e-6


def test_the_laplacian_of_a_sphere_is_that_of_its_harmonics() -> None:
    surface = blob(1500)
    points = sphere(1500)
    laplacian = cotangent_laplacian(points, surface.faces)
    areas = vertex_areas(points, surface.faces)
    assert areas.sum() == pytest.approx(4 * np.pi, rel=0.01)
    quotient = ((laplacian @ points) * points).sum() / (areas[:, None] * points**2).sum()
    assert quotient == pytest.approx(2, rel=0.01)  # l (l + 1) with l = 1


def test_edges_are_counted_once() -> None:
    surface = blob()
    assert len(mesh_edges(surface.faces)) == len(surface.vertices) + len(surface.faces) - 2


def test_few_points_have_few_neighbours() -> None:
    distance, index = nearest(cKDTree(np.zeros((2, 3))), np.ones((5, 3)), 8)
    assert distance.shape == index.shape == (5, 2)
    assert node_graph(np.zeros((1, 3)), 1.0).blend.shape == (1, 1)


def test_places_that_face_away_or_lie_on_other_parts_do_not_match() -> None:
    up = np.array([[0.0, 0.0, 1.0]])
    here = Cloud(np.zeros((1, 3)), up, np.array([[1.0, 0.0]]))
    near, far = np.array([0.0, 0.0, 0.2]), np.array([0.3, 0.0, 0.4])
    target = Cloud(np.stack([near, far]), np.concatenate([-up, up]))
    found = match(here, target, reach=2.0, slide=1.0)
    np.testing.assert_allclose(found.goals, [[0, 0, 0.4]])  # to the plane of the second
    parts = Cloud(np.stack([near, far]), np.concatenate([up, up]), np.array([[0.0, 1], [1, 0]]))
    np.testing.assert_allclose(match(here, parts, reach=2.0, slide=0.0).goals, [far])
    none = Cloud(far[None] + 5, up)
    assert match(here, none, reach=2.0).weights[0] == 0
