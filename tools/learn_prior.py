"""Learn the pose prior and the DANNCE keypoint map that ship with the package.

    python tools/learn_prior.py DANNCE_MOUSE1.npz STAC_MOCAP.npz [--all-frames] [--output DIR]

DANNCE_MOUSE1.npz holds `points3d_mm` (T, 22, 3), `keypoint_names`, and the cameras `K`, `R`, `t_mm`
of spoonsso/dannce (MIT). Every fourth labelled frame is left out, so that benchmarks can be scored
on them; nothing is tuned on those. Covariances of single frames are calibrated by cross-validation
over the other frames, those through time, and how fast mice move, on STAC_MOCAP.npz: real motion of
another mouse (talmolab/stac-mjx, BSD-3). Everything is done by what `mousepose learn-prior` uses.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from mousepose import Camera, default_body
from mousepose.body.keypoint_map import load_keypoint_map, write_keypoint_map
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.learn import LearnConfig, Learned, to_prior, track_poses
from mousepose.fit.learn_start import start_poses
from mousepose.run.learn_prior_calibrate import (
    Fold,
    frame_factors,
    learned_map,
    plays,
    stretches,
    time_factors,
)
from mousepose.run.learn_prior_held_out import learn_body
from mousepose.run.learn_prior_input import Marked, Recording, mark, read_recordings

DATA = Path(__file__).parents[1] / "src" / "mousepose" / "data"
LABELS_MAP = Path(__file__).with_name("dannce22_first_guess.toml")
MOTION_MAP = Path(__file__).with_name("stac_first_guess.toml")
SCORED = np.round(np.linspace(0, 80, 20)).astype(int)
SOURCE = "61 labelled poses of one mouse, spoonsso/dannce (MIT), markerless mouse 1"
FOLDS = 4
#: The moving mouse's marks are about 1.35 times life size, with y up, at a rate not stated.
LIFE_SIZE = 1 / 1.35
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
FRAMES_PER_SECOND = 30.0
EVERY = 24  # frames of motion from which its body is learned


def marked_from(path: Path, first_guess: Path) -> tuple[Marked, Recording]:
    """Return the one recording in a file, with its marks on the default body."""
    found = mark(read_recordings(path), load_keypoint_map(first_guess), default_body())
    return found, found.recordings[0]


def real_motion(path: Path) -> tuple[Learned, list[PoseArrays]]:
    """Return the moving mouse's body and its poses in stretches (z: the free angles)."""
    marked, recording = marked_from(path, MOTION_MAP)
    xyz = recording.xyz * LIFE_SIZE @ Z_UP.T
    body, marks, landmarks = default_body(), marked.marks, marked.landmarks
    found, _ = learn_body(body, marks, landmarks, xyz[::EVERY], LearnConfig())
    parts = [xyz[part] for part in stretches(np.ones(len(xyz), bool))]
    return found, [track_poses(found, part, start_poses(body, landmarks, part)) for part in parts]


def cameras_of(path: Path) -> list[Camera]:
    """Return the recording's cameras without their lenses' distortion."""
    data = np.load(path)
    width, height = (int(v) for v in data["image_size_wh"])
    cameras = []
    for k, (matrix, turn, shift) in enumerate(zip(data["K"], data["R"], data["t_mm"], strict=True)):
        placed = np.eye(4)
        placed[:3, :3], placed[:3, 3] = turn, shift
        cameras.append(Camera(matrix, np.zeros(0), placed, (width, height), f"camera {k + 1}"))
    return cameras


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
    marked, recording = marked_from(options.file, LABELS_MAP)
    kept = np.ones(len(recording.xyz), bool)
    if not options.all_frames:
        kept[SCORED] = False
    xyz = recording.xyz[kept]
    cameras, config = cameras_of(options.file), LearnConfig()
    shipped_map = load_keypoint_map("dannce22")

    def learned(poses: np.ndarray) -> tuple[Learned, float]:
        return learn_body(default_body(), marked.marks, marked.landmarks, poses, config)

    fold = np.arange(len(xyz)) % FOLDS
    folds = [Fold(*learned(xyz[fold != k]), xyz[fold == k]) for k in range(FOLDS)]
    factors = frame_factors(folds, shipped_map, cameras, config)
    print(f"covariance factors: seen {factors[0]:.2f}, inferred {factors[1]:.2f}")
    found, length = learned(xyz)
    prior = to_prior(found, config, SOURCE, length)
    prior = replace(prior, inflation=np.stack([factors, np.ones(2)], axis=1))
    other, motions = real_motion(options.motion)
    for motion in motions:
        # marks define angles only up to a constant: keep the motion about the mean posture
        motion.z[:] += found.mean - other.mean
    marks = learned_map(found, shipped_map, SOURCE)
    played = list(plays(found, prior, marks, motions, cameras, FRAMES_PER_SECOND))
    prior, tried = time_factors(prior, played)
    for one in tried:
        print(f"  share {one.persistent}: seen {one.seen:.2f}, inferred {one.inferred:.2f}")
    prior.save(options.output / "prior.npz", {"learned_from_poses": int(kept.sum())})
    write_keypoint_map(options.output / "keypoints" / "dannce22.toml", marks)
    print(f"{kept.sum()} poses; mean body length {length:.1f} mm; wrote {options.output}")


if __name__ == "__main__":
    main()
