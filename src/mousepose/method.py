"""THE METHOD: 2D keypoints of one mouse, its camera and a body model give its 3D pose.

observe      match names, check numbers, take the lens out
learn        one shape and one way of moving per animal, from a sample of its frames
follow       place a body where the track starts or breaks, fit every frame
smooth       all frames of overlapping windows together, with their covariance
exchange     left and right put back where a tracker mistook one for the other, and fitted anew
report       points in mm, each with its covariance and whether it was seen
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.mixture import PositionMixture
from mousepose.body.model import BodyModel
from mousepose.body.prior import PosePrior
from mousepose.errors import InputError
from mousepose.fit.animal import SHAPE_FRAMES, learn_motion, learn_shape
from mousepose.fit.arrays import Points
from mousepose.fit.bending import learn_bending
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.exchanged import exchanged_pairs, put_back
from mousepose.fit.observe import Observation, check_axes, observe
from mousepose.fit.result import Track, describe, to_sequence
from mousepose.fit.setup import Animal, Setup, check_animal
from mousepose.fit.track import solve_track, tracks
from mousepose.geometry.camera import Camera
from mousepose.types import Keypoints2D, PoseSequence

Progress = Callable[[int, int], None]


def reconstruct(
    keypoints: Keypoints2D,
    cameras: Camera | Sequence[Camera],
    body: BodyModel | None = None,
    *,
    keypoint_map: KeypointMap | str = "dataset22",
    prior: PosePrior | None = None,
    scale: Scale | None = None,
    config: FitConfig | None = None,
    mixture: PositionMixture | None = None,
    progress: Progress | None = None,
) -> PoseSequence:
    """Return the 3D pose of one mouse in every frame, in mm, with its uncertainty.

    `keypoints` may come from any tracker whose keypoint map is given by name or path; `scale` says
    what makes a one-camera result metric, without it the body model's own size stands in and the
    result says so. `mixture` goes with the prior "published" of the config and with no other.
    `progress` is called with frames done and frames in all. Raises `InputError`
    for keypoints, cameras or a scale that cannot be used; a single bad frame only gets a status.
    """
    setup = Setup.of(cameras, body, keypoint_map, prior, scale, config, mixture)
    return solve(keypoints, setup, learn_animal(keypoints, setup), progress)


def learn_animal(keypoints: Keypoints2D, setup: Setup) -> Animal:
    """Return one animal's shape, mark offsets and way of moving, from (a sample of) its frames.

    Raises `InputError` where no frame has enough keypoints.
    """
    seen = observe(keypoints, setup)
    usable = _usable(seen, setup)
    if not usable.any():
        raise InputError(
            f"no frame has the {setup.min_keypoints} keypoints that a pose needs; most in "
            f"one frame: {int(seen.seen.sum(1).max(initial=0))}"
        )
    animal = Animal.typical(setup)
    index = np.flatnonzero(usable)
    chosen = index[np.linspace(0, len(index) - 1, min(SHAPE_FRAMES, len(index))).astype(int)]
    sample = Points(seen.points.xy[chosen], seen.points.covariance[chosen])
    if setup.config.animal_bending and setup.mixture is None:
        animal = learn_bending(sample, keypoints.times[chosen], setup, animal)
    if setup.config.animal_shape or setup.size_from_floor:
        # after the bending: a pose that the prior does not know would be taken for the shape
        animal = learn_shape(sample, keypoints.times[chosen], setup, animal)
    if setup.config.temporal:
        animal = learn_motion(seen.points, keypoints.times, usable, setup, animal)
    return animal


def solve(
    keypoints: Keypoints2D, setup: Setup, animal: Animal, progress: Progress | None = None
) -> PoseSequence:
    """Return the 3D pose of every frame, for an animal that has been learned.

    Frames far from both ends of `keypoints` do not depend on where a longer file was cut: solve
    them with `config.overlap` frames of context and keep the middle (`slice_sequence`). Raises
    `InputError` for keypoints that cannot be used and for an animal of another setup.
    """
    check_animal(setup, animal)
    seen = observe(keypoints, setup)
    usable = _usable(seen, setup)
    result = Track.empty(len(keypoints), setup)
    parts = tracks(usable, keypoints.times, setup.config)
    for part in parts:
        solve_track(seen, keypoints.times, usable, part, setup, animal, result, progress)
    pairs = 0
    if setup.config.exchange and setup.config.temporal:
        columns, exchanged = exchanged_pairs(seen, result, setup, animal)
        pairs, frames = int(exchanged.sum()), np.asarray(exchanged.any((1, 2)))
        seen = put_back(seen, columns, exchanged) if pairs else seen
        for part in parts if pairs else ():
            solve_track(
                seen, keypoints.times, usable, part, setup, animal, result, progress, frames
            )
    if progress is not None:
        progress(len(keypoints), len(keypoints))
    notes = {
        "unknown_columns": list(seen.unknown_columns),
        "points_far_outside": seen.outside,
        "pairs_exchanged": pairs,
    }
    warning = check_axes(keypoints, setup)
    if warning is not None:
        notes["warning"] = warning
    return to_sequence(result, keypoints, seen, setup, animal, describe(setup, animal) | notes)


def _usable(seen: Observation, setup: Setup) -> np.ndarray:
    """Return the frames (T,) with enough keypoints to be fitted alone."""
    return np.asarray(seen.seen.sum(1) >= setup.min_keypoints)
