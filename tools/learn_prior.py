"""Learn the pose prior and the DANNCE keypoint map that ship with the package.

    python tools/learn_prior.py DANNCE_MOUSE1.npz [--all-frames] [--output FOLDER]

DANNCE_MOUSE1.npz holds `points3d_mm` (T, 22, 3), `keypoint_names`, and the cameras `K`, `R`, `t_mm`
of spoonsso/dannce (MIT). Every fourth labelled frame is left out, so that benchmarks can be scored on
them; nothing is tuned on those. Covariances are calibrated by cross-validation over the other frames:
each is seen once by every camera, with noise and with random limbs hidden, under a prior that was
learned without it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from mousepose import Camera, FitConfig, Keypoints2D, Scale, Setup, State, default_body, solve
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map, write_keypoint_map
from mousepose.body.prior import PosePrior
from mousepose.fit.learn import LearnConfig, Learned, learn, start_poses, to_prior
from mousepose.fit.setup import Animal

DATA = Path(__file__).parents[1] / "src" / "mousepose" / "data"
FIRST_GUESS = Path(__file__).with_name("dannce22_first_guess.toml")
SCORED = np.round(np.linspace(0, 80, 20)).astype(int)
SOURCE = "61 labelled poses of one mouse, spoonsso/dannce (MIT), markerless mouse 1"
NOISE = 0.02  # of the body length, standard deviation of simulated image noise
FOLDS = 4
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
    pixels = camera.project(xyz)
    depth = np.nanmedian(camera.to_camera(xyz)[..., 2])
    sigma = NOISE * prior.typical_length * camera.matrix[0, 0] / depth
    pixels = pixels + rng.normal(0, sigma, pixels.shape)
    pixels[rng.random(pixels.shape[:2]) < 0.2] = np.nan
    frames = np.arange(len(xyz))
    keypoints = Keypoints2D(
        pixels[:, None], np.ones((len(xyz), 1, len(names))), frames / 30.0, frames, tuple(names)
    )
    fit = FitConfig(pixel_sigma=sigma, temporal=False, report="marks")
    setup = Setup.of(
        camera, None, keypoint_map, prior, Scale.body_length(prior.typical_length), fit
    )
    found = solve(keypoints, setup, Animal.typical(setup))
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


def main() -> None:
    """Learn, calibrate and write the shipped files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
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
    prior = replace(
        to_prior(found, config, SOURCE, length), inflation=np.stack([factors, factors], axis=1)
    )
    prior.save(options.output / "prior.npz", {"learned_from_poses": int(kept.sum())})
    write_keypoint_map(options.output / "keypoints" / "dannce22.toml", learned_map(found))
    print(f"{kept.sum()} poses; mean body length {length:.1f} mm; wrote {options.output}")


if __name__ == "__main__":
    main()
