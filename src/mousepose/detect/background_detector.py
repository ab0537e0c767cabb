"""Finds mice by what differs from the empty cage, frame after frame, and keeps the cage up to date.

It is causal: a frame's boxes depend on that frame and earlier ones, and on a background that may
have been learned from the whole recording first.
"""

from __future__ import annotations

import io
from typing import cast

import numpy as np

from mousepose.detect.background import (
    MOST_AREA,
    Background,
    Sign,
    factor_of,
    gradient,
    is_ghost,
    learn_background,
    shrink,
    to_frame,
)
from mousepose.detect.background_kernels import Small
from mousepose.detect.background_shift import is_shift, shift_between
from mousepose.detect.bit_masks import Mask
from mousepose.detect.blobs import Blobs, bodies_in, grown
from mousepose.detect.types import Detections
from mousepose.errors import InputError
from mousepose.types import Bytes

#: Where more of the picture than this differs, the camera or the light changed.
_DISTURBED = 0.3
#: Where more than this differs outside mice, the camera may have been bumped a little.
_UNSETTLED = 0.004
#: Frames between two looks at whether it was, at ghosts, and between two updates.
_LOOK, _UPDATE = 32, 8
#: The share of a frame that the background takes over in one update: a minute at 30 frames/s.
_RATE = _UPDATE / 1800
#: Small pixels around a mouse that are not taken over: its fur, its shadow, where it moves next.
_PROTECTED = 5
#: After an event none of its kind is told again for so many frames: lights take time to come on.
_QUIET = 60
#: How quickly the usual contrast and area follow those of the mouse.
_FOLLOW = 0.02


