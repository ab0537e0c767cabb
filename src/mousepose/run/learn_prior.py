"""Learning a pose prior from 3D keypoints: read, judge, hold out, learn, calibrate.

    recordings -> poses of the body model -> how many components -> prior, with its provenance

Two kinds: "tree", a mixture over the joint angles of the tree of bones, which the fit uses, and
"published", a mixture over aligned joint positions as in Hu et al. 2023 (Sci Rep 13:13554).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mousepose import __version__
from mousepose.body.default import default_body
from mousepose.body.gaussians import GaussianMixture
from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.mixture import PositionMixture, write_mixture
from mousepose.body.model import BodyModel
from mousepose.body.prior import PosePrior, load_prior
from mousepose.errors import InputError
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.learn import LearnConfig, Learned, angle_body, to_prior, track_poses
from mousepose.fit.learn_start import start_poses
from mousepose.run.keypoint_files import digest_of
from mousepose.run.learn_prior_calibrate import frame_factors, learned_map, plays, stretches
from mousepose.run.learn_prior_calibrate import time_factors as calibrated_in_time
from mousepose.run.learn_prior_held_out import (
    Candidate,
    HeldOut,
    choose,
    evidence_of,
    held_out,
    joint_positions,
    learn_body,
    learn_mixture,
    settled,
    split_poses,
)
from mousepose.run.learn_prior_input import (
    ChosenPoses,
    Marked,
    Recording,
    choose_poses,
    mark,
    read_recordings,
    usable_poses,
)
from mousepose.simulate import watching_camera
from mousepose.simulate.rig import cameras_around
from mousepose.skeleton import PUBLISHED_JOINT_NAMES
from mousepose.types import Floats, Progress

Kind = Literal["tree", "published"]

#: Where the cameras of the calibration stand.
_CAMERAS, _DISTANCE_MM, _ELEVATION_DEG = 6, 500.0, 30.0
#: Poses drawn for the picture.
_DRAWN = 8
#: Share by which frames may be further apart than usual and still be one motion.
_EVEN = 0.01


@dataclass(frozen=True)
class PriorPlan:
    """What to learn: the `kind`, how many `components` (None: as the held-out poses ask for).

    Up to `most` components are tried in `folds` folds, on at most `poses` poses. `source` and
    `licence` are words that the file keeps.
    """

    kind: Kind = "tree"
    components: int | None = None
    most: int = 4
    folds: int = 4
    poses: int = 200
    seed: int = 0
    source: str = ""
    licence: str = ""
    settings: LearnConfig = field(default_factory=LearnConfig)

    def __post_init__(self) -> None:
        for name, low, high in (("most", 1, 12), ("folds", 2, 20), ("poses", 24, 2000)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name}: expected {low} to {high}, got {value}")
        if self.components is not None and not 1 <= self.components <= self.most:
            raise InputError(f"components: expected 1 to {self.most}, got {self.components}")


@dataclass(frozen=True, eq=False)
class LearnedPrior:
    """A prior and everything that a reader wants to know of it.

    `result` is a `PosePrior` for the kind "tree", a `PositionMixture` for "published". `sampled`
    and `examples` (N, J, 3) are joints drawn from it and of poses that it was learned from, facing
    +x, in mm or in the mixture's unit. `notes` is the provenance that goes into the file.
    """

    result: PosePrior | PositionMixture
    keypoint_map: KeypointMap
    scores: list[Candidate]
    chosen: Candidate
    joint_names: tuple[str, ...]
    sampled: Floats
    examples: Floats
    notes: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the file: npz for `load_prior`, text for `load_gmm`. Raises `InputError`."""
        check_ending(path, self.notes["kind"])
        if isinstance(self.result, PosePrior):
            self.result.save(path, {"provenance": self.notes})
        else:
            told = [f"{key}: {value}" for key, value in self.notes.items()]
            write_mixture(path, self.result, "\n".join(["mousepose mixture 1", *told]))


