"""Where cameras stand, roughly: from the keypoints they share and how far these are apart on mice.

The pair with most shared points begins: its epipolar lines leave a few answers, of which the one is
taken on which the animal looks like a mouse. Every other camera is placed before the points known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.calibrate.self_body import BodyDistances
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.bundle_points import adjust_points
from mousepose.geometry.camera import Camera
from mousepose.geometry.relative_pose import relative_poses, same_lines
from mousepose.geometry.resection import refine_poses
from mousepose.geometry.triangulate import triangulate
from mousepose.types import Floats, Ints

#: Two cameras that share fewer points tell nothing of each other.
LEAST_SHARED = 40
#: Points of a pair, and of a camera that is placed, beyond which more only cost time.
_MOST_PAIRED, _MOST_PLACED = 2000, 120
#: Answers of a pair that are looked at more closely, and the share of points before both cameras.
_ANSWERS, _LEAST_BEFORE = 8, 0.7
#: An answer on which mice look so many times less like mice is not looked at again.
_AS_LIKELY = 2.0
_TURNS = 120
#: Steps of an adjustment of few cameras: a better start is all that is wanted.
_STEPS = 15
#: Focal lengths that are tried, as shares of the guess.
_FOCALS = (0.75, 1.0, 1.33)


@dataclass(frozen=True, eq=False)
class Sightings:
    """What C cameras saw of K keypoints in T frames: `pixels` (C, T, K, 2), `sd` (C, T, K) px.

    NaN where not seen. `focal_sd` is how sure focal lengths are, as a share; 0 where they are
    known. `body` says how far keypoints are apart.
    """

    pixels: Floats
    sd: Floats
    body: BodyDistances
    focal_sd: float

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which points (C, T, K) are seen."""
        return np.isfinite(self.pixels).all(axis=-1) & np.isfinite(self.sd)

    @property
    def shared(self) -> Ints:
        """How many points (C, C) every two cameras share; on the diagonal those of one."""
        flat = self.seen.reshape(len(self.pixels), -1).astype(np.int64)
        return np.asarray(flat @ flat.T)

    def frames(self, chosen: Ints) -> Sightings:
        """Return what was seen in some of the frames."""
        return replace(self, pixels=self.pixels[:, chosen], sd=self.sd[:, chosen])

    def of(self, cameras: Sequence[int]) -> Sightings:
        """Return what some of the cameras saw."""
        chosen = list(cameras)
        return replace(self, pixels=self.pixels[chosen], sd=self.sd[chosen])

    def weights(self) -> Floats:
        """Return inverse variances (C, T, K), 0 where not seen."""
        return np.where(self.seen, 1 / np.where(self.seen, self.sd, 1.0) ** 2, 0.0)


def check_connected(shared: Ints, names: Sequence[str]) -> None:
    """Raise `InputError`, naming them, where cameras share too few points with the others."""
    linked = shared >= LEAST_SHARED
    reached = {int(np.argmax(np.diag(shared)))}
    while True:
        more = {int(c) for one in reached for c in np.flatnonzero(linked[one])} - reached
        if not more:
            break
        reached |= more
    alone = [name for index, name in enumerate(names) if index not in reached]
    if alone or len(names) < 2:
        most = [
            f"{name} {int(np.delete(shared[names.index(name)], names.index(name)).max())}"
            for name in alone
        ]
        raise InputError(
            f"cameras that share fewer than {LEAST_SHARED} points with the others cannot be "
            f"placed (points shared with the best other camera: {', '.join(most)}); give more "
            "frames in which several cameras see the animal"
        )


def start_cameras(sight: Sightings, cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras (C) placed in the world of one of them, in mm by the body.

    Raises `InputError` where no answer puts the animal before the cameras.
    """
    shared = np.triu(sight.shared, 1)
    first, second = (int(place) for place in np.unravel_index(shared.argmax(), shared.shape))
    placed = dict(zip((first, second), _pair(sight, cameras, first, second), strict=True))
    while len(placed) < len(cameras):
        order = list(placed)
        chosen = [placed[index] for index in order]
        points = triangulate(chosen, sight.of(order).pixels, sight.of(order).weights()).points
        known = np.isfinite(points).all(axis=-1)
        counts = (sight.seen & known).sum(axis=(1, 2))
        counts[order] = -1
        index = int(counts.argmax())
        focal = np.exp(np.mean([np.log(c.matrix[0, 0] / cameras[i].matrix[0, 0])
                                for i, c in placed.items()]))  # fmt: skip
        placed[index] = _placed(sight, _scaled(cameras[index], focal), index, points)
        order = list(placed)
        adjusted = _adjusted(sight.of(order), [placed[one] for one in order])[0]
        placed = dict(zip(order, adjusted, strict=True))
    return [placed[index] for index in range(len(cameras))]


def _pair(
    sight: Sightings, cameras: Sequence[Camera], first: int, second: int
) -> tuple[Camera, Camera]:
    """Return two cameras, the first at the world's origin, on whose points mice look like mice."""
    both = sight.of([first, second])
    factors = _FOCALS if sight.focal_sd > 0 else (1.0,)
    found: list[tuple[float, list[Camera]]] = []
    for factor in factors:
        pair = [
            replace(_scaled(cameras[index], factor), T_camera_world=np.eye(4))
            for index in (first, second)
        ]
        found += _answers(both, pair)
    if not found:
        raise InputError(
            f"no place of {cameras[second].name} to {cameras[first].name} puts the animal before "
            "both: are their points of the same moments and the same animal, and the image sizes "
            "and focal lengths right?"
        )
    found.sort(key=lambda answer: answer[0])
    likely = [pair for unlike, pair in found[:_ANSWERS] if unlike <= _AS_LIKELY * found[0][0]]
    fitted = [_adjusted(both, pair) for pair in likely]
    one, other = min(fitted, key=lambda answer: answer[1])[0]
    return one, other


def _answers(both: Sightings, pair: Sequence[Camera]) -> list[tuple[float, list[Camera]]]:
    """Return places of the second camera in mm, each with how unlike a mouse its points are."""
    rows = np.argwhere(both.seen.all(axis=0))
    few = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_PAIRED)).astype(int)]
    ends = [
        camera.undistort(pixels[few[:, 0], few[:, 1]])
        for camera, pixels in zip(pair, both.pixels, strict=True)
    ]
    good = np.isfinite(ends[0]).all(axis=1) & np.isfinite(ends[1]).all(axis=1)
    noise = float(np.median(both.sd[both.seen])) / float(pair[0].matrix[0, 0])
    answers = []
    for relative in relative_poses(ends[0][good], ends[1][good], noise).transforms:
        for transform in same_lines(relative):
            placed = [pair[0], replace(pair[1], T_camera_world=transform)]
            points = triangulate(placed, both.pixels, both.weights()).points
            before = np.isfinite(points).all(axis=-1).sum() / max(len(rows), 1)
            if before < _LEAST_BEFORE:
                continue
            log_scale, _, unlike = both.body.compare(points)
            if not np.isfinite(unlike):
                continue
            metric = transform.copy()
            metric[:3, 3] *= np.exp(log_scale)
            answers.append((unlike, [pair[0], replace(pair[1], T_camera_world=metric)]))
    return answers


