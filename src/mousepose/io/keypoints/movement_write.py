"""The netCDF file of the package `movement`, for points in images and in space.

Dimensions `time, space, keypoint, individual` since movement 0.17, or with ``dims="plural"`` the
names `keypoints` and `individuals` of movement up to 0.16. Covariance and state stand in variables
of their own, which movement leaves alone. Written by xarray and h5netcdf, an optional extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.io.keypoints.streams_write import Block, Stream, described, united, whole
from mousepose.types import Floats, State

if TYPE_CHECKING:
    import xarray as xr

Dims = Literal["singular", "plural"]
#: What the two last dimensions are called.
DIMENSIONS = {"singular": ("keypoint", "individual"), "plural": ("keypoints", "individuals")}
#: The second spatial dimension of a covariance.
SPACE_OTHER = "space_other"
#: How far (in frames) a frame's time may lie from frame number / fps for the rate to hold.
RATE_TOLERANCE = 0.01


def write_movement(
    path: Path, streams: Sequence[Stream], units: dict[str, str], dims: Dims = "singular"
) -> None:
    """Write all animals' tracks as one dataset that `movement` and xarray open.

    Raises `InputError` where the streams hold no frame or too many for memory, on another `dims`,
    and where xarray or h5netcdf is not installed.
    """
    needed("formats", "writing a netCDF", "xarray", "h5netcdf")
    dataset = movement_dataset(path, streams, units, dims)
    packed = {"zlib": True, "complevel": 1, "shuffle": True}
    with atomic_path(path) as temporary:
        dataset.to_netcdf(
            temporary, engine="h5netcdf", encoding=dict.fromkeys(dataset.data_vars, packed)
        )


def movement_dataset(
    path: Path, streams: Sequence[Stream], units: dict[str, str], dims: Dims = "singular"
) -> xr.Dataset:
    """Return all animals' tracks as one dataset; `path` only names them in errors.

    Raises `InputError` as `write_movement` does.
    """
    if dims not in DIMENSIONS:
        raise InputError(f"dims: expected 'singular' or 'plural', got {dims!r}")
    needed("formats", "a dataset", "xarray")
    import xarray as xr

    block = whole(path, streams)
    return xr.Dataset(
        _variables(streams, block, units, DIMENSIONS[dims]),
        coords=_coordinates(streams, block, DIMENSIONS[dims]),
        attrs=_attributes(streams, block, units),
    )


def _variables(
    streams: Sequence[Stream], block: Block, units: dict[str, str], last: tuple[str, str]
) -> dict[str, Any]:
    channels = united(stream.channels for stream in streams)
    axes = [axis for axis in "xyz" if axis in channels]
    by_point = ("time", *last)

    def of(*names: str) -> Floats:
        """Return channels with the axes in the order of movement: (T, D, K, A)."""
        picked = block.values[..., [channels.index(name) for name in names]]
        return np.ascontiguousarray(picked.transpose(0, 3, 2, 1))

    def cell(one: str, other: str) -> str:
        return "cov_" + "".join(sorted((one, other)))

    variables: dict[str, Any] = {
        "position": (("time", "space", *last), of(*axes), {"units": units["position"]}),
        "confidence": (
            by_point,
            of("confidence")[:, 0],
            {"units": "1", "description": units.get("confidence", "as the tracker gives it, 0-1")},
        ),
    }
    if "cov_xx" in channels:
        rows = [of(*(cell(one, other) for other in axes)) for one in axes]
        variables["covariance"] = (
            ("time", "space", SPACE_OTHER, *last),
            np.stack(rows, axis=1).astype(np.float32),
            {"units": units["covariance"]},
        )
    if "state" in channels:
        states = np.nan_to_num(of("state")[:, 0], nan=State.ABSENT).astype(np.uint8)
        meanings = " ".join(state.name.lower() for state in State)
        values = np.array([state.value for state in State], dtype=np.uint8)
        variables["state"] = (by_point, states, {"flag_values": values, "flag_meanings": meanings})
    return variables


def _coordinates(streams: Sequence[Stream], block: Block, last: tuple[str, str]) -> dict[str, Any]:
    channels = united(stream.channels for stream in streams)
    axes = [axis for axis in "xyz" if axis in channels]
    timed = all(stream.has_times for stream in streams)
    coordinates: dict[str, Any] = {
        "time": block.times if timed else block.frames,
        "space": axes,
        last[0]: list(united(stream.keypoint_names for stream in streams)),
        last[1]: [stream.animal for stream in streams],
        "frame_number": ("time", block.frames),
    }
    if "cov_xx" in channels:
        coordinates[SPACE_OTHER] = axes
    return coordinates


def _attributes(
    streams: Sequence[Stream], block: Block, units: dict[str, str]
) -> dict[str, str | float]:
    timed = all(stream.has_times for stream in streams)
    attributes: dict[str, str | float] = {
        "source_software": "mousepose",
        "source_file": str(streams[0].about.get("source_file", "")),
        "ds_type": "poses",
        "time_unit": "seconds" if timed else "frames",
        "mousepose": described(streams, units),
    }
    rate = frame_rate(block) if timed else None
    if rate is not None:
        attributes["fps"] = rate
    return attributes


def frame_rate(block: Block) -> float | None:
    """Return the frames per second that all times keep, None where no one rate holds."""
    frames, times = block.frames, block.times
    if len(frames) < 2:
        return None
    rate = float((frames[-1] - frames[0]) / (times[-1] - times[0]))
    off = np.abs((times - times[0]) * rate - (frames - frames[0]))
    return float(np.round(rate, 9)) if off.max() < RATE_TOLERANCE else None
