"""What finds mice in whole frames gives, and what it must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mousepose.errors import InputError
from mousepose.types import Bytes, Floats


@dataclass(frozen=True, eq=False)
class Detections:
    """The mice found in one frame, best first.

    `boxes` (N, 4) are left, top, right, bottom of the body without its tail, px of the frame; the
    centre of the top-left pixel is (0, 0), so a box around it alone is (-0.5, -0.5, 0.5, 0.5).
    `scores` (N,) lie in 0-1. `event` tells what happened to the camera or the light in this frame,
    "" where nothing did.
    """

    boxes: Floats
    scores: Floats
    event: str = ""

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.scores), 4):
            raise InputError(
                f"boxes: expected shape ({len(self.scores)}, 4), got {self.boxes.shape}"
            )

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls, event: str = "") -> Detections:
        """Return those of a frame in which nothing was found."""
        return cls(np.zeros((0, 4)), np.zeros(0), event)


class Detector(Protocol):
    """Whatever finds mice in the frames of one camera.

    It is given the frames in their order, some at a time, and may remember those that were. A
    detector that remembers nothing, such as a network, may be given any.
    """

    def detect(self, images: Bytes) -> list[Detections]:
        """Return the mice in each of grey images (B, H, W) of the full range 0-255."""
        ...
