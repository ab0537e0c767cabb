"""Results on disk, as `mousepose reconstruct` leaves them, of a simulated walk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.geometry.camera import Camera
from mousepose.io import write_cameras
from mousepose.io.poses import parquet
from mousepose.simulate import walking_mouse, watching_camera
from mousepose.types import PoseSequence, State, Status
from mousepose.video import video_writer

FPS = 30.0
FRAMES = 150
#: Places that are not as the others: one that fits badly, some without a pose.
BAD, EMPTY = 100, slice(60, 70)


def walk(seconds: float = FRAMES / FPS) -> PoseSequence:
    """Return a walk with its truth as result: some paws inferred, one bad frame, some empty."""
    body = default_body()
    sequence = walking_mouse(body, seconds, FPS, seed=1).sequence(body)
    frames, keypoints = sequence.state.shape
    state = np.full((frames, keypoints), State.SEEN, np.uint8)
    state[:, sequence.keypoint_names.index("LEFT_HIND_PAW")] = State.INFERRED
    status = np.full(frames, Status.OK, np.uint8)
    cost = np.full(frames, 0.25 * keypoints)
    points, place = sequence.keypoints.copy(), sequence.pose.root_translation.copy()
    if frames > BAD:
        status[BAD], cost[BAD] = Status.POOR, 30.0 * keypoints
        state[EMPTY], status[EMPTY] = State.ABSENT, Status.EMPTY
        points[EMPTY] = place[EMPTY] = np.nan
    return replace(
        sequence,
        pose=replace(sequence.pose, root_translation=place),
        keypoints=points,
        covariance=np.broadcast_to(np.diag([1.0, 4.0, 9.0]), (frames, keypoints, 3, 3)).copy(),
        rotation_sd=np.full_like(sequence.rotation_sd, 0.05),
        state=state,
        report=replace(sequence.report, status=status, cost={"reprojection": cost}),
        scale_source="body_length 90 mm",
        provenance={"version": "0.1.0", "body": body.name, "cameras": ["side"]},
    )


def camera() -> Camera:
    """Return the camera beside the result."""
    return watching_camera(size=(320, 240), focal_px=300.0, name="side")


def write_result(folder: Path, rows: int, *sequences: PoseSequence) -> Path:
    """Write a result in row groups of so many rows, with its camera; return its path."""
    path = folder / "poses.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS_PER_GROUP", rows)
        with parquet.SequenceWriter(path) as writer:
            for sequence in sequences:
                for start in range(0, len(sequence), rows):
                    writer.append(sequence[start : start + rows])
    write_cameras(folder / "camera.toml", [camera()])
    return path


def write_video(path: Path, frames: int, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a video of grey pictures, each a little lighter than the last."""
    with video_writer(path, size, FPS) as writer:
        for number in range(frames):
            writer.write(np.full((size[1], size[0], 3), 60 + number % 120, np.uint8), number / FPS)
    return path


@pytest.fixture(scope="session")
def result_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with poses.parquet in row groups of 40 frames, and camera.toml; only read it."""
    folder = tmp_path_factory.mktemp("result")
    write_result(folder, 40, walk())
    return folder
