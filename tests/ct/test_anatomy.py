"""The parametric mouse: its parts follow the joints, grow with them and mirror with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy import Anatomy, anatomy_table, mouse_anatomy
from mousepose.ct.anatomy.anatomy_parts import part_solids, places
from mousepose.ct.anatomy.anatomy_solids import (
    Lattice,
    blended_at,
    blended_on,
    cones,
    ellipsoids,
    nearest_on,
    part_distances,
)
from mousepose.ct.anatomy.anatomy_spine import SpineCurve
from mousepose.ct.phantoms.phantom_pose import animal_shape, scan_pose
from mousepose.errors import ModelError
from mousepose.types import Floats, Pose

BODY = default_body()
NAMES = BODY.skeleton.joint_names


def drawn(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    return scan_pose(BODY, animal_shape(BODY, rng), rng)


def volume(field: np.ndarray, lattice: Lattice) -> float:
    """The volume inside a field, mm^3, its surface cutting voxels in part."""
    step = float(lattice.step[0])
    return float(np.clip(0.5 - field / step, 0, 1).sum()) * step**3


def skin_volume(anatomy: Anatomy, step: float) -> float:
    lattice = Lattice.around(*anatomy.box, step)
    return volume(anatomy.skin_field(lattice), lattice)


def test_a_cone_is_as_far_as_the_nearest_of_its_spheres() -> None:
    start, end = np.array([0.0, 1.0, 2.0]), np.array([4.0, -1.0, 3.0])
    points = np.random.default_rng(0).normal(0.0, 4.0, (200, 3))
    cone = cones(start[None], end[None], np.array([1.5]), np.array([0.4]))
    share = np.linspace(0.0, 1.0, 4001)[:, None]
    centres, radii = start + share * (end - start), 1.5 + share[:, 0] * (0.4 - 1.5)
    spheres = np.linalg.norm(points[:, None] - centres, axis=2) - radii
    assert np.allclose(part_distances(points, cone)[:, 0], spheres.min(axis=1), atol=1e-5)


def test_a_sphere_in_a_sphere_is_the_larger_one() -> None:
    cone = cones(np.zeros((1, 3)), np.array([[0.1, 0.0, 0.0]]), np.array([0.5]), np.array([2.0]))
    assert part_distances(np.array([[5.1, 0.0, 0.0]]), cone)[0, 0] == pytest.approx(3.0)


def test_an_ellipsoid_and_its_shell() -> None:
    axes, radii = np.eye(3)[None], np.array([[3.0, 2.0, 1.0]])
    points = np.array([[3.0, 0, 0], [0, 2.0, 0], [0, 0, -1.0], [0, 0, 1.001], [0.0, 0, 0]])
    full = part_distances(points, ellipsoids(np.zeros((1, 3)), axes, radii, np.zeros(1)))[:, 0]
    assert np.allclose(full[:4], [0, 0, 0, 0.001], atol=1e-6)
    assert full[4] == pytest.approx(-1.0)
    shell = part_distances(points, ellipsoids(np.zeros((1, 3)), axes, radii, np.array([0.3])))
    assert shell[4, 0] == pytest.approx(0.7)  # hollow
    assert shell[0, 0] == pytest.approx(0.0)


def test_fields_on_a_lattice_are_those_at_its_points() -> None:
    anatomy = mouse_anatomy(BODY, drawn(3))
    low, _ = anatomy.box
    lattice = Lattice(low + np.array([8.0, 8.0, 60.0]), np.array([0.7, 0.9, 0.8]), (12, 14, 40))
    at = np.stack(np.meshgrid(*(np.arange(n) for n in lattice.shape), indexing="ij"), axis=-1)
    points = (lattice.origin + at * lattice.step).reshape(-1, 3)
    bones = np.minimum(anatomy.bone_distance(points), 1.5).reshape(lattice.shape)
    assert np.allclose(anatomy.bone_field(lattice), bones, atol=1e-4)
    soft = blended_at(part_distances(points, anatomy.soft), anatomy.soft_blend)
    field = blended_on(lattice, anatomy.soft, anatomy.soft_blend)
    assert np.allclose(field, soft.reshape(lattice.shape), atol=2e-3)
    near = nearest_on(lattice, anatomy.bones, 0.5)
    assert near.max() == np.float32(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_joints_lie_in_the_bones_and_bones_in_the_skin(seed: int) -> None:
    pose = drawn(seed) if seed else BODY.rest_pose()
    anatomy = mouse_anatomy(BODY, pose, build=0.05 * (seed - 2))
    joints = BODY.joints(pose)
    inside = anatomy.bone_distance(joints)
    nose = NAMES.index("NOSE")
    assert (np.delete(inside, nose) < 0).all()
    assert 0.5 < inside[nose] < 2.5  # soft nose before the bone
    assert abs(anatomy.skin_distance(joints)[nose]) < 1.0
    surface = surface_points(anatomy)
    assert anatomy.skin_distance(surface).max() < 0


def surface_points(anatomy: Anatomy) -> Floats:
    """Points on the surface of the bones, near enough: those of a lattice just outside."""
    lattice = Lattice.around(*anatomy.box, 0.4)
    field = anatomy.bone_field(lattice)
    return np.asarray(lattice.origin + np.argwhere(np.abs(field) < 0.03) * lattice.step)


@pytest.mark.parametrize(("joint", "radius"), [("LEFT_HIP", 0.85), ("RIGHT_SHOULDER", 0.95)])
def test_round_heads_are_centred_on_hip_and_shoulder(joint: str, radius: float) -> None:
    pose = drawn(5)
    j = NAMES.index(joint)
    scale = BODY.bone_scale(pose.shape)[j + 1]  # the bone that begins there
    assert mouse_anatomy(BODY, pose).bone_distance(BODY.joints(pose)[j][None])[0] == pytest.approx(
        -radius * scale, rel=0.02
    )


def test_twice_the_size_is_eight_times_the_volume() -> None:
    size = np.zeros(len(BODY.shape_space))
    pose = replace(drawn(2), shape=size)
    size = size.copy()
    size[BODY.shape_space.names.index("size")] = np.log(2)
    small, large = mouse_anatomy(BODY, pose), mouse_anatomy(BODY, replace(pose, shape=size))
    # The blend radius does not grow, so that the flesh gains a little less or more.
    assert skin_volume(large, 1.2) == pytest.approx(8 * skin_volume(small, 0.6), rel=0.03)
    lattices = [Lattice.around(*a.box, step) for a, step in ((small, 0.3), (large, 0.6))]
    bones = [volume(a.bone_field(g), g) for a, g in zip((small, large), lattices, strict=True)]
    assert bones[1] == pytest.approx(8 * bones[0], rel=1e-3)


def test_a_mirrored_pose_has_mirrored_fields() -> None:
    rng = np.random.default_rng(4)
    pose = replace(drawn(4), root_rotation=np.zeros(3), root_translation=BODY.rest[0])
    left, right = mouse_anatomy(BODY, pose), mouse_anatomy(BODY, BODY.mirrored(pose))
    low, high = left.box
    points = rng.uniform(low, high, (3000, 3))
    reflected = points * np.array([1.0, -1.0, 1.0])
    assert np.allclose(left.bone_distance(points), right.bone_distance(reflected), atol=1e-9)
    assert np.allclose(left.skin_distance(points), right.skin_distance(reflected), atol=1e-9)


def test_the_anatomy_rides_with_the_animal() -> None:
    from mousepose.geometry import rotation

    pose = drawn(6)
    turn, shift = rotation.exp([0.3, -0.5, 0.9]), np.array([10.0, -3.0, 5.0])
    moved = replace(
        pose,
        root_rotation=rotation.log(turn @ rotation.exp(pose.root_rotation)),
        root_translation=turn @ pose.root_translation + shift,
    )
    points = np.random.default_rng(1).normal(0.0, 15.0, (500, 3))
    before = mouse_anatomy(BODY, pose).skin_distance(points)
    after = mouse_anatomy(BODY, moved).skin_distance(points @ turn.T + shift)
    assert np.allclose(before, after, atol=1e-8)


def test_the_rest_animal_is_an_adult_mouse() -> None:
    anatomy = mouse_anatomy(BODY, BODY.rest_pose())
    assert 20.0 < skin_volume(anatomy, 0.5) / 1000 < 25.5
    thick, thin = (mouse_anatomy(BODY, BODY.rest_pose(), build=b) for b in (0.1, -0.1))
    assert skin_volume(thick, 0.6) > 1.2 * skin_volume(thin, 0.6)


def test_the_spine_goes_through_its_joints_without_a_kink() -> None:
    pose = drawn(7)
    spine = SpineCurve.of(BODY, pose, anatomy_table()["spine"]["lengths"])
    assert np.allclose(spine.at(np.arange(7.0)).centre, spine.knots)
    before, after = spine.at(np.arange(1, 6) - 1e-6), spine.at(np.arange(1, 6) + 1e-6)
    assert np.allclose(before.axes, after.axes, atol=1e-4)
    assert np.allclose(before.share.sum(axis=1), 1)
    axes = spine.at(np.linspace(-0.2, 6.2, 50)).axes
    assert np.allclose(axes @ np.swapaxes(axes, 1, 2), np.eye(3))


#: Typical lengths (mm) of adult C57BL/6 mice, from end to end; those of the body's own bones run
#: from joint to joint, so that their ends stand out by their radii.
LENGTHS = {
    "braincase": (22.0, 23.5),
    "scapula": (10.0, 11.5),
    "humerus": (12.0, 13.5),
    "forearm": (13.5, 15.0),
    "pelvis": (18.0, 19.5),
    "femur": (15.5, 17.5),
    "shank": (17.0, 18.5),
    "hind_foot": (16.5, 18.0),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_bones_are_as_long_as_those_of_mice(name: str) -> None:
    part = anatomy_table()["bones"][name]
    solids = part_solids(part, next(iter(places(part, BODY, BODY.rest_pose()))))
    lattice = Lattice.around(solids.low.min(axis=0), solids.high.max(axis=0), 0.4)
    inside = lattice.origin + np.argwhere(nearest_on(lattice, solids, 1.0) < 0.1) * lattice.step
    directions = np.random.default_rng(0).normal(size=(3, 400))
    directions /= np.linalg.norm(directions, axis=0)
    longest = np.ptp(inside @ directions, axis=0).max()
    low, high = LENGTHS[name]
    assert low - 0.3 < longest < high + 0.3


def test_another_skeleton_is_refused(published_like: BodyModel) -> None:
    with pytest.raises(ModelError, match="TIP_TAIL"):
        mouse_anatomy(published_like, published_like.rest_pose())


@pytest.fixture
def published_like() -> BodyModel:
    """The default body without its tail."""
    from mousepose.body.model import Marks
    from mousepose.skeleton import PUBLISHED_SKELETON

    count = len(PUBLISHED_SKELETON.joint_names)
    return replace(
        BODY,
        mesh=None,
        skeleton=PUBLISHED_SKELETON,
        rest=BODY.rest[:count],
        free=BODY.free[:count],
        limits=BODY.limits[:count],
        keypoints=Marks.of_joints(PUBLISHED_SKELETON),
        shape_space=replace(BODY.shape_space, basis=BODY.shape_space.basis[:, :count]),
    )
