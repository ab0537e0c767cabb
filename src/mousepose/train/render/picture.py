"""A scene becomes a picture with its keypoints: what is seen where, shaded, developed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from mousepose.geometry.raster import Fragments, fragments
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.figures import LOOK, Surface, joined
from mousepose.train.render.lens import Lens, develop
from mousepose.train.render.lights import floor_shade
from mousepose.train.render.noise import noise_volume
from mousepose.train.render.room import FIRST, SECOND, THING, draw_room
from mousepose.train.render.scene import Scene
from mousepose.train.render.shading import shade
from mousepose.train.render.views import VIEWS, Eye
from mousepose.train.samples import BOX_KEYPOINTS, HIDDEN, VISIBLE, box_of_keypoints
from mousepose.types import Bytes, Floats

Image = NDArray[np.float32]

#: Depths (mm) beyond the nearest that count when looking how open a place is.
_RELIEF = 120.0
#: A wall farther away than this (mm) shows no mice.
_MIRROR_MM = 160.0
#: The back is not seen from farther below than this (sine of the angle).
_FROM_BELOW = -0.3
#: A mouse that covers less than this share of its box is not there for a detector.
_LEAST_COVERED = 0.12


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture (S, S) and what is known of the first mouse in it.

    `xy` (K, 2) px are its keypoints, `depth` (K,) mm how far away they are, `state` (K,) as in
    `Samples`, `length` px its body's; NaN and 0 where there is no mouse. `view` is the number of
    the view. `boxes` (M, 4) px hold every mouse. `owner` (samples x S, samples x S) says who is
    seen in each sample (`room.FIRST`, ...).
    """

    image: Bytes
    xy: Floats
    depth: Floats
    state: Bytes
    view: int
    length: float
    boxes: Floats
    owner: Bytes


def render(scene: Scene, lens: Lens, size: int, samples: int) -> Rendered:
    """Return the picture (size, size) of a scene, with `samples` x `samples` samples a pixel."""
    eye, side = _finer(scene.eye, samples), size * samples
    whole = joined([*(figure.surface for figure in scene.figures), *scene.things, _speck()])
    owners = _owners(scene)
    found = _seen(whole, eye, side)
    light, behind, owner = _room(scene, whole, owners, found, size, samples)
    open_ = _openness(np.minimum(found.depth[::2, ::2], behind[::2, ::2]))
    shade(found, whole, owners, eye.place, scene.lights, scene.bed, scene.fur, open_, behind,
          light, owner)  # fmt: skip
    if scene.view == "bottom":
        light = _through_floor(scene, eye, light)
    return _labelled(scene, found, eye, owner, samples, develop(light, lens, samples))


