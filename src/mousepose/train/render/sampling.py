"""Samples drawn by number: the same seed, shard and settings give the same pictures anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.prior import load_prior
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.lens import draw_lens
from mousepose.train.render.picture import Rendered, render
from mousepose.train.render.postures import PostureSampler, Strides
from mousepose.train.render.scene import draw_scene
from mousepose.train.samples import CROP_SIZE, FRAME_SIZE, MOST_BOXES, VISIBLE, Samples
from mousepose.types import Floats

#: A crop that shows fewer keypoints than this teaches nothing; it is drawn again, at most so often.
_LEAST_SEEN, _MOST_TRIES = 5, 6
#: Shapes of camera pictures, width to height, that are letterboxed into square frames.
_SHAPES = (1.0, 5 / 4, 4 / 3, 4 / 3, 16 / 9)
#: A mouse of which less than this share of its box is inside a frame has no box there.
_LEAST_INSIDE = 0.25


@dataclass(frozen=True, eq=False)
class Generator:
    """Draws samples of one kind ("crops" or "frames") with `config`; `strides` are walks."""

    config: RenderConfig
    strides: Strides | None
    kind: str = "crops"

    def shard(self, seed: int, number: int, count: int) -> Samples:
        """Return the `count` samples of shard `number` of a seed."""
        sampler = PostureSampler(drawn_animal().body, load_prior(), self.strides)
        made = [self._one(np.random.default_rng([seed, number, k]), sampler) for k in range(count)]
        rendered = [one for one, _ in made]
        boxes = np.full((count, MOST_BOXES, 4), np.nan, np.float32)
        for row, (_, found) in zip(boxes, made, strict=True):
            row[: len(found)] = found
        return Samples(
            images=np.stack([one.image for one in rendered]),
            xy=np.stack([one.xy for one in rendered]).astype(np.float32),
            state=np.stack([one.state for one in rendered]),
            view=np.array([one.view for one in rendered], np.uint8),
            length=np.array([one.length for one in rendered], np.float32),
            box=boxes if self.kind == "frames" else None,
        )

    def _one(self, random: np.random.Generator, sampler: PostureSampler) -> tuple[Rendered, Floats]:
        if self.kind == "frames":
            return self._frame(random, sampler)
        for _ in range(_MOST_TRIES):
            one = self.crop(random, sampler)
            if np.count_nonzero(one.state == VISIBLE) >= _LEAST_SEEN:
                break
        return one, np.zeros((0, 4))

    def crop(self, random: np.random.Generator, sampler: PostureSampler) -> Rendered:
        """Return one crop about a mouse."""
        scene = draw_scene(random, drawn_animal(), sampler, self.config, CROP_SIZE)
        return render(scene, draw_lens(random, CROP_SIZE), CROP_SIZE, self.config.samples)

    def _frame(
        self, random: np.random.Generator, sampler: PostureSampler
    ) -> tuple[Rendered, Floats]:
        """Return one letterboxed frame, and the boxes (M, 4) of the mice inside."""
        shape = float(random.choice(_SHAPES)) ** random.choice([-1, 1, 1, 1])
        half = FRAME_SIZE / 2 * np.array([min(1.0, shape), min(1.0, 1 / shape)])
        low, high = np.round(FRAME_SIZE / 2 - half), np.round(FRAME_SIZE / 2 + half)
        scene = draw_scene(
            random, drawn_animal(), sampler, self.config, FRAME_SIZE, window=(low, high)
        )
        one = render(scene, draw_lens(random, FRAME_SIZE), FRAME_SIZE, self.config.samples)
        image = np.zeros_like(one.image)
        rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        image[rows, columns] = one.image[rows, columns]
        inside = np.concatenate(
            [np.maximum(one.boxes[:, :2], low), np.minimum(one.boxes[:, 2:], high - 1)], axis=1
        )
        area = np.prod(np.clip(inside[:, 2:] - inside[:, :2], 0, None), axis=1)
        share = area / np.prod(one.boxes[:, 2:] - one.boxes[:, :2], axis=1)
        return replace(one, image=image), inside[share > _LEAST_INSIDE]
