"""Which views of a board to calibrate a lens from: few, and as different as they come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import Poses, is_seen
from mousepose.types import Floats, Ints


class Placement(NamedTuple):
    """How V views show the board: centre (V, 2) px, distance (V,) mm, tilt (V, 2).

    The tilt is the part of the board's normal along the image: its length the sine of the angle. A
    board parallel to the image tells nothing of the focal length, wherever in it.
    """

    centre: Floats
    distance: Floats
    tilt: Floats

    @property
    def angle(self) -> Floats:
        """The angle (V,) rad between the board and the image plane."""
        return np.asarray(np.arcsin(np.clip(np.linalg.norm(self.tilt, axis=1), 0, 1)))


def placement(pixels: Floats, poses: Poses, points: Floats) -> Placement:
    """Return how views with pixels (V, P, 2) and poses show the corners (P, 3) of a board."""
    middle = points.mean(axis=0)
    place = poses.transforms[:, :3, :3] @ middle + poses.transforms[:, :3, 3]
    distance = np.linalg.norm(place, axis=1)
    # the views without any corner have no centre
    seen = is_seen(pixels)
    count = np.maximum(seen.sum(axis=1), 1)[:, None]
    centre = np.where(seen[..., None], pixels, 0.0).sum(axis=1) / count
    return Placement(centre, distance, poses.transforms[:, :2, 2])


def choose_views(camera: Camera, views: Placement, most: int) -> Ints:
    """Return the places of up to `most` views, in order, that differ most from each other.

    Farthest-point sampling over the place in the image, the distance and the tilt, each counted so
    that half the image, a factor 1.5 in distance and 30 degrees of tilt weigh the same.
    """
    size = np.array(camera.size, np.float64)
    features = np.column_stack([
        views.centre / (0.5 * size.max()),
        np.log(views.distance) / np.log(1.5),
        views.tilt / 0.5,
    ])  # fmt: skip
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(known) <= most:
        return known
    features = features[known]
    chosen = [int(np.argmin(((features - features.mean(axis=0)) ** 2).sum(axis=1)))]
    nearest = np.full(len(features), np.inf)
    while len(chosen) < most:
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(nearest)))
    return np.asarray(known[np.sort(chosen)])
