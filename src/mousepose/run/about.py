"""What a file holds, in numbers and words: poses, tracked keypoints, cameras or a keypoint map.

Every function returns plain data for JSON, in the order in which people want to read it. Files of
any length are read in flat memory.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.errors import FileError, MouseposeError
from mousepose.geometry.camera import Camera
from mousepose.io import iterate_points, iterate_sequence, read_cameras
from mousepose.io.keypoints.registry import Reader, open_tracks, recognize
from mousepose.io.keypoints.rows import TrackFile, checked
from mousepose.io.keypoints.sniff import Content
from mousepose.io.loading import unknown_format
from mousepose.io.poses.points import SPACE_UNITS
from mousepose.io.poses.registry import POINT_READERS, PointReader, recognize_points
from mousepose.run.columns import best_maps
from mousepose.types import Floats, Progress, State, Status

#: A rate that stands in where a file knows none: times made with it are frame numbers.
_NO_RATE = 1.0
#: Frames that are held at once.
_CHUNK_FRAMES = 10_000


def about(path: Path, fps: float | None, progress: Progress) -> dict[str, Any]:
    """Return what the file at `path` holds; `kind` says what it is.

    `fps` is the frame rate where the file holds no times. Raises `FileError` on a file of no known
    kind, cut or inconsistent.
    """
    if path.is_dir():
        return _about_cameras(path, read_cameras(path))
    content = Content(path)
    points = recognize_points(content)
    if points is not None and points.name == POINT_READERS[0].name:
        return _about_sequences(content, points, progress)
    if points is not None:
        return _about_points(content, points, fps, progress)
    reader = recognize(path)
    if reader is not None:
        return _about_keypoints(path, reader, fps, progress)
    return _about_other(content)


def _about_sequences(content: Content, reader: PointReader, progress: Progress) -> dict[str, Any]:
    """Return what a result of mousepose holds."""
    found: dict[str, Any] = {"file": str(content.path), "kind": "poses of mousepose, 3D"}
    file = reader.open(content)
    found["units"] = dict(SPACE_UNITS)
    animals: dict[str, Any] = {}
    for animal, names in file.animals.items():
        states = np.zeros(len(State), np.int64)
        statuses = np.zeros(len(Status), np.int64)
        span = _Span()
        about_it: dict[str, Any] = {}
        for part in iterate_sequence(content.path, animal=animal):
            states += np.bincount(part.state.ravel(), minlength=len(State))
            statuses += np.bincount(part.report.status, minlength=len(Status))
            span.add(part.times)
            about_it = {
                "frame_of_reference": part.frame,
                "scale_source": part.scale_source,
                "provenance": dict(part.provenance),
            }
            progress(f"reading {animal}", span.frames, 0)
        share = states / max(states.sum(), 1)
        animals[animal] = {
            **span.told(timed=True),
            "keypoints": list(names),
            **{state.name.lower(): round(float(share[state]), 4) for state in reversed(State)},
            "frames_by_status": {s.name.lower(): int(statuses[s]) for s in Status if statuses[s]},
            **about_it,
        }
    return found | {"animals": animals}


def _about_points(
    content: Content, reader: PointReader, fps: float | None, progress: Progress
) -> dict[str, Any]:
    """Return what a file of points in space of any program holds."""
    file = reader.open(content)
    timed = file.is_timed or fps is not None
    animals: dict[str, Any] = {}
    for animal, names in file.animals.items():
        span, seen, uncertain = _Span(), 0, False
        for track in iterate_points(content.path, fps=fps if timed else _NO_RATE, animal=animal):
            span.add(track.points.times)
            seen += int(np.isfinite(track.points.xyz).all(-1).sum())
            uncertain |= track.points.covariance is not None
            progress(f"reading {animal}", span.frames, 0)
        animals[animal] = {
            **span.told(timed),
            "keypoints": list(names),
            "given": _share(seen, span.frames * len(names)),
            "uncertainty": uncertain,
        }
    return {
        "file": str(content.path),
        "kind": "points in space, 3D",
        "format": reader.name,
        "animals": animals,
    }


def _about_keypoints(
    path: Path, reader: Reader, fps: float | None, progress: Progress
) -> dict[str, Any]:
    """Return what a tracker's file holds, and which shipped keypoint map knows it best."""
    file = open_tracks(path)
    animals = {animal: _about_track(file, animal, fps, progress) for animal in file.animals}
    names = next(iter(animals.values()))["keypoints"]
    best, known = best_maps(names)
    found: dict[str, Any] = {
        "file": str(path), "kind": "keypoints in an image, 2D", "format": reader.name,
        "animals": animals,
    }  # fmt: skip
    if file.objects:
        found["objects"] = list(file.objects)
    return found | {"keypoint_maps": {name: f"{known} of {len(names)} columns" for name in best}}


