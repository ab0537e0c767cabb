"""Bodies and poses that the body tests share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.types import Pose

MakePose = Callable[..., Pose]


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return default_body()


@pytest.fixture(scope="session")
def skinned(body: BodyModel) -> BodyModel:
    """The default body in a cloud of 200 triangle corners, each on two or three bones."""
    random = np.random.default_rng(5)
    joints = len(body.rest)
    weights = random.random((200, joints))
    weights[weights < np.sort(weights, axis=1)[:, [-3]]] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    vertices = body.rest[weights.argmax(axis=1)] + random.normal(0, 4, (200, 3))
    return body.with_mesh(Mesh(vertices, np.arange(198).reshape(-1, 3), weights))


@pytest.fixture(scope="session")
def make_pose() -> MakePose:
    """Give random poses of a body: anywhere, bent by about `sd` rad at every joint."""

    def make(body: BodyModel, *batch: int, seed: int = 0, sd: float = 0.5) -> Pose:
        random = np.random.default_rng(seed)
        joint_rotation = random.normal(0, sd, (*batch, len(body.rest), 3))
        joint_rotation[..., 0, :] = 0
        return Pose(
            root_rotation=random.normal(0, 1, (*batch, 3)),
            root_translation=random.normal(0, 100, (*batch, 3)),
            joint_rotation=joint_rotation,
            shape=random.normal(0, 1, len(body.shape_space)) * body.shape_space.sd,
        )

    return make
