"""Where the marks of a tracker sit on the body, learned from its own tracked video.

A bundle over sampled frames: poses, one shape, how the animal bends, and one offset for each mark,
shared by left and right as mirror images and believed beforehand to lie about a first guess. Frames
are chosen to differ, and count only as far as they do: in one pose a mark that sits elsewhere looks
like a bone that is turned. The end of the recording is held out to try the result on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.body.keypoint_map import KeypointMap
from mousepose.errors import InputError
from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.bending import learn_bending
from mousepose.fit.observe import observe
from mousepose.fit.offsets_frames import (
    distinct_poses,
    evenly,
    most_different,
    pose_features,
    split_by_time,
)
from mousepose.fit.offsets_quality import (
    MarkQuality,
    describe_marks,
    fits_better,
    held_out_residuals,
    warnings,
)
from mousepose.fit.offsets_step import (
    OffsetPrior,
    SharedFit,
    fit_shared,
    guessed,
    wandering,
    with_sigma,
)
from mousepose.fit.offsets_ties import Ties, mirror_ties
from mousepose.fit.place import place
from mousepose.fit.sample import independent_frames, trustworthy
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.sizing import stand_on_floor, without_floor
from mousepose.types import Floats, Ints, Keypoints2D, Progress

#: s after which a mouse has another pose.
_POSE_SECONDS = 1.0
#: Frames from which those are chosen that differ most, and times as many that are kept.
_CANDIDATES = 4
#: Rounds in which what is held settles.
_SETTLING = 2
#: A mark that is seen in fewer of the frames than this keeps its guess.
_LEAST_SEEN = 10
#: Frames that show fewer different poses than this decide nothing.
LEAST_POSES = 2.0
#: A direction is determined when its uncertainty is below this share of the guess's.
_DETERMINED = 0.7


@dataclass(frozen=True)
class OffsetConfig:
    """Settings of the learning; the defaults were chosen on simulated walks and labelled poses."""

    guess_sd: float = 4.0  #: mm per axis by which the first guess may be off, 1 SD
    frames: int = 100  #: frames that are learned from
    held_out: int = 150  #: frames that the result is tried on
    rounds: int = 4  #: times that bending, poses and offsets are found in turn
    #: Poses that frames are worth at most. The body and its prior err alike in all of them: with
    #: 6, offsets made up for posture that the prior did not know, and uncertainties were too small.
    most_poses: float = 2.0

    def __post_init__(self) -> None:
        for name in ("guess_sd", "frames", "held_out", "rounds", "most_poses"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name}: expected a number above 0, got {value}")


@dataclass(frozen=True, eq=False)
class LearnedOffsets:
    """A map with learned offsets, and how good they are.

    `keypoint_map` is the user's map with new offsets, their SDs, sigmas and origins; `marks` tells
    of each mark that was learned or kept. `frames` were learned from, which show `poses` different
    poses in effect; `held_out` frames gave the residuals. `scale_source` is what made it metric.
    """

    keypoint_map: KeypointMap
    guess: KeypointMap
    marks: tuple[MarkQuality, ...]
    frames: int
    poses: float
    held_out: int
    scale_source: str
    warnings: tuple[str, ...]

    @property
    def better(self) -> bool:
        """Return whether anything was learned and held-out frames fit no worse for it."""
        return any(mark.learned for mark in self.marks) and fits_better(self.marks)


def learn_offsets(
    keypoints: Keypoints2D,
    setup: Setup,
    config: OffsetConfig | None = None,
    *,
    source: str = "",
    progress: Progress | None = None,
) -> LearnedOffsets:
    """Return the setup's keypoint map with the offsets that the recording shows.

    `source` names the recording in the map. `progress` is called with a stage, steps done and steps
    in all. Raises `InputError` where too few frames or keypoints can be used.
    """
    job = _Job(setup, config or OffsetConfig(), progress or _silent)
    seen = observe(keypoints, setup)
    usable = np.asarray(seen.seen.sum(1) >= setup.min_keypoints)
    learned, held = split_by_time(usable, keypoints.times)
    sample = _choose(job, seen.points, keypoints.times, learned)
    ties = mirror_ties(setup.keypoint_map, setup.body)
    prior = OffsetPrior(ties, guessed(setup, ties), job.config.guess_sd, _free(sample, ties))
    held_still = replace(prior, free=np.zeros_like(prior.free))
    before = _alternate(job, sample, held_still, "fitting the guess", _SETTLING)
    after = before
    if prior.free.any():
        after = _alternate(job, sample, prior, "learning offsets", job.config.rounds)
        sd = np.sqrt(np.diag(after.fit.covariance))
        prior = replace(prior, free=prior.free & (sd < _DETERMINED * job.config.guess_sd))
        after = _alternate(job, sample, prior, "settling", _SETTLING, after)
    job.tell("trying the held-out frames", 0, 0)
    held = evenly(held, job.config.held_out)
    points = Points(seen.points.xy[held], seen.points.covariance[held])
    residuals = [held_out_residuals(points, setup, side.fit.animal) for side in (before, after)]
    marks = describe_marks(setup, sample.points, after.fit, after.sigma, prior, residuals)
    return LearnedOffsets(
        keypoint_map=_result(setup, marks, source or "a recording", sample.poses),
        guess=setup.keypoint_map,
        marks=marks,
        frames=len(sample.times),
        poses=sample.poses,
        held_out=len(held),
        scale_source=setup.scale_source,
        warnings=warnings(marks, sample.poses, setup),
    )


@dataclass(frozen=True, eq=False)
class _Job:
    setup: Setup
    config: OffsetConfig
    tell: Progress


@dataclass(frozen=True, eq=False)
class _Sample:
    """Frames to learn from, and how many different poses they show."""

    points: Points
    times: Floats
    poses: float


@dataclass(frozen=True, eq=False)
class _Round:
    fit: SharedFit
    sigma: Floats


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def _choose(job: _Job, points: Points, times: Floats, frames: Ints) -> _Sample:
    """Return well-fitted frames that differ most, and how many poses they are worth."""
    job.tell("choosing frames", 0, 0)
    setup, config = job.setup, job.config
    frames = evenly(frames, _CANDIDATES * config.frames)
    candidates = Points(points.xy[frames], points.covariance[frames])
    poses, kept = _placed(candidates, setup, Animal.typical(setup))
    features = pose_features(poses, setup.views())
    chosen = most_different(features, config.frames)
    when = times[frames[kept[chosen]]]
    shown = min(distinct_poses(features[chosen]), independent_frames(when, _POSE_SECONDS))
    taken = kept[chosen]
    sample = Points(candidates.xy[taken], candidates.covariance[taken])
    return _Sample(sample, when, shown)


def _placed(points: Points, setup: Setup, animal: Animal) -> tuple[PoseArrays, Ints]:
    """Return the poses of the frames that can be trusted, and which those are."""
    poses, cost, _ = place(
        body_arrays(setup, animal), without_floor(setup), setup.weights(), points,
        setup.body.axes, setup.config.iterations,
    )  # fmt: skip
    kept = trustworthy(points, cost)
    if not len(kept):
        raise InputError("no frame could be fitted with the marks where the map puts them")
    return poses.take(kept), kept


def _free(sample: _Sample, ties: Ties) -> NDArray[np.bool_]:
    """Return which free numbers (G,) belong to marks that are seen often enough."""
    count = np.isfinite(sample.points.xy[..., 0]).any(1).sum(0)
    alone = ties.partner == np.arange(len(count))
    both = np.where(alone, count, count + count[ties.partner])
    return np.asarray((both[ties.mark] >= _LEAST_SEEN) & (sample.poses >= LEAST_POSES))


def _alternate(
    job: _Job, sample: _Sample, prior: OffsetPrior, stage: str, rounds: int,
    start: _Round | None = None,
) -> _Round:  # fmt: skip
    """Return what bending, poses, shape and offsets are when each is found given the others."""
    setup, ties, values = job.setup, prior.ties, prior.guess
    believed = sigma = setup.keypoint_map.sigma
    if start is not None:
        values = np.where(prior.free, ties.values(start.fit.animal.offset), prior.guess)
        sigma = start.sigma
    animal = replace(Animal.typical(setup), offset=ties.offsets(values))
    for round_ in range(rounds):
        job.tell(stage, round_ * len(sample.times), rounds * len(sample.times))
        here = with_sigma(setup, sigma)
        animal = learn_bending(sample.points, sample.times, here, animal)
        poses, kept = _placed(sample.points, here, animal)
        points = Points(sample.points.xy[kept], sample.points.covariance[kept])
        animal, poses = stand_on_floor(here, animal, body_arrays(here, animal), poses)
        first = animal.shape if here.size_from_floor else here.first_shape(animal.mean)
        worth = min(sample.poses, job.config.most_poses) / len(kept)
        fit = fit_shared(points, here, animal, poses, first, prior, worth)
        animal = fit.animal
        if prior.free.any():
            sigma = wandering(points, here, fit, ties, believed, worth)
    job.tell(stage, rounds * len(sample.times), rounds * len(sample.times))
    return _Round(fit, sigma)


def _result(setup: Setup, marks: tuple[MarkQuality, ...], source: str, poses: float) -> KeypointMap:
    """Return the setup's map with what was learned of its marks."""
    known = setup.keypoint_map
    origin = f"learned from {source}, {poses:.0f} different poses"
    learned = {mark.name: origin for mark in marks if mark.learned}
    return replace(
        known,
        offset=np.array([mark.offset for mark in marks], np.float64).reshape(-1, 3),
        offset_sd=np.array([mark.sd for mark in marks], np.float64).reshape(-1, 3),
        sigma=np.array([mark.sigma for mark in marks], np.float64),
        origins={**known.origins, **learned},
    )
