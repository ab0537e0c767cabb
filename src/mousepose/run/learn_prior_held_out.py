"""How many components a prior deserves: the likelihood of poses that it was not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.gaussians import GaussianMixture, Mirror
from mousepose.body.mixture import normalised
from mousepose.body.model import BodyModel, Marks
from mousepose.fit import terms
from mousepose.fit.learn import LearnConfig, Learned, angle_body, expect, learn
from mousepose.fit.learn_evidence import (
    AngleEvidence,
    PointEvidence,
    along_tree,
    angle_mirror,
    position_mirror,
)
from mousepose.fit.learn_mixture import (
    Evidence,
    Shrinkage,
    fit_mixture,
    log_likelihood,
)
from mousepose.fit.learn_start import Landmarks, start_poses
from mousepose.run.learn_prior_calibrate import Fold
from mousepose.run.learn_prior_input import ChosenPoses, Marked
from mousepose.skeleton import PUBLISHED_JOINT_NAMES
from mousepose.types import Floats, Ints, Progress

#: rad; likelihoods of angles are told as gain over angles that are known to within this.
_IGNORANT_SD = 0.3
#: Poses closer in time than this (s) to held-out ones are not learned from.
GAP_SECONDS = 1.0
#: Rounds of the fit of held-out poses, and of poses that were learned from once more.
_FIRST_ROUNDS, _LAST_ROUNDS = 30, 8
#: Points to which shrinking a covariance counts, and towards which SD of normalised positions.
_SHRINK_COUNT, _POSITION_SD = 10.0, 0.1

#: Which covariances a candidate may have.
STRUCTURES = ("full", "along the tree")


@dataclass(frozen=True)
class Split:
    """Poses to learn from and to be held out, fold by fold, and in words how they were split."""

    folds: tuple[tuple[Ints, Ints], ...]
    words: str


@dataclass(frozen=True, eq=False)
class Candidate:
    """A kind of prior and its held-out score: nats a pose, `by_fold` (F,), more is better.

    Scores of angles are gains over independent angles of 0.3 rad, of positions plain densities.
    """

    structure: str
    components: int
    by_fold: Floats
    training: float

    @property
    def mean(self) -> float:
        """Return the mean over the folds."""
        return float(self.by_fold.mean())


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The score of every candidate, and what was learned in each fold with its held-out poses."""

    scores: list[Candidate]
    folds: list[Fold]


def split_poses(poses: ChosenPoses, marked: Marked, folds: int) -> Split:
    """Return the folds: whole recordings where there are two or more, else blocks of time.

    Neighbouring frames are never on both sides: of one recording, poses less than a second from a
    held-out one are left out too, where times are known.
    """
    present = np.unique(poses.recording)
    if len(present) > 1:
        count = min(folds, len(present))
        fold = np.argsort(np.argsort(-np.bincount(poses.recording)[present], kind="stable")) % count
        owner = fold[np.searchsorted(present, poses.recording)]
        words = f"by recording: {len(present)} recordings in {count} folds"
        return Split(
            tuple(_fold(owner, k, np.zeros(len(poses), bool)) for k in range(count)), words
        )
    owner = np.arange(len(poses)) * folds // len(poses)
    times = marked.recordings[int(present[0])].times
    out = []
    for k in range(folds):
        near = np.zeros(len(poses), bool)
        if times is not None:
            held = times[poses.frame[owner == k]]
            at = times[poses.frame]
            near = (at > held.min() - GAP_SECONDS) & (at < held.max() + GAP_SECONDS)
        out.append(_fold(owner, k, near))
    gap = f", {GAP_SECONDS:g} s apart" if times is not None else ""
    return Split(tuple(out), f"by time: {folds} blocks of the one recording{gap}")


def _fold(owner: Ints, k: int, near: np.ndarray) -> tuple[Ints, Ints]:
    return np.flatnonzero((owner != k) & ~near), np.flatnonzero(owner == k)


def learn_body(
    body: BodyModel, marks: Marks, landmarks: Landmarks, xyz: Floats, config: LearnConfig
) -> tuple[Learned, float]:
    """Return what EM finds in poses (T, M, 3) and their mean straight body length in mm."""
    start = start_poses(body, landmarks, xyz)
    return learn(body, marks, xyz, start, config), float(np.nanmean(landmarks.length(xyz)))


def fitted(found: Learned, landmarks: Landmarks, xyz: Floats) -> Learned:
    """Return the poses of other marks (T, M, 3) under what was learned."""
    start = start_poses(found.body, landmarks, xyz)
    start.z[:] = found.mean
    return expect(replace(found, poses=start), xyz, _FIRST_ROUNDS)


def settled(found: Learned, xyz: Floats) -> Learned:
    """Return the poses (T, M, 3) that were learned from, under what was learned in the end."""
    return expect(found, xyz, _LAST_ROUNDS)


