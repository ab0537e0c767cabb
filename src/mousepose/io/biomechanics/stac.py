"""The h5 that physics takes mocap from: STAC (stac-mjx) fits a simulated body to it.

`tracks` (frames, 1, nodes, 3) is what stac-mjx's `load_h5` reads, float64 mm (its
MOCAP_SCALE_FACTOR is then 0.001); the same numbers in rows are `keypoints` (frames, nodes x 3) with
`kp_names`, the layout of its results. Beside them `node_names`, `track_names`, `times` s and
`frames`: the first and the one after the last. One animal a file, a row for every frame from the
first to the last, NaN where there is no point.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.io.keypoints.sleap_write import texts
from mousepose.io.keypoints.streams_write import (
    Stream,
    blocks,
    dense_windows,
    described,
    no_frames,
)
from mousepose.io.poses.points import SPACE_UNITS

_FRAMES_A_CHUNK = 1024


def write_stac(path: Path, streams: Sequence[Stream]) -> None:
    """Write one animal's points. Raises `InputError` on several animals and on no frames."""
    if len(streams) != 1:
        raise InputError(f"{path}: an h5 for STAC holds one animal; write one file for each")
    (stream,) = streams
    names = stream.keypoint_names
    shapes: dict[str, tuple[int, ...]] = {
        "tracks": (1, len(names), 3),
        "keypoints": (3 * len(names),),
    }
    if stream.has_times:
        shapes["times"] = ()
    begin, length = -1, 0
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        arrays = {
            name: file.create_dataset(
                name, (0, *shape), np.float64, maxshape=(None, *shape), fillvalue=np.nan,
                chunks=(_FRAMES_A_CHUNK, *shape), compression="gzip", compression_opts=1,
            )
            for name, shape in shapes.items()
        }  # fmt: skip
        for block in blocks(streams):
            for first, window in dense_windows(path, block, _FRAMES_A_CHUNK):
                begin = first if begin < 0 else begin
                start, length = first - begin, first - begin + len(window.frames)
                for name, array in arrays.items():
                    array.resize(length, axis=0)
                    values = window.times if name == "times" else window.values[..., :3]
                    array[start:length] = values.reshape(len(values), *shapes[name])
        if begin < 0:
            raise no_frames(path)
        file["frames"] = np.array([begin, begin + length])
        file["kp_names"] = file["node_names"] = texts(names)
        file["track_names"] = texts([stream.animal])
        file["provenance"] = described(streams, SPACE_UNITS)
