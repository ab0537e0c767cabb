"""A sequence as the labelled arrays of xarray that the package `movement` works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.io.keypoints.movement_write import movement_dataset
from mousepose.io.poses.points import SPACE_UNITS, point_stream, track_of
from mousepose.types import PoseSequence

if TYPE_CHECKING:
    import xarray as xr


def to_xarray(sequence: PoseSequence) -> xr.Dataset:
    """Return what `sequence.save("poses.nc")` writes, as a dataset of `movement`.

    `position` (time, space, keypoint, individual) mm, `confidence` (time, keypoint, individual),
    `covariance` and `state`; the frame rate, units and provenance are in `attrs`. Raises
    `InputError` where xarray is not installed.
    """
    streams = [point_stream([track_of(sequence)])]
    return movement_dataset(Path("the sequence"), streams, SPACE_UNITS)