def joint_positions(found: Learned) -> Floats:
    """Return the normalised positions (T, 54) of the published joints in fitted poses."""
    moved = terms.motion(angle_body(found), found.poses)
    order = [found.body.skeleton.index(name) for name in PUBLISHED_JOINT_NAMES]
    return normalised(moved.joint[:, order])


def learn_mixture(
    kind: str, structure: str, components: int, found: Learned, evidence: Evidence, seed: int
) -> GaussianMixture:
    """Return the mixture of a kind, "tree" over angles or "published" over positions.

    One full Gaussian over angles is the one that was learned with the marks.
    """
    if kind == "published":
        return _position_mixture(evidence, components, seed)
    if (structure, components) == ("full", 1):
        return GaussianMixture.single(found.mean, found.covariance)
    body = found.body

    def allowed(covariance: Floats) -> Floats:
        return covariance if structure == "full" else along_tree(body, covariance)

    shrinkage = Shrinkage(found.covariance, _SHRINK_COUNT)
    fit = fit_mixture(evidence, components, angle_mirror(body), shrinkage, allowed, seed=seed)
    return fit.mixture


def _position_mixture(evidence: Evidence, components: int, seed: int) -> GaussianMixture:
    mirror: Mirror = position_mirror()
    size = len(mirror.index)
    loose = Shrinkage(_POSITION_SD**2 * np.eye(size), _SHRINK_COUNT)
    whole = fit_mixture(evidence, 1, mirror, loose, _unchanged, seed=seed).mixture
    if components == 1:
        return whole
    pooled = Shrinkage(whole.covariances[0], _SHRINK_COUNT)
    return fit_mixture(evidence, components, mirror, pooled, _unchanged, seed=seed).mixture


def _unchanged(covariance: Floats) -> Floats:
    return covariance


def evidence_of(kind: str, found: Learned) -> Evidence:
    """Return what fitted poses say of the numbers that a kind of prior is about."""
    return AngleEvidence.of(found) if kind == "tree" else PointEvidence(joint_positions(found))


def candidates(kind: str, most: int) -> list[tuple[str, int]]:
    """Return the structures and numbers of components that are tried, the simplest first."""
    tried = [(STRUCTURES[0], count) for count in range(1, most + 1)]
    return tried + [(STRUCTURES[1], count) for count in range(1, most + 1)] * (kind == "tree")


def held_out(
    body: BodyModel, marked: Marked, poses: ChosenPoses, split: Split, kind: str, most: int,
    config: LearnConfig, seed: int, progress: Progress,
) -> HeldOut:  # fmt: skip
    """Return every candidate with its score on the poses of each fold, learned from the others."""
    tried = candidates(kind, most)
    folds = []
    scores = np.empty((len(tried), len(split.folds), 2))
    for f, (train, test) in enumerate(split.folds):
        progress("held-out folds", f, len(split.folds))
        found, length = learn_body(body, marked.marks, marked.landmarks, poses.xyz[train], config)
        folds.append(Fold(found, length, poses.xyz[test]))
        known = evidence_of(kind, settled(found, poses.xyz[train]))
        asked = evidence_of(kind, fitted(found, marked.landmarks, poses.xyz[test]))
        for c, (structure, count) in enumerate(tried):
            mixture = learn_mixture(kind, structure, count, found, known, seed)
            scores[c, f] = _gain(kind, mixture, asked), _gain(kind, mixture, known)
    progress("held-out folds", len(split.folds), len(split.folds))
    return HeldOut(
        [
            Candidate(structure, count, scores[c, :, 0], float(scores[c, :, 1].mean()))
            for c, (structure, count) in enumerate(tried)
        ],
        folds,
    )


def _gain(kind: str, mixture: GaussianMixture, evidence: Evidence) -> float:
    value = log_likelihood(evidence, mixture)
    if kind == "tree":
        size = mixture.means.shape[1]
        ignorant = GaussianMixture.single(np.zeros(size), np.eye(size) * _IGNORANT_SD**2)
        value = value - log_likelihood(evidence, ignorant)
    return float(value.mean())


def choose(scored: Sequence[Candidate]) -> Candidate:
    """Return the simplest candidate that is no worse than the best by more than its own error.

    The error is the standard error over the folds of the difference to the best; where the fewest
    components do as well, more only follow the examples.
    """
    best = max(scored, key=lambda one: one.mean)

    def close(one: Candidate) -> bool:
        behind = best.by_fold - one.by_fold
        error = behind.std(ddof=1) / np.sqrt(len(behind)) if len(behind) > 1 else 0.0
        return bool(behind.mean() <= error)

    return min((one for one in scored if close(one)), key=lambda one: one.components)
