"""The joints in a scan: against a phantom's truth, on every side, and where there are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the extra ct is not installed")

from ct.phantoms import coarse_phantom, coarse_segmentation
from mousepose.body.default import default_body
from mousepose.ct.joints.joints import EXTRA_NAMES, locate_joints
from mousepose.ct.joints.joints_atlas import hind_pieces
from mousepose.ct.joints.joints_fit import fit_limb
from mousepose.ct.joints.joints_start import limb_turns, turn_between
from mousepose.ct.joints.joints_surface import BoneSurface
from mousepose.ct.phantoms.phantom_faults import faulty
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.types import NamedPoints
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.skeleton import MOUSE_SKELETON, mirrored_name

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
    surface = BoneSurface(points, nothing, np.zeros((3, 2, 2, 2), dtype=np.float32), place)
    fit = fit_limb(pieces, surface, start[0], turns, np.ones(4))
    np.testing.assert_allclose(fit.nodes[1:], truth, atol=0.25)
    np.testing.assert_allclose(fit.scales[1:3], size, rtol=0.02)
