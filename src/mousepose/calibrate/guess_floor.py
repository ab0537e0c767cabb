"""How a mouse of one size and shape looks that walks on a floor, and how far what is seen is off.

With the floor's normal n (up), the camera's height H above it and the focal length, each mark,
which lies at its usual height z above the floor, has a place on the floor: along its ray r at the
depth (H - z) / -(n . r). There the marks of a frame are the same mouse, moved, turned and grown:
the best similarity is, to first order in the image, a linear least-squares problem. Only on the
right floor is the mouse of one size and of one shape wherever it stands and wherever it looks. So
the residuals of a frame are the logarithm of its size, and what in the image is left of its shape.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mousepose.calibrate.guess_body import Silhouette
from mousepose.types import Floats

#: Rays nearer to the horizon than this (sine of the angle, roughly) do not meet the floor.
_HORIZON = 0.03
_TINY = 1e-9
#: Turns of the floor's normal (rad), logarithms of the focal length and of the height.
PARAMETERS = 4


@dataclass(frozen=True, eq=False)
class Sightings:
    """Frames to explain: `pixels` (T, K, 2) from the principal point, `seen` (T, K) 0 or 1.

    `body` is what is seen. `focal` px is the presumed focal length, of whose logarithm `focal_sd`
    is the standard deviation.
    """

    pixels: Floats
    seen: Floats
    body: Silhouette
    focal: float
    focal_sd: float

    def frames(self, chosen: Any) -> Sightings:
        """Return the sightings of some frames, by their indices or a mask."""
        return replace(self, pixels=self.pixels[chosen], seen=self.seen[chosen])


class Floor(NamedTuple):
    """A floor and a focal length: `normal` (3,) in the camera, up; `height` mm; `focal` px."""

    normal: Floats
    height: float
    focal: float

    def moved(self, step: Floats) -> Floor:
        """Return the floor after a step (4,) of the parameters."""
        one, other = tangents(self.normal)
        normal = self.normal + step[0] * one + step[1] * other
        return Floor(
            normal / np.linalg.norm(normal),
            self.height * float(np.exp(step[3])),
            self.focal * float(np.exp(step[2])),
        )


class Stand(NamedTuple):
    """How marks stand on a floor: `place` (T, K, 2) mm along the two tangents of the floor.

    `by_place` (T, K, 2, 2) and `by_height` (T, K, 2) px/mm are derivatives of the image, `scale`
    (T, K) px/mm how large what stands there is seen.
    """

    place: Floats
    by_place: Floats
    by_height: Floats
    scale: Floats


class Likeness(NamedTuple):
    """How like the animals of the frames are to a body, each in its best place, turn and size.

    `turn` (T, 2) is size times cosine and sine of the heading, `off` (T, K, 2) px how far marks are
    seen from where the body has them. `by_pixel` (T, 4, 2K) is the derivative of shift and turn by
    the image, `design` (T, 2K, 4) that of the image by shift and turn.
    """

    turn: Floats
    off: Floats
    by_pixel: Floats
    design: Floats

    @property
    def size(self) -> Floats:
        """Return the logarithm (T,) of the animals' size."""
        return np.asarray(np.log(np.maximum(np.hypot(*self.turn.T), 1e-3)))


def tangents(normal: Floats) -> tuple[Floats, Floats]:
    """Return two unit vectors across a unit vector (3,): right-handed with it."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    one = np.cross(helper, normal)
    one /= np.linalg.norm(one)
    return one, np.cross(normal, one)


def stand(sight: Sightings, floor: Floor) -> Stand:
    """Return where the marks stand on a floor when each has its usual height."""
    axes = np.stack(tangents(floor.normal))  # (2, 3)
    rays = sight.pixels / floor.focal
    down = np.maximum(-(rays @ floor.normal[:2] + floor.normal[2]), _HORIZON)
    depth = (floor.height - sight.body.height) / down
    place = depth[..., None] * (rays @ axes[:, :2].T + axes[:, 2])
    scale = floor.focal / depth
    # u = f X / Z: du = (f / Z) (dX - X / Z dZ), with dX along the tangents and the normal
    by_place = axes[:, :2].T - rays[..., :, None] * axes[:, 2]
    by_height = floor.normal[:2] - rays * floor.normal[2]
    return Stand(place, scale[..., None, None] * by_place, scale[..., None] * by_height, scale)


def likeness(sight: Sightings, seen: Stand) -> Likeness:
    """Return the best of all places, turns and sizes of the animal in each frame."""
    frames, marks = sight.seen.shape
    forward, left = sight.body.place.T
    by_turn = np.stack([np.stack([forward, -left], -1), np.stack([left, forward], -1)], axis=-2)
    by_shift = np.broadcast_to(np.eye(2), (marks, 2, 2))
    design = seen.by_place @ np.concatenate([by_shift, by_turn], axis=-1)
    design = design.reshape(frames, 2 * marks, 4)
    target = (seen.by_place @ seen.place[..., None]).reshape(frames, 2 * marks, 1)
    weight = np.repeat((sight.seen / sight.body.sigma) ** 2, 2, axis=1)
    weighted = np.swapaxes(design, 1, 2) * weight[:, None]
    by_pixel = np.linalg.solve(weighted @ design + _TINY * np.eye(4), weighted)
    found = by_pixel @ target
    off = (target - design @ found).reshape(frames, marks, 2)
    return Likeness(found[:, 2:, 0], off, by_pixel, design)


def by_marks(seen: Stand, like: Likeness) -> tuple[Floats, Floats]:
    """Return the derivatives of size (T, 3K) and of what is off (T, 2K, 3K) by the body's marks.

    A mark moves forward, left and up (mm); of first order in what is off.
    """
    frames, marks = seen.scale.shape
    cosine, sine = like.turn.T
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=-2)
    by_mark = np.concatenate([seen.by_place @ turn[:, None], seen.by_height[..., None]], axis=-1)
    image = np.zeros((frames, marks, 2, marks, 3))
    image[:, np.arange(marks), :, np.arange(marks)] = -np.swapaxes(by_mark, 0, 1)
    by_image = image.reshape(frames, 2 * marks, 3 * marks)
    moved = like.by_pixel @ by_image
    direction = like.turn / (like.turn**2).sum(axis=1, keepdims=True)
    return (direction[:, None] @ moved[:, 2:])[:, 0], by_image - like.design @ moved


def length_of(body: Silhouette) -> tuple[float, Floats]:
    """Return the length (mm) along the floor by which animals are measured, and its derivative.

    The derivative (K, 3) is by the marks, forward, left and up.
    """
    slope = np.zeros((len(body.sigma), 3))
    if body.ends:
        way = body.place[body.ends[0]] - body.place[body.ends[1]]
        length = float(np.linalg.norm(way))
        slope[list(body.ends), :2] = np.stack([way, -way]) / length
        return length, slope
    weight = body.sigma**-2 / (body.sigma**-2).sum()
    off = body.place - weight @ body.place
    length = float(np.sqrt(weight @ (off**2).sum(axis=1)))
    slope[:, :2] = weight[:, None] * off / length
    return length, slope
