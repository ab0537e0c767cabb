"""Frames of a video to label, as a project of another program, with the network's own guess."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.crops import Crops
from mousepose.detect.network import KeypointModel
from mousepose.detect.types import Detector
from mousepose.errors import InputError
from mousepose.run.dataset_export import Exported, new_folder, safe_names
from mousepose.run.dataset_projects import write_deeplabcut, write_slp
from mousepose.train.finetune import choose_frames, likeness_features
from mousepose.types import Bytes, Floats, Progress
from mousepose.video.reader import Video

#: Frames that are looked at for each that is chosen, and at most.
_LOOKED_AT, _MOST_LOOKED_AT = 8, 600
#: Points below this confidence are left for the person to set.
_GUESSED_CONFIDENCE = 0.3
PROJECTS = ("deeplabcut", "sleap")


class Picked(NamedTuple):
    """What was picked: `frames` by their numbers, their mean confidence and that of all."""

    folder: Path
    frames: list[int]
    confidence: float
    confidence_of_all: float


def pick_frames(
    video: Path,
    model: Path,
    output: Path,
    count: int,
    *,
    view: str | None = None,
    project: str = "deeplabcut",
    detector: Detector | None = None,
    progress: Progress | None = None,
) -> Picked:
    """Write `count` frames of a video that are worth labelling into a new project folder.

    `project` is one of `PROJECTS`; points of which the network is sure are in it already. Without a
    `detector` the camera must stand still. Raises `InputError` where too few frames show a mouse.
    """
    if project not in PROJECTS:
        raise InputError(f"project: expected {' or '.join(PROJECTS)}, got {project!r}")
    finder = KeypointModel(model)
    with Video(video) as frames:
        looked = min(_LOOKED_AT * count, _MOST_LOOKED_AT, len(frames))
        numbers = np.unique(np.linspace(0, len(frames) - 1, looked).astype(int))
        images = []
        for done, frame in enumerate(frames.at(numbers.tolist()), start=1):
            images.append(frame.image)
            if progress is not None:
                progress("looking at frames", done, len(numbers))
    stack = np.stack(images)
    boxes = [found.boxes[0] if len(found) else np.full(4, np.nan)
             for found in (detector or BackgroundDetector()).detect(stack)]  # fmt: skip
    there = np.flatnonzero(np.isfinite(np.array(boxes)).all(1))
    if len(there) < count:
        raise InputError(
            f"{video}: a mouse was found in {len(there)} of {len(numbers)} frames; {count} are "
            "wanted"
        )
    places = Crops.around(np.array(boxes)[there], finder.size)
    crops = places.cut(stack, there)
    found = finder.predict(crops, view)
    sure = found.confidence.mean(1)
    chosen = choose_frames(1 - sure, likeness_features(crops, found.xy), count)
    xy = places.to_frame(found.xy)[chosen]
    xy[found.confidence[chosen] < _GUESSED_CONFIDENCE] = np.nan
    rows = there[chosen]
    with new_folder(output) as folder:
        labels = _write_pictures(folder, video, numbers[rows].tolist(), stack[rows], xy,
                                 np.array(boxes)[rows], finder.names)  # fmt: skip
        if project == "deeplabcut":
            write_deeplabcut(folder, labels)
        else:
            write_slp(folder, labels, output)
    return Picked(output, numbers[rows].tolist(), float(sure[chosen].mean()), float(sure.mean()))


def _write_pictures(
    folder: Path,
    video: Path,
    numbers: list[int],
    images: Bytes,
    xy: Floats,
    boxes: Floats,
    names: tuple[str, ...],
) -> Exported:
    from PIL import Image

    clip = safe_names([video.stem])[0]
    target = folder / "labeled-data" / clip
    target.mkdir(parents=True)
    labels = Exported(names, ("",))
    for number, image, points, box in zip(numbers, images, xy, boxes, strict=True):
        path = f"labeled-data/{clip}/img{number:07d}.png"
        Image.fromarray(image).save(folder / path)
        labels.record.append(number)
        labels.path.append(path)
        labels.size.append((image.shape[1], image.shape[0]))
        labels.xy.append(points)
        labels.box.append(box)
        labels.clip.append(clip)
        labels.behaviour.append("")
        labels.part.append("")
    return labels
