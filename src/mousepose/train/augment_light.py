"""Other light, lenses and sensors for the same picture, and things that stand in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mousepose.train.augment import Placed
from mousepose.train.samples import HIDDEN, VISIBLE

_WHITE = 255.0
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@dataclass(frozen=True)
class Light:
    """How much pictures are altered; shares are of pictures.

    `gamma` and `contrast` are the largest factors either way, `brightness` and `noise` grey levels,
    `slope` how much brighter one side may be, `blurred` and `coarse` (half the resolution) shares,
    `covered` the share with something in the way, `edged` that in which the camera's picture ends
    within the crop and goes on as at its edge.
    """

    gamma: float = 1.6
    contrast: float = 1.6
    brightness: float = 25.0
    slope: float = 0.3
    noise: float = 9.0
    blurred: float = 0.4
    coarse: float = 0.2
    covered: float = 0.3
    edged: float = 0.15


def relit(batch: Placed, light: Light, generator: torch.Generator) -> Placed:
    """Return the pictures in other light; visible points that are covered are hidden after."""
    images = batch.images
    count, device = len(images), images.device

    def random(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator).to(device)

    def factor(most: float) -> Tensor:
        return (most ** (2 * random(1, 1, 1) - 1)).to(device)

    state = batch.state
    if light.covered > 0:
        images, state = _covered(batch, random, light.covered)
    if light.edged > 0:
        images, state = _edged(images, batch.xy, state, random, light.edged)
    coarse, blurred = random() < light.coarse, random() < light.blurred
    strength = random(1, 1, 1)
    images = images.clone()
    images[coarse] = functional.interpolate(
        functional.avg_pool2d(images[coarse], 2), scale_factor=2.0, mode="bilinear"
    )
    images[blurred] += strength[blurred] * (_smooth(images[blurred]) - images[blurred])
    steps = torch.linspace(-1, 1, images.shape[-1], device=device)
    across, down = (2 * random(1, 1, 1) - 1) * light.slope, (2 * random(1, 1, 1) - 1) * light.slope
    images = images * (1 + across * steps + down * steps[:, None])
    images = _WHITE * (images / _WHITE).clamp(0, 1) ** factor(light.gamma)
    mean = images.mean((2, 3), keepdim=True)
    images = (images - mean) * factor(light.contrast) + mean
    images = images + (2 * random(1, 1, 1) - 1) * light.brightness
    spread = light.noise * random(1, 1, 1) ** 2
    images = images + spread * torch.randn(images.shape, generator=generator).to(device)
    return Placed(images.clamp(0, _WHITE), batch.xy, state, batch.view, batch.boxes)


def _covered(batch: Placed, random: Callable[..., Tensor], share: float) -> tuple[Tensor, Tensor]:
    """Return pictures with a rectangle of another picture, or of one grey, and the new states."""
    images = batch.images
    size = images.shape[-1]
    centre = random(2) * size
    half = (0.06 + 0.12 * random(2)) * size
    chosen = random(1) < share
    steps = torch.arange(size, device=images.device, dtype=torch.float32)
    near = (steps - centre[..., None]).abs() < half[..., None]  # (N, 2, S)
    rectangle = (near[:, 1, :, None] & near[:, 0, None, :] & chosen[..., None])[:, None]
    grey = random(1, 1, 1) * _WHITE
    other = torch.where(random(1, 1, 1) < 0.5, grey, images.roll(1, 0).roll(size // 2, -1))
    under = ((batch.xy - centre[:, None]).abs() < half[:, None]).all(-1) & chosen
    state = torch.where(under & (batch.state == VISIBLE), HIDDEN, batch.state)
    return torch.where(rectangle, other, images), state


def _edged(
    images: Tensor, xy: Tensor, state: Tensor, random: Callable[..., Tensor], share: float
) -> tuple[Tensor, Tensor]:
    """Return pictures that end on one side, up to a third of their size within, and the states."""
    size = images.shape[-1]
    depth = (random() * size / 3) * (random() < share)
    side = (random() * 4).long()
    steps = torch.arange(size, device=images.device)
    zero = torch.zeros_like(depth)
    for axis in (0, 1):
        low = torch.where(side == 2 * axis, depth, zero).long()[:, None]
        high = size - 1 - torch.where(side == 2 * axis + 1, depth, zero).long()[:, None]
        places = torch.minimum(torch.maximum(steps.expand(len(images), size), low), high)
        shape = (len(images), 1, 1, size) if axis == 0 else (len(images), 1, size, 1)
        images = images.gather(3 - axis, places.view(shape).expand_as(images))
        beyond = (xy[..., axis] < low - 0.5) | (xy[..., axis] > high + 0.5)
        state = torch.where(beyond & (state == VISIBLE), HIDDEN, state)
    return images, state


def _smooth(images: Tensor) -> Tensor:
    """Return pictures (N, 1, S, S) blurred by binomial weights of 5, a deviation of 1 px."""
    for axis in (2, 3):
        size = images.shape[axis]
        padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
        padded = padded.narrow(5 - axis, 2, images.shape[5 - axis])
        images = sum(  # faster than a convolution of one channel
            (weight * padded.narrow(axis, k, size) for k, weight in enumerate(_BINOMIAL)),
            torch.zeros_like(images),
        )
    return images
