"""Labels are true: where keypoints are, who is seen, what a mirror does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.geometry.raster import silhouette
from mousepose.skeleton import KEYPOINT_NAMES, mirrored_name
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.figures import draw_dress, stand
from mousepose.train.render.picture import render
from mousepose.train.render.room import FIRST
from mousepose.train.render.views import Eye
from mousepose.train.samples import HIDDEN, VISIBLE, box_of_keypoints, crop_of_box
from mousepose.types import Floats
from train.render.scenes import CLEAR, SIZE, camera_of, sampler, scene

PARTNER = [KEYPOINT_NAMES.index(mirrored_name(name)) for name in KEYPOINT_NAMES]
VIEWS = ("top", "oblique", "side", "bottom")


@pytest.mark.parametrize("view", VIEWS)
def test_keypoints_are_the_body_projected(view: str) -> None:
    drawn = scene(4, view)
    figure = drawn.figures[0]
    points = drawn_animal().body.keypoints_of(figure.pose)
    free = points[:, 2] > 0.8  # what would lie under the floor lies on it
    assert free[:18].all()
    rendered = render(drawn, CLEAR, SIZE, 2)
    camera = camera_of(drawn.eye, SIZE)
    assert np.allclose(rendered.xy[free], camera.project(points[free]), atol=1e-6)
    assert np.allclose(rendered.depth[free], camera.to_camera(points[free])[:, 2], atol=1e-6)


@pytest.mark.parametrize("view", VIEWS)
def test_the_mouse_covers_its_silhouette(view: str) -> None:
    drawn = scene(5, view)
    rendered = render(drawn, CLEAR, SIZE, 1)
    surface = drawn.figures[0].surface
    expected = silhouette(surface.vertices, surface.faces, camera_of(drawn.eye, SIZE))
    assert np.array_equal(rendered.owner == FIRST, expected)


def hits(origin: Floats, towards: Floats, corners: Floats) -> Floats:
    """How far along rays (N, 3) the first triangle of (F, 3, 3) is, as a share of their length."""
    a, e, g = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    nearest = np.full(len(towards), np.inf)
    for k, ray in enumerate(towards):
        p = np.cross(ray, g)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / (e * p).sum(axis=1)
            s = origin - a
            u = (s * p).sum(axis=1) * inverse
            q = np.cross(s, e)
            v = (q @ ray) * inverse
            t = (g * q).sum(axis=1) * inverse
            inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
        nearest[k] = t[inside].min() if inside.any() else np.inf
    return nearest


@pytest.mark.parametrize(("seed", "view"), [(1, "top"), (2, "side"), (3, "bottom")])
def test_who_is_seen_agrees_with_casting_rays(seed: int, view: str) -> None:
    drawn = scene(seed, view)
    rendered = render(drawn, CLEAR, SIZE, 2)
    figure, eye = drawn.figures[0], drawn.eye
    corners = figure.surface.vertices[figure.surface.faces]
    tolerance = drawn_animal().tolerance + figure.padding_mm
    fine = (rendered.xy + 0.5) * 2 - 0.5
    steps = np.array([[x, y] for x in (-1, 0, 1) for y in (-1, 0, 1)])
    sample = (np.rint(fine)[:, None] + steps).reshape(-1, 2)
    inside = ((sample >= 0) & (sample < 2 * SIZE)).all(axis=1).reshape(-1, 9)
    pixel = (sample + 0.5) / 2 - 0.5
    flat = (pixel - eye.matrix[:2, 2]) / eye.matrix[[0, 1], [0, 1]]
    rays = np.column_stack([flat, np.ones(len(flat))]) @ eye.turn
    first = hits(eye.place, rays, corners).reshape(-1, 9)  # rays have depth 1
    near = np.isfinite(first) & (rendered.depth[:, None] - first <= tolerance[:, None])
    sight = eye.place - figure.keypoints
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    above = (sight * figure.up).sum(axis=1) > -0.3 * np.linalg.norm(figure.up, axis=1)
    seen = (near & inside).any(axis=1) & (above | ~drawn_animal().dorsal)
    expected = np.where(seen, VISIBLE, HIDDEN)
    assert np.array_equal(rendered.state, expected)
    assert set(expected) == {HIDDEN, VISIBLE}


def test_a_mirrored_scene_has_mirrored_labels() -> None:
    """Exactly: but for the fur's noise, which knows left from right, and the walls."""
    drawn = scene(7, "oblique")
    animal, random = drawn_animal(), np.random.default_rng(7)
    pose = sampler().draw(random)
    dress = replace(draw_dress(random, "black"), tuft_mm=0.0)
    one = stand(animal, pose, dress, np.array([3.0, 5.0]), 0.7)
    other = stand(animal, animal.body.mirrored(pose), dress, np.array([3.0, -5.0]), -0.7)
    flip = np.diag([1.0, -1.0, 1.0])
    eye = drawn.eye
    matrix = eye.matrix.copy()
    matrix[0, 2] = SIZE - 1 - matrix[0, 2]
    turn = np.diag([-1.0, 1.0, 1.0]) @ eye.turn @ flip
    mirrored_eye = Eye(flip @ eye.place, turn, matrix)
    seen = render(replace(drawn, figures=[one]), CLEAR, SIZE, 2)
    mirrored = render(replace(drawn, figures=[other], eye=mirrored_eye), CLEAR, SIZE, 2)
    back = mirrored.xy[PARTNER] * [-1, 1] + [SIZE - 1, 0]
    assert np.allclose(back, seen.xy, atol=0.02)
    assert (mirrored.state[PARTNER] == seen.state).mean() > 0.9
    masks = (seen.owner == FIRST, mirrored.owner[:, ::-1] == FIRST)
    assert (masks[0] & masks[1]).sum() > 0.97 * (masks[0] | masks[1]).sum()


def test_a_crop_is_about_its_mouse() -> None:
    for seed in range(6):
        drawn = scene(seed, "oblique")
        centre, side = crop_of_box(box_of_keypoints(render(drawn, CLEAR, SIZE, 1).xy))
        assert (np.abs(centre - (SIZE - 1) / 2) <= 0.08 * side + 1e-6).all()
        assert SIZE / 1.25 - 1e-6 <= side <= SIZE / 0.8 + 1e-6


def test_the_body_length_is_not_foreshortened() -> None:
    """From the front the picture is short, its length in px is not."""
    drawn = scene(2, "side")
    figure = drawn.figures[0]
    lengths = []
    for heading in (0.0, np.pi / 2):
        turned = stand(
            drawn_animal(), replace(figure.pose, root_translation=np.zeros(3)),
            draw_dress(np.random.default_rng(2), "albino"), np.zeros(2), heading,
        )  # fmt: skip
        lengths.append(render(replace(drawn, figures=[turned]), CLEAR, SIZE, 1).length)
    assert np.ptp(lengths) < 0.2 * max(lengths)