def _about_track(
    file: TrackFile, animal: str, fps: float | None, progress: Progress
) -> dict[str, Any]:
    track = file.track(animal)
    names = track.keypoint_names
    span = _Span()
    timed = track.has_times or track.fps is not None or fps is not None
    seen = np.zeros(len(names), np.int64)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for chunk in checked(track, fps if timed else _NO_RATE, _CHUNK_FRAMES):
        given = np.isfinite(chunk.xy[:, 0]).all(-1)
        seen += given.sum(axis=0)
        span.add(chunk.times)
        if given.any():
            low = np.minimum(low, chunk.xy[:, 0][given].min(axis=0))
            high = np.maximum(high, chunk.xy[:, 0][given].max(axis=0))
        progress(f"reading {animal}", span.frames, 0)
    told = span.told(timed)
    if seen.any():
        told["spans_px"] = {
            axis: [round(float(low[i]), 1), round(float(high[i]), 1)] for i, axis in enumerate("xy")
        }
    return told | {
        "keypoints": list(names),
        "seen": _share(int(seen.sum()), span.frames * len(names)),
        "seen_least": {
            names[i]: _share(int(seen[i]), span.frames) for i in np.argsort(seen, kind="stable")[:3]
        },
    }


def _about_other(content: Content) -> dict[str, Any]:
    """Return what a file of cameras or a keypoint map holds. Raises `FileError` on any other."""
    path = content.path
    if path.suffix.lower() == ".toml":
        try:
            keypoint_map = load_keypoint_map(path)
        except MouseposeError:
            return _about_cameras(path, read_cameras(path))
        return {
            "file": str(path),
            "kind": "keypoint map",
            "description": keypoint_map.description,
            "keypoints": dict(zip(keypoint_map.names, keypoint_map.bones, strict=True)),
        }
    try:
        return _about_cameras(path, read_cameras(path))
    except FileError:
        raise unknown_format(content) from None


def _about_cameras(path: Path, cameras: list[Camera]) -> dict[str, Any]:
    """Return what a camera file holds."""
    return {
        "file": str(path),
        "kind": "cameras",
        "cameras": {camera.name: _about_camera(camera) for camera in cameras},
    }


def _about_camera(camera: Camera) -> dict[str, Any]:
    found: dict[str, Any] = {
        "size_px": list(camera.size),
        "model": camera.model,
        "matrix_px": camera.matrix.round(3).tolist(),
        "field_of_view_deg": fields_of_view(camera),
        "distortion": camera.distortion.tolist(),
        "position_mm": camera.position.round(1).tolist(),
    }
    if camera.floor_plane is not None:
        found["floor_plane"] = camera.floor_plane.round(4).tolist()
        height = camera.floor_plane[:3] @ camera.position + camera.floor_plane[3]
        found["height_above_floor_mm"] = round(float(height), 1)
    return found | ({"source": camera.source} if camera.source else {})


def fields_of_view(camera: Camera) -> list[float | None]:
    """Return how wide and how high the image is, in degrees, along its middle row and column.

    None where the lens model ends before the image does, as strong polynomial ones may.
    """
    width, height = camera.size
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    edges = np.array(
        [[-0.5, middle_y], [width - 0.5, middle_y], [middle_x, -0.5], [middle_x, height - 0.5]]
    )
    left, right, top, bottom = camera.rays(edges)[1]
    return [_angle(left, right), _angle(top, bottom)]


def _angle(one: Floats, other: Floats) -> float | None:
    cosine = float(one @ other)
    if math.isnan(cosine):
        return None
    return round(math.degrees(math.acos(min(max(cosine, -1.0), 1.0))), 1)


class _Span:
    """Counts frames, and keeps the first and the last time."""

    def __init__(self) -> None:
        self.frames = 0
        self._first: float | None = None
        self._last = 0.0

    def add(self, times: Floats) -> None:
        """Count the frames of a piece."""
        if len(times):
            self._first = float(times[0]) if self._first is None else self._first
            self._last = float(times[-1])
            self.frames += len(times)

    def told(self, timed: bool) -> dict[str, Any]:
        """Return the frames, and where times are known the seconds."""
        found: dict[str, Any] = {"frames": self.frames}
        if timed and self._first is not None:
            seconds = self._last - self._first
            found["duration_s"] = round(seconds, 3)
            if self.frames > 1 and seconds > 0:
                found["frames_per_second"] = round((self.frames - 1) / seconds, 3)
        return found


def _share(count: int, of: int) -> float:
    return round(count / max(of, 1), 4)
