"""Finds mice in whole frames with a network: any frame by itself, whatever the background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousepose.detect.blobs import overlap
from mousepose.detect.crops import Crops
from mousepose.detect.network import BATCH, Network, logistic
from mousepose.detect.types import Detections
from mousepose.errors import FileError, InputError
from mousepose.types import Bytes, Floats

#: Boxes that share more than this of their union are one mouse.
_SAME_MOUSE = 0.5
#: A width or height is at most so many times the frame.
_LARGEST = 2.0


class NetworkDetector:
    """A `Detector` that looks at frames scaled into a square: `NetworkDetector("find.onnx")`.

    Returns up to `mice` of them whose score is at least `least_score`. `providers` and `threads` as
    in `Network`. Raises as `Network`, and `FileError` for a network of another kind.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        mice: int = 2,
        least_score: float = 0.3,
        providers: Sequence[str] | None = None,
        threads: int = 0,
    ) -> None:
        self.network = Network(path, providers=providers, threads=threads)
        if self.network.description.kind != "detector":
            kind = self.network.description.kind
            raise FileError(f"{path} is a network of {kind}; expected a detector")
        if mice < 1:
            raise InputError(f"mice: expected 1 or more, got {mice}")
        self.mice, self.least_score = mice, least_score

    def detect(self, images: Bytes) -> list[Detections]:
        """Return the mice in each of grey images (B, H, W)."""
        found: list[Detections] = []
        for first in range(0, len(images), BATCH):
            found += self._detect(images[first : first + BATCH])
        return found

    def _detect(self, images: Bytes) -> list[Detections]:
        into, out = self.network.description.input, self.network.description.output
        squares, placed = letterboxed(images, into.size)
        given = self.network.run({into.images: self.network.images(squares)})
        centre, extent = given[out.centre], given[out.extent]
        cells = round(into.size / out.stride)
        if centre.shape[1:] != (1, cells, cells) or extent.shape[1:] != (2, cells, cells):
            raise FileError(
                f"{self.network.path}: its outputs have the shapes {centre.shape[1:]} and "
                f"{extent.shape[1:]}; expected (1, {cells}, {cells}) and (2, {cells}, {cells})"
            )
        frames = []
        for number in range(len(images)):
            boxes, scores = self._boxes(centre[number, 0], extent[number], out.stride, into.size)
            corners = boxes.reshape(1, -1, 2)
            one = Crops(placed.centres[number : number + 1], placed.sides[:1], into.size)
            frames.append(Detections(one.to_frame(corners).reshape(-1, 4), scores))
        return frames

    def _boxes(
        self, logits: NDArray[np.float32], extent: NDArray[np.float32], stride: float, size: int
    ) -> tuple[Floats, Floats]:
        """Return the boxes (M, 4) px of the square and their scores, best first."""
        chance = logistic(logits)
        padded = np.pad(chance, 1, constant_values=-1.0)
        around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        tops = (chance >= around.max((2, 3))) & (chance >= self.least_score)
        rows, columns = np.nonzero(tops)
        order = np.argsort(-chance[rows, columns], kind="stable")[: 4 * self.mice]
        boxes: list[Floats] = []
        scores: list[float] = []
        steps = np.arange(-1, 2)
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            near = np.maximum(around[row, column], 0.0)
            place = (
                np.array([(near.sum(0) * steps).sum(), (near.sum(1) * steps).sum()]) / near.sum()
            )
            middle = (np.array([column, row]) + place + 0.5) * stride - 0.5
            share = np.exp(np.clip(extent[:, row, column], -10, np.log(_LARGEST)))
            half = 0.5 * size * share
            box = np.concatenate([middle - half, middle + half])
            if not boxes or overlap(box[None], np.stack(boxes)).max() < _SAME_MOUSE:
                boxes.append(box)
                scores.append(float(chance[row, column]))
            if len(boxes) == self.mice:
                break
        return np.array(boxes).reshape(-1, 4), np.array(scores)


def letterboxed(images: Bytes, size: int) -> tuple[Bytes, Crops]:
    """Return frames (B, H, W) scaled into the middle of black squares of `size` px, and where."""
    count, height, width = images.shape
    side = max(height, width)
    centres = np.tile([(width - 1) / 2, (height - 1) / 2], (count, 1)).astype(np.float64)
    placed = Crops(centres, np.full(count, float(side)), size)
    squares = placed.cut(images)
    down, across = (round((side - n) / 2 * size / side) for n in (height, width))
    for edge in (squares[:, :down], squares[:, size - down :],
                 squares[:, :, :across], squares[:, :, size - across :]):  # fmt: skip
        edge[:] = 0
    return squares, placed
