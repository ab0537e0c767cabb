"""What a trained classifier tells a mouse does, in a segment and beside it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.behaviour.bouts import Chances, cells_of, find_bouts
from mousepose.analysis.behaviour.channels import Points, trunk_length
from mousepose.analysis.behaviour.classifier import BehaviourModel
from mousepose.analysis.behaviour.model_file import load_behaviour
from mousepose.analysis.behaviour.rate import at_rate, same_rate
from mousepose.analysis.behaviour.windows import windows_of
from mousepose.analysis.motion import Motion
from mousepose.run.behaviour_points import flat_points
from mousepose.types import Keypoints2D, require

if TYPE_CHECKING:
    import pandas as pd

#: Windows follow each other by this share of their length, as those of a recording do.
_HOP = 0.25


@lru_cache(maxsize=4)
def classifier_of(path: Path, changed: float) -> BehaviourModel:
    """Return a trained classifier, opened once by a worker; `changed` is the file's time.

    Raises `FileError` for what is none.
    """
    return load_behaviour(path)


def needs_image(model: BehaviourModel) -> bool:
    """Tell whether a classifier looks at points in the image."""
    return "keypoints2d" in model.layout.kinds


def behaviour_bouts(
    model: BehaviourModel, motion: Motion, first: int, image: Motion | None = None
) -> pd.DataFrame:
    """Return the bouts of behaviour in a motion above the floor; see `find_bouts`.

    `first` is the number of its first frame in the chain, so that windows lie alike in every
    segment. `image` is the motion of the same frames in the picture, for classifiers that look at
    it. Raises `InputError` where the classifier needs other points
    or a faster video.
    """
    require(
        not needs_image(model) or image is not None,
        "the classifier looks at points in the image, and there are none of these frames",
    )
    flat = image if needs_image(model) else None
    unit = trunk_length(flat) if flat is not None else 1.0
    number = first
    space: Motion | None = motion
    if not same_rate(motion.rate, model.rate):
        space, number = at_rate(motion, model.rate)
        flat = None if flat is None else at_rate(flat, model.rate)[0]
    if set(model.layout.kinds) == {"keypoints2d"}:
        space = None
    points = Points(space, flat, unit)
    hop = max(1, round(_HOP * model.length))
    found = windows_of(points, model.layout, model.length, hop, number)
    times, rate = points.motion.times, points.motion.rate
    if not len(found):
        nothing = np.zeros(0)
        return find_bouts(Chances(model.classes, nothing, nothing, nothing.reshape(0, 1)))
    start, stop = cells_of(times[found.starts], times[found.starts + model.length - 1] + 1 / rate)
    return find_bouts(Chances(model.classes, start, stop, model.chances(found)))


def in_image(points: Keypoints2D) -> Motion:
    """Return the motion of points in the picture of one camera."""
    return flat_points(points).motion()
