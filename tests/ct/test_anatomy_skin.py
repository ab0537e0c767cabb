"""The template skin: closed, symmetric, on the flesh, with weights that a body can be posed by."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.ct.anatomy.anatomy import mouse_anatomy
from mousepose.ct.anatomy.flesh_flip import flipped
from mousepose.ct.anatomy.flesh_skin import template_skin
from mousepose.errors import ModelError

BODY = default_body()
MIRROR = np.array([1.0, -1.0, 1.0])

pytest.importorskip("fast_simplification", reason="the extra ct decimates meshes with it")


@cache
def skin() -> Mesh:
    return template_skin(BODY, vertices=3000, step_mm=0.5)


def half_edges(faces: np.ndarray) -> np.ndarray:
    return np.stack([faces.ravel(), np.roll(faces, -1, axis=1).ravel()], axis=1)


def angles(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = points[faces]
    sides = np.roll(corners, -1, axis=1) - corners
    back = -np.roll(sides, 1, axis=1)
    cross = np.linalg.norm(np.cross(sides, back), axis=2)
    return np.asarray(np.degrees(np.arctan2(cross, (sides * back).sum(axis=2))))


def test_it_is_closed_and_one_sphere() -> None:
    there = half_edges(skin().faces)
    unique = np.unique(there, axis=0)
    assert len(unique) == len(there)
    assert np.array_equal(unique, np.unique(there[:, ::-1], axis=0))
    assert len(skin().vertices) - len(there) // 2 + len(skin().faces) == 2
    assert set(np.unique(skin().faces)) == set(range(len(skin().vertices)))
    assert abs(len(skin().vertices) - 3000) < 100


def test_it_counts_from_outside_and_lies_on_the_flesh() -> None:
    a, b, c = skin().vertices[skin().faces].transpose(1, 0, 2)
    litres = float((a * np.cross(b, c)).sum() / 6) / 1000
    assert 20 < litres < 25.5
    away = mouse_anatomy(BODY, BODY.rest_pose()).skin_distance(skin().vertices)
    assert np.abs(away).max() < 0.1
    assert np.median(np.abs(away)) < 0.005


def test_its_triangles_are_fair() -> None:
    smallest = angles(skin().vertices, skin().faces).min(axis=1)
    assert np.median(smallest) > 30
    assert (smallest < 10).mean() < 0.01


def test_left_is_right() -> None:
    vertices, weights = skin().vertices, skin().weights
    order = np.lexsort(np.round(vertices, 6).T)
    reflected = vertices * MIRROR
    other = np.lexsort(np.round(reflected + 0.0, 6).T)
    assert np.allclose(vertices[order], reflected[other], atol=1e-6)
    partner = np.array(BODY.skeleton.mirror)
    assert np.allclose(weights[order], weights[other][:, partner], atol=1e-6)


def test_four_bones_at_most_move_a_vertex() -> None:
    assert (np.count_nonzero(skin().weights, axis=1) <= 4).all()
    name = BODY.skeleton.joint_names
    tip = skin().vertices[:, 0].argmin()
    nose = skin().vertices[:, 0].argmax()
    assert name[skin().weights[tip].argmax()] == "TIP_TAIL"
    assert name[skin().weights[nose].argmax()] == "NOSE"


def test_a_posed_body_wears_it() -> None:
    body = BODY.with_mesh(skin())
    pose = body.rest_pose()
    assert np.allclose(body.vertices(pose), skin().vertices)
    bent = pose.joint_rotation.copy()
    for side in ("LEFT", "RIGHT"):
        bent[body.skeleton.index(f"{side}_KNEE"), 1] = 0.5
    bent[body.skeleton.index("SPINE_HIP"), 1] = -0.4
    pose = replace(pose, joint_rotation=bent)
    away = mouse_anatomy(body, pose).skin_distance(body.vertices(pose))
    assert np.median(np.abs(away)) < 0.3  # provisional weights


def test_a_body_that_does_not_stand_on_its_midplane() -> None:
    with pytest.raises(ModelError, match="midplane"):
        template_skin(replace(BODY, axes=np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])))


def test_flips_make_a_bad_pair_good_and_leave_the_border() -> None:
    points = np.array([[0.0, 0, 0], [4, 0, 0], [2, 0.5, 0], [2, -0.5, 0]])
    faces = np.array([[0, 1, 2], [1, 0, 3]])
    turned = flipped(points, faces)
    assert {frozenset(face) for face in turned.tolist()} == {
        frozenset({0, 2, 3}),
        frozenset({1, 2, 3}),
    }
    assert angles(points, turned).min() > angles(points, faces).min()
    normal = np.cross(*(points[turned[:, k]] - points[turned[:, 0]] for k in (1, 2)))
    assert (normal[:, 2] > 0).all()
    folded = points + np.array([0.0, 0, 1]) * np.array([0, 0, 1.0, 1.0])[:, None]
    assert np.array_equal(flipped(folded, faces), faces)  # a sharp fold stays
