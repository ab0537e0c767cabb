"""Batches from several sources, each with its share; the same seed and step give the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike

from mousepose.errors import InputError
from mousepose.train.augment import Movement, Placed, moved
from mousepose.train.augment_light import Light, relit
from mousepose.train.samples import Samples
from mousepose.types import Ints


class Takes(Protocol):
    """What samples are drawn from: a `SampleFolder`, or `Samples` in memory as `InMemory`."""

    def __len__(self) -> int: ...

    def take(self, indices: ArrayLike) -> Samples:
        """Return the samples at `indices`."""
        ...


@dataclass(frozen=True, eq=False)
class InMemory:
    """Samples in memory, drawn as from a folder."""

    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, indices: ArrayLike) -> Samples:
        """Return the samples at `indices`."""
        return self.samples[np.asarray(indices, np.int64)]


@dataclass(frozen=True, eq=False)
class Source:
    """Samples with a `name` and their `share` of every batch, relative to the other shares.

    `movement` and `light` say how the pictures are altered: rendered ones come moved already.
    """

    name: str
    samples: Takes
    share: float = 1.0
    movement: Movement = Movement()
    light: Light = Light()


class Mixture:
    """Draws batches of `size` px pictures from sources. Raises `InputError` where none has any."""

    def __init__(self, sources: Sequence[Source], batch: int, size: int, seed: int) -> None:
        used = [source for source in sources if source.share > 0 and len(source.samples) > 0]
        if not used:
            raise InputError("training needs at least one source with samples and a share above 0")
        self.sources, self.size, self.seed = used, size, seed
        self.counts = shares_of(batch, [source.share for source in used])

    def batch(self, step: int, device: torch.device) -> Placed:
        """Return the batch of a step, pictures altered, on a device.

        Pictures and their changes are drawn with a seed of (seed, step): a run that goes on sees
        what it would have seen.
        """
        random = np.random.default_rng([self.seed, step])
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        parts = []
        for source, count in zip(self.sources, self.counts, strict=True):
            if count == 0:
                continue
            chosen = source.samples.take(random.integers(0, len(source.samples), count))
            part = moved(as_tensors(chosen, device), self.size, source.movement, generator)
            parts.append(relit(part, source.light, generator))
        boxes = [part.boxes for part in parts if part.boxes is not None]
        return Placed(
            torch.cat([part.images for part in parts]),
            torch.cat([part.xy for part in parts]),
            torch.cat([part.state for part in parts]),
            torch.cat([part.view for part in parts]),
            torch.cat(boxes) if len(boxes) == len(parts) else None,
        )


def shares_of(batch: int, shares: Sequence[float]) -> Ints:
    """Return how many of a batch each share has: whole numbers that sum to `batch`.

    Every share above 0 has at least one where the batch has room for all.
    """
    exact = np.asarray(shares, np.float64) / np.sum(shares) * batch
    counts = np.floor(exact).astype(np.int64)
    if len(shares) <= batch:
        counts = np.maximum(counts, 1)
    while counts.sum() > batch:
        counts[int(np.argmax(counts - exact))] -= 1
    while counts.sum() < batch:
        counts[int(np.argmax(exact - counts))] += 1
    return np.asarray(counts, np.int64)


def as_tensors(samples: Samples, device: torch.device) -> Placed:
    """Return samples as tensors on a device."""

    def there(array: object) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Placed(
        there(samples.images)[:, None].float(),
        there(samples.xy),
        there(samples.state),
        there(samples.view),
        None if samples.box is None else there(samples.box),
    )
