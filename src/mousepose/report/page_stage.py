"""The stage on which a result is shown: z up from the floor, the animal's place in the middle.

Poses may be in the frame of a camera that looks down, or in a world with any axis up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.analysis.floor import PAWS, Floor, find_floor
from mousepose.analysis.motion import motion_of
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.report.stick import animal_axes, is_upright, part_of, trunk_of
from mousepose.types import Floats, PoseSequence

#: Frames that are asked where the floor is.
_FRAMES_ASKED = 400
#: mm; a median paw farther from a camera's floor plane than this is not above that floor.
_FAR = 150.0


@dataclass(frozen=True, eq=False)
class Stage:
    """Points of a result go to `turn` (3, 3) times the point plus `shift` (3,) mm; `words` say why.

    `T_frame_world` (4, 4) takes the cameras' world into the frame of the result.
    """

    turn: Floats
    shift: Floats
    T_frame_world: Floats
    words: str

    def place(self, points: Floats) -> Floats:
        """Return points (*B, 3) mm of the result on the stage."""
        return np.asarray(points @ self.turn.T + self.shift)

    def place_world(self, points: Floats) -> Floats:
        """Return points (*B, 3) mm of the cameras' world on the stage."""
        world = self.T_frame_world
        return self.place(points @ world[:3, :3].T + world[:3, 3])

    def spread(self, covariance: Floats) -> Floats:
        """Return covariances (*B, 3, 3) mm^2 of the result in the stage's axes."""
        return np.asarray(self.turn @ covariance @ self.turn.T)

    def camera_pose(self, camera: Camera) -> tuple[Floats, Floats]:
        """Return a camera's axes (columns of 3 x 3) and its place (3,) mm on the stage."""
        axes = self.turn @ self.T_frame_world[:3, :3] @ camera.rotation.T
        return axes, self.place_world(camera.position)


def stage_of(sequence: PoseSequence, cameras: Sequence[Camera] = ()) -> Stage:
    """Return the stage of a result, from some of its frames and the cameras it was made with.

    Up is the normal of the cameras' floor plane where there is one near the animal, else where the
    paws stand, else the animal's back.
    """
    known = np.flatnonzero(np.isfinite(sequence.keypoints).all(axis=(1, 2)))
    chosen = known[:: max(1, len(known) // _FRAMES_ASKED)]
    to_frame = np.eye(4)
    if sequence.frame == "camera" and cameras:
        to_frame = cameras[0].T_camera_world
    if not len(chosen):
        return Stage(np.eye(3), np.zeros(3), to_frame, "no frame has a pose")
    mask = np.zeros(len(sequence), np.bool_)
    mask[chosen] = True
    sample = sequence[mask]
    floor, words = _floor(sample, cameras)
    middle = floor.turn @ np.median(trunk_of(sample), axis=0)
    return Stage(floor.turn, -np.array([*middle[:2], floor.height]), to_frame, words)


def _floor(sample: PoseSequence, cameras: Sequence[Camera]) -> tuple[Floor, str]:
    lowest = _lowest(sample)
    plane = None
    if cameras:
        of_camera = sample.frame == "camera"
        plane = cameras[0].floor_in_camera if of_camera else cameras[0].floor_plane
    if plane is not None:
        floor = Floor.level(plane[:3], -float(plane[3]))
        if abs(np.median(lowest @ floor.turn[2]) - floor.height) < _FAR:
            return floor, "the floor is that of the camera file"
    if is_upright(sample) and sample.frame == "world":
        height = np.quantile(lowest[:, 2], 0.1)
        return Floor.level(np.array([0.0, 0.0, 1.0]), float(height)), "the file's z axis is up"
    try:
        motion = motion_of(sample)
        if sum(motion.has(name) for name in PAWS) > 1:
            return find_floor(motion), "the floor is where the paws stand"
    except InputError:
        pass
    ups = [animal_axes(one, sample.keypoint_names, upright=False)[2] for one in sample.keypoints]
    up = np.median(ups, axis=0)
    floor = Floor.level(up if np.linalg.norm(up) > 0.1 else np.array([0.0, 0.0, 1.0]))
    lower = float(np.quantile(lowest @ floor.turn[2], 0.1))
    return Floor(floor.turn, lower), "up is where the animal's back is, the floor below it"


def _lowest(sample: PoseSequence) -> Floats:
    """Return the points (N, 3) mm that may stand on the floor: the paws, else all."""
    paws = [k for k, name in enumerate(sample.keypoint_names) if part_of(name) in PAWS]
    return sample.keypoints[:, paws or slice(None)].reshape(-1, 3)
