"""Fits problem files with mousepose: which body, which scale, which frames belong together."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from common import CannotMeasure
from problems import MARK_OF_JOINT, Problems

from mousepose import FitConfig, Scale, reconstruct
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.model import BodyModel, Marks
from mousepose.body.shape import ShapeSpace
from mousepose.geometry.camera import Camera
from mousepose.skeleton import Skeleton
from mousepose.types import Floats, Ints, Keypoints2D, PoseSequence

#: The keypoint map of the sets of real mice.
REAL_MAP = "dannce22"
#: No tracker is better than this, so a file without noise is fitted as if it had some, px.
LEAST_SIGMA_PX = 0.5


@dataclass(frozen=True, eq=False)
class Fitted:
    """Joints (N, J, 3) mm in the camera frame with covariance (N, J, 3, 3), and the time taken."""

    joints: Floats
    covariance: Floats
    seconds: float


@dataclass(frozen=True, eq=False)
class Method:
    """How a file is fitted: body, keypoints on it, the file's joint of each, scale, settings.

    Without a body of its own it is fitted with the default body and the prior learned for it.
    """

    body: BodyModel | None
    keypoint_map: KeypointMap
    joint_of_keypoint: Ints
    scale: Scale
    config: FitConfig


def method_for(problems: Problems) -> Method:
    """Return how mousepose fits a file: with its exact skeleton, or as a tracker's skin marks.

    Settings are those of a user who knows the noise of the tracker. Raises `CannotMeasure` for a
    file with fewer keypoints than a fit needs.
    """
    sigma = max(float(np.mean(problems.sigma)), LEAST_SIGMA_PX)
    config = FitConfig(report="marks", pixel_sigma=sigma)
    if problems.exact_skeleton:
        body = exact_body(problems)
        count = len(problems.joint_names)
        names = problems.joint_names
        joints = KeypointMap(names, names, np.zeros((count, 3)), np.zeros(count), {})
        config = replace(config, prior="isotropic")
        return Method(body, joints, np.arange(count), Scale.model(), config)
    names = problems.marked
    if len(names) < config.min_keypoints:
        raise CannotMeasure(f"{problems.name}: no skeleton, and only {len(names)} known skin marks")
    columns = [problems.joint_names.index(name) for name in names]
    marks = load_keypoint_map(REAL_MAP).select([MARK_OF_JOINT[name] for name in names])
    scale = Scale.body_length(problems.body_length)
    return Method(None, marks.map, np.array(columns), scale, config)


def exact_body(problems: Problems) -> BodyModel:
    """Return the body whose rest joints the file gives: no limits, no other shape than this."""
    if problems.rest is None or problems.parents is None:
        raise CannotMeasure(f"{problems.name} gives no skeleton")
    skeleton = Skeleton(problems.joint_names, problems.parents)
    count = len(problems.joint_names)
    limits = np.zeros((count, 3, 2))
    limits[1:] = -np.pi, np.pi
    free = np.ones((count, 3), bool)
    free[0] = False
    return BodyModel(
        name=f"skeleton of {problems.name}",
        skeleton=skeleton,
        rest=problems.rest,
        free=free,
        limits=limits,
        keypoints=Marks.of_joints(skeleton),
        shape_space=ShapeSpace((), np.zeros((0, count)), np.zeros(0)),
        source=problems.name,
        axes=_axes(skeleton, problems.rest),
    )


def fit_problems(
    problems: Problems, method: Method | None = None, *, through_time: bool = False
) -> Fitted:
    """Return the fit of every problem; with `through_time` timed sequences are fitted as such."""
    method = method or method_for(problems)
    joints = np.full(problems.truth.shape, np.nan)
    covariance = np.full((*problems.truth.shape, 3), np.nan)
    camera = Camera(problems.matrix, np.zeros(0), np.eye(4), problems.image_size)
    start = time.perf_counter()
    for rows, timed in tracks(problems, through_time):
        keypoints = keypoints_of(problems, method, rows, timed)
        config = replace(method.config, temporal=timed and method.config.temporal)
        sequence = reconstruct(
            keypoints,
            (camera,),
            method.body,
            keypoint_map=method.keypoint_map,
            scale=method.scale,
            config=config,
        )
        columns = np.ix_(rows, method.joint_of_keypoint)
        joints[columns], covariance[columns] = reported(sequence, method.keypoint_map.names)
    return Fitted(joints, covariance, time.perf_counter() - start)


def tracks(problems: Problems, through_time: bool) -> list[tuple[Ints, bool]]:
    """Return rows that are fitted together, each with whether they follow each other in time.

    Raises `CannotMeasure` for a sequence in which two frames have one time.
    """
    timed = np.isfinite(problems.times) & through_time
    found: list[tuple[Ints, bool]] = []
    for sequence in np.unique(problems.sequence[timed]):
        rows = np.flatnonzero(timed & (problems.sequence == sequence))
        rows = rows[np.argsort(problems.times[rows], kind="stable")]
        if (np.diff(problems.times[rows]) <= 0).any():
            raise CannotMeasure(f"{problems.name}: times repeat in sequence {sequence}")
        found.append((rows, True))
    if not timed.all():
        found.append((np.flatnonzero(~timed), False))
    return found


def keypoints_of(problems: Problems, method: Method, rows: Ints, timed: bool) -> Keypoints2D:
    """Return the image points of some problems as one track; untimed ones stand a second apart."""
    columns = np.ix_(rows, method.joint_of_keypoint)
    seen = problems.seen[columns]
    numbers = np.arange(len(rows))
    return Keypoints2D(
        xy=np.where(seen[..., None], problems.points[columns], np.nan)[:, None],
        confidence=np.where(seen, problems.weight[columns], 0.0)[:, None],
        times=problems.times[rows] if timed else numbers.astype(np.float64),
        frame_numbers=numbers,
        keypoint_names=method.keypoint_map.names,
    )


def reported(sequence: PoseSequence, names: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Return the points (T, K, 3) and covariance (T, K, 3, 3) of the keypoints `names`."""
    columns = [sequence.keypoint_names.index(name) for name in names]
    return sequence.keypoints[:, columns], sequence.covariance[:, columns]


def _axes(skeleton: Skeleton, rest: Floats) -> Floats:
    """Return forward, left and up of a rest skeleton, each along the nearest of its own axes."""

    def nearest(direction: Floats) -> Floats:
        axis = int(np.abs(direction).argmax())
        return np.asarray(np.sign(direction[axis]) * np.eye(3)[axis])

    def joint(name: str) -> Floats:
        return np.asarray(rest[skeleton.index(name)])

    left = nearest(joint("LEFT_HIP") - joint("RIGHT_HIP"))
    along = joint("SPINE_SHOULDER") - joint("ROOT_TAIL")
    forward = nearest(along - (along @ left) * left)
    return np.stack([forward, left, np.cross(forward, left)])