def check_ending(path: Path, kind: str) -> None:
    """Raise `InputError` unless a path ends as the files of a kind of prior do."""
    ending = ".npz" if kind == "tree" else ".pbtxt"
    if path.suffix != ending:
        raise InputError(f"{path}: a prior of kind {kind!r} goes into a file *{ending}")


def learn_prior(
    files: Sequence[Path], keypoint_map: KeypointMap, plan: PriorPlan, progress: Progress, *,
    fps: float | None = None, unit: str = "mm", body: BodyModel | None = None,
) -> LearnedPrior:  # fmt: skip
    """Return the prior that files of 3D keypoints give; see `read_recordings` for the files.

    With a frame rate, in the files or as `fps`, how fast the animals move is learned too. Raises
    `InputError` on recordings that would teach a wrong prior.
    """
    body = body or default_body()
    recordings = [one for path in files for one in read_recordings(Path(path), fps, unit)]
    if not recordings:
        raise InputError("expected files of 3D keypoints, got none")
    marked = mark(recordings, keypoint_map, body)
    poses = choose_poses(marked, body, plan.poses)
    split = split_poses(poses, marked, plan.folds)
    tried = held_out(
        body, marked, poses, split, plan.kind, plan.most, plan.settings, plan.seed, progress
    )
    chosen = _chosen(tried.scores, plan)
    progress("learning from all poses", 0, len(poses))
    found, length = learn_body(body, marked.marks, marked.landmarks, poses.xyz, plan.settings)
    found = settled(found, poses.xyz)
    evidence = evidence_of(plan.kind, found)
    mixture = learn_mixture(
        plan.kind, chosen.structure, chosen.components, found, evidence, plan.seed
    )
    progress("learning from all poses", len(poses), len(poses))
    source = plan.source or (
        f"{len(poses)} poses of {', '.join(one.name for one in marked.recordings)}"
    )
    marks = learned_map(found, marked.keypoint_map, source)
    notes = _notes(files, plan, poses, marked) | _told(split.words, tried.scores, chosen)
    drawn = mixture.sample(_DRAWN, np.random.default_rng(plan.seed))
    some = np.linspace(0, len(poses) - 1, _DRAWN).round().astype(int)
    if plan.kind == "published":
        examples = _turned(joint_positions(found)[some])
        return LearnedPrior(
            _as_positions(mixture), marks, tried.scores, chosen, PUBLISHED_JOINT_NAMES,
            _turned(drawn), examples, notes,
        )  # fmt: skip
    prior = to_prior(found, plan.settings, source, length, mixture)
    prior, notes["calibration"] = _calibrated(prior, found, marks, tried, marked, progress)
    return LearnedPrior(
        prior, marks, tried.scores, chosen, body.skeleton.joint_names,
        _joints(found, drawn), _joints(found, found.poses.z[some]), notes,
    )  # fmt: skip


def _chosen(scores: Sequence[Candidate], plan: PriorPlan) -> Candidate:
    if plan.components is None:
        return choose(scores)
    return max(
        (one for one in scores if one.components == plan.components), key=lambda one: one.mean
    )


