"""The objects of pynwb and ndx-pose that an NWB file of ours is made of, their series empty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hdmf.backends.hdf5.h5_utils import H5DataIO
from hdmf.common import DynamicTable, VectorData
from ndx_pose import (
    CalibratedCamera,
    MultiCameraPoseEstimation,
    PoseEstimation,
    PoseEstimationSeries,
    Skeleton,
    Skeletons,
)
from pynwb import NWBFile, TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject
from pynwb.image import ImageSeries

from mousepose import __version__
from mousepose.geometry.camera import Camera
from mousepose.io.nwb.layout import ARRAYS, CONFIDENCE, POSE, plain_name
from mousepose.io.nwb.write import (
    CHUNK_ROWS,
    Recording,
    camera_names,
    identifier_of,
    relative_path,
)
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS
from mousepose.types import Floats, Keypoints2D, PoseSequence

if TYPE_CHECKING:
    import pandas as pd

#: Where times that are a start and a rate may differ from those of the frames, s.
_SAME_TIME = 5e-10
_SOFTWARE = {"source_software": "mousepose", "source_software_version": __version__}
_PARENTS = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NECK", "RIGHT_EAR": "NECK"}


def build_file(
    path: Path,
    recording: Recording,
    first: PoseSequence,
    times: Floats,
    tracks: Keypoints2D | None,
    track_times: Floats,
    notes: str,
) -> Any:
    """Return the `NWBFile` without its frames. `first` and `tracks` are first pieces."""
    session = recording.session
    about = {k: v for k, v in session.about.items() if k not in ("description", "identifier")}
    file = NWBFile(
        session_description=session.about["description"],
        identifier=identifier_of(first, session),
        session_start_time=session.start_time,
        notes=notes,
        **about,
    )
    subject = {"description": f"{first.animal} of the recording", **session.subject}
    file.subject = Subject(**subject)
    behavior = file.create_processing_module("behavior", "Pose, kinematics and gait by mousepose")
    devices = [_camera(camera) for camera in recording.cameras]
    for device in devices:
        file.add_device(device)
    videos = _videos(path, recording, devices)
    for video in videos:
        file.add_acquisition(video)
    timing = timing_of(times)
    points = _skeleton("keypoints", first.keypoint_names)
    behavior.add(Skeletons(skeletons=[points, _skeleton("joints", first.joint_names)]))
    views = []
    if tracks is not None:
        layout = points
        if tracks.keypoint_names != first.keypoint_names:
            layout = _skeleton("tracked_keypoints", tracks.keypoint_names)
            behavior["Skeletons"].add_skeletons(layout)
        views = _views(recording, tracks, timing_of(track_times), layout, devices, videos)
    behavior.add(_pose(first, timing, points, views))
    _add_arrays(behavior, first, timing)
    _add_tables(file, behavior, recording)
    return file


def timing_of(times: Floats) -> dict[str, Any]:
    """Return start and rate where they give the times of all frames, else the times."""
    if len(times) > 1 and times[-1] > times[0]:
        rate = (len(times) - 1) / float(times[-1] - times[0])
        regular = times[0] + np.arange(len(times)) / rate
        if np.abs(regular - times).max() <= _SAME_TIME:
            return {"starting_time": float(times[0]), "rate": rate}
    return {"timestamps": times}


def _counted(timing: dict[str, Any], frames: int) -> dict[str, Any]:
    """Return the timing of frames that lie elsewhere: a rate alone does not tell how many."""
    return timing | ({"num_samples": frames} if "rate" in timing else {})


def _empty(kind: Any, *shape: int) -> Any:
    """Return a dataset without rows that grows, and is packed."""
    rows = max(1, min(CHUNK_ROWS, 2**20 // max(1, int(np.prod(shape)) * 8)))
    return H5DataIO(
        np.zeros((0, *shape), kind), maxshape=(None, *shape), chunks=(rows, *shape),
        compression="gzip", compression_opts=1,
    )  # fmt: skip


def _skeleton(name: str, parts: Sequence[str]) -> Any:
    """Return the parts and which are joined, where their names tell."""
    edges = [
        (parts.index(parent), parts.index(part))
        for part, parent in _PARENTS.items()
        if part in parts and parent in parts
    ]
    joined = np.array(edges, np.uint8).reshape(-1, 2)
    return Skeleton(name=name, nodes=list(parts), **({"edges": joined} if edges else {}))


def _camera(camera: Camera) -> Any:
    terms = np.array(camera.distortion)
    lens = "fisheye" if camera.model == "fisheye" else "pinhole"
    return CalibratedCamera(
        name=plain_name(camera.name),
        description=(
            f"{lens} camera, {camera.size[0]} x {camera.size[1]} px; translation in mm; OpenCV's "
            "axes and order of distortion terms; the centre of the top-left pixel is (0, 0)"
            + (f"; {camera.source}" if camera.source else "")
        ),
        intrinsic_matrix=np.array(camera.matrix),
        rotation_matrix=np.array(camera.rotation),
        translation_vector=np.array(camera.translation),
        **({"distortion_coefficients": terms} if len(terms) else {}),
    )


def _videos(path: Path, recording: Recording, devices: Sequence[Any]) -> list[Any]:
    found = []
    for index, video in enumerate(recording.videos):
        found.append(
            ImageSeries(
                name=f"video_{plain_name(video.path.stem)}",
                description="Video of the session, in a file of its own",
                external_file=[relative_path(video.path, path)],
                format="external",
                starting_frame=[0],
                dimension=list(video.size),
                unit="n/a",
                device=devices[index] if devices else None,
                **_counted(timing_of(video.times), len(video.times)),
            )
        )
    return found


def _series(name: str, width: int, first: Any, timing: dict[str, Any], **about: str) -> Any:
    """Return an empty series of points; all but the first link to the times of the first."""
    return PoseEstimationSeries(
        name=plain_name(name), data=_empty(np.float64, width), confidence=_empty(np.float64),
        **about, **_shared(timing, first),
    )  # fmt: skip


def _shared(timing: dict[str, Any], first: Any) -> dict[str, Any]:
    """Return the timing of an empty series: a rate, or times that are empty as it is."""
    if "rate" in timing:
        return timing
    return {"timestamps": _empty(np.float64) if first is None else first}


def _all_series(
    names: Sequence[str], width: int, timing: dict[str, Any], **about: str
) -> list[Any]:
    found: list[Any] = []
    for name in names:
        told = about | {"description": f"{name} in each frame"}
        found.append(_series(name, width, found[0] if found else None, timing, **told))
    return found


def _views(
    recording: Recording,
    tracks: Keypoints2D,
    timing: dict[str, Any],
    skeleton: Any,
    devices: Sequence[Any],
    videos: Sequence[Any],
) -> list[Any]:
    """Return the points in the images of each camera."""
    found = []
    for index, name in enumerate(camera_names(recording.cameras, tracks.xy.shape[1])):
        series = _all_series(
            tracks.keypoint_names, 2, timing, unit="pixels",
            reference_frame="(0, 0) is the centre of the top-left pixel, x right, y down",
            confidence_definition="as the tracker gave it, 0 to 1; 0 where there is no point",
        )  # fmt: skip
        links = {"device": devices[index]} if devices else {}
        links |= {"source_video": videos[index]} if index < len(videos) else {}
        found.append(
            PoseEstimation(
                name=name,
                pose_estimation_series=series,
                skeleton=skeleton,
                description="Points in the image that the poses were made from",
                source_software="the tracker",
                **links,
            )  # fmt: skip
        )
    return found


def _pose(first: PoseSequence, timing: dict[str, Any], skeleton: Any, views: list[Any]) -> Any:
    where = (
        "the origin of the calibration's world, in its axes"
        if first.frame == "world"
        else "the camera's centre; x right, y down, z forward"
    )
    series = _all_series(
        first.keypoint_names, 3, timing, unit="millimeters",
        reference_frame=f"(0, 0, 0) is {where}", confidence_definition=CONFIDENCE,
    )  # fmt: skip
    return MultiCameraPoseEstimation(
        name=POSE, pose_estimation_series=series, pose_estimations=views, skeleton=skeleton,
        description=(
            "3D pose of the animal by a body model fitted to its 2D keypoints; scale from: "
            f"{first.scale_source}"
        ),
        scorer=str(first.provenance.get("body", "mousepose")), **_SOFTWARE,
    )  # fmt: skip


def _add_arrays(behavior: Any, first: PoseSequence, timing: dict[str, Any]) -> None:
    counts = len(first.keypoint_names), len(first.joint_names), len(first.report.cost)
    before = None
    for array in ARRAYS:
        shape = array.shape(*counts)
        if 0 in shape:
            continue
        series = TimeSeries(
            name=array.name, description=array.description, unit=array.unit,
            data=_empty(array.kind, *shape), **_shared(timing, before),
        )  # fmt: skip
        behavior.add(series)
        before = before or series


def _add_tables(file: Any, behavior: Any, recording: Recording) -> None:
    """Add strides, bouts of locomotion and of behaviour, each where it has rows."""
    if recording.strides is not None and len(recording.strides):
        columns = _columns(recording.strides, {})
        behavior.add(
            DynamicTable(
                name="gait_strides",
                description="A row for every stride of every limb, from contact to contact",
                columns=columns,
            )
        )
    for name, description, table in (
        ("locomotion_bouts", "Times in which the animal walks or runs", recording.locomotion),
        ("behaviour_bouts", "Times of a behaviour, by its name", recording.behaviour),
    ):
        if table is not None and len(table):
            renamed = {"start_s": "start_time", "stop_s": "stop_time"}
            columns = _columns(table.sort_values("start_s"), renamed)
            file.add_time_intervals(
                TimeIntervals(name=name, description=description, columns=columns)
            )


def _columns(table: pd.DataFrame, renamed: dict[str, str]) -> list[Any]:
    """Return the columns of a table; those in which nothing is known are left out."""
    found = []
    for name in table.columns:
        column = table[name]
        if column.isna().all():
            continue
        label = renamed.get(name, str(name))
        numeric = column.dtype.kind in "fiub"
        values = column.to_numpy() if numeric else column.astype(str).to_numpy().tolist()
        found.append(VectorData(name=label, description=_meaning(label), data=values))
    return found


def _meaning(column: str) -> str:
    """Return a column's name in words, its unit last, as in `stride_length_mm`."""
    for ending, unit in (
        ("_mm_s", "mm/s"), ("_mm", "mm"), ("_s", "s"), ("_hz", "Hz"), ("_deg", "degrees"),
    ):  # fmt: skip
        if column.endswith(ending):
            return f"{column.removesuffix(ending).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")
