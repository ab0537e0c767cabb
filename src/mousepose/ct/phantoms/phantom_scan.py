"""How a scanner sees an animal: tissues in Hounsfield units, blur, noise, cupping and streaks."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy import ndimage

from mousepose.ct.anatomy.anatomy import Anatomy
from mousepose.ct.anatomy.anatomy_solids import Grid3, Lattice, ellipsoids, nearest_on
from mousepose.ct.phantoms.phantom_bed import Bed, NoseCone
from mousepose.ct.types import Volume
from mousepose.types import Floats, Ints

AIR, PLASTIC, SOFT, FAT, LUNG = -1000.0, 110.0, 40.0, -90.0, -600.0
CORTICAL, TRABECULAR, METAL = 1600.0, 600.0, 9000.0
#: The values that 12-bit scanners store.
_LOWEST, _HIGHEST = -1024, 3071
#: Depths (mm) below the skin of the fat under it, and thickness of the cortical bone.
_FAT_FROM, _FAT_TO, _CORTEX = 0.5, 1.3, 0.25
_SLAB = 24
#: Above this (HU) a voxel holds tissue or plastic, not air; reach (mm) of what hardens the beam.
_IS_BODY, _CUP_MM = FAT - 200.0, 5.0
#: Blur in voxels where none is given; share of the noise that neighbours have in common.
_BLUR, _COARSE_NOISE = 0.6, 0.5


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies in the scanner; `ear_tag` (3,) mm is where the metal is. All in RAS mm."""

    animals: tuple[Anatomy, ...]
    bed: Bed | None
    tubes: bool
    nose_cone: NoseCone | None
    ear_tag: Floats | None


def scan_of(
    scene: Scene,
    lattice: Lattice,
    rng: np.random.Generator,
    *,
    noise_hu: float,
    blur_mm: float | None,
    cupping_hu: float,
) -> Volume:
    """Return the scan of a scene: Hounsfield units (X, Y, Z) int16, axes RAS."""
    gas = _gas(scene, rng)
    density = float(rng.uniform(0.9, 1.15))
    values = np.empty(lattice.shape, np.float32)
    for place, layer in lattice.slabs(_SLAB):
        values[place] = _tissues(scene, layer, gas, density)
    blur = np.full(3, blur_mm) / lattice.step if blur_mm is not None else np.full(3, _BLUR)
    ndimage.gaussian_filter(values, blur, output=values)
    if cupping_hu:
        _add_cupping(values, lattice, cupping_hu)
    if scene.ear_tag is not None:
        _add_streaks(values, lattice, scene.ear_tag, rng)
    _add_noise(values, noise_hu, rng)
    matrix = np.diag([*lattice.step, 1.0])
    matrix[:3, 3] = lattice.origin
    stored = np.empty(values.shape, np.int16)
    for place, _ in lattice.slabs(_SLAB):
        stored[place] = np.clip(np.rint(values[place]), _LOWEST, _HIGHEST)
    return Volume(stored, matrix)


def _tissues(scene: Scene, lattice: Lattice, gas: Floats, density: float) -> Grid3:
    """Return what an ideal scanner would see (X, Y, Z), each voxel a mixture of what it holds."""
    width = float(lattice.step.mean())
    values = np.full(lattice.shape, AIR, np.float32)

    def put(distance: Grid3, hounsfield: float) -> None:
        _put(values, distance, hounsfield, width)

    if scene.bed is not None:
        put(scene.bed.distance(lattice), PLASTIC)
        if scene.tubes:
            put(scene.bed.tube_distance(lattice), PLASTIC)
    if scene.nose_cone is not None:
        put(scene.nose_cone.distance(lattice), PLASTIC)
    for animal in scene.animals:
        skin = animal.skin_field(lattice)
        put(skin, SOFT)
        middle, half = -0.5 * (_FAT_FROM + _FAT_TO), 0.5 * (_FAT_TO - _FAT_FROM)
        put(np.abs(skin - middle) - half, FAT)
        put(animal.air_field(lattice), LUNG)
        if len(gas):
            axes = np.broadcast_to(np.eye(3), (len(gas), 3, 3))
            bubbles = ellipsoids(gas[:, :3], axes, gas[:, 3:], np.zeros(len(gas)))
            put(nearest_on(lattice, bubbles, 1.0), AIR)
        bone = animal.bone_field(lattice)
        put(bone, density * CORTICAL)
        put(bone + np.float32(_CORTEX), density * TRABECULAR)
    if scene.ear_tag is not None:
        tag = ellipsoids(
            scene.ear_tag[None], np.eye(3)[None], np.array([[1.0, 0.5, 1.5]]), np.zeros(1)
        )
        put(nearest_on(lattice, tag, 1.0), METAL)
    return values