def _calibrated(
    prior: PosePrior, found: Learned, marks: KeypointMap, tried: HeldOut, marked: Marked,
    progress: Progress,
) -> tuple[PosePrior, str]:  # fmt: skip
    """Return the prior with its covariances calibrated, in time where a recording is timed.

    And a sentence that says how. What no recording shows is that of the shipped prior.
    """
    lens = watching_camera()
    cameras = cameras_around(lens, _CAMERAS, _DISTANCE_MM, _ELEVATION_DEG)
    progress("calibrating single frames", 0, 0)
    factors = frame_factors(tried.folds, marks, cameras, LearnConfig())
    prior = replace(prior, inflation=np.stack([np.maximum(factors, 1.0), np.ones(2)], axis=1))
    said = f"single frames: factors {factors[0]:.2f} seen, {factors[1]:.2f} inferred"
    timed = [motion for one in marked.recordings if (motion := _motion(found, one, marked))]
    if not timed:
        shipped = load_prior()
        inflation = np.stack([prior.inflation[:, 0], shipped.inflation[:, 1]], axis=1)
        prior = replace(
            prior, inflation=inflation, persistent=shipped.persistent,
            acceleration=shipped.acceleration,
        )  # fmt: skip
        return prior, f"{said}; through time: taken from the shipped prior, no timed motion given"
    fps, motions = timed[0]
    progress("calibrating through time", 0, 0)
    played = list(plays(found, prior, marks, motions, cameras, fps))
    prior, shares = calibrated_in_time(prior, played)
    frames = sum(len(part.place) for part in motions)
    return prior, (
        f"{said}; through time: {frames} frames at {fps:g} per second, share {prior.persistent:g}, "
        f"factors {shares[-1].seen:.2f} seen, {shares[-1].inferred:.2f} inferred"
    )


def _motion(
    found: Learned, recording: Recording, marked: Marked
) -> tuple[float, list[PoseArrays]] | None:
    """Return frame rate and poses of stretches of a timed recording, None where there is none."""
    times = recording.times
    if times is None or len(times) < 2:
        return None
    step = float(np.median(np.diff(times)))
    good = usable_poses(recording.xyz, marked.landmarks)
    good[1:] &= np.isclose(np.diff(times), step, rtol=_EVEN)
    motions = []
    for part in stretches(good):
        xyz = recording.xyz[part]
        motions.append(track_poses(found, xyz, start_poses(found.body, marked.landmarks, xyz)))
    return (1 / step, motions) if motions else None


def _as_positions(mixture: GaussianMixture) -> PositionMixture:
    precisions = np.linalg.inv(mixture.covariances)
    factors = np.linalg.cholesky((precisions + np.swapaxes(precisions, 1, 2)) / 2)
    return PositionMixture(np.log(mixture.weights), mixture.means, np.asarray(factors))


def _turned(points: Floats) -> Floats:
    """Return points (N, 54) of a mixture as joints (N, 18, 3) that look along +x, z up."""
    return np.asarray(points.reshape(len(points), -1, 3) * [-1.0, -1.0, 1.0])


def _joints(found: Learned, angles: Floats) -> Floats:
    """Return the joints (N, J, 3) mm of poses that all look along +x, z up, from their angles."""
    body = found.body
    turn = np.repeat(body.axes[None], len(angles), axis=0)
    poses = PoseArrays(turn, np.zeros((len(angles), 3)), angles)
    return np.asarray(terms.motion(angle_body(found), poses).joint)


def _notes(
    files: Sequence[Path], plan: PriorPlan, poses: ChosenPoses, marked: Marked
) -> dict[str, Any]:
    """Return the provenance of a prior: what it was learned from, how, by what."""
    return {
        "version": __version__,
        "kind": plan.kind,
        "source": plan.source,
        "licence": plan.licence,
        "inputs": [{"file": Path(file).name, "sha256": digest_of(Path(file))} for file in files],
        "keypoint_map": marked.keypoint_map.description,
        "unknown_keypoints": list(marked.unknown),
        "poses": len(poses),
        "frames_left_out": {"lack_marks": poses.unusable, "repeat": poses.repeated},
        "seed": plan.seed,
        "settings": asdict(plan.settings),
    }


def _told(words: str, scores: Sequence[Candidate], chosen: Candidate) -> dict[str, Any]:
    """Return what the held-out poses said."""
    return {
        "split": words,
        "held_out_nats_per_pose": [
            {
                "structure": one.structure,
                "components": one.components,
                "mean": round(one.mean, 3),
                "by_fold": [round(float(value), 3) for value in one.by_fold],
                "training": round(one.training, 3),
            }
            for one in scores
        ],
        "chosen": {"structure": chosen.structure, "components": chosen.components},
    }
