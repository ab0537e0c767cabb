"""From 2D keypoints of several cameras to a file of points in space, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mousepose import __version__
from mousepose.errors import InputError
from mousepose.fit.observe import check_keypoints
from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_keypoints import (
    NOISE_FRAMES,
    TriangulatedKeypoints,
    keypoint_noise,
    triangulate_keypoints,
)
from mousepose.geometry.triangulate_report import ReprojectionReport
from mousepose.geometry.triangulate_robust import PointState
from mousepose.io.keypoints.registry_write import chosen_writer, write_streams
from mousepose.io.poses.points import PointTrack, plain_track, point_stream
from mousepose.io.poses.registry import WRITERS
from mousepose.run.sampling import spread_frames
from mousepose.run.triangulate_anipose import write_anipose_points
from mousepose.run.triangulate_sources import ViewSource
from mousepose.types import Floats, Keypoints2D, Keypoints3D, Progress

_AT_ONCE = 2_000
#: A camera with a larger share of images that do not agree is no camera of these files.
_MOST_LEFT_OUT = 0.5


@dataclass(frozen=True, eq=False)
class TriangulateJob:
    """What is to be done; a keypoint of confidence 1 is taken to be `pixel_sigma` px exact.

    The `cameras` are in the order of the source's views. `format` is a name of the formats of
    points in space, None: that of the path's ending.
    """

    source: ViewSource
    cameras: tuple[Camera, ...]
    output: Path
    format: str | None = None
    pixel_sigma: float = 2.0
    min_confidence: float = 0.1
    scale_source: str = "cameras"


@dataclass(frozen=True, eq=False)
class Triangulated:
    """What was done: files, frames, the report, the noise (K,) px found, and the first frames."""

    paths: tuple[Path, ...]
    frames: int
    report: ReprojectionReport
    noise: Floats
    first: TriangulatedKeypoints

    @property
    def strangers(self) -> tuple[str, ...]:
        """The names of the cameras most of whose images do not agree with the others."""
        pairs = zip(self.report.camera_names, self.report.left_out("camera"), strict=True)
        return tuple(name for name, share in pairs if share > _MOST_LEFT_OUT)

    @property
    def disagreeing(self) -> float:
        """The share of points seen by two cameras or more on which they do not agree."""
        states = self.report.states.sum(axis=0)
        seen = states.sum() - states[PointState.UNSEEN]
        return float(states[PointState.DISAGREE] / seen) if seen else 0.0


def triangulate(
    keypoints: Keypoints2D,
    cameras: Sequence[Camera],
    *,
    pixel_sigma: float = 2.0,
    min_confidence: float = 0.1,
) -> Keypoints3D:
    """Return the points in space, with covariances, of keypoints that several cameras saw.

    Cameras are in the order of the keypoints' views. A view that does not agree with the others is
    left out; NaN where fewer than two views agree. The noise is measured: `pixel_sigma` px at
    confidence 1 is where that starts. `geometry.triangulate_keypoints` also gives the report.
    Raises `InputError` on keypoints that cannot be, and on cameras that are not theirs.
    """
    check_keypoints(keypoints)
    return triangulate_keypoints(
        keypoints, cameras, pixel_sigma=pixel_sigma, min_confidence=min_confidence
    ).points


def run_triangulation(job: TriangulateJob, progress: Progress) -> Triangulated:
    """Triangulate all frames and write them. Raises `InputError` on input that cannot be used."""
    if not job.output.absolute().parent.is_dir():
        raise InputError(f"{job.output}: its folder is not there; make it first")
    writer = chosen_writer(job.output, job.format, WRITERS)
    sample = spread_frames(job.source.chunks(_AT_ONCE), NOISE_FRAMES, progress)
    check_keypoints(sample)
    noise = keypoint_noise(
        sample, job.cameras, pixel_sigma=job.pixel_sigma, min_confidence=job.min_confidence
    )
    work = _Pass(job, noise, progress)
    if writer.name == "anipose":
        write_anipose_points(job.output, work.results(), sample.keypoint_names)
        paths = [job.output]
    else:
        paths = write_streams(job.output, [point_stream(work)], writer)
    if work.report is None or work.first is None:
        raise InputError("the files hold no frames")
    return Triangulated(tuple(paths), work.frames, work.report, noise * job.pixel_sigma, work.first)


class _Pass:
    """The points of a job in pieces; every time it is gone through, the report starts anew."""

    def __init__(self, job: TriangulateJob, noise: Floats, progress: Progress) -> None:
        self._job, self._noise, self._progress = job, noise, progress
        self._about: dict[str, Any] = {
            "frame": "world",
            "scale_source": job.scale_source,
            "provenance": {
                "program": f"mousepose {__version__}",
                "made_by": "triangulate",
                "cameras": [camera.name for camera in job.cameras],
                "inputs": [path.name for path in job.source.paths],
                "sha256": job.source.digests(),
            },
        }
        self.report: ReprojectionReport | None = None
        self.first: TriangulatedKeypoints | None = None
        self.frames = 0

    def __iter__(self) -> Iterator[PointTrack]:
        for keypoints, found in self.results():
            yield plain_track(
                found.points,
                keypoints.frame_numbers,
                animal=keypoints.animal,
                about=self._about,
            )

    def results(self) -> Iterator[tuple[Keypoints2D, TriangulatedKeypoints]]:
        """Yield what the cameras saw and what was found, piece by piece."""
        self.report, self.first, self.frames = None, None, 0
        for keypoints in self._job.source.chunks(_AT_ONCE):
            check_keypoints(keypoints)
            found = triangulate_keypoints(
                keypoints,
                self._job.cameras,
                noise=self._noise,
                pixel_sigma=self._job.pixel_sigma,
                min_confidence=self._job.min_confidence,
            )
            self.report = found.report if self.report is None else self.report + found.report
            self.first = self.first or found
            self.frames += len(keypoints)
            self._progress("triangulating", self.frames, 0)
            yield keypoints, found
