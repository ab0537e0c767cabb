"""The pictures and meshes that `mousepose reconstruct` writes besides its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.model import BodyModel
from mousepose.cli.failures import UsageError
from mousepose.errors import InputError
from mousepose.fit.setup import Setup
from mousepose.io import iterate_sequence, write_keypoint_text, write_obj
from mousepose.run.streaming import Job, Outcome, first_frames
from mousepose.types import Floats, Keypoints2D, PoseSequence, Status

#: A plot of more frames than this is one block of ink.
PLOTTED_FRAMES = 3000


def draw_pictures(
    folder: Path,
    keypoints: Keypoints2D,
    sequence: PoseSequence,
    setup: Setup,
    offset: Floats,
    truth: PoseSequence | None = None,
) -> list[Path]:
    """Draw all pictures of a sequence into `folder` and return their paths.

    `offset` (M, 3) mm are the marks' places on the animal, `truth` a sequence of the same frames.
    """
    from mousepose import report

    overview = draw_overview(folder, keypoints, sequence, setup, truth)
    path = {name: folder / f"{name}.png" for name in ("sides", "trajectory", "angles", "residuals")}
    residuals, marks = report.reprojection_residuals(
        sequence, keypoints, setup.cameras, setup.body, setup.keypoint_map, offset
    )
    points = None if truth is None else truth.keypoints
    report.plot_pose_sides(sequence, telling_frames(sequence), path["sides"], truth=points)
    report.plot_trajectory(sequence, path["trajectory"])
    report.plot_joint_angles(sequence, setup.body, path["angles"], truth=truth)
    report.plot_residuals(sequence, residuals, marks, path["residuals"])
    return [overview, *path.values()]


def draw_overview(
    folder: Path, keypoints: Keypoints2D, sequence: PoseSequence, setup: Setup,
    truth: PoseSequence | None = None,
) -> Path:  # fmt: skip
    """Draw what was seen, the pose, and what is sure of it into `folder`; return the path."""
    from mousepose import report

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "overview.png"
    report.plot_overview(
        named_by_bones(keypoints, setup.keypoint_map), sequence, path, body=setup.body,
        image_size=setup.cameras[0].size, truth=truth,
    )  # fmt: skip
    return path


def named_by_bones(keypoints: Keypoints2D, keypoint_map: KeypointMap) -> Keypoints2D:
    """Return keypoints of a tracker of one's own under the names of the bones that they ride on.

    Pictures join keypoints by the names of the dataset. Where several ride on one bone the first
    stands for it; names that the dataset or a shipped map has stay as they are.
    """
    from mousepose.report.stick import part_of

    names = list(keypoints.keypoint_names)
    found = keypoint_map.select(names)
    taken = {part_of(name) for name in names}
    for column, bone in zip(found.columns, found.map.bones, strict=True):
        if part_of(names[column]) is None and bone not in taken:
            names[column] = bone
            taken.add(bone)
    return replace(keypoints, keypoint_names=tuple(names))


def draw_job(folder: Path, job: Job, outcome: Outcome) -> list[Path]:
    """Draw the pictures of the first `PLOTTED_FRAMES` frames of a finished job."""
    keypoints, sequence = first_frames(job, PLOTTED_FRAMES)
    return draw_pictures(folder, keypoints, sequence, job.setup, outcome.animal.offset)


def telling_frames(sequence: PoseSequence, count: int = 3) -> list[int]:
    """Return some frames spread over those that were solved from their own keypoints."""
    solved = np.flatnonzero(sequence.report.status == Status.OK)
    if not len(solved):
        solved = np.arange(len(sequence))
    places = np.linspace(0, len(solved) - 1, count + 2)[1:-1].round().astype(int)
    return sorted({int(frame) for frame in solved[places]})


def write_meshes(folder: Path, job: Job, start: int, stop: int) -> None:
    """Write `.obj` and `.keypoint.txt` of frame numbers start to stop (exclusive) of a job, in mm.

    Frames without an estimate are left out. Raises `InputError` where no frame is left.
    """
    body = job.setup.body
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for sequence in iterate_sequence(job.output):
        numbers = sequence.frame_numbers
        inside = (numbers >= start) & (numbers < stop)
        inside &= np.isfinite(sequence.keypoints).all(axis=(1, 2))
        for index in np.flatnonzero(inside):
            stem = folder / f"frame_{numbers[index]:06d}"
            _write_frame(stem, body, sequence, int(index))
            written += 1
    if not written:
        raise InputError(f"--frames {start}:{stop}: no frame with a pose has such a number")


def check_mesh(body: BodyModel) -> None:
    """Raise `UsageError` unless `body` has a skin to write."""
    if body.mesh is None:
        raise UsageError(
            f"--obj needs a body with a skin, {body.name!r} has none: give another --body"
        )


def _write_frame(stem: Path, body: BodyModel, sequence: PoseSequence, index: int) -> None:
    pose = sequence.pose
    alone = replace(
        pose,
        root_rotation=pose.root_rotation[index],
        root_translation=pose.root_translation[index],
        joint_rotation=pose.joint_rotation[index],
    )
    if body.mesh is not None:
        write_obj(stem.with_suffix(".obj"), body.vertices(alone), body.mesh.faces)
    text = stem.with_suffix(".keypoint.txt")
    write_keypoint_text(text, sequence.keypoint_names, sequence.keypoints[index])
