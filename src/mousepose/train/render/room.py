"""What lies behind the mice: a floor with its texture, walls, and what is beyond them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.train.render.lights import CELLS, REACH_MM
from mousepose.train.render.noise import noise_at
from mousepose.train.render.textures import texel
from mousepose.types import Floats

Image = NDArray[np.float32]

#: Who owns a pixel.
BEYOND, FLOOR, WALL, THING, FIRST, SECOND = 0, 1, 2, 3, 4, 5

#: The figures of a room in the order in which the compiled code reads them.
_FIELDS = (
    "low_x", "high_x", "low_y", "high_y", "wall_mm", "turn", "floor", "floor_contrast",
    "floor_relief", "mm_per_texel", "offset", "wall", "wall_clear", "wall_mirror", "beyond",
    "beyond_contrast", "slope_x", "slope_y",
)  # fmt: skip
(
    _LOW_X, _HIGH_X, _LOW_Y, _HIGH_Y, _WALL_MM, _TURN, _FLOOR, _FLOOR_CONTRAST, _FLOOR_RELIEF,
    _MM_PER_TEXEL, _OFFSET, _WALL, _WALL_CLEAR, _WALL_MIRROR, _BEYOND, _BEYOND_CONTRAST, _SLOPE_X,
    _SLOPE_Y,
) = range(len(_FIELDS))  # fmt: skip


@dataclass(frozen=True)
class Room:
    """A box about the mouse. Lengths in mm, angles in rad, the others are shares and factors.

    `low_x` ... are where its walls stand from the world's origin, in axes turned by `turn`;
    `floor` and `wall` are reflectances, `wall_clear` and `wall_mirror` the shares of light that
    pass walls and that they mirror; `beyond` is the light from outside. `slope_x`, `slope_y` say
    how the light grows across the floor. Seen from below, `veil` is the haze on a glass floor and
    `grid` how strong a mesh in it is.
    """

    low_x: float
    high_x: float
    low_y: float
    high_y: float
    wall_mm: float
    turn: float
    floor: float
    floor_contrast: float
    floor_relief: float
    mm_per_texel: float
    offset: float
    wall: float
    wall_clear: float
    wall_mirror: float
    beyond: float
    beyond_contrast: float
    veil: float
    grid: float
    slope_x: float
    slope_y: float

    @property
    def figures(self) -> Floats:
        """Return the figures as the compiled code reads them."""
        return np.array([getattr(self, name) for name in _FIELDS], np.float64)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _between(image: Image, x: float, y: float) -> float:  # pragma: no cover - compiled
    """Return an image's value between its cells, linear."""
    ix, iy = int(x), int(y)
    fx, fy = x - ix, y - iy
    low = image[iy, ix] * (1 - fx) + image[iy, ix + 1] * fx
    high = image[iy + 1, ix] * (1 - fx) + image[iy + 1, ix + 1] * fx
    return float(low * (1 - fy) + high * fy)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _floor_light(
    x: float, y: float, ray: Floats, away: float, room: Floats, levels: Image, shade: Image,
    middle: Floats, ambient: float, camera: float, lamps: Floats, here: Floats,
) -> float:  # fmt: skip  # pragma: no cover - compiled
    """Return the light that comes from a place of the floor, `away` mm per image pixel."""
    scale = room[_MM_PER_TEXEL]
    level = 0 if away < 1.7 * scale else 1 if away < 4.0 * scale else 2
    level = level if away < 10.0 * scale else 3
    u, v = x / scale + room[_OFFSET], y / scale + 1.7 * room[_OFFSET]
    texel(levels, level, u, v, here)
    albedo = room[_FLOOR] * (1 + room[_FLOOR_CONTRAST] * (here[0] - 1))
    nx, ny = -room[_FLOOR_RELIEF] * here[1], -room[_FLOOR_RELIEF] * here[2]
    size = 1 / np.sqrt(nx * nx + ny * ny + 1)
    cx = (x - middle[0] + REACH_MM) * CELLS / (2 * REACH_MM) - 0.5
    cy = (y - middle[1] + REACH_MM) * CELLS / (2 * REACH_MM) - 0.5
    inside = cx >= 0 and cy >= 0 and cx < CELLS - 1 and cy < CELLS - 1
    last = len(lamps)
    dim = _between(shade[last], cx, cy) if inside else 0.0
    light = ambient * (1 - dim)
    for k in range(last):
        facing = (nx * lamps[k, 0] + ny * lamps[k, 1] + lamps[k, 2]) * size
        if facing > 0:
            dark = _between(shade[k], cx, cy) if inside else 0.0
            light += lamps[k, 3] * facing * (1 - dark)
    towards = -(nx * ray[0] + ny * ray[1] + ray[2]) * size
    light += camera * max(towards, 0.0)
    slope = 1 + room[_SLOPE_X] * (x - middle[0]) + room[_SLOPE_Y] * (y - middle[1])
    return float(max(albedo, 0.0) * light * min(max(slope, 0.2), 2.5))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _clutter(ray: Floats, room: Floats, volume: Image) -> float:  # pragma: no cover - compiled
    """Return how bright what lies beyond the room is: soft, with steps as of edges."""
    x, y, z = ray[0], ray[1] + 0.1 * room[_OFFSET], ray[2]
    soft = noise_at(volume, 3 * x + 9, 3 * y, 3 * z + 5)
    steps = np.floor(2.5 * noise_at(volume, 6 * x, 4 * y + 3, 9 * z)) / 2.5
    fine = noise_at(volume, 40 * x, 40 * y, 40 * z)
    return float(max(1 + room[_BEYOND_CONTRAST] * (0.6 * soft + 0.5 * steps + 0.1 * fine), 0.0))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _wall_light(
    px: float, py: float, rx: float, ry: float, ray: Floats, leaves: float, up: float,
    across_x: bool, haze: float, room: Floats, levels: Image, shade: Image, middle: Floats,
    ambient: float, camera: float, lamps: Floats, here: Floats, volume: Image, on_floor: float,
) -> float:  # fmt: skip  # pragma: no cover - compiled
    """Return the light from a wall that a ray meets `leaves` along it, `up` mm above the floor.

    (`px`, `py`) and (`rx`, `ry`) are camera and ray in the room's axes; the ray would meet the
    floor `on_floor` along it.
    """
    light = ambient + 0.6 * camera + 0.4 * lamps[:, 3].sum()
    dirt = noise_at(volume, 0.06 * (px + leaves * rx), 0.06 * (py + leaves * ry), 0.06 * up)
    plain = room[_WALL] * light * (1 + 0.06 * dirt) * (0.75 + 0.25 * min(up / 60.0, 1.0))
    value = (1 - room[_WALL_CLEAR]) * plain + room[_WALL_CLEAR] * haze
    if room[_WALL_MIRROR] > 0 and on_floor < 1e8:
        # the floor's image in the wall lies where the ray would meet it beyond the wall
        gx, gy = px + on_floor * rx, py + on_floor * ry
        if across_x:
            gx = 2 * (room[_HIGH_X] if rx > 0 else room[_LOW_X]) - gx
        else:
            gy = 2 * (room[_HIGH_Y] if ry > 0 else room[_LOW_Y]) - gy
        cosine, sine = np.cos(room[_TURN]), np.sin(room[_TURN])
        value += room[_WALL_MIRROR] * _floor_light(
            cosine * gx - sine * gy,
            sine * gx + cosine * gy,
            ray,
            2.0,
            room,
            levels,
            shade,
            middle,
            ambient,
            camera,
            lamps,
            here,
        )
    return float(value)


