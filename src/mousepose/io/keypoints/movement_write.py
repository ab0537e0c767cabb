"""The netCDF file of the package `movement`, for points in images and in space.

Dimensions `time, space, keypoint, individual` since movement 0.17, or with ``dims="plural"`` the
names `keypoints` and `individuals` of movement up to 0.16. Covariance and state stand in variables
of their own, which movement leaves alone. Written by xarray and h5netcdf, an optional extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.io.keypoints.streams_write import (
    Block,
    Stream,
    blocks,
    described,
    no_frames,
    united,
    whole,
)
from mousepose.types import Floats, State

if TYPE_CHECKING:
    import xarray as xr

Dims = Literal["singular", "plural"]
#: What the two last dimensions are called.
DIMENSIONS = {"singular": ("keypoint", "individual"), "plural": ("keypoints", "individuals")}
#: The second spatial dimension of a covariance.
SPACE_OTHER = "space_other"
#: Frames that are packed together.
_CHUNK_FRAMES = 256
#: How far (in frames) a frame's time may lie from frame number / fps for the rate to hold.
RATE_TOLERANCE = 0.01


def write_movement(
    path: Path, streams: Sequence[Stream], units: dict[str, str], dims: Dims = "singular"
) -> None:
    """Write all animals' tracks as one dataset that `movement` and xarray open, in flat memory.

    Raises `InputError` where the streams hold no frame, on another `dims`, and where xarray or
    h5netcdf is not installed.
    """
    last = _last(dims)
    needed("formats", "writing a netCDF", "xarray", "h5netcdf")
    when = _when(path, streams)
    pieces = blocks(streams)
    with atomic_path(path) as temporary:
        dataset = _dataset(streams, next(pieces), units, last)
        dataset.attrs = _attributes(streams, when, units)
        packed = {
            name: {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": _chunk(values)}
            for name, values in dataset.data_vars.items()
        }
        dataset.to_netcdf(temporary, engine="h5netcdf", unlimited_dims=["time"], encoding=packed)
        _append(temporary, streams, pieces, units, last, dataset.sizes["time"], len(when.frames))


def movement_dataset(
    path: Path, streams: Sequence[Stream], units: dict[str, str], dims: Dims = "singular"
) -> xr.Dataset:
    """Return all animals' tracks as one dataset; `path` only names them in errors.

    Raises `InputError` as `write_movement` does, and where there is too much for memory.
    """
    last = _last(dims)
    needed("formats", "a dataset", "xarray")
    block = whole(path, streams)
    dataset = _dataset(streams, block, units, last)
    dataset.attrs = _attributes(streams, block, units)
    return dataset


def _last(dims: Dims) -> tuple[str, str]:
    if dims not in DIMENSIONS:
        raise InputError(f"dims: expected 'singular' or 'plural', got {dims!r}")
    return DIMENSIONS[dims]


def _when(path: Path, streams: Sequence[Stream]) -> Block:
    """Return all frames and times, without values. Raises `InputError` where there are none."""
    found = [(block.frames, block.times) for block in blocks(streams)]
    if not found:
        raise no_frames(path)
    frames, times = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return Block(frames, times, np.empty((len(frames), 0, 0, 0)))


def _dataset(
    streams: Sequence[Stream], block: Block, units: dict[str, str], last: tuple[str, str]
) -> xr.Dataset:
    import xarray as xr

    return xr.Dataset(
        _variables(streams, block, units, last), coords=_coordinates(streams, block, last)
    )


def _chunk(values: xr.DataArray) -> tuple[int, ...]:
    return (_CHUNK_FRAMES, *values.shape[1:])


def _append(
    path: Path, streams: Sequence[Stream], pieces: Iterable[Block], units: dict[str, str],
    last: tuple[str, str], start: int, frames: int,
) -> None:  # fmt: skip
    """Write the frames of further pieces behind those that are there, `frames` in all."""
    import h5netcdf

    with h5netcdf.File(path, "a") as file:
        file.resize_dimension("time", frames)
        for block in pieces:
            stop = start + len(block.frames)
            dataset = _dataset(streams, block, units, last)
            for name, values in dataset.variables.items():
                if values.dims[0] == "time":
                    file.variables[name][start:stop] = values.to_numpy()
            start = stop


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
