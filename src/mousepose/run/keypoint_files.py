"""2D keypoints of one animal, one file for each camera, in chunks with context on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mousepose.errors import InputError
from mousepose.io import animals_in, iterate_keypoints
from mousepose.io.keypoints.registry import joined, open_tracks
from mousepose.io.keypoints.rows import Track
from mousepose.types import Keypoints2D


@dataclass(frozen=True)
class KeypointFiles:
    """Where the keypoints are: one path a camera, `fps` where the files hold no times, `animal`."""

    paths: tuple[Path, ...]
    fps: float | None = None
    animal: str | None = None

    def chunks(self, frames: int) -> Iterator[Keypoints2D]:
        """Yield chunks of `frames` frames of all cameras together.

        Raises `InputError` where the files do not hold the same frames.
        """
        first, *others = (self._of(path, frames) for path in self.paths)
        if not others:
            yield from first
            return
        last = object()
        for chunk in first:
            views = [chunk]
            for path, other in zip(self.paths[1:], others, strict=True):
                view = next(other, last)
                if not isinstance(view, Keypoints2D) or not _same_frames(chunk, view):
                    raise InputError(
                        f"{path} does not hold the same frames as {self.paths[0]} from frame "
                        f"{chunk.frame_numbers[0]} on: cameras need one row for each frame in step"
                    )
                views.append(view)
            yield _beside(views)
        for path, other in zip(self.paths[1:], others, strict=True):
            if next(other, last) is not last:
                raise InputError(f"{path} holds more frames than {self.paths[0]}")

    def tracks(self) -> list[Track]:
        """Return the header of each file, its rows unread.

        Raises `InputError` on a missing `fps` or `animal` and where the cameras' keypoints differ.
        """
        found = [open_tracks(path).track(self.animal) for path in self.paths]
        for track, path in zip(found, self.paths, strict=True):
            self._of(path, 1)  # raises where the frame rate is missing
            _refuse_other_keypoints(found[0].keypoint_names, track.keypoint_names)
        return found

    def animals(self) -> tuple[str, ...]:
        """Return the names of the animals. Raises `InputError` where the files differ in them."""
        names = animals_in(self.paths[0])
        for path in self.paths[1:]:
            others = animals_in(path)
            if sorted(others) != sorted(names) and max(len(others), len(names)) > 1:
                raise InputError(
                    f"{path} holds the animals {', '.join(others)}, {self.paths[0]} holds "
                    f"{', '.join(names)}: an animal needs one name in all files"
                )
        return names

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file's content."""
        return [digest_of(path) for path in self.paths]

    def _of(self, path: Path, frames: int) -> Iterator[Keypoints2D]:
        return iterate_keypoints(path, frames, fps=self.fps, animal=self.animal)


def with_context(
    chunks: Iterator[Keypoints2D], context: int
) -> Iterator[tuple[Keypoints2D, int, int]]:
    """Yield each chunk with up to `context` frames of its neighbours, and where it lies in that."""
    before: Keypoints2D | None = None
    current = next(chunks, None)
    while current is not None:
        after = next(chunks, None)
        pieces = [current]
        if before is not None and context:
            pieces.insert(0, cut(before, max(len(before) - context, 0), len(before)))
        if after is not None and context:
            pieces.append(cut(after, 0, context))
        start = 0 if pieces[0] is current else len(pieces[0])
        yield joined(pieces), start, start + len(current)
        before, current = current, after


def cut(keypoints: Keypoints2D, start: int, stop: int) -> Keypoints2D:
    """Return frames start to stop (exclusive, by place) of keypoints."""
    part = slice(start, stop)
    covariance = keypoints.covariance
    return replace(
        keypoints,
        xy=keypoints.xy[part],
        confidence=keypoints.confidence[part],
        times=keypoints.times[part],
        frame_numbers=keypoints.frame_numbers[part],
        covariance=None if covariance is None else covariance[part],
    )


def _same_frames(one: Keypoints2D, other: Keypoints2D) -> bool:
    return np.array_equal(one.frame_numbers, other.frame_numbers)


def _refuse_other_keypoints(names: Sequence[str], others: Sequence[str]) -> None:
    if sorted(names) != sorted(others):
        strange = sorted(set(names) ^ set(others))
        raise InputError(f"the cameras' files differ in the keypoints {strange}")


def _beside(views: Sequence[Keypoints2D]) -> Keypoints2D:
    """Return the views of several cameras as one, in the order of the first one's keypoints."""
    first = views[0]
    xy, confidence, covariance = [], [], []
    for view in views:
        _refuse_other_keypoints(first.keypoint_names, view.keypoint_names)
        order = [view.keypoint_names.index(name) for name in first.keypoint_names]
        xy.append(view.xy[:, :, order])
        confidence.append(view.confidence[:, :, order])
        if view.covariance is not None:
            covariance.append(view.covariance[:, :, order])
    if covariance and len(covariance) < len(views):
        raise InputError(
            f"{len(covariance)} of {len(views)} cameras' files hold variances of their points: "
            "give files that all hold them, or none"
        )
    return replace(
        first,
        xy=np.concatenate(xy, axis=1),
        confidence=np.concatenate(confidence, axis=1),
        covariance=np.concatenate(covariance, axis=1) if covariance else None,
    )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
