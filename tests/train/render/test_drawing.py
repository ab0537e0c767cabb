"""Parts of the renderer: fragments, textures, lens, postures, things."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError, UnknownNameError
from mousepose.geometry.raster import fragments
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.figures import COATS, draw_dress, stand
from mousepose.train.render.lens import binned, develop, draw_lens
from mousepose.train.render.lights import draw_lights, floor_shade
from mousepose.train.render.noise import turbulence
from mousepose.train.render.picture import render
from mousepose.train.render.textures import SIDE, floor_textures, texel
from mousepose.train.render.things import furniture
from train.render.scenes import CLEAR, SIZE, camera_of, sampler, scene


def test_shares_of_a_fragment_give_the_place_that_is_seen() -> None:
    drawn = scene(3, "side")
    surface, camera = drawn.figures[0].surface, camera_of(drawn.eye, SIZE)
    xy, depth = drawn.eye.project(surface.vertices)
    found = fragments(xy, depth, surface.faces, (SIZE, SIZE))
    y, x = np.nonzero(found.face >= 0)
    share = found.shares[y, x]
    weights = np.column_stack([share, 1 - share.sum(axis=1)])
    corners = surface.vertices[surface.faces[found.face[y, x]]]
    place = (weights[..., None] * corners).sum(axis=1)
    assert np.allclose(camera.project(place), np.column_stack([x, y]), atol=1e-2)
    assert np.allclose(camera.to_camera(place)[:, 2], found.depth[y, x], rtol=1e-5)


def test_floors_repeat_without_a_seam() -> None:
    for texture in floor_textures():
        albedo = texture.levels[-1, ..., 0]
        step = np.abs(np.diff(albedo, axis=0)).mean()
        assert np.abs(albedo[0] - albedo[-1]).mean() < 2.5 * step + 1e-3, texture.name
        one, other = np.empty(4), np.empty(4)
        texel(texture.levels, 0, 3.25, 7.5, one)
        texel(texture.levels, 0, 3.25 - 2 * SIDE, 7.5 + SIDE, other)
        assert np.allclose(one, other, atol=1e-4)


def test_even_light_is_an_even_picture() -> None:
    picture = develop(np.full((2 * SIZE, 2 * SIZE), 0.3, np.float32), CLEAR, 2)
    assert picture.shape == (SIZE, SIZE)
    assert np.ptp(picture) == 0


def test_samples_are_averaged_over_their_pixel() -> None:
    fine = np.random.default_rng(0).random((6, 6)).astype(np.float32)
    expected = fine.reshape(2, 3, 2, 3).mean(axis=(1, 3))
    assert np.allclose(binned(fine, 3), expected)


def test_few_pixels_and_jpeg_do_not_move_a_picture() -> None:
    spot = np.zeros((2 * SIZE, 2 * SIZE), np.float32)
    spot[50:70, 30:50] = 1
    row, column = np.mgrid[:SIZE, :SIZE]
    for lens in (CLEAR, replace(CLEAR, pixels=SIZE // 2), replace(CLEAR, jpeg=60, blur=1.0)):
        picture = develop(spot, lens, 2).astype(float)
        middle = np.array([(row * picture).sum(), (column * picture).sum()]) / picture.sum()
        assert np.allclose(middle, [29.5, 19.5], atol=0.4)


@pytest.mark.parametrize("seed", range(8))
def test_mice_stand_on_the_floor_within_their_limits(seed: int) -> None:
    random, animal = np.random.default_rng(seed), drawn_animal()
    pose = sampler().draw(random)
    limits = animal.body.limits
    assert (pose.joint_rotation[1:18] >= limits[1:18, :, 0] - 1e-9).all()
    assert (pose.joint_rotation[1:18] <= limits[1:18, :, 1] + 1e-9).all()
    figure = stand(animal, pose, draw_dress(random, "agouti"), np.zeros(2), 0.3)
    lowest = figure.surface.vertices[:, 2].min()
    assert -1.0 < lowest < 0.5
    assert np.allclose(np.linalg.norm(figure.surface.normals, axis=1), 1, atol=1e-6)


def test_a_coat_is_as_bright_as_its_name() -> None:
    random = np.random.default_rng(0)
    mean = {c: np.mean([draw_dress(random, c).fur for _ in range(40)]) for c in COATS}
    assert mean["albino"] > 2 * mean["agouti"] > 2 * mean["black"]


def test_a_shadow_lies_on_the_far_side_of_the_lamp() -> None:
    drawn = scene(1, "top")
    surface = drawn.figures[0].surface
    lights = replace(drawn.lights, lamps=np.array([[0.7, 0.0, 0.7, 1.0]]), softness=2.0)
    shade = floor_shade(surface.vertices, surface.faces, lights, np.zeros(2))
    _, x = np.mgrid[: shade.shape[1], : shade.shape[2]]
    away, under = ((x * s).sum() / s.sum() for s in shade)
    assert away < under - 1
    assert shade.min() >= 0
    assert shade.max() <= 1.01
    assert not shade[:, :, -1].any()


def test_an_empty_scene_has_no_labels() -> None:
    drawn = replace(scene(2, "oblique"), figures=[])
    rendered = render(drawn, CLEAR, SIZE, 1)
    assert np.isnan(rendered.xy).all()
    assert not rendered.state.any()
    assert rendered.boxes.shape == (0, 4)


def test_things_keep_clear_of_the_mouse() -> None:
    for seed in range(12):
        for thing in furniture(np.random.default_rng(seed), 3):
            low = thing.vertices[thing.vertices[:, 2] < 20]
            assert not len(low) or np.linalg.norm(low[:, :2], axis=1).min() > 5


def test_noise_is_smooth_and_repeats() -> None:
    points = np.random.default_rng(0).uniform(-50, 50, (500, 3))
    near = turbulence(points + 0.01) - turbulence(points)
    assert np.abs(near).max() < 0.3
    assert np.allclose(turbulence(points + 64), turbulence(points), atol=1e-4)


def test_lights_and_lenses_stay_in_range() -> None:
    for seed in range(50):
        random = np.random.default_rng(seed)
        lights, lens = draw_lights(random, seed % 2 == 0), draw_lens(random, SIZE)
        assert np.allclose(np.linalg.norm(lights.lamps[:, :3], axis=1), 1)
        assert lens.pixels >= 0.3 * SIZE
        assert 0 < lens.white <= 1.2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"views": {"top": 0}}, "at least one view"),
        ({"coats": {"black": -1}}, "black: expected a weight"),
        ({"second_mouse": 1.5}, "second_mouse: expected a share"),
        ({"samples": 9}, "samples: expected 1 to 4"),
    ],
)
def test_settings_that_mean_nothing_are_told(settings: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        RenderConfig(**settings)  # type: ignore[arg-type]


def test_an_unknown_view_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownNameError, match="unknown view 'left'; known: bottom, oblique"):
        RenderConfig(views={"left": 1.0})
