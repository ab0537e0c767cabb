"""What the browser draws is where the numbers are: regions hold 90 %, inferred bones are dashed."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.errors import ModelError
from mousepose.geometry import rotation
from mousepose.report.stick import Stick
from mousepose.types import Pose, State
from mousepose.view import shapes
from mousepose.view.shapes import UNIT

NAMES = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "NECK")


@pytest.mark.parametrize("make", [shapes.sphere, shapes.disc])
def test_meshes_name_their_own_vertices_and_look_outwards(make) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = make()
    assert faces.min() == 0 and faces.max() == len(vertices) - 1
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = corners.mean(axis=1) if make is shapes.sphere else np.array([0.0, 0.0, 1.0])
    assert ((normals * outwards).sum(axis=1) > -1e-12).all()


def test_regions_hold_nine_of_ten_points() -> None:
    random = np.random.default_rng(0)
    root = random.normal(0, 2, (3, 3))
    covariance = root @ root.T
    balls = shapes.regions(np.ones((1, 3)), covariance[None], np.array([State.SEEN], np.uint8))
    points = random.multivariate_normal(np.ones(3), covariance, 20_000) * UNIT
    turn = rotation.from_quaternion(balls.turns[0])
    assert np.linalg.det(turn) == pytest.approx(1.0)
    local = (points - balls.positions[0]) @ turn / balls.radii[0]
    assert (np.linalg.norm(local, axis=1) < 1).mean() == pytest.approx(0.9, abs=0.01)


def test_the_skin_is_that_of_the_body() -> None:
    body, random = default_body(), np.random.default_rng(0)
    rest = body.rest_pose()
    pose = Pose(
        random.normal(size=3), random.normal(size=3),
        random.normal(0, 0.4, rest.joint_rotation.shape), rest.shape + 0.1,
    )  # fmt: skip
    np.testing.assert_allclose(shapes.skin(body, pose), body.vertices(pose), atol=1e-9)
    with pytest.raises(ModelError, match="no skin"):
        shapes.skin(body.with_mesh(None), pose)


def test_what_is_not_known_is_not_drawn() -> None:
    points = np.arange(12.0).reshape(4, 3)
    points[3] = np.nan
    state = np.array([State.SEEN, State.SEEN, State.INFERRED, State.ABSENT], np.uint8)
    balls = shapes.joints(points, state)
    assert np.isfinite(balls.positions).all()
    assert balls.radii[3].max() == 0 < balls.radii[2].max() < balls.radii[0].max()
    colours = np.zeros((4, 3), np.uint8)
    whole, dashed = shapes.bones(Stick.of(NAMES), points, state, colours)
    np.testing.assert_allclose(whole[0], points[[[0, 1]]] * UNIT)
    # The dashes of a bone begin and end at its ends, and leave nearly half of it open.
    assert dashed[0].shape == (5, 2, 3) and dashed[1].shape == (5, 2, 3)
    np.testing.assert_allclose(dashed[0][[0, -1], [0, 1]], points[[1, 2]] * UNIT)
    drawn = np.linalg.norm(dashed[0][:, 1] - dashed[0][:, 0], axis=1).sum()
    assert 0.4 < drawn / np.linalg.norm((points[2] - points[1]) * UNIT) < 0.6
    unknown = shapes.regions(points, np.full((4, 3, 3), np.nan), state)
    assert unknown.radii.max() == 0
    assert len(shapes.way(points)) == 2


def test_inferred_points_are_pale() -> None:
    colours = np.array([[200, 0, 0], [200, 0, 0]], np.uint8)
    shown = shapes.paler(colours, np.array([State.SEEN, State.INFERRED], np.uint8))
    assert shown[0].tolist() == [200, 0, 0] and shown[1].min() > 170
    assert shapes.rgb("#0072B2") == (0, 114, 178)
