"""A detector made of the keypoint network: it searches the frame once, then follows its own points.

In each next frame the network looks where the mouse was, and its keypoints tell where it is now.
Frames are looked at some at a time, all where the mouse was last: of a mouse that stands still all
count, of one that runs those until it leaves the box, and the next ones are looked at anew. A mouse
that is lost is sought in the whole frame again, now and then until it is back; and now and then the
whole frame is searched although no mouse is lost, lest something else was taken for one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from mousepose.detect.background import factor_of, shrink
from mousepose.detect.blobs import overlap
from mousepose.detect.network import BATCH, KeypointModel
from mousepose.detect.search import (
    Sights,
    apart,
    looked_at,
    overlap_of_pairs,
    promise_of,
    refined,
    search,
)
from mousepose.detect.types import Detections
from mousepose.errors import InputError
from mousepose.types import Bytes, Floats

#: A box that shares less than this with the one that was looked at has to be looked at anew.
_STAYED = 0.6
#: A mouse whose score falls below this share of its usual one is lost.
_LOST = 0.5
#: Without a usual score, nothing below this is a mouse. With the network that ships, mice of real
#: videos scored 0.55 to 0.71, empty frames at most 0.33.
_LEAST_SCORE = 0.42
#: Frames from one search in vain to the next.
_PAUSE = 16
#: Frames from one search to the next while no mouse is lost, and by how much a new place must be
#: better than one that is followed.
_CHECK, _BETTER = 300, 1.3
#: What is much worse than usual, by this share, does not change what is usual.
_USUAL = 0.8
#: How fast the usual score and size follow, and how much larger or smaller a mouse may get.
_FOLLOW = 0.05
_SIZES = (0.6, 1.6)
#: Where a mouse is sought that left its box: shifts in lengths of it.
_NEAR = np.stack(np.meshgrid([-0.6, 0.0, 0.6], [-0.6, 0.0, 0.6]), axis=-1)
_NEAR_KEPT = 3
#: Places that are compared in each of the frames that are learned from.
_CANDIDATES = 6
#: What never changes counts so much; all of it where this share of a box changed by so many noises.
_UNCHANGED, _CHANGED, _NOISES = 0.6, 0.1, 5.0


@dataclass(frozen=True, eq=False)
class _Scene:
    """What does not change in a video: its median, and the noise of it, in small pixels."""

    level: Floats
    noise: float
    factor: int

    def changed(self, image: Bytes, boxes: Floats) -> Floats:
        """Return the share (N,) of each box in which a frame differs from the median."""
        moved = np.abs(shrink(image, self.factor) - self.level) > _NOISES * self.noise
        corners = np.rint(boxes / self.factor).astype(np.int64)
        low = np.clip(corners[:, :2], 0, np.array(moved.shape)[::-1] - 1)
        high = np.maximum(corners[:, 2:], low + 1)
        return np.array([moved[y : b, x : r].mean() for (x, y), (r, b) in
                         zip(low.tolist(), high.tolist(), strict=True)])  # fmt: skip


class KeypointDetector:
    """A `Detector` of `mice` by a keypoint network: `KeypointDetector(KeypointModel(path))`.

    `view` declares how the camera sees them. It is given the frames of one camera in their order;
    `learn` first shows it some of the whole video. Raises `InputError` for no mice.
    """

    def __init__(self, model: KeypointModel, mice: int = 1, view: str | None = None) -> None:
        if mice < 1:
            raise InputError(f"mice: expected 1 or more, got {mice}")
        self._model, self._mice, self._view = model, mice, view
        self.found = 0.0  #: the share of the frames learned from in which all mice were found
        self._scene: _Scene | None = None
        self._boxes = np.zeros((0, 4))  #: where the mice were in the last frame
        self._score = 0.0  #: the usual one, 0 before it is known
        self._length = 0.0  #: the usual longer side of a box, px
        self._rest = 0  #: frames until the next search for a mouse that is lost
        self._check = _CHECK  #: frames until the next search although none is
        self._chunk = 2  #: frames that are looked at together

    def learn(self, images: Bytes) -> float:
        """Learn from frames (B, H, W) of the whole video how large mice are and what stands still.

        Returns the share of the frames in which all mice were found. What changes between the
        frames is rather a mouse than what never does.
        """
        factor = factor_of(images.shape[1:])
        small = np.stack([shrink(image, factor) for image in images]).astype(np.float64)
        level = np.median(small, axis=0)
        self._scene = _Scene(level, max(float(np.median(np.abs(small - level))), 0.5), factor)
        found = [self._sought(image) for image in images]
        scores = np.array([one.scores[0] if len(one.scores) else 0.0 for one in found])
        good = scores >= max(_LEAST_SCORE, _LOST * float(np.median(scores)))
        if good.any():
            longer = [_longer(one.boxes[:1])[0] for one, fine in zip(found, good, strict=True)
                      if fine]  # fmt: skip
            self._score, self._length = float(np.median(scores[good])), float(np.median(longer))
        counts = np.array([int((one.scores >= self._least()).sum()) for one in found])
        self.found = float((counts >= self._mice).mean())
        return self.found

    def detect(self, images: Bytes) -> list[Detections]:
        """Return the mice in each of grey frames (B, H, W), which follow those given before."""
        found: list[Detections] = []
        while len(found) < len(images):
            if self._rest == 0 if len(self._boxes) < self._mice else self._check == 0:
                found.append(self._searched(images[len(found)]))
                self._rest, self._check = _PAUSE, _CHECK
            elif len(self._boxes):
                found += self._followed(images[len(found) : len(found) + self._chunk])
            else:
                found.append(Detections.none())
                self._rest = max(self._rest - 1, 0)
        return found

    def save(self) -> bytes:
        """Return all that is remembered, for `restore`; an npz of plain arrays."""
        file = io.BytesIO()
        scene = self._scene or _Scene(np.zeros((0, 0)), 0.0, 1)
        np.savez_compressed(
            file, level=scene.level, boxes=self._boxes,
            numbers=np.array([scene.noise, scene.factor, self._score, self._length, self._rest,
                              self._check, self._chunk]),
        )  # fmt: skip
        return file.getvalue()

    @staticmethod
    def is_saved(saved: bytes) -> bool:
        """Tell whether `saved` is what a detector of this kind remembers."""
        with np.load(io.BytesIO(saved), allow_pickle=False) as file:
            return set(file.files) == {"level", "boxes", "numbers"}

    def restore(self, saved: bytes) -> None:
        """Go on as the detector that was saved."""
        with np.load(io.BytesIO(saved), allow_pickle=False) as file:
            noise, factor, self._score, self._length, *counts = file["numbers"].tolist()
            self._boxes, level = file["boxes"], file["level"]
        self._rest, self._check, self._chunk = map(int, counts)
        self._scene = _Scene(level, noise, int(factor)) if level.size else None

    def _sought(self, image: Bytes) -> Sights:
        """Return the best places of a frame, what stands still counting less."""
        sizes = None
        if self._length > 0:
            sizes = (_SIZES[0] * self._length, _SIZES[1] * self._length)
        seen = search(self._model, image, mice=self._mice + _CANDIDATES, view=self._view,
                      body_px=sizes)  # fmt: skip
        if self._scene is not None and len(seen.scores):
            share = np.minimum(self._scene.changed(image, seen.boxes) / _CHANGED, 1.0)
            weight = _UNCHANGED + (1 - _UNCHANGED) * share
            seen = Sights(seen.boxes, seen.scores * weight, seen.points)
        return apart(seen, self._mice)

    def _searched(self, image: Bytes) -> Detections:
        """Seek mice in a whole frame, and keep those that are followed already."""
        seen = self._sought(image)
        if len(self._boxes):
            known = self._looked(image[None])
            known.scores[:] *= _BETTER
            seen = apart(_joined(known, seen), self._mice)
        good = seen.scores >= self._least()
        boxes, scores = seen.boxes[good], seen.scores[good]
        self._get_used(scores, boxes)
        self._boxes, self._chunk = self._steady(boxes), 2
        return self._told(boxes, scores)

    def _sought_near(self, image: Bytes, box: Floats) -> Sights:
        """Return the best place of a frame near a box (4,)."""
        shift = _NEAR.reshape(-1, 2) * float(_longer(box[None])[0])
        places = box + np.tile(shift, (1, 2))
        return refined(self._model, image, places, view=self._view, keep=_NEAR_KEPT)

    def _looked(self, images: Bytes) -> Sights:
        """Return what is seen in each frame where each mouse was, frame after frame."""
        which = np.repeat(np.arange(len(images)), len(self._boxes))
        places = np.tile(self._boxes, (len(images), 1))
        return looked_at(self._model, images, places, which, self._view)

    def _followed(self, images: Bytes) -> list[Detections]:
        """Return what was found in the first of the frames, those until a mouse left its box."""
        mice = len(self._boxes)
        seen = self._looked(images)
        boxes = seen.boxes.reshape(len(images), mice, 4)
        places = np.tile(self._boxes, (len(images), 1))
        scores = promise_of(seen, places).reshape(len(images), mice)  # it may have moved
        stayed = overlap_of_pairs(places, seen.boxes)
        calm = (stayed.reshape(len(images), mice) >= _STAYED) & (scores >= self._least())
        stop = int(np.argmin(calm.all(1))) if not calm.all() else len(images)
        told = [self._told(boxes[n], scores[n]) for n in range(stop)]
        self._chunk = min(2 * self._chunk, BATCH) if stop == len(images) else max(1, stop)
        if stop:
            self._boxes = self._steady(boxes[stop - 1])
            self._get_used(scores[stop - 1], boxes[stop - 1])
        if stop < len(images):
            told.append(self._again(images[stop], boxes[stop]))
        self._rest = max(self._rest - len(told), 0)
        self._check = max(self._check - len(told), 0)
        return told

    def _again(self, image: Bytes, boxes: Floats) -> Detections:
        """Look at a frame again, at what was found in it and about it; let lost mice go.

        `boxes` are those that were found in this frame from where the mice were before.
        """
        self._boxes = self._steady(boxes)
        seen = self._looked(image[None])
        lost = seen.scores < self._least()
        if lost.any():
            near = [self._sought_near(image, box) for box in self._boxes[lost]]
            for name in ("boxes", "scores", "points"):
                getattr(seen, name)[lost] = np.concatenate([getattr(one, name) for one in near])
        boxes = seen.boxes
        kept = seen.scores >= self._least()
        for row in range(len(kept)):  # two that follow one mouse: one of them is lost
            others = np.flatnonzero(kept[:row])
            if len(others) and overlap(boxes[row : row + 1], boxes[others]).max() > _STAYED:
                kept[row] = False
        self._boxes = self._steady(boxes[kept])
        return self._told(boxes[kept], seen.scores[kept])

    def _least(self) -> float:
        return _LOST * self._score if self._score > 0 else _LEAST_SCORE

    def _get_used(self, scores: Floats, boxes: Floats) -> None:
        """Let the usual score and size follow what was found."""
        usual = scores >= _USUAL * self._score
        scores, boxes = scores[usual], boxes[usual]
        if not len(scores):
            return
        score, length = float(scores.mean()), float(_longer(boxes).mean())
        share = _FOLLOW if self._score > 0 else 1.0
        self._score += share * (score - self._score)
        self._length += share * (length - self._length)

    def _steady(self, boxes: Floats) -> Floats:
        """Return boxes of which none is much larger or smaller than usual."""
        longer = np.maximum(_longer(boxes), 1e-6)
        least, most = (size * self._length for size in _SIZES)
        factor = np.clip(longer, least, most) / longer
        middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
        half = half * factor[:, None]
        return np.concatenate([middle - half, middle + half], axis=1)

    def _told(self, boxes: Floats, scores: Floats) -> Detections:
        """Return detections whose scores are as far from the least as from the usual one.

        The usual score gives 0.75, the least 0.375.
        """
        order = np.argsort(-scores, kind="stable")
        shown = np.clip(0.75 * scores / max(self._score, 1e-9), 0.0, 1.0)
        return Detections(boxes[order], shown[order])


def _joined(*parts: Sights) -> Sights:
    names = ("boxes", "scores", "points")
    return Sights(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _longer(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(1))
