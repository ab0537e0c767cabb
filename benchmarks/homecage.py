"""One view of a mouse in its home cage against the 3D that four cameras see, through time.

`homecage_4cam`: 120 frames at 30 a second, proof-read 2D points of two of the four cameras (no
paws), and 3D points triangulated from all four, whose own error is 1 to 2 mm. The scale is the
animal's median distance from nose to tail base in that truth: a ruler's worth of knowledge. Marks
sit on the body where their names say (`homecage_marks.toml`); no offset was fitted to this set.
The animal hardly moves and crouches in all frames, so that this distance is shorter than its mean:
what that does to the scale is the difference between `rigid` and `similarity`, and in `camera`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from fitting import reported
from held_out import in_frame_of
from problems import is_known, load_arrays
from scoring import score

from mousepose import FitConfig, Scale, reconstruct
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Keypoints2D

MARKS_FILE = Path(__file__).with_name("homecage_marks.toml")
ENDS = ("Nose", "TTI")
GROUPS = {
    "trunk": ("Neck", "Head", "Nose", "Ear_L", "Ear_R", "Trunk", "TTI"),
    "sides": ("Shoulder_left", "Shoulder_right", "Haunch_left", "Haunch_right"),
    "tail": ("Tail_0", "Tail_1", "Tail_2", "TailTip"),
}


@dataclass(frozen=True, eq=False)
class Recording:
    """Image points (T, C, K, 2) px of two cameras and the truth (T, K, 3) mm in the world."""

    names: tuple[str, ...]
    points: Floats
    truth: Floats
    times: Floats
    cameras: tuple[Camera, ...]

    @property
    def body_length(self) -> float:
        """The animal's median distance from nose to tail base, mm."""
        nose, tail = (self.truth[:, self.names.index(name)] for name in ENDS)
        return float(np.nanmedian(np.linalg.norm(nose - tail, axis=1)))


def measure(options: argparse.Namespace) -> Measured:
    """Fit each view alone and both together, per frame and through time."""
    columns = (
        "views", "fit", "camera", "root", "rigid", "trunk", "sides", "tail", "similarity",
        "in 90 %",
    )  # fmt: skip
    measured = Measured("Home cage against four views (mm; parts are rigid-aligned)", columns)
    marks = load_keypoint_map(MARKS_FILE)
    recording = load_recording(folder(options.data, "homecage_4cam"), marks)
    count = len(recording.cameras)
    views = {camera.name: [index] for index, camera in enumerate(recording.cameras)}
    views["both"] = list(range(count))
    for name, chosen in views.items():
        for how, temporal in (("per_frame", False), ("sequence", True)):
            result = _score(recording, marks, chosen, temporal)
            measured.add_figures(f"{name}.{how}", result)
            rigid = result["rigid"]
            measured.add_row(
                name, how.replace("_", " "), result["camera"]["all"], result["root"]["all"],
                rigid["all"], rigid["trunk"], rigid["sides"], rigid["tail"],
                result["similarity"]["all"], result["inside_90_percent_region"],
            )  # fmt: skip
    measured.ran_on.append(f"homecage_4cam ({len(recording.times)} frames)")
    return measured


def load_recording(path: Path, marks: KeypointMap) -> Recording:
    """Return the recording with its points in the order of `marks`. Raises `CannotMeasure`."""
    arrays = load_arrays(path / "points3d_from_4_views.npz")
    names = [str(name) for name in arrays["keypoint_names"]]
    if sorted(names) != sorted(marks.names):
        raise CannotMeasure(f"{path}: expected the keypoints {marks.names}, got {names}")
    order = [names.index(name) for name in marks.names]
    width, height = (int(side) for side in arrays["image_size_wh"])
    points, cameras = [], []
    for index, name in enumerate(str(name) for name in arrays["cameras"]):
        transform = np.eye(4)
        transform[:3, :3], transform[:3, 3] = arrays["R"][index], arrays["t_mm"][index]
        lens = arrays["distortion_k1k2p1p2k3"][index]
        cameras.append(Camera(arrays["K"][index], lens, transform, (width, height), name))
        points.append(_proofread(path / f"minimal_{name}_proofread.analysis.h5", marks.names))
    truth = arrays["points3d_mm"][:, order]
    return Recording(
        names=marks.names,
        points=np.stack(points, axis=1),
        truth=truth,
        times=np.arange(len(truth)) / float(arrays["fps"]),
        cameras=tuple(cameras),
    )


def _proofread(path: Path, names: tuple[str, ...]) -> Floats:
    """Return the points (T, K, 2) px of the one animal in a SLEAP analysis file."""
    try:
        with h5py.File(path) as file:
            nodes = [name.decode() for name in file["node_names"][:]]
            tracks = file["tracks"][0]  # (2, nodes, T)
    except (OSError, KeyError) as error:
        raise CannotMeasure(f"{path} cannot be read: {error}") from error
    return np.asarray(tracks.transpose(2, 1, 0)[:, [nodes.index(name) for name in names]])


def _score(
    recording: Recording, marks: KeypointMap, chosen: list[int], temporal: bool
) -> dict[str, Any]:
    points = recording.points[:, chosen]
    cameras = tuple(recording.cameras[index] for index in chosen)
    keypoints = Keypoints2D(
        xy=points,
        confidence=is_known(points).astype(np.float64),
        times=recording.times,
        frame_numbers=np.arange(len(points)),
        keypoint_names=recording.names,
    )
    sequence = reconstruct(
        keypoints,
        cameras,
        keypoint_map=marks,
        scale=Scale.body_length(recording.body_length),
        config=FitConfig(report="marks", temporal=temporal),
    )
    joints, covariance = reported(sequence, recording.names)
    truth = in_frame_of(sequence.frame, cameras[0], recording.truth)
    known = is_known(truth)
    groups = {
        group: np.array([name in members for name in recording.names])
        for group, members in GROUPS.items()
    }
    seen = np.asarray(is_known(points).any(axis=1))
    return score(truth, joints, known, groups, covariance=covariance, seen=seen)


def main() -> int:
    """Run from the command line."""
    return run(arguments(__doc__), measure)


if __name__ == "__main__":
    sys.exit(main())
