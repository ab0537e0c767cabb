"""The light that comes from fur, skin and things into each pixel; compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.raster import Fragments
from mousepose.train.render.figures import (
    ALBEDO,
    FUR,
    GLOSS,
    LOOK,
    RINGS,
    TRANSLUCENT,
    Surface,
)
from mousepose.train.render.lights import Lights
from mousepose.train.render.noise import noise_at, noise_volume
from mousepose.train.render.textures import texel
from mousepose.types import Floats, Ints

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Bed:
    """What mice stand on or in: `albedo`, and bits of a texture's `levels` that cover feet.

    The highest bits are `deep_mm` high; `mm_per_texel` and `offset` say where the texture lies.
    """

    albedo: float
    deep_mm: float
    mm_per_texel: float
    offset: float
    levels: Image


_LOOKS = len(LOOK)
#: Light that wraps round fur and thin skin: hairs stand out and are lit beyond the edge of shade.
_WRAP_FUR, _WRAP = 0.35, 0.12
#: Gloss above which the lamp beside the camera is mirrored too: eyes, metal.
_SHINY = 0.3


def shade(
    found: Fragments, surface: Surface, owner_of_face: NDArray[np.uint8], place: Floats,
    lights: Lights, bed: Bed, fur: Floats, open_: Image, behind: Image, image: Image,
    owner: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Draw what was found of a surface into `image` (H, W) where it is nearer than `behind`.

    `place` (3,) is the camera's, `bed` what the mice stand in, `fur` (4,) is the width of tufts
    (mm), how they vary the light and the normal, and the sheen; `open_` (H, W) is the share of the
    sky that a pixel sees.
    """
    ambient = np.array([lights.ambient, lights.camera, bed.albedo])
    cover = np.array([bed.deep_mm, bed.mm_per_texel, bed.offset])
    _shade(
        found.depth, found.face, found.shares, surface.vertices, surface.normals, surface.faces,
        surface.texture, surface.look, owner_of_face, place, ambient, lights.lamps, fur,
        noise_volume(), cover, bed.levels, open_, behind, image, owner,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True, fastmath=True)
def _shade(
    depth: Image, face: NDArray[np.int32], shares: Image, vertices: Floats, normals: Floats,
    faces: Ints, texture: Floats, look: Floats, owner_of_face: NDArray[np.uint8], place: Floats,
    general: Floats, lamps: Floats, fur: Floats, volume: Image, cover: Floats, levels: Image,
    open_: Image, behind: Image, image: Image, owner: NDArray[np.uint8],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    height, width = depth.shape
    at, normal, where, view, m = (
        np.empty(3),
        np.empty(3),
        np.empty(3),
        np.empty(3),
        np.empty(_LOOKS),
    )
    bit = np.empty(4)
    for row in range(height):
        for column in range(width):
            f = face[row, column]
            if f < 0 or depth[row, column] >= behind[row, column]:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            u, v = shares[row, column, 0], shares[row, column, 1]
            w = 1 - u - v
            for k in range(3):
                at[k] = u * vertices[a, k] + v * vertices[b, k] + w * vertices[c, k]
                normal[k] = u * normals[a, k] + v * normals[b, k] + w * normals[c, k]
                where[k] = u * texture[a, k] + v * texture[b, k] + w * texture[c, k]
                view[k] = place[k] - at[k]
            for k in range(_LOOKS):
                m[k] = u * look[a, k] + v * look[b, k] + w * look[c, k]
            if at[2] < cover[0]:
                x, y = at[0] / cover[1] + cover[2], at[1] / cover[1] + 1.7 * cover[2]
                texel(levels, 0, x, y, bit)
                if at[2] < cover[0] * bit[3]:
                    continue
            m[ALBEDO] *= _grain(where, m, fur, volume, normal)
            image[row, column] = _light(
                at, normal, view, m, general, lamps, fur[3], open_[row, column]
            )
            owner[row, column] = owner_of_face[f]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _grain(
    where: Floats, look: Floats, fur: Floats, volume: Image, normal: Floats
) -> float:  # pragma: no cover - compiled
    """Return how hair and rings change the light of a place; ruffle its normal (3,)."""
    factor = 1.0
    hair = look[FUR]
    if hair > 0.02:
        # strands lie along the body: the noise is long along the texture's x
        s, t, r = where[0] / (3.5 * fur[0]), where[1] / fur[0], where[2] / fur[0]
        strand = noise_at(volume, s, t, r)
        tuft = noise_at(volume, 0.35 * s + 20, 0.4 * t, 0.4 * r)
        bump = fur[2] * hair
        normal[0] += bump * strand
        normal[1] += bump * noise_at(volume, s + 31, t, r)
        normal[2] += bump * tuft
        factor = max(1 + hair * fur[1] * (0.8 * strand + 0.35 * tuft), 0.2)
    if look[RINGS] > 0.02:
        factor *= 1 + 0.12 * look[RINGS] * np.sin(3.6 * where[0])
    return float(factor)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _light(
    at: Floats, normal: Floats, view: Floats, look: Floats, general: Floats, lamps: Floats,
    sheen: float, open_: float,
) -> float:  # fmt: skip  # pragma: no cover - compiled
    """Return the light from a place `at` (3,) towards the camera, which `view` (3,) points to."""
    far = np.sqrt(view[0] ** 2 + view[1] ** 2 + view[2] ** 2)
    size = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-9
    facing = 0.0
    for k in range(3):
        view[k] /= far
        normal[k] /= size
        facing += normal[k] * view[k]
    if facing < -0.2:  # the inside of a tube
        for k in range(3):
            normal[k] = -normal[k]
        facing = -facing
    facing = max(facing, 0.0)
    hair, gloss = look[FUR], look[GLOSS]
    up = 0.5 + 0.5 * normal[2]
    low = min(max(at[2] / 14.0, 0.0), 1.0)  # near the floor less light comes from aside
    sky = general[0] * open_ * (0.35 + 0.65 * low)
    light = sky * (up + (1 - up) * general[2] * 0.8)
    light += general[1] * (0.25 * hair + (1 - 0.25 * hair) * facing)
    wrap, shine = _WRAP_FUR * hair + _WRAP, 0.0
    for k in range(len(lamps)):
        straight = normal[0] * lamps[k, 0] + normal[1] * lamps[k, 1] + normal[2] * lamps[k, 2]
        lit = max((straight + wrap) / (1 + wrap), 0.0)
        through = max(-straight, 0.0) * look[TRANSLUCENT]
        light += lamps[k, 3] * (lit * (0.45 + 0.55 * open_) + through)
        if gloss > 0.02:
            mirror = 0.0
            for j in range(3):
                mirror += (2 * straight * normal[j] - lamps[k, j]) * view[j]
            shine += lamps[k, 3] * gloss * max(mirror, 0.0) ** 24
    if gloss > _SHINY:
        shine += general[1] * gloss * facing**30
    edge = (1 - facing) * (1 - facing) * (1 - facing)
    return float(look[ALBEDO] * light * (1 + sheen * hair * edge) + 0.8 * shine)