@numba.njit(cache=True)
def _put(
    values: Grid3, distance: Grid3, hounsfield: float, width: float
) -> None:  # pragma: no cover - compiled
    """Fill what lies inside a distance, in part where the surface cuts a voxel `width` mm wide."""
    nx, ny, nz = values.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                share = 0.5 - distance[i, j, k] / width
                if share > 0:
                    values[i, j, k] += min(share, 1.0) * (hounsfield - values[i, j, k])


def _gas(scene: Scene, rng: np.random.Generator) -> Floats:
    """Return bubbles (N, 6) in the bowel: centre and radii mm."""
    bubbles = [animal.bowel_gas(rng) for animal in scene.animals]
    return np.concatenate(bubbles) if bubbles else np.empty((0, 6))


def _add_cupping(values: Grid3, lattice: Lattice, cupping_hu: float) -> None:
    """Darken what lies deep in the body, as hardened beams do: by `cupping_hu` in the middle."""
    skip = np.maximum(np.rint(1.0 / lattice.step), 1).astype(np.int64)
    body = (values[:: skip[0], :: skip[1], :: skip[2]] > _IS_BODY).astype(np.float32)
    deep = ndimage.gaussian_filter(body, _CUP_MM / (skip * lattice.step))
    # The last point again, so that every voxel has a neighbour on both sides.
    _darken(values, np.pad(deep, (0, 1), mode="edge"), skip, cupping_hu)


@numba.njit(cache=True)
def _darken(
    values: Grid3, deep: Grid3, skip: Ints, cupping_hu: float
) -> None:  # pragma: no cover - compiled
    nx, ny, nz = values.shape
    row = np.empty(deep.shape[2], np.float32)
    for i in range(nx):
        x, s = i // skip[0], np.float32((i % skip[0]) / skip[0])
        for j in range(ny):
            y, t = j // skip[1], np.float32((j % skip[1]) / skip[1])
            for k in range(len(row)):
                near = deep[x, y, k] * (1 - t) + deep[x, y + 1, k] * t
                far = deep[x + 1, y, k] * (1 - t) + deep[x + 1, y + 1, k] * t
                row[k] = near * (1 - s) + far * s
            for k in range(nz):
                if values[i, j, k] > _IS_BODY:
                    z, u = k // skip[2], np.float32((k % skip[2]) / skip[2])
                    values[i, j, k] -= np.float32(cupping_hu) * (row[z] * (1 - u) + row[z + 1] * u)


def _add_streaks(values: Grid3, lattice: Lattice, tag: Floats, rng: np.random.Generator) -> None:
    """Add the bright and dark rays that metal throws within its slices."""
    x, y, z = (
        lattice.origin[k] + lattice.step[k] * np.arange(lattice.shape[k]) - tag[k] for k in range(3)
    )
    radius = np.hypot(x[:, None], y[None, :])
    angle = np.arctan2(y[None, :], x[:, None])
    rays = np.zeros_like(radius)
    for order in range(2, 14, 2):  # a ray and its opposite are the same line of sight
        rays += rng.normal() * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    rays *= 350.0 / (1.0 + radius / 4.0)
    fade = np.exp(-0.5 * (z / 1.2) ** 2)
    near = np.flatnonzero(fade > 1e-3)
    values[..., near] += (rays[..., None] * fade[near]).astype(np.float32)


def _add_noise(values: Grid3, noise_hu: float, rng: np.random.Generator) -> None:
    """Add noise that neighbours share in part, as in reconstructed slices."""
    if noise_hu <= 0:
        return
    for start in range(0, len(values), _SLAB):
        layer = values[start : start + _SLAB]
        white = rng.standard_normal(layer.shape, np.float32)
        coarse = ndimage.uniform_filter(white, 2) * np.float32(8**0.5)
        mixed = (1 - _COARSE_NOISE) * white + _COARSE_NOISE * coarse
        # Of the white noise an eighth's root is in the coarse: their mixture's SD.
        sd = ((1 - _COARSE_NOISE) ** 2 + _COARSE_NOISE**2
              + 2 * _COARSE_NOISE * (1 - _COARSE_NOISE) / 8**0.5) ** 0.5  # fmt: skip
        layer += np.float32(noise_hu / sd) * mixed