@numba.njit(cache=True, nogil=True, fastmath=True)
def draw_room(
    place: Floats, turn: Floats, matrix: Floats, room: Floats, levels: Image, shade: Image,
    middle: Floats, ambient: float, camera: float, lamps: Floats, volume: Image,
    mirrored: Image, front: Image, deep: float, image: Image, depth: Image,
    owner: NDArray[np.uint8],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Fill `image`, `depth` mm and `owner` (H, W) with the room that a camera sees.

    The camera stands at `place` (3,), `turn` (3, 3) takes world directions to its axes, `matrix`
    holds focal lengths and centre px. `mirrored` (H, W) is what mice look like in the walls, 0
    where nothing is to be seen. Where something is in `front` (H, W) mm that stands more than
    `deep` mm above the floor, only the depth is found.
    """
    height, width = image.shape
    cosine, sine = np.cos(room[_TURN]), np.sin(room[_TURN])
    px, py = cosine * place[0] + sine * place[1], -sine * place[0] + cosine * place[1]
    ray, here = np.empty(3), np.empty(4)
    for row in range(height):
        for column in range(width):
            a = (column - matrix[0, 2]) / matrix[0, 0]
            b = (row - matrix[1, 2]) / matrix[1, 1]
            for k in range(3):
                ray[k] = turn[0, k] * a + turn[1, k] * b + turn[2, k]
            long = np.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2)
            rx, ry = cosine * ray[0] + sine * ray[1], -sine * ray[0] + cosine * ray[1]
            # the wall through which the ray leaves the box
            far_x = (
                ((room[_HIGH_X] if rx > 0 else room[_LOW_X]) - px) / rx if abs(rx) > 1e-9 else 1e9
            )
            far_y = (
                ((room[_HIGH_Y] if ry > 0 else room[_LOW_Y]) - py) / ry if abs(ry) > 1e-9 else 1e9
            )
            leaves = min(far_x, far_y)
            on_floor = -place[2] / ray[2] if ray[2] < -1e-9 else 1e9
            seen_floor = place[2] > 0 and on_floor < leaves
            depth[row, column] = on_floor if seen_floor else leaves if leaves > 0 else 1e6
            hidden = front[row, column]
            if hidden < depth[row, column] and place[2] + hidden * ray[2] > deep:
                continue
            for k in range(3):
                ray[k] /= long
            if seen_floor:
                x, y = place[0] + on_floor * ray[0] * long, place[1] + on_floor * ray[1] * long
                away = on_floor / matrix[0, 0] / max(abs(ray[2]), 0.12)
                image[row, column] = _floor_light(
                    x, y, ray, away, room, levels, shade, middle, ambient, camera, lamps, here
                )
                owner[row, column] = FLOOR
                continue
            haze = room[_BEYOND] * _clutter(ray, room, volume)
            up = place[2] + leaves * ray[2] * long
            if leaves <= 0 or leaves > 1e8 or up > room[_WALL_MM] or up < 0:
                image[row, column], depth[row, column], owner[row, column] = haze, 1e6, BEYOND
                continue
            value = _wall_light(
                px, py, rx, ry, ray, leaves, up, far_x < far_y, haze, room, levels, shade, middle,
                ambient, camera, lamps, here, volume, on_floor if place[2] > 0 else 1e9,
            )  # fmt: skip
            if room[_WALL_MIRROR] > 0 and mirrored[row, column] > 0:
                value += room[_WALL_MIRROR] * (mirrored[row, column] - value)
            image[row, column], owner[row, column] = value, WALL
