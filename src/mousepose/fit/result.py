"""From solved variables to the `PoseSequence` that users get."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import TERMS, Points, PoseArrays
from mousepose.fit.observe import Observation
from mousepose.fit.sample import POOR, energy_per_point
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
from mousepose.fit.uncertainty import PointEstimate, estimate_points
from mousepose.geometry import rotation
from mousepose.types import (
    Bytes,
    FitReport,
    Floats,
    Ints,
    Keypoints2D,
    Pose,
    PoseSequence,
    State,
    Status,
)


@dataclass(eq=False)
class Track:
    """Solved variables of T frames: poses, cost by term (T, 4), cost of time (T,), covariance.

    `solved` (T,) says which frames have a pose at all.
    """

    poses: PoseArrays
    terms: Floats
    time_cost: Floats
    covariance: Floats
    tried: Ints
    solved: NDArray[np.bool_]

    @classmethod
    def empty(cls, frames: int, setup: Setup) -> Track:
        """Return a track of frames without a pose."""
        r = setup.prior.coordinates
        return cls(
            PoseArrays(
                np.full((frames, 3, 3), np.nan), np.full((frames, 3), np.nan),
                np.full((frames, r), np.nan),
            ),
            np.full((frames, len(TERMS)), np.nan), np.full(frames, np.nan),
            np.full((frames, 6 + r, 6 + r), np.nan), np.zeros(frames, np.int64),
            np.zeros(frames, bool),
        )  # fmt: skip

    def cut(self, part: slice) -> Track:
        """Return some of the frames."""
        return Track(
            self.poses.take(part), self.terms[part], self.time_cost[part], self.covariance[part],
            self.tried[part], self.solved[part],
        )  # fmt: skip

    def write(self, part: slice, other: Track) -> None:
        """Put other frames in the place of some of these."""
        for mine, theirs in zip(self.poses, other.poses, strict=True):
            mine[part] = theirs
        self.terms[part], self.time_cost[part] = other.terms, other.time_cost
        self.covariance[part], self.tried[part] = other.covariance, other.tried
        self.solved[part] = other.solved


def to_sequence(
    track: Track, keypoints: Keypoints2D, seen: Observation, setup: Setup, animal: Animal,
    provenance: dict[str, Any],
) -> PoseSequence:  # fmt: skip
    """Return the sequence of a solved track, in the frame of reference of the setup."""
    marked = setup.config.report == "marks"
    marks = animal_marks(setup, animal) if marked else setup.body.keypoints
    if not marked and setup.scale.kind == "model":  # then the body is the animal's, points and all
        marks = replace(marks, sigma=np.zeros(len(marks)))
    arrays = body_arrays(setup, animal, marks)
    good = track.solved & np.isfinite(track.terms).all(1)
    frames = len(keypoints)
    state = _states(seen, setup, marks.names, good)
    xyz = np.full((frames, len(marks), 3), np.nan)
    covariance = np.full((frames, len(marks), 3, 3), np.nan)
    joints = len(setup.body.skeleton.joint_names)
    angle_sd = np.full((frames, joints, 3), np.nan)
    if good.any():
        found = _points(track, seen, setup, arrays, good, marked)
        xyz[good], angle_sd[good] = found.xyz, found.angle_sd
        factor = setup.prior.inflation[:, int(setup.config.temporal)]
        covariance[good] = found.covariance * np.where(
            state[good] == State.SEEN, factor[0], factor[1]
        )[..., None, None]  # fmt: skip
    place, angles = np.full((frames, 3), np.nan), np.full((frames, joints, 3), np.nan)
    turn, costs = np.full((frames, 3), np.nan), np.full((frames, len(TERMS) + 1), np.nan)
    place[good] = track.poses.place[good]
    angles[good] = arrays.mean + np.einsum("jir,tr->tji", arrays.basis, track.poses.z[good])
    turn[good] = rotation.unwrap(rotation.log(track.poses.rotation[good]))
    costs[good] = np.column_stack([track.terms, track.time_cost])[good]
    return PoseSequence(
        pose=Pose(turn, place, angles, animal.shape),
        keypoints=xyz,
        covariance=covariance,
        state=state,
        rotation_sd=angle_sd,
        times=keypoints.times,
        frame_numbers=keypoints.frame_numbers,
        report=FitReport(
            _statuses(track, seen, setup, good),
            track.tried,
            dict(zip((*TERMS, "time"), np.ascontiguousarray(costs.T), strict=True)),
        ),  # fmt: skip
        keypoint_names=marks.names,
        joint_names=setup.body.skeleton.joint_names,
        animal=keypoints.animal,
        frame=setup.frame,
        scale_source=setup.scale_source,
        provenance=provenance,
    )


def _points(
    track: Track,
    seen: Observation,
    setup: Setup,
    arrays: Any,
    good: NDArray[np.bool_],
    marked: bool,
) -> PointEstimate:
    points = Points(seen.points.xy[good], seen.points.covariance[good]) if marked else None
    poses = track.poses.take(np.flatnonzero(good))
    return estimate_points(
        arrays, setup.views(), points, poses, np.ascontiguousarray(track.covariance[good])
    )


def _states(
    seen: Observation, setup: Setup, names: tuple[str, ...], good: NDArray[np.bool_]
) -> Bytes:
    """Return which points (T, K) rest on image evidence of their own in a frame.

    A point counts as seen when a mark on the very bone that it ends or rides on is seen.
    """
    marks = setup.keypoint_map.marks(setup.body)
    if setup.config.report == "marks":
        evidence = seen.seen
    else:
        bones = setup.body.keypoints.bone
        evidence = np.stack([seen.seen[:, marks.bone == bone].any(1) for bone in bones], axis=1)
    state = np.where(evidence, State.SEEN, State.INFERRED).astype(np.uint8)
    state[~good] = State.ABSENT
    return state


def _statuses(track: Track, seen: Observation, setup: Setup, good: NDArray[np.bool_]) -> Bytes:
    count = seen.seen.sum(1)
    status = np.full(len(count), Status.OK, np.uint8)
    with np.errstate(invalid="ignore", divide="ignore"):
        status[energy_per_point(seen.points, track.terms[:, 0]) > POOR] = Status.POOR
    status[count < setup.min_keypoints] = Status.BRIDGED
    status[~good] = Status.EMPTY
    status[track.solved & ~good] = Status.FAILED
    return status


def describe(setup: Setup, animal: Animal) -> dict[str, Any]:
    """Return the provenance that a setup and an animal give: version, config, models, cameras."""
    from mousepose import __version__

    digest = hashlib.sha256()
    models = [setup.body.rest, setup.prior.mean, setup.prior.basis]
    prior = setup.prior.source
    if setup.mixture is not None:
        mixture = setup.mixture
        models += [mixture.log_weights, mixture.means, mixture.factors]
        prior = f"published mixture of joint positions, {len(mixture.means)} components"
    for array in models:
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "version": __version__,
        "config": asdict(setup.config),
        "scale": str(setup.scale),
        "body": setup.body.name,
        "prior": prior,
        "keypoint_map": setup.keypoint_map.description,
        "model_hash": digest.hexdigest(),
        "cameras": [camera.name for camera in setup.cameras],
        "animal": animal.to_dict(),
    }
