"""Our NWB files back as whole sequences, and the points in space in those of anyone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.rows import ONLY_ANIMAL, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.nwb.layout import ARRAYS, BEHAVIOR, POSE, SCHEMA_VERSION, plain_name
from mousepose.io.nwb.series import WHAT, Estimate, estimates
from mousepose.io.poses.parquet import MAX_LOADED_BYTES
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.io.poses.sequence_layout import SYMMETRIC
from mousepose.sequence import join_sequences
from mousepose.types import FitReport, Pose, PoseSequence

#: Millimetres in the units that others write.
_UNITS = {
    "mm": 1.0, "millimeters": 1.0, "millimetres": 1.0, "cm": 10.0, "centimeters": 10.0,
    "m": 1000.0, "meters": 1000.0, "metres": 1000.0,
}  # fmt: skip
#: Rows read at once.
ROWS_AT_ONCE = 8192


def read_nwb(path: str | Path) -> PoseSequence:
    """Return the sequence in an NWB file of ours, as it was written.

    Raises `FileError` on any other file, a cut one, and one of a later schema, `InputError` on one
    too long for memory: use `iterate_nwb`.
    """
    pieces, size = [], 0
    for piece in iterate_nwb(path):
        pieces.append(piece)
        size += piece.covariance.nbytes * 2
        if size > MAX_LOADED_BYTES:
            raise InputError(f"{path} is too long to read at once: use iterate_nwb")
    return join_sequences(pieces)


def iterate_nwb(path: str | Path, rows: int = ROWS_AT_ONCE) -> Iterator[PoseSequence]:
    """Yield the sequence in an NWB file of ours in pieces of at most `rows` frames."""
    path = Path(path)
    with hdf5.opened(path, WHAT) as file:
        told = told_of(path, file)
        if told is None:
            raise FileError(f"{path} is no NWB file of mousepose: its notes do not say so")
        behavior = file[BEHAVIOR]
        (estimate,) = [one for one in estimates(file, 3) if one.path == f"{BEHAVIOR}/{POSE}"]
        count = len(hdf5.dataset(behavior["frame_number"], "data"))
        hdf5.require(count == estimate.frames > 0, "its series differ in length: it was cut")
        for start in range(0, count, rows):
            yield _piece(file, estimate, told, start, min(start + rows, count))


def _piece(
    file: h5py.File, estimate: Estimate, told: dict[str, Any], start: int, stop: int
) -> PoseSequence:
    names, joints = tuple(told["keypoint_names"]), tuple(told["joint_names"])
    terms = tuple(told["cost_terms"])
    found = {}
    for array in ARRAYS:
        shape = (stop - start, *array.shape(len(names), len(joints), len(terms)))
        if 0 in shape:
            found[array.name] = np.zeros(shape)
            continue
        data = hdf5.numbers(file[f"{BEHAVIOR}/{array.name}"], "data", (None,) * len(shape))
        found[array.name] = np.asarray(data[start:stop])
        hdf5.require(found[array.name].shape == shape, f"{array.name!r} has another shape")
    points = file[f"{BEHAVIOR}/{POSE}"]
    xyz = [hdf5.as_floats(points[plain_name(n)]["data"][start:stop]) for n in names]
    costs = found["fit_cost"]
    return PoseSequence(
        pose=Pose(
            found["root_rotation"], found["root_translation"], found["joint_rotation"],
            np.array(told["shape"], np.float64),
        ),
        keypoints=np.stack(xyz, axis=1),
        covariance=hdf5.as_floats(found["pose_3d_covariance"])[..., SYMMETRIC],
        state=found["pose_3d_state"].astype(np.uint8),
        rotation_sd=hdf5.as_floats(found["joint_rotation_sd"]),
        times=estimate.times(file, start, stop),
        frame_numbers=found["frame_number"].astype(np.int64),
        report=FitReport(
            found["fit_status"].astype(np.uint8), found["fit_iterations"].astype(np.int64),
            {term: costs[:, index] for index, term in enumerate(terms)},
        ),
        keypoint_names=names, joint_names=joints, animal=str(told["animal"]),
        frame=str(told["frame"]), scale_source=str(told["scale_source"]),
        provenance=dict(told["provenance"]),
    )  # fmt: skip


def told_of(path: Path, file: h5py.File) -> dict[str, Any] | None:
    """Return what our notes in a file say, None where it is another's.

    Raises `FileError` on a schema version that is not known.
    """
    general = hdf5.member(file, "general") if hdf5.holds(file, "general") else None
    if not isinstance(general, h5py.Group) or not hdf5.holds(general, "notes"):
        return None
    try:
        told = json.loads(general["notes"][()])
        if not isinstance(told, dict) or "mousepose" not in told:
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    version = told.get("schema_version")
    if version != SCHEMA_VERSION:
        raise FileError(
            f"{path} has schema version {version}, this mousepose reads {SCHEMA_VERSION}: use the "
            "version of mousepose that wrote it, or a newer one"
        )
    return told


def is_nwb_points(content: Content) -> bool:
    """Tell whether an HDF5 file is NWB with points in space."""
    return content.family == "HDF5" and content.hdf5(lambda file: bool(estimates(file, 3)))


def is_nwb_sequence(path: str | Path) -> bool:
    """Tell whether a file is NWB with a whole sequence of ours."""
    content = Content(Path(path))
    if content.family != "HDF5":
        return False
    with hdf5.opened(content.path, WHAT) as file:
        return told_of(content.path, file) is not None


def open_nwb_points(content: Content) -> PointFile:
    """Return the points in space in an NWB file: of each container an animal."""
    path = content.path
    with hdf5.opened(path, WHAT) as file:
        found = estimates(file, 3)
        told = told_of(path, file)
    if told is not None:
        about = {key: told[key] for key in ("frame", "scale_source", "provenance")}
        animal = str(told["animal"])
        return PointFile(
            path, {animal: names_of_parts(path, told["keypoint_names"])},
            lambda _: _own_rows(path), has_times=True, about={animal: about},
        )  # fmt: skip
    names = [one.path.rsplit("/", 1)[-1] for one in found] if len(found) > 1 else [ONLY_ANIMAL]
    by_name = dict(zip(names, found, strict=True))
    return PointFile(
        path,
        {name: names_of_parts(path, one.series) for name, one in by_name.items()},
        lambda animal: _rows(path, by_name[animal]),
        has_times=True,
    )


def _own_rows(path: Path) -> Iterator[PointRows]:
    for part in iterate_nwb(path):
        frames, state = part.frame_numbers.astype(np.float64), part.state.astype(np.float64)
        yield PointRows(frames, part.keypoints, part.times, part.covariance, state)


def _rows(path: Path, estimate: Estimate) -> Iterator[PointRows]:
    with hdf5.opened(path, WHAT) as file:
        hdf5.require(
            estimate.unit in _UNITS,
            f"unknown unit {estimate.unit!r} of {estimate.path}; known: {', '.join(_UNITS)}",
        )
        group, scale = file[estimate.path], _UNITS[estimate.unit]
        for start, stop in hdf5.blocks(estimate.frames, 24 * len(estimate.series)):
            xyz = [hdf5.as_floats(group[name]["data"][start:stop]) for name in estimate.series]
            frames = np.arange(start, stop, dtype=np.float64)
            yield PointRows(
                frames, np.stack(xyz, axis=1) * scale, estimate.times(file, start, stop)
            )
