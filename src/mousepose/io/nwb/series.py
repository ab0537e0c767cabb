"""Series of points in NWB files of anyone, read as the HDF5 that they are: what both readers share.

A link is followed nowhere: it could lead into any other file of the machine. So the order of the
keypoints is that of a Skeleton whose nodes are the series' names, else that of the names, and the
times are those of the first series that holds them itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np

from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import require
from mousepose.io.nwb.layout import plain_name
from mousepose.types import Floats

WHAT = "NWB with ndx-pose"
#: Groups inside each other that are looked through; ours are four deep.
_DEEPEST = 8
_CONTAINERS = ("PoseEstimation", "MultiCameraPoseEstimation")
_SERIES = "PoseEstimationSeries"


@dataclass(frozen=True)
class Estimate:
    """One container of points: where it is, the series' names, their width, frames and times.

    `stamps` is the path of the times, else they are `start` + frame / `rate`.
    """

    path: str
    series: tuple[str, ...]
    width: int
    frames: int
    stamps: str
    start: float
    rate: float
    unit: str

    def times(self, file: h5py.File, start: int, stop: int) -> Floats:
        """Return the times of some frames, s."""
        if self.stamps:
            return hdf5.as_floats(file[self.stamps][start:stop])
        return self.start + np.arange(start, stop) / self.rate


def kind_of(group: object) -> str:
    """Return the type that NWB states of a group, "" where there is none."""
    if not isinstance(group, h5py.Group):
        return ""
    return str(hdf5.attribute(group, "neurodata_type") or "")


def estimates(file: h5py.File, width: int) -> list[Estimate]:
    """Return the containers whose points have `width` coordinates, in the order of their paths."""
    found = []
    skeletons = dict(_groups(file, ("Skeleton",)))
    for path, group in _groups(file, _CONTAINERS):
        names = [
            name for name in group if hdf5.holds(group, name) and kind_of(group[name]) == _SERIES
        ]
        chosen = [n for n in names if hdf5.dataset(group[n], "data").shape[1:] == (width,)]
        if chosen:
            found.append(_estimate(path, group, _in_order(skeletons, chosen), width))
    return found


def _groups(file: h5py.File, kinds: tuple[str, ...]) -> Iterator[tuple[str, h5py.Group]]:
    """Yield the groups of some types below `processing`, with their paths."""
    if not hdf5.holds(file, "processing"):
        return
    waiting = [("processing", file["processing"], 0)]
    for path, group, depth in waiting:  # grows while it is gone through
        for name in group:
            if not hdf5.holds(group, name):
                continue
            below = group[name]
            if kind_of(below) in kinds:
                yield f"{path}/{name}", below
            if isinstance(below, h5py.Group) and depth < _DEEPEST:
                waiting.append((f"{path}/{name}", below, depth + 1))


def _in_order(skeletons: dict[str, h5py.Group], names: list[str]) -> tuple[str, ...]:
    for group in skeletons.values():
        if hdf5.holds(group, "nodes"):
            nodes = [plain_name(node) for node in hdf5.texts(group, "nodes")]
            if sorted(nodes) == sorted(names):
                return tuple(nodes)
    return tuple(sorted(names))


def _estimate(path: str, group: h5py.Group, names: tuple[str, ...], width: int) -> Estimate:
    frames = len(hdf5.dataset(group[names[0]], "data"))
    stamps, start, rate = "", 0.0, 0.0
    for name in names:
        data = hdf5.numbers(group[name], "data", (frames, width))
        if not stamps and hdf5.holds(group[name], "timestamps"):
            hdf5.numbers(group[name], "timestamps", (frames,))
            stamps = f"{path}/{name}/timestamps"
        elif not rate and hdf5.holds(group[name], "starting_time"):
            begin = group[name]["starting_time"]
            start, rate = float(begin[()]), float(begin.attrs.get("rate", 0.0))
    require(bool(stamps) or rate > 0, f"the times of {path} are missing")
    unit = str(hdf5.attribute(data, "unit") or "")
    return Estimate(path, names, width, frames, stamps, start, rate, unit)
