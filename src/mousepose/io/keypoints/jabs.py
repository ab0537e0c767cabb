"""JABS pose files, versions 2 to 8: twelve points of each mouse, stored as (y, x).

Version 2 holds one mouse. In version 3 instances are linked to tracks (`instance_track_id`), from
4 on to mice (`instance_embed_id`, counted from 1; `id_mask` 1 where it does not hold).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.hdf5 import dataset, member, numbers, require, texts
from mousepose.io.keypoints.rows import (
    MAX_ANIMALS,
    ONLY_ANIMAL,
    Rows,
    Track,
    TrackFile,
    names_of_animals,
    sure_where_silent,
)
from mousepose.io.keypoints.sniff import Content

KEYPOINTS = (
    "NOSE",
    "LEFT_EAR",
    "RIGHT_EAR",
    "BASE_NECK",
    "LEFT_FRONT_PAW",
    "RIGHT_FRONT_PAW",
    "CENTER_SPINE",
    "LEFT_REAR_PAW",
    "RIGHT_REAR_PAW",
    "BASE_TAIL",
    "MID_TAIL",
    "TIP_TAIL",
)
VERSIONS = range(2, 9)
WHAT = "a JABS pose h5"
#: Bytes of one instance of a frame: points and confidences.
INSTANCE_BYTES = len(KEYPOINTS) * 3 * 8


@dataclass(frozen=True)
class _Layout:
    """What the file holds: frames, instances a frame (0 without that axis), whose each is.

    `ids` names the array that tells it, "" where the one instance is the one mouse.
    """

    frames: int
    instances: int
    ids: str


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file has JABS's group of poses."""
    return content.hdf5(lambda file: hdf5.holds(file, "poseest"))


def in_space(_: Content) -> bool:
    """Return False: JABS knows no points in space."""
    return False


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a JABS pose file. Raises `FileError`."""
    with hdf5.opened(path, WHAT) as file:
        group = member(file, "poseest")
        layout = _layout(group)
        ids = _ids_in(group, layout)
        names = _names(group, layout, ids)
    name_of = dict(zip(names_of_animals(path, names), ids, strict=True))

    def open_one(animal: str) -> Track:
        rows = _rows(path, layout, name_of[animal])
        return Track(path, animal, KEYPOINTS, rows, frames=layout.frames)

    return TrackFile(path, tuple(name_of), open_one)


def _layout(group: h5py.Group) -> _Layout:
    require(isinstance(group, h5py.Group), "'poseest' is no group")
    points = dataset(group, "points")
    several = points.ndim == 4
    version = _version(group, several)
    instances = points.shape[1] if several else 0
    require(instances <= MAX_ANIMALS, f"it holds {instances} instances a frame")
    head = (points.shape[0], instances) if several else (points.shape[0],)
    numbers(group, "points", (*head, len(KEYPOINTS), 2))
    numbers(group, "confidence", (*head, len(KEYPOINTS)))
    ids = ""
    if several:
        ids = "instance_embed_id" if version > 3 else "instance_track_id"
        if ids == "instance_embed_id" and not hdf5.holds(group, ids):
            ids = "instance_track_id"
        numbers(group, ids, head)
        if ids == "instance_embed_id" and hdf5.holds(group, "id_mask"):
            numbers(group, "id_mask", head)
        elif ids == "instance_track_id":
            numbers(group, "instance_count", head[:1])
    return _Layout(points.shape[0], instances, ids)


def _version(group: h5py.Group, several: bool) -> int:
    stated = group.attrs.get("version")
    if stated is None:
        return 3 if several else 2
    version = int(np.ravel(stated)[0])
    require(
        version in VERSIONS,
        f"it states version {version} of the format; versions {VERSIONS[0]} to {VERSIONS[-1]} "
        "are known",
    )
    return version


def _owners(group: h5py.Group, layout: _Layout, start: int, stop: int) -> NDArray[np.int64]:
    """Return which animal each instance (N, instances) is, -1 where it is none."""
    found = hdf5.as_floats(member(group, layout.ids)[start:stop]).astype(np.int64)
    if layout.ids == "instance_track_id":
        counts = hdf5.as_floats(member(group, "instance_count")[start:stop])
        valid = np.arange(layout.instances) < counts[:, None]
    else:
        valid = found > 0
        if hdf5.holds(group, "id_mask"):
            valid &= member(group, "id_mask")[start:stop] == 0
    return np.where(valid, found, -1)


def _ids_in(group: h5py.Group, layout: _Layout) -> list[int]:
    """Return the numbers of all animals in the file."""
    if not layout.ids:
        return [0]
    found: set[int] = set()
    for start, stop in hdf5.blocks(layout.frames, layout.instances * INSTANCE_BYTES):
        found |= {int(number) for number in np.unique(_owners(group, layout, start, stop))}
        require(len(found) <= MAX_ANIMALS, f"it holds more than {MAX_ANIMALS} tracks")
    found.discard(-1)
    require(bool(found), f"{layout.ids!r} names no animal in any frame")
    return sorted(found)


def _names(group: h5py.Group, layout: _Layout, ids: list[int]) -> list[str]:
    if not layout.ids:
        return [ONLY_ANIMAL]
    if layout.ids == "instance_track_id":
        return [f"track_{number}" for number in ids]
    outside = "external_identity_mapping"
    if hdf5.holds(group, outside) and dataset(group, outside).dtype.kind in "OS":
        given = texts(group, outside)
    elif hdf5.holds(group, outside):
        given = [f"{number:g}" for number in numbers(group, outside, (None,))[:]]
    else:
        given = []
    return [given[n - 1] if n <= len(given) else f"identity_{n}" for n in ids]


def _rows(path: Path, layout: _Layout, owner: int) -> Iterator[Rows]:
    with hdf5.opened(path, WHAT) as file:
        group = member(file, "poseest")
        row_bytes = max(layout.instances, 1) * INSTANCE_BYTES
        for start, stop in hdf5.blocks(layout.frames, row_bytes):
            points = hdf5.as_floats(member(group, "points")[start:stop])
            sure = hdf5.as_floats(member(group, "confidence")[start:stop])
            if layout.ids:
                mine = _owners(group, layout, start, stop) == owner
                place = mine.argmax(axis=1)
                frame = np.arange(len(mine))
                points = np.where(mine.any(axis=1)[:, None, None], points[frame, place], np.nan)
                sure = np.where(mine.any(axis=1)[:, None], sure[frame, place], 0.0)
            # A confidence of 0 stands for no point; its coordinates mean nothing.
            xy = np.where((sure > 0)[..., None], points[..., ::-1], np.nan)
            frames = np.arange(start, stop, dtype=np.float64)
            yield Rows(frames, None, xy, sure_where_silent(sure, xy))
