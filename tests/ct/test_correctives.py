"""Flesh that gives way is found again; what nothing moves stays."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel, Marks
from mousepose.body.shape import ShapeSpace
from mousepose.ct.anatomy.correctives import learn_bulges, moved_to_skin
from mousepose.errors import InputError
from mousepose.skeleton import Skeleton
from mousepose.types import Floats, Pose


def tube(length: float = 60.0, rings: int = 31, around: int = 24) -> Mesh:
    """A closed tube of radius 6 along x that hangs on two bones, which meet in its middle."""
    x = np.linspace(-length / 2, length / 2, rings)
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.stack([np.zeros(around), np.cos(angle), np.sin(angle)], axis=1)
    sides = (6.0 * ring[None] + np.stack([x, 0 * x, 0 * x], axis=1)[:, None]).reshape(-1, 3)
    vertices = np.concatenate([sides, [[x[0], 0, 0], [x[-1], 0, 0]]])
    faces = []
    for k in range(rings - 1):
        for i in range(around):
            a, b = k * around + i, k * around + (i + 1) % around
            faces += [(a, a + around, b), (b, a + around, b + around)]
    last = (rings - 1) * around
    for i in range(around):
        j = (i + 1) % around
        faces += [(len(sides), i, j), (len(sides) + 1, last + j, last + i)]
    second = 1 / (1 + np.exp(-vertices[:, 0] / 3))
    return Mesh(vertices, np.array(faces), np.stack([1 - second, second], axis=1))


@pytest.fixture
def arm() -> BodyModel:
    skeleton = Skeleton(("ROOT", "END"), (-1, 0))
    free = np.array([[False] * 3, [True] * 3])
    limits = np.zeros((2, 3, 2))
    limits[1] = -1.5, 1.5
    return BodyModel(
        "arm", skeleton, np.array([[0.0, 0, 0], [30, 0, 0]]), free, limits,
        Marks.of_joints(skeleton), ShapeSpace(("size",), np.ones((1, 2)), np.array([0.1])),
        tube(),
    )  # fmt: skip


def bent(angle: float, size: float = 0.0) -> Pose:
    turn = np.array([[0.0, 0, 0], [0, 0, angle]])
    return Pose(np.zeros(3), np.zeros(3), turn, np.array([size]))


def normal_distance(body: BodyModel, pose: Pose, away: Floats, points: Floats) -> Floats:
    """How far points, vertex by vertex, lie outside of a skin that is `away` mm off the body's."""
    assert body.mesh is not None
    posed = Mesh(body.vertices(pose), body.mesh.faces, body.mesh.weights)
    return ((points - posed.vertices) * posed.normals).sum(axis=1) - away


def test_a_bulge_that_goes_with_a_joint_is_found(arm: BodyModel) -> None:
    assert arm.mesh is not None
    near = np.exp(-((arm.mesh.vertices[:, 0] / 12) ** 2))
    angles = np.linspace(-1.2, 1.2, 21)
    random = np.random.default_rng(0)
    poses = [bent(float(a)) for a in random.permutation(angles)]
    skins = [
        partial(normal_distance, arm, pose, 1.5 * pose.joint_rotation[1, 2] * near)
        for pose in poses
    ]
    learned = learn_bulges(arm, poses, skins, 2, 5)
    assert learned.before > 0.2
    assert learned.after < 0.1 * learned.before


def test_growth_is_carried_back_to_rest_at_the_size_of_rest(arm: BodyModel) -> None:
    assert arm.mesh is not None
    sides = slice(0, -2)
    for size in (0.0, 0.2):
        pose = bent(0.6, size)
        skin = partial(normal_distance, arm, pose, np.full(len(arm.mesh.vertices), 0.8))
        moved = moved_to_skin(arm, pose, skin)
        out = (moved * arm.mesh.normals).sum(axis=1)[sides]
        assert np.median(out) == pytest.approx(0.8 * np.exp(-size), abs=0.05)


def test_what_is_far_away_is_another_part(arm: BodyModel) -> None:
    assert arm.mesh is not None
    skin = partial(normal_distance, arm, bent(0.0), np.full(len(arm.mesh.vertices), 9.0))
    np.testing.assert_array_equal(moved_to_skin(arm, bent(0.0), skin), 0.0)


def test_too_few_poses_are_told(arm: BodyModel) -> None:
    with pytest.raises(InputError, match="more poses than bulges"):
        learn_bulges(arm, [bent(0.1)] * 3, [lambda p: p[:, 0]] * 3, 2, 1)
    with pytest.raises(InputError, match="no skin"):
        learn_bulges(replace(arm, mesh=None), [], [], 1, 1)


def test_the_default_skin_is_sound() -> None:
    """Closed, left and right alike, four bones a vertex, of a mouse's volume, bones inside it."""
    from mousepose.ct.statistics.rig import mirror_partners
    from mousepose.ct.surfaces.surface_measure import measured
    from mousepose.ct.types import Surface

    body = default_body()
    mesh = body.mesh
    assert mesh is not None
    surface = Surface(mesh.vertices, mesh.faces)
    measures = measured(surface)
    assert measures.watertight
    assert 24_000 < measures.volume_mm3 < 29_000
    assert ((mesh.weights > 0).sum(axis=1) <= 4).all()
    partner = mirror_partners(surface, body)
    assert partner is not None
    np.testing.assert_allclose(mesh.vertices[partner] * [1, -1, 1], mesh.vertices, atol=0.02)
    assert mesh.coat is not None
    assert 1.5 < mesh.coat.max() < 4
