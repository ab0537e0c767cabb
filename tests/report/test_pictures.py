"""Every picture appears whole, of sequences of every kind, without a window or global figures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, InputError
from mousepose.geometry.camera import Camera
from mousepose.report import (
    plot_joint_angles,
    plot_overview,
    plot_pose_sides,
    plot_residuals,
    plot_trajectory,
    reprojection_residuals,
)
from mousepose.types import Keypoints2D, PoseSequence, State, Status

Drawer = Callable[[PoseSequence, Path], None]


@pytest.fixture
def drawers(body: BodyModel, camera: Camera, keypoints: Keypoints2D) -> dict[str, Drawer]:
    def residuals(sequence: PoseSequence, path: Path) -> None:
        keypoint_map = load_keypoint_map("dataset22")
        found = reprojection_residuals(sequence, keypoints, [camera], body, keypoint_map)
        plot_residuals(sequence, *found, path)

    return {
        "sides": lambda sequence, path: plot_pose_sides(sequence, [0, 30], path),
        "trajectory": plot_trajectory,
        "angles": lambda sequence, path: plot_joint_angles(sequence, body, path),
        "residuals": residuals,
        "overview": lambda sequence, path: plot_overview(
            keypoints, sequence, path, body=body, image_size=camera.size
        ),
    }


KINDS = ("sides", "trajectory", "angles", "residuals", "overview")


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_appears(
    kind: str, drawers: dict[str, Drawer], sequence: PoseSequence, tmp_path: Path
) -> None:
    drawers[kind](sequence, tmp_path / "picture.png")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
    assert is_picture(tmp_path / "picture.png")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_known_is_a_picture_too(
    kind: str, drawers: dict[str, Drawer], sequence: PoseSequence, tmp_path: Path
) -> None:
    pose, nothing = sequence.pose, np.full_like(sequence.keypoints, np.nan)
    absent = replace(
        sequence,
        pose=replace(
            pose,
            root_translation=np.full_like(pose.root_translation, np.nan),
            root_rotation=np.full_like(pose.root_rotation, np.nan),
            joint_rotation=np.full_like(pose.joint_rotation, np.nan),
        ),
        keypoints=nothing,
        covariance=np.full_like(sequence.covariance, np.nan),
        rotation_sd=np.full_like(sequence.rotation_sd, np.nan),
        state=np.full_like(sequence.state, State.ABSENT),
        report=replace(sequence.report, status=np.full(len(sequence), Status.EMPTY, np.uint8)),
        frame="camera",
    )
    drawers[kind](absent, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_truth_is_drawn_with_the_estimate(
    body: BodyModel,
    camera: Camera,
    keypoints: Keypoints2D,
    sequence: PoseSequence,
    truth: PoseSequence,
    tmp_path: Path,
) -> None:
    path = tmp_path / "overview.png"
    plot_overview(keypoints, sequence, path, body=body, image_size=camera.size, truth=truth)
    assert is_picture(path)


def test_a_missing_folder_is_told(sequence: PoseSequence, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        plot_trajectory(sequence, tmp_path / "missing" / "picture.png")


def test_a_frame_that_is_not_there_is_told(sequence: PoseSequence, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frame 90"):
        plot_pose_sides(sequence, [90], tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())


def test_residuals_of_another_shape_are_told(sequence: PoseSequence, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="residuals"):
        plot_residuals(sequence, np.zeros((3, 1, 2)), ("a", "b"), tmp_path / "picture.png")


def test_drawing_needs_no_pyplot() -> None:
    code = "import mousepose.report.overview, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
