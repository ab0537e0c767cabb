"""Samples from a video without a label: found, fitted in 3D through time, drawn back."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mousepose import __version__
from mousepose.calibrate.guess import guess_camera
from mousepose.calibrate.guess_lens import TYPICAL_VIEW, focal_of_view
from mousepose.detect.crops import Crops
from mousepose.errors import FileError, InputError
from mousepose.fit.config import FitConfig, Scale
from mousepose.geometry.camera import Camera, pinhole
from mousepose.io import load_keypoints
from mousepose.method import reconstruct
from mousepose.run.finetune_labels import FitLabels, Limits, labels_of_fit
from mousepose.run.mouse_finder import Method
from mousepose.run.predict import VideoJob, predict
from mousepose.train.finetune import choose_frames, likeness_features
from mousepose.train.labelled import body_boxes
from mousepose.train.samples import (
    CENTRE_JITTER,
    CROP_SIZE,
    SIDE_JITTER,
    UNLABELLED,
    VIEWS,
    Samples,
    SampleWriter,
    crop_of_box,
)
from mousepose.types import Bytes, Floats, Ints, Keypoints2D, Progress
from mousepose.video import open_video

#: Frames that are compared for each that is chosen, and samples in a shard.
_COMPARED, _SHARD = 4, 1000


@dataclass(frozen=True, eq=False)
class PseudoJob:
    """Whose frames become samples, and how.

    `video` is looked at with the network `model`, and up to `frames` of it are written into the
    folder `output`. `view` is how the camera sees mice; `camera` what it is, guessed from the mouse
    where it is None; `scale` what makes it metric. `method` and `detector` find the mouse as in
    `VideoJob`, `fps` counts for a folder of images. `limits` say which points are labels. What is
    drawn depends on `seed`. `licence` is that of the pictures.
    """

    video: Path
    output: Path
    model: Path
    frames: int = 500
    view: str | None = None
    camera: Camera | None = None
    scale: Scale = field(default_factory=Scale.none)
    method: Method = "auto"
    detector: Path | None = None
    fps: float | None = None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    licence: str = "not told"

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise InputError(f"--frames: expected 2 or more, got {self.frames}")
        if self.output.exists() and any(self.output.iterdir()):
            raise FileError(f"{self.output} is there already: give the name of a new folder")


@dataclass(frozen=True)
class Pseudo:
    """What was made: samples in `folder`, of how many frames that were seen and kept.

    `points` is how many labels a sample has in the mean, `learnt` the share of them that the
    network was not sure of: what there is to learn. `misfit` is the median distance of its sure
    points from the fit in the frames that were kept, per cent of the body's length.
    """

    folder: Path
    samples: int
    seen: int
    kept: int
    points: float
    learnt: float
    misfit: float


def write_pseudo_labels(job: PseudoJob, progress: Progress) -> Pseudo:
    """Write samples labelled by the 3D fit of a video. Raises as `predict` and `reconstruct` do.

    And `InputError` where fewer than two frames are good enough.
    """
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "keypoints.parquet"
        predict(
            VideoJob(job.video, table, job.model, view=job.view, fps=job.fps, method=job.method,
                     detector=job.detector), progress,
        )  # fmt: skip
        found = load_keypoints(table)
    with open_video(job.video, job.fps) as video:
        size = video.size
    camera = job.camera or _guessed(found, size, job.scale)

    def told(done: int, total: int) -> None:
        progress("fitting in 3D", done, total)

    sequence = reconstruct(
        found, camera, scale=job.scale, config=FitConfig(temporal=True), progress=told
    )
    labels = labels_of_fit(found, sequence, camera, job.limits)
    rows = np.flatnonzero(labels.kept)
    if len(rows) < 2:
        raise InputError(
            f"{job.video}: {len(rows)} of {len(found)} frames are good enough to learn from: the "
            "network sees too little in them, or the camera is wrong; label some with mousepose "
            "finetune pick"
        )
    samples, chosen = _samples(job, found, labels, _spread(rows, _COMPARED * job.frames), progress)
    header = {"licence": job.licence, "made by": f"mousepose {__version__}, the 3D fit",
              "video": job.video.name, "seed": job.seed}  # fmt: skip
    writer = SampleWriter(job.output, header)
    for number, first in enumerate(range(0, len(samples), _SHARD)):
        writer.write(number, samples[first : first + _SHARD])
    sure = found.confidence[chosen, 0] > job.limits.sure
    labelled = samples.state > UNLABELLED
    seen = int(np.isfinite(found.xy[:, 0]).all(-1).any(-1).sum())
    return Pseudo(
        job.output, len(samples), seen, len(rows), float(labelled.sum(1).mean()),
        float((labelled & ~sure).sum() / labelled.sum()), float(np.median(labels.misfit[rows])),
    )  # fmt: skip


def _guessed(found: Keypoints2D, size: tuple[int, int], scale: Scale) -> Camera:
    """Return the camera that the mouse tells, or a usual one: labels need no scale."""
    try:
        return guess_camera(found, size, scale=scale).camera
    except InputError:
        return pinhole(size, focal_of_view(size[0], TYPICAL_VIEW))


def _samples(
    job: PseudoJob, found: Keypoints2D, labels: FitLabels, rows: Ints, progress: Progress
) -> tuple[Samples, Ints]:
    """Return samples of the frames `rows` that are unlike and doubtful, and which these are."""
    random = np.random.default_rng(job.seed)
    centres, sides = crop_of_box(body_boxes(labels.xy[rows], labels.length))
    centres += random.uniform(-CENTRE_JITTER, CENTRE_JITTER, centres.shape) * sides[:, None]
    least, most = np.log(SIDE_JITTER[0]), np.log(SIDE_JITTER[1])
    sides *= np.exp(random.uniform(least, most, len(sides)))
    places = Crops(centres, sides, CROP_SIZE)
    images = np.empty((len(rows), CROP_SIZE, CROP_SIZE), np.uint8)
    with open_video(job.video, job.fps) as video:
        for n, frame in enumerate(video.at(found.frame_numbers[rows].tolist())):
            one = Crops(centres[n : n + 1], sides[n : n + 1], CROP_SIZE)
            images[n] = one.cut(frame.image[None])[0]
            progress("cutting out", n + 1, len(rows))
    xy = places.to_crop(labels.xy[rows])
    doubt = 1 - found.confidence[rows, 0].mean(1)
    few = min(job.frames, len(rows))
    chosen = choose_frames(doubt, likeness_features(images, np.nan_to_num(xy)), few)
    return _made(images[chosen], xy[chosen], labels, rows[chosen], sides[chosen], job), rows[chosen]


def _made(
    images: Bytes, xy: Floats, labels: FitLabels, rows: Ints, sides: Floats, job: PseudoJob
) -> Samples:
    view = VIEWS.index(job.view or "unknown")
    return Samples(
        images, xy.astype(np.float32), labels.state[rows], np.full(len(rows), view, np.uint8),
        (labels.length * CROP_SIZE / sides).astype(np.float32),
    )  # fmt: skip


def _spread(rows: Ints, most: int) -> Ints:
    """Return up to `most` of some rows, spread evenly."""
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64)
    return np.asarray(rows[np.unique(chosen)], np.int64)