def _room(
    scene: Scene, whole: Surface, owners: Bytes, found: Fragments, size: int, samples: int
) -> tuple[Image, Image, Bytes]:
    """Return light, depth and owner (samples x size, samples x size) of what lies behind it all.

    One sample a pixel is enough there.
    """
    light = np.zeros((size, size), np.float32)
    behind = np.zeros((size, size), np.float32)
    owner = np.zeros((size, size), np.uint8)
    # only what is hidden in all samples of a pixel need not be drawn
    front = found.depth[::samples, ::samples].copy()
    for k in range(1, samples * samples):
        np.maximum(front, found.depth[k // samples :: samples, k % samples :: samples], out=front)
    eye, lights, middle = scene.eye, scene.lights, _middle(scene)
    draw_room(
        eye.place, eye.turn, eye.matrix, scene.room.figures, scene.floor.levels,
        floor_shade(whole.vertices, whole.faces, lights, middle), middle, lights.ambient,
        lights.camera, lights.lamps, noise_volume(), _in_wall(scene, eye, whole, owners, size),
        front, scene.bed.deep_mm, light, behind, owner,
    )  # fmt: skip
    return _repeated(light, samples), _repeated(behind, samples), _repeated(owner, samples)


def _middle(scene: Scene) -> Floats:
    """Return the place (2,) on the floor about which shadows are drawn: the first mouse's."""
    if not scene.figures:
        return np.zeros(2)
    return np.asarray(scene.figures[0].pose.root_translation[:2], np.float64)


def _repeated(image: NDArray[Any], times: int) -> NDArray[Any]:
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _labelled(
    scene: Scene, found: Fragments, eye: Eye, owner: Bytes, samples: int, image: Bytes
) -> Rendered:
    points = len(KEYPOINT_NAMES)
    view = VIEWS[scene.view][1]
    boxes = _boxes(scene, owner, samples)
    if not scene.figures:
        xy, depth = np.full((points, 2), np.nan), np.full(points, np.nan)
        return Rendered(image, xy, depth, np.zeros(points, np.uint8), view, np.nan, boxes, owner)
    first = scene.figures[0]
    xy, depth = scene.eye.project(first.keypoints)
    tolerance = drawn_animal().tolerance + first.padding_mm
    state = _states(found, eye.project(first.keypoints)[0], depth - tolerance, owner)
    towards = eye.place - first.keypoints
    above = (towards * first.up).sum(axis=1) > _FROM_BELOW * np.linalg.norm(towards, axis=1)
    state[drawn_animal().dorsal & ~above] = HIDDEN
    middle = first.keypoints[BOX_KEYPOINTS].mean(axis=0)
    away = scene.eye.project(middle[None])[1][0]
    length = first.length_mm * scene.eye.matrix[0, 0] / away
    return Rendered(image, xy, depth, state, view, float(length), boxes, owner)


def _boxes(scene: Scene, owner: Bytes, samples: int) -> Floats:
    """Return the boxes (M, 4) of the mice of which enough is seen, the first mouse first."""
    boxes = []
    for who, figure in zip((FIRST, SECOND), scene.figures, strict=False):
        box = box_of_keypoints(scene.eye.project(figure.keypoints)[0])
        area = float(np.prod(box[2:] - box[:2])) * samples**2
        if np.count_nonzero(owner == who) >= _LEAST_COVERED * area:
            boxes.append(box)
    return np.array(boxes).reshape(-1, 4)


def _states(found: Fragments, xy: Floats, reach: Floats, owner: Bytes) -> Bytes:
    """Return which keypoints lie beneath skin that is seen at their place or beside it.

    The skin may lie no nearer than `reach` (K,) mm to the camera.
    """
    side = len(owner)
    at = np.rint(xy).astype(np.int64)
    state = np.full(len(xy), HIDDEN, np.uint8)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            x, y = (at + [dx, dy]).T
            inside = (x >= 0) & (y >= 0) & (x < side) & (y < side)
            x, y = np.clip(x, 0, side - 1), np.clip(y, 0, side - 1)
            near = found.depth[y, x] >= reach
            state[inside & near & (owner[y, x] == FIRST)] = VISIBLE
    return state


def _finer(eye: Eye, samples: int) -> Eye:
    """Return the camera whose pixels are the samples of `eye`'s."""
    matrix = eye.matrix.copy()
    matrix[:2, :2] *= samples
    matrix[:2, 2] = (matrix[:2, 2] + 0.5) * samples - 0.5
    return Eye(eye.place, eye.turn, matrix)


def _speck() -> Surface:
    """Return a triangle that nobody sees, so that there is always a mesh."""
    return Surface(
        np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((1, 3), np.int64), np.zeros((3, 3)),
        np.zeros((3, len(LOOK))),
    )  # fmt: skip


def _owners(scene: Scene) -> Bytes:
    """Return for each face of the scene's surfaces whose it is."""
    mice = [figure.surface for figure in scene.figures]
    named = [*((m, FIRST if k == 0 else SECOND) for k, m in enumerate(mice)),
             *((thing, THING) for thing in [*scene.things, _speck()])]  # fmt: skip
    return np.concatenate([np.full(len(s.faces), owner, np.uint8) for s, owner in named])


def _seen(surface: Surface, eye: Eye, side: int) -> Fragments:
    xy, depth = eye.project(surface.vertices)
    return fragments(xy, depth, surface.faces, (side, side))


def _openness(depth: Image) -> Image:
    """Return the share of light from everywhere (2 H, 2 W) that reaches what has a depth (H, W).

    Less where the surroundings in the picture are nearer (Luft et al. 2006, unsharp depth).
    """
    flat = np.minimum(depth, depth.min() + _RELIEF)
    sunk = np.clip(flat - gaussian_filter(flat, 4.0, truncate=2.5), 0, None)
    open_ = np.exp(-sunk / 9.0).astype(np.float32)
    return _repeated(open_, 2)


def _in_wall(scene: Scene, eye: Eye, whole: Surface, owners: Bytes, side: int) -> Image:
    """Return the light of mice and things in the nearest mirroring wall; 0 where none is."""
    light = np.zeros((side, side), np.float32)
    room = scene.room
    walls = [(-1.0, 0, room.low_x), (1.0, 0, room.high_x), (-1.0, 1, room.low_y),
             (1.0, 1, room.high_y)]  # fmt: skip
    _, axis, at = min(walls, key=lambda wall: abs(wall[2]))
    if room.wall_mirror == 0 or abs(at) > _MIRROR_MM:
        return light
    cosine, sine = np.cos(room.turn), np.sin(room.turn)
    normal = np.array([cosine, sine, 0.0]) if axis == 0 else np.array([-sine, cosine, 0.0])
    vertices = whole.vertices + 2 * (at - whole.vertices @ normal)[:, None] * normal
    normals = whole.normals - 2 * (whole.normals @ normal)[:, None] * normal
    mirrored = replace(whole, vertices=vertices, normals=normals)
    found = _seen(mirrored, eye, side)
    everywhere = np.ones((side, side), np.float32)
    shade(found, mirrored, owners, eye.place, scene.lights, scene.bed, scene.fur, everywhere,
          everywhere * np.float32(1e9), light, np.zeros((side, side), np.uint8))  # fmt: skip
    return light


def _through_floor(scene: Scene, eye: Eye, light: Image) -> Image:
    """Return the light that a camera below sees through a glass or meshed floor."""
    if scene.grid is not None:
        side = len(light)
        row, column = np.mgrid[:side, :side]
        ray = np.stack([
            (column - eye.matrix[0, 2]) / eye.matrix[0, 0],
            (row - eye.matrix[1, 2]) / eye.matrix[1, 1], np.ones((side, side)),
        ], axis=-1) @ eye.turn  # fmt: skip
        hit = eye.place[:2] - eye.place[2] / np.maximum(ray[..., 2:], 1e-3) * ray[..., :2]
        at = hit[..., ::-1].transpose(2, 0, 1) / scene.grid.mm_per_texel
        pattern = map_coordinates(scene.grid.levels[1, ..., 0], at, order=1, mode="grid-wrap")
        light = light * np.clip(1 + scene.room.grid * (pattern - 1), 0.1, 1.6).astype(np.float32)
    return np.asarray(light + np.float32(scene.room.veil * (scene.lights.ambient + 0.5)))
