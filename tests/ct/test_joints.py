"""The joints in a scan: against a phantom's truth, on every side, and where there are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the extra ct is not installed")

from ct.phantoms import coarse_phantom, coarse_segmentation
from mousepose.body.default import default_body
from mousepose.ct.anatomy.anatomy import anatomy_table
from mousepose.ct.anatomy.anatomy_solids import Lattice
from mousepose.ct.anatomy.anatomy_spine import SpineCurve
from mousepose.ct.joints.joints import EXTRA_NAMES, locate_joints
from mousepose.ct.joints.joints_atlas import hind_pieces
from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.joints_fit import fit_limb
from mousepose.ct.joints.joints_pelvis import find_pelvis
from mousepose.ct.joints.joints_ribs import find_chest
from mousepose.ct.joints.joints_start import limb_turns, turn_between
from mousepose.ct.joints.joints_surface import BoneSurface
from mousepose.ct.joints.spine_levels import Spine
from mousepose.ct.joints.spine_trace import Way
from mousepose.ct.phantoms.phantom_faults import faulty
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.types import NamedPoints, Volume
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.skeleton import MOUSE_SKELETON, mirrored_name
from mousepose.types import Floats

LIMBS = tuple(name for name in MOUSE_SKELETON.joint_names if name.startswith(("LEFT_", "RIGHT_")))


@cache
def found_joints() -> NamedPoints:
    return locate_joints(coarse_segmentation())


def errors(found: NamedPoints) -> dict[str, float]:
    truth = coarse_phantom().joints
    gap = np.linalg.norm(found.points[: len(truth)] - truth, axis=1)
    return dict(zip(MOUSE_SKELETON.joint_names, gap.tolist(), strict=True))


def test_joints_lie_where_the_phantom_has_them() -> None:
    found = found_joints()
    assert found.names == (*MOUSE_SKELETON.joint_names, *EXTRA_NAMES)
    gap = errors(found)
    assert np.nanmedian(list(gap.values())) < 0.5
    assert max(gap[name] for name in LIMBS) < 2.5
    assert max(gap[name] for name in ("NECK", "SPINE_MID", "SPINE_HIP", "NOSE")) < 2.0


def test_left_and_right_are_not_swapped() -> None:
    found, truth = found_joints(), coarse_phantom().joints
    for name in LIMBS:
        point = found.points[found.names.index(name)]
        own = truth[MOUSE_SKELETON.index(name)]
        other = truth[MOUSE_SKELETON.index(mirrored_name(name))]
        assert np.linalg.norm(point - own) < np.linalg.norm(point - other)


def test_a_tail_outside_the_scan_is_not_made_up() -> None:
    found = found_joints()
    for name in ("MID_TAIL", "TIP_TAIL"):
        place = found.names.index(name)
        assert np.isnan(found.points[place]).all()
        assert found.confidence[place] == 0
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    assert found.confidence[found.names.index("LEFT_KNEE")] > 0.5


def test_without_a_skull_there_are_no_joints() -> None:
    found = segment(faulty(coarse_phantom().volume, "hind half"))
    with pytest.raises(InputError, match="no skull"):
        locate_joints(found)


def test_a_turn_takes_directions_and_planes_along() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3))
    turn = rotation.exp(rng.normal(size=3))
    np.testing.assert_allclose(
        turn_between(first, second, 2 * turn @ first, 3 * turn @ second), turn, atol=1e-9
    )
    straight = turn_between(first, first, turn @ first, turn @ first)
    assert bool(rotation.is_rotation(straight))
    np.testing.assert_allclose(straight @ first, turn @ first, atol=1e-9)


def test_a_limb_is_fitted_to_its_own_bones() -> None:
    body = default_body()
    pieces = hind_pieces(body, "LEFT")
    size, place = 1.05, np.array([3.0, -2.0, 5.0])
    turn = rotation.exp(np.array([0.3, -0.2, 0.5]))
    hip, far = pieces[0].pivot, np.random.default_rng(0)

    def moved(points: np.ndarray) -> np.ndarray:
        return np.asarray(place + size * (points - hip) @ turn.T)

    truth = moved(np.array([hip, *(piece.end for piece in pieces[1:])]))
    points = moved(np.concatenate([piece.surface for piece in pieces]))
    start = truth + far.normal(0, 0.5, truth.shape)
    turns = limb_turns(pieces, start, turn)
    # a field of nothing: only the points draw
    nothing = np.full((2, 2, 2), 99.0, dtype=np.float32)
    no_way = np.zeros((3, 2, 2, 2), dtype=np.float32)
    surface = BoneSurface(points, nothing, no_way, place, voxel_mm=0.2)
    fit = fit_limb(pieces, surface, start[0], turns, np.ones(4))
    np.testing.assert_allclose(fit.nodes[1:], truth, atol=0.25)
    np.testing.assert_allclose(fit.scales[1:3], size, rtol=0.02)


@cache
def truth_of_bones() -> tuple[BoneField, Spine, dict[str, Floats]]:
    """The bone of a posed mouse as a fine field, its true spine, and its true joints by name."""
    phantom = coarse_phantom()
    names = phantom.body.skeleton.joint_names
    joints = dict(zip(names, phantom.joints, strict=True))
    trunk = np.array([joints[name] for name in ("NECK", "SPINE_MID", "ROOT_TAIL")])
    lattice = Lattice.around(trunk.min(axis=0) - 12, trunk.max(axis=0) + 12, 0.25)
    bone = phantom.anatomy.bone_field(lattice) < 0
    matrix = np.diag([0.25, 0.25, 0.25, 1.0])
    matrix[:3, 3] = lattice.origin
    lengths = anatomy_table()["spine"]["lengths"]
    curve = SpineCurve.of(phantom.body, phantom.pose, lengths)
    at = curve.at(curve.even(0.0, 4.0, int(curve.lengths[:4].sum())))
    field = BoneField.of(Volume(bone.astype(np.int16), matrix), bone)
    return field, Spine(Way(at.centre, np.ones(len(at.centre))), at.axes), joints


def test_ribs_tell_the_ends_of_the_chest() -> None:
    field, spine, joints = truth_of_bones()
    names = ("NECK", "SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP")
    truth = np.array([joints[name] for name in names])
    moved = truth.copy()
    for k, far in ((1, 1.0), (2, -1.0)):  # half a rib and more, to either side
        _, along = spine.nearest(truth[k : k + 1])
        moved[k] += far * spine.frames[along[0], 0]
    found = find_chest(field, spine, moved)
    assert np.linalg.norm(found.first - truth[1]) < 0.3
    assert np.linalg.norm(found.last - truth[2]) < 0.3
    assert found.sure > 0.8
    blank = BoneField(np.full((4, 4, 4), 0.1, np.float32), truth.min(axis=0) - 100, 100.0)
    assert find_chest(blank, spine, moved).sure < 0.1


def test_the_pelvis_is_found_from_beside_it() -> None:
    _, spine, joints = truth_of_bones()
    hips = [joints["LEFT_HIP"], joints["RIGHT_HIP"]]
    _, along = spine.nearest(np.mean(hips, axis=0)[None])
    off = 2.0 * spine.frames[along[0], 0]
    body = coarse_phantom().body
    found = find_pelvis(coarse_segmentation(), body, spine, [hip + off for hip in hips], 1.0)
    assert found is not None
    for side, hip in zip(("LEFT", "RIGHT"), hips, strict=True):
        assert np.linalg.norm(found.hips[side] - hip) < 0.2
    assert np.linalg.norm(found.spine_hip - joints["SPINE_HIP"]) < 0.2
    size = body.bone_scale(coarse_phantom().pose.shape)[body.skeleton.index("LEFT_HIP")]
    assert found.scale == pytest.approx(size, rel=0.02)
    nowhere = [hip + np.array([0.0, 0.0, 500.0]) for hip in hips]
    assert find_pelvis(coarse_segmentation(), body, spine, nowhere, 1.0) is None


def test_a_field_of_coarser_blocks_holds_as_much_bone() -> None:
    bone = np.zeros((41, 40, 43), bool)
    bone[13:23, 15:25, 10:33] = True
    matrix = np.diag([0.1, 0.2, 0.1, 1.0])
    field = BoneField.of(Volume(bone.astype(np.int16), matrix), bone)
    assert field.density.sum() * field.step**3 == pytest.approx(bone.sum() * 0.002, rel=0.03)
    middle = np.array([(13 + 22) / 2 * 0.1, (15 + 24) / 2 * 0.2, (10 + 32) / 2 * 0.1])
    cells = np.argwhere(field.density > 0) * field.step + field.origin
    weight = field.density[field.density > 0]
    np.testing.assert_allclose(np.average(cells, axis=0, weights=weight), middle, atol=0.02)
