"""How far the reconstructed points lie from the tracked ones, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.model import BodyModel
from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Keypoints2D, PoseSequence, require


def reprojection_residuals(
    sequence: PoseSequence,
    keypoints: Keypoints2D,
    cameras: Sequence[Camera],
    body: BodyModel,
    keypoint_map: KeypointMap,
    offset: Floats | None = None,
) -> tuple[Floats, tuple[str, ...]]:
    """Return the distances (T, C, M) px from tracked to reprojected marks, and the marks' names.

    Only marks that the file and the map know are there; NaN where a point was not tracked or has no
    estimate. `offset` (M, 3) mm in rest axes says where the marks of `keypoint_map`, as far as
    `body` has their bones, sit on this animal, where that was learned. Raises `InputError` where
    frames or cameras do not agree.
    """
    require(
        np.array_equal(sequence.frame_numbers, keypoints.frame_numbers),
        "the frames of the poses are not those of the keypoints",
    )
    require(
        keypoints.xy.shape[1] == len(cameras),
        f"{keypoints.xy.shape[1]} cameras in the keypoints, {len(cameras)} given",
    )
    known = keypoint_map.restricted_to(body)
    selection = known.select(keypoints.keypoint_names)
    marks = selection.map.marks(body)
    if offset is not None:
        marks = replace(marks, offset=offset[[known.names.index(name) for name in marks.names]])
    points = body.marks(sequence.pose, marks)
    if sequence.frame == "camera":
        points = cameras[0].to_world(points)
    reprojected = np.stack([camera.project(points) for camera in cameras], axis=1)
    away = keypoints.xy[:, :, list(selection.columns)] - reprojected
    return np.asarray(np.linalg.norm(away, axis=-1)), marks.names
