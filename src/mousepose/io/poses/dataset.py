"""A sequence as the labelled arrays of xarray that the package `movement` works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.io.extras import needed
from mousepose.io.keypoints import movement_write
from mousepose.io.keypoints.movement_write import DIMENSIONS
from mousepose.io.keypoints.streams_write import whole
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
    needed("formats", "a dataset", "xarray")
    import xarray

    streams = [point_stream([track_of(sequence)])]
    block = whole(Path("the sequence"), streams)
    return xarray.Dataset(
        movement_write._variables(streams, block, SPACE_UNITS, DIMENSIONS["singular"]),
        coords=movement_write._coordinates(streams, block, DIMENSIONS["singular"]),
        attrs=movement_write._attributes(streams, block, SPACE_UNITS),
    )
