"""Measures of surfaces whose size, holes and crossings are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mousepose.ct.surfaces.surface_crossings import crossing_faces
from mousepose.ct.surfaces.surface_measure import area, is_watertight, measured
from mousepose.ct.types import Surface

#: A cube of side 1 in twelve triangles, counted from outside.
CUBE = Surface(
    np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)]),
    np.array([
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]),
)  # fmt: skip


def joined(*surfaces: Surface) -> Surface:
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    return Surface(
        np.concatenate([s.vertices for s in surfaces]),
        np.concatenate([s.faces + start for s, start in zip(surfaces, starts, strict=False)]),
    )


def moved(surface: Surface, by: NDArray[np.float64] | list[float]) -> Surface:
    return Surface(surface.vertices + by, surface.faces)


def test_a_cube() -> None:
    found = measured(moved(CUBE, [30, -20, 10]))
    assert found.volume_mm3 == pytest.approx(1)
    assert found.area_mm2 == pytest.approx(6)
    assert found.euler_characteristic == 2
    assert found.minimum_angle == pytest.approx(45)
    assert found.median_minimum_angle == pytest.approx(45)
    assert found.watertight
    assert found.self_intersections == 0
    assert found.parts == 1


def test_turned_and_missing_faces_are_not_watertight() -> None:
    turned = CUBE.faces.copy()
    turned[0] = turned[0, ::-1]
    assert not is_watertight(Surface(CUBE.vertices, turned))
    assert not is_watertight(Surface(CUBE.vertices, CUBE.faces[1:]))
    assert not is_watertight(Surface(CUBE.vertices, CUBE.faces[:0]))
    assert area(Surface(CUBE.vertices, CUBE.faces[:0])) == 0


def test_cubes_apart_do_not_cross_and_cubes_in_each_other_do() -> None:
    assert measured(joined(CUBE, moved(CUBE, [1.5, 0, 0]))).self_intersections == 0
    assert measured(joined(CUBE, moved(CUBE, [0.5, 0.37, 0.21]))).self_intersections > 0
    small = Surface(CUBE.vertices * 0.5 + 0.25, CUBE.faces)
    assert measured(joined(CUBE, small)).self_intersections == 0


def test_a_vertex_pushed_through_the_other_side_crosses_it() -> None:
    vertices = CUBE.vertices.copy()
    vertices[0] = [1.3, 0.52, 0.51]
    assert len(crossing_faces(Surface(vertices, CUBE.faces))) > 0


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(2, 25))
def test_crossings_are_those_of_a_search_of_all_pairs(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    # Triangles of very different size, some with common vertices.
    points = rng.normal(size=(3 * count, 3)) * rng.choice([0.1, 1.0, 5.0], (3 * count, 1))
    faces = rng.permuted(np.arange(3 * count)).reshape(-1, 3)
    faces[::3, 0] = faces[0, 0]
    found = {tuple(pair) for pair in crossing_faces(Surface(points, faces))}
    assert found == set(all_crossings(points[faces], faces))


def all_crossings(corners: NDArray[np.float64], faces: NDArray[np.int64]) -> list[tuple[int, int]]:
    crossing = []
    for one in range(len(faces)):
        for other in range(one + 1, len(faces)):
            if any(
                goes_through(corners[i, a], corners[i, (a + 1) % 3], corners[j])
                for i, j in ((one, other), (other, one))
                for a in range(3)
                if not set(faces[i, [a, (a + 1) % 3]]) & set(faces[j])
            ):
                crossing.append((one, other))
    return crossing


def goes_through(start, stop, triangle) -> bool:
    """Tell by solving for the place on the segment and in the triangle."""
    a, b, c = triangle
    matrix = np.stack([start - stop, b - a, c - a], axis=1)
    along, u, v = np.linalg.solve(matrix, start - a)
    return bool(0 < along < 1 and u > 0 and v > 0 and u + v < 1)
