"""Laws of bodies laid on scans: known poses, skins and lengths come back, and unposing undoes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ct.skins import capsule_mouse, capsules, turned
from mousepose.body.model import BodyModel
from mousepose.ct.registration.deform_mesh import surface_distance
from mousepose.ct.registration.register_body import BODY_CONFIG, part_shares, register_body
from mousepose.ct.registration.register_pose import fit_pose, with_bone_lengths
from mousepose.ct.registration.unpose import unpose
from mousepose.ct.types import NamedPoints
from mousepose.errors import InputError, ModelError
from mousepose.geometry import rotation
from mousepose.types import Floats, Pose

LYING = {
    "SPINE_HIP": (0.0, -15.0, 12.0), "NOSE": (0.0, -15.0, 5.0), "LEFT_KNEE": (20.0, 30.0, 10.0),
    "RIGHT_KNEE": (-15.0, -20.0, 0.0), "RIGHT_HIND_PAW": (0.0, 20.0, 0.0),
    "LEFT_ELBOW": (20.0, -50.0, 0.0), "LEFT_FORE_PAW": (0.0, 30.0, 0.0),
    "MID_TAIL": (0.0, 10.0, 40.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def mouse() -> BodyModel:
    return capsule_mouse()


def lying(body: BodyModel, shape: Floats | None = None) -> Pose:
    """As in a scanner: nose along +z, belly to +y."""
    to_ras = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    return Pose(
        rotation.log(rotation.exp(np.array([0.05, -0.1, 0.08])) @ to_ras),
        np.array([3.0, -5.0, 40.0]),
        turned(body, **LYING),
        body.shape_space.mean if shape is None else shape,
    )


def named(body: BodyModel, points: Floats) -> NamedPoints:
    return NamedPoints(body.skeleton.joint_names, points, np.ones(len(points)))


def test_unposing_undoes_posing(mouse: BodyModel) -> None:
    assert mouse.mesh is not None
    shape = np.array([0.08, -0.03, 0.02, 0.04, 0.01, -0.05])
    pose = lying(mouse, shape)
    rest = mouse.mesh.vertices + np.random.default_rng(0).normal(0, 0.5, mouse.mesh.vertices.shape)
    other = mouse.with_mesh(replace(mouse.mesh, vertices=rest))
    np.testing.assert_allclose(unpose(mouse, pose, other.vertices(pose)), rest, atol=1e-9)


def test_unposing_undoes_bulges_too(mouse: BodyModel) -> None:
    assert mouse.mesh is not None
    random = np.random.default_rng(1)
    shape = mouse.mesh.vertices.shape
    fleshed = mouse.with_mesh(
        replace(
            mouse.mesh, bulges=random.normal(0, 0.3, (2, *shape)),
            drivers=random.normal(0, 1, (2, len(mouse.rest), 3)),
        )
    )  # fmt: skip
    pose = lying(fleshed)
    back = unpose(fleshed, pose, fleshed.vertices(pose))
    np.testing.assert_allclose(back, mouse.mesh.vertices, atol=1e-9)


def test_a_fold_has_no_way_back(mouse: BodyModel) -> None:
    assert mouse.mesh is not None
    pose = replace(mouse.rest_pose(), joint_rotation=turned(mouse, LEFT_FORE_PAW=(180, 0, 0)))
    back = unpose(mouse, pose, mouse.vertices(pose) + 0.3)
    assert np.linalg.norm(back - mouse.mesh.vertices, axis=1).max() < 0.3 * np.sqrt(3) / 0.25 + 1e-9
    folded = turned(mouse, **{name: (180, 0, 0) for name in mouse.skeleton.joint_names[1::2]})
    with pytest.raises(ModelError, match="folds"):
        unpose(mouse, replace(pose, joint_rotation=folded), mouse.vertices(pose))
    with pytest.raises(ModelError, match="expected the"):
        unpose(mouse, pose, np.zeros((5, 3)))
    with pytest.raises(ModelError, match="no skin"):
        unpose(mouse.with_mesh(None), pose, np.zeros((5, 3)))


def test_the_pose_and_lengths_of_joints_come_back(mouse: BodyModel) -> None:
    shape = np.array([0.08, -0.03, 0.02, 0.04, 0.01, -0.05])
    pose = lying(mouse, shape)
    joints = mouse.joints(pose)
    found = fit_pose(mouse, named(mouse, joints))
    assert found.residual.max() < 0.2
    true = np.linalg.norm(mouse.bone_vectors, axis=1) * mouse.bone_scale(shape)
    np.testing.assert_allclose(found.bone_lengths, true, atol=0.15)
    np.testing.assert_allclose(found.shape, shape, atol=0.02)
    limits = mouse.limits
    assert (found.pose.joint_rotation > limits[..., 0] - 0.1).all()
    assert (found.pose.joint_rotation < limits[..., 1] + 0.1).all()


def test_moved_joints_move_the_pose(mouse: BodyModel) -> None:
    joints = mouse.joints(lying(mouse))
    turn = rotation.exp(np.array([0.3, 1.1, -0.6]))
    here = fit_pose(mouse, named(mouse, joints))
    there = fit_pose(mouse, named(mouse, joints @ turn.T + 25.0))
    expected = here.body.joints(here.pose) @ turn.T + 25.0
    np.testing.assert_allclose(there.body.joints(there.pose), expected, atol=0.02)
    np.testing.assert_allclose(there.bone_lengths, here.bone_lengths, atol=0.02)


def test_a_cut_tail_is_not_made_up(mouse: BodyModel) -> None:
    joints = mouse.joints(lying(mouse))
    joints[-2:] = np.nan
    found = fit_pose(mouse, named(mouse, joints))
    assert np.isnan(found.residual[-2:]).all()
    own = np.linalg.norm(mouse.bone_vectors, axis=1)
    np.testing.assert_allclose(found.bone_lengths, own, atol=0.5)
    joints[3:] = np.nan
    with pytest.raises(InputError, match="3 of the body's joints are known"):
        fit_pose(mouse, named(mouse, joints))


def test_every_bone_gets_a_length_of_its_own(mouse: BodyModel) -> None:
    wide = with_bone_lengths(mouse)
    shape = np.zeros(len(wide.shape_space))
    shape[wide.shape_space.names.index("length of NOSE")] = 0.3
    scale = wide.bone_scale(shape)
    nose = mouse.skeleton.index("NOSE")
    assert scale[nose] == pytest.approx(np.exp(0.3))
    np.testing.assert_allclose(np.delete(scale, nose), 1)


def test_parts_share_the_skin(mouse: BodyModel) -> None:
    assert mouse.mesh is not None
    shares = part_shares(mouse, mouse.mesh)
    assert shares.shape[1] == 6
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares.max(axis=0) > 0.99).all()


def test_a_body_is_laid_on_a_fatter_one(mouse: BodyModel) -> None:
    assert mouse.mesh is not None
    shape = np.array([0.05, -0.02, 0.0, 0.03, 0.0, 0.0])
    pose = lying(mouse, shape)
    skin = capsules(mouse, pose, 1.0, thicker=1.1)
    seen: list[float] = []
    quick = [replace(level, steps=5) for level in BODY_CONFIG.levels[:2]]
    found = register_body(
        mouse,
        skin,
        named(mouse, mouse.joints(pose)),
        config=replace(BODY_CONFIG, levels=tuple(quick)),
        progress=lambda _, share: seen.append(share),
    )
    assert np.median(found.error) < 0.1
    assert (found.matched > 0).mean() > 0.95
    assert not found.notes
    assert seen[-1] == pytest.approx(1)
    np.testing.assert_allclose(
        found.body.vertices(found.pose).mean(axis=0), found.vertices.mean(axis=0), atol=1.0
    )
    # Unposed it is the template, fatter by a tenth of the flesh.
    fat = capsules(mouse, mouse.rest_pose(), 1.0, thicker=1.1)
    assert np.median(surface_distance(found.rest_vertices, fat)) < 0.25
    assert np.median(surface_distance(mouse.mesh.vertices, fat)) > 0.3


def test_what_cannot_be_laid_on_is_told(mouse: BodyModel) -> None:
    pose = lying(mouse)
    skin = capsules(mouse, pose, 2.5)
    joints = mouse.joints(pose)
    with pytest.raises(ModelError, match="no skin to lay"):
        register_body(mouse.with_mesh(None), skin, named(mouse, joints))
    with pytest.raises(ModelError, match="something else"):
        register_body(mouse, skin, named(mouse, joints + 300.0))


def test_measured_lengths_are_drawn_to_nothing(mouse: BodyModel) -> None:
    shape = np.array([0.2, 0.0, 0.0, -0.15, 0.0, 0.0])
    there = lying(mouse, shape)
    joints = named(mouse, mouse.joints(there))
    missing = mouse.skeleton.index("RIGHT_KNEE")
    joints.points[missing] = np.nan
    unsure = mouse.skeleton.index("LEFT_KNEE")
    joints.confidence[unsure] = 0.5
    found = fit_pose(mouse, joints)
    true = np.linalg.norm(mouse.bone_vectors, axis=1) * mouse.bone_scale(shape)
    known = np.isfinite(found.measured)
    np.testing.assert_allclose(found.measured[known], true[known], atol=1e-9)
    gone = {missing, mouse.skeleton.index("RIGHT_HIND_PAW")}
    assert set(np.flatnonzero(~known)) == gone
    assert np.isnan(found.measured_sd[list(gone)]).all()
    assert found.measured_sd[unsure] > 1.5 * found.measured_sd[mouse.skeleton.index("LEFT_ELBOW")]
