"""One scene at random: mice, room, light, camera; nothing is drawn yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mousepose.train.render.animal import Animal
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.figures import Figure, Surface, draw_dress, stand
from mousepose.train.render.lights import Lights, draw_lights
from mousepose.train.render.postures import PostureSampler
from mousepose.train.render.room import Room
from mousepose.train.render.shading import Bed
from mousepose.train.render.textures import Texture, floor_textures
from mousepose.train.render.things import bars, ear_tag, furniture, tether
from mousepose.train.render.views import Eye, crop_eye, draw_eye, frame_eye
from mousepose.types import Floats

_BEDDING = ("pellets", "chips", "cob", "paper", "shavings")
#: A mouse is at least so far from a wall, mm.
_CLOSE = 40.0
_PLAIN = ("plastic", "wood", "cloth", "belt", "plate", "wires")


@dataclass(frozen=True, eq=False)
class Scene:
    """All there is to draw. `figures` are the mice, the first the one that counts.

    `fur` (4,) is as in `shading.shade`; `grid` is what one looks through from below, if anything.
    """

    view: str
    eye: Eye
    figures: list[Figure]
    things: list[Surface]
    room: Room
    floor: Texture
    lights: Lights
    bed: Bed
    fur: Floats
    grid: Texture | None


def _chosen(random: np.random.Generator, weights: Mapping[str, float]) -> str:
    shares = np.array(list(weights.values()), np.float64)
    return str(random.choice(list(weights), p=shares / shares.sum()))


def draw_scene(
    random: np.random.Generator, animal: Animal, postures: PostureSampler, config: RenderConfig,
    size: int, *, window: tuple[Floats, Floats] | None = None,
) -> Scene:  # fmt: skip
    """Return a random scene for a crop of `size` px.

    With a `window` (low and high corner, px) it is one for a whole frame in which that window will
    be seen; it may be empty.
    """
    frame = window is not None
    view = _chosen(random, config.views)
    pose = postures.draw(random)
    first = stand(
        animal, pose, draw_dress(random, _chosen(random, config.coats)), np.zeros(2),
        random.uniform(0, 2 * np.pi),
    )  # fmt: skip
    middle = first.surface.vertices[animal.grounded].mean(axis=0)
    eye = draw_eye(random, view, middle)
    if window is None:
        eye = crop_eye(random, eye, first.keypoints, size)
    else:
        eye = frame_eye(random, eye, first.keypoints, window)
    figures = [first]
    if random.random() < config.second_mouse:
        figures.append(_companion(random, animal, postures, config, middle, frame))
    if frame and random.random() < config.empty_frames:
        figures = []
    below = view == "bottom"
    things = furniture(random, int(random.integers(1, 4))) if _is(random, config.furniture) else []
    if _is(random, config.bars):
        things.append(bars(random, eye, middle))
    if figures and _is(random, config.tether):
        things.append(tether(random, first.keypoints))
    if figures and _is(random, config.ear_tag):
        things.append(ear_tag(random, first.keypoints))
    floor = _floor(random)
    lights = draw_lights(random, below)
    away = float(eye.project(middle[None])[1][0])
    room = _room(random, floor, below, size * away / eye.matrix[0, 0] if frame else None)
    deep = random.uniform(1.0, 6.0) if floor.loose and not below and _is(random, 0.8) else 0.0
    return Scene(
        view=view, eye=eye, figures=figures, things=things, room=room, floor=floor, lights=lights,
        bed=Bed(room.floor, deep, room.mm_per_texel, room.offset, floor.levels),
        fur=np.array([
            random.uniform(0.35, 0.8), random.uniform(0.0, 0.1), random.uniform(0.0, 0.1),
            random.uniform(0.0, 1.2),
        ]),
        grid=_grid(random) if below and _is(random, 0.25) else None,
    )  # fmt: skip


def _is(random: np.random.Generator, share: float) -> bool:
    return bool(random.random() < share)


def _companion(
    random: np.random.Generator, animal: Animal, postures: PostureSampler, config: RenderConfig,
    middle: Floats, frame: bool,
) -> Figure:  # fmt: skip
    """Return another mouse that sits beside the first, often touching it."""
    turn = random.uniform(0, 2 * np.pi)
    away = random.uniform(34, 220 if frame else 95)
    place = middle[:2] + away * np.array([np.cos(turn), np.sin(turn)])
    dress = draw_dress(random, _chosen(random, config.coats))
    return stand(animal, postures.draw(random), dress, place, random.uniform(0, 2 * np.pi))


def _floor(random: np.random.Generator) -> Texture:
    names = _BEDDING if random.random() < 0.5 else _PLAIN
    name = str(random.choice(names))
    fitting = [texture for texture in floor_textures() if texture.name == name]
    return fitting[int(random.integers(len(fitting)))]


def _grid(random: np.random.Generator) -> Texture:
    name = str(random.choice(["wires", "belt", "belt"]))
    return next(texture for texture in floor_textures() if texture.name == name)


def _walls(random: np.random.Generator, across_mm: float | None) -> list[float]:
    """Return where four walls stand about a mouse at 0: low and high x, low and high y.

    A whole frame that is `across_mm` wide shows most of its room.
    """
    wide = random.random() < 0.35
    walls = []
    for _ in range(2):
        if across_mm is None or random.random() < 0.2:
            reach = (120, 600) if wide else (40, 230)
            low, high = random.uniform(*reach, 2)
        else:
            long = max(across_mm * random.uniform(0.45, 1.4), 160.0)
            low = float(np.clip(random.random() * long, _CLOSE, long - _CLOSE))
            high = long - low
        walls += [-low, high]
    return walls


def _room(
    random: np.random.Generator, floor: Texture, below: bool, across_mm: float | None
) -> Room:
    low_x, high_x, low_y, high_y = _walls(random, across_mm)
    dark = random.random() < 0.6
    clear = random.random() < 0.5
    reach = random.uniform(0.0, 0.0035)
    turn = random.uniform(0, 2 * np.pi)
    return Room(
        low_x=low_x, high_x=high_x, low_y=low_y, high_y=high_y,
        wall_mm=random.uniform(60, 350), turn=random.uniform(0, np.pi),
        floor=float(np.exp(random.uniform(np.log(0.03), np.log(0.85)))),
        floor_contrast=random.uniform(0.35, 1.1), floor_relief=random.uniform(1.0, 9.0),
        mm_per_texel=floor.mm_per_texel * random.uniform(0.7, 1.4), offset=random.uniform(0, 384),
        wall=float(np.exp(random.uniform(np.log(0.02), np.log(0.8)))),
        wall_clear=random.uniform(0.4, 0.95) if clear else 0.0,
        wall_mirror=random.uniform(0.05, 0.45) if clear or random.random() < 0.2 else 0.0,
        beyond=random.uniform(0.0, 0.04) if dark else float(np.exp(random.uniform(-4.0, -0.7))),
        beyond_contrast=random.uniform(0.2, 1.0),
        veil=random.uniform(0.0, 0.06) if below else 0.0, grid=random.uniform(0.1, 0.45),
        slope_x=reach * np.cos(turn), slope_y=reach * np.sin(turn),
    )  # fmt: skip
