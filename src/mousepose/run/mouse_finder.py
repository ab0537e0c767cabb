"""How mice are found in the frames of a film: chosen once, from frames spread over all of it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mousepose.detect.background import Background, learn_background
from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.keypoint_detector import KeypointDetector
from mousepose.detect.network import KeypointModel
from mousepose.detect.network_detector import NetworkDetector
from mousepose.detect.shipped import shipped_model
from mousepose.detect.track import LEAST_SCORE
from mousepose.errors import InputError
from mousepose.types import Bytes, Ints, Progress
from mousepose.video import FrameState, Video

#: How mice are found: by what differs from the empty cage, by a network in each frame by itself, by
#: the keypoint network alone, or ("auto") by the background where it finds them in this share of
#: the frames looked at, else by the network, if there is one, else by the keypoint network.
Method = Literal["auto", "background", "network", "keypoints"]
_LEAST_FOUND = 0.6

#: Frames that the background is learned from, spread over the video, and the keypoint detector.
_LEARNED, _SEARCHED = 60, 8

Finder = BackgroundDetector | NetworkDetector | KeypointDetector


@dataclass(frozen=True)
class Search:
    """What is sought: `animals` mice, by a `method`, perhaps with a network, `detector`.

    None comes with the package. `model` is the keypoint network, the shipped one where there is
    none, `view` how the camera sees mice. `threads` of the processor are the network's, 0 for all.
    """

    animals: int = 1
    method: Method = "auto"
    detector: Path | None = None
    threads: int = 0
    model: Path | None = None
    view: str | None = None

    def check(self) -> None:
        """Raise `InputError` for a method without what it needs."""
        if self.method == "network" and self.detector is None:
            raise InputError(
                "--method network needs --detector FILE: a network that finds mice, as mousepose "
                "train --kind detector makes it"
            )


def chosen_finder(search: Search, video: Video, progress: Progress) -> Finder:
    """Return what finds the mice of a video, ready for its first frame.

    Raises `InputError` where none of the frames that are looked at can be decoded.
    """
    if search.method == "network" and search.detector is not None:
        return _network(search.detector, search)
    frames = []
    for frame in video.at(spread_frames(video, _LEARNED).tolist()):
        if frame.state < FrameState.DAMAGED:
            frames.append(frame.image)
        progress("learning the background", frame.number, len(video))
    if not frames:
        raise InputError(f"{video.path}: none of the frames looked at can be decoded")
    images = np.stack(frames)
    if search.method == "keypoints":
        return _learned(search, images)
    background = learn_background(images)
    unsuited = search.method == "auto" and not _suits(background, images, search.animals)
    if unsuited and search.detector is not None:
        return _network(search.detector, search)
    if unsuited and search.model is not None:  # what finds them worse than the background is none
        finder = _learned(search, images)
        if finder.found >= _LEAST_FOUND:
            return finder
    return BackgroundDetector(background, search.animals)


def remembered(finder: Finder) -> bytes:
    """Return what a finder knows after the frames it was given, for `restored_finder`."""
    return b"" if isinstance(finder, NetworkDetector) else finder.save()


def restored_finder(search: Search, memory: bytes) -> Finder:
    """Return a finder as it was: a background remembers what it has become, a network nothing."""
    if memory and KeypointDetector.is_saved(memory):
        finder = _keypoints(search)
        finder.restore(memory)
        return finder
    if memory or search.detector is None:
        return BackgroundDetector.restored(memory)
    return _network(search.detector, search)


def spread_frames(video: Video, count: int) -> Ints:
    """Return the numbers of up to `count` frames spread evenly over a video.

    Key frames that lie nearer than half the way to the next one stand in: in a long video they need
    a sixtieth of the decoding.
    """
    even = np.linspace(0, len(video) - 1, min(count, len(video)))
    numbers = even.round().astype(np.int64)
    keys = np.asarray(video.index.keys, np.int64)
    if len(numbers) > 1 and len(keys):
        after = np.searchsorted(keys, numbers).clip(0, len(keys) - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(keys[before] - numbers) <= np.abs(keys[after] - numbers)
        nearest = np.where(nearer, keys[before], keys[after])
        close = np.abs(nearest - numbers) <= 0.5 * (even[1] - even[0])
        numbers = np.where(close, nearest, numbers)
    return np.unique(numbers)


def _network(detector: Path, search: Search) -> NetworkDetector:
    return NetworkDetector(detector, mice=search.animals, threads=search.threads)


def _keypoints(search: Search) -> KeypointDetector:
    model = KeypointModel(search.model or shipped_model(), threads=search.threads)
    return KeypointDetector(model, search.animals, search.view)


def _learned(search: Search, images: Bytes) -> KeypointDetector:
    """Return a keypoint detector that has seen some of the frames that are spread over a video."""
    finder = _keypoints(search)
    chosen = np.unique(np.linspace(0, len(images) - 1, _SEARCHED).round().astype(int))
    finder.learn(images[chosen])
    return finder


def _suits(background: Background, images: Bytes, animals: int) -> bool:
    """Tell whether the mice of most frames stand out from the background, and nothing else does."""
    found = BackgroundDetector(deepcopy(background), animals).detect(images)
    counts = np.array([int((one.scores >= LEAST_SCORE).sum()) for one in found])
    return float((counts == animals).mean()) >= _LEAST_FOUND
