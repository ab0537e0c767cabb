"""All frames as arrays and as a pandas table: what they hold besides their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError, UnknownNameError
from mousepose.types import Floats, Ints

#: Frames without a number, a behaviour or a clip have this one.
NONE = -1
_NO_CLIPS = (
    "no feature tells the clips: name it (features={'clip': NAME}), or say that so many records in "
    "a row are a clip (records_per_clip=12)"
)


@dataclass(frozen=True, eq=False)
class FrameTable:
    """N frames: `record` (N,), `xy` (N, K, 2) px with NaN = not labelled, `size` (N, 2) px.

    `behaviour` (N,) and `clip` (N,) count into their names, -1 = not told; `frame` (N,) is the
    number in the clip, -1 = not told; `box` (N, 4) px, NaN = none.
    """

    record: Ints
    keypoint_names: tuple[str, ...]
    xy: NDArray[np.float32]
    size: NDArray[np.int32]
    behaviour: NDArray[np.int32]
    behaviour_names: tuple[str, ...]
    clip: NDArray[np.int32]
    clip_names: tuple[str, ...]
    frame: Ints
    box: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.record)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which keypoints (N, K) are labelled."""
        return np.isfinite(self.xy[..., 0])

    def behaviour_of_clip(self) -> NDArray[np.int32]:
        """Return the most frequent behaviour of each clip, -1 where none is told."""
        out = np.full(len(self.clip_names), NONE, np.int32)
        for clip in range(len(out)):
            told = self.behaviour[(self.clip == clip) & (self.behaviour != NONE)]
            if len(told):
                out[clip] = np.bincount(told).argmax()
        return out

    def rows_of_clip(self, name: str) -> Ints:
        """Return the records of a clip, by their frame's number where that is told.

        Raises `InputError` where no clips are told, `UnknownNameError` on an unknown one.
        """
        if not self.clip_names:
            raise InputError(_NO_CLIPS)
        if name not in self.clip_names:
            raise UnknownNameError.of("clip", name, self.clip_names[:20])
        rows = np.flatnonzero(self.clip == self.clip_names.index(name))
        return self.record[rows[np.argsort(self.frame[rows], kind="stable")]]

    def to_dataframe(self) -> Any:
        """Return a pandas table of the frames, without their points: a row for each record."""
        import pandas as pd

        def named(codes: NDArray[np.int32], names: Sequence[str]) -> Any:
            return pd.Categorical.from_codes(codes, categories=pd.Index(list(names)))

        return pd.DataFrame({
            "behaviour": named(self.behaviour, self.behaviour_names),
            "clip": named(self.clip, self.clip_names),
            "frame": self.frame,
            "width": self.size[:, 0],
            "height": self.size[:, 1],
            "keypoints": self.visible.sum(axis=1),
        }, index=pd.Index(self.record, name="record"))  # fmt: skip


class TableBuilder:
    """Takes frames one by one into arrays that are as large as `count` frames need."""

    def __init__(
        self, count: int, keypoint_names: tuple[str, ...], records_per_clip: int | None
    ) -> None:
        self._names, self._rows = keypoint_names, 0
        self._record = np.zeros(count, np.int64)
        self._frame = np.full(count, NONE, np.int64)
        self._xy = np.full((count, len(keypoint_names), 2), np.nan, np.float32)
        self._size = np.zeros((count, 2), np.int32)
        self._box = np.full((count, 4), np.nan, np.float32)
        self._codes = np.full((count, 2), NONE, np.int32)
        self._texts: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._per_clip = records_per_clip

    def add(
        self,
        record: int,
        xy: Floats,
        size: tuple[int, int],
        told: tuple[str | None, str | None, int | None],
        box: Floats | None,
    ) -> None:
        """Add a frame; `told` is its behaviour, its clip and its number in the clip."""
        row = self._rows
        behaviour, clip, frame = told
        self._record[row], self._xy[row], self._size[row] = record, xy, size
        for column, text in enumerate((behaviour, clip)):
            if text is not None:
                known = self._texts[column]
                self._codes[row, column] = known.setdefault(text, len(known))
        if frame is not None:
            self._frame[row] = frame
        elif self._per_clip:
            self._frame[row] = record % self._per_clip
        if box is not None:
            self._box[row] = box
        self._rows += 1

    def build(self) -> FrameTable:
        """Return the table of the frames that were added."""
        rows = slice(self._rows)
        return FrameTable(
            record=self._record[rows],
            keypoint_names=self._names,
            xy=self._xy[rows],
            size=self._size[rows],
            behaviour=self._codes[rows, 0],
            behaviour_names=tuple(self._texts[0]),
            clip=self._codes[rows, 1],
            clip_names=tuple(self._texts[1]),
            frame=self._frame[rows],
            box=self._box[rows],
        )


def no_clips() -> InputError:
    """Return the error for what needs clips where none are told."""
    return InputError(_NO_CLIPS)
