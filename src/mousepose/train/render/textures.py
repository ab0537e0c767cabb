"""Floors seen from near: bedding of several kinds, plastic, cloth, wood, wire; made once, tiled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mousepose.train.render.noise import smooth_image
from mousepose.types import Floats

#: Side of a tile, texels, and how much each level of sharpness is blurred, texels.
SIDE = 384
BLURS = (0.0, 0.9, 2.2, 6.0)

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Texture:
    """A floor that repeats: `levels` (L, S, S, 4) are reflectance about 1, slopes and height 0-1.

    Each level is more blurred than the one before. `loose` floors have bits that cover feet;
    `mm_per_texel` is a usual scale.
    """

    name: str
    levels: Image
    loose: bool
    mm_per_texel: float


@cache
def floor_textures() -> tuple[Texture, ...]:
    """Return the floors that there are, the same in every process."""
    random = np.random.default_rng(7)
    made = []
    for _ in range(2):
        made += [
            _bits(random, "pellets", 3600, (18, 40), (6.0, 8.0), 0.14, True),
            _bits(random, "chips", 6000, (5, 16), (3.5, 9.0), 0.2, False),
            _bits(random, "cob", 16000, (3.5, 6.5), (3.0, 5.5), 0.22, True),
            _bits(random, "paper", 3500, (25, 70), (3.0, 5.0), 0.18, False),
            _bits(random, "shavings", 5000, (6, 30), (3.0, 12.0), 0.25, False),
            _plain(random, "plastic"),
            _wood(random),
        ]
    made += [_woven(random), _plate(random), _wires(random), _plain(random, "cloth")]
    return tuple(made)


def _texture(name: str, albedo: Image, height: Image, loose: bool, scale: float) -> Texture:
    levels = []
    for blur in BLURS:
        a = gaussian_filter(albedo, blur, mode="wrap") if blur else albedo
        h = gaussian_filter(height, max(blur, 0.6), mode="wrap")
        along = (np.roll(h, -1, 1) - np.roll(h, 1, 1)) / 2
        down = (np.roll(h, -1, 0) - np.roll(h, 1, 0)) / 2
        levels.append(np.stack([a, along, down, h], axis=-1))
    return Texture(name, np.asarray(np.stack(levels), np.float32), loose, scale)


def _bits(
    random: np.random.Generator, name: str, count: int, long: tuple[float, float],
    wide: tuple[float, float], spread: float, rounded: bool,
) -> Texture:  # fmt: skip
    """Return a heap of bits: the later ones lie on top."""
    place = random.uniform(0, SIDE, (count, 2))
    shape = np.stack([
        random.uniform(*long, count), random.uniform(*wide, count), random.uniform(0, np.pi, count),
        np.exp(random.normal(0, spread, count)), random.normal(0, 0.25, count),
    ], axis=1)  # fmt: skip
    albedo = np.full((SIDE, SIDE), 0.8, np.float32)
    height = np.zeros((SIDE, SIDE), np.float32)
    _heap(place, shape, rounded, albedo, height)
    height /= max(float(height.max()), 1e-6)
    # what lies deep between the bits sees less light
    open_ = np.clip(1.0 + 3.0 * (height - gaussian_filter(height, 5.0, mode="wrap")), 0.25, 1.3)
    grain = 1 + 0.08 * smooth_image(random, SIDE, 1.5)
    albedo = np.asarray(albedo * open_ * grain, np.float32)
    return _texture(name, albedo / float(albedo.mean()), height, True, 0.45)


@numba.njit(cache=True, nogil=True)
def _heap(
    place: Floats, shape: Floats, rounded: bool, albedo: Image, height: Image
) -> None:  # pragma: no cover - compiled
    side = len(albedo)
    for i in range(len(place)):
        long, wide, turn, shade, tilt = shape[i]
        long, wide = long / 2, wide / 2
        cosine, sine = np.cos(turn), np.sin(turn)
        reach = int(long + wide) + 1
        cx, cy = int(place[i, 0]), int(place[i, 1])
        level = 6.0 * i / len(place)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                s, t = cosine * dx + sine * dy, -sine * dx + cosine * dy
                over = max(abs(s) - long + (wide if rounded else 0.0), 0.0)
                if abs(s) > long or over * over + t * t > wide * wide:
                    continue
                y, x = (cy + dy) % side, (cx + dx) % side
                if rounded:
                    z = level + np.sqrt(max(wide * wide - t * t - over * over, 0.0))
                else:
                    z = level + 1.2 + tilt * t * 0.3
                if z > height[y, x]:
                    height[y, x] = z
                    albedo[y, x] = shade


def _plain(random: np.random.Generator, name: str) -> Texture:
    stains = 0.05 * smooth_image(random, SIDE, 60)
    stains += 0.03 * smooth_image(random, SIDE, 14)
    grain = 0.015 * smooth_image(random, SIDE, 2)
    albedo = 1 + stains + (0.06 if name == "cloth" else 1) * grain
    scratches = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(14 if name == "plastic" else 4):
        start, turn = random.uniform(0, SIDE, 2), random.uniform(0, 2 * np.pi)
        steps = np.arange(random.uniform(20, 220))
        way = start + steps[:, None] * [np.cos(turn), np.sin(turn)]
        x, y = (way.astype(int) % SIDE).T
        scratches[y, x] = random.uniform(-1, 1)
    albedo = albedo + 0.15 * gaussian_filter(scratches, 0.6, mode="wrap")
    # droppings and crumbs
    x, y = random.integers(0, SIDE, (2, 10))
    spots = np.zeros((SIDE, SIDE), np.float32)
    spots[y, x] = 1
    albedo = albedo * (1 - np.clip(9 * gaussian_filter(spots, 1.6, mode="wrap"), 0, 0.7))
    flat = 0.02 * smooth_image(random, SIDE, 5)
    return _texture(name, np.asarray(albedo, np.float32), flat, False, 0.8)


def _wood(random: np.random.Generator) -> Texture:
    y, x = np.mgrid[:SIDE, :SIDE] * (2 * np.pi / SIDE)
    bend = smooth_image(random, SIDE, 90)
    rings = np.sin(9 * y + 2.0 * bend) + 0.5 * np.sin(31 * y + 3 * bend + np.sin(x))
    fine = gaussian_filter(random.normal(size=(SIDE, SIDE)), (0.6, 9), mode="wrap")
    albedo = 1 + 0.06 * rings + 0.12 * fine / fine.std() * 0.5
    height = np.asarray(0.02 * fine / fine.std(), np.float32)
    return _texture("wood", np.asarray(albedo, np.float32), height, False, 0.7)


def _woven(random: np.random.Generator) -> Texture:
    """Return a treadmill's belt: short raised bars in shifted rows."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    period_x, period_y = 8, 24
    column = np.floor(x / period_x)
    bar = np.cos(2 * np.pi * x / period_x) + 0.8 * np.cos(
        2 * np.pi * (y + 12 * (column % 2)) / period_y
    )
    height = np.clip(bar, 0, None) / 1.8
    albedo = 0.55 + 0.9 * height + 0.08 * smooth_image(random, SIDE, 3)
    albedo = albedo / float(albedo.mean())
    return _texture("belt", np.asarray(albedo, np.float32), 0.5 * height, False, 0.5)


