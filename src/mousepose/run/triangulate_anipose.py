"""Triangulated points as anipose's csv, with what it tells of each: error, cameras, score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from mousepose.geometry.triangulate_keypoints import TriangulatedKeypoints
from mousepose.io.keypoints.csv_write import number_columns, numbered, write_csv
from mousepose.io.poses.anipose import CENTER, FRAME, SUFFIXES, TURN
from mousepose.io.poses.points import confidence_of
from mousepose.types import Floats, Keypoints2D


def write_anipose_points(
    path: Path,
    results: Iterable[tuple[Keypoints2D, TriangulatedKeypoints]],
    keypoint_names: Sequence[str],
) -> None:
    """Write points in the columns of anipose's `pose_3d.csv`, in mm, one row for each frame.

    `_error` is the mean reprojection error (px) of the cameras used, `_ncams` their number,
    `_score` the probability that the point lies within 5 mm.
    """
    header = [name + suffix for name in keypoint_names for suffix in SUFFIXES]
    write_csv(path, [[*header, *TURN, *CENTER, FRAME]], _tables(results))


def _tables(results: Iterable[tuple[Keypoints2D, TriangulatedKeypoints]]) -> Iterator[pa.Table]:
    for keypoints, found in results:
        columns = number_columns(_columns(found))
        yield numbered([*columns, pa.array(keypoints.frame_numbers)])


def _columns(found: TriangulatedKeypoints) -> Floats:
    """Return all columns but the frame's."""
    xyz = found.points.xyz
    more = [found.reprojection_error, found.n_views.astype(np.float64), confidence_of(found.points)]
    points = np.concatenate([xyz, np.stack(more, axis=-1)], axis=-1)
    still = np.concatenate([np.eye(3).ravel(), np.zeros(3)])  # the points were not turned
    return np.concatenate(
        [points.reshape(len(xyz), -1), np.broadcast_to(still, (len(xyz), len(still)))], axis=1
    )
