"""Mark offsets learned from tracked points: how much of a wrong guess they mend.

`walk`: simulated walks of 30 s whose marks sit 4.5 mm from where the map says, three seeds;
`walk_at_rest`: the same in the body's posture of rest, which the pose prior holds for unlikely.
`labels`: the 61 labelled poses of `dannce_mouse1` that are not scored, seen by one camera at a time
with 2 px of noise; the guess is the anatomical one from which the shipped offsets were once learned
in 3D, and the twenty held-out poses score both. `homecage`: a mouse that hardly moves, which must
be refused. Errors are of reconstructed points, root-aligned, in frames that nothing was learned
from; axes are mm per axis of the offsets that the recording decides.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from common import REPOSITORY, CannotMeasure, Measured, arguments, folder, mean_of, run
from held_out import SCORED_FRAMES, as_track, in_frame_of, load_held_out
from homecage import load_recording
from problems import is_known, load_arrays

from mousepose import FitConfig, Scale, Setup, default_body, load_keypoint_map, reconstruct
from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.prior import load_prior
from mousepose.fit.offsets import LearnedOffsets, learn_offsets
from mousepose.fit.offsets_ties import mirror_ties
from mousepose.geometry.camera import Camera
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Floats, Keypoints2D

SEEDS = (1, 2, 3)
SHIFT_MM = 4.5
SECONDS, FPS = 30.0, 30.0
NOISE_PX = 2.0
GUESS = REPOSITORY / "tools" / "dannce22_first_guess.toml"


def measure(options: argparse.Namespace) -> Measured:
    """Learn offsets from simulated walks, from real labels and from a mouse that sits still."""
    columns = (
        "recording", "marks", "cameras", "poses", "decided", "axes before", "axes after",
        "px before", "px after", "error: guess", "learned", "true",
    )  # fmt: skip
    measured = Measured("Offsets learned from tracked points (mm)", columns)
    for name in ("dannce22", "homecage15", "superanimal27", "jabs12"):
        for cameras in (1, 2):
            found = mean_of(_walk(name, cameras, seed, usual=True) for seed in SEEDS)
            _add(measured, "walk", name, cameras, found)
    for cameras in (1, 2):
        found = mean_of(_walk("dannce22", cameras, seed, usual=False) for seed in SEEDS)
        _add(measured, "walk_at_rest", "dannce22", cameras, found)
    _add(measured, "labels", "dannce22", 1, mean_of(_labels(options, view) for view in range(6)))
    measured.ran_on.append("dannce_mouse1 (61 poses learned from, 20 scored)")
    still = _homecage(options)
    measured.add_figures("homecage", still)
    measured.add_row("homecage", "homecage15", 1, still["poses"], *["-"] * 8)
    measured.ran_on.append("homecage_4cam (120 frames)")
    return measured


def _add(measured: Measured, kind: str, name: str, cameras: int, found: dict[str, Any]) -> None:
    measured.add_figures(f"{kind}.{name}.{cameras}", found)
    measured.add_row(kind, name, cameras, *found.values())


def _walk(name: str, count: int, seed: int, usual: bool) -> dict[str, float]:
    """Return what is learned of marks that sit elsewhere on a simulated walker.

    Its posture is the `usual` one of the pose prior, or that of the body at rest.
    """
    body, prior, guess = default_body(), load_prior(), load_keypoint_map(name)
    random = np.random.default_rng(seed)
    truth = _shifted(guess, random)
    shape = np.array(prior.shape) + 0.5 * body.shape_space.sd * random.standard_normal(
        len(body.shape_space)
    )
    walk = walking_mouse(
        body, SECONDS, FPS, stride_length_mm=50, strides_per_second=2.5, turn_radius_mm=150,
        shape=shape, posture=prior.mean if usual else None, seed=seed,
    )  # fmt: skip
    cameras = [
        replace(watching_camera(azimuth_deg=a, elevation_deg=e, distance_mm=560, name=n),
                floor_plane=None)
        for a, e, n in ((-90, 35, "side"), (20, 60, "above"))[:count]
    ]  # fmt: skip
    seen = observe(body, walk.pose, walk.times, cameras, truth, noise_px=NOISE_PX, seed=seed)
    joints = body.joints(walk.pose)
    ends = [joints[:, body.skeleton.index(end)] for end in ("NOSE", "ROOT_TAIL")]
    length = float(np.linalg.norm(ends[0] - ends[1], axis=-1).mean())
    scale = Scale.body_length(length) if count == 1 else Scale.none()
    learned = learn_offsets(seen, Setup.of(cameras, keypoint_map=guess, scale=scale))
    last = slice(round(0.8 * len(walk)), None)
    points = body.keypoints_of(walk.pose)[last]

    def error(keypoint_map: KeypointMap) -> float:
        found = reconstruct(_cut(seen, last), cameras, keypoint_map=keypoint_map, scale=scale)
        return _root_error(found.keypoints, points, 0)

    return _figures(learned, truth.offset, [error(m) for m in (guess, learned.keypoint_map, truth)])


def _labels(options: argparse.Namespace, view: int) -> dict[str, float]:
    """Return what is learned from real labels of one camera."""
    held_out = load_held_out(options.data)
    arrays = load_arrays(folder(options.data, "dannce_mouse1") / "dannce_mouse1.npz")
    names = [str(name) for name in arrays["keypoint_names"]]
    guess, shipped = load_keypoint_map(GUESS).select(names).map, load_keypoint_map("dannce22")
    truth = shipped.select(names).map
    camera, scale = held_out.cameras[view], Scale.body_length(held_out.body_length)
    poses = arrays["points3d_mm"]
    others = np.setdiff1d(np.arange(len(poses)), SCORED_FRAMES)
    learned = learn_offsets(
        _photographed(poses[others], names, camera),
        Setup.of(camera, keypoint_map=guess, scale=scale),
    )
    scored = poses[SCORED_FRAMES]

    def error(keypoint_map: KeypointMap) -> float:
        config = FitConfig(temporal=False, report="marks")
        found = reconstruct(
            _photographed(scored, names, camera), camera, keypoint_map=keypoint_map, scale=scale,
            config=config,
        )  # fmt: skip
        order = [found.keypoint_names.index(name) for name in names]
        there = in_frame_of(found.frame, camera, scored)
        return _root_error(found.keypoints[:, order], there, names.index("SpineF"))

    return _figures(learned, truth.offset, [error(m) for m in (guess, learned.keypoint_map, truth)])


def _homecage(options: argparse.Namespace) -> dict[str, float]:
    """Return how many poses a mouse shows that sits still, and how many offsets it decides."""
    marks = load_keypoint_map("homecage15")
    recording = load_recording(folder(options.data, "homecage_4cam"), marks)
    points = recording.points[:, :1]
    seen = replace(as_track(points, recording.names), times=recording.times)
    scale = Scale.body_length(recording.body_length)
    learned = learn_offsets(seen, Setup.of(recording.cameras[0], keypoint_map=marks, scale=scale))
    if learned.better:
        raise CannotMeasure("homecage_4cam: offsets were learned from a mouse that sits still")
    return {"poses": learned.poses, "decided": float(sum(mark.learned for mark in learned.marks))}


def _photographed(points: Floats, names: Sequence[str], camera: Camera) -> Keypoints2D:
    """Return noisy image points of poses (T, M, 3) mm, the same at every call."""
    pixels = camera.project(points)
    pixels = pixels + NOISE_PX * np.random.default_rng(0).standard_normal(pixels.shape)
    return as_track(pixels[:, None], names)


def _shifted(guess: KeypointMap, random: np.random.Generator) -> KeypointMap:
    """Return the map with every mark elsewhere, left and right alike."""
    ties = mirror_ties(guess, default_body())
    away = ties.offsets(random.standard_normal(ties.matrix.shape[1]))
    away *= SHIFT_MM / np.linalg.norm(away, axis=1, keepdims=True)
    return replace(guess, offset=guess.offset + away)


def _figures(learned: LearnedOffsets, truth: Floats, errors: list[float]) -> dict[str, float]:
    decided = np.array([mark.determined for mark in learned.marks])
    axes = [
        float(np.abs(m.offset - truth)[decided].mean())
        for m in (learned.guess, learned.keypoint_map)
    ]
    before, after = (
        float(np.nanmedian([getattr(mark, f"{side}_px") for mark in learned.marks]))
        for side in ("before", "after")
    )
    guess, found, true = errors
    return {
        "poses": learned.poses, "decided": float(decided.mean()), "axes_before": axes[0],
        "axes_after": axes[1], "px_before": before, "px_after": after, "error_guess": guess,
        "error_learned": found, "error_true": true,
    }  # fmt: skip


def _root_error(found: Floats, truth: Floats, root: int) -> float:
    """Return the mean distance (mm) after one point is laid upon its truth."""
    away = (found - found[:, [root]]) - (truth - truth[:, [root]])
    return float(np.linalg.norm(away[is_known(away)], axis=-1).mean())


def _cut(seen: Keypoints2D, part: slice) -> Keypoints2D:
    return replace(
        seen, xy=seen.xy[part], confidence=seen.confidence[part], times=seen.times[part],
        frame_numbers=seen.frame_numbers[part],
    )  # fmt: skip


def main() -> int:
    """Run from the command line."""
    return run(arguments(__doc__), measure)


if __name__ == "__main__":
    sys.exit(main())