def _plate(random: np.random.Generator) -> Texture:
    """Return a plate with rows of round holes."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    away = np.hypot(x % 32 - 16, y % 32 - 16)
    hole = np.clip(10.5 - away, 0, 1)
    albedo = 1.25 - 1.05 * hole + 0.05 * smooth_image(random, SIDE, 20)
    return _texture("plate", np.asarray(albedo, np.float32), 1 - hole, False, 0.45)


def _wires(random: np.random.Generator) -> Texture:
    """Return crossed wires over a dark tray."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    round_x = np.sqrt(np.clip(1 - ((x % 24 - 12) / 3.0) ** 2, 0, None))
    round_y = np.sqrt(np.clip(1 - ((y % 24 - 12) / 3.0) ** 2, 0, None))
    height = np.maximum(round_x, round_y)
    tray = 0.35 + 0.1 * smooth_image(random, SIDE, 10)
    albedo = np.where(height > 0, 1.7, tray)
    return _texture("wires", np.asarray(albedo, np.float32), height, False, 0.45)


@numba.njit(cache=True, nogil=True, fastmath=True)
def texel(
    levels: Image, level: int, x: float, y: float, out: Floats
) -> None:  # pragma: no cover - compiled
    """Put the four channels of a level of a texture at a place in texels into `out` (4,)."""
    side = levels.shape[1]
    x -= side * np.floor(x / side)
    y -= side * np.floor(y / side)
    x0, y0 = int(x), int(y)
    fx, fy = x - x0, y - y0
    x0, y0 = min(x0, side - 1), min(y0, side - 1)
    x1, y1 = (x0 + 1 if x0 + 1 < side else 0), (y0 + 1 if y0 + 1 < side else 0)
    for k in range(4):
        low = levels[level, y0, x0, k] * (1 - fx) + levels[level, y0, x1, k] * fx
        high = levels[level, y1, x0, k] * (1 - fx) + levels[level, y1, x1, k] * fx
        out[k] = low * (1 - fy) + high * fy
