"""Labelled pictures as samples: a crop about each mouse, with room around it for turning."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.samples import (
    BOX_KEYPOINTS,
    CROP_SIZE,
    UNLABELLED,
    VIEWS,
    VISIBLE,
    Samples,
    crop_of_box,
)
from mousepose.types import Bytes, Floats, Ints

#: Labelled pictures are kept so many times as large as the crop, so that they can be turned.
CONTEXT = 1.5
#: A mouse is about so wide, as a share of its length; of use where only nose and tail are labelled.
_HALF_WIDTH = 0.15
#: The box of a mouse of which an end is not labelled has at least this longer side, in lengths.
_PART_SEEN = 1.1
_NOSE, _TAIL = KEYPOINT_NAMES.index("NOSE"), KEYPOINT_NAMES.index("ROOT_TAIL")
#: Parts of a split where none are asked for: of recordings, never of frames.
HELD_OUT_SHARE = 0.25


def body_length(xy: Floats) -> float:
    """Return the length of a mouse in px: the median nose to tail root of points (N, 22, 2).

    Where these are not labelled, the median of the longer sides of the labels' boxes.
    """
    straight = np.linalg.norm(xy[:, _NOSE] - xy[:, _TAIL], axis=-1)
    if np.isfinite(straight).any():
        return float(np.nanmedian(straight))
    spans = [np.ptp(one[np.isfinite(one).all(-1)], axis=0).max() for one in _labelled(xy)]
    if not spans or max(spans) <= 0:
        raise InputError("no picture has two labelled points: the size of the mouse is not known")
    return float(np.median(spans))


def body_boxes(xy: Floats, length: float) -> Floats:
    """Return the boxes (N, 4) of mice of `length` px with some of the points (N, 22, 2) labelled.

    A mouse has a width though only its midline is labelled, and a length though only its head is:
    the box holds a strip along nose to tail root, or where one of them is missing a whole mouse
    about the labelled points. Without any label NaN.
    """
    points = xy[:, BOX_KEYPOINTS]
    along = xy[:, _NOSE] - xy[:, _TAIL]
    straight = np.linalg.norm(along, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        aside = along[:, ::-1] * [-1, 1] / straight * length * _HALF_WIDTH
    ends = [xy[:, end] + sign * aside for end in (_NOSE, _TAIL) for sign in (-1, 1)]
    whole = np.isfinite(straight[:, 0])
    points = np.concatenate([points, np.stack(ends, 1)], axis=1)
    known = np.isfinite(points)
    low = np.where(known, points, np.inf).min(1)
    high = np.where(known, points, -np.inf).max(1)
    boxes = np.concatenate([low, high], 1)
    boxes[~np.isfinite(boxes).all(1)] = np.nan
    missing = np.maximum(length * _PART_SEEN - (boxes[:, 2:] - boxes[:, :2]).max(1), 0.0)
    around = np.where(whole, 0.0, np.maximum(missing / 2, length * _HALF_WIDTH))[:, None]
    return np.asarray(boxes + around * [-1, -1, 1, 1])


@dataclass(frozen=True, eq=False)
class Squares:
    """Where labelled mice are cut out: `rows` (M,) of the pictures that have a label.

    `centres` (M, 2) px and `sides` (M,) px are those of the crop as the network will see it,
    without the room around it; `length` px is the mouse's.
    """

    rows: Ints
    centres: Floats
    sides: Floats
    length: float


def squares_of(xy: Floats) -> Squares:
    """Return where the mice with labels (N, 22, 2) px are. Raises `InputError` for no size."""
    length = body_length(xy)
    boxes = body_boxes(xy, length)
    rows = np.flatnonzero(np.isfinite(boxes).all(1))
    centres, sides = crop_of_box(boxes[rows])
    return Squares(rows, centres, sides, length)


def samples_of(images: Bytes, xy: Floats, squares: Squares, view: str) -> Samples:
    """Return samples of one recording with labels (N, 22, 2) px of its pictures.

    `images` (M, S, S) are the squares cut out with room around them: S px where the crop alone has
    `CROP_SIZE`. All labels count as seen. Raises `InputError` for an unknown view.
    """
    if view not in VIEWS:
        raise InputError(f"view: expected {', '.join(VIEWS)}, got {view!r}")
    zoom = CROP_SIZE / squares.sides
    centred = xy[squares.rows] - squares.centres[:, None]
    points = centred * zoom[:, None, None] + (images.shape[-1] - 1) / 2
    state = np.where(np.isfinite(points).all(-1), VISIBLE, UNLABELLED).astype(np.uint8)
    views = np.full(len(images), VIEWS.index(view), np.uint8)
    lengths = (squares.length * zoom).astype(np.float32)
    return Samples(images, points.astype(np.float32), state, views, lengths)


def split_recordings(names: Sequence[str], share: float) -> tuple[Ints, Ints]:
    """Return the places of recordings to train on and of those held out, about `share` of them.

    Whole recordings are held out, and at least one where there are two or more; of a single one
    none is. The same names give the same parts on any machine.
    """
    order = sorted(
        range(len(names)),
        key=lambda place: hashlib.sha256(names[place].encode()).digest(),
    )
    held = 0 if len(names) < 2 or share <= 0 else min(max(round(share * len(names)), 1),
                                                     len(names) - 1)  # fmt: skip
    return np.array(sorted(order[held:]), np.int64), np.array(sorted(order[:held]), np.int64)


def centred(samples: Samples, size: int = CROP_SIZE) -> Samples:
    """Return samples cut to their middle `size` px, as the network sees them."""
    edge = (samples.images.shape[-1] - size) // 2
    if edge <= 0:
        return samples
    images = np.ascontiguousarray(samples.images[:, edge : edge + size, edge : edge + size])
    return Samples(images, samples.xy - np.float32(edge), samples.state, samples.view,
                   samples.length)  # fmt: skip


def view_names(samples: Samples) -> list[str]:
    """Return the view of each sample by its name."""
    return [VIEWS[view] for view in samples.view.tolist()]


def _labelled(xy: Floats) -> list[NDArray[np.float64]]:
    return [one for one in xy if np.isfinite(one).all(-1).sum() > 1]
