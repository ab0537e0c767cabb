"""Many training samples beside each other, with their keypoints: to look at before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from mousepose.atomic import atomic_path
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.samples import UNLABELLED, VISIBLE, SampleFolder, Samples
from mousepose.types import require

#: Left, right and middle, as red, green and blue.
_COLOURS = ((240, 90, 60), (70, 140, 255), (70, 220, 110))
_BOX = (250, 220, 60)
_SIDE = 224


def draw_sheet(
    path: str | Path, folder: SampleFolder, *, count: int = 48, columns: int = 8, plain: int = 2
) -> None:
    """Draw samples that are spread over a folder; every `plain`-th one without its keypoints.

    Left points are red, right ones blue, those of the middle green; hidden ones are hollow.
    Raises `InputError` where there is nothing to draw.
    """
    require(count > 0 and columns > 0, "a sheet needs one sample and one column at least")
    number = min(count, len(folder))
    samples = folder.take(np.linspace(0, len(folder) - 1, number).astype(np.int64))
    rows = -(-number // columns)
    sheet = Image.new("RGB", (columns * _SIDE, rows * _SIDE))
    for k in range(number):
        picture = _picture(samples, k, marked=plain == 0 or k % plain != plain - 1)
        sheet.paste(picture, (k % columns * _SIDE, k // columns * _SIDE))
    with atomic_path(path) as temporary:
        sheet.save(temporary)


def _picture(samples: Samples, k: int, *, marked: bool) -> Image.Image:
    grey = Image.fromarray(np.asarray(samples.images[k])).convert("RGB")
    picture = grey.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    if not marked:
        return picture
    scale = _SIDE / samples.images.shape[-1]
    draw = ImageDraw.Draw(picture)
    for name, xy, state in zip(KEYPOINT_NAMES, samples.xy[k], samples.state[k], strict=True):
        if state == UNLABELLED:
            continue
        x, y = (xy + 0.5) * scale - 0.5
        side = 0 if name.startswith("LEFT_") else 1 if name.startswith("RIGHT_") else 2
        spot = (x - 2.5, y - 2.5, x + 2.5, y + 2.5)
        fill = _COLOURS[side] if state == VISIBLE else None
        draw.ellipse(spot, fill=fill, outline=_COLOURS[side])
    if samples.box is not None:
        for box in samples.box[k][np.isfinite(samples.box[k]).all(axis=-1)]:
            draw.rectangle([float(v) for v in (box + 0.5) * scale - 0.5], outline=_BOX)
    return picture
