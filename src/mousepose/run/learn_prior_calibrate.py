"""How far a learned prior's covariances can be believed, and how fast the animals move.

Covariances of single frames come from poses that a prior was learned without, each seen once by
every camera, with noise and with random points hidden. Covariances through time, and how fast mice
move, come from real motion on which marks that slide are simulated and seen by the same cameras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.prior import PosePrior
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.learn import LearnConfig, Learned, angle_body, to_prior
from mousepose.fit.setup import Animal, Setup
from mousepose.geometry.camera import Camera
from mousepose.method import learn_animal, solve
from mousepose.types import Floats, Ints, Keypoints2D, PoseSequence, State

_NOISE = 0.02  # of the body length, standard deviation of simulated image noise
_HIDDEN = 0.2  # share of points that the image does not show
_HIDDEN_SECONDS = 0.5
_SLIDE_SECONDS = 0.3  # in which a mark slides on the skin and back
_STRETCH = 300  # frames of motion at a time
_LEAST_STRETCH = 60
_PERSISTENT = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)  # shares that are tried in turn
_LARGEST_FACTOR = 1.1  # on covariances through time
_INSIDE_90 = 6.251  # chi-square, 3 degrees of freedom
_STATES = (State.SEEN, State.INFERRED)


@dataclass(frozen=True, eq=False)
class Fold:
    """What was learned without some poses, its mean body length (mm), and those poses (T, M, 3)."""

    found: Learned
    length: float
    xyz: Floats


@dataclass(frozen=True, eq=False)
class Play:
    """Real motion in front of a camera: true marks (T, M, 3), what is seen, and the animal."""

    xyz: Floats
    keypoints: Keypoints2D
    setup: Setup
    animal: Animal


@dataclass(frozen=True)
class TimeFactors:
    """A share that was tried for `PosePrior.persistent`, and the factors that it leaves."""

    persistent: float
    seen: float
    inferred: float


def learned_map(found: Learned, old: KeypointMap, source: str) -> KeypointMap:
    """Return a keypoint map with the learned offsets and sigmas."""
    order = [found.marks.names.index(name) for name in old.names]
    offset = found.marks.offset[order] @ found.body.axes.T
    return replace(
        old, offset=offset, sigma=found.marks.sigma[order],
        source=f"Learned with the pose prior from {source}.",
    )  # fmt: skip


def frame_factors(
    folds: Sequence[Fold], keypoint_map: KeypointMap, cameras: Sequence[Camera],
    config: LearnConfig,
) -> Floats:  # fmt: skip
    """Return the covariance factors (2,) of seen and inferred marks, by cross-validation."""
    ratios: dict[int, list[Floats]] = {state: [] for state in _STATES}
    random = np.random.default_rng(0)
    for fold in folds:
        prior = to_prior(fold.found, config, "cross-validation", fold.length)
        marks = learned_map(fold.found, keypoint_map, "cross-validation")
        for camera in cameras:
            for state, square in _alone(fold, camera, prior, marks, random):
                ratios[state].append(square)
    return _factors(ratios)


def _alone(
    fold: Fold, camera: Camera, prior: PosePrior, marks: KeypointMap, random: np.random.Generator
) -> Iterator[tuple[State, Floats]]:
    """Yield state and squared Mahalanobis distances of held-out marks seen by one camera."""
    names = fold.found.marks.names
    keypoints, sigma = _photograph(fold.xyz, names, camera, prior.typical_length, 1.0, random)
    keypoints.xy[random.random(keypoints.xy.shape[:3]) < _HIDDEN] = np.nan
    config = FitConfig(pixel_sigma=sigma, temporal=False, report="marks")
    setup = Setup.of(camera, None, marks, prior, Scale.body_length(prior.typical_length), config)
    yield from _distances(solve(keypoints, setup, Animal.typical(setup)), fold.xyz, names)


def _photograph(
    xyz: Floats, names: tuple[str, ...], camera: Camera, length: float, seconds: float,
    random: np.random.Generator,
) -> tuple[Keypoints2D, float]:  # fmt: skip
    """Return noisy keypoints of marks (T, M, 3), `seconds` apart, and the noise in px."""
    pixels = camera.project(xyz)
    depth = np.nanmedian(camera.to_camera(xyz)[..., 2])
    sigma = float(_NOISE * length * camera.matrix[0, 0] / depth)
    pixels = pixels + random.normal(0, sigma, pixels.shape)
    frames = np.arange(len(xyz))
    times = np.asarray(frames * seconds, np.float64)
    confidence = np.ones((len(xyz), 1, len(names)))
    return Keypoints2D(pixels[:, None], confidence, times, frames, names), sigma


def _distances(
    found: PoseSequence, xyz: Floats, names: tuple[str, ...]
) -> Iterator[tuple[State, Floats]]:
    order = [found.keypoint_names.index(name) for name in names]
    apart = found.keypoints[:, order] - xyz
    covariance = found.covariance[:, order]
    good = np.isfinite(apart).all(-1) & np.isfinite(covariance).all((-1, -2))
    square = np.full(good.shape, np.nan)
    square[good] = np.einsum(
        "ni,ni->n", apart[good], np.linalg.solve(covariance[good], apart[good][..., None])[..., 0]
    )
    for state in _STATES:
        yield state, square[good & (found.state[:, order] == state)]


def _factors(ratios: dict[int, list[Floats]]) -> Floats:
    """Return by how much 90 % regions must grow (2,), 1 where nothing was of that state."""
    squares = [np.concatenate(ratios[state]) for state in _STATES]
    return np.array([
        np.quantile(square, 0.9) / _INSIDE_90 if len(square) else 1.0 for square in squares
    ])  # fmt: skip


def stretches(usable: NDArray[np.bool_], most: int = 6) -> list[Ints]:
    """Return up to `most` stretches of up to 300 frames without a gap, spread over a recording.

    None is shorter than 60 frames.
    """
    edges = np.flatnonzero(np.diff(np.r_[False, usable, False].astype(np.int8)))
    found: list[Ints] = []
    for first, last in edges.reshape(-1, 2):
        for start in range(first, last, 2 * _STRETCH):
            part = np.arange(start, min(start + _STRETCH, last))
            if len(part) >= min(_STRETCH, last - first) and len(part) >= _LEAST_STRETCH:
                found.append(part)
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[k] for k in chosen]


def plays(
    found: Learned, prior: PosePrior, keypoint_map: KeypointMap, motions: Sequence[PoseArrays],
    cameras: Sequence[Camera], fps: float,
) -> Iterator[Play]:  # fmt: skip
    """Yield stretches of real motion, each in front of the next camera, and the animal in them."""
    random = np.random.default_rng(1)
    names = found.marks.names
    arrays = angle_body(found)
    hidden = max(round(_HIDDEN_SECONDS * fps), 1)
    for k, part in enumerate(motions):
        frames = len(part.place)
        moved = terms.motion(arrays, part)
        xyz = terms.mark_points(arrays, moved)[0]
        slide = _wandering(frames, found.marks.sigma, _SLIDE_SECONDS * fps, random)
        xyz = xyz + (moved.rotation[:, arrays.mark_bone] @ slide[..., None])[..., 0]
        xyz -= xyz.mean((0, 1))  # the middle of the path in the middle of the arena
        camera = cameras[k % len(cameras)]
        keypoints, sigma = _photograph(xyz, names, camera, prior.typical_length, 1 / fps, random)
        for start in range(0, frames, hidden):
            keypoints.xy[start : start + hidden, :, random.random(len(names)) < _HIDDEN] = np.nan
        config = FitConfig(pixel_sigma=sigma, report="marks")
        scale = Scale.body_length(prior.typical_length)
        setup = Setup.of(camera, None, keypoint_map, prior, scale, config)
        yield Play(xyz, keypoints, setup, learn_animal(keypoints, setup))


def time_factors(
    prior: PosePrior, motion: Sequence[Play]
) -> tuple[PosePrior, list[TimeFactors]]:  # fmt: skip
    """Return the prior with its covariances through time calibrated, and how fast mice move.

    Beside it, every share of persistent error that was tried.
    """
    speeds = np.mean(np.log([play.animal.acceleration for play in motion]), axis=0)
    speed = np.exp([speeds[0], speeds[1], speeds[2:].mean()])
    tried = []
    factors, persistent = np.ones(2), 0.0
    for persistent in _PERSISTENT:
        trial = replace(prior, persistent=persistent)
        ratios: dict[int, list[Floats]] = {state: [] for state in _STATES}
        for play in motion:
            result = solve(play.keypoints, replace(play.setup, prior=trial), play.animal)
            names = play.keypoints.keypoint_names
            for state, square in _distances(result, play.xyz, names):
                ratios[state].append(square)
        factors = _factors(ratios)
        tried.append(TimeFactors(persistent, float(factors[0]), float(factors[1])))
        if factors.max() <= _LARGEST_FACTOR:
            break
    inflation = np.stack([prior.inflation[:, 0], factors], axis=1)
    inflation = np.maximum(inflation, 1.0)  # other animals are not better known than these
    return replace(prior, persistent=persistent, inflation=inflation, acceleration=speed), tried


def _wandering(frames: int, sigma: Floats, memory: float, random: np.random.Generator) -> Floats:
    """Return how marks slide on the skin (T, M, 3) mm: SD `sigma` (M,), `memory` in frames."""
    keep = np.exp(-1 / memory)
    noise = random.normal(size=(frames, len(sigma), 3))
    noise[0] /= np.sqrt(1 - keep**2)  # as far as it will ever be from the first frame on
    slow = lfilter([np.sqrt(1 - keep**2)], [1.0, -keep], noise, axis=0)
    return np.asarray(slow * sigma[:, None])
