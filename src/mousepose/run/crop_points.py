"""The crops of mice on their way through the keypoint network, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mousepose.detect.crops import Crops
from mousepose.detect.in_sequence import predict_in_sequence
from mousepose.detect.network import CropKeypoints, KeypointModel
from mousepose.detect.published_network import PublishedModel
from mousepose.run.film_pass import Watched
from mousepose.types import Bytes, Floats, Ints, Keypoints2D
from mousepose.video import FrameState

Finder = KeypointModel | PublishedModel
#: Takes places, the crops there and whose they are; gives their keypoints when they are there.
Look = Callable[[Crops, Bytes, Ints], Future[CropKeypoints]]
#: Batches of crops that may wait for the network beyond those that are in it.
WAITING = 4


@dataclass(eq=False)
class CropPoints:
    """Frames one after another on their way through the network.

    `numbers` are theirs, `there` (N, A) which mice have a crop, `points` what comes of the crops.
    """

    numbers: list[Ints] = field(default_factory=list)
    there: list[np.ndarray] = field(default_factory=list)
    points: list[Future[CropKeypoints]] = field(default_factory=list)

    def add(self, watched: Watched, images: Bytes, size: int, look: Look) -> None:
        """Cut the mice out of frames, in crops of `size` px, and send them through the network."""
        boxes = watched.boxes
        there = np.asarray(np.isfinite(boxes).all(axis=-1))
        there[watched.states == FrameState.MISSING] = False
        row, animal = np.nonzero(there)
        places = Crops.around(boxes[row, animal], size)
        self.numbers.append(watched.numbers)
        self.there.append(there)
        self.points.append(look(places, places.cut(images, row), animal))

    def wait(self, most: int) -> None:
        """Wait for the batch that so many others follow."""
        if len(self.points) > most:
            self.points[-1 - most].result()

    def keypoints(
        self, names: Sequence[str], times: Floats, frame_numbers: Ints
    ) -> list[Keypoints2D]:
        """Return the keypoints of each mouse in all frames that were added, NaN where it is not.

        `times` (T,) s and `frame_numbers` (T,) are those of the frames.
        """
        there = np.concatenate(self.there)
        found = [future.result() for future in self.points]
        xy = _spread(there, [points.xy for points in found], np.nan)
        sure = _spread(there, [points.confidence for points in found], 0.0)
        covariance = _spread(there, [points.covariance for points in found], np.nan)
        return [
            Keypoints2D(
                xy[:, animal, None], sure[:, animal, None], times, frame_numbers, tuple(names),
                mouse_name(animal), covariance[:, animal, None],
            )
            for animal in range(there.shape[1])
        ]  # fmt: skip


def in_frame(
    model: Finder, places: Crops, crops: Bytes, who: Ints, view: str | None
) -> CropKeypoints:
    """Return the keypoints of crops in px of the frame."""
    found = predict_in_sequence(model, crops, who, view)
    return replace(
        found,
        xy=places.to_frame(found.xy),
        covariance=places.covariance_to_frame(found.covariance),
    )


def mouse_name(animal: int) -> str:
    """Return what a mouse is called, counted from 0."""
    return f"mouse{animal}"


def _spread(there: np.ndarray, values: list[Floats], nothing: float) -> Floats:
    """Return the values (N, ...) of the mice that are there, in their places (T, A, ...)."""
    joined = np.concatenate(values)
    spread: Any = np.full((*there.shape, *joined.shape[1:]), nothing)
    spread[there] = joined
    return np.asarray(spread)