def _adjusted(sight: Sightings, cameras: Sequence[Camera]) -> tuple[list[Camera], float]:
    """Return cameras after a short adjustment, and its cost for each point seen."""
    weights = sight.weights()
    points = triangulate(cameras, sight.pixels, weights).points
    fitted = adjust_points(
        cameras, points, sight.pixels, weights, sight.body.ties(points.shape[0]),
        focal_sd=sight.focal_sd, most_steps=_STEPS,
    )  # fmt: skip
    known = np.isfinite(fitted.points).all(axis=-1).sum()
    return list(fitted.cameras), fitted.cost / max(int(known), 1)


def _placed(sight: Sightings, camera: Camera, index: int, points: Floats) -> Camera:
    """Return a camera placed before known points (T, K, 3)."""
    rows = np.argwhere(sight.seen[index] & np.isfinite(points).all(axis=-1))
    if len(rows) < LEAST_SHARED // 2:
        raise InputError(
            f"camera {camera.name} sees {len(rows)} of the points that the other cameras place; at "
            f"least {LEAST_SHARED // 2} are needed: give more frames, or leave it out"
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_PLACED)).astype(int)]
    places = points[rows[:, 0], rows[:, 1]]
    images = sight.pixels[index][rows[:, 0], rows[:, 1]]
    views = camera.undistort(images)
    good = np.isfinite(views).all(axis=1)
    places, images, views = places[good], images[good], views[good]
    starts = _starts(places, views)
    for _ in range(3):
        found = refine_poses(camera, places, np.tile(images, (len(starts), 1, 1)), starts)
        if not np.isfinite(found.rms).any():
            raise InputError(f"camera {camera.name}: no place of it shows the points as it does")
        best = found.transforms[int(np.nanargmin(found.rms))]
        now = replace(camera, T_camera_world=best)
        away = np.linalg.norm(now.project(places) - images, axis=1)
        kept = away <= 3 * np.median(away)  # the wrong points of wrong views
        places, images, starts = places[kept], images[kept], best[None]
    return now


def _starts(points: Floats, views: Floats) -> Floats:
    """Return poses (S, 4, 4) turned to all sides, as far off as the points' size tells."""
    random = np.random.default_rng(0)
    quaternions = random.normal(size=(_TURNS, 4))
    length = np.linalg.norm(quaternions[:, 1:], axis=1)
    angle = 2 * np.arctan2(length, quaternions[:, 0])
    turns = rotation.exp(quaternions[:, 1:] * (angle / length)[:, None])
    centre, middle = np.median(points, axis=0), np.median(views, axis=0)
    size = np.median(np.linalg.norm(points - centre, axis=1))
    seen = np.median(np.linalg.norm(views - middle, axis=1))
    # a cloud of points is seen from one side: about 0.8 of its size across the line of sight
    place = np.append(middle, 1.0) * 0.8 * size / max(float(seen), 1e-9)
    starts = np.tile(np.eye(4), (_TURNS, 1, 1))
    starts[:, :3, :3] = turns
    starts[:, :3, 3] = place - turns @ centre
    depth = (points @ starts[:, 2, :3].T).min(axis=0) + starts[:, 2, 3]
    starts[:, 2, 3] += np.maximum(0.1 * size - depth, 0.0)  # all points before the camera
    return starts


def _scaled(camera: Camera, factor: float) -> Camera:
    """Return the camera with a focal length `factor` times as long."""
    if factor == 1.0:
        return camera
    matrix = camera.matrix.copy()
    matrix[:2, :2] *= factor
    return replace(camera, matrix=matrix)
