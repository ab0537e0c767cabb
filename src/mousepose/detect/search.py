"""Finds mice with the keypoint network alone: in a single picture, or one that stands still.

The network looks at windows of several sizes all over the frame. Where its keypoints are sure it
looks again, at the window that they ask for, until that is the window it looks at: the bootstrap
ends on a mouse, or on something that the network takes for one. Four things tell a mouse, and
their product is its score:

confidence  of the keypoints of the body
agreement   the overlap of the box that was looked at with the box of what was found in it
contrast    how far the grey levels between the keypoints are from those of the window's edge,
            d' = |difference of means| / sqrt(sum of variances), as d' / (1 + d')
shape       no box of a mouse is much longer than wide

A network that was never shown an empty window is sure of edges and boxes too; what is between its
points there looks like what is around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.detect.blobs import overlap
from mousepose.detect.crops import MARGIN, Crops
from mousepose.detect.network import KeypointModel
from mousepose.errors import InputError
from mousepose.types import Bytes, Floats, Ints

#: Sides of the windows as shares of the frame's shorter side, and how far one is from the next as
#: a share of its side. A window finds mice of 0.6 to 1.6 times the size that fits it.
SHARES = (0.9, 0.62, 0.43, 0.3, 0.2, 0.14)
_STEP = 0.5
_REFITS = (0.6, 1.6)
#: px; in a smaller window no mouse can be made out.
_LEAST_SIDE = 24.0
#: How often the best windows are looked at again.
_ROUNDS = 3
#: Keypoints that do not count for the box of a body.
_TAIL = ("MID_TAIL", "TIP_TAIL")
#: Points of less than this share of the median confidence do not move the box.
_SURE = 0.5
#: Boxes that share more than this of their union are one mouse.
_SAME_MOUSE = 0.3
#: The way from the keypoints' middle to each of them that is surely body.
_INSIDE = np.array([0.0, 0.15, 0.3, 0.45, 0.6])
#: Less wide than this share of its length no mouse is seen, but for a tail's width.
_SLENDER = 0.45
#: px of a crop's edge that is taken for what is around the mouse; grey levels of noise.
_EDGE, _NOISE = 10, 3.0


@dataclass(frozen=True, eq=False)
class Sights:
    """What N windows of frames show: `boxes` (N, 4) px, `scores` (N,) 0-1, `points` (N, K, 2).

    `boxes` are those of the keypoints of the body, `points` px of the frame, `scores` are explained
    in the text of the module.
    """

    boxes: Floats
    scores: Floats
    points: Floats

    def __getitem__(self, rows: Ints) -> Sights:
        """Return some of them."""
        return Sights(self.boxes[rows], self.scores[rows], self.points[rows])


def windows_over(size: tuple[int, int], sides: Sequence[float]) -> Floats:
    """Return boxes (N, 4) whose crops are windows of `sides` px all over a frame of (W, H) px."""
    boxes = []
    for side in sides:
        along = []
        for length in size:
            count = max(1, int(np.ceil((length / side - 1) / _STEP)) + 1)
            ends = (side / 2, length - side / 2) if count > 1 else (length / 2, length / 2)
            along.append(np.linspace(*ends, count) - 0.5)
        x, y = (axis.ravel() for axis in np.meshgrid(*along))
        half = 0.5 * side / MARGIN
        boxes.append(np.stack([x - half, y - half, x + half, y + half], axis=1))
    return np.concatenate(boxes)


def looked_at(
    model: KeypointModel, images: Bytes, boxes: Floats, which: Ints, view: str | None = None
) -> Sights:
    """Return what the network finds in the crops about boxes (N, 4) of frames `which` (N,)."""
    crops = Crops.around(boxes, model.size)
    cut = crops.cut(images, which)
    seen = model.predict(cut, view)
    body = np.array([k for k, name in enumerate(model.names) if name not in _TAIL])
    sure, points = seen.confidence[:, body], seen.xy[:, body]
    found = _boxes(crops.to_frame(points), sure)
    agreement = overlap_of_pairs(boxes, found)
    contrast = contrast_of(cut, points)
    extent = np.sort(found[:, 2:] - found[:, :2], axis=1)
    shape = np.minimum(extent[:, 0] / np.maximum(_SLENDER * extent[:, 1], 1e-9), 1.0)
    scores = sure.mean(1) * agreement * contrast * shape
    return Sights(found, scores, crops.to_frame(seen.xy))


def search(
    model: KeypointModel,
    image: Bytes,
    *,
    mice: int = 1,
    view: str | None = None,
    body_px: tuple[float, float] | None = None,
) -> Sights:
    """Return up to `mice` places of a grey frame (H, W) that look most like mice, best first.

    `body_px` are the least and the largest longer side of a mouse's box, where they are known.
    Raises `InputError` for a frame of another shape.
    """
    if image.ndim != 2 or min(image.shape) < 2:
        raise InputError(f"mice are sought in grey frames (H, W), got {image.shape}")
    height, width = image.shape
    sides = [share * min(image.shape) for share in SHARES]
    if body_px is not None:
        low, high = (side * MARGIN for side in body_px)
        sides = [s for s in sides if low / _REFITS[1] <= s <= high / _REFITS[0]]
    sides = [s for s in sides if s >= _LEAST_SIDE] or [float(min(image.shape))]
    return refined(model, image, windows_over((width, height), sides), mice=mice, view=view)


def refined(
    model: KeypointModel,
    image: Bytes,
    boxes: Floats,
    *,
    mice: int = 1,
    view: str | None = None,
    keep: int = 40,
) -> Sights:
    """Return up to `mice` places that the network comes to from boxes (N, 4) of a frame (H, W).

    The `keep` best of the boxes are looked at again.
    """
    frame, size = image[None], (image.shape[1], image.shape[0])
    seen = looked_at(model, frame, boxes, np.zeros(len(boxes), np.int64), view)
    best = np.argsort(-promise_of(seen, boxes), kind="stable")[:keep]
    boxes, seen = boxes[best], seen[best]
    for _ in range(_ROUNDS):
        boxes = _refitted(seen.boxes, boxes, size)
        seen = looked_at(model, frame, boxes, np.zeros(len(boxes), np.int64), view)
    return apart(seen, mice)


def apart(seen: Sights, mice: int) -> Sights:
    """Return the best of sights of one frame, no two of one mouse, `mice` of them at most."""
    chosen: list[int] = []
    for row in np.argsort(-seen.scores, kind="stable").tolist():
        if len(chosen) == mice:
            break
        others = seen.boxes[chosen].reshape(-1, 4)
        if not chosen or overlap(seen.boxes[row : row + 1], others).max() < _SAME_MOUSE:
            chosen.append(row)
    return seen[np.array(chosen, np.int64)]


def contrast_of(crops: Bytes, points: Floats) -> Floats:
    """Return how far what lies between points (N, K, 2) px of crops (N, S, S) is from their edge.

    0 to 1: d' / (1 + d'), see the text of the module.
    """
    size = crops.shape[-1]
    middle = np.median(points, axis=1, keepdims=True)
    inside = middle[:, :, None] + (points - middle)[:, :, None] * _INSIDE[:, None]
    place = np.clip(np.rint(inside), 0, size - 1).astype(np.int64).reshape(len(crops), -1, 2)
    within = crops[np.arange(len(crops))[:, None], place[..., 1], place[..., 0]].astype(np.float64)
    edge = np.ones((size, size), bool)
    edge[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
    around = crops[:, edge][:, ::5].astype(np.float64)
    spread = np.sqrt(within.var(1) + around.var(1) + _NOISE**2)
    distance = np.abs(within.mean(1) - around.mean(1)) / spread
    return np.asarray(distance / (1 + distance))


def overlap_of_pairs(boxes: Floats, others: Floats) -> Floats:
    """Return the overlap over union (N,) of boxes (N, 4) with as many others, one by one."""
    low = np.maximum(boxes[:, :2], others[:, :2])
    high = np.minimum(boxes[:, 2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, others)]
    return np.asarray(shared / np.maximum(areas[0] + areas[1] - shared, 1e-12))


def _boxes(points: Floats, sure: Floats) -> Floats:
    """Return the boxes (N, 4) of points (N, K, 2) that are not much less sure than the others."""
    counts = (sure >= _SURE * np.median(sure, axis=1, keepdims=True)) & np.isfinite(points).all(-1)
    low = np.where(counts[..., None], points, np.inf).min(1)
    high = np.where(counts[..., None], points, -np.inf).max(1)
    boxes = np.concatenate([low, high], axis=1)
    return np.where(np.isfinite(boxes).all(1, keepdims=True), boxes, 0.0)


def promise_of(seen: Sights, boxes: Floats) -> Floats:
    """Return the scores of sights without their agreement: a window is not yet where it should."""
    agreement = overlap_of_pairs(boxes, seen.boxes)
    return np.where(agreement > 0, seen.scores / np.maximum(agreement, 1e-9), 0.0)


def _refitted(found: Floats, boxes: Floats, size: tuple[int, int]) -> Floats:
    """Return the boxes to look at next: what was found in `boxes`, no leap in size, in the frame.

    Their window, of the longer side, is then that much larger or smaller.
    """
    extent = found[:, 2:] - found[:, :2]
    was, longer = (boxes[:, 2:] - boxes[:, :2]).max(1), extent.max(1)
    wanted = np.clip(longer, _REFITS[0] * was, _REFITS[1] * was)
    middle = np.clip((found[:, :2] + found[:, 2:]) / 2, 0, np.array(size) - 1.0)
    shape = extent / np.maximum(longer, 1e-9)[:, None]
    half = 0.5 * np.maximum(wanted, _LEAST_SIDE / MARGIN)[:, None] * shape
    return np.concatenate([middle - half, middle + half], axis=1)
