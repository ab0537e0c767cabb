"""The skin: fur grows outwards, flesh gives way to posture, and both vanish where not asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.mesh import Mesh
from mousepose.errors import ModelError
from mousepose.types import Floats


def ball(radius: float, joints: int = 2) -> Mesh:
    """An octahedron that hangs on the first joint."""
    vertices = radius * np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float
    )
    faces = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
    weights = np.zeros((6, joints))
    weights[:, 0] = 1
    return Mesh(vertices, np.array(faces), weights)


def no_turn(joints: int = 2) -> Floats:
    return np.zeros((joints, 3))


def test_normals_point_outwards() -> None:
    mesh = ball(3.0)
    np.testing.assert_allclose(mesh.normals, mesh.vertices / 3.0, atol=1e-12)


def test_the_coat_is_as_thick_as_it_says() -> None:
    mesh = replace(ball(3.0), coat=np.full(6, 0.5))
    np.testing.assert_allclose(mesh.at_rest(no_turn(), coat=True), ball(3.5).vertices, atol=1e-12)
    np.testing.assert_array_equal(mesh.at_rest(no_turn()), mesh.vertices)


def test_flesh_bulges_as_far_as_the_joint_turns() -> None:
    bulge = np.zeros((1, 6, 3))
    bulge[0, 4, 2] = 2.0
    driver = np.zeros((1, 2, 3))
    driver[0, 1, 1] = 0.5
    mesh = replace(ball(1.0), bulges=bulge, drivers=driver)
    turns = np.zeros((3, 2, 3))
    turns[:, 1, 1] = -1.0, 0.0, 1.0
    moved = mesh.at_rest(turns) - mesh.vertices
    np.testing.assert_allclose(moved[:, 4, 2], [-1.0, 0, 1.0])
    assert not moved[:, :4].any()


def test_builds_are_in_standard_deviations() -> None:
    mesh = replace(ball(2.0), builds=ball(0.1).vertices[None], build_names=("stout",))
    np.testing.assert_allclose(mesh.at_rest(no_turn(), [3.0]), ball(2.3).vertices)
    with pytest.raises(ModelError, match="expected 1 build coefficients"):
        mesh.at_rest(no_turn(), [1.0, 2.0])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"coat": np.zeros(5)}, "coat"),
        ({"coat": np.full(6, -1.0)}, "never negative"),
        ({"bulges": np.zeros((1, 6, 3))}, "bulges"),
        ({"builds": np.zeros((1, 5, 3)), "build_names": ("a",)}, "builds"),
        ({"bulges": np.full((1, 6, 3), np.nan), "drivers": np.zeros((1, 2, 3))}, "finite"),
    ],
)
def test_fields_that_do_not_fit_are_told(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        replace(ball(1.0), **fields)  # type: ignore[arg-type]
