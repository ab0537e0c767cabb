"""2D keypoints in NWB files with ndx-pose: of each container of points in an image a track."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.rows import (
    Rows,
    Track,
    TrackFile,
    names_of_animals,
    names_of_parts,
    sure_where_silent,
)
from mousepose.io.keypoints.sniff import Content
from mousepose.io.nwb.series import WHAT, Estimate, estimates


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file is NWB with points."""
    return content.hdf5(lambda file: bool(estimates(file, 2) or estimates(file, 3)))


def in_space(content: Content) -> bool:
    """Tell whether all points lie in space."""
    return content.hdf5(lambda file: not estimates(file, 2))


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in an NWB file: a container is an animal, or a view. Raises `FileError`."""
    with hdf5.opened(path, WHAT) as file:
        found = estimates(file, 2)
    hdf5.require(bool(found), f"{path} holds no points in images")
    titles = [one.path.rsplit("/", 1)[-1] for one in found] if len(found) > 1 else [""]
    by_name = dict(zip(names_of_animals(path, titles), found, strict=True))

    def open_one(animal: str) -> Track:
        one = by_name[animal]
        names = names_of_parts(path, one.series)
        return Track(path, animal, names, _rows(path, one), has_times=True, frames=one.frames)

    return TrackFile(path, tuple(by_name), open_one)


def _rows(path: Path, estimate: Estimate) -> Iterator[Rows]:
    with hdf5.opened(path, WHAT) as file:
        group = file[estimate.path]
        sure = [n for n in estimate.series if hdf5.holds(group[n], "confidence")]
        for name in sure:
            hdf5.numbers(group[name], "confidence", (estimate.frames,))
        for start, stop in hdf5.blocks(estimate.frames, 24 * len(estimate.series)):
            xy = [hdf5.as_floats(group[name]["data"][start:stop]) for name in estimate.series]
            confidence = [
                hdf5.as_floats(group[name]["confidence"][start:stop])
                if name in sure
                else np.full(stop - start, np.nan)
                for name in estimate.series
            ]
            points = np.stack(xy, axis=1)
            yield Rows(
                np.arange(start, stop, dtype=np.float64),
                estimate.times(file, start, stop),
                points,
                sure_where_silent(np.stack(confidence, axis=1), points),
            )
