"""What a camera makes of light: blur, exposure, noise, few pixels, compression."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from mousepose.types import Bytes

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Lens:
    """The faults of one picture: lengths in px of the final picture, shares of full scale.

    `white` is the grey value (0-1) that `metered` per cent of the picture stay below, `black` what
    stands at no light,
    `pixels` how many of the camera's pixels lie along the final picture's side; `jpeg` is the
    quality, 100 for none.
    """

    blur: float
    smear: float
    smear_turn: float
    white: float
    black: float
    metered: float
    gamma: float
    corners: float
    pixels: int
    noise: float
    shot: float
    jpeg: int
    seed: int


def draw_lens(random: np.random.Generator, size: int) -> Lens:
    """Return the random faults of a picture (size, size)."""
    sharp = random.random() < 0.8
    coarse = random.random() < 0.35
    return Lens(
        blur=random.uniform(0.25, 0.7) if sharp else random.uniform(0.7, 1.7),
        smear=random.uniform(1.5, 6.0) if random.random() < 0.15 else 0.0,
        smear_turn=random.uniform(0, np.pi),
        white=float(np.exp(random.uniform(np.log(0.45), np.log(1.08)))),
        black=random.uniform(0.0, 0.12) if random.random() < 0.6 else 0.0,
        metered=float(random.choice([85.0, 94.0, 98.0, 99.0])),
        gamma=random.uniform(0.55, 1.25),
        corners=random.uniform(0, 0.45) if random.random() < 0.5 else 0.0,
        pixels=int(size * np.exp(random.uniform(np.log(0.35), 0.0))) if coarse else size,
        noise=min(random.exponential(0.007), 0.04), shot=min(random.exponential(0.007), 0.04),
        jpeg=int(random.uniform(25, 92)) if random.random() < 0.4 else 100,
        seed=int(random.integers(2**31)),
    )  # fmt: skip


def develop(light: Image, lens: Lens, samples: int) -> Bytes:
    """Return the picture (S, S) of light (S x samples, S x samples)."""
    random = np.random.default_rng(lens.seed)
    sharp = binned(_smeared(light, lens, samples), samples)
    image: Image = np.asarray(gaussian_filter(sharp, lens.blur), np.float32)
    size = len(image)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    image = image * (1 - np.float32(lens.corners / 2) * (axis[:, None] ** 2 + axis**2))
    image = image / np.float32(max(float(np.percentile(image[::2, ::2], lens.metered)), 1e-4))
    bright = np.clip(image, 0, None) ** np.float32(lens.gamma)
    image = np.asarray(lens.black + (1 - lens.black) * lens.white * bright, np.float32)
    if lens.pixels < size:
        image = _resized(image, lens.pixels, Picture.Resampling.BOX)
    grain = random.normal(size=image.shape).astype(np.float32)
    noisy = image + grain * np.sqrt(lens.noise**2 + lens.shot**2 * np.clip(image, 0, 1))
    grey = np.clip(np.rint(255 * noisy), 0, 255).astype(np.uint8)
    if lens.jpeg < 100:
        stream = BytesIO()
        Picture.fromarray(grey).save(stream, "JPEG", quality=lens.jpeg)
        grey = np.asarray(Picture.open(stream))
    if len(grey) < size:
        how = Picture.Resampling.BICUBIC if lens.seed % 2 else Picture.Resampling.BILINEAR
        grey = np.asarray(Picture.fromarray(grey).resize((size, size), how))
    return np.asarray(grey, np.uint8)


def binned(fine: Image, samples: int) -> Image:
    """Return the means (S, S) of squares of `samples` x `samples` samples."""
    total = fine[::samples, ::samples].copy()
    for k in range(1, samples * samples):
        total += fine[k // samples :: samples, k % samples :: samples]
    return np.asarray(total / np.float32(samples * samples))


def _resized(image: Image, size: int, how: Picture.Resampling) -> Image:
    shown = Picture.fromarray(np.asarray(image, np.float32))
    return np.asarray(shown.resize((size, size), how), np.float32)


def _smeared(light: Image, lens: Lens, samples: int) -> Image:
    """Return the light of a moving camera: the mean of copies along the way."""
    if not lens.smear:
        return light
    steps = int(np.ceil(lens.smear * samples / 1.5)) + 1
    way = np.linspace(-0.5, 0.5, steps) * lens.smear * samples
    pad = int(np.abs(way).max()) + 1
    wide = np.pad(light, pad, mode="edge")
    total = np.zeros_like(light)
    high, width = light.shape
    for step in way:
        x = pad + round(step * np.cos(lens.smear_turn))
        y = pad + round(step * np.sin(lens.smear_turn))
        total += wide[y : y + high, x : x + width]
    return total / np.float32(steps)
