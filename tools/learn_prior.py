"""Learn the pose prior and the DANNCE keypoint map that ship with the package.

    python tools/learn_prior.py DANNCE_MOUSE1.npz STAC_MOCAP.npz [--all-frames] [--output DIR]

DANNCE_MOUSE1.npz holds `points3d_mm` (T, 22, 3), `keypoint_names`, and the cameras `K`, `R`, `t_mm`
of spoonsso/dannce (MIT). Every fourth labelled frame is left out, so that benchmarks can be scored
on them; nothing is tuned on those. Covariances of single frames are calibrated by cross-validation
over the other frames: each is seen once by every camera, with noise and with random points hidden,
under a prior that was learned without it. Covariances through time, and how fast mice move, come
from STAC_MOCAP.npz: real motion of another mouse (talmolab/stac-mjx, BSD-3), on which marks that
slide are simulated and seen by the same cameras.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from motion import FRAMES_PER_SECOND, real_motion, wandering

from mousepose import (
    Camera,
    FitConfig,
    Keypoints2D,
    Scale,
    Setup,
    State,
    default_body,
    learn_animal,
    solve,
)
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map, write_keypoint_map
from mousepose.body.prior import PosePrior
from mousepose.fit import terms
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.learn import (
    LearnConfig,
    Learned,
    angle_body,
    learn,
    start_poses,
    to_prior,
)
from mousepose.fit.setup import Animal

DATA = Path(__file__).parents[1] / "src" / "mousepose" / "data"
FIRST_GUESS = Path(__file__).with_name("dannce22_first_guess.toml")
SCORED = np.round(np.linspace(0, 80, 20)).astype(int)
SOURCE = "61 labelled poses of one mouse, spoonsso/dannce (MIT), markerless mouse 1"
NOISE = 0.02  # of the body length, standard deviation of simulated image noise
HIDDEN = 0.2  # share of points that the image does not show
FOLDS = 4
STRETCH = 300  # frames of motion at a time
PERSISTENT = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)  # shares that are tried in turn
LARGEST_FACTOR = 1.1  # on covariances through time
INSIDE_90 = 6.251  # chi-square, 3 degrees of freedom


def learn_from(xyz: np.ndarray, names: list[str], config: LearnConfig) -> tuple[Learned, float]:
    """Return what EM finds in poses (T, M, 3) and their mean straight body length."""
    body = default_body()
    marks = load_keypoint_map(FIRST_GUESS).select(names).map.marks(body)
    at = {name: xyz[:, names.index(name)] for name in names}
    left = np.nanmean([at["ShoulderL"] - at["ShoulderR"], at["KneeL"] - at["KneeR"]], axis=0)
    start = start_poses(body, at["SpineF"], at["SpineF"] - at["Tail(base)"], left)
    length = float(np.nanmean(np.linalg.norm(at["Snout"] - at["Tail(base)"], axis=1)))
    return learn(body, marks, xyz, start, config), length


def learned_map(found: Learned) -> KeypointMap:
    """Return the DANNCE map with the learned offsets and sigmas."""
    old = load_keypoint_map("dannce22")
    order = [found.marks.names.index(name) for name in old.names]
    return replace(
        old,
        offset=found.marks.offset[order],
        sigma=found.marks.sigma[order],
        source=f"Learned with the pose prior from {SOURCE}.",
    )


def calibrate(
    xyz: np.ndarray, names: list[str], cameras: list[Camera], config: LearnConfig
) -> np.ndarray:
    """Return the covariance factors (2,) of seen and inferred marks, by cross-validation."""
    ratios: dict[int, list[np.ndarray]] = {State.SEEN: [], State.INFERRED: []}
    rng = np.random.default_rng(0)
    for fold in range(FOLDS):
        held = np.arange(len(xyz)) % FOLDS == fold
        found, length = learn_from(xyz[~held], names, config)
        prior = to_prior(found, config, SOURCE, length)
        for camera in cameras:
            for state, square in _score(xyz[held], names, camera, prior, learned_map(found), rng):
                ratios[state].append(square)
    return np.array([
        np.quantile(np.concatenate(ratios[state]), 0.9) / INSIDE_90
        for state in (State.SEEN, State.INFERRED)
    ])  # fmt: skip


def _score(xyz, names, camera, prior: PosePrior, keypoint_map: KeypointMap, rng):  # type: ignore[no-untyped-def]
    """Yield state and squared Mahalanobis distances of held-out marks seen by one camera."""
    keypoints, sigma = _photograph(xyz, names, camera, prior.typical_length, rng)
    keypoints.xy[rng.random(keypoints.xy.shape[:3]) < HIDDEN] = np.nan
    fit = FitConfig(pixel_sigma=sigma, temporal=False, report="marks")
    setup = Setup.of(
        camera, None, keypoint_map, prior, Scale.body_length(prior.typical_length), fit
    )
    found = solve(keypoints, setup, Animal.typical(setup))
    yield from _distances(found, xyz, names)


def _photograph(xyz, names, camera, length, rng):  # type: ignore[no-untyped-def]
    """Return noisy keypoints of marks (T, M, 3) as a camera sees them, and the noise in px."""
    pixels = camera.project(xyz)
    depth = np.nanmedian(camera.to_camera(xyz)[..., 2])
    sigma = NOISE * length * camera.matrix[0, 0] / depth
    pixels = pixels + rng.normal(0, sigma, pixels.shape)
    frames = np.arange(len(xyz))
    return Keypoints2D(
        pixels[:, None],
        np.ones((len(xyz), 1, len(names))),
        frames / FRAMES_PER_SECOND,
        frames,
        tuple(names),
    ), sigma


def _distances(found, xyz, names):  # type: ignore[no-untyped-def]
    order = [found.keypoint_names.index(name) for name in names]
    apart = found.keypoints[:, order] - xyz
    covariance = found.covariance[:, order]
    good = np.isfinite(apart).all(-1) & np.isfinite(covariance).all((-1, -2))
    square = np.full(good.shape, np.nan)
    square[good] = np.einsum(
        "ni,ni->n", apart[good], np.linalg.solve(covariance[good], apart[good][..., None])[..., 0]
    )
    for state in (State.SEEN, State.INFERRED):
        yield state, square[good & (found.state[:, order] == state)]


def calibrate_time(
    found: Learned,
    prior: PosePrior,
    keypoint_map: KeypointMap,
    motion: PoseArrays,
    cameras: list[Camera],
) -> PosePrior:
    """Return the prior with its covariances through time calibrated, and how fast mice move.

    The motion is played in front of every camera in turn, in stretches of 300 frames.
    """
    plays = list(_plays(found, prior, keypoint_map, motion, cameras))
    speeds = np.mean(np.log([animal.acceleration for *_, animal in plays]), axis=0)
    speed = np.exp([speeds[0], speeds[1], speeds[2:].mean()])
    names = list(found.marks.names)
    for persistent in PERSISTENT:
        trial = replace(prior, persistent=persistent)
        ratios: dict[int, list[np.ndarray]] = {State.SEEN: [], State.INFERRED: []}
        for xyz, keypoints, setup, animal in plays:
            result = solve(keypoints, replace(setup, prior=trial), animal)
            for state, square in _distances(result, xyz, names):
                ratios[state].append(square)
        factors = [
            np.quantile(np.concatenate(ratios[state]), 0.9) / INSIDE_90
            for state in (State.SEEN, State.INFERRED)
        ]
        print(f"  persistent {persistent}: seen {factors[0]:.2f}, inferred {factors[1]:.2f}")
        if max(factors) <= LARGEST_FACTOR:
            break
    inflation = np.stack([prior.inflation[:, 0], factors], axis=1)
    inflation = np.maximum(inflation, 1.0)  # other animals are not better known than these
    return replace(trial, inflation=inflation, acceleration=speed)


def _plays(found, prior, keypoint_map, motion, cameras):  # type: ignore[no-untyped-def]
    """Yield true marks, keypoints, setup and learned animal of stretches of real motion."""
    rng = np.random.default_rng(1)
    names = list(found.marks.names)
    arrays = angle_body(found)
    for k, first in enumerate(range(0, len(motion.place) - STRETCH + 1, 2 * STRETCH)):
        part = motion.take(np.arange(first, first + STRETCH))
        moved = terms.motion(arrays, part)
        xyz = terms.mark_points(arrays, moved)[0]
        slide = wandering(STRETCH, found.marks.sigma, 0.3, rng)
        xyz = xyz + (moved.rotation[:, arrays.mark_bone] @ slide[..., None])[..., 0]
        xyz -= xyz.mean((0, 1))  # the middle of the path in the middle of the arena
        camera = cameras[k % len(cameras)]
        keypoints, sigma = _photograph(xyz, names, camera, prior.typical_length, rng)
        for start in range(0, STRETCH, 15):  # points are hidden for half a second
            keypoints.xy[start : start + 15, :, rng.random(len(names)) < HIDDEN] = np.nan
        fit = FitConfig(pixel_sigma=sigma, report="marks")
        scale = Scale.body_length(prior.typical_length)
        setup = Setup.of(camera, None, keypoint_map, prior, scale, fit)
        yield xyz, keypoints, setup, learn_animal(keypoints, setup)


def main() -> None:
    """Learn, calibrate and write the shipped files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("motion", type=Path)
    parser.add_argument("--all-frames", action="store_true", help="leave no frame out")
    parser.add_argument("--output", type=Path, default=DATA)
    options = parser.parse_args()
    data = np.load(options.file)
    names = [str(name) for name in data["keypoint_names"]]
    kept = np.ones(len(data["points3d_mm"]), bool)
    if not options.all_frames:
        kept[SCORED] = False
    xyz = data["points3d_mm"][kept].astype(np.float64)
    size = tuple(int(v) for v in data["image_size_wh"])
    cameras = []
    for k, (matrix, turn, shift) in enumerate(zip(data["K"], data["R"], data["t_mm"], strict=True)):
        placed = np.eye(4)
        placed[:3, :3], placed[:3, 3] = turn, shift
        cameras.append(Camera(matrix, np.zeros(0), placed, size, f"camera {k + 1}"))
    config = LearnConfig()
    factors = calibrate(xyz, names, cameras, config)
    print(f"covariance factors: seen {factors[0]:.2f}, inferred {factors[1]:.2f}")
    found, length = learn_from(xyz, names, config)
    prior = to_prior(found, config, SOURCE, length)
    other, motion = real_motion(options.motion)
    # marks define angles only up to a constant: keep the motion about the mean posture
    motion.z[:] += found.mean - other.mean
    prior = replace(prior, inflation=np.stack([factors, np.ones(2)], axis=1))
    prior = calibrate_time(found, prior, learned_map(found), motion, cameras)
    prior.save(options.output / "prior.npz", {"learned_from_poses": int(kept.sum())})
    write_keypoint_map(options.output / "keypoints" / "dannce22.toml", learned_map(found))
    print(f"{kept.sum()} poses; mean body length {length:.1f} mm; wrote {options.output}")


if __name__ == "__main__":
    main()
