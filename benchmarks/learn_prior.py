"""How many components a learned prior deserves, and whether more of them help one camera.

    python benchmarks/learn_prior.py [--data DIR] [--components N] [--json FILE]

Held-out log likelihood by kind and number of components: on the 81 labelled poses of
`dannce_mouse1` and on motion of another mouse, `stac_mouse_mocap`, each in four blocks of time.
Then the error of single views of `dannce_mouse1`: of the 20 poses that the shipped prior never saw,
under priors learned from the other 61, and of every block under priors learned from the others.
A mixture is fitted component by component, and the fit of least energy is taken.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import Measured, arguments, folder, run
from held_out import NOISE, SCORED_FRAMES, load_held_out

from mousepose import FitConfig, Keypoints2D, Scale, Setup, default_body, load_prior, solve
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.body.prior import PosePrior
from mousepose.fit.learn import LearnConfig, to_prior
from mousepose.fit.setup import Animal
from mousepose.geometry.camera import Camera
from mousepose.run.learn_prior_calibrate import Fold, learned_map
from mousepose.run.learn_prior_held_out import (
    evidence_of,
    held_out,
    learn_body,
    learn_mixture,
    settled,
    split_poses,
)
from mousepose.run.learn_prior_input import (
    ChosenPoses,
    Marked,
    choose_poses,
    mark,
    read_recordings,
)
from mousepose.types import Floats

_FOLDS = 4
_SEED = 0
#: Marks hidden at random, as a share.
_HIDDEN = 0.1
#: Recordings: file, keypoint map, poses, factor to life size.
_MOTION_POSES = 120
_LIFE_SIZE = 1 / 1.35
_TOOLS = Path(__file__).resolve().parents[1] / "tools"


def measure(options: argparse.Namespace) -> Measured:
    """Score every candidate on both recordings, then fit single views."""
    measured = Measured(
        "Priors learned anew: held-out log likelihood (nats a pose), error of single views (mm)",
        ("what", "covariance or poses", "components", "held out", "standard error", "learned from"),
    )
    most = options.components
    body = default_body()
    labels = _read(
        folder(options.data, "dannce_mouse1") / "dannce_mouse1.npz", "dannce22_first_guess", body
    )
    motion = _read(
        folder(options.data, "stac_mouse_mocap") / "mouse_mocap_3600.npz", "stac_first_guess", body,
        _LIFE_SIZE,
    )  # fmt: skip
    folds: list[Fold] = []
    for name, marked, count, kinds in (
        ("dannce_mouse1", labels, 1000, ("tree", "published")),
        ("stac_mouse_mocap", motion, _MOTION_POSES, ("tree",)),
    ):
        poses = choose_poses(marked, body, count)
        for kind in kinds:
            found = _likelihoods(measured, name, kind, marked, poses, most)
            folds = folds or found
    _single_views(measured, options.data, labels, folds, most)
    measured.ran_on += ["dannce_mouse1 (81 poses)", f"stac_mouse_mocap ({_MOTION_POSES} poses)"]
    return measured


def _read(path: Path, keypoint_map: str, body: BodyModel, factor: float = 1.0) -> Marked:
    recordings = [replace(one, xyz=one.xyz * factor) for one in read_recordings(path)]
    return mark(recordings, load_keypoint_map(_TOOLS / f"{keypoint_map}.toml"), body)


def _likelihoods(
    measured: Measured, name: str, kind: str, marked: Marked, poses: ChosenPoses, most: int
) -> list[Fold]:
    split = split_poses(poses, marked, _FOLDS)
    found = held_out(
        default_body(), marked, poses, split, kind, most, LearnConfig(), _SEED,
        lambda stage, done, total: print(name, kind, stage, done, total, file=sys.stderr),
    )  # fmt: skip
    for one in found.scores:
        error = float(one.by_fold.std(ddof=1) / np.sqrt(len(one.by_fold)))
        measured.add_row(
            f"{name}, {kind}", one.structure, one.components, one.mean, error, one.training
        )
        key = f"{name}.{kind}.{one.structure.replace(' ', '_')}.{one.components}"
        measured.add_figures(key, {"held_out": one.mean, "training": one.training})
    return found.folds


def _single_views(
    measured: Measured, data: Path, marked: Marked, folds: list[Fold], most: int
) -> None:
    cameras = load_held_out(data).cameras
    xyz = marked.recordings[0].xyz
    kept = np.ones(len(xyz), bool)
    kept[SCORED_FRAMES] = False
    shipped = learn_body(default_body(), marked.marks, marked.landmarks, xyz[kept], LearnConfig())
    for title, key, parts in (
        ("20 poses, learned from 61", "scored", [(Fold(*shipped, xyz[~kept]), xyz[kept])]),
        ("blocks of time", "blocks", _with_training(folds)),
    ):
        errors = _errors(parts, cameras, marked, most)
        for name, values in errors.items():
            error = float(np.std(values) / np.sqrt(len(values)))
            measured.add_row("error of single views, mm", title, name, np.mean(values), error, "")
            measured.add_figures(f"single_view.{key}", {name.replace(" ", "_"): np.mean(values)})


def _with_training(folds: list[Fold]) -> list[tuple[Fold, Floats]]:
    """Return each fold with the poses that it was learned from."""
    return [
        (fold, np.concatenate([other.xyz for other in folds if other is not fold]))
        for fold in folds
    ]


def _errors(
    parts: list[tuple[Fold, Floats]], cameras: tuple[Camera, ...], marked: Marked, most: int
) -> dict[str, list[float]]:
    """Return the root-aligned error (mm) of every view under every prior."""
    random = np.random.default_rng(_SEED)
    errors: dict[str, list[float]] = {}
    config = LearnConfig(coordinates=int(default_body().free.sum()))
    for fold, known in parts:
        found = settled(fold.found, known)
        evidence = evidence_of("tree", found)
        marks = learned_map(found, load_keypoint_map("dannce22"), "a fold")
        priors = {"shipped prior": load_prior()}
        for count in range(1, most + 1):
            mixture = learn_mixture("tree", "full", count, found, evidence, _SEED)
            prior = to_prior(found, config, "a fold", fold.length, mixture)
            priors[f"{count} component{'s' * (count > 1)}"] = prior
            if count > 1:
                priors[f"{count} as one Gaussian"] = replace(prior, components=None)
        for camera in cameras:
            keypoints, sigma = _seen(fold, camera, random)
            for name, prior in priors.items():
                points = _fit(keypoints, camera, marks, prior, fold.length, sigma)
                errors.setdefault(name, []).extend(_root_aligned(points, fold.xyz, marked))
    return errors


def _seen(fold: Fold, camera: Camera, random: np.random.Generator) -> tuple[Keypoints2D, float]:
    depth = np.nanmedian(camera.to_camera(fold.xyz)[..., 2])
    sigma = float(NOISE * fold.length * camera.matrix[0, 0] / depth)
    points = camera.project(fold.xyz)
    points = points + random.normal(0, sigma, points.shape)
    points[random.random(points.shape[:2]) < _HIDDEN] = np.nan
    frames = np.arange(len(points))
    names = fold.found.marks.names
    confidence = np.ones((len(points), 1, len(names)))
    return Keypoints2D(points[:, None], confidence, frames * 1.0, frames, names), sigma


def _fit(
    keypoints: Keypoints2D, camera: Camera, marks: KeypointMap, prior: PosePrior, length: float,
    sigma: float,
) -> Floats:  # fmt: skip
    """Return the marks (T, M, 3) of the component that fits each frame with the least energy."""
    alone = [prior] if prior.components is None else [
        prior.component(k) for k in range(len(prior.components))
    ]  # fmt: skip
    weights = np.ones(1) if prior.components is None else prior.components.weights
    config = FitConfig(pixel_sigma=sigma, temporal=False, report="marks")
    energies, found = [], []
    for weight, one in zip(weights, alone, strict=True):
        setup = Setup.of(camera, None, marks, one, Scale.body_length(length), config)
        result = solve(keypoints, setup, Animal.typical(setup))
        cost = np.sum(list(result.report.cost.values()), axis=0)
        energies.append(cost + _log_volume(one) - np.log(weight))
        order = [result.keypoint_names.index(name) for name in keypoints.keypoint_names]
        found.append(result.keypoints[:, order])
    best = np.argmin(energies, axis=0)
    return np.stack(found)[best, np.arange(len(best))]


def _log_volume(prior: PosePrior) -> float:
    """Return half the log determinant of the covariance of the angles that can bend."""
    flat = prior.basis.reshape(-1, prior.basis.shape[-1])
    return float(np.linalg.slogdet(flat[np.abs(flat).any(axis=1)])[1])


def _root_aligned(points: Floats, truth: Floats, marked: Marked) -> list[float]:
    front = [marked.landmarks.front]
    apart = np.linalg.norm(points - points[:, front] - truth + truth[:, front], axis=-1)
    return [float(value) for value in np.nanmean(apart, axis=1)]


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--components", type=int, default=3, help="most components (default: 3)")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
