"""Laws of skin weights: shares of one whole, four bones, alike on both sides, and nearby bones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ct.skins import capsule_mouse, capsules, turned
from mousepose.body.model import BodyModel
from mousepose.ct.registration.deform_mesh import mesh_edges
from mousepose.ct.statistics.rig import MOST_BONES, cleaned, mirror_partners, skin_weights
from mousepose.ct.types import Surface
from mousepose.errors import InputError
from mousepose.types import Floats


@pytest.fixture(scope="module")
def mouse() -> BodyModel:
    return capsule_mouse()


def skin_of(body: BodyModel) -> Surface:
    assert body.mesh is not None
    return Surface(body.mesh.vertices, body.mesh.faces)


def weights_of(body: BodyModel) -> Floats:
    assert body.mesh is not None
    return body.mesh.weights


def test_weights_are_shares_of_at_most_four_bones(mouse: BodyModel) -> None:
    weights = weights_of(mouse)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    assert (weights > 0).sum(axis=1).max() <= MOST_BONES


def test_weights_change_smoothly_along_the_skin(mouse: BodyModel) -> None:
    surface, weights = skin_of(mouse), weights_of(mouse)
    edges = mesh_edges(surface.faces)
    length = np.linalg.norm(np.diff(surface.vertices[edges], axis=1)[:, 0], axis=1)
    jump = np.abs(np.diff(weights[edges], axis=1)[:, 0]).max(axis=1)
    assert np.percentile(jump[length > 0.3] / length[length > 0.3], 99) < 0.4  # per mm


def test_limbs_follow_their_own_bones(mouse: BodyModel) -> None:
    surface, weights = skin_of(mouse), weights_of(mouse)
    names = mouse.skeleton.joint_names
    for name in ("LEFT_HIND_PAW", "RIGHT_FORE_PAW", "NOSE", "TIP_TAIL"):
        joint = names.index(name)
        near = np.argsort(np.linalg.norm(surface.vertices - mouse.rest[joint], axis=1))[:8]
        assert weights[near, joint].min() > 0.8, name


def test_the_belly_follows_the_spine(mouse: BodyModel) -> None:
    surface, weights = skin_of(mouse), weights_of(mouse)
    middle = mouse.rest[mouse.skeleton.index("SPINE_MID")]
    belly = np.abs(surface.vertices - middle)[:, :2].max(axis=1) < 2.5
    belly &= surface.vertices[:, 2] < middle[2]
    assert belly.sum() > 3
    limbs = [j for j, n in enumerate(mouse.skeleton.joint_names) if "KNEE" in n or "PAW" in n]
    assert weights[belly][:, limbs].sum(axis=1).max() < 0.05


def test_a_symmetric_skin_has_symmetric_weights(mouse: BodyModel) -> None:
    half = skin_of(mouse)
    mirror = np.array([1.0, -1.0, 1.0])
    both = Surface(
        np.concatenate([half.vertices, half.vertices * mirror]),
        np.concatenate([half.faces, half.faces[:, ::-1] + len(half.vertices)]),
    )
    partner = mirror_partners(both, mouse)
    assert partner is not None
    weights = skin_weights(both, mouse)
    np.testing.assert_allclose(weights[partner], weights[:, list(mouse.skeleton.mirror)], atol=1e-9)
    lopsided = Surface(half.vertices + [0, 3.0, 0], half.faces)
    assert mirror_partners(lopsided, mouse) is None


def test_a_twisted_limb_keeps_its_girth(mouse: BodyModel) -> None:
    surface = skin_of(mouse)
    twist = replace(
        mouse.rest_pose(), joint_rotation=turned(mouse, LEFT_KNEE=(55, 0, 0), TIP_TAIL=(0, 0, 80))
    )
    posed = Surface(mouse.vertices(twist), surface.faces)
    corners = [s.vertices[s.faces] for s in (surface, posed)]
    area = [np.linalg.norm(np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]), axis=1) for c in corners]
    volume = [np.einsum("fi,fi->", c[:, 0], np.cross(c[:, 1], c[:, 2])) / 6 for c in corners]
    assert volume[1] == pytest.approx(volume[0], rel=0.04)
    large = area[0] > 0.1
    assert np.percentile(area[1][large] / area[0][large], 1) > 0.2  # no candy-wrapper's neck


@given(st.integers(0, 1000), st.integers(1, 12))
def test_cleaning_keeps_shares(seed: int, bones: int) -> None:
    random = np.random.default_rng(seed)
    weights = cleaned(random.dirichlet(np.full(bones, 0.5), 20) + 1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-9)
    assert (weights >= 0).all()
    assert (weights > 0).sum(axis=1).max() <= MOST_BONES


def test_equal_weights_stay_some() -> None:
    np.testing.assert_allclose(cleaned(np.full((1, 8), 0.125)).sum(), 1)


def test_a_skin_elsewhere_is_refused(mouse: BodyModel) -> None:
    surface = skin_of(mouse)
    with pytest.raises(InputError, match="rest pose and axes"):
        skin_weights(Surface(surface.vertices + [0, 0, 200.0], surface.faces), mouse)
    with pytest.raises(InputError, match="no inside"):
        skin_weights(Surface(surface.vertices, surface.faces[:2]), mouse)


def test_capsules_are_counted_from_outside(mouse: BodyModel) -> None:
    surface = capsules(mouse, mouse.rest_pose(), 2.5)
    corners = surface.vertices[surface.faces]
    assert np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0
