"""Where the camera stands, and what part of its picture is cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.train.samples import CENTRE_JITTER, SIDE_JITTER, box_of_keypoints, crop_of_box
from mousepose.types import Floats

#: Elevation in degrees from which each view looks, and its number in `samples.VIEWS`.
VIEWS: dict[str, tuple[tuple[float, float], int]] = {
    "top": ((58.0, 90.0), 1), "oblique": ((18.0, 58.0), 2), "side": ((-4.0, 18.0), 2),
    "bottom": ((-90.0, -52.0), 3),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Eye:
    """A camera without lens faults: `place` (3,), `turn` (3, 3) to its axes, `matrix` (3, 3) px."""

    place: Floats
    turn: Floats
    matrix: Floats

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return pixels (N, 2) and depths (N,) mm of world points (N, 3)."""
        seen = (points - self.place) @ self.turn.T
        depth = np.maximum(seen[:, 2], 1e-3)
        xy = seen[:, :2] / depth[:, None] * self.matrix[[0, 1], [0, 1]] + self.matrix[:2, 2]
        return xy, seen[:, 2]

    def with_matrix(self, focal: float, centre: Floats) -> Eye:
        """Return the same camera with another lens."""
        matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        return Eye(self.place, self.turn, matrix)


def draw_eye(random: np.random.Generator, view: str, target: Floats) -> Eye:
    """Return a camera that looks past `target` (3,) from a random side; its focal length is 1."""
    (low, high), _ = VIEWS[view]
    rise = np.radians(random.uniform(low, high))
    turn = random.uniform(0, 2 * np.pi)
    outwards = np.array([np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)])
    distance = np.exp(random.uniform(np.log(180.0), np.log(1400.0)))
    place = target + distance * outwards
    place[2] = place[2] if view == "bottom" else max(place[2], 4.0)
    # cameras look at the middle of an arena, the mouse is somewhere in it
    aim = target + random.normal(0, 0.1 * distance, 3) * [1, 1, 0.3]
    ahead = (aim - place) / np.linalg.norm(aim - place)
    up = np.array([0.0, 0.0, 1.0]) if abs(ahead[2]) < 0.98 else np.array([0.0, 1.0, 0.0])
    right = np.cross(ahead, up)
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    upright = view in ("side", "oblique")
    roll = random.normal(0, 0.09) if upright else random.uniform(0, 2 * np.pi)
    if view == "oblique" and random.random() < 0.15:
        roll = random.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(roll), np.sin(roll)
    axes = np.stack([cosine * right + sine * down, -sine * right + cosine * down, ahead])
    return Eye(place, axes, np.eye(3))


def crop_eye(random: np.random.Generator, eye: Eye, keypoints: Floats, size: int) -> Eye:
    """Return the camera whose picture (size, size) is the jittered crop of a mouse."""
    xy, _ = eye.project(keypoints)
    centre, side = crop_of_box(box_of_keypoints(xy))
    low, high = np.log(SIDE_JITTER)
    centre = centre + random.uniform(-CENTRE_JITTER, CENTRE_JITTER, 2) * side
    side = side * np.exp(random.uniform(low, high))
    focal = size / side
    return eye.with_matrix(float(focal), (size - 1) / 2 - focal * centre)


def frame_eye(
    random: np.random.Generator, eye: Eye, keypoints: Floats, window: tuple[Floats, Floats]
) -> Eye:
    """Return the camera that shows a mouse in a window, 5 to 60 % of its shorter side long."""
    xy, _ = eye.project(keypoints)
    box = box_of_keypoints(xy)
    side = (box[2:] - box[:2]).max()
    low, high = window
    focal = float((high - low).min()) * np.exp(random.uniform(np.log(0.05), np.log(0.6))) / side
    centre = (box[:2] + box[2:]) / 2
    margin = 0.45 * focal * side
    at = random.uniform(low + margin, high - margin)
    return eye.with_matrix(float(focal), at - focal * centre)