class BackgroundDetector:
    """A `Detector` for a camera that stands still; without a background its first frames are one.

    `animals` is how many mice there are; further ones are reported all the same, after these.
    """

    def __init__(self, background: Background | None = None, animals: int = 1) -> None:
        self.background = background
        self._animals = animals
        self._count = 0
        self._quiet_until = 0
        self._last_parts: Mask | None = None  #: where mice were in the last frame

    def detect(self, images: Bytes) -> list[Detections]:
        """Return the mice in each of grey frames (B, H, W), which follow those given before.

        Raises `InputError` for frames of another size than the background.
        """
        if self.background is None:
            chosen = np.linspace(0, len(images) - 1, min(len(images), 64)).round().astype(int)
            self.background = learn_background(images[chosen])
        shape = tuple(side // self.background.factor for side in images.shape[1:])
        known = self.background.level.shape
        if shape != known or factor_of(images.shape[1:]) != self.background.factor:
            raise InputError(
                f"frames of {images.shape[2]} x {images.shape[1]} px do not fit the background, "
                "which was learned from frames of another size"
            )
        return [self._one(shrink(image, self.background.factor)) for image in images]

    def save(self) -> bytes:
        """Return all that is remembered, for `restored`; an npz of plain arrays."""
        background, file = self._known(), io.BytesIO()
        parts = np.zeros((0, 0), np.uint8) if self._last_parts is None else self._last_parts
        np.savez_compressed(
            file, level=background.level, noise=background.noise, parts=parts,
            mouse=np.array([background.contrast, background.area]),
            sign=np.array(background.sign),
            counts=np.array([background.factor, self._animals, self._count, self._quiet_until]),
        )  # fmt: skip
        return file.getvalue()

    @classmethod
    def restored(cls, saved: bytes) -> BackgroundDetector:
        """Return the detector that was saved: it goes on as if it had never stopped."""
        with np.load(io.BytesIO(saved), allow_pickle=False) as file:
            factor, animals, count, quiet = (int(n) for n in file["counts"])
            contrast, area = (float(n) for n in file["mouse"])
            sign = cast(Sign, str(file["sign"]))
            background = Background(file["level"], file["noise"], factor, sign, contrast, area)
            detector = cls(background, animals)
            detector._count, detector._quiet_until = count, quiet
            detector._last_parts = file["parts"] if file["parts"].size else None
        return detector

    def _one(self, small: Small) -> Detections:
        background = self._known()
        signed, mask, changed = background.difference(small)
        event = ""
        if changed > _DISTURBED:
            event = self._recover(small, changed)
            signed, mask, _ = self._known().difference(small)
        elif self._count % _LOOK == 0 and self._is_unsettled(mask):
            event = self._follow_bump(small, changed)
            signed, mask, _ = self._known().difference(small)
        background = self._known()
        found = self._blobs(mask)
        if self._count % _LOOK == 0 and self._absorb_ghosts(small, found):
            signed, mask, _ = background.difference(small)
            found = self._blobs(mask)
        self._remember(small, found)
        self._count += 1
        return self._detections(signed, found, event)

    def _known(self) -> Background:
        if self.background is None:
            raise InputError("the background is not learned yet")
        return self.background

    def _blobs(self, mask: Mask) -> Blobs:
        background = self._known()
        return bodies_in(mask, background.radius, background.least_area)

    def _detections(self, signed: Small, found: Blobs, event: str) -> Detections:
        """Return the blobs as boxes of the frame with scores: how clear, how like a mouse in size.

        The usual contrast and area follow those of mice that are clear.
        """
        background = self._known()
        few = min(len(found), self._animals + 4)
        scores = np.zeros(few)
        for n, clear in enumerate(found.means(signed, few).tolist()):
            usual = background.contrast or clear
            size = found.areas[n] / (background.area or found.areas[n])
            likely = min(size, 1 / size) ** 0.5 if size < MOST_AREA * signed.size else 0.0
            scores[n] = likely * (1 - np.exp(-2.5 * (clear / max(usual, 1.0)) ** 2))
            if n < self._animals and scores[n] > 0.6:
                background.contrast += _FOLLOW * (clear - background.contrast)
                background.area += _FOLLOW * (found.areas[n] - background.area)
        order = np.argsort(-scores, kind="stable")
        boxes = to_frame(found.boxes[:few], background.factor)
        return Detections(boxes[order], scores[order], event)

    def _remember(self, small: Small, found: Blobs) -> None:
        """Note where mice are, and now and then take over the cage around them."""
        parts = (found.labels > 0).astype(np.uint8)
        if len(found):
            self._last_parts = parts
        if self._count % _UPDATE == 0:
            self._known().update(small, grown(parts, _PROTECTED), _RATE)

    def _is_unsettled(self, mask: Mask) -> bool:
        if self._last_parts is None:
            return float(mask.mean()) > _UNSETTLED
        outside = grown(self._last_parts, 2 * _PROTECTED) == 0
        return float((mask * outside).mean()) > _UNSETTLED

    def _follow_bump(self, small: Small, changed: float) -> str:
        """Move the background after a bump of the camera; say so, or return "" if none was."""
        background = self._known()
        hidden = None if self._last_parts is None else grown(self._last_parts, _PROTECTED) == 1
        shift = shift_between(background.level, small, hidden)
        if not is_shift(shift):
            return ""
        moved = background.moved(round(shift[0]), round(shift[1]), small)
        if moved.difference(small)[2] > 0.7 * changed:
            return ""  # whatever it was, this does not explain it
        self.background = moved
        right, down = (round(way * background.factor) for way in shift[:2])
        return self._told(f"camera bumped: the picture moved {right:+d}, {down:+d} px")

    def _recover(self, small: Small, changed: float) -> str:
        """Go on after most of the picture changed; say what it was."""
        bump = self._follow_bump(small, changed)
        if bump:
            return bump
        background = self._known()
        before, after = float(background.level.mean()), float(small.mean())
        hidden = np.zeros(small.shape, np.uint8)
        if self._last_parts is not None:
            hidden = grown(self._last_parts, _PROTECTED)
        background.relight(small, hidden)
        background.sign = "both"  # in another light another side of the mouse may show
        background.contrast = 0.0
        return self._told(f"light changed: mean grey {before:.0f} to {after:.0f}")

    def _told(self, event: str) -> str:
        """Return an event, or "" soon after another."""
        told = self._count >= self._quiet_until
        self._quiet_until = self._count + _QUIET
        return event if told else ""

    def _absorb_ghosts(self, small: Small, found: Blobs) -> bool:
        """Correct the background where a mouse was when it was learned and is no longer."""
        background = self._known()
        ghosts = False
        if not len(found):
            return ghosts
        now, then = gradient(small), gradient(background.level)
        for number in found.numbers:
            part = found.labels == number
            if is_ghost(part, now, then):
                gone = grown(part.astype(np.uint8), 2) == 1
                background.level[gone] = small[gone]
                ghosts = True
        return ghosts
