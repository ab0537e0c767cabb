"""Laws of registration: what was warped comes back, whatever the pose, size and clutter."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.ct.registration.deform_mesh import surface_distance
from mousepose.ct.registration.register import carry_points, register_surface
from mousepose.ct.registration.register_start import fit_similarity, start_from_points
from mousepose.ct.registration.register_types import Level, RegisterConfig
from mousepose.ct.types import NamedPoints, Surface
from mousepose.errors import InputError, ModelError
from mousepose.geometry import rotation
from mousepose.types import Floats

#: Quick: the template has 600 vertices.
CONFIG = RegisterConfig(
    levels=(Level(0.6, 8, (3.0, 0.1), (0.4, 0.2)), Level(0.35, 16, (1.0, 0.01), (0.2, 0.1))),
    slide=0.9,
)
TURN = rotation.exp(np.array([0.4, -0.9, 1.7]))


def blob(count: int = 600) -> Surface:
    """An egg with bumps here and there: no turn of it is like another, and no place."""
    points = sphere(count)
    bumps = np.random.default_rng(3).normal(size=(16, 3))
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    length = 4 + 2.2 * np.exp(-16 * (1 - points @ bumps.T)).sum(axis=1)
    return Surface(points * length[:, None] * [1.6, 1.0, 0.8], hull_faces(points))


def sphere(count: int) -> Floats:
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)


def hull_faces(points: Floats) -> np.ndarray:
    from scipy.spatial import ConvexHull

    faces = ConvexHull(points).simplices.astype(np.int64)
    corners = points[faces]
    outside = np.einsum(
        "fi,fi->f", corners.mean(axis=1),
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]),
    )  # fmt: skip
    faces[outside < 0] = faces[outside < 0][:, ::-1]
    return faces


def warp(points: Floats) -> Floats:
    """A smooth change of form, up to 0.8 mm."""
    x, y, z = points.T
    move = np.stack([np.sin(x / 6 + y / 9), 0.8 * np.cos(x / 5), 0.6 * np.sin(x / 7 - z / 8)])
    return points + 0.7 * (move.T - move.T.mean(axis=0))


def fine() -> Surface:
    """The same form with other triangles and three times as many points."""
    return blob(1800)


def distance(found: Floats, true: Floats) -> float:
    return float(np.linalg.norm(found - true, axis=1).mean())


def test_a_known_warp_comes_back() -> None:
    template, target = blob(), fine()
    found = register_surface(template, Surface(warp(target.vertices), target.faces), config=CONFIG)
    true = warp(template.vertices)
    assert distance(template.vertices, true) > 0.5
    assert distance(found.vertices, true) < 0.2
    assert found.error.mean() < 0.02
    assert (found.matched > 0).mean() > 0.95
    assert not found.notes


def test_a_moved_scan_moves_the_result() -> None:
    template, target = blob(), fine()
    names, chosen = ("a", "b", "c", "d"), [0, 100, 450, 599]
    points = NamedPoints(names, template.vertices[chosen], np.ones(4))
    found = []
    for move in (lambda x: x, lambda x: 1.3 * x @ TURN.T + [30, -20, 10]):
        there = NamedPoints(names, move(warp(points.points)), np.ones(4))
        scan = Surface(move(warp(target.vertices)), target.faces)
        result = register_surface(
            template, scan, template_points=points, target_points=there, config=CONFIG
        )
        found.append(result)
        expected = move(found[0].vertices)
    np.testing.assert_allclose(found[1].vertices, expected, atol=1e-4)
    np.testing.assert_allclose(found[1].error, 1.3 * found[0].error, atol=1e-4)


def test_what_is_not_on_the_template_is_left_alone() -> None:
    template, target = blob(), fine()
    bar = Surface(sphere(800) * [2.0, 9.0, 1.0] + [14.0, 0, 2.0], hull_faces(sphere(800)))
    both = Surface(
        np.concatenate([target.vertices, bar.vertices]) @ TURN.T,
        np.concatenate([target.faces, bar.faces + len(target.vertices)]),
    )
    found = register_surface(template, both, config=CONFIG)
    assert distance(found.vertices, template.vertices @ TURN.T) < 0.1


def test_given_points_say_where_to_start() -> None:
    template, target = blob(), fine()
    names = ("a", "b", "c", "unknown")
    points = np.concatenate([template.vertices[[0, 100, 450]], np.full((1, 3), np.nan)])
    here = NamedPoints(names, points, np.ones(4))
    there = NamedPoints(names[::-1], (2 * points @ TURN.T)[::-1], np.ones(4))
    start = start_from_points(here, there)
    np.testing.assert_allclose(start.rotation, TURN, atol=1e-9)
    assert start.scale == pytest.approx(2)
    scan = Surface(2 * target.vertices @ TURN.T, target.faces)
    found = register_surface(
        template, scan, template_points=here, target_points=there, config=CONFIG
    )
    assert distance(found.vertices, 2 * template.vertices @ TURN.T) < 0.06
    with pytest.raises(InputError, match="1 points of the same name"):
        start_from_points(here, NamedPoints(("a", "x"), points[:2], np.ones(2)))


def test_a_scan_of_something_else_is_told() -> None:
    template = blob()
    far = NamedPoints(("a", "b", "c"), template.vertices[:3], np.ones(3))
    away = NamedPoints(far.names, far.points + 500, far.confidence)
    with pytest.raises(ModelError, match="something else"):
        register_surface(template, template, template_points=far, target_points=away, config=CONFIG)
    with pytest.raises(InputError, match="the scan has 0 triangles"):
        register_surface(template, Surface(template.vertices, template.faces[:0]))
    bad = template.vertices.copy()
    bad[3] = np.nan
    with pytest.raises(InputError, match="no numbers"):
        register_surface(Surface(bad, template.faces), template)


def test_progress_goes_from_nothing_to_all() -> None:
    seen: list[float] = []
    register_surface(blob(), blob(), config=CONFIG, progress=lambda _, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)


def test_points_are_carried_by_any_affine_map() -> None:
    before = blob().vertices
    points = np.random.default_rng(0).normal(0, 3, (40, 3))
    linear = np.array([[1.1, 0.2, 0.0], [-0.1, 0.95, 0.1], [0.0, 0.05, 1.2]])
    turned = carry_points(points, before, 1.3 * before @ TURN.T + 4.0)
    np.testing.assert_allclose(turned, 1.3 * points @ TURN.T + 4.0, atol=1e-6)
    on = before[::20]
    np.testing.assert_allclose(
        carry_points(on, before, before @ linear.T), on @ linear.T, atol=0.03
    )


def test_a_similarity_is_no_mirror() -> None:
    points = np.random.default_rng(1).normal(size=(30, 3))
    mirrored = fit_similarity(points, points * [1, 1, -1])
    assert np.linalg.det(mirrored.rotation) == pytest.approx(1)
    exact = fit_similarity(points, 0.7 * points @ TURN.T + 5)
    np.testing.assert_allclose(exact.apply(points), 0.7 * points @ TURN.T + 5, atol=1e-9)


def test_the_distance_is_that_of_triangles_not_of_their_corners() -> None:
    square = Surface(
        np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]]), np.array([[0, 1, 2], [0, 2, 3]])
    )
    points = np.array([[2.0, 1, 3], [5, 2, 0], [-3, -4, 0], [2, 2, 0]])
    np.testing.assert_allclose(surface_distance(points, square), [3, 1, 5, 0], atol=1e-12)
